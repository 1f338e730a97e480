"""What the view shows, from what the broker says and what it said at the look before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from amqpd.cli.ctl.client import Client

COLUMNS: Final = (
    "name,vhost,type,state,paused,messages_ready,messages_unacknowledged,consumers,message_stats,policy"
)
COUNTED: Final = ("publish", "deliver_get", "ack", "redeliver")
ALARMS: Final = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
ORDERS: Final = ("rate", "messages", "name")


@attrs.frozen
class Row:
    """One queue. Rates are events in a second."""

    name: str
    vhost: str
    type: str
    ready: int
    unacknowledged: int
    consumers: int
    paused: bool
    rates: Mapping[str, float]

    @property
    def busy(self) -> float:
        """How much happens there."""
        return sum(self.rates.values())


@attrs.frozen
class Figures:
    """One look at a broker."""

    node: str
    version: str
    uptime: int
    """Seconds."""
    memory: int
    memory_limit: int
    disk_free: int
    alarms: tuple[str, ...]
    counts: Mapping[str, int]
    """Connections, channels, queues, consumers."""
    ready: int
    unacknowledged: int
    rates: Mapping[str, float]
    queues: tuple[Row, ...]


class Watch:
    """Looks at one broker again and again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._before: dict[tuple[str, str], Mapping[str, int]] = {}
        self._totals: Mapping[str, int] = {}
        self._time = 0.0

    def look(self, now: float) -> Figures:
        """Ask the broker; `now` is in seconds on a clock that never goes back. Raises Unreachable, Refused."""
        overview, node = self._client.get("overview"), self._client.get("nodes")[0]
        queues = self._client.get("queues", columns=COLUMNS)
        elapsed = now - self._time if self._time else 0.0
        totals = counts_of(overview)
        before, self._before = self._before, {(each["vhost"], each["name"]): counts_of(each) for each in queues}
        rows = [
            _row(each, rates(before.get((each["vhost"], each["name"])), counts_of(each), elapsed)) for each in queues
        ]
        figures = Figures(
            node=node["name"],
            version=f"{overview['product_name']} {overview['rabbitmq_version']}",
            uptime=node["uptime"] // 1000,
            memory=node["mem_used"],
            memory_limit=node["mem_limit"],
            disk_free=node["disk_free"],
            alarms=tuple(name for key, name in ALARMS.items() if node[key]),
            counts=overview["object_totals"],
            ready=overview["queue_totals"].get("messages_ready", 0),
            unacknowledged=overview["queue_totals"].get("messages_unacknowledged", 0),
            rates=rates(self._totals or None, totals, elapsed),
            queues=tuple(rows),
        )
        self._totals, self._time = totals, now
        return figures


def counts_of(view: Mapping[str, Any]) -> dict[str, int]:
    """The counters of an object, 0 for what never happened."""
    stats = view.get("message_stats", {})
    return {name: int(stats.get(name, 0)) for name in COUNTED}


def rates(before: Mapping[str, int] | None, now: Mapping[str, int], elapsed: float) -> dict[str, float]:
    """Events in a second; 0 at the first look, and where a counter began anew."""
    if before is None or elapsed <= 0:
        return dict.fromkeys(now, 0.0)
    return {name: max(0, count - before.get(name, 0)) / elapsed for name, count in now.items()}


def ordered(rows: tuple[Row, ...], order: str) -> list[Row]:
    """Rows as they are shown: the busiest, the fullest, or by name."""
    if order == "name":
        return sorted(rows, key=lambda row: (row.vhost, row.name))
    if order == "messages":
        return sorted(rows, key=lambda row: (-row.ready - row.unacknowledged, row.vhost, row.name))
    return sorted(rows, key=lambda row: (-row.busy, -row.ready, row.vhost, row.name))


def _row(queue: Mapping[str, Any], counted: Mapping[str, float]) -> Row:
    return Row(
        queue["name"],
        queue["vhost"],
        queue.get("type", ""),
        int(queue.get("messages_ready") or 0),
        int(queue.get("messages_unacknowledged") or 0),
        int(queue.get("consumers") or 0),
        bool(queue.get("paused")),
        counted,
    )
