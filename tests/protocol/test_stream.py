"""Streams behind a channel: what deliveries carry, windows, refusals, and what ends a consumer."""

from __future__ import annotations

import pytest
from pamqp import commands, frame
from pamqp.common import FieldTable

from amqpd.broker.queue import SLICE
from tests.protocol.harness import Client, MakeWorld, Reply, World, publish, raw_method

MANY = 3 * SLICE
STREAM = "queue 's' in vhost '/'"


def declared(world: World, count: int = 0, **arguments: int | str) -> Client:
    """A client with a stream `s` of so many messages, numbered."""
    client = world.open(channels=(1, 2))
    method = commands.Queue.Declare(queue="s", durable=True, arguments={"x-queue-type": "stream", **arguments})
    client.ask(method, commands.Queue.DeclareOk)
    client.fill("s", *bodies(count))
    return client


def bodies(count: int) -> list[bytes]:
    return [b"%d" % each for each in range(count)]


def consume(
    client: Client, offset: str | int = "first", prefetch: int = 10, tag: str = "c", **arguments: str
) -> list[Reply]:
    """Start a consumer on channel 1; return what arrived after consume-ok."""
    client.ask(commands.Basic.Qos(prefetch_count=prefetch), commands.Basic.QosOk)
    table: FieldTable = {"x-stream-offset": offset}
    table.update({key.replace("_", "-"): value for key, value in arguments.items()})
    replies = client.call(commands.Basic.Consume(queue="s", consumer_tag=tag, arguments=table))
    assert replies[0].name == "Basic.ConsumeOk", replies
    return replies[1:]


def offset(reply: Reply) -> int:
    """What the header of a delivery says."""
    assert reply.properties is not None
    headers = reply.properties.headers
    assert headers is not None
    value = headers["x-stream-offset"]
    assert isinstance(value, int)
    return value


def test_deliveries_carry_their_offset(world: World) -> None:
    client = declared(world, 3)
    got = consume(client)
    assert [(offset(each), each.body) for each in got] == list(enumerate(bodies(3)))
    for each in got:
        assert isinstance(each.method, commands.Basic.Deliver)
        assert (each.method.redelivered, each.method.exchange, each.method.routing_key) == (False, "", "s")


def test_other_queues_with_the_same_message_do_not_see_the_header(world: World) -> None:
    client = declared(world)
    client.declare("q")
    for name in ("s", "q"):
        client.call(commands.Queue.Bind(queue=name, exchange="amq.fanout", routing_key=""))
    client.send(publish("k", b"x", "amq.fanout"))
    assert [offset(each) for each in consume(client)] == [0]
    properties = client.get("q").properties
    assert properties is not None
    assert not properties.headers


@pytest.mark.parametrize("settlement", ["ack", "nack", "nack back", "reject", "reject back"])
def test_each_settlement_is_a_credit_and_no_more(make_world: MakeWorld, settlement: str) -> None:
    world = make_world(profile="4.2")
    client = declared(world, 3)
    consume(client, prefetch=1)
    method = {
        "ack": commands.Basic.Ack(1),
        "nack": commands.Basic.Nack(1, requeue=False),
        "nack back": commands.Basic.Nack(1, requeue=True),
        "reject": commands.Basic.Reject(1, requeue=False),
        "reject back": commands.Basic.Reject(1, requeue=True),
    }[settlement]
    assert [offset(each) for each in client.call(method)] == [1]
    assert client.count("s") == 3


@pytest.mark.parametrize("multiple", [False, True])
@pytest.mark.parametrize("count", [3, MANY])
def test_3_10_knows_no_refusals(make_world: MakeWorld, multiple: bool, count: int) -> None:
    world = make_world(profile="3.10")
    client = declared(world, count)
    consume(client, prefetch=count)
    replies = client.call(commands.Basic.Nack(count, multiple, True))
    text = f"NOT_IMPLEMENTED - basic.nack and basic.reject not supported by stream queues {STREAM}"
    assert client.connection_close(replies) == (540, text, 60, 120)


