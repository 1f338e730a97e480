"""x-delayed-message: what is delayed, for how long, where it goes then, and what waiting costs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd import fields
from amqpd.broker.bindings import Binding
from amqpd.broker.delays import WAITING_OCTETS, Delays
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.message import OVERHEAD, Message, Trail
from amqpd.broker.queue import Queue
from amqpd.broker.schedule import SLICE
from amqpd.errors import CommandInvalid, PreconditionFailed
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.unit.broker.cost import calls
from tests.unit.broker.world import World, message, numbered


def delaying(world: World, type_: str = "direct", **arguments: object) -> Exchange:
    """An exchange x that delays, and a queue q bound with the key k."""
    source = world.exchange("x", "x-delayed-message", {"x-delayed-type": type_, **arguments})
    world.bind(source, world.queue(), "k")
    return source


def delayed(delay: Field | int) -> Properties:
    """Properties with an x-delay."""
    field = fields.signedint(delay) if isinstance(delay, int) else delay
    return Properties.of(headers=Table.of({"x-delay": field}))


def send(world: World, delay: Field | int, body: bytes = b"body", key: str = "k") -> bool:
    return world.publish("x", key, properties=delayed(delay), body=body)


def test_a_message_is_routed_when_its_time_has_come(world: World) -> None:
    source = delaying(world)
    assert not send(world, 5000)
    assert source.messages_delayed == 1
    world.advance(4.999)
    assert world.bodies("q") == []
    world.advance(0.001)
    (got,) = world.taken("q")
    assert source.messages_delayed == 0
    assert (got.body, got.exchange, got.routing_key) == (b"body", "x", "k")


DELAYS = [
    *[Field(tag, 100, tag.encode() + octets) for tag, octets in (
        ("b", b"\x64"), ("B", b"\x64"), ("s", b"\0\x64"), ("u", b"\0\x64"), ("I", b"\0\0\0\x64"),
        ("i", b"\0\0\0\x64"), ("l", b"\0" * 7 + b"\x64"), ("L", b"\0" * 7 + b"\x64"),
    )],
    fields.longstr("100"),
    fields.longstr("+100"),
    fields.longstr("0100"),
    fields.double(100.9),
]


@pytest.mark.parametrize("value", DELAYS, ids=repr)
def test_a_delay_is_an_integer_of_any_width_a_numeric_string_or_a_float(world: World, value: Field) -> None:
    delaying(world)
    send(world, value)
    world.advance(0.099)
    assert world.bodies("q") == []
    world.advance(0.001)
    (got,) = world.taken("q")
    assert got.properties.headers == Table.of({"x-delay": fields.signedint(-100)})


@pytest.mark.parametrize(
    "value",
    [
        fields.signedint(0),
        fields.signedint(-100),
        fields.long(2**32),
        fields.long(2**62),
        fields.longstr(""),
        fields.longstr("1.5"),
        fields.longstr("abc"),
        fields.longstr("9" * 5000),
        fields.double(0.9),
        fields.double(-5.0),
        fields.double(1e300),
        fields.boolean(True),
        fields.void(),
        fields.timestamp(100),
        fields.array([fields.signedint(100)]),
        Field("D", (0, 100), b"D\x00\x00\x00\x00\x64"),
    ],
    ids=repr,
)
def test_any_other_value_delays_nothing_and_stays(world: World, value: Field) -> None:
    source = delaying(world)
    assert send(world, value)
    assert source.messages_delayed == 0
    (got,) = world.taken("q")
    assert got.properties.headers == Table.of({"x-delay": value})


def test_without_the_header_nothing_is_delayed(world: World) -> None:
    delaying(world)
    assert world.publish("x", "k")
    assert world.bodies("q") == [b"body"]


@pytest.mark.parametrize("delay", [2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1])
def test_the_longest_delays_keep_their_sign(world: World, delay: int) -> None:
    """7 weeks do not fit 31 bits of milliseconds."""
    delaying(world)
    send(world, fields.long(delay))
    world.advance(delay / 1000 - 1)
    assert world.bodies("q") == []
    world.advance(1.001)
    (got,) = world.taken("q")
    assert got.properties.headers is not None
    field = got.properties.headers.get("x-delay")
    assert field is not None
    assert field.value == -delay


def test_the_other_headers_and_properties_stay(world: World) -> None:
    delaying(world)
    headers = Table.of({"z": fields.longstr("1"), "x-delay": fields.signedint(5), "a": fields.boolean(True)})
    world.publish("x", "k", properties=Properties.of(headers=headers, message_id="m", delivery_mode=2))
    world.advance(1)
    (got,) = world.taken("q")
    expected = Table.of({"a": fields.boolean(True), "x-delay": fields.signedint(-5), "z": fields.longstr("1")})
    assert got.properties == Properties.of(headers=expected, message_id="m", delivery_mode=2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 20), max_size=60))
def test_messages_come_in_the_order_of_their_times_and_then_of_publishing(delays: list[int]) -> None:
    world = World()
    delaying(world)
    for number, delay in enumerate(delays):
        send(world, delay, b"%d" % number)
    for _ in range(21):
        world.advance(0.001)
    expected = sorted(range(len(delays)), key=lambda number: (delays[number], number))
    assert world.bodies("q") == [b"%d" % number for number in expected]


def test_bindings_are_those_of_the_release(world: World) -> None:
    source = delaying(world)
    send(world, 100, b"1")
    for binding in list(world.vhost.queues["q"].bindings):
        world.vhost.unbind(binding)
    world.bind(source, world.queue("later"), "k")
    world.advance(1)
    assert world.bodies("q") == []
    assert world.bodies("later") == [b"1"]


@pytest.mark.parametrize(
    ("type_", "key", "arrives"), [("topic", "a.b", True), ("fanout", "zz", True), ("direct", "zz", False)]
)
def test_another_type_says_where(world: World, type_: str, key: str, arrives: bool) -> None:
    source = delaying(world, type_)
    world.bind(source, world.queue("other"), "a.*")
    send(world, 100, key=key)
    world.advance(1)
    assert (world.bodies("other") == [b"body"]) is arrives


def test_types_that_take_messages_are_asked_at_the_release(world: World) -> None:
    """The time of a deduplication begins when a message is released, not when it is published."""
    delaying(world, "x-message-deduplication", **{"x-cache-size": 10, "x-cache-ttl": 1000})
    headers = Table.of({"x-delay": fields.signedint(5000), "x-deduplication-header": fields.longstr("a")})
    for body in (b"1", b"2"):
        world.publish("x", "k", properties=Properties.of(headers=headers), body=body)
        world.advance(0.5)
    world.advance(5)
    assert world.bodies("q") == [b"1"]


def test_copies_and_hidden_keys_are_routed_too(world: World) -> None:
    source = delaying(world)
    world.bind(source, world.queue("copy"), "c")
    sent = message(key="k", properties=delayed(100))
    sent.trail = Trail(hidden_keys=("c",))
    assert world.vhost.route(source, ("k", "c"), sent) == ()
    world.advance(1)
    assert world.bodies("q") == [b"body"]
    (got,) = world.taken("copy")
    assert got.trail is sent.trail


def test_a_delayed_message_has_no_route_yet_so_an_alternate_exchange_gets_it(world: World) -> None:
    delaying(world, **{"alternate-exchange": "amq.fanout"})
    world.bind(world.vhost.exchanges["amq.fanout"], world.queue("unrouted"))
    assert send(world, 100)
    assert world.bodies("unrouted") == [b"body"]
    world.advance(1)
    assert world.bodies("q") == [b"body"]
    assert world.bodies("unrouted") == []
    send(world, 100, key="nowhere")
    world.taken("unrouted")
    world.advance(1)
    assert world.bodies("unrouted") == [b"body"]


def test_behind_a_binding_a_message_waits_for_itself(world: World) -> None:
    """The queue beside it has the message at once, and neither holder is in the other's account."""
    front = world.exchange("f", "fanout")
    world.bind(front, delaying(world))
    world.bind(front, world.queue("now"))
    assert world.publish("f", "k", properties=delayed(100))
    (now,) = world.taken("now")
    assert now.properties == delayed(100)
    assert world.octets == OVERHEAD + 4 + WAITING_OCTETS
    world.advance(1)
    (got,) = world.taken("q")
    assert got.exchange == "f"
    assert world.octets == 0


