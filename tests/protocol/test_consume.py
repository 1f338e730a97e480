"""Consuming, cancelling, getting and recovering."""

from __future__ import annotations

import pytest
from pamqp import base, commands

from amqpd.protocol.node import Settings
from tests.protocol.harness import Client, MakeWorld, Reply, World, publish


def deliveries(replies: list[Reply]) -> list[tuple[str | None, int | None, bool, bytes]]:
    """Consumer tag, delivery tag, redelivered and body."""
    found = []
    for each in replies:
        assert isinstance(each.method, commands.Basic.Deliver), each
        found.append((each.method.consumer_tag, each.method.delivery_tag, each.method.redelivered, each.body))
    return found


def filled(world: World, *bodies: bytes) -> Client:
    client = world.open()
    client.declare("q")
    client.fill("q", *bodies)
    return client


def test_consume_ok_comes_before_the_first_delivery(world: World) -> None:
    client = filled(world, b"a", b"b")
    replies = client.call(commands.Basic.Consume(queue="q", consumer_tag="c"))
    assert [each.name for each in replies] == ["Basic.ConsumeOk", "Basic.Deliver", "Basic.Deliver"]
    assert deliveries(replies[1:]) == [("c", 1, False, b"a"), ("c", 2, False, b"b")]


def test_an_empty_tag_asks_for_one(world: World) -> None:
    client = filled(world)
    tags = [
        client.ask(commands.Basic.Consume(queue="q"), commands.Basic.ConsumeOk).consumer_tag for _ in range(2)
    ]
    assert len(set(tags)) == 2
    assert all(tag is not None and tag.startswith("amq.ctag-") and len(tag) == 9 + 22 for tag in tags)


def test_a_tag_in_use_is_530(world: World) -> None:
    client = filled(world)
    client.consume("q", "t")
    replies = client.call(commands.Basic.Consume(queue="q", consumer_tag="t"))
    assert client.connection_close(replies) == (530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", 60, 20)


def test_a_tag_in_use_goes_before_everything_else(world: World) -> None:
    client = filled(world)
    client.consume("q", "t")
    replies = client.call(commands.Basic.Consume(queue="nope", consumer_tag="t"))
    assert client.connection_close(replies)[0] == 530


def test_tags_are_a_channels_own(world: World) -> None:
    client = filled(world)
    client.open_channel(2)
    client.consume("q", "t")
    client.consume("q", "t", 2)


def test_no_consumers_beyond_the_limit(make_world: MakeWorld) -> None:
    client = filled(make_world(settings=Settings(max_consumers_per_channel=1)))
    client.consume("q", "one")
    replies = client.call(commands.Basic.Consume(queue="q", consumer_tag="two"))
    text = "NOT_ALLOWED - reached maximum (1) of consumers per channel"
    assert client.connection_close(replies) == (530, text, 60, 20)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (commands.Basic.Consume(queue="nope"), (404, "NOT_FOUND - no queue 'nope' in vhost '/'", 60, 20)),
        (commands.Basic.Get(queue="nope"), (404, "NOT_FOUND - no queue 'nope' in vhost '/'", 60, 70)),
        (commands.Basic.Consume(queue=""), (404, "NOT_FOUND - no previously declared queue", 60, 20)),
        (commands.Basic.Get(queue=""), (404, "NOT_FOUND - no previously declared queue", 60, 70)),
        (
            commands.Basic.Consume(queue="q", arguments={"x-priority": "high"}),
            (
                406,
                """PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': \
"expected integer, got longstr\"""",
                60,
                20,
            ),
        ),
    ],
)
def test_what_can_not_be_consumed_closes_the_channel(
    world: World, method: base.Frame, expected: tuple[int, str, int, int]
) -> None:
    world.open().declare("q")
    client = world.open()
    assert client.channel_close(client.call(method)) == expected


def test_another_connections_exclusive_queue_is_405(world: World) -> None:
    owner, client = world.open(), world.open()
    owner.declare("mine", exclusive=True)
    for method, method_id in ((commands.Basic.Consume(queue="mine"), 20), (commands.Basic.Get(queue="mine"), 70)):
        code, text, _, failed = client.channel_close(client.call(method))
        assert (code, failed) == (405, method_id)
        assert text.startswith("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'")
        client.reopen()


