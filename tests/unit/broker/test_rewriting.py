"""Headers that are encoded anew."""

from __future__ import annotations

from amqpd.broker.rewriting import rewritten
from amqpd.fields import Table, from_python


def test_unusual_forms_become_usual_ones_at_every_depth() -> None:
    big = b"L" + (2**63 + 1).to_bytes(8, "big")
    odd = b"\x01nL" + bytes(8) + b"\x01bt\x02"
    nested = b"\x01fF" + len(odd).to_bytes(4, "big") + odd
    array = b"\x01aA" + len(big).to_bytes(4, "big") + big
    new = rewritten(Table.parse(odd + nested + array))
    mended = odd.replace(b"L", b"l").replace(b"t\x02", b"t\x01")
    assert new.raw == mended + nested.replace(odd, mended) + array.replace(b"L", b"l")


def test_usual_forms_are_left_alone() -> None:
    headers = from_python({"a": 1, "b": True, "c": [1.5, None, {"d": "x"}], "e": {}})
    assert rewritten(headers) is headers