def test_a_second_exchange_does_not_delay_again(world: World) -> None:
    first = world.exchange("f", "x-delayed-message", {"x-delayed-type": "fanout"})
    world.bind(first, delaying(world))
    world.publish("f", "k", properties=delayed(100))
    world.advance(0.1)
    assert world.bodies("q") == [b"body"]


def test_a_dead_letter_that_was_delayed_is_not_delayed_again(world: World) -> None:
    source = delaying(world)
    world.bind(source, world.queue("dlx", {"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": "k"}), "d")
    send(world, 100, key="d")
    world.advance(1)
    queue = world.vhost.queues["dlx"]
    got = queue.get()
    assert got is not None
    queue.reject(got)
    world.drain()
    assert world.bodies("q") == [b"body"]


def test_a_dead_letter_with_a_delay_is_delayed(world: World) -> None:
    delaying(world)
    queue = world.queue("dlx", {"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": "k"})
    queue.publish(message(properties=delayed(100)))
    got = queue.get()
    assert got is not None
    queue.reject(got)
    world.drain()
    assert world.bodies("q") == []
    world.advance(0.1)
    assert world.bodies("q") == [b"body"]


# -- many of them ------------------------------------------------------------------------------------------------------


def test_any_number_of_messages_is_one_timer(world: World) -> None:
    delaying(world)
    before = len(world.broker.timers)
    for number in range(1000):
        send(world, 1000 + number * 7 % 1000)
    assert len(world.broker.timers) == before + 1


