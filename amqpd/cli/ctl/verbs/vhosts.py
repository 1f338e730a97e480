"""Virtual hosts and their limits, and those of users."""

from __future__ import annotations

from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import Atom, compact
from amqpd.cli.ctl.verb import DATA, SOFTWARE, UNAVAILABLE, Answer, Option, Report, Request, Rows, Stop, Value, Verb
from amqpd.cli.ctl.verbs.columns import chosen, columns_checked
from amqpd.cli.ctl.verbs.errors import ERROR, exists, json_of, no_vhost, refusal, require_vhost, told, user_of

GROUP: Final = "Virtual hosts"
COLUMNS: Final = (
    "name",
    "tracing",
    "cluster_state",
    "description",
    "tags",
    "default_queue_type",
    "protected_from_deletion",
)
TIMEOUT: Final = " [--timeout <timeout>]"


def add_vhost(request: Request) -> Answer:
    name, options = request.arguments[0], request.options
    body: dict[str, object] = {}
    if "description" in options:
        body["description"] = options["description"]
    if "tags" in options:
        body["tags"] = options["tags"]
    if "default_queue_type" in options:
        body["default_queue_type"] = options["default_queue_type"]
    try:
        with told():
            request.client.put("vhosts", name, body=body)
    except Stop as stop:
        if "default queue type" in stop.text:
            raise Stop(UNAVAILABLE, ERROR.format("invalid_queue_type")) from None
        raise
    return None


def delete_vhost(request: Request) -> Answer:
    name = request.arguments[0]
    try:
        request.client.delete("vhosts", name)
    except Refused as error:
        if error.status == 404:
            raise no_vhost(name) from None
        raise Stop(UNAVAILABLE, ERROR.format(error.reason)) from None
    return None


def list_vhosts(request: Request) -> Answer:
    rows = []
    for each in request.client.get("vhosts"):
        default = Atom(each.get("default_queue_type", "undefined"))
        rows.append({**each, "tags": [*map(Atom, each.get("tags", []))], "default_queue_type": default})
    return Rows(chosen(request, ("name",)), rows)


def set_vhost_tags(request: Request) -> Answer:
    name, *tags = request.arguments
    if not exists(request.client, "vhosts", name):
        text = f'Virtual host "{name}" does not exist'
        raise refusal(request, DATA, text, f"{text}s")
    request.client.put("vhosts", name, body={"tags": tags})
    return None


def restart_vhost(request: Request) -> Answer:
    if not exists(request.client, "vhosts", request.vhost):
        reason = f'Reason: {{:no_such_vhost, "{request.vhost}"}}'
        text = f"Failed to start vhost '{request.vhost}' on node '{request.node}'{reason}"
        raise Stop(SOFTWARE, ERROR.format(text))
    text = f"Vhost '{request.vhost}' is already running on node '{request.node}'"
    return Report(text, {"message": text})


def trace(on: bool) -> Any:
    """The verb that switches the firehose on or off."""

    def switch(request: Request) -> Answer:
        if exists(request.client, "vhosts", request.vhost):
            request.client.put("vhosts", request.vhost, body={"tracing": on})
        text = f"Trace {'enabled' if on else 'disabled'} for vhost {request.vhost}"
        return Value(text, text)

    return switch


# -- limits ------------------------------------------------------------------------------------------------------------


def set_vhost_limits(request: Request) -> Answer:
    require_vhost(request)
    definition = json_of(request.arguments[0])
    with told():
        request.client.put("parameters", "vhost-limits", request.vhost, "limits", body={"value": definition})
    return None


def clear_vhost_limits(request: Request) -> Answer:
    with told():
        request.client.delete("parameters", "vhost-limits", request.vhost, "limits")
    return None


def list_vhost_limits(request: Request) -> Answer:
    if request.options.get("global"):
        found = request.client.get("vhost-limits")
        return Rows(("vhost", "limits"), [{"vhost": each["vhost"], "limits": compact(each["value"])} for each in found])
    require_vhost(request)
    found = request.client.get("vhost-limits", request.vhost)
    if not found:
        return Rows(("vhost", "limits"), [])
    text = compact(found[0]["value"])
    return Value(text, text)


def set_user_limits(request: Request) -> Answer:
    name, text = request.arguments
    limits = json_of(text)
    user = user_of(request, name, UNAVAILABLE)
    if isinstance(limits, dict):  # others stay, unlike those of a virtual host
        limits = {**user.get("limits", {}), **limits}
    body = {
        "password_hash": user["password_hash"],
        "hashing_algorithm": user["hashing_algorithm"],
        "tags": user["tags"],
        "limits": limits,
    }
    with told():
        request.client.put("users", name, body=body)
    return None


def clear_user_limits(request: Request) -> Answer:
    name, limit = request.arguments
    user = user_of(request, name, UNAVAILABLE)
    for each in user.get("limits", {}) if limit == "all" else [limit]:
        request.client.delete("user-limits", name, each)
    return None


