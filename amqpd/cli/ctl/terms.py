"""Erlang terms as far as configuration values need them: their text, and their octets (external term format).

Atoms are Atom, strings str, binaries bytes, tuples tuple, lists list, numbers int.
https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
"""

from __future__ import annotations

import re
from typing import Final

from amqpd.cli.ctl.output import Atom

VERSION: Final = 131
ATOM, SMALL_ATOM, LATIN_ATOM = 118, 119, 100
SMALL_INTEGER, INTEGER = 97, 98
SMALL_TUPLE: Final = 104
NIL, STRING, LIST = 106, 107, 108
BINARY: Final = 109
ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def read(text: str) -> object:
    """An atom, a string, a binary or a number, as one writes them. Raises ValueError for another term."""
    text = text.strip().removesuffix(".")
    if found := re.fullmatch(r'<<\s*"((?:[^"\\]|\\.)*)"\s*>>', text, re.DOTALL):
        return ESCAPED.sub(r"\1", found[1]).encode()
    if found := re.fullmatch(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL):
        return ESCAPED.sub(r"\1", found[1])
    if found := re.fullmatch(r"'((?:[^'\\]|\\.)+)'|([a-z][A-Za-z0-9_@]*)", text):
        return Atom(found[2] or ESCAPED.sub(r"\1", found[1]))
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    raise ValueError(f'{text[:40]!r} is no value: expected "text", <<"octets">>, a number or an atom')


def written(term: object) -> str:
    """A term as Erlang shows it."""
    match term:
        case Atom():
            return str(term) if re.fullmatch(r"[a-z][A-Za-z0-9_@]*", term) else f"'{term}'"
        case str():
            return f'"{_escaped(term)}"'
        case bytes():
            return f'<<"{_escaped(term.decode("utf-8", "backslashreplace"))}">>'
        case tuple():
            return "{" + ",".join(map(written, term)) + "}"
        case list():
            return "[" + ",".join(map(written, term)) + "]"
        case _:
            return str(term)


def for_programs(term: object) -> object:
    """A term as rabbitmqctl has it in JSON: strings are lists of numbers there."""
    match term:
        case Atom():
            return str(term)
        case str():
            return [*map(ord, term)]
        case bytes():
            return term.decode("utf-8", "replace")
        case tuple() | list():
            return [*map(for_programs, term)]
    return term


def packed(term: object) -> bytes:
    """The octets of what `read` gives. Raises ValueError for a number or an atom that is too long."""
    return bytes([VERSION]) + _packed(term)


def unpacked(octets: bytes) -> object:
    """The term. Raises ValueError for octets that are none, or a kind of term that configurations don't have."""
    try:
        if octets[0] != VERSION:
            raise ValueError(f"these are no octets of a term: they begin with {octets[0]}, not {VERSION}")
        term, end = _unpacked(octets, 1)
    except IndexError:
        raise ValueError("the octets of a term end too early") from None
    if end != len(octets):
        raise ValueError(f"{len(octets) - end} octets too many")
    return term


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _packed(term: object) -> bytes:
    match term:
        case Atom():
            name = term.encode("latin-1")
            if len(name) > 255:
                raise ValueError(f"an atom of {len(name)} octets: it has at most 255")
            return bytes([LATIN_ATOM]) + len(name).to_bytes(2, "big") + name
        case str() if not term:
            return bytes([NIL])
        case str() if len(term) < 65536 and max(map(ord, term)) < 256:
            return bytes([STRING]) + len(term).to_bytes(2, "big") + term.encode("latin-1")
        case str():
            elements = b"".join(_packed(ord(each)) for each in term)
            return bytes([LIST]) + len(term).to_bytes(4, "big") + elements + bytes([NIL])
        case bytes():
            return bytes([BINARY]) + len(term).to_bytes(4, "big") + term
        case int() if 0 <= term < 256:
            return bytes([SMALL_INTEGER, term])
        case int() if -(2**31) <= term < 2**31:
            return bytes([INTEGER]) + term.to_bytes(4, "big", signed=True)
    raise ValueError(f"{term!r} cannot be packed")


def _unpacked(octets: bytes, at: int) -> tuple[object, int]:
    kind = octets[at]
    at += 1
    match kind:
        case 97:
            return octets[at], at + 1
        case 98:
            return int.from_bytes(_part(octets, at, 4), "big", signed=True), at + 4
        case 118 | 100 | 107 | 109 | 119:
            width = {SMALL_ATOM: 1, BINARY: 4}.get(kind, 2)
            length = int.from_bytes(_part(octets, at, width), "big")
            found = _part(octets, at + width, length)
            return _text(kind, found), at + width + length
        case 106:
            return [], at
        case 104:
            elements, end = _elements(octets, at + 1, octets[at])
            return tuple(elements), end
        case 108:
            elements, end = _elements(octets, at + 4, int.from_bytes(_part(octets, at, 4), "big"))
            _, end = _unpacked(octets, end)  # the empty list that ends it
            return elements, end
    raise ValueError(f"a term of the kind {kind} is not for configurations")


def _elements(octets: bytes, at: int, count: int) -> tuple[list[object], int]:
    found = []
    for _ in range(count):
        each, at = _unpacked(octets, at)
        found.append(each)
    return found, at


def _part(octets: bytes, at: int, length: int) -> bytes:
    if at + length > len(octets):
        raise IndexError
    return octets[at : at + length]


def _text(kind: int, octets: bytes) -> object:
    if kind == BINARY:
        return octets
    if kind == STRING:
        return octets.decode("latin-1")
    return Atom(octets.decode("latin-1" if kind == LATIN_ATOM else "utf-8"))