def test_a_later_message_costs_the_same_however_many_wait() -> None:
    cost = []
    for count in (10, 10_000):
        world = World()
        delaying(world)
        for _ in range(count):
            send(world, 1000)
        cost.append(calls(lambda world=world: send(world, 1000)))  # type: ignore[misc]  # no type for the default
    assert cost[0] == cost[1]


def test_a_crowd_is_released_in_slices(world: World) -> None:
    source = delaying(world)
    bodies = numbered(2000)
    for body in bodies:
        send(world, 100, body)
    world.clock.advance(0.1)
    left = [2000]
    while world.broker.timers.run_due():
        left.append(source.messages_delayed)
    assert max(before - after for before, after in pairwise(left)) == SLICE
    assert world.bodies("q") == bodies


def test_what_waits_goes_on_waiting_after_a_restart(world: World) -> None:
    released: list[bytes] = []
    broker = world.broker
    delays = Delays(broker.account, broker.timers, broker.work, lambda each: released.append(each.body))
    world.clock.advance(100)
    kept = [(2.0, b"c"), (1.0, b"b"), (2.0, b"d"), (-1.0, b"a"), (-1000.0, b"first")]
    messages = [message(body) for _, body in kept]
    for number, (each, (due, _)) in enumerate(zip(messages, kept, strict=True), 1):
        each.number, each.deadline = number, world.clock.monotonic() + due
    delays.restore(messages[3:])
    delays.restore(messages[:3])
    delays.restored(9)
    assert (len(delays), released) == (5, [])
    world.advance(0)
    assert released == [b"first", b"a"]
    later = message(b"e")
    delays.add(world.clock.monotonic() + 2, later)
    assert later.number == 10
    world.advance(3)
    assert released == [b"first", b"a", b"b", b"c", b"d", b"e"]
    assert all((each.number, each.deadline) == (0, None) for each in (*messages, later))
    assert world.octets == 0


def test_a_later_message_that_is_due_earlier_comes_earlier(world: World) -> None:
    delaying(world)
    for number, delay in enumerate((300, 200, 100)):
        send(world, delay, b"%d" % number)
    world.advance(0.1)
    assert world.bodies("q") == [b"2"]
    world.advance(0.2)
    assert world.bodies("q") == [b"1", b"0"]