def list_user_limits(request: Request) -> Answer:
    if request.options.get("global"):
        found = request.client.get("user-limits")
        return Rows(("user", "limits"), [{"user": each["user"], "limits": _shown(each["value"])} for each in found])
    user = user_of(request, _user(request), UNAVAILABLE)
    text = _shown(user.get("limits") or {})
    return Report(text, {"message": text})


def _shown(limits: dict[str, object]) -> str:
    """By their names, as Erlang orders them."""
    return compact(dict(sorted(limits.items())))


def _user(request: Request) -> str:
    return str(request.options.get("user", "guest"))


def _limit(request: Request) -> str:
    limit = request.arguments[1]
    return "all limits" if limit == "all" else f'"{limit}" limit'


VERBS: Final = (
    Verb(
        "add_vhost",
        '<vhost> [--description <description> --tags "<tag1>,<tag2>,<...>" --default-queue-type '
        "<quorum|classic|stream>]",
        "Create a virtual host",
        GROUP,
        add_vhost,
        lambda request: f'Adding vhost "{request.arguments[0]}" ...',
        1,
        1,
        (Option("--description"), Option("--tags"), Option("--default-queue-type")),
    ),
    Verb(
        "delete_vhost",
        "<vhost>",
        "Delete a virtual host with everything in it",
        GROUP,
        delete_vhost,
        lambda request: f'Deleting vhost "{request.arguments[0]}" ...',
        1,
        1,
    ),
    Verb(
        "list_vhosts",
        f"[--no-table-headers] [<column> ...]{TIMEOUT}",
        "List virtual hosts",
        "Access Control",
        list_vhosts,
        lambda _: "Listing vhosts ...",
        most=None,
        check=columns_checked(COLUMNS),
    ),
    Verb(
        "set_vhost_tags",
        "<vhost> <tag> [...]",
        "Give a virtual host these tags and no others",
        GROUP,
        set_vhost_tags,
        lambda request: (
            f'Setting tags for virtual host "{request.arguments[0]}" to [{", ".join(request.arguments[1:])}] ...'
        ),
        2,
        None,
    ),
    Verb(
        "restart_vhost",
        f"[--vhost <vhost>]{TIMEOUT}",
        "Start a virtual host that failed: none ever does",
        GROUP,
        restart_vhost,
        lambda request: f"Trying to restart vhost '{request.vhost}' on node '{request.node}' ...",
    ),
    Verb(
        "trace_on",
        "[--vhost <vhost>]",
        "Copy all messages of a virtual host to amq.rabbitmq.trace",
        GROUP,
        trace(True),
        lambda request: f'Starting tracing for vhost "{request.vhost}" ...',
        most=None,
    ),
    Verb(
        "trace_off",
        "[--vhost <vhost>]",
        "Copy no messages to amq.rabbitmq.trace any more",
        GROUP,
        trace(False),
        lambda request: f'Stopping tracing for vhost "{request.vhost}" ...',
        most=None,
    ),
    Verb(
        "set_vhost_limits",
        "[--vhost <vhost>] <definition>",
        'Limit a virtual host: {"max-connections": 100, "max-queues": 1000}',
        GROUP,
        set_vhost_limits,
        lambda request: f'Setting vhost limits to "{request.arguments[0]}" for vhost "{request.vhost}" ...',
        1,
        1,
    ),
    Verb(
        "clear_vhost_limits",
        "[--vhost <vhost>]",
        "Clear all limits of a virtual host",
        GROUP,
        clear_vhost_limits,
        lambda request: f'Clearing vhost "{request.vhost}" limits ...',
    ),
    Verb(
        "list_vhost_limits",
        "[--vhost <vhost>] [--global] [--no-table-headers]",
        "Show the limits of a virtual host, or of all",
        GROUP,
        list_vhost_limits,
        lambda request: (
            "Listing limits for all vhosts ..."
            if request.options.get("global")
            else f'Listing limits for vhost "{request.vhost}" ...'
        ),
        options=(Option("--global", bool),),
    ),
    Verb(
        "set_user_limits",
        "<username> <definition>",
        'Limit a user: {"max-connections": 10, "max-channels": 100}',
        "Users",
        set_user_limits,
        lambda request: f'Setting user limits to "{request.arguments[1]}" for user "{request.arguments[0]}" ...',
        2,
        2,
    ),
    Verb(
        "clear_user_limits",
        "<username> <limit_type> | all",
        "Clear one limit of a user, or all",
        "Users",
        clear_user_limits,
        lambda request: f'Clearing {_limit(request)} for user "{request.arguments[0]}" ...',
        2,
        2,
    ),
    Verb(
        "list_user_limits",
        "[--user <username>] [--global]",
        "Show the limits of a user, or of all",
        "Users",
        list_user_limits,
        lambda request: (
            "Listing limits for all users ..."
            if request.options.get("global")
            else f'Listing limits for user "{_user(request)}" ...'
        ),
        options=(Option("--user"), Option("--global", bool)),
    ),
)
