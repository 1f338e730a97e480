"""rabbitmq-queues peek: one message of a quorum queue, by its place."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import Typed, erlang, typed
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, BadUse, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

PROPERTIES: Final = (
    "cluster_id", "app_id", "user_id", "type", "timestamp", "message_id", "expiration", "reply_to", "correlation_id",
    "priority", "delivery_mode", "content_encoding", "content_type",
)  # fmt: skip
"""In the order in which they are shown."""
PAYLOAD: Final = 64
"""Octets of it that are shown."""
NOTHING_THERE: Final = "Target queue does not have a message at that position"
ABSENT: Final = "Target queue was not found in virtual host '{}'"
POSITION: Final = '"position value must be a positive integer"'


def peek(request: Request) -> Answer:
    name, offset = request.arguments[0], _position(request) - 1
    path = ("queues", request.vhost, name)
    try:
        kind = request.client.get(*path)["type"]
    except Refused as error:
        if error.status != 404:
            raise
        raise _no(ABSENT.format(request.vhost)) from None
    if kind != "quorum":
        text = f"Cannot peek into a {kind}" + (" queue" if kind == "classic" else "")
        raise _no(text, f"Failed to perform the operation: {text}")
    found = request.client.get(*path, "peek", count=1, offset=offset, truncate=PAYLOAD)
    if not found:
        raise _no(NOTHING_THERE)
    shown = _shown(found[0])
    if request.formatter == "json":
        return Report("", {"message": {name: _plain(shown[name]) for name in sorted(shown)}, "result": "ok"})
    return Rows(("keys", "values"), [{"keys": key, "values": _cell(value)} for key, value in shown.items()])


def position_checked(request: Request) -> None:
    """Raises BadUse for a place that is none."""
    _position(request)


def _position(request: Request) -> int:
    """The number that the argument begins with. Raises BadUse."""
    found = re.match(r"[+-]?\d+", request.arguments[1])
    if found is None or int(found[0]) < 1:
        raise BadUse(POSITION)
    return int(found[0])


def _no(text: str, message: str = "") -> Stop:
    return Stop(UNAVAILABLE, ERROR.format(text), {"message": message or text, "result": "error"})


def _shown(message: Mapping[str, Any]) -> dict[str, Any]:
    """What there is of a message, in RabbitMQ's order."""
    properties = message["properties"] or {}
    headers = {"x-delivery-count": 0, **properties.get("headers", {})}
    payload = message["payload"]
    return {
        **{name: properties[name] for name in PROPERTIES if name in properties},
        "routing_keys": [message["routing_key"]],
        "exchange": message["exchange"],
        "payload (max 64 bytes)": base64.b64decode(payload) if message["payload_encoding"] == "base64" else payload,
        **{f"header.{name}": headers[name] for name in sorted(headers)},
    }


def _cell(value: Any) -> object:
    match value:
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return "".join(erlang(Typed([entry]))[1:-1] for entry in _entries(value))
    return value


def _plain(value: Any) -> object:
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case dict():
            return [*_entries(value)]
    return value


def _entries(table: dict[str, object]) -> Typed:
    entries = typed(table)
    assert isinstance(entries, Typed)
    return entries


VERBS: Final = (
    Verb("peek", "[--vhost <vhost>] <queue> <position> [--timeout <timeout>]",
         "Show the message at a place of a quorum queue", "Monitoring, observability and health checks", peek,
         lambda request: (
             f"Peeking at quorum queue {request.arguments[0]} at position {request.arguments[1]} "
             f"on node {request.node} ..."
         ), 2, 2, check=position_checked, formatter="pretty_table"),
)  # fmt: skip
