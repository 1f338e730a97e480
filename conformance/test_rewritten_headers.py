"""Messages whose headers the broker adds to, by dead-lettering: all that it did not mean to change is as it was sent.

Octet for octet, but that keys are sorted and the unused flag bits are cleared.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Pairs, Typed, Value, decode_typed, encode_table, plain, table_content
from conformance.frames import decode_properties, encode_properties

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names


def _deaths(queue: str, time: Value, last: bool) -> Pairs:
    death: dict[str, Value] = {
        "count": Typed("l", 1), "reason": "rejected", "queue": queue, "time": time, "exchange": "",
        "routing-keys": [queue],
    }  # fmt: skip
    return [
        ("x-death", [death]),
        ("x-first-death-exchange", ""),
        ("x-first-death-queue", queue),
        ("x-first-death-reason", "rejected"),
        *([(f"x-last-death-{key}", death[key]) for key in ("exchange", "queue", "reason")] if last else []),
    ]


def _dead_lettered(channel: Channel, names: Names, properties: bytes) -> tuple[bytes, Pairs]:
    """Return the properties of a message that was rejected, and what the broker added to its headers."""
    queue, dead = names("q"), names("dead")
    channel.declare_queue(dead)
    channel.declare_queue(queue, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.publish("", queue, b"body", properties)
    channel.fence(queue)
    channel.reject(channel.must_get(queue)["delivery_tag"], requeue=False)
    channel.fence(queue, dead)
    message = channel.must_get(dead, no_ack=True).message
    deaths = message.properties["headers"]["x-death"].value
    last = "x-last-death-reason" in message.properties["headers"]  # since 3.13
    return message.raw_properties, _deaths(queue, deaths[0].value["time"], last)


def _sorted(pairs: Pairs) -> Pairs:
    return sorted(pairs, key=lambda pair: pair[0].encode("utf-8", "surrogateescape"))


NESTED: Value = {"b": 1, "a": {"z": Typed("s", 1), "y": [1, {}, {"": None}]}}
VALUES: dict[str, Value] = {
    "longstr": "text", "octets": b"\x00\xff\xfe", "signedint": Typed("I", -5), "unsignedint": Typed("i", 2**32 - 1),
    "decimal": Typed("D", [2, 314]), "timestamp": Typed("T", 2**63 + 1), "byte": Typed("b", -128),
    "unsignedbyte": Typed("B", 255), "short": Typed("s", -3), "unsignedshort": Typed("u", 65535),
    "long": Typed("l", 5), "float": Typed("f", 1.5), "float-0.1": Typed("f", 0.1), "double": 2.5,
    "minus-zero": Typed("d", -0.0), "bool": True, "false": False, "binary": Typed("x", b"\0\1"), "void": None,
    "table": NESTED, "array": [1, "two", [], {}, [NESTED]], "empty": "",
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.proves("beyond.rewritten-headers.field-types")
def test_every_field_type_stays_as_it_is(channel: Channel, names: Names, name: str) -> None:
    headers: Pairs = [("k", VALUES[name]), ("zzz", VALUES[name]), ("a", VALUES[name])]
    raw, deaths = _dead_lettered(channel, names, encode_properties({"headers": headers}))
    assert raw == encode_properties({"headers": _sorted(headers + deaths)})


KEYS = ["", "A", "a", "x", "x-", "x-deat", "x-deatha", "x-death-", "y", "käse", "日本", "\udcff\udcfe", "k" * 255, "~"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.proves("beyond.rewritten-headers.keys")
def test_keys_are_sorted_by_their_octets(channel: Channel, names: Names, backwards: bool) -> None:
    headers: Pairs = [(key, number) for number, key in enumerate(reversed(KEYS) if backwards else KEYS)]
    raw, deaths = _dead_lettered(channel, names, encode_properties({"headers": headers}))
    assert raw == encode_properties({"headers": _sorted(headers + deaths)})


@pytest.mark.proves("beyond.rewritten-headers.keys")
def test_a_repeated_key_stays_repeated(channel: Channel, names: Names) -> None:
    headers: Pairs = [("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    raw, deaths = _dead_lettered(channel, names, encode_properties({"headers": headers}))
    assert raw == encode_properties({"headers": _sorted(headers + deaths)})


@pytest.mark.parametrize(
    ("sent", "back"),
    [(b"\x01aL" + struct.pack(">q", -5), -5), (b"\x01at\x02", True), (b"\x01at\xff", True)],
    ids=["L", "true as 2", "true as 255"],
)
@pytest.mark.proves("beyond.rewritten-headers.other-forms")
def test_values_in_another_form_mean_what_they_meant(channel: Channel, names: Names, sent: bytes, back: Value) -> None:
    """RabbitMQ sends them in the usual form afterwards, amqpd as they came."""
    raw, _ = _dead_lettered(channel, names, b"\x20\0" + struct.pack(">I", len(sent)) + sent)
    assert plain(decode_properties(raw)["headers"]["a"]) == back


FULL: dict[str, Any] = {
    "content_type": "text/plain", "content_encoding": b"\xff\x00", "headers": [("k", "v")], "delivery_mode": 1,
    "priority": 255, "correlation_id": "", "reply_to": "r" * 255, "message_id": "käse", "timestamp": 2**64 - 1,
    "type": "t", "user_id": "guest", "app_id": "a", "cluster_id": "cl",
}  # fmt: skip


@pytest.mark.parametrize("name", [None, *FULL])
@pytest.mark.proves("beyond.rewritten-headers.properties")
def test_all_other_properties_stay_as_they_are(channel: Channel, names: Names, name: str | None) -> None:
    """Together, and each alone."""
    properties = FULL if name is None else {name: FULL[name]}
    raw, deaths = _dead_lettered(channel, names, encode_properties(properties))
    assert raw == encode_properties({**properties, "headers": _sorted([*properties.get("headers", []), *deaths])})


@pytest.mark.parametrize("properties", [b"\0\0", b"\x20\0\0\0\0\0"], ids=["none", "empty table"])
@pytest.mark.proves("beyond.rewritten-headers.properties")
def test_a_message_without_headers_gets_the_added_ones_alone(channel: Channel, names: Names, properties: bytes) -> None:
    raw, deaths = _dead_lettered(channel, names, properties)
    assert raw == encode_properties({"headers": deaths})


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.proves("beyond.flag-bits.kept")
def test_the_unused_flag_bits_are_kept_where_nothing_is_changed(channel: Channel, names: Names, bits: int) -> None:
    channel.declare_queue(names("q"))
    raw = struct.pack(">H", 0x8000 | bits) + b"\x01x"
    channel.publish("", names("q"), b"", raw)
    channel.fence(names("q"))
    assert channel.must_get(names("q")).message.raw_properties == raw


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.proves("beyond.flag-bits.cleared")
def test_the_unused_flag_bits_are_cleared_where_headers_are_added(channel: Channel, names: Names, bits: int) -> None:
    raw, deaths = _dead_lettered(channel, names, struct.pack(">H", 0x8000 | bits) + b"\x01x")
    assert raw == encode_properties({"content_type": "x", "headers": deaths})


@pytest.mark.proves("beyond.rewritten-headers.bcc")
def test_the_headers_around_bcc_stay_in_their_order(channel: Channel, names: Names) -> None:
    """Nothing is added, so nothing is sorted."""
    channel.declare_queue(names("q"))
    pairs = [(name, value) for name, value in VALUES.items() if name != "minus-zero"]
    sent = table_content([*pairs[10:], ("BCC", [names("none")]), *pairs[:10]])
    channel.publish("", names("q"), b"", b"\x20\0" + struct.pack(">I", len(sent)) + sent)
    channel.fence(names("q"))
    raw = channel.must_get(names("q")).message.raw_properties
    assert raw == b"\x20\0" + encode_table([*pairs[10:], *pairs[:10]])
    assert "BCC" not in decode_properties(raw)["headers"]
    assert list(decode_typed(raw[6:])) == [name for name, _ in [*pairs[10:], *pairs[:10]]]
