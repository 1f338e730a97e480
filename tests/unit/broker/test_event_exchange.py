"""The event exchange: when it listens, what its messages say, and where it exists."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from amqpd import fields
from amqpd.app import make_node
from amqpd.broker.event_exchange import NAME, EventExchange, properties
from amqpd.broker.events import Event, Value
from amqpd.clock import ManualClock
from amqpd.config import load
from amqpd.fields import Field, Table, from_python
from amqpd.properties import Properties

from .world import World


@pytest.fixture
def world() -> World:
    world = World("3.10")
    EventExchange(world.broker.events, world.vhost)
    return world


def headers(values: dict[str, Value]) -> dict[str, Field]:
    """The headers of an event with these fields."""
    table = properties(Event("x", 1234567, values), by_name=False).headers
    assert table is not None
    return dict(table.items())


def test_since_4_0_headers_are_sorted_by_name() -> None:
    table = properties(Event("x", 1234567, {"vhost": "/", "b": 1, "user": "u"}), by_name=True).headers
    assert table is not None
    assert [name for name, _ in table.items()] == ["b", "timestamp_in_ms", "user", "vhost"]


def test_it_listens_while_something_is_bound(world: World) -> None:
    """Without a binding nothing is heard, so nothing is built."""
    events, exchange = world.broker.events, world.vhost.exchanges[NAME]
    queue = world.queue("q")
    heard = [events.heard]
    world.bind(exchange, queue, "queue.*")
    world.bind(exchange, queue, "other")
    heard.append(events.heard)
    for binding in list(queue.bindings):
        heard.append(events.heard)
        world.vhost.unbind(binding)
    heard.append(events.heard)
    assert heard == [False, True, True, True, False]


def test_it_publishes_by_name(world: World) -> None:
    """The event is the routing key; what nobody wants goes nowhere."""
    queue = world.queue("q")
    world.bind(world.vhost.exchanges[NAME], queue, "queue.created")
    world.queue("new")
    world.exchange("other")
    (message,) = queue.browse(10)
    assert (message.exchange, message.routing_key, message.body) == (NAME, "queue.created", b"")
    wall = int(world.clock.wall() * 1000)
    assert (message.properties.delivery_mode, message.properties.timestamp) == (2, wall // 1000)


def test_a_queue_that_goes_gets_no_event_of_its_end(world: World) -> None:
    """It is unbound before anything is told."""
    queue, other = world.queue("q"), world.queue("other")
    for each in (queue, other):
        world.bind(world.vhost.exchanges[NAME], each, "#")
    ready = queue.message_count
    assert world.vhost.delete_queue(queue) == ready
    assert [each.routing_key for each in other.browse(10)][-2:] == ["binding.deleted", "queue.deleted"]


def test_the_last_field_comes_first_and_the_time_last() -> None:
    """The order of RabbitMQ's plugin."""
    assert list(headers({"a": "1", "b": "2"})) == ["b", "a", "timestamp_in_ms"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("text", fields.longstr("text")),
        (True, fields.boolean(True)),
        (5, fields.long(5)),
        (2.5, fields.double(2.5)),
        ((0, 9, 1), fields.longstr("{0,9,1}")),
        (IPv4Address("192.0.2.1"), fields.longstr("{192,0,2,1}")),
        (IPv6Address("2001:db8::1"), fields.longstr("{8193,3512,0,0,0,0,0,1}")),
        (["a", "b"], fields.array([fields.longstr("a"), fields.longstr("b")])),
        ({"n": 1}, fields.table(Table.of({"n": fields.long(1)}))),
        (from_python({"x": 1}), fields.array([fields.longstr('{<<"x">>,signedint,1}')])),
    ],
)
def test_values_have_the_wire_types_of_the_plugin(value: Value, field: Field) -> None:
    """Whole numbers are 64 bits wide; what has no wire type is printed as an Erlang term."""
    assert headers({"key": value})["key"] == field


def test_an_error_is_a_list_of_characters() -> None:
    """RabbitMQ takes its own text for a list of numbers."""
    assert headers({"error": "no"})["error"] == fields.array([fields.long(110), fields.long(111)])


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ({}, True),
        ({"events_exchange": False}, False),
        ({"strict": True}, False),
        ({"strict": True, "events_exchange": True}, True),
    ],
)
def test_it_is_there_unless_it_is_off_or_all_extensions_are(settings: dict[str, object], there: bool) -> None:
    """In RabbitMQ it comes with a plugin, so `strict` has it only where it is asked for."""
    node = make_node(load(None, {}, settings | {"default_vhost": "home"}), clock=ManualClock())
    assert (NAME in node.broker.vhosts["home"].exchanges) is there


def test_properties_without_headers_of_their_own_are_small() -> None:
    """An event without fields has its time alone."""
    assert properties(Event("x", 5000, {}), by_name=False) == Properties.of(
        headers=Table.of({"timestamp_in_ms": fields.long(5000)}), delivery_mode=2, timestamp=5
    )
