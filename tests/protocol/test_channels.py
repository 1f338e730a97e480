"""The life of a channel: opening, errors that close it alone, number reuse, limits, and strict order within it."""

from __future__ import annotations

import struct

import attrs
import pytest
from pamqp import commands, frame
from pamqp.common import FieldTable

from tests.protocol.harness import (
    MakeWorld,
    World,
    content_header,
    publish,
    publish_method,
    raw,
    raw_method,
    shortstr,
)

CLOSE = struct.pack(">H", 200) + shortstr("bye") + bytes(4)
NO_QUEUE = (404, "NOT_FOUND - no queue 'nope' in vhost '/'", 50, 10)
PASSIVE = frame.marshal(commands.Queue.Declare(queue="nope", passive=True), 1)


def test_open_ok_carries_an_empty_id(world: World) -> None:
    client = world.open(channels=())
    client.send(raw_method(1, 20, 10, shortstr("")))
    assert client.take() == raw_method(1, 20, 11, bytes(4))


@pytest.mark.parametrize("number", [1, 2047, 2048, 65535])
def test_any_number_but_0_can_be_opened(world: World, number: int) -> None:
    client = world.open(channels=(number,))
    assert client.declare("q", number).queue == "q"


def test_methods_may_be_pipelined(world: World) -> None:
    """Replies come in the order of the methods, whatever each of them waits for."""
    client = world.open(channels=())
    client.send(
        raw_method(1, 20, 10, b"\x00"),
        frame.marshal(commands.Exchange.Declare(exchange="x", exchange_type="fanout"), 1),
        frame.marshal(commands.Queue.Declare(queue="q"), 1),
        frame.marshal(commands.Queue.Bind(queue="q", exchange="x"), 1),
        publish("", b"first", "x"),
        frame.marshal(commands.Basic.Get(queue="q", no_ack=True), 1),
        publish("", b"second", "x"),
        frame.marshal(commands.Basic.Get(queue="q", no_ack=True), 1),
        frame.marshal(commands.Queue.Delete(queue="q"), 1),
        raw_method(1, 20, 40, CLOSE),
    )
    replies = client.read()
    assert [each.name for each in replies] == [
        "Channel.OpenOk",
        "Exchange.DeclareOk",
        "Queue.DeclareOk",
        "Queue.BindOk",
        "Basic.GetOk",
        "Basic.GetOk",
        "Queue.DeleteOk",
        "Channel.CloseOk",
    ]
    assert [each.body for each in replies if each.body] == [b"first", b"second"]


def test_a_soft_error_closes_its_channel_alone(world: World) -> None:
    client = world.open(channels=(1, 2))
    client.send(PASSIVE)
    assert client.channel_close() == NO_QUEUE
    assert client.declare("q", 2).queue == "q"


def test_a_channel_in_error_drops_everything_but_its_close_ok(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.send(
        PASSIVE,
        publish("q", b"lost"),
        publish("q", b"lost in pieces", chunk=3),
        frame.marshal(commands.Queue.Delete(queue="q"), 1),
        raw_method(1, 60, 80, bytes(9)),
    )
    assert client.channel_close() == NO_QUEUE
    client.reopen()
    assert client.count("q") == 0


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([raw(3, 1, b"a body without a method")], 505),
        ([raw(2, 1, bytes(14))], 505),
        ([publish_method("q"), raw_method(1, 20, 41)], 505),
        ([raw_method(1, 20, 10, b"\x00")], 504),
        ([raw_method(1, 60, 99)], 503),
        ([raw_method(1, 50, 10, b"undecodable")], 501),
    ],
)
def test_frames_of_a_channel_in_error_must_still_make_sense(world: World, frames: list[bytes], code: int) -> None:
    client = world.open()
    client.send(PASSIVE)
    client.channel_close()
    client.send(*frames)
    assert client.connection_close()[0] == code


