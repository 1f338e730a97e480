"""What each operation asks permission for: enough is enough, and one right less is refused.

The user `lettered` may do with an entity what the letters after the last dot of its name say, so a name is a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from conformance.accounts import CONFIGURER, LETTERED, NOTHING, PARTS, READER, SYSTEM, WRITER
from conformance.denials import denial
from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.targets import Target


class Entity(NamedTuple):
    """What an operation names: a queue or an exchange, the rights that it needs on it, whether it is there before."""

    kind: str
    rights: str
    exists: bool = True


class Operation(NamedTuple):
    """A method that names one entity, or two."""

    method: str
    act: Callable[[Channel, str, str], object]
    entities: tuple[Entity, ...]


def _publish(channel: Channel, exchange: str, _: str) -> None:
    channel.confirm().publish(exchange, "k", b"x")
    channel.expect("basic.ack")


def _alternate(channel: Channel, exchange: str, other: str) -> None:
    channel.declare_exchange(exchange, arguments={"alternate-exchange": other})


def _dead_letter(channel: Channel, queue: str, exchange: str) -> None:
    channel.declare_queue(queue, {"x-dead-letter-exchange": exchange})


def queue(rights: str, exists: bool = True) -> Entity:
    """Return a queue of these rights."""
    return Entity("queue", rights, exists)


def exchange(rights: str, exists: bool = True) -> Entity:
    """Return an exchange of these rights."""
    return Entity("exchange", rights, exists)


NEW = False
OPERATIONS = {
    "declare-exchange": Operation("exchange.declare", lambda c, x, _: c.declare_exchange(x), (exchange("c", NEW),)),
    "redeclare-exchange": Operation("exchange.declare", lambda c, x, _: c.declare_exchange(x), (exchange("c"),)),
    "alternate-exchange": Operation("exchange.declare", _alternate, (exchange("cr", NEW), exchange("w", NEW))),
    "delete-exchange": Operation("exchange.delete", lambda c, x, _: c.delete_exchange(x), (exchange("c"),)),
    "delete-no-exchange": Operation("exchange.delete", lambda c, x, _: c.delete_exchange(x), (exchange("c", NEW),)),
    "bind-exchange": Operation("exchange.bind", lambda c, x, y: c.bind_exchange(x, y), (exchange("w"), exchange("r"))),
    "unbind-exchange": Operation(
        "exchange.unbind", lambda c, x, y: c.unbind_exchange(x, y), (exchange("w"), exchange("r"))
    ),
    "declare-queue": Operation("queue.declare", lambda c, x, _: c.declare_queue(x), (queue("c", NEW),)),
    "redeclare-queue": Operation("queue.declare", lambda c, x, _: c.declare_queue(x), (queue("c"),)),
    "dead-letter-exchange": Operation("queue.declare", _dead_letter, (queue("cr", NEW), exchange("w", NEW))),
    "delete-queue": Operation("queue.delete", lambda c, x, _: c.delete_queue(x), (queue("c"),)),
    "delete-no-queue": Operation("queue.delete", lambda c, x, _: c.delete_queue(x), (queue("c", NEW),)),
    "bind-queue": Operation("queue.bind", lambda c, x, y: c.bind(x, y), (queue("w"), exchange("r"))),
    "unbind-queue": Operation("queue.unbind", lambda c, x, y: c.unbind(x, y), (queue("w"), exchange("r"))),
    "unbind-nothing": Operation("queue.unbind", lambda c, x, y: c.unbind(x, y), (queue("w", NEW), exchange("r", NEW))),
    "purge": Operation("queue.purge", lambda c, x, _: c.purge(x), (queue("r"),)),
    "get": Operation("basic.get", lambda c, x, _: c.get(x), (queue("r"),)),
    "consume": Operation("basic.consume", lambda c, x, _: c.consume(x), (queue("r"),)),
    "publish": Operation("basic.publish", _publish, (exchange("w"),)),
}
CASES = [
    pytest.param(operation, id=name, marks=pytest.mark.proves(f"beyond.permissions.{name}"))
    for name, operation in OPERATIONS.items()
]
ONE_LESS = [
    pytest.param(
        operation, at, right, id=f"{name}-{'xy'[at]}-{right}", marks=pytest.mark.proves(f"beyond.permissions.{name}")
    )
    for name, operation in OPERATIONS.items()
    for at, entity in enumerate(operation.entities)
    for right in entity.rights
]


@pytest.fixture
def lettered(connect_as: Connect) -> Channel:
    return connect_as(LETTERED).channel()


def _entities(owner: Channel, names: Names, operation: Operation, rights: list[str]) -> list[str]:
    """Name the entities by these rights and create those that are there before."""
    given = [names(f"{'xy'[at]}.{letters}") for at, letters in enumerate(rights)]
    for name, entity in zip(given, operation.entities, strict=True):
        if entity.exists and entity.kind == "queue":
            owner.declare_queue(name)
        elif entity.exists:
            owner.declare_exchange(name)
    return given


@pytest.mark.parametrize("operation", CASES)
def test_the_rights_that_an_operation_needs_are_enough(
    channel: Channel, lettered: Channel, names: Names, operation: Operation
) -> None:
    given = _entities(channel, names, operation, [entity.rights for entity in operation.entities])
    operation.act(lettered, *(*given, "")[:2])


@pytest.mark.parametrize(("operation", "at", "right"), ONE_LESS)
@pytest.mark.proves(
    "error.exchange.declare.refused",
    "error.exchange.delete.refused",
    "error.queue.declare.refused",
    "error.queue.delete.refused",
    "error.basic.publish.refused",
)
def test_one_right_less_is_refused(
    target: Target, channel: Channel, lettered: Channel, names: Names, operation: Operation, at: int, right: str
) -> None:
    """All the others do not make up for it."""
    rights = ["cwr".replace(right, "") if place == at else "cwr" for place in range(len(operation.entities))]
    given = _entities(channel, names, operation, rights)
    text = denial(target, right, f"{operation.entities[at].kind} '{given[at]}'", LETTERED)
    with lettered.refused(403, text, operation.method):
        operation.act(lettered, *(*given, "")[:2])


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.proves("beyond.permissions.order")
def test_without_any_right_the_first_entity_is_refused(
    target: Target, lettered: Channel, names: Names, name: str
) -> None:
    """Nothing of it exists: permissions are asked for before anything is looked up."""
    operation = OPERATIONS[name]
    given = [names("x."), names("y.")]
    text = denial(target, operation.entities[0].rights[0], f"{operation.entities[0].kind} '{given[0]}'", LETTERED)
    with lettered.refused(403, text, operation.method):
        operation.act(lettered, given[0], given[1])


@pytest.mark.parametrize("name", ["alternate-exchange", "dead-letter-exchange"])
@pytest.mark.proves("beyond.permissions.order")
def test_the_new_entity_is_asked_about_before_its_other_exchange(
    target: Target, lettered: Channel, names: Names, name: str
) -> None:
    operation = OPERATIONS[name]
    text = denial(target, "r", f"{operation.entities[0].kind} '{names('x.c')}'", LETTERED)
    with lettered.refused(403, text, operation.method):
        operation.act(lettered, names("x.c"), names("y."))


@pytest.mark.parametrize("name", ["alternate-exchange", "dead-letter-exchange"])
@pytest.mark.proves("beyond.permissions.redeclare")
def test_redeclaring_asks_for_configure_alone(channel: Channel, lettered: Channel, names: Names, name: str) -> None:
    act = OPERATIONS[name].act
    act(channel, names("x.c"), names("y."))
    act(lettered, names("x.c"), names("y."))


@pytest.mark.parametrize("name", ["alternate-exchange", "dead-letter-exchange"])
@pytest.mark.proves("beyond.permissions.default-exchange")
def test_an_exchange_argument_of_no_name_is_the_default_exchange(
    target: Target, lettered: Channel, names: Names, name: str
) -> None:
    operation = OPERATIONS[name]
    with lettered.refused(403, denial(target, "w", "exchange 'amq.default'", LETTERED), operation.method):
        operation.act(lettered, names("x.cr"), "")


@pytest.mark.parametrize("name", ["declare-queue", "declare-exchange", "delete-queue", "bind-queue"])
@pytest.mark.proves("beyond.permissions.no-effect")
def test_a_refused_operation_did_nothing(channel: Channel, lettered: Channel, names: Names, name: str) -> None:
    operation = OPERATIONS[name]
    x, y = _entities(channel, names, operation, [""] * len(operation.entities)) + [""] * (2 - len(operation.entities))
    with pytest.raises(ChannelClosed):
        operation.act(lettered, x, y)
    if operation.method == "queue.bind":
        channel.publish(y, "", b"x", mandatory=True)
        channel.expect("basic.return")
    elif operation.method == "queue.delete":
        channel.declare_queue(x, passive=True)
    else:
        kind = operation.entities[0].kind
        with channel.refused(404, f"NOT_FOUND - no {kind} '{x}' in vhost '/'", operation.method):
            channel.call(operation.method, passive=True, **{kind: x})


@pytest.mark.proves("beyond.permissions.nowait")
def test_a_refusal_is_told_though_no_reply_was_asked_for(target: Target, lettered: Channel, names: Names) -> None:
    text = denial(target, "c", f"queue '{names('x.wr')}'", LETTERED)
    with lettered.refused(403, text, "queue.declare"):
        lettered.send("queue.declare", queue=names("x.wr"), nowait=True)


@pytest.mark.proves("beyond.permissions.channel-only")
def test_a_refusal_leaves_the_other_channels_alone(target: Target, lettered: Channel, names: Names) -> None:
    other = lettered.connection.channel(2)
    with lettered.refused(403, denial(target, "r", f"queue '{names('x.cw')}'", LETTERED), "basic.get"):
        lettered.get(names("x.cw"))
    assert other.declare_queue(names("y.c"))["queue"] == names("y.c")


# -- what nobody is asked about

PASSIVE = "since 4.2.7 and 4.3.1 one of the three rights is needed"


@pytest.mark.versions(before="4.2", otherwise=PASSIVE)
@pytest.mark.proves("beyond.permissions.passive")
def test_a_passive_declare_needs_no_right(channel: Channel, lettered: Channel, names: Names) -> None:
    channel.declare_queue(names("x."))
    channel.declare_exchange(names("y."))
    assert lettered.declare_queue(names("x."), passive=True)["queue"] == names("x.")
    lettered.declare_exchange(names("y."), passive=True)
    with lettered.refused(404, f"NOT_FOUND - no queue '{names('z.')}' in vhost '/'", "queue.declare"):
        lettered.declare_queue(names("z."), passive=True)


@pytest.mark.proves("beyond.permissions.unasked")
def test_the_rest_of_a_channel_needs_no_right(connect_as: Connect) -> None:
    channel = connect_as(NOTHING).channel()
    channel.qos(3)
    channel.qos(3, globally=True)
    channel.call("basic.recover", requeue=True)
    channel.call("channel.flow", active=True)
    channel.call("access.request", realm="/data")
    channel.cancel("none")
    channel.ack(0, multiple=True)
    channel.nack(0, multiple=True)
    channel.confirm()
    channel.close()
    channel.open()
    for method in ("tx.select", "tx.commit", "tx.rollback"):
        channel.call(method)


@pytest.mark.proves("beyond.permissions.settling")
def test_settling_needs_no_right_on_the_queue(lettered: Channel, channel: Channel, names: Names) -> None:
    """Only reading does; the queue may then be neither written to nor configured."""
    queue = names("x.r")
    channel.declare_queue(queue)
    channel.fill(queue, b"a", b"b")
    lettered.ack(lettered.must_get(queue)["delivery_tag"])
    lettered.nack(lettered.must_get(queue)["delivery_tag"])
    lettered.reject(lettered.must_get(queue)["delivery_tag"], requeue=False)
    assert lettered.get(queue) is None


@pytest.mark.proves("beyond.permissions.reply-to")
def test_the_pseudo_queue_of_replies_needs_no_right(connect_as: Connect) -> None:
    channel = connect_as(NOTHING).channel()
    assert channel.declare_queue("amq.rabbitmq.reply-to")["queue"] == "amq.rabbitmq.reply-to"
    assert channel.consume("amq.rabbitmq.reply-to", "t", no_ack=True) == "t"


# -- the broker's own names


@pytest.mark.proves("beyond.permissions.default-exchange")
@pytest.mark.proves("error.basic.publish.refused")
def test_the_default_exchange_is_asked_about_as_amq_default(
    target: Target, connect_as: Connect, lettered: Channel, channel: Channel, names: Names
) -> None:
    channel.declare_queue(names("x.w"))
    with lettered.refused(403, denial(target, "w", "exchange 'amq.default'", LETTERED), "basic.publish"):
        lettered.publish("", names("x.w"), b"x")
    allowed = connect_as(SYSTEM).channel().confirm()
    allowed.publish("", names("x.w"), b"y")
    allowed.expect("basic.ack")
    assert channel.drain(names("x.w")) == [b"y"]


@pytest.mark.proves("beyond.permissions.default-exchange")
def test_the_default_exchange_cannot_be_declared_or_deleted_whatever_the_rights(connect_as: Connect) -> None:
    channel = connect_as(NOTHING).channel()
    text = "ACCESS_REFUSED - operation not permitted on the default exchange"
    for method in ("exchange.declare", "exchange.delete"):
        with channel.refused(403, text, method):
            channel.call(method, exchange="", **({"type": "direct"} if method == "exchange.declare" else {}))
        channel.open()


@pytest.mark.parametrize("method", ["queue.bind", "queue.unbind"])
@pytest.mark.proves("beyond.permissions.default-exchange")
def test_write_on_the_queue_is_asked_for_before_the_default_exchange_is_refused(
    target: Target, lettered: Channel, names: Names, method: str
) -> None:
    with lettered.refused(403, denial(target, "w", f"queue '{names('x.')}'", LETTERED), method):
        lettered.call(method, queue=names("x."), exchange="")
    lettered.open()
    with lettered.refused(403, "ACCESS_REFUSED - operation not permitted on the default exchange", method):
        lettered.call(method, queue=names("x.w"), exchange="")


@pytest.mark.proves("beyond.permissions.server-named")
def test_a_generated_name_is_asked_about(target: Target, connect_as: Connect) -> None:
    channel = connect_as(LETTERED).channel()
    with pytest.raises(ChannelClosed) as caught:
        channel.declare_queue("")
    refusal = caught.value.refusal
    name = refusal.text.partition("queue '")[2].partition("'")[0]
    assert (refusal.code, refusal.text) == (403, denial(target, "c", f"queue '{name}'", LETTERED))
    assert len(name) == len("amq.gen-") + 22
    assert name.startswith("amq.gen-")
    assert connect_as(SYSTEM).channel().declare_queue("", exclusive=True)["queue"].startswith("amq.gen-")


@pytest.mark.parametrize("user", [NOTHING, CONFIGURER])
@pytest.mark.proves("beyond.permissions.reserved-names")
def test_a_reserved_queue_name_is_refused_whatever_the_rights(connect_as: Connect, user: str) -> None:
    channel = connect_as(user).channel()
    with channel.refused(403, "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'", "queue.declare"):
        channel.declare_queue("amq.x")


@pytest.mark.proves("beyond.permissions.reserved-names")
def test_a_reserved_exchange_name_is_asked_about_first(target: Target, connect_as: Connect) -> None:
    denied, allowed = connect_as(NOTHING).channel(), connect_as(CONFIGURER).channel()
    with denied.refused(403, denial(target, "c", "exchange 'amq.x'", NOTHING), "exchange.declare"):
        denied.declare_exchange("amq.x")
    text = "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'"
    with allowed.refused(403, text, "exchange.declare"):
        allowed.declare_exchange("amq.x")


@pytest.mark.parametrize("user", [NOTHING, CONFIGURER])
@pytest.mark.proves("beyond.permissions.reserved-names")
def test_a_system_exchange_cannot_be_deleted_whatever_the_rights(connect_as: Connect, user: str) -> None:
    channel = connect_as(user).channel()
    text = "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"
    with channel.refused(403, text, "exchange.delete"):
        channel.delete_exchange("amq.direct")


# -- patterns


@pytest.mark.parametrize(
    ("user", "right"), [(NOTHING, ""), (CONFIGURER, "c"), (WRITER, "w"), (READER, "r")], ids=["none", "c", "w", "r"]
)
@pytest.mark.proves("beyond.permissions.empty-pattern")
def test_an_empty_pattern_allows_nothing(
    target: Target, connect_as: Connect, channel: Channel, names: Names, user: str, right: str
) -> None:
    channel.declare_queue(names("q"))
    attempts = {
        "c": ("queue.declare", f"queue '{names('q')}'", {"queue": names("q")}),
        "w": ("basic.publish", "exchange 'amq.direct'", {"exchange": "amq.direct"}),
        "r": ("queue.purge", f"queue '{names('q')}'", {"queue": names("q")}),
    }
    for number, (needed, (method, entity, fields)) in enumerate(attempts.items(), start=1):
        one = connect_as(user).channel(number)
        if needed != right:
            with one.refused(403, denial(target, needed, entity, user), method):
                _attempt(one, method, fields)
        else:
            _attempt(one, method, fields)


def _attempt(channel: Channel, method: str, fields: dict[str, str]) -> None:
    if method == "basic.publish":
        channel.confirm().publish(fields["exchange"], "k")
        channel.expect("basic.ack")
    else:
        channel.call(method, **fields)


@pytest.mark.proves("beyond.permissions.patterns")
def test_patterns_are_searched_for_anywhere(
    target: Target, connect_as: Connect, names: Names, channel: Channel
) -> None:
    one = connect_as(PARTS).channel()
    one.declare_queue(names("some-middle"))
    channel.declare_queue(names("the-end"))
    one.purge(names("the-end"))
    with one.refused(403, denial(target, "r", f"queue '{names('ends')}'", PARTS), "queue.purge"):
        one.purge(names("ends"))
    one.open()
    with one.refused(403, denial(target, "c", f"queue '{names('MID')}'", PARTS), "queue.declare"):
        one.declare_queue(names("MID"))
    one.open()
    with one.refused(403, denial(target, "w", f"exchange '{names('start')}'", PARTS), "basic.publish"):
        one.publish(names("start"), "k")


# -- before anybody is asked


@pytest.mark.proves("beyond.permissions.before")
def test_immediate_comes_before_permissions(connect_as: Connect) -> None:
    channel = connect_as(NOTHING).channel()
    with channel.connection.refused(540, "NOT_IMPLEMENTED - immediate=true", "basic.publish"):
        channel.publish("x", "k", immediate=True)


@pytest.mark.proves("beyond.permissions.before")
def test_a_used_consumer_tag_comes_before_permissions(lettered: Channel, channel: Channel, names: Names) -> None:
    channel.declare_queue(names("x.r"))
    lettered.consume(names("x.r"), "t")
    text = "NOT_ALLOWED - attempt to reuse consumer tag 't'"
    with lettered.connection.refused(530, text, "basic.consume"):
        lettered.consume(names("y."), "t")


@pytest.mark.proves("beyond.permissions.before")
def test_permissions_come_before_the_exclusive_owner(
    target: Target, lettered: Channel, channel: Channel, names: Names
) -> None:
    channel.declare_queue(names("x."), exclusive=True)
    with lettered.refused(403, denial(target, "r", f"queue '{names('x.')}'", LETTERED), "basic.get"):
        lettered.get(names("x."))


@pytest.mark.proves("beyond.permissions.before")
def test_configure_comes_before_the_equivalence_check_and_the_arguments(
    target: Target, lettered: Channel, channel: Channel, names: Names
) -> None:
    channel.declare_queue(names("x."))
    for name, arguments in ((names("x."), {}), (names("y."), {"x-max-length": -1})):
        with lettered.refused(403, denial(target, "c", f"queue '{name}'", LETTERED), "queue.declare"):
            lettered.declare_queue(name, arguments, durable=True)
        lettered.open()
