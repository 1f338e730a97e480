"""What the broker knows of a message beyond its content, as octets: for whatever keeps messages out of memory."""

from __future__ import annotations

import base64
import json

from amqpd.broker.dead_letter import Death
from amqpd.broker.message import Trail
from amqpd.fields import Table


def encoded(trail: Trail) -> bytes:
    """The trail as JSON; what `published` says is in the content."""
    plain = {
        "deaths": [_plain(death) for death in trail.deaths],
        "hidden_keys": trail.hidden_keys,
        "rekeyed": trail.rekeyed,
        "failures": trail.failures,
        "returns": trail.returns,
    }
    if trail.inherited:
        plain["inherited"] = trail.inherited
    return json.dumps(plain, separators=(",", ":")).encode()


def decoded(data: bytes) -> Trail:
    """The trail again."""
    plain = json.loads(data)
    trail = Trail(
        tuple([_death(each) for each in plain["deaths"]]), tuple(plain["hidden_keys"]), rekeyed=plain["rekeyed"]
    )
    trail.failures, trail.returns = plain["failures"], plain["returns"]
    trail.inherited = plain.get("inherited", 0)
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