def test_an_empty_queue_name_is_looked_up_even_in_error_and_before_the_channel_is_open(world: World) -> None:
    """As a 3.10.8 does: its shortcut for the queue declared last comes before everything else."""
    client = world.open()
    client.send(PASSIVE, frame.marshal(commands.Queue.Purge(), 1))
    closes = [each.method for each in client.read()]
    assert [each.reply_text for each in closes] == [NO_QUEUE[1], "NOT_FOUND - no previously declared queue"]  # type: ignore[attr-defined]  # both are closes
    client.send(frame.marshal(commands.Basic.Get(), 2))
    (close,) = [each.method for each in client.read()]
    assert close.reply_text == "NOT_FOUND - no previously declared queue"  # type: ignore[attr-defined]  # a close


def test_a_close_of_a_channel_in_error_is_answered_and_changes_nothing(world: World) -> None:
    client = world.open()
    client.send(PASSIVE, raw_method(1, 20, 40, CLOSE))
    assert [each.name for each in client.read()] == ["Channel.Close", "Channel.CloseOk"]
    client.send(PASSIVE)
    assert client.take() == b""
    client.reopen()


def test_content_cut_by_an_error_stays_in_step(world: World) -> None:
    """The method fails while its content is still on the way; what follows must not be taken for something else."""
    client = world.open()
    client.declare("q")
    client.send(publish_method("q"))
    client.send(content_header(1, 6))
    client.send(PASSIVE)
    assert client.connection_close()[0] == 505
    client = world.open()
    client.send(PASSIVE, publish_method("q"), content_header(1, 6), raw(3, 1, b"abc"))
    assert client.channel_close() == NO_QUEUE
    client.send(raw(3, 1, b"def"))
    client.reopen()
    assert client.count("q") == 0
    assert world.node.unfinished_content == 0


