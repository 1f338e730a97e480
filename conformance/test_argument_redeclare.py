"""Every x-argument of every queue type, declared again: the same, another value, without it, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

DEAD: dict[str, Value] = {"x-dead-letter-exchange": "amq.fanout"}
SHARED: list[tuple[str, Value, Value, dict[str, Value]]] = [
    ("x-expires", 3_600_000, 3_600_001, {}),
    ("x-message-ttl", 3_600_000, 0, {}),
    ("x-dead-letter-exchange", "amq.fanout", "amq.direct", {}),
    ("x-dead-letter-routing-key", "one", "two", DEAD),
    ("x-max-length", 5, 6, {}),
    ("x-max-length-bytes", 5, 6, {}),
    ("x-overflow", "drop-head", "reject-publish", {}),
    ("x-single-active-consumer", True, False, {}),
]
ROWS: dict[str, list[tuple[str, Value, Value, dict[str, Value]]]] = {
    "classic": [
        *SHARED,
        ("x-max-priority", 5, 6, {}),
        ("x-queue-mode", "lazy", "default", {}),
        ("x-queue-version", 1, 2, {}),
        ("x-queue-master-locator", "min-masters", "random", {}),
    ],
    "quorum": [
        *SHARED,
        ("x-dead-letter-strategy", "at-most-once", "at-least-once", {}),
        ("x-max-in-memory-length", 5, 6, {}),
        ("x-max-in-memory-bytes", 5, 6, {}),
        ("x-quorum-initial-group-size", 1, 3, {}),
        ("x-delivery-limit", 5, 6, {}),
        ("x-queue-leader-locator", "client-local", "balanced", {}),
    ],
}
UNTIL_4_2 = {
    "x-queue-version": pytest.mark.versions(before="4.3", otherwise="since 4.3 there is no version 1"),
    "x-queue-master-locator": pytest.mark.versions(before="4.3", otherwise="541: the feature is deprecated"),
}
CASES = [
    pytest.param(kind, *row, id=f"{kind} {row[0]}", marks=UNTIL_4_2.get(row[0], ()))
    for kind, rows in ROWS.items()
    for row in rows
]
EVERY = pytest.mark.parametrize(("kind", "name", "value", "other", "more"), CASES)

pytestmark = [
    pytest.mark.proves("arguments.equivalence"),
    EVERY,
]


def shown(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def described(value: Value) -> str:
    kind = {bool: "bool", int: "signedint", str: "longstr"}[type(value)]
    return f"the value '{shown(value)}' of type '{kind}'"


def inequivalent(name: str, queue: str, received: str, current: str) -> str:
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{name}' for queue '{queue}' in vhost '/': "
        f"received {received} but current is {current}"
    )


def declared(channel: Channel, queue: str, kind: str, arguments: dict[str, Value]) -> None:
    """Declare a queue of a type with these arguments."""
    channel.declare_queue(queue, {"x-queue-type": kind, **arguments}, durable=True)


def test_the_same_value_again(
    channel: Channel, names: Names, kind: str, name: str, value: Value, other: Value, more: dict[str, Value]
) -> None:
    queue = names("q")
    for _ in range(2):
        declared(channel, queue, kind, {**more, name: value})


def test_another_value(
    channel: Channel, names: Names, kind: str, name: str, value: Value, other: Value, more: dict[str, Value]
) -> None:
    queue = names("q")
    declared(channel, queue, kind, {**more, name: value})
    text = inequivalent(name, queue, f"'{shown(other)}'", f"'{shown(value)}'")
    with channel.refused(406, text, "queue.declare"):
        declared(channel, queue, kind, {**more, name: other})


def test_without_it(
    channel: Channel, names: Names, kind: str, name: str, value: Value, other: Value, more: dict[str, Value]
) -> None:
    queue = names("q")
    declared(channel, queue, kind, {**more, name: value})
    with channel.refused(406, inequivalent(name, queue, "none", described(value)), "queue.declare"):
        declared(channel, queue, kind, more)


def test_only_the_second_time(
    channel: Channel, names: Names, kind: str, name: str, value: Value, other: Value, more: dict[str, Value]
) -> None:
    queue = names("q")
    declared(channel, queue, kind, more)
    with channel.refused(406, inequivalent(name, queue, described(value), "none"), "queue.declare"):
        declared(channel, queue, kind, {**more, name: value})


def test_the_same_number_of_another_wire_type(
    channel: Channel, names: Names, kind: str, name: str, value: Value, other: Value, more: dict[str, Value]
) -> None:
    queue = names("q")
    again: Value = Typed("l", value) if isinstance(value, int) and not isinstance(value, bool) else value
    declared(channel, queue, kind, {**more, name: value})
    declared(channel, queue, kind, {**more, name: again})
