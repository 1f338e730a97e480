"""queue.bind and queue.unbind, queue.purge and queue.delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Table, Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names


def _copies(channel: Channel, exchange: str, key: str, queue: str) -> int:
    channel.publish(exchange, key, b"x")
    channel.fence(queue)
    return channel.purge(queue)


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


@pytest.fixture
def exchange(channel: Channel, names: Names) -> str:
    channel.declare_exchange(names("e"))
    return names("e")


# -- bind


@pytest.mark.proves("queue.bind", "queue.unbind", "queue.bind.duplicates")
def test_vector_13_binding_twice_is_binding_once(channel: Channel, queue: str, exchange: str) -> None:
    channel.bind(queue, exchange, "k")
    channel.bind(queue, exchange, "k")
    assert _copies(channel, exchange, "k", queue) == 1
    channel.unbind(queue, exchange, "k")
    assert _copies(channel, exchange, "k", queue) == 0


@pytest.mark.proves("bindings.arguments", "queue.bind.arguments", "queue.unbind.arguments")
def test_vector_14_other_arguments_are_another_binding(channel: Channel, queue: str, exchange: str) -> None:
    channel.bind(queue, exchange, "k", {"a": 1})
    channel.bind(queue, exchange, "k", {"a": 2})
    assert _copies(channel, exchange, "k", queue) == 1
    channel.unbind(queue, exchange, "k", {"a": 1})
    channel.unbind(queue, exchange, "k")
    assert _copies(channel, exchange, "k", queue) == 1
    channel.unbind(queue, exchange, "k", {"a": 2})
    assert _copies(channel, exchange, "k", queue) == 0


@pytest.mark.proves("bindings.arguments", "queue.unbind.arguments")
def test_binding_arguments_are_compared_sorted_by_key(channel: Channel, queue: str, exchange: str) -> None:
    channel.bind(queue, exchange, "k", {"a": 1, "b": "x"})
    channel.unbind(queue, exchange, "k", {"b": "x", "a": 1})
    assert _copies(channel, exchange, "k", queue) == 0


@pytest.mark.proves("bindings.arguments", "queue.unbind.arguments")
def test_binding_arguments_are_compared_with_their_wire_types(channel: Channel, queue: str, exchange: str) -> None:
    channel.bind(queue, exchange, "k", {"a": Typed("I", 1)})
    channel.unbind(queue, exchange, "k", {"a": Typed("l", 1)})
    assert _copies(channel, exchange, "k", queue) == 1
    channel.unbind(queue, exchange, "k", {"a": Typed("I", 1)})
    assert _copies(channel, exchange, "k", queue) == 0


@pytest.mark.proves(
    "queue.bind.queue.must-exist", "queue.bind.exchange.exchange-existence", "queue.bind.queue", "queue.bind.exchange"
)
@pytest.mark.proves("error.queue.bind.no-exchange", "error.queue.bind.no-queue")
def test_vector_12_binding_what_is_missing(channel: Channel, names: Names, queue: str, exchange: str) -> None:
    """The exchange is reported first."""
    none = names("none")
    for q, e, kind in [(none, exchange, "queue"), (queue, none, "exchange"), (none, none, "exchange")]:
        with channel.refused(404, f"NOT_FOUND - no {kind} '{none}' in vhost '/'", "queue.bind"):
            channel.bind(q, e, "k")
        channel.open()


@pytest.mark.proves(
    "queue.bind.exchange.default-exchange",
    "queue.unbind.exchange.default-exchange",
    "queue.unbind.01",
    "deviation.exchange.default-binding",
)
@pytest.mark.parametrize("method", ["queue.bind", "queue.unbind"])
@pytest.mark.proves("error.queue.bind.default", "error.queue.unbind.default")
def test_vector_9_the_default_exchange_cannot_be_bound(channel: Channel, queue: str, method: str) -> None:
    text = "ACCESS_REFUSED - operation not permitted on the default exchange"
    with channel.refused(403, text, method):
        channel.call(method, queue=queue, exchange="", routing_key=queue)


@pytest.mark.proves(
    "queue.unbind.queue.must-exist",
    "queue.unbind.exchange.must-exist",
    "deviation.queue.unbind-missing",
    "exchanges.idempotent",
)
def test_vector_11_unbinding_what_is_missing(channel: Channel, names: Names, queue: str, exchange: str) -> None:
    channel.unbind(queue, exchange, "k")
    channel.unbind(names("none"), exchange, "k")
    channel.unbind(queue, names("none"), "k")


@pytest.mark.proves("queue.bind.transient-exchange", "exchange.declare.durable.support", "queue.declare.durable.types")
def test_durable_and_transient_may_be_bound(channel: Channel, names: Names) -> None:
    for durable in (False, True):
        exchange, queue = names(f"e{durable}"), names(f"q{durable}")
        channel.declare_exchange(exchange, durable=durable)
        channel.declare_queue(queue, durable=not durable)
        channel.bind(queue, exchange, "k")
        assert _copies(channel, exchange, "k", queue) == 1


@pytest.mark.proves("exchange.delete", "queue.delete")
def test_deleting_an_exchange_or_a_queue_removes_its_bindings(channel: Channel, queue: str, exchange: str) -> None:
    channel.bind(queue, exchange, "k")
    channel.delete_queue(queue)
    channel.declare_queue(queue)
    assert _copies(channel, exchange, "k", queue) == 0
    channel.bind(queue, exchange, "k")
    channel.delete_exchange(exchange)
    channel.declare_exchange(exchange)
    assert _copies(channel, exchange, "k", queue) == 0


# -- purge


@pytest.mark.proves(
    "queue.purge", "queue.purge.queue", "queue.purge.02", "queue.purge-ok", "queue.purge-ok.message-count"
)
def test_vector_68_purge_takes_ready_messages_only(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    assert channel.must_get(queue).body == b"a"
    assert channel.purge(queue) == 2
    channel.reject(1)
    channel.fence(queue)
    assert channel.drain(queue) == [b"a"]


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("queue.purge", marks=pytest.mark.proves("queue.purge.queue.must-exist", "queue.purge.queue")),
        pytest.param("basic.get", marks=pytest.mark.proves("basic.get.queue")),
        pytest.param("basic.consume", marks=pytest.mark.proves("basic.consume.queue")),
    ],
)
@pytest.mark.proves("error.queue.purge.missing", "error.basic.get.missing", "error.basic.consume.missing")
def test_a_missing_queue(channel: Channel, names: Names, method: str) -> None:
    with channel.refused(404, f"NOT_FOUND - no queue '{names('none')}' in vhost '/'", method):
        channel.send(method, queue=names("none"))


# -- delete


@pytest.mark.proves("queue.delete.queue.must-exist", "deviation.queue.delete-missing")
def test_vector_11_deleting_a_missing_queue(channel: Channel, names: Names) -> None:
    assert channel.delete_queue(names("none")) == 0
    assert channel.delete_queue(names("none"), if_unused=True, if_empty=True) == 0


@pytest.mark.proves("queue.delete", "queue.delete.queue", "queue.delete-ok", "queue.delete-ok.message-count")
def test_delete_ok_counts_ready_messages(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    assert channel.must_get(queue).body == b"a"
    assert channel.delete_queue(queue) == 2


@pytest.mark.proves("queue.delete.if-unused", "queue.delete.if-unused.in-use")
@pytest.mark.proves("error.queue.delete.in-use")
def test_vector_45_if_unused(channel: Channel, queue: str) -> None:
    tag = channel.consume(queue)
    text = f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use"
    with channel.refused(406, text, "queue.delete"):
        channel.delete_queue(queue, if_unused=True)
    assert tag
    assert channel.open().delete_queue(queue, if_unused=True) == 0


@pytest.mark.proves("queue.delete.if-empty", "queue.delete.if-empty.not-empty")
@pytest.mark.proves("error.queue.delete.not-empty")
def test_vector_45_if_empty_is_tested_first_and_counts_ready_messages(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.fill(queue, b"a", b"b")
    channel.consume(queue)
    assert channel.bodies(1) == [b"a"]
    text = f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty"
    with channel.refused(406, text, "queue.delete"):
        channel.delete_queue(queue, if_unused=True, if_empty=True)


@pytest.mark.proves("queue.delete.if-empty")
def test_unacked_messages_do_not_count_for_if_empty(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a")
    assert channel.must_get(queue).body == b"a"
    assert channel.delete_queue(queue, if_empty=True) == 0


@pytest.mark.proves("queue.delete")
def test_acks_for_a_deleted_queue_are_taken_silently(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    for _ in range(3):
        channel.must_get(queue)
    channel.delete_queue(queue)
    channel.ack(1)
    channel.nack(2)
    channel.reject(3, requeue=False)
    assert channel.quiet() == []


# -- auto-delete and exclusive


@pytest.mark.proves("auto-delete.last-consumer", "queue.declare.auto-delete")
def test_vector_47_an_auto_delete_queue_waits_for_its_first_consumer(connect: Connect, names: Names) -> None:
    channel, other, queue = connect().channel(), connect().channel(), names("q")
    channel.declare_queue(queue, auto_delete=True)
    channel.fill(queue, b"a")
    assert channel.must_get(queue).body == b"a"
    one, two = channel.consume(queue), other.consume(queue)
    channel.cancel(one)
    assert channel.counts(queue) == (0, 1)
    other.cancel(two)
    _is_gone(channel, queue)


def _is_gone(channel: Channel, queue: str) -> None:
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "queue.declare"):
        channel.declare_queue(queue, passive=True)


@pytest.mark.proves("auto-delete.last-consumer")
def test_an_auto_delete_queue_is_gone_when_its_consumers_channel_has_closed(connect: Connect, names: Names) -> None:
    channel, other, queue = connect().channel(), connect().channel(), names("q")
    channel.declare_queue(queue, auto_delete=True)
    channel.consume(queue)
    channel.close()
    _is_gone(other, queue)


@pytest.mark.proves("auto-delete.last-consumer")
def test_an_auto_delete_queue_is_gone_when_its_consumers_connection_has_closed(connect: Connect, names: Names) -> None:
    channel, other, queue = connect().channel(), connect().channel(), names("q")
    other.declare_queue(queue, auto_delete=True)
    channel.consume(queue)
    channel.connection.close()
    _is_gone(other, queue)


@pytest.mark.proves("exclusive.connection", "queue.declare.exclusive")
def test_an_exclusive_queue_goes_with_its_connection_not_its_channel(connect: Connect, names: Names) -> None:
    connection, other, queue = connect(), connect().channel(), names("q")
    connection.channel(1).declare_queue(queue, exclusive=True)
    connection.channel(2).declare_queue(queue, passive=True)
    connection.call(1, "channel.close", "channel.close-ok", reply_code=200)
    connection.channel(3).declare_queue(queue, exclusive=True)
    connection.close()
    _is_gone(other, queue)


@pytest.mark.proves("exclusive.connection")
def test_an_exclusive_queue_goes_when_tcp_ends(connect: Connect, names: Names) -> None:
    connection, other, queue = connect(), connect().channel(), names("q")
    connection.channel().declare_queue(queue, exclusive=True)
    connection.abort()
    while True:
        other.send("queue.declare", queue=queue, passive=True)
        reply = other.connection.read()
        if reply.name == "channel.close":
            other.send("channel.close-ok")
            other.open()
            if reply["reply_code"] == 404:
                return


ARGUMENTS: list[Table] = [b"", {"x": Typed("V", None)}]


@pytest.mark.proves("queue.bind.routing-key", "bindings.arguments")
@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_a_binding_key_may_have_255_octets(
    channel: Channel, queue: str, exchange: str, arguments: dict[str, Value]
) -> None:
    key = "k" * 255
    channel.bind(queue, exchange, key, arguments)
    assert _copies(channel, exchange, key, queue) == 1
