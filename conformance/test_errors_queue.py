"""What queue.declare, bind, unbind, purge and delete refuse; x-arguments are in `test_errors_arguments`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import THREE_QUEUES

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect, Names
    from conformance.fields import Value

proves = pytest.mark.proves
REPLY_TO = "amq.rabbitmq.reply-to"


# -- declare


@proves("error.queue.declare.reserved")
@pytest.mark.parametrize("queue", ["amq.mine", "amq.", "amq.gen-x"])
def test_reserved_names(condition: Condition, channel: Channel, queue: str) -> None:
    with condition.closes_channel(channel, queue=queue):
        channel.declare_queue(queue)


@proves("error.queue.declare.reserved")
def test_a_generated_name_cannot_be_declared_again(condition: Condition, channel: Channel) -> None:
    queue = channel.declare_queue("", exclusive=True)["queue"]
    with condition.closes_channel(channel, queue=queue):
        channel.declare_queue(queue, exclusive=True)


@proves("error.queue.declare.missing")
@pytest.mark.parametrize("queue", ["missing", "", "'"])
def test_a_passive_declaration_of_nothing(condition: Condition, channel: Channel, queue: str) -> None:
    with condition.closes_channel(channel, queue=queue):
        channel.declare_queue(queue, passive=True, durable=True)


@proves("error.queue.declare.other-exclusive")
@pytest.mark.parametrize("exclusive", [False, True])
def test_declaring_again_with_another_exclusive_bit(
    condition: Condition, channel: Channel, names: Names, exclusive: bool
) -> None:
    channel.declare_queue(names("q"), durable=True, exclusive=exclusive)
    with condition.closes_channel(channel, queue=names("q")):
        channel.declare_queue(names("q"), durable=True, exclusive=not exclusive)


@pytest.mark.parametrize(
    ("first", "then", "current", "received"),
    [
        pytest.param(*values, marks=proves(f"error.queue.declare.other-{word}"))
        for word, *values in [
            ("durable", {"durable": True}, {}, "'true'", "'false'"),
            ("auto-delete", {"durable": True}, {"durable": True, "auto_delete": True}, "'false'", "'true'"),
            ("auto-delete", {"durable": True, "auto_delete": True}, {"durable": True}, "'true'", "'false'"),
        ]
    ],
)
def test_declaring_again_with_other_bits(
    condition: Condition,
    channel: Channel,
    names: Names,
    first: dict[str, bool],
    then: dict[str, bool],
    current: str,
    received: str,
) -> None:
    channel.call("queue.declare", queue=names("q"), **first)
    with condition.closes_channel(channel, queue=names("q"), received=received, current=current):
        channel.call("queue.declare", queue=names("q"), **then)


TTL = "x-message-ttl"
OTHER_ARGUMENTS: list[tuple[str, dict[str, Value], dict[str, Value], str, str]] = [
    (TTL, {TTL: 1000}, {}, "the value '1000' of type 'signedint'", "none"),
    (TTL, {}, {TTL: 1000}, "none", "the value '1000' of type 'signedint'"),
    (TTL, {TTL: 1}, {TTL: "x"}, "'1'", "'x'"),
    ("x-overflow", {"x-overflow": "drop-head"}, {"x-overflow": "reject-publish"}, "'drop-head'", "'reject-publish'"),
]


@proves("error.queue.declare.other-argument")
@pytest.mark.parametrize(("field", "first", "then", "current", "received"), OTHER_ARGUMENTS)
def test_declaring_again_with_other_arguments(
    condition: Condition,
    channel: Channel,
    names: Names,
    field: str,
    first: dict[str, Value],
    then: dict[str, Value],
    current: str,
    received: str,
) -> None:
    channel.declare_queue(names("q"), first, durable=True)
    with condition.closes_channel(channel, queue=names("q"), field=field, received=received, current=current):
        channel.declare_queue(names("q"), then, durable=True)


@pytest.mark.versions(before="4.0", otherwise="since 4.0 the current type is `classic`, not none")
@pytest.mark.parametrize(
    ("then", "field", "received"),
    [
        pytest.param(*values, marks=proves(f"error.queue.declare.other-{word}"))
        for word, *values in [
            (
                "argument",
                {"x-single-active-consumer": True},
                "x-single-active-consumer",
                "the value 'true' of type 'bool'",
            ),
            ("type", {}, "x-queue-type", "the value 'foo' of type 'longstr'"),
            ("type", {"x-queue-master-locator": "client-local"}, "x-queue-type", "the value 'foo' of type 'longstr'"),
        ]
    ],
)
def test_declaring_again_as_a_type_that_does_not_exist(
    condition: Condition, channel: Channel, names: Names, then: dict[str, Value], field: str, received: str
) -> None:
    """The type is compared late."""
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, queue=names("q"), field=field, received=received, current="none"):
        channel.declare_queue(names("q"), {"x-queue-type": "foo", **then}, durable=True)


@proves("error.queue.declare.vhost-limit")
@pytest.mark.parametrize("queue", ["fourth", "'odd' 4th"])
def test_a_vhost_full_of_queues(condition: Condition, connect_as: Connect, queue: str) -> None:
    channel = connect_as("guest", virtual_host=THREE_QUEUES).channel()
    for name in ("one", "two", "three"):
        channel.declare_queue(name, exclusive=True)
    with condition.closes_channel(channel, queue=queue, vhost=THREE_QUEUES, limit=3):
        channel.declare_queue(queue, durable=True)
    channel.declare_queue("one", exclusive=True)
    channel.delete_queue("one")
    channel.declare_queue(queue, exclusive=True)


@proves("error.queue.declare.requester-gone")
@pytest.mark.parametrize("passive", [False, True])
def test_a_requester_that_is_gone(condition: Condition, connect: Connect, names: Names, passive: bool) -> None:
    requester, service = connect().channel(), connect().channel()
    service.declare_queue(names("q"), durable=True)
    tag = requester.consume(REPLY_TO, no_ack=True)
    requester.publish("", names("q"), b"?", {"reply_to": REPLY_TO})
    requester.fence(names("q"))
    name = service.must_get(names("q"), no_ack=True).message.properties["reply_to"]
    requester.cancel(tag)
    with condition.closes_channel(service, queue=name):
        service.declare_queue(name, passive=passive)


# -- bind and unbind


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=proves(f"error.{method}.nothing-declared"))
        for method in ("queue.bind", "queue.unbind", "queue.purge", "queue.delete", "basic.get", "basic.consume")
    ],
)
def test_no_queue_was_declared_on_the_channel(
    condition: Condition, connect: Connect, names: Names, method: str
) -> None:
    """That the connection's other channel has declared one is no help."""
    connection = connect()
    connection.channel(1).declare_queue(names("q"), durable=True)
    channel = connection.channel(2)
    with condition.closes_channel(channel):
        channel.send(method, **({"exchange": "amq.direct"} if "bind" in method else {}))


