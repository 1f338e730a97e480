"""Messages are opaque: properties and header tables come back octet for octet."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed, Value, encode_table
from conformance.frames import PROPERTIES, encode_properties

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from conformance.channel import Channel
    from conformance.conftest import Names


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


def _returned(channel: Channel, queue: str, properties: bytes) -> bytes:
    channel.publish("", queue, b"body", properties)
    channel.fence(queue)
    return channel.must_get(queue, no_ack=True).message.raw_properties


FULL: dict[str, Any] = {
    "content_type": "text/plain", "content_encoding": "utf-8", "headers": {"k": "v"}, "delivery_mode": 1, "priority": 9,
    "correlation_id": "c", "reply_to": "r", "expiration": "60000", "message_id": "m", "timestamp": 2**63 + 5,
    "type": "t",
    "user_id": "guest", "app_id": "a", "cluster_id": "cl",
}  # fmt: skip
EMPTY: dict[str, Any] = {
    "content_type": "", "content_encoding": "", "headers": {}, "priority": 0, "correlation_id": "", "reply_to": "",
    "message_id": "", "timestamp": 0, "type": "", "app_id": "", "cluster_id": "",
}  # fmt: skip
TEXTS = [name for name, kind in PROPERTIES if kind == "s" and name not in {"user_id", "expiration"}]

SETS: dict[str, dict[str, Any]] = {
    "none": {},
    "all": FULL,
    "all present but empty": EMPTY,
    **{f"only {name}": {name: value} for name, value in FULL.items()},
    **{f"empty {name}": {name: value} for name, value in EMPTY.items()},
    **{f"255 octets of {name}": {name: "x" * 255} for name in TEXTS},
    "texts that are not UTF-8": dict.fromkeys(TEXTS, b"\xff\x00\xfe"),
    "priority 255": {"priority": 255},
    "persistent": {"delivery_mode": 2},
    "the largest timestamp": {"timestamp": 2**64 - 1},
}


@pytest.mark.proves("frame.opaque-content", "frame.content-header")
def _set(label: str, properties: dict[str, Any]) -> ParameterSet:
    """Name the property that a set with a single one proves."""
    one, _, name = label.partition(" ")
    marks = [pytest.mark.proves(f"basic.properties.{name.replace('_', '-')}")] if one == "only" else []
    return pytest.param(properties, marks=marks, id=label)


@pytest.mark.parametrize("properties", [_set(label, properties) for label, properties in SETS.items()])
def test_properties_come_back_octet_for_octet(channel: Channel, queue: str, properties: dict[str, Any]) -> None:
    raw = encode_properties(properties)
    assert _returned(channel, queue, raw) == raw


@pytest.mark.proves("frame.opaque-content")
def test_properties_reach_consumers_octet_for_octet(channel: Channel, queue: str) -> None:
    raw = encode_properties(FULL)
    channel.publish("", queue, b"x", raw)
    channel.consume(queue, no_ack=True)
    assert channel.expect("basic.deliver").message.raw_properties == raw


@pytest.mark.proves("frame.opaque-content", "basic.return")
def test_returned_messages_keep_their_properties(channel: Channel) -> None:
    raw = encode_properties(FULL)
    channel.publish("", "nowhere", b"x", raw, mandatory=True)
    assert channel.expect("basic.return").message.raw_properties == raw


EVERY_TYPE: dict[str, Value] = {
    "longstr": "text", "empty": "", "octets": b"\x00\xff\xfe", "signedint": Typed("I", -(2**31)),
    "unsignedint": Typed("i", 2**32 - 1),
    "decimal": Typed("D", [2, 314]), "timestamp": Typed("T", 2**63 + 1), "byte": Typed("b", -128),
    "unsignedbyte": Typed("B", 255),
    "short": Typed("s", -32768), "unsignedshort": Typed("u", 65535), "long": Typed("l", -(2**63)),
    "float": Typed("f", 1.5),
    "double": 2.5, "bool": True, "false": False, "binary": Typed("x", b"\0\1\2"), "void": None,
    "table": {"nested": {"deep": [1]}},
    "empty table": {}, "array": [1, "two", Typed("s", 3), [], {"four": None}], "empty array": [],
    "small long": Typed("l", 5),
    "käse": "日本語",
}  # fmt: skip


@pytest.mark.proves("frame.opaque-content")
@pytest.mark.parametrize(("key", "value"), EVERY_TYPE.items(), ids=EVERY_TYPE.keys())
def test_every_field_type_comes_back_octet_for_octet(channel: Channel, queue: str, key: str, value: Value) -> None:
    raw = encode_properties({"headers": {key: value}})
    assert _returned(channel, queue, raw) == raw


RAW_TABLES = {
    "all types, unsorted": encode_table(dict(reversed(EVERY_TYPE.items())))[4:],
    "a repeated key": encode_table([("a", 1), ("a", 2)])[4:],
    "an empty key": encode_table({"": 1})[4:],
    "a key of 255 octets": encode_table({"k" * 255: 1})[4:],
    "a key that is not UTF-8": b"\x02\xff\xfeI\0\0\0\1",
    "true as 2": b"\x01at\x02",
    "unsigned 64 bits": b"\x01aL" + struct.pack(">q", 5),
    "minus zero": b"\x01ad\x80\0\0\0\0\0\0\0",
}


@pytest.mark.proves("frame.opaque-content")
@pytest.mark.parametrize("table", RAW_TABLES.values(), ids=RAW_TABLES.keys())
def test_unusual_tables_come_back_octet_for_octet(channel: Channel, queue: str, table: bytes) -> None:
    """A message that nobody needs to look into is not decoded."""
    raw = b"\x20\0" + struct.pack(">I", len(table)) + table
    assert _returned(channel, queue, raw) == raw


@pytest.mark.proves("table.d", "table.f", "reply-code.internal-error")
@pytest.mark.versions(before="4.0", otherwise="not known")
@pytest.mark.parametrize("value", [b"d\x7f\xf8\0\0\0\0\0\0", b"f\x7f\x80\0\0"], ids=["NaN", "infinity"])
@pytest.mark.proves("error.connection.frame.not-a-number")
def test_a_float_that_is_no_number_is_an_internal_error(channel: Channel, value: bytes) -> None:
    table = b"\x01a" + value
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.publish("", "nowhere", b"", b"\x20\0" + struct.pack(">I", len(table)) + table)


@pytest.mark.proves("basic.properties.headers")
def test_a_big_table_comes_back(channel: Channel, queue: str) -> None:
    raw = encode_properties({"headers": {f"key-{number}": "x" * 100 for number in range(900)}})
    assert _returned(channel, queue, raw) == raw


@pytest.mark.proves("sender-selected.bcc", "frame.opaque-content")
def test_taking_bcc_out_leaves_the_rest(channel: Channel, queue: str) -> None:
    headers = {"z": Typed("s", 1), "BCC": [], "a": Typed("l", 2)}
    raw = _returned(channel, queue, encode_properties({"content_type": "", "headers": headers}))
    assert raw == encode_properties({"content_type": "", "headers": {"z": Typed("s", 1), "a": Typed("l", 2)}})
