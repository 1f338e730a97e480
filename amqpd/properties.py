"""One content header of class basic: a lazy view over its property flags and property list.

Decides which octets are a valid header and where each property lies in it. Refuses to know what a property means
to a queue, which values of it are sensible, or whether its text is UTF-8 (RabbitMQ checks no text here either).

Invariants:
* `raw` is exactly what was received, so a message that nobody changes goes out as it came in.
* `replace` copies the octets of every property it does not name.
* Objects are immutable by contract; the commonest ones are shared.

Sources: AMQP 0-9-1 section 4.2.6 (property flags, in the order of the specification's basic class); RabbitMQ 3.10.8.
"""

from __future__ import annotations

import struct
from struct import Struct
from typing import Final, TypedDict, Unpack, cast

from amqpd.field_checks import FieldError, check_table
from amqpd.fields import Table

CONTENT_TYPE: Final = 0x8000
CONTENT_ENCODING: Final = 0x4000
HEADERS: Final = 0x2000
DELIVERY_MODE: Final = 0x1000
PRIORITY: Final = 0x0800
CORRELATION_ID: Final = 0x0400
REPLY_TO: Final = 0x0200
EXPIRATION: Final = 0x0100
MESSAGE_ID: Final = 0x0080
TIMESTAMP: Final = 0x0040
TYPE: Final = 0x0020
USER_ID: Final = 0x0010
APP_ID: Final = 0x0008
CLUSTER_ID: Final = 0x0004

_KNOWN: Final = 0xFFFC
_PERSISTENT: Final = 2

_SHORTSTR: Final = 0
_OCTET: Final = 1
_LONGLONG: Final = 2
_TABLE: Final = 3

# In the order of the property list, which is the order of the flag bits from the highest down.
_LAYOUT: Final = (
    (CONTENT_TYPE, _SHORTSTR, "content_type"),
    (CONTENT_ENCODING, _SHORTSTR, "content_encoding"),
    (HEADERS, _TABLE, "headers"),
    (DELIVERY_MODE, _OCTET, "delivery_mode"),
    (PRIORITY, _OCTET, "priority"),
    (CORRELATION_ID, _SHORTSTR, "correlation_id"),
    (REPLY_TO, _SHORTSTR, "reply_to"),
    (EXPIRATION, _SHORTSTR, "expiration"),
    (MESSAGE_ID, _SHORTSTR, "message_id"),
    (TIMESTAMP, _LONGLONG, "timestamp"),
    (TYPE, _SHORTSTR, "type"),
    (USER_ID, _SHORTSTR, "user_id"),
    (APP_ID, _SHORTSTR, "app_id"),
    (CLUSTER_ID, _SHORTSTR, "cluster_id"),
)
_NAMES: Final = frozenset(name for _, _, name in _LAYOUT)

_U16: Final = Struct(">H")
_U32: Final = Struct(">I")
_U64: Final = Struct(">Q")


class PropertyValues(TypedDict, total=False):
    """What `Properties.of` and `Properties.replace` take; None stands for an absent property."""

    content_type: str | None
    content_encoding: str | None
    headers: Table | None
    delivery_mode: int | None
    priority: int | None
    correlation_id: str | None
    reply_to: str | None
    expiration: str | None
    message_id: str | None
    timestamp: int | None
    type: str | None
    user_id: str | None
    app_id: str | None
    cluster_id: str | None


