"""bind and unbind: the order of the checks and RabbitMQ's texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amqpd.broker.operations import bindings
from amqpd.broker.permissions import TopicPermissions
from amqpd.broker.session import EXCHANGE, QUEUE, Session
from amqpd.errors import AccessRefused, AmqpError, NotFound, PreconditionFailed, ResourceLocked
from amqpd.fields import EMPTY, Table, from_python, long, signedint
from tests.unit.broker.world import World

Operation = Callable[..., object]
BOTH = pytest.mark.parametrize("operation", [bindings.bind, bindings.unbind])


def text_of(operation: Operation, world: World, session: Session, *arguments: object) -> str:
    with pytest.raises(AmqpError) as refused:
        operation(world.broker, session, *arguments)
    return refused.value.text


def test_a_binding_leads_from_the_exchange_to_the_queue_until_it_is_removed(world: World) -> None:
    session = world.session()
    world.queue()
    assert bindings.bind(world.broker, session, QUEUE, "q", "amq.direct", "k", EMPTY) is None
    assert world.route("amq.direct", "k") == ["q"]
    assert bindings.unbind(world.broker, session, QUEUE, "q", "amq.direct", "k", EMPTY) is None
    assert world.route("amq.direct", "k") == []


def test_exchanges_are_bound_to_exchanges_and_to_themselves(world: World) -> None:
    session = world.session()
    world.queue()
    bindings.bind(world.broker, session, EXCHANGE, "amq.direct", "amq.fanout", "", EMPTY)
    bindings.bind(world.broker, session, EXCHANGE, "amq.direct", "amq.direct", "k", EMPTY)
    bindings.bind(world.broker, session, QUEUE, "q", "amq.direct", "k", EMPTY)
    assert world.route("amq.fanout", "k") == ["q"]


def test_line_ends_are_taken_out_of_names_and_left_in_keys(world: World) -> None:
    world.queue()
    bindings.bind(world.broker, world.session(), QUEUE, "q\n", "amq.\rdirect", "k\n", EMPTY)
    assert world.route("amq.direct", "k\n") == ["q"]


def test_an_unbind_with_other_wire_types_removes_nothing(world: World) -> None:
    session = world.session()
    world.queue()
    bindings.bind(world.broker, session, QUEUE, "q", "amq.direct", "k", Table.of({"a": signedint(1)}))
    bindings.unbind(world.broker, session, QUEUE, "q", "amq.direct", "k", Table.of({"a": long(1)}))
    assert world.route("amq.direct", "k") == ["q"]


@BOTH
def test_write_on_the_destination_is_asked_first(world: World, operation: Operation) -> None:
    session = world.session("u", grant=("", "", ""))
    expected = "write access to queue 'nope' in vhost '/' refused for user 'u'"
    assert text_of(operation, world, session, QUEUE, "nope", "", "k", EMPTY) == expected


@BOTH
def test_then_comes_the_default_exchange(world: World, operation: Operation) -> None:
    session = world.session("u", grant=("", ".*", ""))
    expected = "operation not permitted on the default exchange"
    assert text_of(operation, world, session, QUEUE, "nope", "", "k", EMPTY) == expected


@BOTH
def test_the_default_exchange_as_a_destination_comes_after_write_and_before_read(
    world: World, operation: Operation
) -> None:
    expected = "write access to exchange 'amq.default' in vhost '/' refused for user 'u'"
    session = world.session("u", grant=None)
    assert text_of(operation, world, session, EXCHANGE, "", "amq.fanout", "k", EMPTY) == expected
    expected = "operation not permitted on the default exchange"
    session = world.session("u", grant=("", ".*", ""))
    assert text_of(operation, world, session, EXCHANGE, "", "amq.fanout", "k", EMPTY) == expected


@BOTH
def test_then_comes_read_on_the_source(world: World, operation: Operation) -> None:
    session = world.session("u", grant=("", ".*", ""))
    expected = "read access to exchange 'nope' in vhost '/' refused for user 'u'"
    assert text_of(operation, world, session, QUEUE, "nope", "nope", "k", EMPTY) == expected


@BOTH
def test_then_comes_the_topic_permission_on_the_binding_key(world: World, operation: Operation) -> None:
    session = world.session("u")
    world.broker.access.topic_permissions["u", "/", "amq.topic"] = TopicPermissions("", "^a\\.")
    world.broker.access.topic_permissions["u", "/", "amq.direct"] = TopicPermissions("", "^a\\.")
    expected = "read access to topic 'b.#' in exchange 'amq.topic' in vhost '/' refused for user 'u'"
    assert text_of(operation, world, session, QUEUE, "nope", "amq.topic", "b.#", EMPTY) == expected
    world.queue()
    operation(world.broker, session, QUEUE, "q", "amq.topic", "a.#", EMPTY)
    operation(world.broker, session, QUEUE, "q", "amq.direct", "b.#", EMPTY)


def test_then_comes_existence_and_the_exchange_is_reported_first(world: World) -> None:
    session = world.session()
    bind = bindings.bind
    assert text_of(bind, world, session, QUEUE, "nope", "neither", "k", EMPTY) == "no exchange 'neither' in vhost '/'"
    assert text_of(bind, world, session, QUEUE, "nope", "amq.direct", "k", EMPTY) == "no queue 'nope' in vhost '/'"
    assert text_of(bind, world, session, EXCHANGE, "nope", "amq.fanout", "", EMPTY) == "no exchange 'nope' in vhost '/'"
    with pytest.raises(NotFound):
        bind(world.broker, session, QUEUE, "nope", "amq.direct", "k", EMPTY)


def test_then_comes_what_the_type_has_to_say_and_last_the_lock(world: World) -> None:
    world.queue(owner=world.session())
    session = world.session("u")
    bad = from_python({"x-match": "foo"})
    with pytest.raises(PreconditionFailed):
        bindings.bind(world.broker, session, QUEUE, "q", "amq.headers", "", bad)
    with pytest.raises(PreconditionFailed):
        bindings.bind(world.broker, session, EXCHANGE, "amq.direct", "amq.headers", "", bad)
    with pytest.raises(ResourceLocked) as refused:
        bindings.bind(world.broker, session, QUEUE, "q", "amq.headers", "", EMPTY)
    assert refused.value.text.startswith("cannot obtain exclusive access to locked queue 'q' in vhost '/'. ")


def test_unbinding_what_is_not_there_is_fine(world: World) -> None:
    session = world.session()
    world.queue()
    for kind, destination, source in (
        (QUEUE, "q", "amq.direct"),
        (QUEUE, "nope", "amq.direct"),
        (QUEUE, "q", "nope"),
        (EXCHANGE, "nope", "nope"),
        (EXCHANGE, "amq.direct", "amq.direct"),
    ):
        assert bindings.unbind(world.broker, session, kind, destination, source, "k", EMPTY) is None


def test_unbinding_a_locked_queue_is_refused_only_where_there_is_a_binding(world: World) -> None:
    owner, session = world.session(), world.session("u")
    world.queue(owner=owner)
    assert bindings.unbind(world.broker, session, QUEUE, "q", "amq.direct", "k", EMPTY) is None
    bindings.bind(world.broker, owner, QUEUE, "q", "amq.direct", "k", EMPTY)
    with pytest.raises(ResourceLocked):
        bindings.unbind(world.broker, session, QUEUE, "q", "amq.direct", "k", EMPTY)
    assert world.route("amq.direct", "k") == ["q"]


@BOTH
def test_a_consumer_of_replies_is_bound_to_nothing(operation: Operation) -> None:
    world, name = World("4.2"), "amq.rabbitmq.reply-to.abc"
    expected = "cannot bind or unbind to a volatile (direct reply-to) queue"
    assert text_of(operation, world, world.session("u", grant=None), QUEUE, name, "", "k", EMPTY) == expected


@pytest.mark.parametrize(
    ("profile", "name"),
    [("3.10", "amq.rabbitmq.reply-to"), ("4.0", "amq.rabbitmq.reply-to.abc"), ("4.3", "amq.rabbitmq.reply-to")],
)
def test_the_queue_of_replies_is_just_not_there(profile: str, name: str) -> None:
    world = World(profile)
    session = world.session()
    text = text_of(bindings.bind, world, session, QUEUE, name, "amq.direct", "k", EMPTY)
    assert text == f"no queue '{name}' in vhost '/'"
    assert bindings.unbind(world.broker, session, QUEUE, name, "amq.direct", "k", EMPTY) is None


def test_unbinding_the_last_binding_takes_an_auto_delete_exchange_along(world: World) -> None:
    session = world.session()
    world.exchange("x", auto_delete=True)
    world.queue()
    bindings.bind(world.broker, session, QUEUE, "q", "x", "k", EMPTY)
    bindings.unbind(world.broker, session, QUEUE, "q", "x", "k", EMPTY)
    assert "x" not in world.vhost.exchanges
    with pytest.raises(NotFound):
        bindings.bind(world.broker, session, QUEUE, "q", "x", "k", EMPTY)


def test_a_refusal_leaves_no_binding(world: World) -> None:
    world.queue()
    with pytest.raises(AccessRefused):
        bindings.bind(world.broker, world.session("u", grant=("", ".*", "")), QUEUE, "q", "amq.fanout", "", EMPTY)
    assert world.route("amq.fanout", "k") == []
