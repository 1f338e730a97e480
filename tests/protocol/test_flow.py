"""What a client can make the broker hold: unfinished content, an outbox that nobody reads, long work in one turn."""

from __future__ import annotations

from pamqp import commands, frame

from amqpd.broker.packed_run import RUN
from amqpd.broker.queue_work import RUN_UNITS
from amqpd.protocol.node import Settings
from tests.protocol.harness import Client, MakeWorld, World, content_header, publish, publish_method, raw

MARKS = Settings(outbox_high_water=10_000, outbox_low_water=2_000)
MANY = 250_000
"""Enough to stall everybody if it were done in one go. What the journal does has no part in it."""


def half(channel: int = 1, size: int = 100, sent: int = 60) -> bytes:
    """The first octets of a content."""
    return publish_method("q", channel=channel) + content_header(channel, size) + raw(3, channel, bytes(sent))


# -- unfinished content --------------------------------------------------------------------------------------------


def test_unfinished_content_is_counted_as_it_arrives(world: World) -> None:
    client = world.open(channels=(1, 2))
    client.send(half(), half(2))
    assert (world.node.unfinished_content, client.connection.unfinished_content) == (120, 120)
    client.send(raw(3, 1, bytes(40)))
    assert world.node.unfinished_content == 60
    client.call(commands.Channel.Close(200, "", 0, 0))
    client.vanish()
    assert world.node.unfinished_content == 0
    assert world.broker.account.octets == 0


def test_a_connection_holds_no_more_than_its_cap(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_unfinished_content=100))
    client, other = world.open(channels=(1, 2)), world.open()
    client.send(half())
    other.send(half())
    assert client.take() == b""
    client.send(half(2))
    text = "RESOURCE_ERROR - unfinished content of 120 octets on this connection: expected at most 100"
    assert client.connection_close() == (506, text, 60, 40)
    assert world.node.unfinished_content == 60
    assert other.take() == b""


def test_a_broker_holds_no_more_than_its_cap(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_unfinished_content_total=100))
    first, second = world.open(), world.open()
    first.send(half())
    second.send(half())
    text = "RESOURCE_ERROR - unfinished content of 120 octets in this broker: expected at most 100"
    assert second.connection_close() == (506, text, 60, 40)
    assert first.take() == b""


def test_whole_content_is_not_capped(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_unfinished_content=100))
    client = world.open()
    client.declare("q")
    for _ in range(10):
        client.send(publish("q", bytes(150), chunk=80))
    assert client.count("q") == 10


def test_a_channel_in_error_is_no_way_around_the_cap(make_world: MakeWorld) -> None:
    """Its content is dropped, but not before it is complete."""
    world = make_world(settings=Settings(max_unfinished_content=100))
    client = world.open()
    client.call(commands.Queue.Declare(queue="nope", passive=True))
    client.send(publish("q", bytes(90), chunk=30))
    assert world.node.unfinished_content == 0
    client.send(half(size=1000), raw(3, 1, bytes(60)))
    assert client.connection_close()[0] == 506
    assert world.node.unfinished_content == 0


def test_a_refused_publish_leaves_nothing_counted(world: World) -> None:
    client = world.open()
    client.send(publish("q", bytes(100), "nope", chunk=10))
    assert client.channel_close()[0] == 404
    assert world.node.unfinished_content == 0


# -- the outbox ----------------------------------------------------------------------------------------------------