class Properties:
    """The properties of one message; texts are str with surrogate escapes for octets that are not UTF-8.

    `raw`: two octets of flags and the property list. `flags`: the bits of the properties present (the two lowest,
    which RabbitMQ ignores, are always 0). `persistent`: whether delivery-mode is 2.
    """

    __slots__ = ("_headers", "flags", "persistent", "raw")

    def __init__(self, raw: bytes, flags: int, persistent: bool) -> None:
        """Join parts that already belong together; use `parse` or `of`."""
        self.raw = raw
        self.flags = flags
        self.persistent = persistent
        self._headers: Table | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Properties:
        """Check flags and property list (the content header from its flags on) without decoding a value.

        Raise FieldError when the list is truncated, leaves octets over (a second word of flags, for one) or holds
        a malformed header table.
        """
        if len(raw) <= 3 and (shared := _SHARED.get(raw)) is not None:
            return shared
        try:
            return cls._scan(raw)
        except (IndexError, struct.error):
            raise FieldError(f"properties: {len(raw)} octets end inside the property list") from None

    @classmethod
    def again(cls, raw: bytes, persistent: int) -> Properties:
        """Properties from octets that `parse` has accepted before; `persistent` is what it found (0 or 1)."""
        return cls(raw, (raw[0] << 8 | raw[1]) & _KNOWN, persistent == 1)

    # Spelled out flag by flag instead of looping over the layout: it runs for every message.
    @classmethod
    def _scan(cls, raw: bytes) -> Properties:  # noqa: C901, PLR0912
        flags: int = _U16.unpack_from(raw, 0)[0] & _KNOWN
        persistent = False
        pos = 2
        # Reading past the end raises; a last property that passes the end shows in the final comparison.
        if flags & CONTENT_TYPE:
            pos += 1 + raw[pos]
        if flags & CONTENT_ENCODING:
            pos += 1 + raw[pos]
        if flags & HEADERS:
            start = pos + 4
            pos = start + _U32.unpack_from(raw, pos)[0]
            check_table(raw, start, pos)
        if flags & DELIVERY_MODE:
            persistent = raw[pos] == _PERSISTENT
            pos += 1
        if flags & PRIORITY:
            pos += 1
        if flags & 0x0780:  # correlation-id, reply-to, expiration, message-id
            if flags & CORRELATION_ID:
                pos += 1 + raw[pos]
            if flags & REPLY_TO:
                pos += 1 + raw[pos]
            if flags & EXPIRATION:
                pos += 1 + raw[pos]
            if flags & MESSAGE_ID:
                pos += 1 + raw[pos]
        if flags & 0x007C:  # timestamp, type, user-id, app-id, cluster-id
            if flags & TIMESTAMP:
                pos += 8
            if flags & TYPE:
                pos += 1 + raw[pos]
            if flags & USER_ID:
                pos += 1 + raw[pos]
            if flags & APP_ID:
                pos += 1 + raw[pos]
            if flags & CLUSTER_ID:
                pos += 1 + raw[pos]
        if pos != len(raw):
            raise FieldError(f"properties: flags {flags:#06x} need {pos} octets, got {len(raw)}")
        return cls(raw, flags, persistent)

    @classmethod
    def of(cls, **fields: Unpack[PropertyValues]) -> Properties:
        """Build properties from values; a field that is None or not named is absent. Raise as `replace` does."""
        return EMPTY.replace(**fields)

    def replace(self, **changes: Unpack[PropertyValues]) -> Properties:
        """Return properties with the named fields set, or removed where None; all others keep their octets.

        Raise TypeError for an unknown name, ValueError for a text over 255 octets or a number out of range.
        """
        named = cast("dict[str, object]", changes)
        if not _NAMES.issuperset(named):
            raise TypeError(f"basic has no property {', '.join(sorted(named.keys() - _NAMES))}")
        flags = 0
        parts = [b""]
        pos = 2
        for bit, kind, name in _LAYOUT:
            start = pos
            if self.flags & bit:
                pos = _end(self.raw, pos, kind)
            if name in named:
                value = named[name]
                if value is not None:
                    flags |= bit
                    parts.append(_encode(name, kind, value))
            elif self.flags & bit:
                flags |= bit
                parts.append(self.raw[start:pos])
        parts[0] = _U16.pack(flags)
        persistent = self.persistent if "delivery_mode" not in named else named["delivery_mode"] == _PERSISTENT
        return Properties(b"".join(parts), flags, persistent)

    @property
    def content_type(self) -> str | None:
        """The MIME type of the body, opaque to the broker."""
        return self._text(CONTENT_TYPE)

    @property
    def content_encoding(self) -> str | None:
        """The MIME encoding of the body, opaque to the broker."""
        return self._text(CONTENT_ENCODING)

    @property
    def headers(self) -> Table | None:
        """The header table: None if absent, an empty Table if present and empty. Read once, then kept."""
        headers = self._headers
        if headers is None and self.flags & HEADERS:
            pos = self._find(HEADERS)
            start = pos + 4
            headers = self._headers = Table(self.raw[start : _end(self.raw, pos, _TABLE)])
        return headers

    @property
    def headers_at(self) -> int:
        """Where in `raw` the header table, its length first, begins or would begin."""
        return self._find(HEADERS)

    @property
    def delivery_mode(self) -> int | None:
        """1 for transient, 2 for persistent; any octet is possible."""
        return self._octet(DELIVERY_MODE)

    @property
    def priority(self) -> int | None:
        """The message priority, 0 to 255 as received."""
        return self._octet(PRIORITY)

    @property
    def correlation_id(self) -> str | None:
        """The application's correlation identifier."""
        return self._text(CORRELATION_ID)

    @property
    def reply_to(self) -> str | None:
        """The address to reply to, a queue name by custom."""
        return self._text(REPLY_TO)

    @property
    def expiration(self) -> str | None:
        """The per-message TTL as the decimal text received, unchecked."""
        return self._text(EXPIRATION)

    @property
    def message_id(self) -> str | None:
        """The application's message identifier."""
        return self._text(MESSAGE_ID)

    @property
    def timestamp(self) -> int | None:
        """Seconds since 1970 as the publisher gave them, unsigned 64-bit."""
        if not self.flags & TIMESTAMP:
            return None
        seconds: int = _U64.unpack_from(self.raw, self._find(TIMESTAMP))[0]
        return seconds

    @property
    def type(self) -> str | None:
        """The application's message type name."""
        return self._text(TYPE)

    @property
    def user_id(self) -> str | None:
        """The user who claims to have published, unchecked."""
        return self._text(USER_ID)

    @property
    def app_id(self) -> str | None:
        """The application's identifier."""
        return self._text(APP_ID)

    @property
    def cluster_id(self) -> str | None:
        """The deprecated last property of the specification, kept as received."""
        return self._text(CLUSTER_ID)

    def _find(self, wanted: int) -> int:
        """Return where the value of a property that is present begins."""
        flags = self.flags
        pos = 2
        for bit, kind, _ in _LAYOUT:
            if bit == wanted:
                break
            if flags & bit:
                pos = _end(self.raw, pos, kind)
        return pos

    def _text(self, bit: int) -> str | None:
        if not self.flags & bit:
            return None
        pos = self._find(bit)
        return self.raw[pos + 1 : pos + 1 + self.raw[pos]].decode("utf-8", "surrogateescape")

    def _octet(self, bit: int) -> int | None:
        return self.raw[self._find(bit)] if self.flags & bit else None

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Properties) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        present = [f"{name}={getattr(self, name)!r}" for bit, _, name in _LAYOUT if self.flags & bit]
        return f"<Properties {' '.join(present)}>"


