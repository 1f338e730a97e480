"""Counters that are read from other numbers, against what clients counted themselves over random conversations."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

import attrs
import pytest
from pamqp import base, commands, frame

from amqpd.broker.message import Message
from amqpd.broker.packed_run import Run
from amqpd.broker.queue import SLICE, Queue
from amqpd.broker.queue_counts import QueueCounts, counts_of
from amqpd.properties import EMPTY
from amqpd.protocol import statistics
from amqpd.protocol.statistics import ChannelCounts, PublishCounts
from tests.protocol.harness import Client, Reply, World, publish

QUEUES: Final[dict[str, dict[str, int | str]]] = {
    "plain": {},
    "prior": {"x-max-priority": 3},
    "short": {"x-max-length": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"},
    "brief": {"x-message-ttl": 5000},
    "full": {"x-max-length": 2, "x-overflow": "reject-publish"},
    "quorum": {"x-queue-type": "quorum", "x-delivery-limit": 2},
    "dead": {},
}
CHANNELS: Final = (1, 2, 3)
STEPS: Final = 150


@attrs.define
class Held:
    """A delivery that a client has to settle."""

    channel: int
    tag: int
    queue: str


class Conversation:
    """One client that does things at random and counts what it sees."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World()
        self.client: Client = self.world.open(channels=CHANNELS)
        for name, arguments in QUEUES.items():
            self.client.ask(
                commands.Queue.Declare(queue=name, durable=True, arguments={**arguments}), commands.Queue.DeclareOk
            )
        self.client.call(commands.Confirm.Select(), 3)
        self.seen: Counter[tuple[str, str]] = Counter()
        self.on_channel: Counter[str] = Counter()
        self.held: list[Held] = []
        self.consumers: dict[str, int] = {}
        self.tags = 0

    def saw(self, queue: str, what: str) -> None:
        self.seen[queue, what] += 1
        if what != "redeliver":
            self.on_channel[what] += 1

    def hear(self, replies: list[Reply]) -> None:
        """Count deliveries."""
        for each in replies:
            if not isinstance(each.method, commands.Basic.Deliver):
                continue
            queue, kind, _ = (each.method.consumer_tag or "").split("/")
            self.saw(queue, kind)
            if each.method.redelivered:
                self.saw(queue, "redeliver")
            if kind == "deliver":
                assert each.method.delivery_tag is not None
                self.held.append(Held(each.channel, each.method.delivery_tag, queue))

    def call(self, method: base.Frame, channel: int) -> list[Reply]:
        replies = self.client.call(method, channel)
        self.hear(replies)
        return replies

    # -- what a client does ----------------------------------------------------------------------------------------

    def publish(self) -> None:
        queue, channel = self.random.choice(list(QUEUES)), self.random.choice(CHANNELS)
        for _ in range(self.random.randrange(1, 6)):
            self.client.send(publish(queue, b"x", channel=channel))
            self.on_channel["publish"] += 1
            replies = self.client.read()
            self.hear(replies)

    def publish_nowhere(self) -> None:
        mandatory = self.random.random() < 0.5
        self.client.send(publish("nowhere", b"x", mandatory=mandatory))
        self.on_channel["publish"] += 1
        self.on_channel["return_unroutable" if mandatory else "drop_unroutable"] += 1
        self.hear(self.client.read())

    def get(self) -> None:
        queue, channel, no_ack = self.random.choice(list(QUEUES)), self.random.choice(CHANNELS), self.random.random()
        replies = self.call(commands.Basic.Get(queue=queue, no_ack=no_ack < 0.5), channel)
        answer = next(each.method for each in replies if each.name in ("Basic.GetOk", "Basic.GetEmpty"))
        if not isinstance(answer, commands.Basic.GetOk):
            self.saw(queue, "get_empty")
            return
        self.saw(queue, "get_no_ack" if no_ack < 0.5 else "get")
        if answer.redelivered:
            self.saw(queue, "redeliver")
        if no_ack >= 0.5:
            assert answer.delivery_tag is not None
            self.held.append(Held(channel, answer.delivery_tag, queue))

    def consume(self) -> None:
        queue, channel, no_ack = self.random.choice(list(QUEUES)), self.random.choice(CHANNELS), self.random.random()
        self.tags += 1
        tag = f"{queue}/{'deliver_no_ack' if no_ack < 0.4 else 'deliver'}/{self.tags}"
        self.call(commands.Basic.Qos(prefetch_count=self.random.randrange(4)), channel)
        self.call(commands.Basic.Consume(queue=queue, consumer_tag=tag, no_ack=no_ack < 0.4), channel)
        self.consumers[tag] = channel

    def cancel(self) -> None:
        if self.consumers:
            tag = self.random.choice(list(self.consumers))
            self.call(commands.Basic.Cancel(tag), self.consumers.pop(tag))

    def settle(self) -> None:
        if not self.held:
            return
        one = self.random.choice(self.held)
        multiple = self.random.random() < 0.3
        settled = [
            each
            for each in self.held
            if each.channel == one.channel and (each.tag <= one.tag if multiple else each is one)
        ]
        self.held = [each for each in self.held if each not in settled]
        how = self.random.random()
        if how < 0.6:
            for each in settled:
                self.saw(each.queue, "ack")
            self.call(commands.Basic.Ack(one.tag, multiple), one.channel)
        else:
            self.call(commands.Basic.Nack(one.tag, multiple, how < 0.8), one.channel)

    def recover(self) -> None:
        channel = self.random.choice(CHANNELS)
        self.held = [each for each in self.held if each.channel != channel]
        self.call(commands.Basic.Recover(requeue=True), channel)

    def purge(self) -> None:
        self.call(commands.Queue.Purge(queue=self.random.choice(list(QUEUES))), 1)

    def wait(self) -> None:
        self.world.advance(3)
        self.hear(self.client.read())

    def transact(self) -> None:
        """A settlement inside a transaction, which is rolled back or committed; the channel is closed then."""
        self.client.open_channel(9)
        self.client.call(commands.Tx.Select(), 9)
        self.client.send(publish("plain", b"x", channel=9))
        self.on_channel["publish"] += 1
        self.hear(self.client.read())
        for each in [self.random.choice(list(QUEUES)) for _ in range(2)]:
            answer = self.call(commands.Basic.Get(queue=each), 9)[0].method
            if isinstance(answer, commands.Basic.GetOk):
                self.saw(each, "get")
                if answer.redelivered:
                    self.saw(each, "redeliver")
                self.call(commands.Basic.Ack(answer.delivery_tag or 0), 9)
                self.saw(each, "ack")
            else:
                self.saw(each, "get_empty")
        self.call(commands.Tx.Commit(), 9)
        self.close(9)

    def close(self, channel: int) -> None:
        self.held = [each for each in self.held if each.channel != channel]
        self.consumers = {tag: on for tag, on in self.consumers.items() if on != channel}
        self.call(commands.Channel.Close(200, "", 0, 0), channel)

    def reopen(self) -> None:
        channel = self.random.choice(CHANNELS[:2])
        self.close(channel)
        self.client.open_channel(channel)

    # -- what the broker says --------------------------------------------------------------------------------------

    def check(self) -> None:
        queues = self.world.broker.vhosts["/"].queues
        for name in QUEUES:
            counts = counts_of(queues[name])
            seen = {each: self.seen[name, each] for each in attrs.asdict(counts) if each != "publish"}
            assert attrs.asdict(counts) == {**seen, "publish": counts.publish}, name
        total = self.world.node.totals.channels
        for channel in self.client.connection.channels.values():
            total += statistics.counts_of(channel)
        expected = {each: self.on_channel[each] for each in attrs.asdict(total)}
        told = {**attrs.asdict(total)}
        for each in ("routed", "publish_confirm", "confirm"):
            del told[each], expected[each]
        assert told == expected


