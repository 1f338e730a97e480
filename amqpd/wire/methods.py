"""Every method but the hottest, through pamqp's description of the protocol.

`decode` walks the fields that pamqp lists for a method and returns their values in the order of the specification
(without the reserved ticket), ready to be passed to a handler. pamqp decodes the scalars; tables go through
`amqpd.fields`, because pamqp loses their wire types. Server methods that carry names are packed in `wire.hot`:
pamqp validates names on marshal with a narrower character set than RabbitMQ's.
"""

from __future__ import annotations

from typing import Final

from pamqp import base, commands
from pamqp import frame as pamqp_frame

from amqpd import erlang
from amqpd.errors import MAX_REPLY_TEXT, FrameError, HardError
from amqpd.field_checks import FieldError, check_count
from amqpd.fields import Table

Argument = str | bytes | int | bool | Table
MethodId = tuple[int, int]

CONTENT_BEARING: Final = frozenset({(60, 40), (60, 50), (60, 60), (60, 71)})
"""basic.publish, return, deliver and get-ok."""
OPEN: Final[MethodId] = (20, 10)
ACCESS_REQUEST: Final[MethodId] = (30, 10)
ACCESS_REQUEST_OK: Final[MethodId] = (30, 11)
_ACCESS_REQUEST_FIELDS: Final = (
    ("realm", "shortstr"),
    ("exclusive", "bit"),
    ("passive", "bit"),
    ("active", "bit"),
    ("write", "bit"),
    ("read", "bit"),
)
"""Class access left the specification with 0-9-1, but RabbitMQ still knows its two methods."""


def _described(method: type[base.Frame]) -> tuple[tuple[str, str], ...]:
    return tuple((name, method.amqp_type(name)) for name in method.attributes())


FIELDS: Final[dict[MethodId, tuple[tuple[str, str], ...]]] = {
    (index >> 16, index & 0xFFFF): _described(method) for index, method in commands.INDEX_MAPPING.items()
} | {ACCESS_REQUEST: _ACCESS_REQUEST_FIELDS, ACCESS_REQUEST_OK: (("ticket", "short"),)}


SECRET: Final = frozenset({(10, 11), (10, 21), (10, 70)})
"""connection.start-ok, secure-ok and update-secret."""
REMEMBERED: Final = 1024
REMEMBERED_SIZE: Final = 128


class UnknownMethod(HardError):
    """A class or method id that is not in the specification."""

    code, name = 503, "COMMAND_INVALID"


class Undecodable(FrameError):
    """The arguments of a known method are cut short, or octets are left over."""


class BadTable(Undecodable):
    """A field table in the arguments is malformed."""


class NotUtf8(FrameError):
    """A short string in the arguments is not UTF-8. On a channel RabbitMQ's close names no method, on 0 this one."""


def require_known(ids: MethodId) -> None:
    """Raise UnknownMethod for ids that are not in the specification."""
    if ids not in FIELDS:
        raise UnknownMethod(f"unknown method {ids[0]}/{ids[1]}: expected a method of AMQP 0-9-1", method=ids)


def method_id(payload: bytes) -> MethodId:
    """Class and method id of a method frame's payload (at least 4 octets)."""
    return payload[0] << 8 | payload[1], payload[2] << 8 | payload[3]


def decode(payload: bytes) -> tuple[Argument, ...]:
    """Return the arguments of a method frame's payload in the specification's order, reserved tickets left out.

    Raises UnknownMethod, Undecodable, or NotUtf8 (which RabbitMQ doesn't ask of methods that bear content).
    """
    ids = method_id(payload)
    require_known(ids)
    try:
        return _walk(FIELDS[ids], payload, "surrogateescape" if ids in CONTENT_BEARING else "strict")
    except UnicodeDecodeError:
        raise NotUtf8("Malformed UTF-8 in shortstr", method=ids) from None
    except (ValueError, IndexError) as error:
        kind = BadTable if isinstance(error, FieldError) else Undecodable
        shown = payload[4 : 4 + MAX_REPLY_TEXT]  # more of them is cut from the reply anyway
        raise kind(f"cannot decode {erlang.octet_list(shown)}", method=ids) from None


class MethodDecoder:
    """Decodes methods and remembers small ones by their octets: clients send the same few again and again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Argument, ...]] = {}

    def decode(self, payload: bytes) -> tuple[Argument, ...]:
        """As the function of this name. Nothing is kept of methods that hold a password."""
        arguments = self._known.get(payload)
        if arguments is None:
            arguments = decode(payload)
            if len(payload) <= REMEMBERED_SIZE and method_id(payload) not in SECRET:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[payload] = arguments
        return arguments


def _walk(fields: tuple[tuple[str, str], ...], payload: bytes, errors: str) -> tuple[Argument, ...]:
    values: list[Argument] = []
    position, bit = 4, 0
    for name, kind in fields:
        if kind == "bit":
            if bit == 8:
                position, bit = position + 1, 0
            values.append(bool(payload[position] >> bit & 1))
            bit += 1
            continue
        if bit:
            position, bit = position + 1, 0
        position, value = _field(kind, payload, position, errors)
        if name != "ticket":
            values.append(value)
    if bit:
        position += 1
    if position != len(payload):
        raise ValueError(f"{len(payload) - position} octets left over")
    return tuple(values)


_SIZES: Final = {"octet": 1, "short": 2, "long": 4, "longlong": 8}


def _field(kind: str, payload: bytes, position: int, errors: str) -> tuple[int, Argument]:
    if kind in _SIZES:
        stop = position + _SIZES[kind]
        return _within(payload, stop), int.from_bytes(payload[position:stop], "big")
    if kind == "shortstr":
        stop = _within(payload, position + 1 + payload[position])
        return stop, payload[position + 1 : stop].decode("utf-8", errors)
    _within(payload, position + 4)
    start = position + 4
    stop = _within(payload, start + int.from_bytes(payload[position:start], "big"))
    if kind == "longstr":
        return stop, payload[start:stop]
    table = Table.parse(payload[start:stop])
    check_count(table.raw)
    return stop, table


def _within(payload: bytes, stop: int) -> int:
    if stop > len(payload):
        raise IndexError(f"expected {stop} octets, got {len(payload)}")
    return stop


def frame(channel: int, method: base.Frame) -> bytes:
    """A whole frame of a server method that carries no names."""
    return pamqp_frame.marshal(method, channel)
