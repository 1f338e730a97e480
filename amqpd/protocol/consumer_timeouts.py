"""Consumers whose deliveries may stay unacknowledged for a time of their own: one tick per connection looks at them.

A delivery costs nothing here, as in `ack_timeout`, whose marks of the newest tag tell how old a tag is at least. Until
RabbitMQ 4.2 what is overdue closes its channel. Since 4.3 its queue takes it back and its consumer is cancelled; the
tags stay outstanding, so that a client may settle them, and until it has settled all, the queue counts the consumer.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, cast

from amqpd.broker.consumer_timeouts import own_timeout
from amqpd.broker.message import Message
from amqpd.broker.queue import SLICE, Queue
from amqpd.broker.returns import LOST, TIMED_OUT
from amqpd.protocol.ack_timeout import ROUNDING, Ages, timed_out

if TYPE_CHECKING:
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.timers import Timer
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.connection import Connection
    from amqpd.protocol.consumer import ChannelConsumer


def watch(connection: Connection, consumer: ChannelConsumer) -> None:
    """A consumer has come, or its queue's settings have changed."""
    node = connection.node
    timeout = own_timeout(consumer, node.broker.compat, node.settings.ack_timeout)
    if timeout is None or consumer.no_ack:
        return
    if connection.consumer_timeouts is None:
        connection.consumer_timeouts = ConsumerTimeouts(connection)
    connection.consumer_timeouts.watch(timeout)


class ConsumerTimeouts:
    """The tick of one connection."""

    __slots__ = ("_ages", "_connection", "_interval", "_rest", "_tick_time", "_timer", "_timers")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timers = connection.node.broker.timers
        self._interval = self._tick_time = connection.node.settings.ack_timeout_tick
        self._ages: dict[Channel, Ages] = {}
        self._rest: list[Channel] = []
        """Channels that this tick has yet to look at."""
        self._timer: Timer | None = None

    def watch(self, timeout: float) -> None:
        """A consumer has so many seconds; 0: it has for ever."""
        if not timeout:
            return
        interval = timeout / ceil(timeout / self._tick_time)
        if self._timer is None or interval < self._interval:
            self._interval = min(self._interval, interval)
            self._timers.cancel(self._timer)
            self._timer = self._timers.after(self._interval, self._tick)

    def stop(self) -> None:
        self._timers.cancel(self._timer)

    def leaves_any(self, channel: Channel, tag: int) -> bool:
        """Whether among the deliveries up to a tag is one that has no time of its own."""
        return any(
            consumer is None or (self._own(consumer) is None and not isinstance(queue, TakenBack))
            for _, (_, queue, consumer) in channel.unacked.up_to(tag)
        )

    def _own(self, consumer: Consumer) -> float | None:
        node = self._connection.node
        return own_timeout(consumer, node.broker.compat, node.settings.ack_timeout)

    def _tick(self) -> None:
        self._rest = list(reversed(self._connection.channels.values()))
        self._ages = {each: ages for each, ages in self._ages.items() if not each.closing and each in self._rest}
        self._go_on()

    def _go_on(self) -> None:
        now = self._timers.now()
        budget = SLICE
        try:
            while self._rest and budget > 0:
                channel = self._rest.pop()
                if self._connection.channels.get(channel.number) is channel and not channel.closing:
                    budget -= self._look_at(channel, now)
        finally:
            if self._connection.consumer_timeouts is self:
                self._timer = (
                    self._timers.after(0, self._go_on) if self._rest else self._timers.after(self._interval, self._tick)
                )

    def _look_at(self, channel: Channel, now: float) -> int:
        """Note the channel's newest tag, and see to what is overdue; return what that cost in units of work."""
        times: dict[Consumer | None, float] = {
            each: time for each in (*channel.consumers.values(), *channel.retired) if (time := self._own(each))
        }
        if not times:
            self._ages.pop(channel, None)
            return 1
        ages = self._ages.setdefault(channel, Ages())
        newest = {time: ages.newest_since(now - time + ROUNDING) for time in times.values()}
        overdue: list[int] = []
        # Among frames that wait, or in a settlement under way, may be the acknowledgement.
        if (last := max(newest.values())) and not channel.waits:
            for tag, (_, queue, consumer) in channel.unacked.up_to(last):
                if consumer in times and tag <= newest[times[consumer]] and not isinstance(queue, TakenBack):
                    overdue.append(tag)
                    if len(overdue) >= SLICE:
                        self._rest.append(channel)
                        break
        ages.forget_before(now - max(times.values()))
        ages.note(channel.delivery_tag, now)
        if overdue:
            self._end(channel, overdue, times)
        return 1 + len(overdue)

    def _end(self, channel: Channel, overdue: list[int], times: dict[Consumer | None, float]) -> None:
        connection = self._connection
        cancels = not connection.node.broker.compat.profile.times_out_every_queue_type
        if cancels and "consumer_cancel_notify" in connection.capabilities:
            self._take_back(channel, overdue)
            return
        time = times[channel.unacked.at(overdue[0])[2]]
        connection.failed(timed_out(channel.number, -1 if cancels else round(time * 1000)), channel.number)

    def _take_back(self, channel: Channel, overdue: list[int]) -> None:
        consumers: dict[ChannelConsumer, None] = {}
        for tag in overdue:
            message, queue, consumer = channel.unacked.at(tag)
            channel.unacked.replace(tag, (message, TakenBack(queue), consumer))
            holder = cast("ChannelConsumer", consumer)
            holder.timed_out = True
            consumers[holder] = None
            queue.put_back(message, TIMED_OUT)
        for each in consumers:
            if channel.consumers.get(each.tag) is each:
                each.able = False
                unused = each.queue.remove_consumer(each)
                channel.consumer_cancelled(each)
                if unused:
                    channel.session.vhost.delete_unused(each.queue)
        for queue in dict.fromkeys(each.queue for each in consumers):
            queue.resume()


class TakenBack(Queue):
    """Stands for the queue under a tag that timed out: to settle it changes nothing any more."""

    __slots__ = ()

    def __init__(self, queue: Queue) -> None:
        self.name = queue.name
        self.type = queue.type
        self.acked = 0

    def settle(self, message: Message) -> None:
        pass

    def reject(self, message: Message) -> None:
        pass

    def put_back(self, message: Message, cause: int = LOST) -> None:
        pass

    def resume(self) -> None:
        pass