def test_consumers_wait_while_the_outbox_is_over_its_mark(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    slow, publisher = world.open(), world.open()
    publisher.declare("q")
    slow.consume("q", no_ack=True)
    slow.wire.full = True
    for index in range(100):
        publisher.fill("q", bytes((index,)) * 1000)
    waiting = publisher.count("q")
    assert 85 <= waiting <= 95
    assert slow.connection.outbox.size < 2 * 10_000
    slow.wire.full = False
    slow.wire.flush()
    world.settle()
    assert [each[0] for each in slow.bodies(commands.Basic.Deliver)] == list(range(100))


def test_a_slow_consumer_leaves_the_messages_to_others(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    slow, fast, publisher = world.open(), world.open(), world.open()
    publisher.declare("q")
    slow.consume("q", no_ack=True)
    fast.consume("q", no_ack=True)
    slow.wire.full = True
    for _ in range(100):
        publisher.fill("q", bytes(1000))
    assert publisher.count("q") == 0
    assert len(fast.bodies(commands.Basic.Deliver)) >= 80


def test_an_outbox_between_the_marks_does_not_resume(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    slow, publisher = world.open(), world.open()
    publisher.declare("q")
    slow.consume("q", no_ack=True)
    slow.wire.full = True
    for _ in range(100):
        publisher.fill("q", bytes(1000))
    outbox, waiting = slow.connection.outbox, publisher.count("q")
    outbox.was_sent(len(outbox.take(5000)))
    world.settle()
    assert outbox.over
    assert publisher.count("q") == waiting


def test_a_slow_consumer_that_vanishes_gives_nothing_more(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    slow, publisher = world.open(), world.open()
    publisher.declare("q")
    slow.consume("q")
    slow.wire.full = True
    for _ in range(100):
        publisher.fill("q", bytes(1000))
    slow.vanish()
    assert publisher.count("q") == 100


def test_who_reads_no_replies_is_not_read_either(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    client, other = world.open(), world.open()
    client.declare("q")
    client.fill("q", bytes(5000))
    client.wire.full = True
    get = frame.marshal(commands.Basic.Get(queue="q"), 1)
    recover = frame.marshal(commands.Basic.Recover(requeue=True), 1)
    sent = 0
    while client.is_read():
        client.send(get + recover)
        sent += 1
        assert sent < 1000
    assert other.declare("q").queue == "q"
    client.wire.full = False
    client.wire.flush()
    world.settle()
    assert client.is_read()
    assert len([each for each in client.read() if each.name == "Basic.GetOk"]) == sent


def test_what_waits_in_an_outbox_is_accounted_for(make_world: MakeWorld) -> None:
    world = make_world(settings=MARKS)
    client = world.open()
    client.declare("q")
    client.wire.full = True
    client.send(publish("nope", bytes(5000), mandatory=True))
    assert world.broker.account.octets >= 5000
    client.vanish()
    client.wire.aborted = True
    client.wire.flush()
    assert world.broker.account.octets == 0


# -- turns ---------------------------------------------------------------------------------------------------------


def loaded(world: World, count: int) -> Client:
    client = world.open()
    client.declare("q")
    one = publish("q", b"")
    for _ in range(0, count, 10_000):
        client.feed(one * min(count, 10_000))
    world.settle()
    return client


def turns_beside(world: World, other: Client) -> int:
    """End turns until nothing is left, with somebody else's publish in each; return how many there were."""
    turns = 0
    more = True
    while more:
        more = world.node.end_turn()
        turns += 1
        other.feed(publish("side", b"x"))
    return turns


def test_very_many_messages_go_back_over_many_turns() -> None:
    world = World(settings=Settings(outbox_high_water=1 << 40))
    client, other = loaded(world, MANY), world.open()
    other.declare("side")
    client.send(frame.marshal(commands.Basic.Consume(queue="q"), 1))
    client.take()
    assert world.broker.vhosts["/"].queues["q"].unacked == MANY
    client.feed(frame.marshal(commands.Channel.Close(200, "", 0, 0), 1))
    assert world.broker.vhosts["/"].queues["q"].message_count == MANY
    turns = turns_beside(world, other)
    assert turns > MANY // 1000
    assert other.count("side") >= turns
    assert world.broker.vhosts["/"].queues["q"].unacked == 0
    got = other.get("q")
    assert isinstance(got.method, commands.Basic.GetOk)
    assert (got.method.redelivered, got.method.message_count) == (True, MANY - 1)


def test_very_many_messages_are_purged_over_many_turns() -> None:
    world = World()
    client, other = loaded(world, MANY), world.open()
    other.declare("side")
    client.feed(frame.marshal(commands.Queue.Purge(queue="q"), 1))
    assert world.broker.vhosts["/"].queues["q"].message_count == 0
    turns = turns_beside(world, other)
    assert turns >= MANY // (RUN * 512 // RUN_UNITS)
    assert client.only(commands.Queue.PurgeOk).message_count == MANY
    assert other.count("side") >= turns


def test_a_deep_queue_feeds_a_new_consumer_over_many_turns(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(outbox_high_water=1 << 40))
    client, other = loaded(world, 50_000), world.open()
    other.declare("side")
    client.feed(frame.marshal(commands.Basic.Consume(queue="q", no_ack=True), 1))
    assert turns_beside(world, other) > 100
    assert len(client.read()) == 50_001


def test_one_read_is_handled_in_bounded_turns(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.connection.receive_data(publish("q", b"x") * 10_000)
    turns = 0
    while client.connection.process(512):
        turns += 1
        world.node.end_turn()
        assert world.broker.vhosts["/"].queues["q"].message_count <= turns * 200
    world.settle()
    assert client.count("q") == 10_000
    assert turns >= 50