def test_3_10_knows_no_refusals_in_a_transaction_either(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10")
    client = declared(world, 1)
    client.call(commands.Tx.Select())
    consume(client)
    assert client.call(commands.Basic.Reject(1)) == []
    code, _, class_id, method_id = client.connection_close(client.call(commands.Tx.Commit()))
    assert (code, class_id, method_id) == (540, 90, 20)


@pytest.mark.parametrize(("profile", "ends"), [("3.10", True), ("3.13", False), ("4.2", False)])
def test_recover_gives_credits_and_ended_the_connection_in_3_10(
    make_world: MakeWorld, profile: str, ends: bool
) -> None:
    world = make_world(profile=profile)
    client = declared(world, 4)
    consume(client, prefetch=2)
    replies = client.call(commands.Basic.Recover(True))
    if ends:
        assert client.connection_close(replies) == (541, "INTERNAL_ERROR", 0, 0)
    else:
        assert sorted(each.name for each in replies) == ["Basic.Deliver", "Basic.Deliver", "Basic.RecoverOk"]
        assert [offset(each) for each in replies if each.name == "Basic.Deliver"] == [2, 3]


def test_a_slow_consumer_holds_no_bodies_that_the_log_has_let_go(world: World) -> None:
    client = declared(world, 0, **{"x-stream-max-segment-size-bytes": 1, "x-max-length-bytes": 2})
    consume(client, "first", prefetch=100)
    for body in bodies(50):
        client.fill("s", body)
    assert len(client.read()) == 50
    queue = world.broker.vhosts["/"].queues["s"]
    held = [each.message.body for each in client.connection.holdings(queue)]
    assert held == [b""] * 49 + [b"49"]
    assert client.call(commands.Basic.Ack(50, multiple=True)) == []


def test_a_window_is_never_exceeded_by_a_batch(world: World) -> None:
    """RabbitMQ hands out whole chunks while there is any credit."""
    client = declared(world, 100)
    assert len(consume(client, prefetch=7)) == 7


def test_acknowledging_many_at_once_lets_many_in(world: World) -> None:
    client = declared(world, 3 * MANY)
    assert len(consume(client, prefetch=MANY)) == MANY
    got = client.call(commands.Basic.Ack(MANY, multiple=True))
    assert [offset(each) for each in got] == list(range(MANY, 2 * MANY))


@pytest.mark.parametrize("how", ["close", "vanish", "error"])
@pytest.mark.parametrize("count", [5, MANY])
def test_a_channel_that_ends_gives_nothing_back(world: World, how: str, count: int) -> None:
    client = declared(world, count)
    consume(client, prefetch=count)
    if how == "close":
        client.call(commands.Channel.Close(200, "", 0, 0))
    elif how == "error":
        client.channel_close(client.call(commands.Basic.Ack(count + 1)))
        client.send(frame.marshal(commands.Channel.CloseOk(), 1))
    else:
        client.vanish()
    other = world.open()
    assert other.count("s") == count
    assert world.broker.vhosts["/"].queues["s"].unacked == 0


def test_a_stream_has_no_window_of_the_channel(make_world: MakeWorld) -> None:
    world = make_world(profile="4.2")
    client = declared(world)
    client.call(commands.Basic.Qos(prefetch_count=5))
    client.call(commands.Basic.Qos(prefetch_count=5, global_=True))
    replies = client.call(commands.Basic.Consume(queue="s", consumer_tag="c"))
    assert client.connection_close(replies) == (
        540, f"NOT_IMPLEMENTED - {STREAM} does not support global qos", 60, 20
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "no_ack", "text"),
    [
        ("3.13", False, f"PRECONDITION_FAILED - consumer prefetch count is not set for '{STREAM}'"),
        ("4.0", False, f"PRECONDITION_FAILED - consumer prefetch count is not set for stream {STREAM}"),
        ("3.13", True, f"NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues {STREAM}"),
        ("4.0", True, f"NOT_IMPLEMENTED - automatic acknowledgement not supported by stream {STREAM}"),
    ],
)
def test_how_versions_word_what_a_consumer_lacks(
    make_world: MakeWorld, profile: str, no_ack: bool, text: str
) -> None:
    client = declared(make_world(profile=profile))
    client.call(commands.Basic.Qos(prefetch_count=int(no_ack)))
    replies = client.call(commands.Basic.Consume(queue="s", consumer_tag="c", no_ack=no_ack))
    closed = client.connection_close(replies) if no_ack else client.channel_close(replies)
    assert closed[1] == text


def test_nowait_and_pipelined_publishes_keep_their_order(world: World) -> None:
    client = declared(world)
    client.call(commands.Basic.Qos(prefetch_count=10))
    consume_frame = frame.marshal(commands.Basic.Consume(queue="s", consumer_tag="c"), 1)
    client.send(publish("s", b"before"), consume_frame, publish("s", b"after"))
    replies = client.read()
    assert [each.name for each in replies] == ["Basic.ConsumeOk", "Basic.Deliver"]
    assert replies[1].body == b"after"


