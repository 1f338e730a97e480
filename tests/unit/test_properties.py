"""Properties: a content header is read lazily, changed by splicing and otherwise kept octet for octet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands

from amqpd import properties
from amqpd.field_checks import FieldError
from amqpd.fields import Table, longstr, signedint, void
from amqpd.properties import EMPTY, Properties, PropertyValues

ORDER = (
    "content_type",
    "content_encoding",
    "headers",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
    "cluster_id",
)
FLAGS = {name: getattr(properties, name.upper()) for name in ORDER}
SHORT_TEXTS = set(ORDER) - {"headers", "delivery_mode", "priority", "timestamp"}

FIELDS = st.one_of(st.integers(-(2**31), 2**31 - 1).map(signedint), st.text(max_size=5).map(longstr), st.just(void()))
HEADERS = st.dictionaries(st.text(max_size=4), FIELDS, max_size=3).map(Table.of)


def some_of(*, removals: bool = False) -> st.SearchStrategy[PropertyValues]:
    """Draw values for some of the properties, None among them where removals are wanted."""
    choices: dict[str, st.SearchStrategy[object]] = {name: st.text(max_size=6) for name in ORDER if name in SHORT_TEXTS}
    choices |= {
        "headers": HEADERS,
        "delivery_mode": st.integers(0, 255),
        "priority": st.integers(0, 255),
        "timestamp": st.integers(0, 2**64 - 1),
    }
    if removals:
        choices = {name: st.none() | values for name, values in choices.items()}
    return st.fixed_dictionaries({}, optional=choices).map(lambda drawn: cast("PropertyValues", drawn))


def all_of(found: Properties) -> dict[str, object]:
    """Read every property that is present."""
    return {name: value for name in ORDER if (value := getattr(found, name)) is not None}


def parts_of(found: Properties) -> dict[str, bytes]:
    """Cut a property list into the octets of each property, by the definition of the types."""
    parts = {}
    left = found.raw[2:]
    for name in ORDER:
        if not found.flags & FLAGS[name]:
            continue
        size = {"delivery_mode": 1, "priority": 1, "timestamp": 8}.get(name)
        if size is None:
            size = 4 + int.from_bytes(left[:4], "big") if name == "headers" else 1 + left[0]
        parts[name], left = left[:size], left[size:]
    assert left == b""
    return parts


@given(some_of())
def test_built_properties_read_back_and_round_trip(values: PropertyValues) -> None:
    built = Properties.of(**values)
    parsed = Properties.parse(built.raw)
    assert parsed == built
    assert parsed.raw == built.raw
    assert all_of(parsed) == all_of(built) == values
    assert parsed.flags == built.flags == sum(FLAGS[name] for name in values)
    assert parsed.persistent == built.persistent == (values.get("delivery_mode") == 2)


@given(some_of())
def test_a_list_cut_anywhere_or_lengthened_is_refused(values: PropertyValues) -> None:
    raw = Properties.of(**values).raw
    for end in range(len(raw)):
        with pytest.raises(FieldError):
            Properties.parse(raw[:end])
    with pytest.raises(FieldError):
        Properties.parse(raw + b"\x00")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a valid list and put other octets over a few of its own."""
    raw = Properties.of(**draw(some_of())).raw
    start = draw(st.integers(0, len(raw)))
    octets = draw(st.binary(max_size=3))
    return raw[:start] + octets + raw[start + len(octets) :]


@given(st.one_of(st.binary(max_size=30), damaged()))
def test_any_octets_parse_or_raise_field_error(raw: bytes) -> None:
    try:
        parsed = Properties.parse(raw)
    except FieldError:
        return
    assert parsed.raw == raw
    assert repr(parsed)
    assert Properties.of(**cast("PropertyValues", all_of(parsed))).raw[2:] == raw[2:]
    assert b"".join(parts_of(parsed).values()) == raw[2:]


@given(some_of(), some_of(removals=True))
def test_replace_keeps_the_octets_of_every_other_property(values: PropertyValues, changes: PropertyValues) -> None:
    before = Properties.of(**values)
    after = before.replace(**changes)
    assert Properties.parse(after.raw) == after
    assert all_of(after) == {name: value for name, value in {**values, **changes}.items() if value is not None}
    assert after.persistent == (after.delivery_mode == 2)
    kept = {name: octets for name, octets in parts_of(before).items() if name not in changes}
    assert {name: octets for name, octets in parts_of(after).items() if name not in changes} == kept


PAMQP_NAMES = {"type": "message_type"}
PAMQP_TEXTS = st.text(min_size=1, max_size=6)
PAMQP_VALUES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(SHORT_TEXTS - {"cluster_id"}, PAMQP_TEXTS),
        "headers": st.dictionaries(st.text(max_size=4), st.none() | st.text(max_size=5), min_size=1, max_size=3),
        "delivery_mode": st.integers(1, 2),
        "priority": st.integers(1, 255),
        "timestamp": st.integers(1, 2**32 - 1),
    },
)


