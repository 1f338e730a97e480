"""What clients say of themselves is read once for all that say the same."""

from __future__ import annotations

from amqpd import fields
from amqpd.broker.interning import KEPT
from amqpd.fields import Table
from amqpd.protocol.introductions import LARGEST, Introductions


def said(name: str, *capabilities: str) -> Table:
    able = Table.of([(each, fields.boolean(True)) for each in capabilities])
    return Table.of([("product", fields.longstr(name)), ("capabilities", fields.table(able))])


def test_equal_octets_are_one_introduction() -> None:
    introductions = Introductions()

    first, second = introductions.of(said("pika", "basic.nack")), introductions.of(said("pika", "basic.nack"))

    assert first is second
    assert first.capabilities == {"basic.nack"}
    assert introductions.of(said("bunny", "basic.nack")).capabilities is first.capabilities
    assert introductions.of(said("pika")).capabilities == frozenset()


def test_only_true_ones_are_capabilities() -> None:
    able = Table.of([("a", fields.boolean(False)), ("b", fields.longstr("true")), ("c", fields.boolean(True))])

    assert Introductions().of(Table.of([("capabilities", fields.table(able))])).capabilities == {"c"}
    assert Introductions().of(Table.of([("capabilities", fields.longstr("c"))])).capabilities == frozenset()


def test_what_is_large_or_one_too_many_is_not_kept() -> None:
    introductions = Introductions()

    large = said("x" * LARGEST)
    assert introductions.of(large) is not introductions.of(large)
    first = introductions.of(said("0"))
    for number in range(1, KEPT + 1):
        introductions.of(said(str(number)))
    assert introductions.of(said("0")) is not first
