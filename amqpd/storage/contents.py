"""A message of the broker as the content of a batch, and back.

The header goes in as it was published: what a queue shows consumers beyond that is made anew. What the broker knows
beyond the content (deaths, hidden keys, failures) is JSON.
"""

from __future__ import annotations

import base64
import json

from amqpd.broker.dead_letter import Death
from amqpd.broker.message import Message, Trail
from amqpd.fields import Table
from amqpd.properties import Properties
from amqpd.storage.batch import Content


def content_of(message: Message) -> Content:
    """What is kept of a message."""
    trail = message.trail
    properties = message.properties
    if trail is not None and trail.published is not None:
        properties = trail.published
    return Content(
        message.exchange.encode("utf-8", "surrogateescape"),
        message.routing_key.encode("utf-8", "surrogateescape"),
        properties.raw,
        message.body,
        b"" if trail is None else _encoded(trail),
    )


def message_of(content: Content) -> Message:
    """The message again, without a place in a queue."""
    message = Message(
        content.exchange.decode("utf-8", "surrogateescape"),
        content.routing_key.decode("utf-8", "surrogateescape"),
        Properties.parse(content.header),
        content.body,
    )
    if content.trail:
        message.trail = _decoded(content.trail)
    return message


def _encoded(trail: Trail) -> bytes:
    plain = {
        "deaths": [_plain(death) for death in trail.deaths],
        "hidden_keys": trail.hidden_keys,
        "rekeyed": trail.rekeyed,
        "failures": trail.failures,
        "returns": trail.returns,
    }
    return json.dumps(plain, separators=(",", ":")).encode()


def _decoded(data: bytes) -> Trail:
    plain = json.loads(data)
    trail = Trail(
        tuple([_death(each) for each in plain["deaths"]]), tuple(plain["hidden_keys"]), rekeyed=plain["rekeyed"]
    )
    trail.failures, trail.returns = plain["failures"], plain["returns"]
    return trail


def _plain(death: Death) -> dict[str, object]:
    claimed = None if death.claimed is None else base64.b64encode(death.claimed.raw).decode("ascii")
    return {
        "queue": death.queue,
        "reason": death.reason,
        "count": death.count,
        "time": death.time,
        "exchange": death.exchange,
        "routing_keys": death.routing_keys,
        "expiration": death.expiration,
        "by_name": death.by_name,
        "claimed": claimed,
    }


def _death(plain: dict[str, object]) -> Death:
    claimed, keys = plain["claimed"], plain["routing_keys"]
    assert isinstance(keys, list)
    table = Table.parse(base64.b64decode(claimed)) if isinstance(claimed, str) else None
    return Death(**{**plain, "routing_keys": tuple(keys), "claimed": table})  # type: ignore[arg-type]  # as `_plain` made it
