"""What the catalogue must hold whatever it says: kinds, methods with their fields, properties, reply codes.

Methods come from the table of the suite's own codec, so that the catalogue cannot describe a protocol that the suite
does not speak.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from conformance.frames import PROPERTIES
from conformance.methods import METHODS

TYPES: Final = {
    "o": "octet",
    "h": "short",
    "l": "long",
    "q": "longlong",
    "s": "shortstr",
    "S": "longstr",
    "t": "table",
    "b": "bit",
}
"""The type letters of the codec in the words of the specification."""

KEYS: Final[dict[str, frozenset[str]]] = {
    "class": frozenset({"class-id"}),
    "method": frozenset({"class-id", "method-id", "sender"}),
    "field": frozenset({"type"}),
    "reply-code": frozenset({"code", "closes"}),
    "rule": frozenset({"level", "actor"}),
    "error": frozenset({"closes"}),
    "extension": frozenset(),
    "deviation": frozenset(),
    "behaviour": frozenset(),
}
"""Every kind with the keys that it must have."""

OPTIONAL: Final[dict[str, frozenset[str]]] = {
    "rule": frozenset({"on-failure"}),
    "error": frozenset({"code", "reply", "method"}),
    "deviation": frozenset({"rule"}),
}
"""And those that it may have."""

VALUES: Final[dict[str, frozenset[str]]] = {
    "sender": frozenset({"client", "server", "both"}),
    "level": frozenset({"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "NOTE"}),
    "actor": frozenset({"server", "client", "peer"}),
    "untested": frozenset({"untestable", "deviation"}),
}
CLOSES: Final[dict[str, frozenset[str]]] = {
    "reply-code": frozenset({"channel", "connection", "nothing"}),
    "error": frozenset({"channel", "connection", "socket"}),
}

CLASSES: Final = {"connection": 10, "channel": 20, "access": 30, "exchange": 40, "queue": 50, "basic": 60,
                  "confirm": 85, "tx": 90}  # fmt: skip

REPLY_CODES: Final = {
    "reply-success": 200, "content-too-large": 311, "no-route": 312, "no-consumers": 313, "connection-forced": 320,
    "invalid-path": 402, "access-refused": 403, "not-found": 404, "resource-locked": 405, "precondition-failed": 406,
    "frame-error": 501, "syntax-error": 502, "command-invalid": 503, "channel-error": 504, "unexpected-frame": 505,
    "resource-error": 506, "not-allowed": 530, "not-implemented": 540, "internal-error": 541,
}  # fmt: skip


class Described(NamedTuple):
    """A method as the catalogue has to describe it: class id, method id, fields as (name, type) in wire order."""

    class_id: int
    method_id: int
    fields: tuple[tuple[str, str], ...]


def methods() -> dict[str, Described]:
    """Return the methods by name, fields with hyphens."""
    return {
        method.name: Described(
            method.class_id,
            method.method_id,
            tuple((name.replace("_", "-"), TYPES[letter]) for name, letter in method.fields),
        )
        for method in METHODS.values()
    }


def properties() -> tuple[tuple[str, str], ...]:
    """Return the properties of basic content as (name, type) in wire order."""
    return tuple(
        (name.replace("_", "-"), "timestamp" if name == "timestamp" else TYPES[letter]) for name, letter in PROPERTIES
    )