def test_a_number_is_free_after_the_clients_close(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.fill("q", b"m")
    assert client.get("q").method.delivery_tag == 1  # type: ignore[attr-defined]  # every reply here is a GetOk
    client.send(raw_method(1, 20, 40, CLOSE))
    client.only(commands.Channel.CloseOk)
    client.open_channel()
    again = client.get("q")
    assert isinstance(again.method, commands.Basic.GetOk)
    assert (again.method.delivery_tag, again.method.redelivered) == (1, True)


def test_what_was_sent_behind_a_close_before_its_answer_is_dropped(world: World) -> None:
    """A client's threads may settle while it closes: that costs nobody the connection."""
    client = world.open()
    client.send(raw_method(1, 20, 40, CLOSE) + raw_method(1, 60, 80, bytes(9)) + publish("q", b"m"))
    client.only(commands.Channel.CloseOk)
    client.send(raw_method(1, 60, 80, bytes(9)))
    assert client.connection_close()[0] == 504


def test_a_number_is_taken_until_the_close_ok(world: World) -> None:
    client = world.open(channel_max=1)
    client.send(PASSIVE)
    client.channel_close()
    client.send(raw_method(2, 20, 10, b"\x00"))
    text = "NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)"
    assert client.connection_close() == (530, text, 0, 0)


def test_a_channel_in_error_does_not_keep_the_queues_it_consumed_from(world: World) -> None:
    """Unsettled messages of its consumers' queues go back at once, the others with its close-ok."""
    client, other = world.open(), world.open()
    client.declare("consumed")
    client.declare("got")
    client.fill("consumed", b"c")
    client.fill("got", b"g")
    client.consume("consumed")
    client.get("got")
    client.send(PASSIVE)
    assert client.channel_close() == NO_QUEUE
    assert (other.count("consumed"), other.count("got")) == (1, 0)
    client.reopen()
    assert (other.count("consumed"), other.count("got")) == (1, 1)


@pytest.mark.parametrize("numbers", [(1, 2, 3), (7, 70, 700)])
def test_channel_max_limits_how_many_not_which(world: World, numbers: tuple[int, ...]) -> None:
    client = world.open(channel_max=3, channels=numbers)
    client.send(raw_method(numbers[0], 20, 40, CLOSE))
    client.read()
    client.open_channel(9)
    client.send(raw(3, 12, b"any frame on a new number counts"))
    text = "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)"
    assert client.connection_close() == (530, text, 0, 0)


@pytest.mark.parametrize(
    ("profile", "name", "shown"),
    [("3.10", "alice", "(2)"), ("4.0", "amqpd@localhost", "(2)"), ("4.2", "alice", "2"), ("4.3", "alice", "2")],
)
def test_a_users_channels_are_counted_over_all_connections(
    make_world: MakeWorld, profile: str, name: str, shown: str
) -> None:
    world = make_world(profile=profile)
    world.broker.add_user(attrs.evolve(world.add_user("alice"), max_channels=2))
    first, second, guest = world.open("alice"), world.open("alice"), world.open(channels=(1, 2, 3))
    second.send(raw_method(2, 20, 10, b"\x00"))
    text = f"NOT_ALLOWED - number of channels opened for user '{name}' has reached the maximum allowed user limit of"
    assert second.connection_close() == (530, f"{text} {shown}", 0, 0)
    first.open_channel(2)
    assert guest.take() == b""


def test_flow_can_only_be_switched_on(world: World) -> None:
    client = world.open()
    assert client.ask(commands.Channel.Flow(active=True), commands.Channel.FlowOk).active is True
    replies = client.call(commands.Channel.Flow(active=False))
    assert client.connection_close(replies) == (540, "NOT_IMPLEMENTED - active=false", 20, 20)


def test_access_request_always_grants_ticket_1(world: World) -> None:
    client = world.open()
    client.send(raw_method(1, 30, 10, shortstr("/data") + b"\x00"))
    assert client.take() == raw_method(1, 30, 11, b"\x00\x01")


def test_nowait_suppresses_the_reply_not_the_error(world: World) -> None:
    client = world.open()
    for method in (
        commands.Queue.Declare(queue="q", nowait=True),
        commands.Queue.Bind(queue="q", exchange="amq.fanout", nowait=True),
        commands.Basic.Consume(queue="q", consumer_tag="c", nowait=True),
        commands.Basic.Cancel(consumer_tag="c", nowait=True),
        commands.Queue.Purge(queue="q", nowait=True),
        commands.Exchange.Declare(exchange="x", exchange_type="topic", nowait=True),
        commands.Exchange.Bind(destination="x", source="amq.fanout", nowait=True),
        commands.Exchange.Unbind(destination="x", source="amq.fanout", nowait=True),
        commands.Exchange.Delete(exchange="x", nowait=True),
        commands.Queue.Delete(queue="q", nowait=True),
        commands.Confirm.Select(nowait=True),
    ):
        assert client.call(method) == []
    replies = client.call(commands.Queue.Declare(queue="nope", passive=True, nowait=True))
    assert client.channel_close(replies) == NO_QUEUE


def test_update_secret_is_accepted(world: World) -> None:
    client = world.open()
    client.ask(commands.Connection.UpdateSecret("secret", "reason"), commands.Connection.UpdateSecretOk, 0)


def test_a_long_text_is_cut_to_a_short_string(world: World) -> None:
    client = world.open()
    client.send(raw_method(1, 50, 10, b"\0\0" + shortstr("ü" * 127) + b"\x01" + bytes(4)))
    text = client.channel_close()[1]
    assert text.startswith("NOT_FOUND - no queue 'üü")
    assert len(text.encode()) <= 255


def test_what_was_outstanding_goes_with_an_auto_delete_queue(world: World) -> None:
    """It is not returned first, where its time would be up and it would be dead-lettered: found beside RabbitMQ."""
    client = world.open()
    client.declare("dead")
    arguments: FieldTable = {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    client.call(commands.Queue.Declare(queue="q", auto_delete=True, arguments=arguments))
    client.call(commands.Basic.Consume(queue="q", consumer_tag="c"))
    client.send(publish("q", b"m"))
    client.only(commands.Basic.Deliver)
    client.send(PASSIVE)
    client.channel_close()
    client.reopen()
    assert client.count("dead") == 0
