"""Header, login, virtual host, methods out of turn: what each refusal says; those that say nothing are elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance import accounts
from conformance.client import CAPABILITIES
from conformance.denials import channel_limit_name
from conformance.fields import table_content
from conformance.frames import PROTOCOL_HEADER

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.client import Connection
    from conformance.conditions import Condition
    from conformance.conftest import Connect
    from conformance.targets import Target

proves = pytest.mark.proves


# -- protocol header

HEADERS = {
    "other-version": [b"AMQP\x00\x00\x0a\x00", b"AMQP\x00\x00\x09\x00", b"AMQP\x00\x00\x08\x00", b"AMQP0091"],
    "amqp-1-0": [b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00", b"AMQP\x02\x01\x00\x00"],
    "http": [b"GET / HTTP/1.1\r\n\r\n"],
    "tls": [b"\x16\x03\x01\x00\xf4\x01\x00\x00"],
    "junk": [b"junkjunk", bytes(8), b"amqp\x00\x00\x09\x01"],
}


@pytest.mark.versions(before="4.0", otherwise="since 4.0 `AMQP 3 1 0 0` is written")
@pytest.mark.parametrize(
    "header",
    [
        pytest.param(header, marks=proves(f"error.connection.header.{word}"), id=f"{word}-{place}")
        for word, headers in HEADERS.items()
        for place, header in enumerate(headers)
    ],
)
def test_another_header_is_answered_with_the_right_one(condition: Condition, dial: Connect, header: bytes) -> None:
    assert condition.entry.keys["closes"] == "socket"
    connection = dial()
    connection.send(header)
    assert connection.read_until_dropped() == PROTOCOL_HEADER


# -- login

GUEST = {"LOGIN": "guest", "PASSWORD": "guest"}


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        pytest.param("PLAIN", b"\0guest\0wrong", marks=proves("error.connection.login.refused")),
        pytest.param("PLAIN", b"\0nobody\0guest", marks=proves("error.connection.login.refused")),
        pytest.param("PLAIN", b"\0guest\0", marks=proves("error.connection.login.blank-password")),
        pytest.param(
            "AMQPLAIN", table_content(GUEST | {"PASSWORD": "wrong"}), marks=proves("error.connection.login.refused")
        ),
        pytest.param(
            "AMQPLAIN", table_content(GUEST | {"PASSWORD": ""}), marks=proves("error.connection.login.blank-password")
        ),
    ],
)
def test_a_refused_login(condition: Condition, dial: Connect, mechanism: str, response: bytes) -> None:
    with condition.closes_connection(connection := dial(), mechanism=mechanism):
        _log_in(connection, mechanism, response)


@pytest.mark.versions(before="3.13", otherwise="502 in the log, and nothing for the client")
@proves("error.connection.login.amqplain-type")
def test_a_password_that_is_no_string(condition: Condition, dial: Connect) -> None:
    with condition.closes_connection(connection := dial()):
        _log_in(connection, "AMQPLAIN", table_content(GUEST | {"PASSWORD": 5}))


def _log_in(connection: Connection, mechanism: str, response: bytes) -> None:
    connection.start()
    connection.send_method(0, "connection.start-ok", mechanism=mechanism, response=response, locale="en_US",
                           client_properties={"capabilities": CAPABILITIES})  # fmt: skip


# -- virtual host


@proves("error.connection.open.no-vhost")
@pytest.mark.parametrize("vhost", ["nowhere", "", "//", "käse 'x'"])
def test_an_unknown_vhost(condition: Condition, dial: Connect, vhost: str) -> None:
    with condition.closes_connection(connection := dial(), vhost=vhost):
        connection.tune()
        connection.send_method(0, "connection.open", virtual_host=vhost)


@pytest.mark.usefixtures("connect_as")
@proves("error.connection.open.no-permission")
@pytest.mark.parametrize(("user", "vhost"), [(accounts.STRANGER, "/"), (accounts.NOTHING, accounts.SECOND)])
def test_a_vhost_without_a_permission_record(condition: Condition, dial: Connect, user: str, vhost: str) -> None:
    with condition.closes_connection(connection := dial(), user=user, vhost=vhost):
        connection.tune(response=accounts.response(user))
        connection.send_method(0, "connection.open", virtual_host=vhost)


@pytest.mark.usefixtures("connect_as")
@proves("error.connection.open.vhost-limit")
def test_a_vhost_that_takes_no_connection(condition: Condition, dial: Connect) -> None:
    with condition.closes_connection(connection := dial(), vhost=accounts.SHUT, limit=0):
        connection.tune()
        connection.send_method(0, "connection.open", virtual_host=accounts.SHUT)


@pytest.mark.usefixtures("connect_as")
@proves("error.connection.open.user-limit")
def test_a_user_who_may_have_no_connection(condition: Condition, dial: Connect) -> None:
    with condition.closes_connection(connection := dial(), user=accounts.OUTCAST, limit=0):
        connection.tune(response=accounts.response(accounts.OUTCAST))
        connection.send_method(0, "connection.open", virtual_host="/")


@proves("error.connection.channels.user-limit")
def test_more_channels_than_the_user_may_have(condition: Condition, target: Target, connect_as: Connect) -> None:
    """Its connections count together."""
    other = connect_as(accounts.TWO_CHANNELS)
    other.channel(1)
    connection = connect_as(accounts.TWO_CHANNELS)
    connection.channel(1)
    limit = "(2)" if target.version < (4, 2) else "2"
    with condition.closes_connection(connection, user=channel_limit_name(target, accounts.TWO_CHANNELS), limit=limit):
        connection.send_method(2, "channel.open")
    other.channel(2)


# -- channel_max


@proves("error.connection.channels.channel-max")
@pytest.mark.parametrize("number", [2, 65535])
def test_more_channels_than_negotiated(condition: Condition, connect: Connect, number: int) -> None:
    connection = connect(channel_max=1)
    connection.channel(1)
    with condition.closes_connection(connection, count=1, limit=1):
        connection.send_method(number, "channel.open")


# -- methods out of turn


@proves("error.connection.state.running")
@pytest.mark.parametrize(
    "method",
    ["channel.open", "exchange.declare", "basic.ack", "connection.start-ok", "connection.secure-ok",
     "connection.tune-ok", "connection.open", "connection.close-ok", "connection.start", "connection.blocked"],
)  # fmt: skip
def test_methods_that_an_open_connection_does_not_take(condition: Condition, connect: Connect, method: str) -> None:
    with condition.closes_connection(connection := connect(), method):
        connection.send_method(0, method)


@proves("error.connection.state.opening")
@pytest.mark.parametrize("method", ["connection.close", "connection.close-ok", "connection.tune-ok", "channel.open"])
def test_only_open_is_taken_after_tune_ok(condition: Condition, dial: Connect, method: str) -> None:
    with condition.closes_connection(connection := dial(), method):
        connection.tune()
        connection.send_method(0, method)


@proves("error.connection.state.on-channel")
@pytest.mark.parametrize("method", ["connection.close", "connection.open", "connection.update-secret"])
def test_methods_of_the_connection_on_a_channel(condition: Condition, channel: Channel, method: str) -> None:
    with condition.closes_connection(channel.connection, method):
        channel.send(method)
