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
    from collections.abc import Callable

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
    "TCP kept open after a wrong end octet": _bad_end_octet,
}
CHATTERING: dict[str, Callable[[Connection], None]] = {
    "TCP kept open after close-ok": _close_and_wait,
    "no close-ok": _never_agree_to_a_close,
    "no heartbeats": _miss_heartbeats,
}


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


@pytest.mark.parametrize("offence", OFFENCES)
def test_the_broker_says_nothing_and_ends_tcp_after(last_words: dict[str, bytes], offence: str) -> None:
    assert last_words[offence] == b""


@pytest.mark.parametrize("offence", CHATTERING)
def test_the_broker_sends_only_heartbeats_and_ends_tcp_after(last_words: dict[str, bytes], offence: str) -> None:
    heard = last_words[offence]
    assert heard == HEARTBEAT_FRAME * (len(heard) // len(HEARTBEAT_FRAME))


def test_heartbeats_come_from_tune_ok_on_and_keep_an_attentive_client_alive(target: Target) -> None:
    connection = target.connect()
    connection.tune(heartbeat=1)
    for _ in range(8):
        assert connection.read_frame() == (HEARTBEAT, 0, b"")
        connection.send(HEARTBEAT_FRAME)
    connection.call(0, "connection.open", "connection.open-ok", virtual_host="/")
    connection.close()