def _end(raw: bytes, pos: int, kind: int) -> int:
    """Return where the value at pos ends, in a property list that parse accepted."""
    if kind == _SHORTSTR:
        return pos + 1 + raw[pos]
    if kind == _OCTET:
        return pos + 1
    if kind == _LONGLONG:
        return pos + 8
    length: int = _U32.unpack_from(raw, pos)[0]
    return pos + 4 + length


def _encode(name: str, kind: int, value: object) -> bytes:
    if kind == _SHORTSTR and isinstance(value, str):
        octets = value.encode("utf-8", "surrogateescape")
        if len(octets) > 255:
            raise ValueError(f"property {name} has {len(octets)} octets: at most 255 fit")
        return bytes((len(octets),)) + octets
    if kind == _TABLE and isinstance(value, Table):
        return _U32.pack(len(value.raw)) + value.raw
    if kind in (_OCTET, _LONGLONG) and isinstance(value, int):
        high = 255 if kind == _OCTET else 2**64 - 1
        if not 0 <= value <= high:
            raise ValueError(f"property {name} is {value}: it must lie between 0 and {high}")
        return bytes((value,)) if kind == _OCTET else _U64.pack(value)
    raise TypeError(f"property {name} cannot be a {type(value).__name__} ({value!r})")


EMPTY: Final = Properties(b"\x00\x00", 0, False)
"""No property at all."""

# No properties, or nothing but a delivery mode: what most messages carry, so parsing them is one look-up.
_SHARED: Final[dict[bytes, Properties]] = {
    EMPTY.raw: EMPTY,
    b"\x10\x00\x01": Properties(b"\x10\x00\x01", DELIVERY_MODE, False),
    b"\x10\x00\x02": Properties(b"\x10\x00\x02", DELIVERY_MODE, True),
}
