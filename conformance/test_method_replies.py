"""Every synchronous method with the octets of its reply, and the fields that nobody looks at."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from conformance.methods import METHODS, ids

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

QUEUE = "{queue}"
EXCHANGE = "{exchange}"
NUMBER = b"\0\0\0\0"

REPLIES: list[tuple[str, dict[str, Any], bytes]] = [
    ("exchange.declare", {"exchange": "{new}", "type": "direct"}, b""),
    ("exchange.delete", {"exchange": EXCHANGE}, b""),
    ("exchange.bind", {"destination": EXCHANGE, "source": "amq.direct"}, b""),
    ("exchange.unbind", {"destination": EXCHANGE, "source": "amq.direct"}, b""),
    ("queue.bind", {"queue": QUEUE, "exchange": EXCHANGE}, b""),
    ("queue.unbind", {"queue": QUEUE, "exchange": EXCHANGE}, b""),
    ("queue.purge", {"queue": QUEUE}, NUMBER),
    ("queue.delete", {"queue": QUEUE}, NUMBER),
    ("basic.qos", {"prefetch_count": 5}, b""),
    ("basic.consume", {"queue": QUEUE, "consumer_tag": "tag"}, b"\x03tag"),
    ("basic.cancel", {"consumer_tag": "tag"}, b"\x03tag"),
    ("basic.recover", {"requeue": True}, b""),
    ("confirm.select", {}, b""),
    ("tx.select", {}, b""),
    ("channel.flow", {"active": True}, b"\1"),
    ("channel.close", {"reply_code": 200}, b""),
]


def _fill_in(fields: dict[str, Any], names: Names) -> dict[str, Any]:
    given = {"queue": names("q"), "exchange": names("e"), "new": names("new")}
    return {key: value.format(**given) if isinstance(value, str) else value for key, value in fields.items()}


@pytest.fixture
def prepared(channel: Channel, names: Names) -> Channel:
    channel.declare_queue(names("q"))
    channel.declare_exchange(names("e"))
    return channel


@pytest.mark.parametrize(
    ("method", "fields", "reply"),
    [
        pytest.param(
            method, fields, reply, marks=pytest.mark.proves(method, f"{method}-ok", method.partition(".")[0]), id=method
        )
        for method, fields, reply in REPLIES
    ],
)
def test_a_method_is_answered_with_its_reply(
    prepared: Channel, names: Names, method: str, fields: dict[str, Any], reply: bytes
) -> None:
    answer = prepared.call(method, **_fill_in(fields, names))
    assert answer.payload == struct.pack(">HH", *ids(f"{method}-ok")) + reply


@pytest.mark.parametrize(
    "method",
    [pytest.param(each, marks=pytest.mark.proves(each, f"{each}-ok")) for each in ("tx.commit", "tx.rollback")],
)
def test_commit_and_rollback_are_answered(channel: Channel, method: str) -> None:
    channel.call("tx.select")
    assert channel.call(method).payload == struct.pack(">HH", *ids(f"{method}-ok"))


@pytest.mark.proves("connection.close", "connection.close-ok", "reply-code.reply-success")
def test_connection_close_is_answered(connect: Connect) -> None:
    connection = connect()
    reply = connection.call(0, "connection.close", "connection.close-ok", reply_code=200)
    assert reply.payload == b"\0\x0a\0\x33"
    connection.abort()


# -- tickets


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        pytest.param(method, fields, marks=pytest.mark.proves(f"{method}.ticket", "access-request.ticket"), id=method)
        for method, fields, _ in REPLIES
        if "ticket" in dict(METHODS[method].fields)
    ],
)
def test_no_ticket_is_looked_at(prepared: Channel, names: Names, method: str, fields: dict[str, Any]) -> None:
    assert prepared.call(method, ticket=0xFFFF, **_fill_in(fields, names)).name == f"{method}-ok"


@pytest.mark.proves("basic.publish.ticket", "basic.get.ticket", "access-request.ticket")
def test_no_ticket_of_publish_and_get_is_looked_at(prepared: Channel, names: Names) -> None:
    from conformance.frames import BODY, HEADER, encode_header

    prepared.send("basic.publish", ticket=0xFFFF, routing_key=names("q"))
    prepared.connection.send_frame(HEADER, 1, encode_header(1))
    prepared.connection.send_frame(BODY, 1, b"x")
    prepared.fence(names("q"))
    prepared.send("basic.get", queue=names("q"), ticket=0xFFFF)
    assert prepared.expect("basic.get-ok").body == b"x"


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(field, marks=pytest.mark.proves(f"access.request.{field}"))
        for field, _ in METHODS["access.request"].fields
    ],
)
def test_whatever_is_asked_for_ticket_1_is_granted(channel: Channel, field: str) -> None:
    asked: dict[str, Any] = {field: "/no/such/realm" if field == "realm" else True}
    assert channel.call("access.request", **asked)["ticket"] == 1


# -- names of exchanges


@pytest.mark.proves("exchange.declare", "exchange.declare.exchange", "exchange.delete", "exchange.delete.exchange")
def test_the_exchange_that_is_named_is_declared_and_deleted(channel: Channel, names: Names) -> None:
    one, two = names("one"), names("two")
    channel.declare_exchange(one)
    channel.declare_exchange(two)
    channel.delete_exchange(one)
    channel.declare_exchange(two, passive=True)
    with channel.refused(404, f"NOT_FOUND - no exchange '{one}' in vhost '/'", "exchange.declare"):
        channel.declare_exchange(one, passive=True)