def test_exclusive_consumers_are_alone(world: World) -> None:
    client = filled(world)
    client.call(commands.Basic.Consume(queue="q", consumer_tag="one", exclusive=True))
    text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
    other = world.open()
    for exclusive in (False, True):
        replies = other.call(commands.Basic.Consume(queue="q", exclusive=exclusive))
        assert other.channel_close(replies) == (403, text, 60, 20)
        other.reopen()
    client.call(commands.Basic.Cancel("one"))
    other.consume("q", "two")
    replies = client.call(commands.Basic.Consume(queue="q", exclusive=True))
    assert client.channel_close(replies) == (403, text, 60, 20)


def test_consumers_of_equal_priority_take_turns(world: World) -> None:
    client = filled(world)
    client.consume("q", "one")
    client.consume("q", "two")
    client.fill("q", b"a", b"b", b"c", b"d")
    assert [each[0] for each in deliveries(client.read())] == ["one", "two", "one", "two"]


def test_the_last_declared_queue_stands_for_an_empty_name(world: World) -> None:
    client = filled(world, b"a")
    client.call(commands.Queue.Declare(queue="nope", passive=True))
    client.reopen()
    replies = client.call(commands.Basic.Get(queue=""))
    assert client.channel_close(replies)[0] == 404
    client.reopen()
    client.declare("q", passive=True)
    assert client.get("").body == b"a"


# -- cancel --------------------------------------------------------------------------------------------------------


def test_after_cancel_ok_nothing_is_delivered(world: World) -> None:
    client = filled(world, b"a")
    client.consume("q")
    assert client.ask(commands.Basic.Cancel("c"), commands.Basic.CancelOk).consumer_tag == "c"
    client.fill("q", b"b")
    assert client.take() == b""


def test_what_a_cancelled_consumer_holds_stays_its_own(world: World) -> None:
    client = filled(world, b"a", b"b")
    client.consume("q")
    client.call(commands.Basic.Cancel("c"))
    assert client.count("q") == 0
    assert client.call(commands.Basic.Ack(1)) == []
    client.fill("q", b"later")
    assert client.take() == b""
    assert client.call(commands.Basic.Nack(2, requeue=True)) == []
    assert [client.get("q").body for _ in range(2)] == [b"b", b"later"]


def test_an_unknown_tag_is_cancelled_too(world: World) -> None:
    client = world.open()
    assert client.ask(commands.Basic.Cancel("nobody"), commands.Basic.CancelOk).consumer_tag == "nobody"


def test_a_deleted_queue_cancels_its_consumers(world: World) -> None:
    client, other = filled(world), world.open()
    client.consume("q")
    other.call(commands.Queue.Delete(queue="q"))
    cancel = client.only(commands.Basic.Cancel)
    assert (cancel.consumer_tag, cancel.nowait) == ("c", True)
    client.declare("q")
    client.consume("q")


def test_a_client_that_can_not_hear_it_is_not_told(world: World) -> None:
    client = world.open(capabilities=("basic.nack",))
    client.declare("q")
    client.consume("q")
    world.open().call(commands.Queue.Delete(queue="q"))
    assert client.take() == b""
    client.declare("q")
    client.consume("q")


def test_messages_of_a_deleted_queue_can_still_be_settled(world: World) -> None:
    client = filled(world, b"a", b"b", b"c")
    client.consume("q")
    world.open().call(commands.Queue.Delete(queue="q"))
    client.only(commands.Basic.Cancel)
    client.call(commands.Basic.Ack(1))
    client.call(commands.Basic.Nack(2, requeue=True))
    assert client.call(commands.Basic.Reject(3, requeue=False)) == []
    world.settle()
    client.vanish()
    assert world.broker.account.octets == 0


def test_an_auto_delete_queue_goes_after_the_cancel_ok(world: World) -> None:
    client = world.open()
    client.declare("gone", auto_delete=True)
    client.consume("gone")
    client.ask(commands.Basic.Cancel("c"), commands.Basic.CancelOk)
    replies = client.call(commands.Queue.Declare(queue="gone", passive=True))
    assert client.channel_close(replies)[0] == 404


# -- get -----------------------------------------------------------------------------------------------------------


def test_an_empty_queue_is_get_empty(world: World) -> None:
    client = filled(world)
    assert client.ask(commands.Basic.Get(queue="q"), commands.Basic.GetEmpty).cluster_id in ("", "0")


