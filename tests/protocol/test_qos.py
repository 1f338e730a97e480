"""Prefetch windows: per consumer, per channel in RabbitMQ's meaning, and what basic.get has to do with them."""

from __future__ import annotations

import pytest
from pamqp import commands

from tests.protocol.harness import Client, MakeWorld, World


def limited(world: World, count: int, *, is_global: bool = False, messages: int = 6) -> Client:
    client = world.open()
    client.declare("q")
    client.fill("q", *(bytes((65 + each,)) for each in range(messages)))
    qos(client, count, is_global=is_global)
    return client


def qos(client: Client, count: int, *, is_global: bool = False) -> list[bytes]:
    """Set a window; return what was delivered on it."""
    replies = client.call(commands.Basic.Qos(prefetch_count=count, global_=is_global))
    assert replies[0].name == "Basic.QosOk"
    return [each.body for each in replies[1:]]




def ack(client: Client, tag: int, *, multiple: bool = False) -> list[bytes]:
    """Settle; return what was delivered thereupon."""
    return [each.body for each in client.call(commands.Basic.Ack(tag, multiple))]


def consumed(client: Client, tag: str = "c", *, no_ack: bool = False) -> list[bytes]:
    return [each.body for each in client.consume("q", tag, no_ack=no_ack)]


@pytest.mark.parametrize("size", [1, 4096, 2**32 - 1])
def test_a_window_in_octets_is_540(world: World, size: int) -> None:
    client = world.open()
    replies = client.call(commands.Basic.Qos(prefetch_size=size))
    assert client.connection_close(replies) == (540, f"NOT_IMPLEMENTED - prefetch_size!=0 ({size})", 60, 10)


def test_a_consumer_gets_as_many_as_its_window_holds(world: World) -> None:
    client = limited(world, 2)
    assert consumed(client) == [b"A", b"B"]
    assert ack(client, 1) == [b"C"]
    assert ack(client, 3, multiple=True) == [b"D", b"E"]


def test_without_a_window_a_consumer_gets_everything(world: World) -> None:
    assert consumed(limited(world, 0)) == [b"A", b"B", b"C", b"D", b"E", b"F"]


def test_each_consumer_has_a_window_of_its_own(world: World) -> None:
    client = limited(world, 1)
    assert consumed(client, "one") == [b"A"]
    assert consumed(client, "two") == [b"B"]


def test_a_new_window_holds_for_later_consumers_alone(world: World) -> None:
    client = limited(world, 1)
    assert consumed(client, "one") == [b"A"]
    assert qos(client, 3) == []
    assert consumed(client, "two") == [b"B", b"C", b"D"]
    assert ack(client, 1) == [b"E"]


def test_consumers_that_do_not_ack_have_no_window(world: World) -> None:
    client = limited(world, 1)
    assert len(consumed(client, no_ack=True)) == 6


@pytest.mark.parametrize("requeue", [False, True])
def test_refusing_frees_the_window_as_well(world: World, requeue: bool) -> None:
    client = limited(world, 1)
    assert consumed(client) == [b"A"]
    replies = client.call(commands.Basic.Reject(1, requeue=requeue))
    assert [each.body for each in replies] == [b"A" if requeue else b"B"]


def test_a_cancelled_consumer_gets_nothing_when_its_messages_are_settled(world: World) -> None:
    client = limited(world, 1)
    assert consumed(client) == [b"A"]
    client.ask(commands.Basic.Cancel("c"), commands.Basic.CancelOk)
    assert ack(client, 1) == []
    assert client.count("q") == 5


# -- the channel's window ------------------------------------------------------------------------------------------

HONOURED = ["3.10", "3.13", "4.0", "4.2"]


@pytest.mark.parametrize("profile", HONOURED)
def test_a_channels_window_is_shared_by_its_consumers(make_world: MakeWorld, profile: str) -> None:
    client = limited(make_world(profile=profile), 3, is_global=True)
    assert consumed(client, "one") == [b"A", b"B", b"C"]
    assert consumed(client, "two") == []
    assert ack(client, 2) == [b"D"]


