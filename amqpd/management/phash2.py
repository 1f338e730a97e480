"""Erlang's `erlang:phash2`, the hash by which RabbitMQ tells bindings with arguments apart.

It is portable: every Erlang gives the same number for the same term. Terms are bytes (a binary), int, float, `Atom`,
tuple and list. https://www.erlang.org/doc/apps/erts/erlang.html#phash2/2
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, TypeAlias

import attrs


@attrs.frozen
class Atom:
    """An Erlang atom."""

    name: str


Term: TypeAlias = "bytes | int | float | Atom | tuple[Term, ...] | list[Term]"

_ALL: Final = 0xFFFFFFFF
_GOLDEN: Final = 0x9E3779B9
"""The golden ratio; each kind of term adds a multiple of it."""
_INTEGER, _NIL, _ATOM, _STRING, _TUPLE, _NEGATIVE, _BIG, _FLOAT, _BINARY = [
    _GOLDEN * factor & _ALL for factor in (1, 2, 3, 4, 9, 10, 11, 12, 13)
]
_NIL_ALONE: Final = 3468870702
_NIL_WITHIN: Final = 2
_SMALL: Final = 1 << 27
"""Integers from here on are hashed as large ones."""
_DOUBLE: Final = Struct(">d")
_HALVES: Final = Struct(">II")
_WORDS: Final = Struct("<III")
_BLOCK: Final = 12


def phash2(term: Term) -> int:
    """`erlang:phash2(Term, 1 bsl 32)`."""
    waiting: list[Term] = [term]
    value = 0
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            value = _list(each, value, waiting)
        elif isinstance(each, tuple):
            value = _mixed(value, len(each), 0, _TUPLE)
            waiting += reversed(each)
        elif isinstance(each, bytes):
            value = _octets(each, (_BINARY + value) & _ALL) if each else (_BINARY + value) & _ALL
        elif isinstance(each, Atom):
            value = _mixed(value, _atom(each), 0, _ATOM) if value else _atom(each)
        elif isinstance(each, float):
            high, low = _HALVES.unpack(_DOUBLE.pack(each or 0.0))
            value = _mixed(value, high, low, _FLOAT)
        else:
            value = _integer(each, value)
    return value


def _list(items: list[Term], value: int, waiting: list[Term]) -> int:
    """The octets at its beginning as those of a text; what comes after them waits."""
    packed = count = 0
    for index, each in enumerate(items):
        if not (isinstance(each, int) and 0 <= each < 256):
            rest: Sequence[Term] = items[index:]
            break
        packed = (packed << 8) + each
        count += 1
        if count == 4:
            value, packed, count = _mixed(value, packed, 0, _STRING), 0, 0
    else:
        rest = ()
    if count:
        value = _mixed(value, packed, 0, _STRING)
    if rest:
        waiting += [list(rest[1:]), rest[0]]
        return value
    return _mixed(value, _NIL_WITHIN, 0, _NIL) if value else _NIL_ALONE


def _integer(number: int, value: int) -> int:
    if -_SMALL <= number < _SMALL:
        if number < 0:
            value = _mixed(value, -number, 0, _INTEGER)
        return _mixed(value, number & _ALL, 0, _INTEGER)
    kind, left = (_NEGATIVE if number < 0 else _BIG), abs(number)
    while left:
        value = _mixed(value, left & _ALL, left >> 32 & _ALL, kind)
        left >>= 64
    return value


def _atom(atom: Atom) -> int:
    """P. J. Weinberger's hash, over Latin-1 where a character is of it."""
    value = 0
    for octet in b"".join([_latin(each) for each in atom.name]):
        value = (value << 4) + octet
        if over := value & 0xF0000000:
            value = value ^ over >> 24 ^ over
    return value


def _latin(character: str) -> bytes:
    return character.encode("latin-1") if character < "\u0100" else character.encode()


def _octets(octets: bytes, value: int) -> int:
    """Bob Jenkins' hash of 1996, of blocks of twelve octets; the last one has the length in it."""
    a = b = _GOLDEN
    c = value
    whole = len(octets) - len(octets) % _BLOCK
    for start in range(0, whole, _BLOCK):
        x, y, z = _WORDS.unpack_from(octets, start)
        a, b, c = _mix((a + x) & _ALL, (b + y) & _ALL, (c + z) & _ALL)
    rest = octets[whole:]
    x, y, z = _WORDS.unpack((rest[:8].ljust(8, b"\0") + b"\0" + rest[8:]).ljust(_BLOCK, b"\0"))
    return _mix((a + x) & _ALL, (b + y) & _ALL, (c + z + len(octets)) & _ALL)[2]


def _mixed(value: int, one: int, other: int, kind: int) -> int:
    return _mix((kind + one) & _ALL, (kind + other) & _ALL, value)[2]


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for right, left, last in ((13, 8, 13), (12, 16, 5), (3, 10, 15)):
        a = (a - b - c) & _ALL ^ c >> right
        b = (b - c - a ^ a << left) & _ALL
        c = (c - a - b) & _ALL ^ b >> last
    return a, b, c
