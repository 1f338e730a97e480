"""What happens in the broker, told while it happens: one line of JSON an event, for as long as somebody reads."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import trio

from amqpd.broker.event_exchange import properties
from amqpd.broker.events import Event, Events
from amqpd.broker.json_tables import json_of
from amqpd.fields import Table
from amqpd.http.message import Response, Sink
from amqpd.management.api import Call
from amqpd.management.encoding import JSON, encode

MOST: Final = 10_000
"""Events that wait for a slow reader; one who leaves more is sent away."""
SILENCE: Final = 10.0
"""Seconds after which an empty line shows both ends that the other one is there."""


async def events(call: Call) -> Response:
    """Show events from now on, for so many seconds (`duration`) or until the reader goes."""
    limit = call.number("duration", 0) if "duration" in call.query else math.inf
    follower = _Follower(call.broker.events)

    async def written(sink: Sink) -> None:
        with trio.move_on_after(limit):
            await follower.write(sink)

    return Response(200, (), (JSON,), written)


class _Follower:
    """Who reads the events of one broker."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._waiting: deque[Event] = deque()
        self._came = trio.Event()

    async def write(self, sink: Sink) -> None:
        """Write events until it is cancelled, or too many wait."""
        unsubscribe = self._events.subscribe(self._take)
        try:
            while len(self._waiting) <= MOST:
                if not self._waiting:  # at first too: who reads knows from then on that nothing is missed
                    await sink.write(b"\n")
                while self._waiting:
                    await sink.write(encode(shown(self._waiting.popleft())) + b"\n")
                await sink.flush()
                with trio.move_on_after(SILENCE):
                    await self._came.wait()
                self._came = trio.Event()
        finally:
            unsubscribe()

    def _take(self, event: Event) -> None:
        if len(self._waiting) <= MOST:
            self._waiting.append(event)
        self._came.set()


def shown(event: Event) -> dict[str, object]:
    """An event as JSON: its name and its fields, the last one first."""
    headers = properties(event, by_name=False).headers
    assert isinstance(headers, Table)
    return {"event": event.name, **json_of(headers)}