@pytest.mark.parametrize(
    "method",
    [pytest.param(f"queue.{verb}", marks=proves(f"error.queue.{verb}.default")) for verb in ("bind", "unbind")],
)
@pytest.mark.parametrize("queue", ["q", "missing"])
def test_the_default_exchange_cannot_be_bound(
    condition: Condition, channel: Channel, names: Names, method: str, queue: str
) -> None:
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel):
        channel.call(method, queue=names(queue), exchange="", routing_key="k")


@proves("error.queue.bind.no-exchange")
@pytest.mark.parametrize("queue", ["q", "missing"])
def test_binding_to_a_missing_exchange(condition: Condition, channel: Channel, names: Names, queue: str) -> None:
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, exchange=names("e")):
        channel.bind(names(queue), names("e"))


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        pytest.param(method, fields, marks=proves(f"error.{method}.{word}"))
        for method, word, fields in [
            ("queue.bind", "no-queue", {"exchange": "amq.direct"}),
            ("queue.purge", "missing", {}),
            ("basic.get", "missing", {}),
            ("basic.consume", "missing", {}),
        ]
    ],
)
def test_a_queue_that_is_missing(
    condition: Condition, channel: Channel, names: Names, method: str, fields: dict[str, str]
) -> None:
    with condition.closes_channel(channel, queue=names("q")):
        channel.send(method, queue=names("q"), **fields)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        pytest.param(method, fields, marks=proves(f"error.{method}.locked"))
        for method, fields in [
            ("queue.declare", {}),
            ("queue.declare", {"exclusive": True}),
            ("queue.declare", {"passive": True}),
            ("queue.bind", {"exchange": "amq.direct"}),
            ("queue.unbind", {"exchange": "amq.direct", "routing_key": "k"}),
            ("queue.purge", {}),
            ("queue.delete", {}),
            ("basic.consume", {}),
            ("basic.get", {}),
        ]
    ],
)
def test_an_exclusive_queue_of_another_connection(
    condition: Condition, connect: Connect, names: Names, method: str, fields: dict[str, str | bool]
) -> None:
    owner, channel = connect().channel(), connect().channel()
    owner.declare_queue(names("q"), exclusive=True)
    owner.bind(names("q"), "amq.direct", "k")
    with condition.closes_channel(channel, queue=names("q")):
        channel.send(method, queue=names("q"), **fields)
    owner.unbind(names("q"), "amq.direct", "k")
    assert owner.counts(names("q")) == (0, 0)