def test_consumers_of_one_channel_take_turns_once_its_window_is_open_again(world: World) -> None:
    """In the order in which they were passed over, as in RabbitMQ: the second one was next when the window was full."""
    client = limited(world, 1, is_global=True, messages=0)
    assert consumed(client, "one") == consumed(client, "two") == []
    client.fill("q", b"A", b"B", b"C", b"D")
    client.read()
    replies = client.call(commands.Basic.Qos(prefetch_count=0, global_=True))
    delivered = [(each.body, each.method) for each in replies[1:]]
    turns = {body: each.consumer_tag for body, each in delivered if isinstance(each, commands.Basic.Deliver)}
    assert turns == {b"B": "two", b"C": "one", b"D": "two"}


def test_4_3_takes_a_global_window_for_a_consumers_one(make_world: MakeWorld) -> None:
    client = make_world(profile="4.3").open()
    qos(client, 1, is_global=True)
    client.ask(commands.Queue.Declare(queue="d", durable=True), commands.Queue.DeclareOk)
    client.fill("d", b"A", b"B", b"C")
    assert [each.body for each in client.consume("d", "one")] == [b"A"]
    assert [each.body for each in client.consume("d", "two")] == [b"B"]


def test_both_windows_apply(world: World) -> None:
    client = limited(world, 2)
    assert qos(client, 3, is_global=True) == []
    assert consumed(client, "one") == [b"A", b"B"]
    assert consumed(client, "two") == [b"C"]
    assert ack(client, 3) == [b"D"]


def test_the_window_of_another_channel_is_its_own(world: World) -> None:
    client = limited(world, 1, is_global=True)
    client.open_channel(2)
    assert consumed(client, "one") == [b"A"]
    assert len(client.consume("q", "two", 2)) == 5


def test_a_window_of_0_removes_the_channels(world: World) -> None:
    client = limited(world, 1, is_global=True)
    assert consumed(client) == [b"A"]
    assert qos(client, 0, is_global=True) == [b"B", b"C", b"D", b"E", b"F"]


def test_a_window_for_consumers_removes_the_channels(world: World) -> None:
    client = limited(world, 1, is_global=True)
    assert consumed(client) == [b"A"]
    assert qos(client, 4) == [b"B", b"C", b"D", b"E", b"F"]


def test_a_larger_window_is_used_at_once(world: World) -> None:
    client = limited(world, 1, is_global=True)
    assert consumed(client) == [b"A"]
    assert qos(client, 3, is_global=True) == [b"B", b"C"]


def test_what_is_outstanding_counts_towards_a_new_window(world: World) -> None:
    client = limited(world, 0)
    assert len(consumed(client)) == 6
    assert qos(client, 5, is_global=True) == []
    client.fill("q", b"G")
    assert client.read() == []
    assert ack(client, 1) == []
    assert ack(client, 2) == [b"G"]


# -- basic.get -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_global", [False, True])
def test_basic_get_takes_no_window(world: World, is_global: bool) -> None:
    client = limited(world, 1, is_global=is_global)
    assert [client.get("q").body for _ in range(3)] == [b"A", b"B", b"C"]


def test_a_got_message_does_not_use_up_the_channels_window(world: World) -> None:
    client = limited(world, 1, is_global=True)
    client.get("q")
    assert consumed(client) == [b"B"]


def test_messages_got_before_the_window_was_set_count(world: World) -> None:
    client = limited(world, 0)
    client.get("q")
    qos(client, 2, is_global=True)
    assert consumed(client) == [b"B"]
    assert ack(client, 1) == [b"C"]


def test_on_3_10_settling_them_makes_no_room(make_world: MakeWorld) -> None:
    client = limited(make_world(profile="3.10"), 0)
    client.get("q")
    qos(client, 2, is_global=True)
    assert consumed(client) == [b"B"]
    assert ack(client, 1) == []
    assert ack(client, 2) == [b"C"]


def test_settling_a_got_message_frees_no_consumers_window(world: World) -> None:
    client = limited(world, 1)
    assert consumed(client) == [b"A"]
    client.get("q")
    assert ack(client, 2) == []
    assert ack(client, 1) == [b"C"]


def test_recover_frees_every_window(world: World) -> None:
    client = limited(world, 2)
    assert consumed(client) == [b"A", b"B"]
    replies = client.call(commands.Basic.Recover(requeue=True))
    assert sorted(each.name for each in replies) == ["Basic.Deliver", "Basic.Deliver", "Basic.RecoverOk"]
    assert [each.body for each in replies if each.body] == [b"A", b"B"]
