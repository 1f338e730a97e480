"""queue.declare: names, counts, equivalence, passive, exclusive, reserved names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

Arguments = dict[str, Value]
LOCKED = (
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{}' in vhost '/'. It could be originally "
    "declared on another connection or the exclusive property value does not match that of the original declaration."
)


def _inequivalent(field: str, queue: str, received: str, current: str) -> str:
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{field}' for queue '{queue}' in vhost '/': "
        f"received {received} but current is {current}"
    )


# -- the reply


@pytest.mark.proves(
    "queue.declare",
    "queue.declare.queue",
    "queue.declare-ok",
    "queue.declare-ok.queue",
    "queue.declare-ok.message-count",
    "queue.declare-ok.consumer-count",
)
def test_a_new_queue_is_empty(channel: Channel, names: Names) -> None:
    reply = channel.declare_queue(names("q"))
    assert dict(reply.fields) == {"queue": names("q"), "message_count": 0, "consumer_count": 0}


@pytest.mark.proves("queue.declare-ok.message-count", "queue.declare-ok.consumer-count")
def test_vector_67_counts_are_ready_messages_and_consumers(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    channel.fill(queue, b"a", b"b", b"c")
    channel.qos(1)
    channel.consume(queue)
    assert channel.bodies(1) == [b"a"]
    assert channel.counts(queue) == (2, 1)


@pytest.mark.proves("queue.declare.queue.default-name", "queue.declare-ok.queue", "server-named.generated")
def test_a_server_named_queue(channel: Channel) -> None:
    first, second = channel.declare_queue(exclusive=True)["queue"], channel.declare_queue(exclusive=True)["queue"]
    assert re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", first)
    assert first != second


@pytest.mark.proves("queue.declare.queue.reserved")
def test_a_server_named_queue_cannot_be_redeclared_actively(channel: Channel) -> None:
    queue = channel.declare_queue(exclusive=True)["queue"]
    channel.declare_queue(queue, passive=True)
    text = f"ACCESS_REFUSED - queue name '{queue}' contains reserved prefix 'amq.*'"
    with channel.refused(403, text, "queue.declare"):
        channel.declare_queue(queue, exclusive=True)


@pytest.mark.proves("queue.declare.queue.reserved")
@pytest.mark.proves("error.queue.declare.reserved")
def test_vector_7_reserved_names(channel: Channel) -> None:
    text = "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'"
    with channel.refused(403, text, "queue.declare"):
        channel.declare_queue("amq.x")


# -- equivalence


@pytest.mark.proves(
    "queue.declare.passive.equivalent",
    "queue.declare.durable",
    "queue.declare.auto-delete",
    "queue.declare.auto-delete.pre-existence",
)
@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        ("durable", {"durable": True}, {}),
        ("durable", {}, {"durable": True}),
        ("auto_delete", {"auto_delete": True}, {}),
        ("auto_delete", {}, {"auto_delete": True}),
        ("durable", {"auto_delete": True}, {"durable": True}),
    ],
)
@pytest.mark.proves("error.queue.declare.other-durable", "error.queue.declare.other-auto-delete")
def test_vector_3_redeclaring_differently(
    channel: Channel, names: Names, field: str, first: dict[str, bool], second: dict[str, bool]
) -> None:
    queue = names("q")
    channel.call("queue.declare", queue=queue, **first)
    received, current = str(second.get(field, False)).lower(), str(first.get(field, False)).lower()
    with channel.refused(406, _inequivalent(field, queue, f"'{received}'", f"'{current}'"), "queue.declare"):
        channel.call("queue.declare", queue=queue, **second)


@pytest.mark.proves("queue.declare.passive.equivalent", "queue.declare.exclusive", "reply-code.resource-locked")
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.proves("error.queue.declare.other-exclusive")
def test_redeclaring_with_another_exclusive_bit(channel: Channel, names: Names, exclusive: bool) -> None:
    queue = names("q")
    channel.declare_queue(queue, exclusive=exclusive)
    with channel.refused(405, LOCKED.format(queue), "queue.declare"):
        channel.declare_queue(queue, exclusive=not exclusive)


@pytest.mark.proves("deviation.queue.exclusive-durable")
def test_exclusive_queues_are_not_durable_whatever_the_bit_says(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), durable=True, exclusive=True)
    channel.declare_queue(names("q"), durable=True, exclusive=True)


@pytest.mark.proves("arguments.integers", "arguments.equivalence")
def test_vector_4_the_width_of_an_integer_is_no_difference(channel: Channel, names: Names) -> None:
    for tag in "IlbBsui":
        channel.declare_queue(names("q"), {"x-max-length": Typed(tag, 10)})


@pytest.mark.proves("arguments.unknown", "queue.declare.passive.equivalent")
def test_vector_6_unknown_arguments_are_not_compared(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), {"x-foo": 1})
    channel.declare_queue(names("q"), {"x-foo": 2, "x-bar": "baz"})
    channel.declare_queue(names("q"))


@pytest.mark.proves("queue-type.classic")
def test_no_queue_type_is_classic(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"))
    channel.declare_queue(names("q"), {"x-queue-type": "classic"})
    channel.declare_queue(names("r"), {"x-queue-type": "classic"})
    channel.declare_queue(names("r"))


TTL = "x-message-ttl"
ARGUMENT_DIFFERENCES: list[tuple[Arguments, Arguments, str, str, str]] = [
    ({TTL: 1000}, {}, TTL, "none", "the value '1000' of type 'signedint'"),
    ({TTL: Typed("l", 1000)}, {}, TTL, "none", "the value '1000' of type 'long'"),
    ({}, {TTL: Typed("s", 7)}, TTL, "the value '7' of type 'short'", "none"),
    ({TTL: 1}, {TTL: 2}, TTL, "'2'", "'1'"),
    ({TTL: 1}, {TTL: "1"}, TTL, "'1'", "'1'"),
    ({"x-expires": 60000}, {}, "x-expires", "none", "the value '60000' of type 'signedint'"),
    ({"x-max-length": 5}, {}, "x-max-length", "none", "the value '5' of type 'signedint'"),
    ({"x-max-length-bytes": 5}, {}, "x-max-length-bytes", "none", "the value '5' of type 'signedint'"),
    ({"x-max-priority": 5}, {"x-max-priority": 6}, "x-max-priority", "'6'", "'5'"),
    ({"x-overflow": "drop-head"}, {"x-overflow": "reject-publish"}, "x-overflow", "'reject-publish'", "'drop-head'"),
    ({"x-queue-mode": "lazy"}, {}, "x-queue-mode", "none", "the value 'lazy' of type 'longstr'"),
    ({"x-dead-letter-exchange": "d"}, {"x-dead-letter-exchange": "e"}, "x-dead-letter-exchange", "'e'", "'d'"),
    (
        {"x-dead-letter-exchange": "d", "x-dead-letter-routing-key": "k"},
        {"x-dead-letter-exchange": "d"},
        "x-dead-letter-routing-key",
        "none",
        "the value 'k' of type 'longstr'",
    ),
    (
        {"x-single-active-consumer": True},
        {},
        "x-single-active-consumer",
        "none",
        "the value 'true' of type 'bool'",
    ),
    ({}, {TTL: "a"}, TTL, "the value 'a' of type 'longstr'", "none"),
]


@pytest.mark.proves("arguments.equivalence", "queue.declare.passive.equivalent", "queue.declare.arguments")
@pytest.mark.parametrize(("first", "second", "field", "received", "current"), ARGUMENT_DIFFERENCES)
@pytest.mark.proves("error.queue.declare.other-argument")
def test_vector_5_redeclaring_with_other_arguments(
    channel: Channel, names: Names, first: Arguments, second: Arguments, field: str, received: str, current: str
) -> None:
    queue = names("q")
    channel.declare_queue(queue, first)
    with channel.refused(406, _inequivalent(field, queue, received, current), "queue.declare"):
        channel.declare_queue(queue, second)


@pytest.mark.proves("arguments.equivalence")
@pytest.mark.versions(before="4.0", otherwise="since 4.0 the type is always stored, so the current one is shown")
@pytest.mark.proves("error.queue.declare.other-type")
def test_an_unknown_queue_type_on_an_existing_queue_is_a_difference(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    text = _inequivalent("x-queue-type", queue, "the value 'foo' of type 'longstr'", "none")
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {"x-queue-type": "foo"})


# -- passive


@pytest.mark.proves("queue.declare.passive", "queue.declare.passive.passive", "reply-code.not-found")
@pytest.mark.proves("error.queue.declare.missing")
def test_vector_1_a_passive_declare_of_a_missing_queue(channel: Channel, names: Names) -> None:
    queue = names("q")
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "queue.declare"):
        channel.declare_queue(queue, passive=True)


@pytest.mark.proves("last-declared", "queue.declare.passive")
def test_a_passive_declare_does_not_fill_in_an_empty_name(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"))
    with channel.refused(404, "NOT_FOUND - no queue '' in vhost '/'", "queue.declare"):
        channel.declare_queue("", passive=True)


@pytest.mark.proves("queue.declare.passive", "queue.declare.passive.passive")
def test_a_passive_declare_ignores_everything_but_the_name(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"))
    channel.declare_queue(names("q"), {TTL: "junk"}, passive=True, durable=True, auto_delete=True)


@pytest.mark.proves(
    "queue.declare.exclusive",
    "queue.declare.exclusive.exclusive",
    "queue.declare.exclusive.types",
    "exclusive.connection",
    "reply-code.resource-locked",
)
@pytest.mark.proves(
    "error.queue.declare.locked",
    "error.queue.bind.locked",
    "error.queue.purge.locked",
    "error.queue.delete.locked",
    "error.basic.consume.locked",
    "error.basic.get.locked",
)
def test_vector_17_an_exclusive_queue_is_locked_for_other_connections(connect: Connect, names: Names) -> None:
    owner, other, queue = connect(), connect().channel(), names("q")
    owner.channel(1).declare_queue(queue, exclusive=True)
    text = LOCKED.format(queue)
    attempts: list[tuple[str, dict[str, str | bool]]] = [
        ("queue.declare", {"passive": True}),
        ("queue.declare", {"exclusive": True}),
        ("queue.declare", {}),
        ("queue.bind", {"exchange": "amq.direct"}),
        ("queue.purge", {}),
        ("queue.delete", {}),
        ("basic.consume", {}),
        ("basic.get", {}),
    ]
    for method, fields in attempts:
        with other.refused(405, text, method):
            other.send(method, queue=queue, **fields)
        other.open()
    other.publish("", queue, b"from anyone")
    other.fence()
    same_connection = owner.channel(2)
    same_connection.fence(queue)
    assert same_connection.must_get(queue).body == b"from anyone"


@pytest.mark.proves("queue.declare.exclusive.exclusive")
@pytest.mark.proves("error.queue.unbind.locked")
def test_unbinding_an_exclusive_queue_of_another_connection(connect: Connect, names: Names) -> None:
    owner, other, queue = connect().channel(), connect().channel(), names("q")
    owner.declare_queue(queue, exclusive=True)
    other.unbind(queue, "amq.direct", "missing")
    owner.bind(queue, "amq.direct", "k")
    with other.refused(405, LOCKED.format(queue), "queue.unbind"):
        other.unbind(queue, "amq.direct", "k")


# -- the last declared queue


@pytest.mark.proves(
    "last-declared",
    "queue.bind.queue",
    "queue.unbind.queue",
    "queue.purge.queue",
    "queue.delete.queue",
    "basic.get.queue",
    "basic.consume.queue",
)
def test_vector_15_an_empty_name_means_the_last_declared_queue(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(names("r"))
    channel.declare_queue(queue)
    channel.bind("", "amq.direct", "")
    channel.publish("amq.direct", queue, b"x")
    channel.fence(queue)
    assert channel.must_get("").body == b"x"
    channel.fill(queue, b"y")
    channel.reject(1)
    tag = channel.consume("", no_ack=True)
    assert sorted(channel.bodies(2)) == [b"x", b"y"]
    channel.cancel(tag)
    channel.unbind("", "amq.direct", "")
    assert channel.purge("") == 0
    assert channel.delete_queue("") == 0


@pytest.mark.proves("last-declared", "queue.bind.routing-key")
def test_only_with_an_empty_queue_name_is_the_routing_key_filled_in(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange)
    channel.declare_queue(queue)
    channel.bind(queue, exchange, "")
    channel.publish(exchange, queue, b"no")
    channel.publish(exchange, "", b"yes")
    channel.fence(queue)
    assert channel.drain(queue) == [b"yes"]
    channel.bind("", exchange, "k")
    channel.publish(exchange, "k", b"kept")
    channel.fence(queue)
    assert channel.drain(queue) == [b"kept"]


@pytest.mark.proves("last-declared")
def test_a_passive_or_nowait_declare_sets_the_last_declared_queue(channel: Channel, names: Names) -> None:
    one, two = names("1"), names("2")
    channel.declare_queue(one)
    channel.send("queue.declare", queue=two, nowait=True)
    channel.publish("", two, b"two")
    assert channel.must_get("").body == b"two"
    channel.declare_queue(one, passive=True)
    assert channel.get("") is None


@pytest.mark.proves("last-declared")
@pytest.mark.parametrize(
    "method",
    [
        pytest.param("queue.purge", marks=pytest.mark.proves("queue.purge.queue.queue-known")),
        pytest.param("queue.delete", marks=pytest.mark.proves("queue.delete.queue.queue-known")),
        pytest.param("queue.bind", marks=pytest.mark.proves("queue.bind.queue.queue-known")),
        pytest.param("queue.unbind", marks=pytest.mark.proves("queue.unbind.queue.queue-known", "queue.unbind.01")),
        "basic.get",
        "basic.consume",
    ],
)
@pytest.mark.proves(
    "error.queue.purge.nothing-declared",
    "error.queue.delete.nothing-declared",
    "error.queue.bind.nothing-declared",
    "error.queue.unbind.nothing-declared",
    "error.basic.get.nothing-declared",
    "error.basic.consume.nothing-declared",
)
def test_vector_16_nothing_was_declared_on_this_channel(channel: Channel, method: str) -> None:
    fields = {"exchange": "amq.direct"} if "bind" in method else {}
    with channel.refused(404, "NOT_FOUND - no previously declared queue", method):
        channel.send(method, **fields)
