"""headers: the binding's arguments are a pattern for the message's headers; the routing key is ignored.

`x-match` says whether all or any of them must match, and whether those whose names start with `x-` take part. Values
compare by kind and value: integers of any width are alike, a string never equals a number; a void argument asks only
that the header be there.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.errors import PreconditionFailed
from amqpd.fields import Field, Table, read_field
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue

MODES: Final = ("all", "any", "all-with-x", "any-with-x")
PATTERNS_A_UNIT: Final = 16
"""Bindings that may be tried for one unit of the turn's budget."""
KNOWN: Final = 4096
"""Sets of headers that the index is not asked for again."""
SMALL: Final = 256
"""Octets of values up to which a set is remembered."""
LONGSTR: Final = ord("S")
"""The tag of texts, which compare by their octets."""
PRESENT: Final = object()
"""Stands in a pattern for a void argument."""
NEVER: Final = object()
"""Stands in a pattern for a timestamp: since 3.13 headers hold milliseconds there and arguments seconds."""


class Asked(NamedTuple):
    """One argument of a binding that takes part: the header of this name must have a value."""

    name: bytes
    value: Hashable
    """Comparable, or PRESENT, or NEVER."""


class Headers(ExchangeType):
    """An index: a message looks its own headers up, whatever the number of bindings that ask for others.

    A binding that asks for all of its headers stands in the index under one of them, the one that fewest others stand
    under; one that is content with any of them stands under each. What the index says is remembered by the values of
    those headers that somebody asks for: all others may differ in every message.
    """

    name: ClassVar[str] = "headers"
    by_key: bool = False

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._loose = context.compat.profile.headers_match_across_types
        self._work = context.work
        self._patterns: dict[Binding, Pattern] = {}
        self._index: dict[bytes, dict[Hashable, dict[Pattern, None]]] = {}
        self._always: dict[Pattern, None] = {}
        """Those that match every message."""
        self._names: dict[bytes, int] = {}
        """The headers that bindings ask for, and how often."""
        self._known: dict[tuple[tuple[bytes, bytes], ...], tuple[Queue | Exchange, ...]] = {}
        """Where messages went lately, by the octets of all headers that somebody asks for."""
        self._place = 0

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
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
        self._known.clear()
        self._place += 1
        pattern = self._patterns[binding] = Pattern(binding, self._place, self._loose)
        for asked in pattern.wanted:
            self._names[asked.name] = self._names.get(asked.name, 0) + 1
        if pattern.any:
            entries = {(each.name, each.value): each for each in pattern.wanted if each.value is not NEVER}
            pattern.entries = tuple(entries.values())
        elif pattern.wanted:
            pattern.entries = (min(pattern.wanted, key=self._crowd),)
            pattern.others = tuple(each for each in pattern.wanted if each != pattern.entries[0])
        else:
            self._always[pattern] = None
        for asked in pattern.entries:
            self._index.setdefault(asked.name, {}).setdefault(asked.value, {})[pattern] = None

    def remove(self, binding: Binding) -> None:
        self._known.clear()
        pattern = self._patterns.pop(binding)
        self._always.pop(pattern, None)
        for asked in pattern.wanted:
            self._names[asked.name] -= 1
            if not self._names[asked.name]:
                del self._names[asked.name]
        for asked in pattern.entries:
            values = self._index[asked.name]
            del values[asked.value][pattern]
            if not values[asked.value]:
                del values[asked.value]
            if not values:
                del self._index[asked.name]

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        headers = properties.headers
        picked = tuple(headers.pick(self._names).items()) if headers is not None else ()
        destinations = self._known.get(picked)
        if destinations is None:
            destinations = self._find(picked)
            if sum([len(octets) for _, octets in picked]) <= SMALL:
                if len(self._known) >= KNOWN:
                    self._known.clear()
                self._known[picked] = destinations
        return destinations

    def _find(self, picked: tuple[tuple[bytes, bytes], ...]) -> tuple[Queue | Exchange, ...]:
        """The destinations of all patterns that match the headers (octets of name and value), in their order."""
        found = dict(self._always)
        loose = self._loose
        headers = {
            name: octets if octets[0] == LONGSTR else comparable(read_field(octets), loose) for name, octets in picked
        }
        tried = 0
        for name, value in headers.items():
            values = self._index.get(name)
            if values is None:
                continue
            for patterns in (values.get(value), values.get(PRESENT)):
                if patterns is not None:
                    tried += len(patterns)
                    for pattern in patterns:
                        if not pattern.others or pattern.holds(headers):
                            found[pattern] = None
        self._work.spent += tried // PATTERNS_A_UNIT
        if len(found) > 1:
            return tuple([pattern.destination for pattern in sorted(found, key=_place)])
        return tuple([pattern.destination for pattern in found])

    def _crowd(self, asked: Asked) -> tuple[int, bool]:
        """How many stand under this already; among equals, a header that must only be there is the last choice."""
        return len(self._index.get(asked.name, {}).get(asked.value, ())), asked.value is PRESENT


class Pattern:
    """What one binding asks of the headers."""

    __slots__ = ("any", "destination", "entries", "others", "place", "wanted")

    def __init__(self, binding: Binding, place: int, loose: bool) -> None:
        arguments = binding.arguments
        field = arguments.get("x-match")
        mode = "all" if field is None else field.text()
        with_x = mode.endswith("-with-x")
        self.any = mode.startswith("any")
        self.destination = binding.destination
        self.place = place
        self.wanted = [
            _asked(name, value, loose)
            for name, value in arguments.items()
            if name != "x-match" and (with_x or not name.startswith("x-"))
        ]
        self.entries: tuple[Asked, ...] = ()
        """Where it stands in the index."""
        self.others: tuple[Asked, ...] = ()
        """What is to be checked beyond that."""

    def holds(self, headers: dict[bytes, Hashable]) -> bool:
        """Whether the headers (name -> comparable value) have what is asked for beyond the entry in the index."""
        for name, value in self.others:
            if name not in headers or (value is not PRESENT and headers[name] != value):
                return False
        return True


def _place(pattern: Pattern) -> int:
    return pattern.place


def _asked(name: str, field: Field, loose: bool) -> Asked:
    octets = name.encode("utf-8", "surrogateescape")
    if field.tag == "V":
        return Asked(octets, PRESENT)
    return Asked(octets, NEVER if field.tag == "T" and not loose else comparable(field, loose))


def comparable(field: Field, loose: bool) -> Hashable:
    """A value that is equal for fields that RabbitMQ finds equal. `loose`: as before 3.13, by decoded value alone."""
    value = field.value
    if field.tag == "t":
        return "bool", value
    if isinstance(value, bytes):
        return b"S" + field.raw[1:] if loose else field.raw
    if isinstance(value, int | float):
        if field.is_integer or loose:
            return "number", value
        return field.type_name if field.tag == "T" else "float", value
    if field.tag == "V":
        return "void"
    # Tables and arrays compare with the wire types of what is in them, and an empty one equals the other.
    return ("nested", field.tag, field.raw) if value else ("nested",)
