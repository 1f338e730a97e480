"""The general decoder against pamqp, for every method of the specification and at every place where it may be cut."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import base, commands, frame

from amqpd.errors import FrameError
from amqpd.fields import EMPTY, Table, longstr
from amqpd.wire import methods, server_methods

ALL: list[type[base.Frame]] = [commands.INDEX_MAPPING[index] for index in sorted(commands.INDEX_MAPPING)]
NAMES = [each.name for each in ALL]
BY_NAME = dict(zip(NAMES, ALL, strict=True))
TABLE = Table.of({"key": longstr("value")})


def ids_of(method: type[base.Frame]) -> tuple[int, int]:
    return method.index >> 16, method.index & 0xFFFF


def payload_of(method: type[base.Frame], values: dict[str, methods.Argument]) -> bytes:
    """The definition of a method's arguments: consecutive bits share octets, everything else is big-endian."""
    octets, bits, count = b"", 0, 0
    for name in method.attributes():
        kind, value = method.amqp_type(name), values[name]
        if kind == "bit":
            bits |= int(bool(value)) << count
            count += 1
            continue
        if count:
            octets, bits, count = octets + bytes((bits,)), 0, 0
        if kind == "shortstr":
            assert isinstance(value, str)
            octets += bytes((len(value.encode()),)) + value.encode()
        elif kind in ("longstr", "table"):
            raw = value.raw if isinstance(value, Table) else value
            assert isinstance(raw, bytes)
            octets += struct.pack(">I", len(raw)) + raw
        else:
            assert isinstance(value, int)
            octets += struct.pack({"octet": ">B", "short": ">H", "long": ">I", "longlong": ">Q"}[kind], value)
    return struct.pack(">HH", *ids_of(method)) + octets + (bytes((bits,)) if count else b"")


VALUES: dict[str, st.SearchStrategy[methods.Argument]] = {
    "bit": st.booleans(),
    "octet": st.integers(0, 255),
    "short": st.integers(0, 65535),
    "long": st.integers(0, 2**32 - 1),
    "longlong": st.integers(0, 2**63 - 1),
    "shortstr": st.text(max_size=20),
    "longstr": st.text("abc\x00", max_size=20).map(str.encode),
    "table": st.sampled_from([EMPTY, TABLE]),
}
SAMPLES: dict[str, methods.Argument] = {
    "bit": True,
    "octet": 9,
    "short": 513,
    "long": 70_000,
    "longlong": 2**40,
    "shortstr": "nämé",
    "longstr": b"octets",
    "table": TABLE,
}


def sample_of(name: str) -> bytes:
    method = BY_NAME[name]
    return payload_of(method, {each: SAMPLES[method.amqp_type(each)] for each in method.attributes()})


def test_all_methods_of_the_specification_are_known() -> None:
    assert len(ALL) == 64
    assert set(methods.FIELDS) == {ids_of(each) for each in ALL} | {methods.ACCESS_REQUEST, methods.ACCESS_REQUEST_OK}


