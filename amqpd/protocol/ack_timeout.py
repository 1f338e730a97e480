"""Deliveries that stay unacknowledged for too long close their channel: one tick per connection looks at all of them.

A delivery costs nothing here. Delivery tags rise, so each tick notes a channel's newest tag: everything up to it is
out since then, or longer. A channel is overdue when its oldest outstanding delivery is at or below a tag that was
noted the whole timeout ago. As the time between two ticks divides the timeout, no delivery is overdue too early, and
none stays longer than one tick too long.

Refuses to know what becomes of the messages: the close gives them back like any other. Consumers that have a time of
their own are left to `consumer_timeouts`; from RabbitMQ 4.3 on there are no others: see `in_force`.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from amqpd.broker.queue import SLICE
from amqpd.broker.timers import Timers
from amqpd.errors import PreconditionFailed

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.connection import Connection

ROUNDING: Final = 1e-6
"""Seconds that sums of floats may be off by."""


def in_force(compat: Compat, configured: float | None) -> float:
    """Return the seconds that a channel's deliveries may stay unacknowledged, whatever queue they are of; 0: for ever.

    `configured` None leaves it to the profile.
    """
    profile = compat.profile
    if not profile.times_out_every_queue_type:
        return 0.0
    if configured is not None:
        return configured
    return 0.0 if compat.extends("no-consumer-timeout") else profile.consumer_timeout


def timed_out(channel: int, milliseconds: int) -> PreconditionFailed:
    """Make the error that closes a channel with a delivery that is overdue."""
    return PreconditionFailed(
        f"delivery acknowledgement on channel {channel} timed out. Timeout value used: {milliseconds} ms. "
        "This timeout value can be configured, see consumers doc guide to learn more",
        method=(0, 0),
    )


class Ages:
    """What is known of the age of one channel's deliveries, while it has any."""

    __slots__ = ("_marks", "oldest_at_close")

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []
        """When which tag was the newest; both rise."""
        self.oldest_at_close = 0
        """The oldest tag that was outstanding when an error closed the channel; 0: none was, or it is open."""

    def __len__(self) -> int:
        """How many times are kept."""
        return len(self._marks)

    def note(self, newest: int, now: float) -> None:
        """`newest` is the newest tag now."""
        if not self._marks or self._marks[-1][1] < newest:
            self._marks.append((now, newest))

    def is_out_since(self, tag: int, time: float) -> bool:
        """Whether a tag was given out at `time` or earlier; no earlier time will be asked for any more."""
        marks = self._marks
        while len(marks) > 1 and marks[1][0] <= time:  # the later mark says the same of more tags
            del marks[0]
        return bool(marks) and marks[0][0] <= time and tag <= marks[0][1]

    def newest_since(self, time: float) -> int:
        """The newest tag of those that are known to be out since `time` or longer; 0: none is."""
        at = bisect_right(self._marks, time, key=itemgetter(0))
        return self._marks[at - 1][1] if at else 0

    def forget_before(self, time: float) -> None:
        """No earlier time will be asked for any more."""
        del self._marks[: max(0, bisect_right(self._marks, time, key=itemgetter(0)) - 1)]

    def forget_below(self, tag: int) -> None:
        """No tag below this one will be asked for any more."""
        marks = self._marks
        while marks and marks[0][1] < tag:
            del marks[0]


class AckTimeout:
    """The tick of one connection."""

    __slots__ = ("_connection", "_interval", "_repeats", "_rest", "_timeout", "_timer", "_timers")

    def __init__(self, connection: Connection, timers: Timers, timeout: float, tick: float) -> None:
        """Times in seconds, above 0; `tick` is the longest time between two looks."""
        self._connection = connection
        self._timers = timers
        self._timeout = timeout
        self._interval = timeout / ceil(timeout / tick)
        self._repeats = connection.node.broker.compat.profile.repeats_timeout_close
        self._rest: list[Channel] = []
        """Channels that this tick has yet to look at."""
        self._timer = timers.after(self._interval, self._tick)

    def stop(self) -> None:
        self._timers.cancel(self._timer)

    def channel_fails(self, channel: Channel) -> None:
        """An error is about to close a channel and to give back what is outstanding."""
        if self._repeats and (oldest := channel.unacked.oldest()):
            if channel.ages is None:
                channel.ages = Ages()
            channel.ages.oldest_at_close = oldest
        else:
            channel.ages = None

    def _tick(self) -> None:
        self._rest = list(reversed(self._connection.channels.values()))
        self._go_on()

    def _go_on(self) -> None:
        """Look at some channels. The time to the next tick begins when all were looked at, so that it is never
        shorter for any of them.
        """
        now = self._timers.now()
        budget = SLICE
        try:
            while self._rest and budget > 0:
                channel = self._rest.pop()
                if self._connection.channels.get(channel.number) is channel:
                    budget -= self._look_at(channel, now)
        finally:
            if self._connection.ack_timeout is self:
                self._timer = (
                    self._timers.after(0, self._go_on) if self._rest else self._timers.after(self._interval, self._tick)
                )

    def _look_at(self, channel: Channel, now: float) -> int:
        """Note the channel's newest tag, and close it if it is overdue; return what that cost in units of work."""
        ages = channel.ages
        if channel.closing:
            if ages is None:
                return 1
            oldest = ages.oldest_at_close
        else:
            oldest = channel.unacked.oldest()
        held = channel.transaction is not None and bool(channel.transaction.settlements)
        if not oldest and not held:
            channel.ages = None
            return 1
        if ages is None:
            ages = channel.ages = Ages()
        since = now - self._timeout + ROUNDING
        overdue = ages.is_out_since(oldest, since) and oldest > 0
        if overdue and self._connection.consumer_timeouts is not None and not channel.closing:
            overdue = self._connection.consumer_timeouts.leaves_any(channel, ages.newest_since(since))
        if not held:  # a rollback makes what is held outstanding again, as old as it is
            ages.forget_below(oldest)
        ages.note(channel.delivery_tag, now)
        # Among frames that wait, or in a settlement under way, may be the acknowledgement.
        if not overdue or channel.waits:
            return 1
        cost = len(channel.unacked)
        self._close(channel)
        return 1 + min(cost, SLICE)

    def _close(self, channel: Channel) -> None:
        error = timed_out(channel.number, round(self._timeout * 1000))
        if channel.closing:
            channel.send_close(error, (0, 0))
        else:
            self._connection.failed(error, channel.number)
