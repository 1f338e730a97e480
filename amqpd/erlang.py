"""Erlang terms as RabbitMQ prints them into its texts, since clients and people match on those texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

LINE: Final = 80
"""Columns that Erlang's pretty printer fills before it breaks a term."""


_ESCAPES: Final = {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\e", 34: '\\"', 92: "\\\\"}
_ESCAPED: Final = {octet: text.encode() for octet, text in _ESCAPES.items()}
_PRINTABLE: Final = {octet: chr(octet) for octet in range(32, 127)} | _ESCAPES
"""How an octet looks in a text. Erlang prints Latin-1 as well; a reply-text here stays UTF-8 (decision 0006)."""


_BARE_ATOM: Final = re.compile("[a-z][a-zA-Z0-9_@]*")


def binary(data: bytes) -> str:
    """`<<0,10,0,40>>`, or `<<"GET">>` where every octet is printable."""
    if data and all(octet in _PRINTABLE for octet in data):
        return '<<"' + "".join(_PRINTABLE[octet] for octet in data) + '">>'
    return octet_list(data)


def latin_binary(octets: bytes) -> bytes:
    """The same as octets, where printable means printable Latin-1."""
    if not octets:
        return b"<<>>"
    if all(0x20 <= octet < 0x7F or octet >= 0xA0 or octet in _ESCAPES for octet in octets):
        return b'<<"%b">>' % b"".join([_ESCAPED.get(octet) or bytes((octet,)) for octet in octets])
    return octet_list(octets).encode()


def octet_list(data: bytes) -> str:
    """`<<97,98,99>>`, also where it could be printed as text."""
    return "<<" + ",".join(str(octet) for octet in data) + ">>"


def atom(name: str) -> str:
    """A name that is an atom there: in quotes where it has more than letters, digits, _ and @."""
    return name if _BARE_ATOM.fullmatch(name) else f"'{name}'"


def frame(kind: int, payload: bytes) -> str:
    """A frame as frame errors name it: its type, and its payload whole up to 16 octets, else its beginning."""
    start = f"type {kind}, {'all octets' if len(payload) <= 16 else 'first 16 octets'} = "
    return start + _filled(binary(payload[:16]), len(start))


def _filled(term: str, column: int) -> str:
    """A binary printed at `column`, broken after the commas of full lines."""
    if column + len(term) <= LINE + 1 or '"' in term:
        return term
    lines, at = ["<<"], column + 2
    for octet in term[2:-2].split(",")[:-1]:
        if at + len(octet) + 1 >= LINE:
            lines.append(" " * (column + 2))
            at = column + 2
        lines[-1] += f"{octet},"
        at += len(octet) + 1
    last = term[2:].rpartition(",")[2]
    if at + len(last) > LINE:
        lines.append(" " * (column + 2))
    lines[-1] += last
    return "\n".join(lines)


def pair(tag: str, value: str, column: int) -> str:
    """The tuple `{tag,value}` printed at `column`, broken after the comma where the line is full."""
    flat = f"{{{tag},{value}}}"
    if column + len(flat) < LINE - 1:
        return flat
    return f"{{{tag},\n{' ' * (column + 1)}{value}}}"


def items(terms: Sequence[str]) -> str:
    """A list of tuples, printed at the beginning of a line: one under the other where they don't fit into it."""
    flat = f"[{','.join(terms)}]"
    return flat if len(flat) < LINE - 1 else "[" + ",\n ".join(terms) + "]"


def floating(value: float) -> bytes:
    """Print the shortest digits that read back, plain or scientific, whichever is shorter (plain if equal).

    From 2**53 on, where not every whole number is a float, Erlang always writes it scientific.
    """
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not value:
        return b"-0.0" if sign else b"0.0"
    text = "".join(map(str, digits))
    power = int(exponent) + len(text)
    whole, fraction = text[: max(power, 0)].ljust(power, "0"), "0" * -power + text[max(power, 0) :]
    plain = f"{whole or '0'}.{fraction or '0'}"
    scientific = f"{text[0]}.{text[1:] or '0'}e{power - 1}"
    chosen = plain if abs(value) < 2**53 and len(plain) <= len(scientific) else scientific
    return ("-" * sign + chosen).encode()


def json(value: object) -> bytes:
    """Print what was decoded from JSON."""
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, float):
        return floating(value)
    if isinstance(value, str):
        return latin_binary(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, list | tuple):
        return b"[%b]" % b",".join(map(json, value))
    if isinstance(value, Mapping):
        return b"#{%b}" % b",".join(b"%b => %b" % (json(key), json(value[key])) for key in sorted(value))
    return str(value).encode()