class Broken(MessageExchangeType):
    """Fails with every message that says so."""

    name = "x-broken"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._queues: list[Queue | Exchange] = []

    def add(self, binding: Binding) -> None:
        self._queues.append(binding.destination)

    def remove(self, binding: Binding) -> None:
        self._queues.remove(binding.destination)

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        if message.body == b"fail":
            raise RuntimeError("defect")
        return self._queues


def test_a_message_that_cannot_be_published_keeps_nobody_else(world: World) -> None:
    world.broker.exchange_types["x-broken"] = Broken
    source = delaying(world, "x-broken")
    send(world, 100, b"fail")
    send(world, 100, b"fine")
    world.advance(0.1)
    assert world.bodies("q") == [b"fine"]
    assert source.messages_delayed == 0


def test_what_waits_is_accounted_for(world: World) -> None:
    delaying(world)
    for _ in range(10):
        send(world, 100, b"x" * 1000)
    assert world.octets == 10 * (OVERHEAD + 1000 + WAITING_OCTETS)
    world.advance(1)
    assert world.octets == 10 * (OVERHEAD + 1000)
    world.taken("q")
    assert world.octets == 0


@pytest.mark.parametrize("vhost", [False, True], ids=["exchange", "vhost"])
def test_a_deletion_drops_what_waits(world: World, vhost: bool) -> None:
    source = delaying(world)
    for _ in range(1000):
        send(world, 100)
    if vhost:
        world.broker.delete_vhost("/")
    else:
        world.vhost.delete_exchange(source)
    assert source.messages_delayed == 0
    assert len(world.broker.timers) == 0
    world.drain()
    assert world.octets == 0
    world.advance(1)
    if not vhost:
        assert world.bodies("q") == []


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [fields.signedint(1), fields.boolean(True), fields.void(), None], ids=repr)
def test_the_other_type_must_be_named(world: World, value: Field | None) -> None:
    arguments = Table() if value is None else Table.of({"x-delayed-type": value})
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-delayed-message", arguments)
    assert refused.value.text == "Invalid argument, 'x-delayed-type' must be an existing exchange type"


def test_the_other_type_is_another(world: World) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-delayed-message", {"x-delayed-type": "x-delayed-message"})
    assert refused.value.text == "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"


@pytest.mark.parametrize(("profile", "error"), [("3.10", CommandInvalid), ("4.2", PreconditionFailed)])
def test_the_other_type_must_be_known(profile: str, error: type[PreconditionFailed]) -> None:
    with pytest.raises(error) as refused:
        World(profile).exchange("x", "x-delayed-message", {"x-delayed-type": "nope"})
    assert refused.value.text == "unknown exchange type 'nope'"


def test_the_other_type_checks_its_arguments_and_bindings(world: World) -> None:
    with pytest.raises(PreconditionFailed, match="Unsupported property"):
        delaying(world, "x-consistent-hash", **{"hash-property": "x"})
    source = world.exchange("x", "x-delayed-message", {"x-delayed-type": "x-consistent-hash"})
    with pytest.raises(PreconditionFailed, match="must be an integer"):
        source.router.check("k", Table(), world.queue())


def test_the_other_type_hears_of_new_bindings(world: World) -> None:
    source = world.exchange("x", "x-delayed-message", {"x-delayed-type": "x-recent-history"})
    send(world, 100)
    world.advance(1)
    world.bind(source, world.queue("late"))
    assert world.bodies("late") == [b"body"]


@pytest.mark.parametrize("type_", ["x-delayed-message", "x-message-deduplication"])
@pytest.mark.parametrize("profile", ["3.10", "3.13", "4.0", "4.2", "4.3"])
def test_types_that_rabbitmq_lacks_are_off_with_strict(profile: str, type_: str) -> None:
    assert type_ in World(profile).broker.exchange_types
    assert type_ not in World(profile, strict=True).broker.exchange_types
