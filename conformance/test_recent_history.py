"""x-recent-history: what a new binding gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect, Names
    from conformance.fields import Table, Value

proves = pytest.mark.proves


def _declare(channel: Channel, names: Names, length: Value = None) -> str:
    arguments: Table = {} if length is None else {"x-recent-history-length": length}
    channel.declare_exchange(names("e"), "x-recent-history", arguments)
    return names("e")


def _replayed(channel: Channel, names: Names) -> list[bytes]:
    """Return what a new queue gets when it is bound."""
    channel.declare_queue(names("late"))
    channel.bind(names("late"), names("e"), "no matter")
    channel.fence(names("late"))
    return channel.drain(names("late"))


@proves("recent-history.replay")
@pytest.mark.parametrize(("length", "kept"), [(None, 20), (1, 1), (3, 3), (Typed("b", 5), 5), (2**40, 25)])
def test_a_new_binding_gets_the_latest_messages(channel: Channel, names: Names, length: Value, kept: int) -> None:
    exchange = _declare(channel, names, length)
    bodies = [b"%d" % number for number in range(25)]
    for body in bodies:
        channel.publish(exchange, "k", body)
    assert _replayed(channel, names) == bodies[-kept:]


@proves("recent-history.replay")
def test_a_replayed_message_is_as_it_was(channel: Channel, names: Names) -> None:
    exchange = _declare(channel, names)
    properties = {"headers": {"a": 1, "CC": ["c"]}, "delivery_mode": 2, "expiration": "60000", "message_id": "m"}
    channel.publish(exchange, "k", b"body", properties)
    channel.declare_queue(names("late"))
    channel.bind(names("late"), exchange)
    channel.fence(names("late"))
    got = channel.must_get(names("late"), no_ack=True)
    assert (got["exchange"], got["routing_key"], got["redelivered"], got.body) == (exchange, "k", False, b"body")
    channel.publish("", names("late"), b"body", properties)
    channel.fence(names("late"))
    assert got.content is not None
    straight = channel.must_get(names("late"), no_ack=True).content
    assert straight is not None
    assert got.content.raw_properties == straight.raw_properties


@proves("recent-history.replay")
def test_every_binding_of_a_queue_gets_them_anew(channel: Channel, names: Names) -> None:
    exchange, queue = _declare(channel, names), names("late")
    channel.publish(exchange, "k", b"x")
    assert _replayed(channel, names) == [b"x"]
    assert _replayed(channel, names) == []
    channel.bind(queue, exchange, "another key")
    channel.fence(queue)
    assert channel.drain(queue) == [b"x"]
    channel.unbind(queue, exchange, "no matter")
    assert _replayed(channel, names) == [b"x"]


@proves("recent-history.fanout")
def test_it_is_a_fanout(channel: Channel, names: Names) -> None:
    exchange = _declare(channel, names)
    for queue in (names("a"), names("b")):
        channel.declare_queue(queue)
        channel.bind(queue, exchange, queue)
        channel.bind(queue, exchange, "again")
    channel.publish(exchange, "whatever", b"x")
    channel.fence(names("a"), names("b"))
    assert channel.drain(names("a")) == channel.drain(names("b")) == [b"x"]


@proves("recent-history.fanout", "recent-history.sources")
def test_without_bindings_a_message_is_returned_and_kept(channel: Channel, names: Names) -> None:
    exchange = _declare(channel, names)
    channel.publish(exchange, "k", b"x", mandatory=True)
    assert channel.expect("basic.return")["reply_code"] == 312
    assert _replayed(channel, names) == [b"x"]


@proves("recent-history.no-store")
@pytest.mark.parametrize(("value", "kept"), [(True, False), (False, True), ("true", True), (1, True), (None, True)])
def test_a_true_header_keeps_a_message_out(channel: Channel, names: Names, value: Value, kept: bool) -> None:
    exchange = _declare(channel, names)
    channel.publish(exchange, "k", b"x", {"headers": {"x-recent-history-no-store": value}})
    assert bool(_replayed(channel, names)) is kept


@proves("recent-history.sources")
def test_what_another_exchange_passes_on_is_kept(channel: Channel, names: Names) -> None:
    exchange = _declare(channel, names)
    channel.declare_exchange(names("bound"), "fanout")
    channel.bind_exchange(exchange, names("bound"))
    channel.publish(names("bound"), "k", b"bound")
    channel.declare_exchange(names("alternate"), arguments={"alternate-exchange": exchange})
    channel.publish(names("alternate"), "k", b"alternate")
    assert _replayed(channel, names) == [b"bound", b"alternate"]


@proves("recent-history.sources")
def test_dead_letters_are_kept(channel: Channel, names: Names) -> None:
    exchange, queue = _declare(channel, names), names("q")
    channel.declare_queue(queue, {"x-dead-letter-exchange": exchange})
    channel.fill(queue, b"dead")
    channel.reject(channel.must_get(queue)["delivery_tag"], requeue=False)
    channel.fence(queue)
    assert _replayed(channel, names) == [b"dead"]


@proves("recent-history.sources")
@pytest.mark.parametrize("end", ["tx.commit", "tx.rollback"])
def test_what_a_transaction_publishes_is_kept_at_once(
    channel: Channel, names: Names, connect: Connect, end: str
) -> None:
    """The type is asked for a route at publish, whatever becomes of the transaction."""
    exchange = _declare(channel, names)
    other = connect().channel()
    other.call("tx.select")
    other.publish(exchange, "k", b"x")
    other.fence()
    assert _replayed(channel, names) == [b"x"]
    other.call(end)
    channel.delete_queue(names("late"))
    assert _replayed(channel, names) == [b"x"]


@proves("error.exchange.declare.history-length")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-1, "-1"),
        ("a", '<<"a">>'),
        ("5", '<<"5">>'),
        ("", "<<>>"),
        (True, "true"),
        (5.0, "5.0"),
        (Typed("T", 5), "5"),
        (Typed("D", [0, 5]), "{0,5}"),
        ([1], "[{signedint,1}]"),
    ],
)
def test_a_length_that_is_none(
    condition: Condition, channel: Channel, names: Names, value: Value, shown: str
) -> None:
    with condition.closes_channel(channel, value=shown):
        channel.declare_exchange(names("e"), "x-recent-history", {"x-recent-history-length": value})


@proves("error.exchange.declare.history-length")
def test_a_length_that_is_void(condition: Condition, channel: Channel, names: Names) -> None:
    with condition.closes_channel(channel, value="undefined"):
        channel.declare_exchange(names("e"), "x-recent-history", {"x-recent-history-length": None})