def test_get_ok_counts_what_is_left(world: World) -> None:
    client = filled(world, b"a", b"b", b"")
    found = []
    for _ in range(3):
        got = client.get("q")
        assert isinstance(got.method, commands.Basic.GetOk)
        found.append((got.method.delivery_tag, got.method.redelivered, got.method.message_count, got.body))
    assert found == [(1, False, 2, b"a"), (2, False, 1, b"b"), (3, False, 0, b"")]


def test_gets_and_deliveries_share_their_tags(world: World) -> None:
    client = filled(world, b"a", b"b")
    client.get("q", no_ack=True)
    assert deliveries(client.consume("q")) == [("c", 2, False, b"b")]


def test_a_large_message_is_cut_to_the_negotiated_size(world: World) -> None:
    client = world.open(frame_max=8192)
    client.declare("q")
    client.send(publish("q", bytes(100_000), chunk=8184))
    assert client.get("q", no_ack=True).body == bytes(100_000)
    client.send(publish("q", bytes(100_000), chunk=8184))
    assert client.consume("q")[0].body == bytes(100_000)


# -- settle --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "method_id"),
    [
        (commands.Basic.Ack(9), 80),
        (commands.Basic.Ack(0), 80),
        (commands.Basic.Ack(9, multiple=True), 80),
        (commands.Basic.Nack(9), 120),
        (commands.Basic.Nack(9, multiple=True), 120),
        (commands.Basic.Reject(9), 90),
        (commands.Basic.Reject(0), 90),
    ],
)
def test_an_unknown_tag_is_406(world: World, method: base.Frame, method_id: int) -> None:
    client = filled(world, b"a", b"b")
    client.get("q")
    client.get("q", no_ack=True)
    tag = 0 if getattr(method, "delivery_tag", 0) == 0 else 9
    text = f"PRECONDITION_FAILED - unknown delivery tag {tag}"
    assert client.channel_close(client.call(method)) == (406, text, 60, method_id)


def test_a_settled_or_unowned_tag_is_unknown(world: World) -> None:
    client = filled(world, b"a", b"b", b"c")
    client.open_channel(2)
    for _ in range(3):
        client.get("q")
    client.call(commands.Basic.Ack(2, multiple=True))
    assert client.channel_close(client.call(commands.Basic.Ack(3), 2), 2)[0] == 406
    text = "PRECONDITION_FAILED - unknown delivery tag 1"
    assert client.channel_close(client.call(commands.Basic.Ack(1))) == (406, text, 60, 80)


def test_tag_0_with_multiple_is_everything_also_nothing(world: World) -> None:
    client = filled(world, b"a", b"b")
    assert client.call(commands.Basic.Ack(0, multiple=True)) == []
    client.get("q")
    client.get("q")
    assert client.call(commands.Basic.Nack(0, multiple=True, requeue=True)) == []
    assert client.count("q") == 2


def test_requeued_messages_come_back_in_their_order(world: World) -> None:
    client = filled(world, b"a", b"b", b"c")
    for _ in range(3):
        client.get("q")
    client.call(commands.Basic.Nack(2, requeue=True))
    client.call(commands.Basic.Reject(1, requeue=True))
    client.call(commands.Basic.Nack(3, requeue=True))
    assert [client.get("q").body for _ in range(3)] == [b"a", b"b", b"c"]


# -- recover -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This command is deprecated:DeprecationWarning")
def test_recover_requeues_everything(world: World) -> None:
    client = filled(world, b"a", b"b")
    client.get("q")
    client.get("q")
    client.ask(commands.Basic.Recover(requeue=True), commands.Basic.RecoverOk)
    got = client.get("q")
    assert isinstance(got.method, commands.Basic.GetOk)
    assert (got.method.delivery_tag, got.method.redelivered, got.body) == (3, True, b"a")
    assert client.call(commands.Basic.RecoverAsync(requeue=True)) == []
    assert client.count("q") == 2
    assert client.channel_close(client.call(commands.Basic.Ack(1)))[0] == 406


@pytest.mark.filterwarnings("ignore:This command is deprecated:DeprecationWarning")
def test_recover_without_requeue_is_540(world: World) -> None:
    for method, method_id in ((commands.Basic.Recover(), 110), (commands.Basic.RecoverAsync(), 100)):
        client = world.open()
        text = "NOT_IMPLEMENTED - requeue=false"
        assert client.connection_close(client.call(method)) == (540, text, 60, method_id)
