"""What the broker answers by silence, then by ending TCP. All offenders run at the same time, each on a connection."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conformance.fields import table_content
from conformance.frames import BODY, FRAME_END, HEARTBEAT, METHOD, encode_frame
from conformance.methods import encode_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _pytest.mark import ParameterSet

    from conformance.client import Connection
    from conformance.targets import Target

pytestmark = pytest.mark.slow

HEARTBEAT_FRAME = encode_frame(HEARTBEAT, 0, b"")


def _login(mechanism: str, response: bytes, **capabilities: bool) -> Callable[[Connection], None]:
    def offend(connection: Connection) -> None:
        connection.start()
        connection.send_method(0, "connection.start-ok", mechanism=mechanism, response=response, locale="en_US",
                               client_properties={"capabilities": dict(capabilities)})  # fmt: skip

    return offend


def _tune(**limits: int) -> Callable[[Connection], None]:
    def offend(connection: Connection) -> None:
        connection.tune(**limits)

    return offend


def _at_start(name: str, channel: int = 0) -> Callable[[Connection], None]:
    def offend(connection: Connection) -> None:
        connection.start()
        connection.send_method(channel, name)

    return offend


def _frame_at_start(type: int, payload: bytes, channel: int = 0, end: int = FRAME_END) -> Callable[[Connection], None]:
    def offend(connection: Connection) -> None:
        connection.start()
        connection.send_frame(type, channel, payload, end)

    return offend


def _at_tune(name: str) -> Callable[[Connection], None]:
    def offend(connection: Connection) -> None:
        connection.start()
        connection.start_ok()
        connection.wait_for(0, "connection.tune")
        connection.send_method(0, name)

    return offend


def _undecodable_open(connection: Connection) -> None:
    connection.tune()
    connection.send_frame(METHOD, 0, encode_method("connection.open", virtual_host="/")[:-1])


def _short_header(connection: Connection) -> None:
    connection.send(b"AMQP")


def _start_and_wait(connection: Connection) -> None:
    connection.start()


def _close_and_wait(connection: Connection) -> None:
    connection.handshake(heartbeat=1)
    connection.call(0, "connection.close", "connection.close-ok", reply_code=200)


def _miss_heartbeats(connection: Connection) -> None:
    connection.handshake(heartbeat=1)


def _bad_end_octet(connection: Connection) -> None:
    connection.handshake()
    connection.send_frame(HEARTBEAT, 0, b"", end=0)
    connection.read()
    connection.send_method(0, "connection.close-ok")


def _oversized_start_ok(connection: Connection) -> None:
    connection.start()
    connection.send(struct.pack(">BHI", METHOD, 0, 8193) + bytes(100))


def _unknown_field_in_start_ok(connection: Connection) -> None:
    connection.start()
    connection.send_method(0, "connection.start-ok", mechanism="PLAIN", client_properties=b"\x01aZ")


def _login_octets(connection: Connection) -> None:
    connection.start()
    connection.send_method(0, "connection.start-ok", mechanism=b"\xff", response=b"\0guest\0guest")


def _never_agree_to_a_close(connection: Connection) -> None:
    connection.handshake(heartbeat=1)
    connection.send_method(0, "channel.open")
    while connection.read().name != "connection.close":
        pass


FAILURE_CLOSE = {"authentication_failure_close": True}
NO_PASSWORD = table_content({"LOGIN": "guest"})

OFFENCES: dict[str, Callable[[Connection], None]] = {
    "a wrong password without authentication_failure_close": _login("PLAIN", b"\0guest\0wrong"),
    "a mechanism that is known but not offered": _login("RABBIT-CR-DEMO", b"guest", **FAILURE_CLOSE),
    "EXTERNAL without its plugin": _login("EXTERNAL", b"", **FAILURE_CLOSE),
    "an unknown mechanism": _login("NONESUCH", b"", **FAILURE_CLOSE),
    "PLAIN without the first NUL": _login("PLAIN", b"guest\0guest", **FAILURE_CLOSE),
    "PLAIN with one element": _login("PLAIN", b"\0guest", **FAILURE_CLOSE),
    "PLAIN with three elements": _login("PLAIN", b"\0guest\0guest\0x", **FAILURE_CLOSE),
    "AMQPLAIN without a password": _login("AMQPLAIN", NO_PASSWORD, **FAILURE_CLOSE),
    "AMQPLAIN that is no table": _login("AMQPLAIN", b"\x05ab", **FAILURE_CLOSE),
    "frame_max 4095": _tune(frame_max=4095),
    "frame_max 131073": _tune(frame_max=131073),
    "frame_max 0": _tune(frame_max=0),
    "channel_max 2048": _tune(channel_max=2048),
    "channel_max 0": _tune(channel_max=0),
    "connection.open instead of start-ok": _at_start("connection.open"),
    "connection.close instead of start-ok": _at_start("connection.close"),
    "secure-ok instead of start-ok": _at_start("connection.secure-ok"),
    "a method on a channel before start-ok": _at_start("channel.open", channel=1),
    "an undecodable start-ok": _frame_at_start(METHOD, b"\0\x0a\0\x0b\0"),
    "an unknown method before start-ok": _frame_at_start(METHOD, b"\0\x0a\x03\xe7"),
    "a body before start-ok": _frame_at_start(BODY, b"x"),
    "a wrong end octet before start-ok": _frame_at_start(HEARTBEAT, b"", end=0),
    "connection.open instead of tune-ok": _at_tune("connection.open"),
    "connection.close instead of tune-ok": _at_tune("connection.close"),
    "an undecodable connection.open": _undecodable_open,
    "four octets of a protocol header": _short_header,
    "nothing after connection.start": _start_and_wait,
    "a frame over 8192 octets before start-ok": _oversized_start_ok,
    "an unknown field type in start-ok": _unknown_field_in_start_ok,
    "an unknown frame type before start-ok": _frame_at_start(9, b""),
    "a mechanism that is not UTF-8": _login_octets,
    "start-ok instead of tune-ok": _at_tune("connection.start-ok"),
    "TCP kept open after a wrong end octet": _bad_end_octet,
}
CHATTERING: dict[str, Callable[[Connection], None]] = {
    "TCP kept open after close-ok": _close_and_wait,
    "no close-ok": _never_agree_to_a_close,
    "no heartbeats": _miss_heartbeats,
}


PROVES: dict[str, tuple[str, ...]] = {
    "a wrong password without authentication_failure_close": ("authentication-failure-close.silent",),
    "a mechanism that is known but not offered": ("connection.start-ok.mechanism.validity",),
    "EXTERNAL without its plugin": ("connection.start-ok.mechanism.validity",),
    "an unknown mechanism": ("connection.start-ok.mechanism.validity", "connection.start-ok.mechanism"),
    "PLAIN without the first NUL": ("login.plain",),
    "PLAIN with one element": ("login.plain",),
    "PLAIN with three elements": ("login.plain",),
    "AMQPLAIN without a password": ("login.amqplain",),
    "AMQPLAIN that is no table": ("login.amqplain",),
    "frame_max 4095": ("connection.tune.frame-max.minimum", "connection.tune-ok.frame-max.minimum"),
    "frame_max 131073": ("connection.tune-ok.frame-max.upper-limit",),
    "frame_max 0": ("connection.tune-ok.frame-max.upper-limit",),
    "channel_max 2048": ("connection.tune-ok.channel-max.upper-limit",),
    "channel_max 0": ("connection.tune-ok.channel-max.upper-limit",),
    "four octets of a protocol header": ("handshake-timeout",),
    "nothing after connection.start": ("handshake-timeout",),
    "a frame over 8192 octets before start-ok": ("frame.size",),
    "an unknown field type in start-ok": ("table.unknown-type",),
    "TCP kept open after close-ok": ("connection.close-ok",),
    "no close-ok": ("connection.close-ok",),
    "no heartbeats": ("heartbeat.both-ways",),
}


ERRORS: dict[str, str] = {
    "a wrong password without authentication_failure_close": "login.refused-silently",
    "a mechanism that is known but not offered": "login.mechanism-not-offered",
    "EXTERNAL without its plugin": "login.external-not-offered",
    "an unknown mechanism": "login.unknown-mechanism",
    "PLAIN without the first NUL": "login.plain-malformed",
    "PLAIN with one element": "login.plain-malformed",
    "PLAIN with three elements": "login.plain-malformed",
    "AMQPLAIN without a password": "login.amqplain-incomplete",
    "AMQPLAIN that is no table": "login.amqplain-malformed",
    "frame_max 4095": "tune-ok.frame-max-too-low",
    "frame_max 131073": "tune-ok.frame-max-too-high",
    "frame_max 0": "tune-ok.frame-max-unlimited",
    "channel_max 2048": "tune-ok.channel-max-too-high",
    "channel_max 0": "tune-ok.channel-max-unlimited",
    "connection.open instead of start-ok": "state.starting",
    "connection.close instead of start-ok": "state.starting",
    "secure-ok instead of start-ok": "state.starting",
    "a method on a channel before start-ok": "frame.channel-in-handshake",
    "an undecodable start-ok": "frame.undecodable-method-in-handshake",
    "an unknown method before start-ok": "frame.unknown-method-in-handshake",
    "a body before start-ok": "frame.content-in-handshake",
    "a wrong end octet before start-ok": "frame.end-octet-in-handshake",
    "connection.open instead of tune-ok": "state.tuning",
    "connection.close instead of tune-ok": "state.tuning",
    "an undecodable connection.open": "frame.undecodable-method-in-handshake",
    "four octets of a protocol header": "header.incomplete",
    "nothing after connection.start": "header.slow",
    "a frame over 8192 octets before start-ok": "frame.too-large-in-handshake",
    "an unknown field type in start-ok": "frame.undecodable-method-in-handshake",
    "an unknown frame type before start-ok": "frame.unknown-type-in-handshake",
    "a mechanism that is not UTF-8": "frame.not-utf8-in-handshake",
    "start-ok instead of tune-ok": "state.tuning",
    "TCP kept open after a wrong end octet": "frame.end-octet",
    "TCP kept open after close-ok": "close.tcp-kept-open",
    "no close-ok": "close.no-close-ok",
    "no heartbeats": "heartbeat.missed",
}
"""The condition of the catalogue, `error.connection.`..., that each offence arouses."""


def _marks(offence: str) -> pytest.MarkDecorator:
    return pytest.mark.proves(f"error.connection.{ERRORS[offence]}", *PROVES.get(offence, ("connection",)))


def _params(offences: Iterable[str]) -> list[ParameterSet]:
    return [pytest.param(each, marks=_marks(each)) for each in offences]


def _offend(target: Target, offence: Callable[[Connection], None]) -> bytes:
    connection = target.connect(timeout=40)
    try:
        offence(connection)
        return connection.read_until_dropped()
    finally:
        connection.abort()


@pytest.fixture(scope="module")
def last_words(target: Target) -> dict[str, bytes]:
    """Commit every offence at once and collect what each connection still heard."""
    offences = OFFENCES | CHATTERING
    with ThreadPoolExecutor(len(offences)) as pool:
        heard = pool.map(lambda offence: _offend(target, offence), offences.values())
        return dict(zip(offences, heard, strict=True))


@pytest.mark.parametrize("offence", _params(OFFENCES))
def test_the_broker_says_nothing_and_ends_tcp_after(last_words: dict[str, bytes], offence: str) -> None:
    assert last_words[offence] == b""


@pytest.mark.parametrize("offence", _params(CHATTERING))
def test_the_broker_sends_only_heartbeats_and_ends_tcp_after(last_words: dict[str, bytes], offence: str) -> None:
    heard = last_words[offence]
    assert heard == HEARTBEAT_FRAME * (len(heard) // len(HEARTBEAT_FRAME))


@pytest.mark.proves("heartbeat.both-ways", "frame.heartbeat", "connection.tune-ok.heartbeat")
def test_heartbeats_come_from_tune_ok_on_and_keep_an_attentive_client_alive(target: Target) -> None:
    connection = target.connect()
    connection.tune(heartbeat=1)
    for _ in range(8):
        assert connection.read_frame() == (HEARTBEAT, 0, b"")
        connection.send(HEARTBEAT_FRAME)
    connection.call(0, "connection.open", "connection.open-ok", virtual_host="/")
    connection.close()