@pytest.mark.filterwarnings("ignore:This command is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_every_method_is_decoded_as_pamqp_does(name: str, data: st.DataObject) -> None:
    method = BY_NAME[name]
    values = {each: data.draw(VALUES[method.amqp_type(each)], each) for each in method.attributes()}
    payload = payload_of(method, values)
    assert methods.method_id(payload) == ids_of(method)
    found = methods.decode(payload)
    assert found == tuple(value for each, value in values.items() if each != "ticket")
    whole = struct.pack(">BHI", 1, 5, len(payload)) + payload + b"\xce"
    _, channel, theirs = frame.unmarshal(whole)
    assert channel == 5
    assert isinstance(theirs, method)
    for value, each in zip(found, [each for each in values if each != "ticket"], strict=True):
        expected = getattr(theirs, each)
        if isinstance(value, Table):
            assert (expected or {}) == value.to_python()
        elif isinstance(value, bytes):
            assert expected in (value, value.decode())
        else:
            assert expected == value


@pytest.mark.parametrize("name", NAMES)
def test_a_method_cut_at_any_octet_is_undecodable(name: str) -> None:
    payload = sample_of(name)
    for size in range(4, len(payload)):
        with pytest.raises((methods.Undecodable, FrameError)) as caught:
            methods.decode(payload[:size])
        assert caught.value.code == 501


@pytest.mark.parametrize("rest", [b"\x00", b"\xce", b"\x00\x00\x00\x00"])
@pytest.mark.parametrize("name", NAMES)
def test_a_method_with_octets_left_over_is_undecodable(name: str, rest: bytes) -> None:
    with pytest.raises(methods.Undecodable, match="cannot decode <<"):
        methods.decode(sample_of(name) + rest)


def test_the_text_shows_the_octets_of_the_arguments_alone() -> None:
    with pytest.raises(methods.Undecodable) as caught:
        methods.decode(b"\x00\x32\x00\x0a\x00\x00\x05")
    assert caught.value.reply_text == "FRAME_ERROR - cannot decode <<0,0,5>>"
    with pytest.raises(methods.Undecodable) as caught:
        methods.decode(b"\x00\x5a\x00\x0aabc")
    assert caught.value.reply_text == "FRAME_ERROR - cannot decode <<97,98,99>>"


@pytest.mark.parametrize("name", [each.name for each in ALL if "shortstr" in map(each.amqp_type, each.attributes())])
@pytest.mark.parametrize("octets", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
def test_a_short_string_that_is_not_utf8_is_refused_where_no_content_follows(name: str, octets: bytes) -> None:
    method = BY_NAME[name]
    values = {each: SAMPLES[method.amqp_type(each)] for each in method.attributes()}
    text = next(each for each in values if method.amqp_type(each) == "shortstr")
    payload = payload_of(method, {**values, text: "?" * len(octets)})
    payload = payload.replace(b"?" * len(octets), octets, 1)
    if ids_of(method) in methods.CONTENT_BEARING:
        assert octets.decode("utf-8", "surrogateescape") in methods.decode(payload)
        return
    with pytest.raises(methods.NotUtf8) as caught:
        methods.decode(payload)
    assert caught.value.reply_text == "FRAME_ERROR - Malformed UTF-8 in shortstr"
    assert caught.value.method == ids_of(method)


@pytest.mark.parametrize("entries", [b"\x01", b"\x01aX", b"\x01aI\x00", b"\x01aS\x00\x00\x00\x05", b"\x05a"])
def test_a_malformed_table_is_undecodable(entries: bytes) -> None:
    payload = b"\x00\x32\x00\x0a\x00\x00\x01q\x00" + struct.pack(">I", len(entries)) + entries
    with pytest.raises(methods.BadTable, match="cannot decode"):
        methods.decode(payload)


@pytest.mark.parametrize("ids", [(0, 0), (10, 12), (10, 65535), (60, 73), (65535, 1), (30, 12)])
def test_a_method_that_is_not_in_the_specification_is_named(ids: tuple[int, int]) -> None:
    with pytest.raises(methods.UnknownMethod, match=f"unknown method {ids[0]}/{ids[1]}") as caught:
        methods.decode(struct.pack(">HH", *ids))
    assert (caught.value.code, caught.value.method) == (503, ids)


@given(st.sampled_from(sorted(methods.FIELDS)), st.binary(max_size=60))
def test_any_octets_are_decoded_or_refused_with_501(ids: tuple[int, int], arguments: bytes) -> None:
    with contextlib.suppress(FrameError):
        methods.decode(struct.pack(">HH", *ids) + arguments)


def test_access_request_is_decoded_although_the_specification_dropped_it() -> None:
    assert methods.decode(b"\x00\x1e\x00\x0a\x05/data\x15") == ("/data", True, False, True, False, True)


READY_MADE = {
    "OPEN_OK": commands.Connection.OpenOk,
    "UNBLOCKED": commands.Connection.Unblocked,
    "UPDATE_SECRET_OK": commands.Connection.UpdateSecretOk,
    "CHANNEL_OPEN_OK": commands.Channel.OpenOk,
    "FLOW_OK": commands.Channel.FlowOk,
    "CHANNEL_CLOSE_OK": commands.Channel.CloseOk,
    "EXCHANGE_DECLARE_OK": commands.Exchange.DeclareOk,
    "EXCHANGE_DELETE_OK": commands.Exchange.DeleteOk,
    "EXCHANGE_BIND_OK": commands.Exchange.BindOk,
    "EXCHANGE_UNBIND_OK": commands.Exchange.UnbindOk,
    "QUEUE_BIND_OK": commands.Queue.BindOk,
    "QUEUE_UNBIND_OK": commands.Queue.UnbindOk,
    "QOS_OK": commands.Basic.QosOk,
    "GET_EMPTY": commands.Basic.GetEmpty,
    "RECOVER_OK": commands.Basic.RecoverOk,
    "CONFIRM_SELECT_OK": commands.Confirm.SelectOk,
    "TX_SELECT_OK": commands.Tx.SelectOk,
    "TX_COMMIT_OK": commands.Tx.CommitOk,
    "TX_ROLLBACK_OK": commands.Tx.RollbackOk,
}


@pytest.mark.parametrize("name", READY_MADE)
@pytest.mark.parametrize("channel", [0, 1, 258, 65535])
def test_a_ready_made_frame_takes_any_channel_number(name: str, channel: int) -> None:
    octets = server_methods.on(channel, getattr(server_methods, name))
    consumed, number, method = frame.unmarshal(octets)
    assert (consumed, number) == (len(octets), channel)
    assert isinstance(method, READY_MADE[name])


def test_start_lists_properties_mechanisms_and_locales() -> None:
    octets = server_methods.start(TABLE, b"PLAIN AMQPLAIN", b"en_US")
    _, _, method = frame.unmarshal(octets)
    assert isinstance(method, commands.Connection.Start)
    assert (method.version_major, method.version_minor) == (0, 9)
    assert method.server_properties == {"key": "value"}
    assert (method.mechanisms, method.locales) == ("PLAIN AMQPLAIN", "en_US")


def test_tune_and_secure_are_pamqps() -> None:
    assert server_methods.tune(2047, 131_072, 60) == frame.marshal(commands.Connection.Tune(2047, 131_072, 60), 0)
    assert server_methods.secure(b"who?") == frame.marshal(commands.Connection.Secure("who?"), 0)


def test_a_challenge_may_be_any_octets() -> None:
    assert methods.decode(server_methods.secure(b"\xff\x00")[7:-1]) == (b"\xff\x00",)


def test_a_method_that_comes_again_is_decoded_once() -> None:
    decoder = methods.MethodDecoder()
    payload = bytes.fromhex("0014000a00")
    assert decoder.decode(payload) == methods.decode(payload)
    assert decoder.decode(payload) is decoder.decode(payload)


def test_nothing_is_kept_of_a_method_that_holds_a_password() -> None:
    decoder = methods.MethodDecoder()
    secure_ok = bytes.fromhex("000a001500000003") + b"abc"
    assert decoder.decode(secure_ok) == (b"abc",)
    assert decoder.decode(secure_ok) is not decoder.decode(secure_ok)