@pytest.mark.parametrize("seed", range(40))
def test_what_the_broker_counts_is_what_its_clients_counted(seed: int) -> None:
    talk = Conversation(seed)
    steps = {
        talk.publish: 10, talk.publish_nowhere: 1, talk.get: 4, talk.consume: 3, talk.cancel: 2, talk.settle: 8,
        talk.recover: 1, talk.purge: 1, talk.wait: 1, talk.transact: 1, talk.reopen: 1,
    }  # fmt: skip
    for step in talk.random.choices(list(steps), weights=list(steps.values()), k=STEPS):
        step()
        talk.check()


def test_a_new_queue_has_counted_nothing_and_keeps_no_tally() -> None:
    world = World()
    client = world.open()
    client.declare("q")
    queue = world.broker.vhosts["/"].queues["q"]
    assert counts_of(queue) == QueueCounts()
    client.fill("q", b"a", b"b")
    assert counts_of(queue) == QueueCounts(publish=2)
    assert queue.tally is None


def test_a_fan_out_is_routed_to_each_of_its_queues() -> None:
    world = World()
    client = world.open()
    for name in "abc":
        client.declare(name)
        client.ask(commands.Queue.Bind(queue=name, exchange="amq.fanout"), commands.Queue.BindOk)
    client.send(publish("", b"x", "amq.fanout"), publish("", b"x", "amq.fanout"), publish("a", b"x"))
    channel = client.connection.channels[1]
    assert statistics.publish_counts_of(channel) == {
        "amq.fanout": PublishCounts(publish=2, routed=6),
        "": PublishCounts(publish=1, routed=1),
    }


def test_confirms_and_refusals_are_told_apart() -> None:
    world = World()
    client = world.open()
    client.ask(
        commands.Queue.Declare(queue="full", arguments={"x-max-length": 2, "x-overflow": "reject-publish"}),
        commands.Queue.DeclareOk,
    )
    client.call(commands.Confirm.Select())
    client.fill("full", *[b"x"] * 5)
    counts = statistics.counts_of(client.connection.channels[1])
    assert (counts.publish, counts.publish_confirm, counts.confirm) == (5, 5, 2)
    assert counts_of(world.broker.vhosts["/"].queues["full"]).publish == 2


