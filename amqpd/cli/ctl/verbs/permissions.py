"""What users may do."""

from __future__ import annotations

from typing import Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, Request, Rows, Verb
from amqpd.cli.ctl.verbs.errors import require_both, require_vhost, told, user_of

GROUP: Final = "Access Control"
PATTERNS: Final = ("configure", "write", "read")
TOPIC_PATTERNS: Final = ("write", "read")
HEADERS: Final = "[--no-table-headers] "
TIMEOUT: Final = " [--timeout <timeout>]"


def set_permissions(request: Request) -> Answer:
    user, *patterns = request.arguments
    require_both(request, user)
    with told():
        request.client.put("permissions", request.vhost, user, body=dict(zip(PATTERNS, patterns, strict=True)))
    return None


def clear_permissions(request: Request) -> Answer:
    (user,) = request.arguments
    require_both(request, user)
    _delete(request, "permissions", request.vhost, user)
    return None


def list_permissions(request: Request) -> Answer:
    require_vhost(request)
    return Rows(("user", *PATTERNS), request.client.get("vhosts", request.vhost, "permissions"))


def list_user_permissions(request: Request) -> Answer:
    (user,) = request.arguments
    user_of(request, user, UNAVAILABLE)
    found = sorted(request.client.get("users", user, "permissions"), key=lambda each: str(each["vhost"]))
    return Rows(("vhost", *PATTERNS), found)


def set_topic_permissions(request: Request) -> Answer:
    user, exchange, *patterns = request.arguments
    require_both(request, user)
    body = {"exchange": exchange, **dict(zip(TOPIC_PATTERNS, patterns, strict=True))}
    with told():
        request.client.put("topic-permissions", request.vhost, user, body=body)
    return None


def clear_topic_permissions(request: Request) -> Answer:
    user, *exchange = request.arguments
    require_both(request, user)
    _delete(request, "topic-permissions", request.vhost, user, *exchange)
    return None


def list_topic_permissions(request: Request) -> Answer:
    require_vhost(request)
    found = request.client.get("vhosts", request.vhost, "topic-permissions")
    return Rows(("user", "exchange", *TOPIC_PATTERNS), found)


def list_user_topic_permissions(request: Request) -> Answer:
    (user,) = request.arguments
    user_of(request, user, UNAVAILABLE)
    found = request.client.get("users", user, "topic-permissions")
    return Rows(("vhost", "exchange", *TOPIC_PATTERNS), found, headed=False)


def _delete(request: Request, *path: str) -> None:
    """What isn't there is fine."""
    try:
        request.client.delete(*path)
    except Refused as error:
        if error.status != 404:
            raise


def _on(exchange: list[str]) -> str:
    return f' on "{exchange[0]}"' if exchange else ""


VERBS: Final = (
    Verb(
        "set_permissions",
        "[--vhost <vhost>] <username> <conf> <write> <read>",
        "Set what a user may configure, write and read in a virtual host: three regular expressions",
        GROUP,
        set_permissions,
        lambda request: f'Setting permissions for user "{request.arguments[0]}" in vhost "{request.vhost}" ...',
        4,
        4,
    ),
    Verb(
        "clear_permissions",
        "[--vhost <vhost>] <username>",
        "Let a user do nothing in a virtual host",
        GROUP,
        clear_permissions,
        lambda request: f'Clearing permissions for user "{request.arguments[0]}" in vhost "{request.vhost}" ...',
        1,
        1,
    ),
    Verb(
        "list_permissions",
        f"[--vhost <vhost>] [--no-table-headers]{TIMEOUT}",
        "List who may do what in a virtual host",
        GROUP,
        list_permissions,
        lambda request: f'Listing permissions for vhost "{request.vhost}" ...',
    ),
    Verb(
        "list_user_permissions",
        f"{HEADERS}<username>{TIMEOUT}",
        "List what a user may do, by virtual host",
        GROUP,
        list_user_permissions,
        lambda request: f'Listing permissions for user "{request.arguments[0]}" ...',
        1,
        1,
    ),
    Verb(
        "set_topic_permissions",
        "[--vhost <vhost>] <username> <exchange> <write> <read>",
        "Set which routing keys of a topic exchange a user may use",
        GROUP,
        set_topic_permissions,
        lambda request: (
            f'Setting topic permissions on "{request.arguments[1]}" for user "{request.arguments[0]}" '
            f'in vhost "{request.vhost}" ...'
        ),
        4,
        4,
    ),
    Verb(
        "clear_topic_permissions",
        "[--vhost <vhost>] <username> [<exchange>]",
        "Let a user use all routing keys, of one exchange or of all",
        GROUP,
        clear_topic_permissions,
        lambda request: (
            f'Clearing topic permissions{_on(request.arguments[1:])} for user "{request.arguments[0]}" '
            f'in vhost "{request.vhost}" ...'
        ),
        1,
        2,
    ),
    Verb(
        "list_topic_permissions",
        f"[--vhost <vhost>] [--no-table-headers]{TIMEOUT}",
        "List topic permissions in a virtual host",
        GROUP,
        list_topic_permissions,
        lambda request: f'Listing topic permissions for vhost "{request.vhost}" ...',
    ),
    Verb(
        "list_user_topic_permissions",
        f"{HEADERS}<username>{TIMEOUT}",
        "List a user's topic permissions",
        GROUP,
        list_user_topic_permissions,
        lambda request: f'Listing topic permissions for user "{request.arguments[0]}" ...',
        1,
        1,
    ),
)
