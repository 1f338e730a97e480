"""Queues and connections, one by one or all."""

from __future__ import annotations

import re
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.patience import pause
from amqpd.cli.ctl.verb import DATA, UNAVAILABLE, USAGE, Answer, BadUse, Option, Report, Request, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR, reason_of

QUEUES: Final = "Queues"
OPERATIONS: Final = "Operations"
PID: Final = re.compile(r"<[^<>]+(\.\d+){3}>")
"""One that closed before it was told to is closed all the same."""


def purge_queue(request: Request) -> Answer:
    try:
        request.client.delete("queues", request.vhost, request.arguments[0], "contents")
    except Refused as error:
        text = "not_found" if error.status == 404 else reason_of(error)
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    return None


def delete_queue(request: Request) -> Answer:
    name, options = request.arguments[0], request.options
    flags = {key: "true" for key in ("if_empty", "if_unused") if options.get(key)}
    try:
        queue = request.client.get("queues", request.vhost, name)
        request.client.ask("DELETE", ("queues", request.vhost, name), query=flags)
    except Refused as error:
        if error.status == 404:
            raise Stop(USAGE, ERROR.format("Queue not found")) from None
        reason = reason_of(error)
        known = {"in use": "Queue is in use", "not empty": "Queue is not empty"}
        text = next((text for word, text in known.items() if word in reason), reason)
        raise Stop(USAGE, ERROR.format(text)) from None
    text = f"Queue was successfully deleted with {queue.get('messages', 0)} ready messages"
    return Report(text, {"message": text})


def named(request: Request) -> None:
    """Raises BadUse for a queue without a name."""
    if not request.arguments[0]:
        raise BadUse("Bad argument: queue name cannot be an empty string", DATA)


def sync_queue(request: Request) -> Answer:
    """There are no mirrors: where a policy asks for them, what is there is in step."""
    queue = _mirrorable(request)
    if "ha-mode" not in (queue.get("effective_policy_definition") or {}):
        raise Stop(UNAVAILABLE, ERROR.format("not_mirrored"))
    return None


def cancel_sync_queue(request: Request) -> Answer:
    _mirrorable(request)
    return Value("not_syncing")


def _mirrorable(request: Request) -> Any:
    """The queue that is named. Raises Stop unless it is a classic one."""
    try:
        queue = request.client.get("queues", request.vhost, request.arguments[0])
    except Refused as error:
        if error.status != 404:
            raise
        raise Stop(UNAVAILABLE, ERROR.format("not_found")) from None
    if queue["type"] != "classic":
        raise Stop(UNAVAILABLE, ERROR.format(f"{queue['type']}_queue_not_supported"))
    return queue


def close_connection(request: Request) -> Answer:
    wanted, reason = request.arguments
    client = request.client
    names = client.get("control", "pids")["connections"] if client.is_local else {}
    name = next((name for name, pid in names.items() if pid == wanted), wanted)
    _close(request, name, reason, missing_is_fine=PID.fullmatch(wanted) is not None)
    return None


def close_all_connections(request: Request) -> Answer:
    (reason,) = request.arguments
    everywhere = bool(request.options.get("global"))
    found = [
        each for each in request.client.get("connections") if everywhere or each["vhost"] == request.vhost
    ]
    some = found[: request.options.get("limit") or None]
    for each in some:
        _close(request, each["name"], reason)
        if request.options.get("per_connection_delay"):
            pause(request.options["per_connection_delay"] / 1000)
    return Value(f"Closed {len(some)} connections")


def close_all_user_connections(request: Request) -> Answer:
    user, reason = request.arguments
    for each in request.client.get("connections"):
        if each["user"] == user:
            _close(request, each["name"], reason)
    return None


def _close(request: Request, name: str, reason: str, *, missing_is_fine: bool = True) -> Any:
    try:
        request.client.delete("connections", name, headers={"x-reason": _header(reason)})
    except Refused as error:
        if error.status != 404:
            raise
        if not missing_is_fine:
            raise Stop(UNAVAILABLE, ERROR.format(f"there is no connection '{name}'")) from None


def _header(text: str) -> str:
    """A text as a header takes it."""
    return text.encode("latin-1", "replace").decode("latin-1").replace("\r", " ").replace("\n", " ")


def _closing(request: Request) -> str:
    scope = f"in vhost {request.vhost}"
    if request.options.get("global"):
        scope = f"to node {request.node} (across all vhosts)"
    limit = 0 if request.options.get("global") else request.options.get("limit")
    return f"Closing {limit or 'all'} connections {scope}, reason: {request.arguments[0]}..."


def _how(request: Request) -> str:
    said = [text for key, text in (("if_empty", "is empty"), ("if_unused", "is unused")) if request.options.get(key)]
    return " " + " and ".join(f"if queue {each}" for each in said) if said else ""


VERBS: Final = (
    Verb(
        "purge_queue",
        "<queue> [--timeout <timeout>]",
        "Drop all ready messages of a queue",
        QUEUES,
        purge_queue,
        lambda request: f"Purging queue '{request.arguments[0]}' in vhost '{request.vhost}' ...",
        1,
        1,
    ),
    Verb(
        "delete_queue",
        "<queue_name> [--if-empty|-e] [--if-unused|-u] [--timeout <timeout>]",
        "Delete a queue",
        QUEUES,
        delete_queue,
        lambda request: f"Deleting queue '{request.arguments[0]}' on vhost '{request.vhost}'{_how(request)} ...",
        1,
        1,
        (Option("--if-empty", bool, "-e"), Option("--if-unused", bool, "-u")),
        check=named,
    ),
    Verb(
        "sync_queue",
        "[--vhost <vhost>] <queue>",
        "Synchronise a mirrored queue: there are no mirrors",
        "Replication",
        sync_queue,
        lambda request: f"Synchronising queue '{request.arguments[0]}' in vhost '{request.vhost}' ...",
        1,
        1,
    ),
    Verb(
        "cancel_sync_queue",
        "[--vhost <vhost>] <queue>",
        "Stop synchronising a mirrored queue: there are no mirrors",
        "Replication",
        cancel_sync_queue,
        lambda request: f"Stopping synchronising queue '{request.arguments[0]}' in vhost '{request.vhost}' ...",
        1,
        1,
    ),
    Verb(
        "close_connection",
        "<connection pid> <explanation>",
        "Close one connection, by its pid or its name",
        OPERATIONS,
        close_connection,
        lambda request: f"Closing connection {request.arguments[0]}, reason: {request.arguments[1]}...",
        2,
        2,
    ),
    Verb(
        "close_all_connections",
        "[--vhost <vhost> --limit <limit>] [-n <node> --global] [--per-connection-delay <delay>] <explanation>",
        "Close all connections, to a virtual host or to all",
        OPERATIONS,
        close_all_connections,
        _closing,
        1,
        1,
        (Option("--limit", int), Option("--global", bool), Option("--per-connection-delay", int)),
    ),
    Verb(
        "close_all_user_connections",
        "<username> <explanation>",
        "Close all connections of a user",
        OPERATIONS,
        close_all_user_connections,
        lambda request: f"Closing connections of user {request.arguments[0]}, reason: {request.arguments[1]}...",
        2,
        2,
    ),
)
