"""Which segments of a stream go: the oldest full ones, while the stream is too large or they are too old.

The newest segment never goes. RabbitMQ looks when a segment becomes full and when the settings change; so does this,
and a timer looks when the oldest full segment reaches the age. https://www.rabbitmq.com/docs/streams#retention
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker.ages import milliseconds

if TYPE_CHECKING:
    from amqpd.broker.settings import Settings
    from amqpd.broker.stream.log import Segment

SEGMENT_OCTETS: Final = 500_000_000
"""When a segment is full, unless x-stream-max-segment-size-bytes says otherwise."""


@attrs.frozen
class Retention:
    """What a stream is asked to keep. None: there is no limit."""

    max_octets: int | None
    max_age: int | None
    """Milliseconds."""

    @classmethod
    def of(cls, settings: Settings) -> Retention:
        """Read it from the settings of a queue."""
        age = settings.max_age
        return cls(settings.max_length_bytes, None if age is None else milliseconds(age))

    def excess(self, segments: Sequence[Segment], newest: int, now: int) -> int:
        """How many of the full segments go, where the newest one has so many octets and it is `now` (ms since 1970)."""
        return max(self._too_many(segments, newest), self._too_old(segments, now))

    def due(self, segments: Sequence[Segment]) -> int | None:
        """When the oldest full segment is too old, in ms since 1970; None: never."""
        if self.max_age is None or not segments:
            return None
        return segments[0].last_time + self.max_age

    def _too_many(self, segments: Sequence[Segment], newest: int) -> int:
        if self.max_octets is None:
            return 0
        total = newest
        for kept, segment in enumerate(reversed(segments)):
            total += segment.octets
            if total > self.max_octets:
                return len(segments) - kept
        return 0

    def _too_old(self, segments: Sequence[Segment], now: int) -> int:
        if self.max_age is None:
            return 0
        for count, segment in enumerate(segments):
            if segment.last_time + self.max_age > now:
                return count
        return len(segments)
