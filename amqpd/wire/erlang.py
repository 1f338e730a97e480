"""Erlang terms as RabbitMQ prints them into reply-texts, since clients and people match on those texts."""

from __future__ import annotations

from typing import Final

LINE: Final = 80
"""Columns that Erlang's pretty printer fills before it breaks a term."""


_ESCAPES: Final = {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\e", 34: '\\"', 92: "\\\\"}
_PRINTABLE: Final = {octet: chr(octet) for octet in range(32, 127)} | _ESCAPES
"""How an octet looks in a text. Erlang prints Latin-1 as well; a reply-text here stays UTF-8 (decision 0006)."""


def binary(data: bytes) -> str:
    """`<<0,10,0,40>>`, or `<<"GET">>` where every octet is printable."""
    if data and all(octet in _PRINTABLE for octet in data):
        return '<<"' + "".join(_PRINTABLE[octet] for octet in data) + '">>'
    return octet_list(data)


def octet_list(data: bytes) -> str:
    """`<<97,98,99>>`, also where it could be printed as text."""
    return "<<" + ",".join(str(octet) for octet in data) + ">>"


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