@given(PAMQP_VALUES)
def test_properties_agree_with_pamqp_in_both_directions(values: dict[str, Any]) -> None:
    theirs = {PAMQP_NAMES.get(name, name): value for name, value in values.items()}
    ours = dict(values)
    if "timestamp" in values:
        theirs["timestamp"] = datetime.fromtimestamp(values["timestamp"], tz=UTC)
    if "headers" in values:
        headers = {key: void() if text is None else longstr(text) for key, text in values["headers"].items()}
        ours["headers"] = Table.of(headers).sorted()
    built = Properties.of(**cast("PropertyValues", ours))
    expected = commands.Basic.Properties(**theirs)
    assert expected.marshal() == built.raw
    decoded = commands.Basic.Properties()
    decoded.unmarshal(built.flags, built.raw[2:])
    for name in SHORT_TEXTS - {"cluster_id"} | {"delivery_mode", "priority"}:
        assert getattr(decoded, PAMQP_NAMES.get(name, name)) == getattr(built, name)
    assert (decoded.timestamp and int(decoded.timestamp.timestamp())) == built.timestamp
    assert decoded.headers == (built.headers and built.headers.to_python())


@pytest.mark.parametrize(
    ("raw", "flags", "mode", "persistent"),
    [
        (b"\x00\x00", 0, None, False),
        (b"\x10\x00\x00", 0x1000, 0, False),
        (b"\x10\x00\x01", 0x1000, 1, False),
        (b"\x10\x00\x02", 0x1000, 2, True),
        (b"\x10\x00\x03", 0x1000, 3, False),
    ],
)
def test_the_commonest_lists_parse(raw: bytes, flags: int, mode: int | None, persistent: bool) -> None:
    parsed = Properties.parse(raw)
    assert (parsed.raw, parsed.flags, parsed.delivery_mode, parsed.persistent) == (raw, flags, mode, persistent)


def test_the_commonest_lists_share_one_object() -> None:
    assert Properties.parse(bytes(2)) is EMPTY
    assert Properties.parse(b"\x10\x00\x02") is Properties.parse(b"\x10\x00\x02")


def test_the_two_lowest_flag_bits_are_ignored_and_kept() -> None:
    """RabbitMQ reads 0x0003 as no property and 0x1003 as a delivery mode alone; a changed list loses the bits."""
    assert Properties.parse(b"\x00\x03").flags == 0
    parsed = Properties.parse(b"\x10\x03\x02")
    assert (parsed.flags, parsed.delivery_mode, parsed.raw) == (0x1000, 2, b"\x10\x03\x02")
    assert parsed.replace(priority=1).raw == b"\x18\x00\x02\x01"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "0 octets end inside"),
        (b"\x00", "1 octets end inside"),
        (b"\x00\x01\x00\x00", "flags 0x0000 need 2 octets, got 4"),
        (b"\x10\x00", "2 octets end inside"),
        (b"\x08\x00", "flags 0x0800 need 3 octets, got 2"),
        (b"\x80\x00\x01", "flags 0x8000 need 4 octets, got 3"),
        (b"\x20\x00\x00\x00", "4 octets end inside"),
        (b"\x20\x00\x00\x00\x00\x01", "does not lie within 6 octets"),
        (b"\x20\x00\x00\x00\x00\x03\x01kQ", "unknown type tag 81"),
        (b"\x00\x40" + bytes(7), "flags 0x0040 need 10 octets, got 9"),
    ],
)
def test_a_list_that_does_not_decode_exactly_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        Properties.parse(raw)


def test_a_present_but_empty_text_survives() -> None:
    parsed = Properties.parse(b"\x80\x00\x00")
    assert parsed.content_type == ""
    assert parsed.replace(delivery_mode=2).raw == b"\x90\x00\x00\x02"


def test_present_but_empty_headers_are_an_empty_table() -> None:
    parsed = Properties.parse(b"\x20\x00" + bytes(4))
    assert parsed.headers == Table()
    assert EMPTY.headers is None
    assert parsed.headers is parsed.headers


def test_a_text_need_not_be_utf8() -> None:
    parsed = Properties.parse(b"\x80\x00\x01\xff")
    assert parsed.content_type == "\udcff"
    assert EMPTY.replace(content_type=parsed.content_type) == parsed


def test_timestamps_are_unsigned_64_bit() -> None:
    assert Properties.parse(b"\x00\x40" + b"\xff" * 8).timestamp == 2**64 - 1


def test_the_flag_bits_are_those_of_the_specification() -> None:
    assert [FLAGS[name] for name in ORDER] == [0x8000 >> position for position in range(14)]


def test_properties_are_equal_when_their_octets_are() -> None:
    assert {Properties.of(delivery_mode=2), Properties.parse(b"\x10\x00\x02")} == {EMPTY.replace(delivery_mode=2)}
    assert Properties.of() == EMPTY
    assert Properties.of(priority=1) != Properties.of(delivery_mode=1)
    assert EMPTY != b"\x00\x00"


@pytest.mark.parametrize(
    "fields", [{"delivery_mode": 256}, {"priority": -1}, {"timestamp": 2**64}, {"timestamp": -1}, {"type": "é" * 128}]
)
def test_a_value_that_does_not_fit_is_refused(fields: PropertyValues) -> None:
    with pytest.raises(ValueError, match=r"must lie between|at most 255 fit"):
        Properties.of(**fields)


def test_wrong_types_and_unknown_names_are_refused() -> None:
    unknown: dict[str, Any] = {"colour": "red"}
    wrong: dict[str, Any] = {"headers": {}}
    with pytest.raises(TypeError, match="basic has no property colour"):
        EMPTY.replace(**cast("PropertyValues", unknown))
    with pytest.raises(TypeError, match="property headers cannot be a dict"):
        EMPTY.replace(**cast("PropertyValues", wrong))