def test_what_a_closed_channel_and_a_deleted_queue_did_stays_in_the_totals() -> None:
    world = World()
    client = world.open()
    client.declare("q")
    client.consume("q", no_ack=True)
    client.fill("q", b"a", b"b")
    client.read()
    client.call(commands.Channel.Close(200, "", 0, 0))
    assert world.node.totals.channels == ChannelCounts(publish=2, routed=2, deliver_no_ack=2)
    assert world.node.totals.exchanges == {("/", ""): PublishCounts(publish=2, routed=2)}
    client.open_channel()
    client.ask(commands.Queue.Delete(queue="q"), commands.Queue.DeleteOk)
    assert world.broker.statistics.gone_queues == {"classic": QueueCounts(publish=2, deliver_no_ack=2)}


def test_a_channel_that_an_error_closed_is_counted_once() -> None:
    world = World()
    client = world.open()
    client.declare("q")
    client.fill("q", b"a")
    client.get("q")
    client.channel_close(client.call(commands.Queue.Declare(queue="nowhere", passive=True)))
    client.reopen()
    assert world.node.totals.channels == ChannelCounts(publish=1, routed=1, get=1)
    statistics_ = world.broker.statistics
    assert (statistics_.channels_opened, statistics_.channels_closed) == (2, 1)


def test_acknowledging_more_than_a_slice_counts_each() -> None:
    world = World()
    client = world.open()
    client.declare("q")
    client.consume("q")
    many = 3 * SLICE
    client.fill("q", *[b"x"] * many)
    client.read()
    client.send(frame.marshal(commands.Basic.Ack(many, True), 1))
    queue = world.broker.vhosts["/"].queues["q"]
    assert counts_of(queue) == QueueCounts(publish=many, deliver=many, ack=many)
    assert statistics.counts_of(client.connection.channels[1]).ack == many


def test_a_stream_counts_what_it_hands_out_again_and_again() -> None:
    world = World()
    client = world.open(channels=(1, 2))
    client.ask(
        commands.Queue.Declare(queue="s", durable=True, arguments={"x-queue-type": "stream"}), commands.Queue.DeclareOk
    )
    client.fill("s", b"a", b"b", b"c")
    for channel in (1, 2):
        client.call(commands.Basic.Qos(prefetch_count=2), channel)
        consume = commands.Basic.Consume(queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
        client.call(consume, channel)
    client.call(commands.Basic.Ack(1), 1)
    queue = world.broker.vhosts["/"].queues["s"]
    assert counts_of(queue) == QueueCounts(publish=3, deliver=5, ack=1)


def restored(queue: Queue, first: int, last: int, highest: int) -> None:
    """What a restart does to a queue that had messages with these numbers."""
    messages = [Message("", queue.name, EMPTY, b"old") for _ in range(first, last + 1)]
    for number, message in enumerate(messages, first):
        message.number = number
    queue.restore(Run(messages))
    queue.restored(highest)


def test_a_queue_that_comes_back_after_a_restart_counts_from_nothing() -> None:
    world = World()
    client = world.open()
    client.declare("q", durable=True)
    queue = world.broker.vhosts["/"].queues["q"]
    restored(queue, 5, 7, 9)
    assert queue.message_count == 3
    assert counts_of(queue) == QueueCounts()
    client.fill("q", b"new")
    assert len(client.consume("q", no_ack=True)) == 4
    assert counts_of(queue) == QueueCounts(publish=1, deliver_no_ack=4)


def test_churn_and_logins_are_counted() -> None:
    world = World()
    client = world.open()
    client.declare("q", exclusive=True)
    client.declare("q", exclusive=True)
    refused = world.connect()
    refused.send(b"AMQP\x00\x00\x09\x01")
    refused.start_ok(response=b"\0guest\0wrong")
    client.vanish()
    counted = world.broker.statistics
    assert (counted.connections_opened, counted.connections_closed) == (1, 1)
    assert (counted.channels_opened, counted.channels_closed) == (1, 1)
    assert (counted.queues_declared, counted.queues_created, counted.queues_deleted) == (2, 1, 1)
    assert (counted.logins, counted.logins_refused) == (1, 1)


def test_exchanges_that_are_gone_are_not_remembered_for_ever() -> None:
    world = World()
    client = world.open()
    for number in range(statistics.ROOM + 10):
        name = f"x{number}"
        client.ask(commands.Exchange.Declare(exchange=name), commands.Exchange.DeclareOk)
        client.open_channel(2)
        client.send(publish("", b"", name, channel=2))
        client.ask(commands.Channel.Close(200, "", 0, 0), commands.Channel.CloseOk, 2)
        client.ask(commands.Exchange.Delete(exchange=name), commands.Exchange.DeleteOk)
    assert len(world.node.totals.exchanges) < 50
