"""Field tables: verdicts, decoded values, edits, equivalence and texts; RabbitMQ 3.10.8 gave the expected ones."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pamqp import decode

from amqpd.field_checks import MAX_DEPTH, MAX_FIELDS, FieldError, check_count, check_table
from amqpd.fields import (
    EMPTY,
    Field,
    Table,
    array,
    boolean,
    double,
    equivalent,
    from_python,
    long,
    longstr,
    read_field,
    signedint,
    table,
    timestamp,
    void,
)

WIDTHS = dict(zip("VtbBsuIifDlLdT", (0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 8, 8, 8, 8), strict=True))


def field(raw: bytes) -> Field:
    """Read one value from its tag and payload."""
    found = Table.parse(b"\x01k" + raw).get("k")
    assert found is not None
    return found


def counted(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack(">I", len(content)) + content


def entry(key: bytes, value: bytes) -> bytes:
    return bytes([len(key)]) + key + value


def number(tag: bytes, code: str, values: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return values.map(lambda value: tag + struct.pack(f">{code}", value))


def whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


# Left out for the comparison with pamqp, which differs from RabbitMQ there: timestamps from 2**32 on (it takes them
# for milliseconds) and decimals from 2**31 on (it takes them for negative).
SCALARS = st.one_of(
    st.just(b"V"),
    number(b"t", "B", whole(8, signed=False)),
    number(b"b", "b", whole(8, signed=True)),
    number(b"B", "B", whole(8, signed=False)),
    number(b"s", "h", whole(16, signed=True)),
    number(b"u", "H", whole(16, signed=False)),
    number(b"I", "i", whole(32, signed=True)),
    number(b"i", "I", whole(32, signed=False)),
    number(b"l", "q", whole(64, signed=True)),
    number(b"L", "q", whole(64, signed=True)),
    number(b"T", "Q", whole(32, signed=False)),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: b"d" + struct.pack(">d", value)),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda value: b"f" + struct.pack(">f", value)),
    st.tuples(whole(8, signed=False), whole(31, signed=False)).map(lambda pair: b"D" + struct.pack(">BI", *pair)),
    st.binary(max_size=12).map(lambda octets: counted(b"S", octets)),
    st.binary(max_size=12).map(lambda octets: counted(b"x", octets)),
)
KEYS = st.text(st.sampled_from("abé-"), max_size=3).map(str.encode)


def entries_of(values: st.SearchStrategy[bytes], *, unique: bool) -> st.SearchStrategy[bytes]:
    keep = (lambda pair: pair[0]) if unique else None
    pairs = st.lists(st.tuples(KEYS, values), max_size=4, unique_by=keep)
    return pairs.map(lambda found: b"".join(entry(key, value) for key, value in found))


def values_of(*, unique: bool) -> st.SearchStrategy[bytes]:
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda values: counted(b"A", b"".join(values))),
            entries_of(inner, unique=unique).map(lambda raw: counted(b"F", raw)),
        ),
        max_leaves=8,
    )


TABLES = entries_of(values_of(unique=False), unique=False)
UNIQUE_TABLES = entries_of(values_of(unique=True), unique=True)


@st.composite
def damaged_tables(draw: st.DrawFn) -> bytes:
    """Draw a valid table and replace a few of its octets by others, none or more."""
    raw = draw(TABLES)
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 3)))
    return raw[:start] + draw(st.binary(max_size=3)) + raw[end:]


def reads_naively(data: bytes, *, keyed: bool) -> bool:
    """Give the verdict on a table's entries or an array's members from the definition, one slice at a time."""
    while data:
        if keyed:
            data = data[1 + data[0] :]
        tag, data = data[:1].decode("latin-1"), data[1:]
        width = WIDTHS.get(tag)
        if width is not None:
            octets, data = data[:width], data[width:]
            if len(octets) != width or (tag in "fd" and not math.isfinite(struct.unpack(f">{tag}", octets)[0])):
                return False
            continue
        count, length = data[:4], int.from_bytes(data[:4], "big")
        octets, data = data[4 : 4 + length], data[4 + length :]
        if tag not in tuple("SxFA") or len(count) != 4 or len(octets) != length:
            return False
        if tag in "FA" and not reads_naively(octets, keyed=tag == "F"):
            return False
    return True


def accepted(raw: bytes) -> bool:
    try:
        check_table(raw, 0, len(raw))
    except FieldError:
        return False
    return True


@given(st.one_of(st.binary(max_size=40), damaged_tables()))
@example(b"\x01")
@example(b"\x01a")
@example(b"\x01aS\x00\x00\x00")
def test_any_octets_parse_or_raise_field_error(raw: bytes) -> None:
    """check_table, parse and the naive reader agree, and what parses can be read, printed and compared in full."""
    assert accepted(raw) == reads_naively(raw, keyed=True)
    try:
        parsed = Table.parse(raw)
    except FieldError:
        assert not accepted(raw)
        return
    assert accepted(raw)
    assert parsed.raw == raw
    assert repr(parsed)
    for value in [pair[1] for pair in parsed.items()]:
        assert value.describe().endswith(f"of type '{value.type_name}'")
        assert equivalent(value, value)


@given(TABLES)
def test_a_built_table_has_the_octets_it_was_read_from(raw: bytes) -> None:
    parsed = Table.parse(raw)
    assert Table.of(parsed.items()).raw == raw


@given(TABLES, st.binary(max_size=4), st.binary(max_size=4))
def test_check_table_looks_at_its_range_alone(raw: bytes, before: bytes, after: bytes) -> None:
    check_table(before + raw + after, len(before), len(before) + len(raw))


def as_pamqp(value: object) -> object:
    """Fold what pamqp expresses otherwise: a byte array as bytearray."""
    if isinstance(value, list):
        return [as_pamqp(inner) for inner in value]
    if isinstance(value, dict):
        return {key: as_pamqp(inner) for key, inner in value.items()}
    if isinstance(value, bytearray):
        return bytes(value)
    return int(value.timestamp()) if hasattr(value, "timestamp") else value


@given(UNIQUE_TABLES)
def test_values_are_those_that_pamqp_decodes(raw: bytes) -> None:
    _, expected = decode.field_table(struct.pack(">I", len(raw)) + raw)
    plain = Table.parse(raw).to_python()
    assert list(plain) == list(expected)
    assert plain == as_pamqp(expected)


@pytest.mark.parametrize(
    ("raw", "type_name", "value", "text"),
    [
        (b"t\x02", "bool", True, "true"),
        (b"t\x00", "bool", False, "false"),
        (b"b\xff", "byte", -1, "-1"),
        (b"B\xff", "unsignedbyte", 255, "255"),
        (b"s\xff\xff", "short", -1, "-1"),
        (b"u\xff\xff", "unsignedshort", 65535, "65535"),
        (b"I\xff\xff\xff\xff", "signedint", -1, "-1"),
        (b"i\xff\xff\xff\xff", "unsignedint", 2**32 - 1, "4294967295"),
        (b"l" + b"\xff" * 8, "long", -1, "-1"),
        (b"L" + b"\xff" * 8, "long", -1, "-1"),
        (b"T" + b"\xff" * 8, "timestamp", 2**64 - 1, "18446744073709551615"),
        (b"f\x3d\xcc\xcc\xcd", "float", 0.10000000149011612, "0.10000000149011612"),
        (b"D\xff\xff\xff\xff\xff", "decimal", (255, 2**32 - 1), "{255,4294967295}"),
        (b"S\x00\x00\x00\x02\xc3\xa9", "longstr", b"\xc3\xa9", "é"),
        (b"S\x00\x00\x00\x02\xff\x0a", "longstr", b"\xff\n", "\udcff\n"),
        (b"x\x00\x00\x00\x02\x01a", "binary", b"\x01a", "\x01a"),
        (b"V", "void", None, "undefined"),
        (b"A\x00\x00\x00\x00", "array", (), "[]"),
        (b"F\x00\x00\x00\x00", "table", EMPTY, "[]"),
        (b"A\x00\x00\x00\x03Vt\x01", "array", (void(), boolean(True)), "[{void,undefined},{bool,true}]"),
    ],
)
def test_each_wire_type_has_rabbitmqs_name_value_and_text(raw: bytes, type_name: str, value: object, text: str) -> None:
    read = field(raw)
    assert (read.tag, read.raw, read.type_name, read.value, read.text()) == (chr(raw[0]), raw, type_name, value, text)
    assert read.describe() == f"the value '{text}' of type '{type_name}'"
    assert type(read.value) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (5.0, "5.0"),
        (0.1, "0.1"),
        (120.0, "120.0"),
        (100.0, "100.0"),
        (1000.0, "1.0e3"),
        (1200.0, "1.2e3"),
        (1234.0, "1234.0"),
        (99999.0, "99999.0"),
        (123456.789, "123456.789"),
        (0.001, "0.001"),
        (0.0001, "0.0001"),
        (0.00012, "1.2e-4"),
        (1.5e-5, "1.5e-5"),
        (5e-324, "5.0e-324"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (-2.5e100, "-2.5e100"),
        (9007199254740991.0, "9007199254740991.0"),
        (9007199254740992.0, "9.007199254740992e15"),
        (-9007199254740992.0, "-9.007199254740992e15"),
    ],
)
def test_floats_print_as_erlang_prints_them(value: float, text: str) -> None:
    assert double(value).text() == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_float_reads_back_as_the_same_float(value: float) -> None:
    assert struct.pack(">d", float(double(value).text())) == struct.pack(">d", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (table(Table.of({"a": longstr("b"), "n": signedint(5)})), '[{<<"a">>,longstr,<<"b">>},{<<"n">>,signedint,5}]'),
        (table(Table.of({"é": longstr("é")})), '[{<<"é">>,longstr,<<"é">>}]'),
        (table(Table.of({"": longstr("")})), "[{<<>>,longstr,<<>>}]"),
        (array([longstr("€")]), "[{longstr,<<226,130,172>>}]"),
        (array([longstr(b"\x01\x02")]), "[{longstr,<<1,2>>}]"),
        (array([longstr("x\"y\\z\n\t\x1b'")]), r"""[{longstr,<<"x\"y\\z\n\t\e'">>}]"""),
        (array([boolean(True), double(1.0), array([])]), "[{bool,true},{double,1.0},{array,[]}]"),
    ],
)
def test_tables_and_arrays_print_as_erlang_terms(value: Field, text: str) -> None:
    assert value.text() == text


def test_integer_types_are_the_integers_alone() -> None:
    integers = {tag for tag, width in WIDTHS.items() if field(tag.encode() + b"\x01" * width).is_integer}
    assert integers == set("bBsuIilL")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x01kQ", r"unknown type tag 81 \('Q'\) at octet 2"),
        (b"\x01k\x00", "unknown type tag 0"),
        (b"\x01k", "leaves no value"),
        (b"\x05k", "leaves no value"),
        (b"\x01kI\x00", "4 octets from octet 3 pass the end at octet 4"),
        (b"\x01kS\x00\x00", "the length at octet 3 passes the end"),
        (b"\x01kS\x00\x00\x00\x02a", "2 octets from octet 7 pass the end"),
        (b"\x01kF\x00\x00\x00\x03\x01aQ", "unknown type tag 81"),
        (b"\x01kA\x00\x00\x00\x02VI", "pass the end"),
        (b"\x01kV\x01", "leaves no value"),
        (b"\x01kf\x7f\xc0\x00\x00", "not a finite number"),
        (b"\x01kf\xff\x80\x00\x00", "not a finite number"),
        (b"\x01kd\x7f\xf0" + bytes(6), "not a finite number"),
        (b"\x01kd\xff\xf8" + bytes(6), "not a finite number"),
    ],
)
def test_a_malformed_table_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        Table.parse(raw)


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (0, 4), (2, 1)])
def test_a_range_outside_the_octets_is_refused(start: int, end: int) -> None:
    with pytest.raises(FieldError, match="does not lie within 3 octets"):
        check_table(b"\x01kV", start, end)


@pytest.mark.parametrize("key", [b"", b"k"])
def test_nesting_is_bounded_without_exhausting_the_stack(key: bytes) -> None:
    """Tables (b"k") and arrays (b"") alike: the last allowed level reads in full, one more or 5,000 are refused."""
    innermost = b"V" if key == b"" else b""
    levels = [innermost]
    for _ in range(5000):
        levels.append(counted(b"A", levels[-1]) if key == b"" else entry(key, counted(b"F", levels[-1])))
    raws = [entry(b"k", level) for level in levels] if key == b"" else levels
    assert Table.parse(raws[MAX_DEPTH]).to_python()
    for depth in (MAX_DEPTH + 1, 5000):
        with pytest.raises(FieldError, match=f"nested deeper than {MAX_DEPTH} levels"):
            Table.parse(raws[depth])


def test_keys_need_not_be_utf8() -> None:
    raw = entry(b"\xff", b"V")
    parsed = Table.parse(raw)
    assert list(parsed) == ["\udcff"]
    assert Table.of(parsed.items()).raw == raw


def test_the_first_of_duplicate_keys_is_found_and_all_are_kept() -> None:
    parsed = Table.parse(b"\x01aV\x01at\x01\x01bV")
    assert list(parsed) == ["a", "a", "b"]
    assert len(parsed) == 3
    assert parsed.get("a") == void()
    assert parsed.to_python() == {"a": None, "b": None}


@given(TABLES, st.lists(KEYS, max_size=3))
def test_picking_finds_the_octets_of_what_get_finds(raw: bytes, keys: list[bytes]) -> None:
    parsed = Table.parse(raw)
    wanted = {key: parsed.get(key.decode()) for key in keys}
    picked = parsed.pick(keys)
    assert picked == {key: field.raw for key, field in wanted.items() if field is not None}
    assert [read_field(octets) for octets in picked.values()] == [wanted[key] for key in picked]
    assert [parsed.peek(key.decode()) for key in keys] == [wanted[key] for key in keys]


def test_a_table_tells_what_it_contains() -> None:
    parsed = Table.of({"a": void()})
    assert "a" in parsed
    assert "b" not in parsed
    assert 1 not in parsed
    assert parsed.get("b") is None
    assert parsed
    assert not EMPTY
    assert len(EMPTY) == 0


def test_tables_and_fields_are_equal_when_their_octets_are() -> None:
    assert {Table.of({"a": signedint(1)}), Table.parse(b"\x01aI\x00\x00\x00\x01")} == {Table.of([("a", signedint(1))])}
    assert Table.of({"a": signedint(1)}) != Table.of({"a": long(1)})
    assert len({signedint(1), signedint(1), long(1)}) == 2
    assert signedint(1) != 1
    assert Table.of({}) != {}


@given(TABLES, KEYS)
def test_with_field_keeps_every_other_entrys_octets(raw: bytes, key: bytes) -> None:
    name = key.decode()
    before = Table.parse(raw)
    after = before.with_field(name, signedint(7))
    assert Table.parse(after.raw) == after
    assert after.without(name) == before.without(name)
    assert [pair[1] for pair in after.items() if pair[0] == name] == [signedint(7)]
    position = list(before).index(name) if name in before else len(before)
    assert list(after).index(name) == position


def test_with_field_replaces_in_place_and_removes_later_duplicates() -> None:
    before = Table.parse(b"\x01aV\x01bV\x01at\x01")
    assert before.with_field("a", boolean(False)).raw == b"\x01at\x00\x01bV"
    assert before.with_field("c", void()).raw == before.raw + b"\x01cV"


def test_without_removes_all_entries_of_the_keys() -> None:
    before = Table.parse(b"\x01aV\x01bV\x01at\x01\x01cV")
    assert before.without("a", "c", "x").raw == b"\x01bV"
    assert before.without("x") is before


def test_sorted_orders_by_key_octets_and_keeps_the_order_of_duplicates() -> None:
    """An escaped octet 0xFF comes last, although as text its escape sorts before a four-octet character."""
    keys = [b"\xff", "\U0001f600".encode(), "é".encode(), b"b", b"a"]
    raw = b"".join(entry(key, b"V") for key in keys) + entry(b"a", b"t\x01")
    ordered = Table.parse(raw).sorted()
    expected = entry(b"a", b"V") + entry(b"a", b"t\x01") + b"".join(entry(key, b"V") for key in keys[-2::-1])
    assert ordered.raw == expected
    assert Table.parse(raw).items()[0][0] == "\udcff"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, None),
        (signedint(5), long(5)),
        (field(b"b\x05"), field(b"i\x00\x00\x00\x05")),
        (field(b"L" + bytes(7) + b"\x05"), field(b"s\x00\x05")),
        (signedint(5), timestamp(5)),
        (field(b"f\x40\xa0\x00\x00"), double(5.0)),
        (double(0.0), double(-0.0)),
        (longstr("a"), field(b"x\x00\x00\x00\x01a")),
        (field(b"t\x01"), field(b"t\x02")),
        (void(), void()),
        (table(EMPTY), array([])),
        (array([double(0.0)]), array([double(-0.0)])),
        (table(Table.of({"a": signedint(1)})), table(Table.of({"a": signedint(1)}))),
    ],
)
def test_arguments_of_the_same_value_are_equivalent(a: Field | None, b: Field | None) -> None:
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, void()),
        (signedint(5), None),
        (signedint(5), signedint(6)),
        (signedint(5), double(5.0)),
        (timestamp(5), double(5.0)),
        (signedint(5), longstr("5")),
        (signedint(1), boolean(True)),
        (double(1.0), boolean(True)),
        (field(b"f\x3d\xcc\xcc\xcd"), double(0.1)),
        (void(), longstr("undefined")),
        (longstr(""), table(EMPTY)),
        (field(b"D\x01\x00\x00\x00\x0a"), field(b"D\x00\x00\x00\x00\x01")),
        (array([longstr("a")]), array([field(b"x\x00\x00\x00\x01a")])),
        (array([signedint(1)]), array([long(1)])),
        (array([boolean(True)]), array([signedint(1)])),
        (table(Table.of({"a": signedint(1)})), table(Table.of({"a": long(1)}))),
        (table(Table.of({"a": void(), "b": void()})), table(Table.of({"b": void(), "a": void()}))),
    ],
)
def test_arguments_of_different_values_are_not_equivalent(a: Field | None, b: Field | None) -> None:
    assert not equivalent(a, b)
    assert not equivalent(b, a)


def test_built_values_read_back_as_themselves() -> None:
    built = [
        longstr("é"),
        longstr(b"\xff"),
        longstr("\udcff"),
        signedint(-(2**31)),
        long(2**63 - 1),
        boolean(True),
        boolean(False),
        timestamp(2**64 - 1),
        double(1.5),
        void(),
        table(Table.of({"a": void()})),
        array([void(), signedint(1)]),
    ]
    for value in built:
        read = field(value.raw)
        assert (read, read.tag, read.value) == (value, value.tag, value.value)


@pytest.mark.parametrize("build", [lambda: signedint(2**31), lambda: long(-(2**63) - 1), lambda: timestamp(-1)])
def test_a_number_out_of_range_is_no_field(build: object) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match="must lie between"):
        build()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_double_is_a_finite_number(value: float) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        double(value)


def test_a_key_over_255_octets_is_no_key() -> None:
    assert Table.parse(Table.of({"k" * 255: void()}).raw)
    with pytest.raises(ValueError, match="256 octets: at most 255 fit"):
        Table.of({"é" * 128: void()})


def test_plain_values_become_the_usual_wire_types_and_come_back() -> None:
    plain = {
        "yes": True,
        "small": 2**31 - 1,
        "big": 2**31,
        "ratio": 0.5,
        "text": "é",
        "octets": b"\xff",
        "none": None,
        "list": [1, "a", [], {}],
        "map": {"inner": [None]},
    }
    built = from_python(plain)
    assert [value.tag for _, value in built.items()] == list("tIldSSVAF")
    assert Table.parse(built.raw).to_python() == plain


def test_decimals_are_exact_in_plain_values() -> None:
    assert Table.parse(b"\x01kD\x02\x00\x00\x01\x3a").to_python() == {"k": Decimal("3.14")}


def test_plain_values_the_wire_cannot_carry_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot carry a set"):
        from_python({"a": {1}})
    with pytest.raises(ValueError, match="must lie between"):
        from_python({"a": 2**63})
    endless: dict[str, object] = {}
    endless["a"] = [endless]
    with pytest.raises(ValueError, match=f"deeper than {MAX_DEPTH} levels"):
        from_python(endless)


# -- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table_of",
    [
        lambda count: b"\x00V" * count,
        lambda count: b"\x01aA" + struct.pack(">I", count - 1) + b"V" * (count - 1),
        lambda count: b"\x01aF" + struct.pack(">I", 2 * (count - 2)) + b"\x00V" * (count - 2) + b"\x01bV",
        lambda count: b"\x01aS" + struct.pack(">I", 100_000) + bytes(100_000) + b"\x00V" * (count - 1),
    ],
)
def test_the_values_of_a_table_are_counted_with_those_inside_it(table_of: Callable[[int], bytes]) -> None:
    check_count(Table.parse(table_of(MAX_FIELDS)).raw)
    table = Table.parse(table_of(MAX_FIELDS + 1))
    assert table.items()
    with pytest.raises(FieldError, match=f"more than {MAX_FIELDS} values"):
        check_count(table.raw)
