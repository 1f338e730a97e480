"""A queue against a naive list: whatever happens, every accepted message is in exactly one place."""

from __future__ import annotations

from bisect import insort
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker.message import Message
from amqpd.broker.queue import ACCEPTED, SLICE, Queue
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World

READY, UNACKED, GONE = "ready", "unacked", "gone"
TTLS = st.sampled_from([None, None, 0, 500, 1000, 4000])
TTL_OF_QUEUE = 2.0


class Entry:
    """What the model knows of one published message."""

    def __init__(self, number: int, deadline: float | None) -> None:
        self.number = number
        self.deadline = deadline
        self.place = READY
        self.redelivered = False


class ModelConsumer(RecordingConsumer):
    """Checks each delivery against the model as it happens."""

    __slots__ = ("machine",)

    def __init__(self, machine: QueueAgainstList, tag: str, *, no_ack: bool, window: int, priority: int) -> None:
        super().__init__(machine.queue, tag, no_ack=no_ack, window=window, priority=priority)
        self.machine = machine

    def deliver(self, message: Message) -> None:
        self.machine.handed_out(message, GONE if self.no_ack else UNACKED)
        super().deliver(message)


class QueueAgainstList(RuleBasedStateMachine):
    """The model keeps all messages in a list and derives the queue from it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.queue: Queue
        self.new_queue(ttl=False)
        self.entries: dict[bytes, Entry] = {}
        self.ready: list[Entry] = []
        self.unacked = 0
        self.publishing: Entry | None = None
        self.consumers: list[ModelConsumer] = []
        self.got: list[Message] = []
        self.tags = 0

    def new_queue(self, *, ttl: bool) -> None:
        self.ttl = TTL_OF_QUEUE if ttl else None
        self.queue = self.world.queue(arguments={"x-message-ttl": int(TTL_OF_QUEUE * 1000)} if ttl else None)

    # -- what the model expects ------------------------------------------------------------------------------------

    def handed_out(self, message: Message, place: str) -> None:
        """A message left the queue for a consumer or a get: it must be the first that is ready and alive.

        One that is delivered as it is published counts as alive, whatever its TTL.
        """
        entry = self.entries[message.body]
        if entry is not self.publishing:
            self.expire_heads()
        assert self.ready, f"{message.body!r} was handed out but is not ready"
        assert entry is self.ready.pop(0)
        assert message.redelivered is entry.redelivered
        assert message.number == entry.number
        entry.place = place
        if place == UNACKED:
            self.unacked += 1

    def becomes_ready(self, entry: Entry) -> None:
        entry.place = READY
        insort(self.ready, entry, key=lambda each: each.number)

    def expire_heads(self) -> None:
        now = self.world.clock.monotonic()
        while self.ready and (deadline := self.ready[0].deadline) is not None and deadline <= now:
            self.ready.pop(0).place = GONE

    def unsettled(self) -> list[tuple[ModelConsumer | None, Message]]:
        out: list[tuple[ModelConsumer | None, Message]] = [(None, each) for each in self.got]
        return out + [(consumer, each) for consumer in self.consumers for each in consumer.unsettled]

    def settle(self, message: Message) -> None:
        self.entries[message.body].place = GONE
        self.unacked -= 1

    # -- what may happen -------------------------------------------------------------------------------------------

    @rule(count=st.sampled_from([1, 1, 3, SLICE + 10, 3 * SLICE]), ttl=TTLS)
    def publish(self, count: int, ttl: int | None) -> None:
        now = self.world.clock.monotonic()
        properties = Properties.of(expiration=None if ttl is None else str(ttl))
        lives = [each for each in (self.ttl, None if ttl is None else ttl / 1000) if each is not None]
        for _ in range(count):
            body = b"%d" % len(self.entries)
            message = Message("", "q", properties, body)
            number = self.highest_number + 1
            self.publishing = self.entries[body] = Entry(number, now + min(lives) if lives else None)
            self.becomes_ready(self.publishing)
            assert self.queue.publish(message) == ACCEPTED
            assert message.number == number
            self.publishing = None

    @property
    def highest_number(self) -> int:
        return len(self.entries) - self.numbers_of_older_queues

    numbers_of_older_queues = 0

    @precondition(lambda self: len(self.consumers) < 4)
    @rule(window=st.sampled_from([0, 1, 3, 2 * SLICE]), no_ack=st.booleans(), priority=st.integers(0, 1))
    def add_consumer(self, window: int, no_ack: bool, priority: int) -> None:
        self.tags += 1
        consumer = ModelConsumer(self, f"c{self.tags}", no_ack=no_ack, window=window, priority=priority)
        self.consumers.append(consumer)
        self.queue.add_consumer(consumer)
        self.queue.resume()

    @precondition(lambda self: self.consumers)
    @rule(data=st.data(), requeue=st.booleans())
    def remove_consumer(self, data: st.DataObject, requeue: bool) -> None:
        consumer = data.draw(st.sampled_from(self.consumers))
        self.consumers.remove(consumer)
        self.queue.remove_consumer(consumer)
        if requeue:
            self.got += consumer.unsettled
            self.put_back([(None, each) for each in consumer.unsettled])
        else:
            self.got += consumer.unsettled
        self.queue.resume()

    @precondition(lambda self: self.unsettled())
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        consumer, message = data.draw(st.sampled_from(self.unsettled()))
        self.settle(message)
        if consumer is None:
            self.got.remove(message)
            self.queue.settle(message)
        else:
            consumer.ack(message)

    @precondition(lambda self: self.unsettled())
    @rule(data=st.data())
    def requeue_one(self, data: st.DataObject) -> None:
        self.put_back([data.draw(st.sampled_from(self.unsettled()))])

    @precondition(lambda self: self.unsettled())
    @rule()
    def requeue_all(self) -> None:
        self.put_back(self.unsettled())

    def put_back(self, returned: list[tuple[ModelConsumer | None, Message]]) -> None:
        """As a channel does: the queue gets all of them, then the windows open."""
        messages = sorted((message for _, message in returned), key=lambda each: each.number)
        for message in messages:
            entry = self.entries[message.body]
            entry.redelivered = True
            self.unacked -= 1
            self.becomes_ready(entry)
        back = {message.body for message in messages}
        for held in (self.got, *(consumer.unsettled for consumer in self.consumers)):
            held[:] = [each for each in held if each.body not in back]
        self.queue.put_back_all(messages)
        for consumer in {consumer: None for consumer, _ in returned if consumer is not None}:
            consumer.refresh()

    @rule(count=st.sampled_from([1, 2, SLICE + 50]))
    def get_and_requeue(self, count: int) -> None:
        """A client that takes messages and goes away."""
        self.get(count)
        self.put_back([(None, each) for each in self.got])

    @rule(count=st.sampled_from([1, 2, SLICE + 50]))
    def get(self, count: int) -> None:
        for _ in range(count):
            message = self.next_message()
            if message is None:
                self.expire_heads()
                assert not self.ready
                return
            self.handed_out(message, UNACKED)
            self.got.append(message)
            self.finish_expiry()
            self.expire_heads()  # what was behind it may have waited for this

    def next_message(self) -> Message | None:
        """A get; an expiry storm hides what is behind it until it is over."""
        message = self.queue.get()
        if message is None:
            self.finish_expiry()
            message = self.queue.get()
        return message

    def finish_expiry(self) -> None:
        """Let an expiry storm pass: it is worked off in slices, and what is requeued meanwhile lands in front of it."""
        while self.world.broker.timers.run_due():
            pass

    @rule()
    def purge(self) -> None:
        # Messages on their way back go to their places first, so that consumers may still get some of them.
        purged = self.queue.purge()
        self.expire_heads()
        assert purged >= len(self.ready)
        for entry in self.ready:
            entry.place = GONE
        self.ready = []

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 5.0]))
    def advance(self, seconds: float) -> None:
        self.world.drain()
        self.world.advance(seconds)

    @rule()
    def end_of_turn(self) -> None:
        self.world.broker.drain()

    @rule(ttl=st.booleans())
    def delete_and_create_anew(self, ttl: bool) -> None:
        self.world.vhost.delete_queue(self.queue)
        assert all(consumer.was_cancelled for consumer in self.consumers)
        for _, message in self.unsettled():
            self.queue.settle(message)
        self.world.drain()
        assert (self.queue.unacked, self.world.octets) == (0, 0)
        for entry in self.entries.values():
            entry.place = GONE
        self.consumers, self.got, self.ready, self.unacked = [], [], [], 0
        self.numbers_of_older_queues = len(self.entries)
        self.new_queue(ttl=ttl)

    # -- what always holds -----------------------------------------------------------------------------------------

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        """Once the long work is done, the queue's own counts are those of the model."""
        self.finish_expiry()
        self.expire_heads()
        places = Counter(entry.place for entry in self.entries.values())
        assert (places[READY], places[UNACKED]) == (len(self.ready), self.unacked)
        assert len(self.unsettled()) == self.unacked
        if self.queue.returning or len(self.world.broker.work):
            # What is on its way back expires once it is in place, and a resumption that is due expires heads itself.
            assert self.queue.message_count >= len(self.ready)
        else:
            assert self.queue.message_count == len(self.ready)
        # A message on its way back counts as ready already, while the queue still holds it for an unacked one.
        assert self.queue.unacked - self.queue.returning == self.unacked

    def teardown(self) -> None:
        """At the end everything is handed out in order, settled, and nothing is held any more."""
        self.world.drain()
        for consumer in self.consumers:
            self.queue.remove_consumer(consumer)
        while (message := self.next_message()) is not None:
            self.handed_out(message, GONE)
            self.queue.settle(message)
        for _, message in self.unsettled():
            self.queue.settle(message)
        self.world.drain()
        assert (self.queue.message_count, self.queue.unacked, self.world.octets) == (0, 0, 0)


TestQueueAgainstList = QueueAgainstList.TestCase
TestQueueAgainstList.settings = settings(max_examples=200, stateful_step_count=40)