@proves("error.queue.bind.x-match-value")
@pytest.mark.parametrize(("value", "shown"), [("foo", '<<"foo">>'), ("", "<<>>")])
def test_an_x_match_that_is_none(condition: Condition, channel: Channel, names: Names, value: str, shown: str) -> None:
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, value=shown):
        channel.bind(names("q"), "amq.headers", "", {"x-match": value})


@proves("error.queue.bind.x-match-type")
@pytest.mark.parametrize(("value", "type", "shown"), [(5, "signedint", "5"), (True, "bool", "true")])
def test_an_x_match_that_is_no_string(
    condition: Condition, channel: Channel, names: Names, value: Value, type: str, shown: str
) -> None:
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, type=type, value=shown):
        channel.bind(names("q"), "amq.headers", "", {"x-match": value})


@pytest.mark.versions(since="4.3", otherwise="before 4.3 a key may have any number of them")
@proves("error.queue.bind.topic-wildcards")
def test_a_topic_key_with_three_hashes(condition: Condition, channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, key="#.a.#.b.#", count=3, limit=2):
        channel.bind(names("q"), "amq.topic", "#.a.#.b.#")


@pytest.mark.versions(since="4.2", otherwise="until 4.0: bind finds no queue, unbind does nothing")
@pytest.mark.parametrize(
    "method",
    [pytest.param(f"queue.{verb}", marks=proves(f"error.queue.{verb}.reply-to")) for verb in ("bind", "unbind")],
)
def test_a_consumer_of_replies_cannot_be_bound(condition: Condition, channel: Channel, method: str) -> None:
    """Whether it is there or not."""
    with condition.closes_channel(channel):
        channel.call(method, queue=f"{REPLY_TO}.of-nobody", exchange="amq.direct")


# -- delete


@proves("error.queue.delete.in-use")
def test_a_queue_in_use(condition: Condition, channel: Channel, connect: Connect, names: Names) -> None:
    connect().channel().consume(channel.declare_queue(names("q"), durable=True)["queue"])
    with condition.closes_channel(channel, queue=names("q")):
        channel.delete_queue(names("q"), if_unused=True)
    assert channel.counts(names("q")) == (0, 1)


@proves("error.queue.delete.not-empty")
@pytest.mark.parametrize("if_unused", [False, True])
def test_a_queue_that_is_not_empty(
    condition: Condition, channel: Channel, connect: Connect, names: Names, if_unused: bool
) -> None:
    """That it is in use, too, is told second."""
    channel.declare_queue(names("q"), durable=True)
    consumer = connect().channel()
    consumer.qos(1)
    consumer.consume(names("q"))
    channel.fill(names("q"), b"held", b"ready")
    with condition.closes_channel(channel, queue=names("q")):
        channel.delete_queue(names("q"), if_empty=True, if_unused=if_unused)
    assert channel.counts(names("q")) == (1, 1)
