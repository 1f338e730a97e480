"""The suite's own codec, checked against octets written by hand; no broker takes part."""

from __future__ import annotations

import pytest

from conformance.fields import Typed, Value, decode_table, decode_typed, encode_table, table_content
from conformance.frames import decode_properties, encode_frame, encode_properties
from conformance.methods import METHODS, decode_method, encode_method, ids


def test_bits_share_octets_lowest_first() -> None:
    payload = encode_method("queue.declare", queue="q", durable=True, nowait=True)
    assert payload == b"\0\x32\0\x0a" + b"\0\0" + b"\x01q" + b"\x12" + b"\0\0\0\0"
    fields = decode_method(payload)[1]
    assert (fields["passive"], fields["durable"], fields["nowait"]) == (False, True, True)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_decoded_as_it_was_encoded(name: str) -> None:
    samples = {
        "o": 200,
        "h": 60000,
        "l": 2**32 - 1,
        "q": 2**64 - 1,
        "s": "käse",
        "S": "x" * 300,
        "t": {"a": 1},
        "b": True,
    }
    fields = {field: samples[kind] for field, kind in METHODS[name].fields}
    assert decode_method(encode_method(name, **fields)) == (name, fields)


def test_octets_left_over_are_noticed() -> None:
    with pytest.raises(ValueError, match="1 left over"):
        decode_method(encode_method("channel.close-ok") + b"x")


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(TypeError, match="no field"):
        encode_method("basic.ack", tag=1)


def test_ids() -> None:
    assert (ids("basic.nack"), ids(None)) == ((60, 120), (0, 0))


TABLES: list[tuple[Value, bytes]] = [
    (5, b"I\0\0\0\5"),
    (2**40, b"l\0\0\1\0\0\0\0\0"),
    (True, b"t\1"),
    (None, b"V"),
    ("ab", b"S\0\0\0\2ab"),
    (1.0, b"d\x3f\xf0\0\0\0\0\0\0"),
    ([1], b"A\0\0\0\5I\0\0\0\1"),
    ({"k": None}, b"F\0\0\0\3\1kV"),
    (Typed("s", -2), b"s\xff\xfe"),
    (Typed("D", [2, 314]), b"D\2\0\0\1\x3a"),
    (Typed("x", b"\0\1"), b"x\0\0\0\2\0\1"),
]


@pytest.mark.parametrize(("value", "octets"), TABLES)
def test_a_value_on_the_wire(value: Value, octets: bytes) -> None:
    content = b"\1a" + octets
    assert table_content({"a": value}) == content
    assert encode_table(decode_typed(content)) == encode_table({"a": value})


def test_plain_values_forget_their_tags() -> None:
    assert decode_table(table_content({"a": Typed("A", [Typed("s", 1)]), "b": {"c": Typed("l", 2)}})) == {
        "a": [1],
        "b": {"c": 2},
    }


def test_properties_on_the_wire() -> None:
    raw = encode_properties({"content_type": "", "priority": 3, "cluster_id": "c"})
    assert raw == b"\x88\x04" + b"\0" + b"\3" + b"\1c"
    assert decode_properties(raw) == {"content_type": "", "priority": 3, "cluster_id": "c"}


def test_a_frame_on_the_wire() -> None:
    assert encode_frame(3, 258, b"hi") == b"\3\1\2\0\0\0\2hi\xce"
