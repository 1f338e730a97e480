"""One whole session as octets: however it is cut, whatever of it is sent ahead, the answers are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.client import GUEST
from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, PROTOCOL_HEADER, encode_frame, encode_header
from conformance.methods import encode_method
from conformance.received import Dropped

if TYPE_CHECKING:
    from conformance.client import Connection
    from conformance.conftest import Connect, Names

BODY_OCTETS = b"A\xce\x00B"
"""With an octet that ends frames and one that is zero."""
ANSWERS = [
    "connection.start", "connection.tune", "connection.open-ok", "channel.open-ok", "queue.declare-ok",
    "basic.get-ok", "queue.declare-ok",
]  # fmt: skip


def _method(channel: int, name: str, **fields: object) -> bytes:
    return encode_frame(METHOD, channel, encode_method(name, **fields))


def _session(queue: str) -> bytes:
    """Return all that a client says up to its close, which would not wait for the answers of channels."""
    return b"".join(
        [
            PROTOCOL_HEADER,
            _method(0, "connection.start-ok", mechanism="PLAIN", response=GUEST, locale="en_US"),
            _method(0, "connection.tune-ok", channel_max=2047, frame_max=131072),
            _method(0, "connection.open", virtual_host="/"),
            _method(1, "channel.open"),
            _method(1, "queue.declare", queue=queue, exclusive=True),
            _method(1, "basic.publish", routing_key=queue),
            encode_frame(HEADER, 1, encode_header(4, {"content_type": "x", "headers": {"k": 1}})),
            encode_frame(BODY, 1, BODY_OCTETS[:1]),
            encode_frame(HEARTBEAT, 0, b""),
            encode_frame(BODY, 1, BODY_OCTETS[1:]),
            _method(1, "basic.get", queue=queue),
            _method(1, "queue.declare", queue=queue, exclusive=True),
        ]
    )


def _check(connection: Connection) -> None:
    answers = [connection.read() for _ in ANSWERS]
    assert [answer.name for answer in answers] == ANSWERS
    message = answers[5].message
    assert (message.body, message.headers, message.properties["content_type"]) == (BODY_OCTETS, {"k": 1}, "x")
    assert (answers[5]["message_count"], answers[6]["message_count"]) == (0, 0)


@pytest.mark.proves("beyond.session-octets.one-piece")
def test_a_session_may_be_sent_without_waiting_for_any_answer(dial: Connect, names: Names) -> None:
    connection = dial()
    connection.send(_session(names("q")))
    _check(connection)


LENGTH = len(_session("123456-q"))


@pytest.mark.parametrize("start", range(1, LENGTH, 16))
@pytest.mark.proves("beyond.session-octets.split")
def test_a_session_may_be_split_at_any_octet(dial: Connect, names: Names, start: int) -> None:
    """Sixteen splits in a test. What the broker can answer by then is read before the rest is sent."""
    session = _session(names("q"))
    assert len(session) == LENGTH
    for at in range(start, min(start + 16, LENGTH)):
        connection = dial()
        connection.send(session[:at])
        if at >= len(PROTOCOL_HEADER):
            connection.wait_for(0, "connection.start")
            connection.send(session[at:])
            assert [connection.read().name for _ in ANSWERS[1:]] == ANSWERS[1:]
        else:
            connection.send(session[at:])
            _check(connection)
        connection.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 13])
@pytest.mark.proves("beyond.session-octets.pieces")
def test_a_session_may_come_in_small_pieces(dial: Connect, names: Names, size: int) -> None:
    connection, session = dial(), _session(names("q"))
    for at in range(0, len(session), size):
        connection.send(session[at : at + size])
    _check(connection)


@pytest.mark.parametrize("lost", [1, 2, 5])
@pytest.mark.proves("beyond.session-octets.unfinished-frame")
def test_a_frame_that_never_ends_has_no_effect(dial: Connect, connect: Connect, names: Names, lost: int) -> None:
    connection, watch = dial().handshake(), connect().channel()
    channel = connection.channel()
    watch.declare_queue(names("q"))
    frames = connection.publish_frames(1, "", names("q"), b"never")
    channel.publish("", names("q"), b"before")
    channel.fence(names("q"))
    connection.send(frames[:-lost])
    connection.abort()
    assert watch.must_get(names("q"), no_ack=True).body == b"before"
    watch.fence(names("q"))
    assert watch.get(names("q")) is None


@pytest.mark.proves("beyond.session-octets.after-close")
def test_octets_after_the_clients_close_mean_nothing(dial: Connect, names: Names) -> None:
    """Not even when they are no frames: the broker answers the close and nothing else."""
    connection = dial().handshake()
    connection.send(_method(0, "connection.close") + _method(1, "queue.declare", queue=names("q")))
    assert connection.read().name == "connection.close-ok"
    connection.send(_method(0, "connection.close-ok"))
    with pytest.raises(Dropped):
        connection.read()
