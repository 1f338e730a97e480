"""The headers exchange: x-match, and which header value equals which binding value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

Table = dict[str, Value]


def _matches(channel: Channel, names: Names, binding: Table, headers: Table | None) -> bool:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, "headers")
    channel.declare_queue(queue)
    channel.bind(queue, exchange, "ignored", binding)
    channel.publish(exchange, "k", b"x", {} if headers is None else {"headers": headers})
    channel.fence(queue)
    routed = channel.purge(queue) == 1
    channel.unbind(queue, exchange, "ignored", binding)
    return routed


X_MATCH: list[tuple[Table, Table | None, bool]] = [
    ({}, {}, True),
    ({}, None, True),
    ({}, {"a": 1}, True),
    ({"x-match": "all"}, None, True),
    ({"x-match": "any"}, {"a": 1}, False),
    ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, True),
    ({"a": 1, "b": 2}, {"a": 1}, False),
    ({"x-match": "all", "a": 1}, {"a": 2}, False),
    ({"x-match": "all", "a": 1}, None, False),
    ({"x-match": "any", "a": 1, "b": 2}, {"b": 2}, True),
    ({"x-match": "any", "a": 1, "b": 2}, {"b": 1, "c": 2}, False),
    ({"x-match": "all", "a": 1, "x-b": 2}, {"a": 1}, True),
    ({"x-match": "all", "a": 1, "x-b": 2}, {"a": 1, "x-b": 3}, True),
    ({"x-match": "any", "x-b": 2}, {"x-b": 2}, False),
    ({"x-match": "all-with-x", "a": 1, "x-b": 2}, {"a": 1}, False),
    ({"x-match": "all-with-x", "a": 1, "x-b": 2}, {"a": 1, "x-b": 2}, True),
    ({"x-match": "any-with-x", "a": 1, "x-b": 2}, {"x-b": 2}, True),
    ({"x-match": "any-with-x", "a": 1, "x-b": 2}, {"x-b": 3}, False),
    ({"A": 1}, {"a": 1}, False),
]


@pytest.mark.proves("headers.match", "exchange.recommended-types")
@pytest.mark.parametrize(("binding", "headers", "expected"), X_MATCH)
def test_x_match(channel: Channel, names: Names, binding: Table, headers: Table | None, expected: bool) -> None:
    assert _matches(channel, names, binding, headers) is expected


INTEGERS = [Typed(tag, 5) for tag in "bBsuIilL"]
VALUES: list[tuple[Value, Value, bool]] = [
    *[(5, value, True) for value in INTEGERS],
    *[(value, 5, True) for value in INTEGERS],
    (5, 6, False),
    ("1", 1, False),
    (1, "1", False),
    ("a", "a", True),
    ("a", "A", False),
    ("ä", "ä", True),
    ("", "", True),
    (True, True, True),
    (True, False, False),
    (True, 1, False),
    (1, True, False),
    (True, "true", False),
    (1.5, 1.5, True),
    (Typed("f", 1.5), 1.5, True),
    ([1, 2], [2, 1], False),
    ({"a": 1}, {"a": 2}, False),
    (Typed("D", [2, 314]), Typed("D", [2, 314]), True),
    (None, "anything", True),
    (None, 5, True),
    (None, None, True),
    (5, None, False),
    ("", None, False),
]


@pytest.mark.proves("headers.values", "basic.properties.headers")
@pytest.mark.parametrize(("bound", "sent", "expected"), VALUES)
def test_values_match_by_value(channel: Channel, names: Names, bound: Value, sent: Value, expected: bool) -> None:
    assert _matches(channel, names, {"h": bound}, {"h": sent}) is expected


GROUPS: list[list[Value]] = [
    [*INTEGERS, 5.0, Typed("f", 5.0), Typed("T", 5)],
    [6, 6.0],
    [0, Typed("l", 0), 0.0],
    ["5", Typed("x", b"5")],
    ["a", Typed("x", b"a")],
    ["A"],
    [""],
    ["true"],
    [True],
    [False],
    [2.5, Typed("f", 2.5)],
    [Typed("D", [0, 5])],
    [Typed("D", [1, 50])],
    [[Typed("I", 5)]],
    [[Typed("l", 5)]],
    [[], {}],
    [{"a": Typed("I", 5)}],
    [{"a": Typed("l", 5)}],
    [{"a": 5, "b": 6}],
]


@pytest.mark.proves("headers.values")
@pytest.mark.versions(before="3.13", otherwise="see the reference: floats, integers and timestamps part company")
def test_every_value_against_every_other(channel: Channel, names: Names) -> None:
    """Two values are equal if they are in one group, and only then.

    Inside arrays and tables the wire type counts; an empty array is an empty table.
    """
    exchange = names("e")
    channel.declare_exchange(exchange, "headers")
    values = [(group, value) for group in range(len(GROUPS)) for value in GROUPS[group]]
    queues = [names(f"q{place}") for place in range(len(values))]
    for queue, (_, value) in zip(queues, values, strict=True):
        channel.declare_queue(queue)
        channel.bind(queue, exchange, "", {"h": value})
    for place, (_, value) in enumerate(values):
        channel.publish(exchange, "", b"%d" % place, {"headers": {"h": value}})
    channel.fence(*queues)
    for queue, (group, value) in zip(queues, values, strict=True):
        equal = [values[int(body)][1] for body in channel.drain(queue)]
        assert equal == [other for where, other in values if where == group], value


@pytest.mark.proves("headers.values")
def test_a_void_argument_wants_the_header_present(channel: Channel, names: Names) -> None:
    assert not _matches(channel, names, {"h": None}, {"other": 1})


EQUAL_ON_3_10: list[tuple[Value, Value]] = [
    (5, 5.0),
    (5.0, 5),
    (5, Typed("T", 5)),
    (Typed("T", 5), 5),
    (Typed("T", 5), Typed("T", 5)),
    ([1, "a"], [1, "a"]),
    ({"a": 1}, {"a": 1}),
    ("a", Typed("x", b"a")),
    (Typed("x", b"a"), "a"),
]


@pytest.mark.proves("headers.values")
@pytest.mark.versions(before="3.13", otherwise="5.0 is not 5; since 3.13 a timestamp never matches")
@pytest.mark.parametrize(("bound", "sent"), EQUAL_ON_3_10)
def test_classes_of_values_that_are_equal_on_3_10(channel: Channel, names: Names, bound: Value, sent: Value) -> None:
    assert _matches(channel, names, {"h": bound}, {"h": sent})


@pytest.mark.proves("headers.values")
def test_vector_59_a_string_is_no_integer_and_the_width_of_an_integer_is_no_matter(
    channel: Channel, names: Names
) -> None:
    binding: Table = {"x-match": "any", "a": 1}
    assert not _matches(channel, names, binding, {"a": "1"})
    assert _matches(channel, names, binding, {"a": Typed("l", 1)})


@pytest.mark.proves("headers.match", "queue.bind.arguments")
@pytest.mark.parametrize("value", ["foo", "", "ALL"])
@pytest.mark.proves("error.queue.bind.x-match-value")
def test_an_unknown_x_match_is_refused(channel: Channel, names: Names, value: str) -> None:
    channel.declare_queue(names("q"))
    text = (
        f'PRECONDITION_FAILED - Invalid x-match field value <<"{value}">>; expected all, any, all-with-x, or any-with-x'
    )
    with channel.refused(406, text.replace('<<"">>', "<<>>"), "queue.bind"):
        channel.bind(names("q"), "amq.headers", "", {"x-match": value})


@pytest.mark.proves("headers.match", "queue.bind.arguments")
@pytest.mark.parametrize(
    ("value", "type", "shown"), [(5, "signedint", "5"), (True, "bool", "true"), (None, "void", "undefined")]
)
@pytest.mark.proves("error.queue.bind.x-match-type")
def test_x_match_must_be_a_string(channel: Channel, names: Names, value: Value, type: str, shown: str) -> None:
    channel.declare_queue(names("q"))
    text = f"PRECONDITION_FAILED - Invalid x-match field type {type} (value {shown}); expected longstr"
    with channel.refused(406, text, "queue.bind"):
        channel.bind(names("q"), "amq.headers", "", {"x-match": value})


@pytest.mark.proves("headers.match", "queue.bind.arguments")
def test_the_headers_exchange_ignores_the_routing_key(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    channel.bind(queue, "amq.headers", "one", {"token": queue})
    channel.publish("amq.headers", "two", b"x", {"headers": {"token": queue}})
    channel.fence(queue)
    assert channel.drain(queue) == [b"x"]
