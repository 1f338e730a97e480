"""headers: the binding's arguments are a pattern for the message's headers; the routing key is ignored.

`x-match` says whether all or any of them must match, and whether those whose names start with `x-` take part. Values
compare by kind and value: integers of any width are alike, a string never equals a number; a void argument asks only
that the header be there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.bindings import Binding
from amqpd.broker.compat import Compat
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.errors import PreconditionFailed
from amqpd.fields import EMPTY, Field, Table
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue

MODES: Final = ("all", "any", "all-with-x", "any-with-x")
PRESENT: Final = object()
"""Stands in a pattern for a void argument."""
NEVER: Final = object()
"""Stands in a pattern for a timestamp: since 3.13 headers hold milliseconds there and arguments seconds."""


class Headers(ExchangeType):
    """A list of patterns, tried one by one."""

    name: ClassVar[str] = "headers"
    by_key: ClassVar[bool] = False

    def __init__(self, exchange: Exchange, compat: Compat) -> None:
        self._loose = compat.profile.headers_match_across_types
        self._patterns: dict[Binding, Pattern] = {}

    def check(self, routing_key: str, arguments: Table) -> None:
        mode = arguments.get("x-match")
        if mode is None:
            return
        if mode.tag != "S":
            raise PreconditionFailed(
                f"Invalid x-match field type {mode.type_name} (value {mode.term()}); expected longstr"
            )
        if mode.text() not in MODES:
            raise PreconditionFailed(
                f"Invalid x-match field value {mode.term()}; expected all, any, all-with-x, or any-with-x"
            )

    def add(self, binding: Binding) -> None:
        self._patterns[binding] = Pattern(binding.arguments, self._loose)

    def remove(self, binding: Binding) -> None:
        del self._patterns[binding]

    def route(self, routing_key: str, properties: Properties) -> Iterable[Queue | Exchange]:
        headers = {name: comparable(field, self._loose) for name, field in (properties.headers or EMPTY).items()[::-1]}
        return [binding.destination for binding, pattern in self._patterns.items() if pattern.matches(headers)]


class Pattern:
    """What one binding asks of the headers."""

    __slots__ = ("_any", "_wanted")

    def __init__(self, arguments: Table, loose: bool) -> None:
        field = arguments.get("x-match")
        mode = "all" if field is None else field.text()
        self._any = mode.startswith("any")
        with_x = mode.endswith("-with-x")
        self._wanted: list[tuple[str, object]] = [
            (name, _asked(value, loose))
            for name, value in arguments.items()
            if name != "x-match" and (with_x or not name.startswith("x-"))
        ]

    def matches(self, headers: dict[str, Hashable]) -> bool:
        """Whether headers (name -> comparable value) fulfil the pattern."""
        hits = (
            name in headers and (value is PRESENT or headers[name] == value) for name, value in self._wanted
        )
        return any(hits) if self._any else all(hits)


def _asked(field: Field, loose: bool) -> object:
    if field.tag == "V":
        return PRESENT
    return NEVER if field.tag == "T" and not loose else comparable(field, loose)


def comparable(field: Field, loose: bool) -> Hashable:
    """A value that is equal for fields that RabbitMQ finds equal. `loose`: as before 3.13, by decoded value alone."""
    value = field.value
    if field.tag == "t":
        return "bool", value
    if isinstance(value, bytes):
        return "octets" if loose else field.tag, value
    if isinstance(value, int | float):
        if field.is_integer or loose:
            return "number", value
        return field.type_name if field.tag == "T" else "float", value
    # Tables and arrays compare with the wire types of what is in them, and an empty one equals the other.
    return ("nested", field.tag, field.raw) if value else ("nested",)