def test_what_a_transaction_publishes_is_one_batch(world: World) -> None:
    client = declared(world, 2)
    client.call(commands.Tx.Select())
    client.fill("s", b"2", b"3")
    assert client.count("s", 2) == 2
    client.call(commands.Tx.Commit())
    assert [each.body for each in consume(client, "last")] == [b"2", b"3"]


def test_publishes_are_confirmed(world: World) -> None:
    client = declared(world)
    client.call(commands.Confirm.Select())
    client.fill("s", b"0", b"1")
    acks = client.read()
    assert {each.name for each in acks} == {"Basic.Ack"}
    last = acks[-1].method
    assert isinstance(last, commands.Basic.Ack)
    assert last.delivery_tag == 2


def test_a_deleted_stream_cancels_its_consumers(world: World) -> None:
    client = declared(world, 2)
    consume(client)
    replies = client.call(commands.Queue.Delete(queue="s", if_unused=True, if_empty=True), 2)
    assert sorted(each.name for each in replies) == ["Basic.Cancel", "Queue.DeleteOk"]
    deleted = next(each.method for each in replies if each.name == "Queue.DeleteOk")
    assert isinstance(deleted, commands.Queue.DeleteOk)
    assert deleted.message_count == 0


def test_a_reader_whose_connection_is_slow_goes_on_when_it_has_drained(world: World) -> None:
    client = declared(world)
    client.fill("s", *[b"x" * 60_000] * 60)
    client.wire.full = True
    client.send(
        frame.marshal(commands.Basic.Qos(prefetch_count=100), 1),
        frame.marshal(commands.Basic.Consume(queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"}), 1),
    )
    assert client.connection.outbox.size < 2_000_000
    client.wire.full = False
    client.connection.outbox.transport.flush() if client.connection.outbox.transport else None
    world.settle()
    got = [each for each in client.read() if each.name == "Basic.Deliver"]
    assert [offset(each) for each in got] == list(range(60))


def test_a_named_consumer_goes_on_where_the_last_one_stopped(make_world: MakeWorld) -> None:
    world = make_world(profile="4.2")
    client = declared(world, 6)
    consume(client, prefetch=4, x_stream_name="billing")
    client.send(frame.marshal(commands.Basic.Ack(2, multiple=True), 1))
    client.vanish()
    again = world.open()
    assert [offset(each) for each in consume(again, x_stream_name="billing")] == [2, 3, 4, 5]


def test_filters_reach_the_stream(make_world: MakeWorld) -> None:
    world = make_world(profile="3.13")
    client = declared(world)
    for value in ("a", "b"):
        properties = commands.Basic.Properties(headers={"x-stream-filter-value": value})
        client.send(publish("s", value.encode(), properties=properties))
    assert [each.body for each in consume(client, x_stream_filter="b")] == [b"b"]


@pytest.mark.parametrize("profile", ["3.10", "3.13"])
def test_filters_are_an_argument_of_streams_since_3_13(make_world: MakeWorld, profile: str) -> None:
    world = make_world(profile=profile)
    client = world.open()
    client.declare("q")
    replies = client.call(
        commands.Basic.Consume(queue="q", consumer_tag="c", arguments={"x-stream-filter": "a"})
    )
    if profile == "3.10":
        assert replies[0].name == "Basic.ConsumeOk"
    else:
        assert client.channel_close(replies)[1].endswith("of queue type rabbit_classic_queue")


def test_dead_letters_go_into_a_stream(world: World) -> None:
    client = declared(world)
    client.call(
        commands.Queue.Declare(
            queue="q", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "s"}
        )
    )
    client.fill("q", b"x")
    client.get("q", 2)
    client.send(frame.marshal(commands.Basic.Reject(1, requeue=False), 2))
    (letter,) = consume(client)
    assert letter.properties is not None
    headers = letter.properties.headers
    assert headers is not None
    assert (headers["x-first-death-queue"], headers["x-stream-offset"]) == ("q", 0)


def test_a_stream_takes_acknowledgements_after_its_consumer_was_cancelled(world: World) -> None:
    client = declared(world, 3)
    consume(client)
    client.ask(commands.Basic.Cancel("c"), commands.Basic.CancelOk)
    assert client.call(commands.Basic.Ack(3, multiple=True)) == []
    assert client.call(commands.Basic.Ack(1))[0].name == "Channel.Close"


def test_recover_async_is_a_credit_too(make_world: MakeWorld) -> None:
    world = make_world(profile="4.2")
    client = declared(world, 3)
    consume(client, prefetch=1)
    client.send(raw_method(1, 60, 100, b"\x01"))
    assert [offset(each) for each in client.read()] == [1]
