"""Policies, operators' policies, parameters and global parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from amqpd.cli.ctl.output import Atom, compact
from amqpd.cli.ctl.verb import Answer, Option, Request, Rows, Verb
from amqpd.cli.ctl.verbs.errors import json_of, require_vhost, told

POLICIES: Final = "Policies"
PARAMETERS: Final = "Parameters"
OF_POLICIES: Final = ("vhost", "name", "pattern", "apply-to", "definition", "priority")
TIMEOUT: Final = " [--timeout <timeout>]"
LIST: Final = f"[--vhost <vhost>] [--no-table-headers]{TIMEOUT}"


def set_policy(path: str) -> Callable[[Request], Answer]:
    """The verb that sets a policy of one kind."""

    def run(request: Request) -> Answer:
        name, pattern, text = request.arguments
        require_vhost(request)
        body = {
            "pattern": pattern,
            "definition": json_of(text),
            "priority": request.options.get("priority", 0),
            "apply-to": request.options.get("apply_to", "all"),
        }
        with told():
            request.client.put(path, request.vhost, name, body=body)
        return None

    return run


def clear_policy(path: str) -> Callable[[Request], Answer]:
    """The verb that clears one."""

    def run(request: Request) -> Answer:
        with told():
            request.client.delete(path, request.vhost, request.arguments[0])
        return None

    return run


def list_policies(path: str) -> Callable[[Request], Answer]:
    """The verb that lists them."""

    def run(request: Request) -> Answer:
        require_vhost(request)
        found = request.client.get(path, request.vhost)
        rows = [
            {**each, "definition": compact(each["definition"]), "apply-to": Atom(each["apply-to"])} for each in found
        ]
        return Rows(OF_POLICIES, rows)

    return run


def set_parameter(request: Request) -> Answer:
    component, name, text = request.arguments
    value = json_of(text)
    with told("Virtual host does not exist"):
        request.client.put("parameters", component, request.vhost, name, body={"value": value})
    return None


def clear_parameter(request: Request) -> Answer:
    component, name = request.arguments
    with told():
        request.client.delete("parameters", component, request.vhost, name)
    return None


def list_parameters(request: Request) -> Answer:
    require_vhost(request)
    found = [each for each in request.client.get("parameters") if each["vhost"] == request.vhost]
    shown = [each for each in found if each["component"] not in ("policy", "operator_policy")]
    return Rows(("component", "name", "value"), [{**each, "value": compact(each["value"])} for each in shown])


def set_global_parameter(request: Request) -> Answer:
    name, text = request.arguments
    value = json_of(text)
    with told():
        request.client.put("global-parameters", name, body={"value": value})
    return None


def clear_global_parameter(request: Request) -> Answer:
    with told():
        request.client.delete("global-parameters", request.arguments[0])
    return None


def list_global_parameters(request: Request) -> Answer:
    found = request.client.get("global-parameters")
    return Rows(("name", "value"), [{**each, "value": compact(each["value"])} for each in found])


def _setting(what: str) -> Callable[[Request], str]:
    def banner(request: Request) -> str:
        (name, pattern, text), priority = request.arguments, request.options.get("priority", 0)
        return (
            f'Setting {what} "{name}" for pattern "{pattern}" to "{text}" with priority "{priority}" '
            f'for vhost "{request.vhost}" ...'
        )

    return banner


def _clearing(what: str) -> Callable[[Request], str]:
    return lambda request: f'Clearing {what} "{request.arguments[0]}" on vhost "{request.vhost}" ...'


def _of_kind(word: str, path: str, listed: str, set_as: str) -> tuple[Verb, ...]:
    """The three verbs of one kind of policies."""
    options: Any = (Option("--priority", int), Option("--apply-to"))
    what = word.replace("_", " ")
    usage = "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>"
    many = f"list_{word[:-1]}ies"
    return (
        Verb(f"set_{word}", usage, f"Set an {what}" if word[0] == "o" else f"Set a {what}", POLICIES,
             set_policy(path), _setting(set_as), 3, 3, options),
        Verb(f"clear_{word}", "[--vhost <vhost>] <name>", f"Clear one {what}", POLICIES, clear_policy(path),
             _clearing(what), 1, 1),
        Verb(many, LIST, f"List {what[:-1]}ies in a virtual host", POLICIES, list_policies(path),
             lambda request: f'Listing {listed} for vhost "{request.vhost}" ...'),
    )  # fmt: skip


VERBS: Final = (
    *_of_kind("policy", "policies", "policies", "policy"),
    *_of_kind("operator_policy", "operator-policies", "operator policy overrides", "operator policy override"),
    Verb(
        "set_parameter",
        "[--vhost <vhost>] <component_name> <name> <value>",
        "Set a parameter of a component to any JSON",
        PARAMETERS,
        set_parameter,
        lambda request: (
            f'Setting runtime parameter "{request.arguments[1]}" for component "{request.arguments[0]}" '
            f'to "{request.arguments[2]}" in vhost "{request.vhost}" ...'
        ),
        3,
        3,
    ),
    Verb(
        "clear_parameter",
        "[--vhost <vhost>] <component_name> <name>",
        "Clear a parameter of a component",
        PARAMETERS,
        clear_parameter,
        lambda request: (
            f'Clearing runtime parameter "{request.arguments[1]}" for component "{request.arguments[0]}" '
            f'on vhost "{request.vhost}" ...'
        ),
        2,
        2,
    ),
    Verb(
        "list_parameters",
        LIST,
        "List parameters in a virtual host",
        PARAMETERS,
        list_parameters,
        lambda request: f'Listing runtime parameters for vhost "{request.vhost}" ...',
    ),
    Verb(
        "set_global_parameter",
        "<name> <value>",
        "Set a global parameter to any JSON",
        PARAMETERS,
        set_global_parameter,
        lambda request: f'Setting global runtime parameter "{request.arguments[0]}" to "{request.arguments[1]}" ...',
        2,
        2,
    ),
    Verb(
        "clear_global_parameter",
        "<name>",
        "Clear a global parameter",
        PARAMETERS,
        clear_global_parameter,
        lambda request: f'Clearing global runtime parameter "{request.arguments[0]}" ...',
        1,
        1,
    ),
    Verb(
        "list_global_parameters",
        f"[--no-table-headers]{TIMEOUT}",
        "List global parameters",
        PARAMETERS,
        list_global_parameters,
        lambda _: "Listing global runtime parameters ...",
    ),
)
