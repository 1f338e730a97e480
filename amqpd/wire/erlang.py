"""Erlang terms as RabbitMQ prints them into reply-texts, since clients and people match on those texts."""

from __future__ import annotations

from typing import Final

LINE: Final = 80
"""Columns that Erlang's pretty printer fills before it breaks a term."""


def binary(data: bytes) -> str:
    """`<<0,10,0,40>>`, or `<<"GET">>` where every octet is printable."""
    if data and all(32 <= octet < 127 or octet in b"\n\t\r" for octet in data):
        text = data.decode("ascii").replace("\\", "\\\\").replace('"', '\\"')
        return '<<"' + text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '">>'
    return octet_list(data)


def octet_list(data: bytes) -> str:
    """`<<97,98,99>>`, also where it could be printed as text."""
    return "<<" + ",".join(str(octet) for octet in data) + ">>"


def octets(payload: bytes) -> str:
    """A frame's payload as frame errors name it: whole up to 16 octets, else its beginning."""
    if len(payload) <= 16:
        return f"all octets = {binary(payload)}"
    return f"first 16 octets = {binary(payload[:16])}"


def pair(tag: str, value: str, column: int) -> str:
    """The tuple `{tag,value}` printed at `column`, broken after the comma where the line is full."""
    flat = f"{{{tag},{value}}}"
    if column + len(flat) < LINE:
        return flat
    return f"{{{tag},\n{' ' * (column + 1)}{value}}}"
