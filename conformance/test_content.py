"""Content on its way: frames cut anywhere, interleaved channels, bodies of every critical size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.frames import BODY, HEADER, METHOD, encode_frame, encode_header
from conformance.methods import encode_method

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names


@pytest.mark.proves("frame.any-segments")
def test_a_publish_split_at_every_octet_arrives_whole(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    frames = channel.connection.publish_frames(1, "", queue, b"body", {"content_type": "text/plain"})
    for at in range(1, len(frames)):
        channel.connection.send(frames[:at])
        channel.connection.send(frames[at:])
    channel.fence(queue)
    assert channel.drain(queue) == [b"body"] * (len(frames) - 1)


@pytest.mark.proves("frame.any-segments")
def test_a_publish_sent_octet_by_octet_arrives_whole(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    for octet in channel.connection.publish_frames(1, "", queue, b"body"):
        channel.connection.send(bytes([octet]))
    channel.fence(queue)
    assert channel.drain(queue) == [b"body"]


@pytest.mark.proves("frame.content-body")
def test_a_body_in_frames_of_any_size_arrives_whole(channel: Channel, names: Names) -> None:
    """Empty body frames are legal between others."""
    queue = names("q")
    channel.declare_queue(queue)
    parts = [b"", b"a", b"", b"bcd", b"e" * 5000, b"f"]
    frames = encode_frame(METHOD, 1, encode_method("basic.publish", routing_key=queue))
    frames += encode_frame(HEADER, 1, encode_header(len(b"".join(parts))))
    channel.connection.send(frames + b"".join(encode_frame(BODY, 1, part) for part in parts))
    channel.fence(queue)
    assert channel.must_get(queue).body == b"".join(parts)


@pytest.mark.proves("frame.interleaved-channels")
def test_contents_of_two_channels_may_interleave(connect: Connect, names: Names) -> None:
    connection, queue = connect(), names("q")
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(queue)
    publish = encode_method("basic.publish", routing_key=queue)
    for frame in (
        encode_frame(METHOD, 1, publish),
        encode_frame(METHOD, 2, publish),
        encode_frame(HEADER, 2, encode_header(4)),
        encode_frame(HEADER, 1, encode_header(4)),
        encode_frame(BODY, 1, b"on"),
        encode_frame(BODY, 2, b"tw"),
        encode_frame(BODY, 1, b"e1"),
        encode_frame(BODY, 2, b"o2"),
    ):
        connection.send(frame)
    two.fence(queue)
    one.fence(queue)
    assert sorted(one.drain(queue)) == [b"one1", b"two2"]


@pytest.mark.proves("frame.content-body", "frame.receivers-size")
@pytest.mark.parametrize("frame_max", [8192, 131072])
@pytest.mark.parametrize("size", ["0", "1", "frame_max-9", "frame_max-8", "frame_max-7", "1000000"])
def test_a_body_comes_back_in_the_fewest_frames(connect: Connect, names: Names, frame_max: int, size: str) -> None:
    """Vector 50: without a body there is no body frame."""
    octets = int(size) if size.isdecimal() else frame_max - int(size[-1])
    channel, queue = connect(frame_max=frame_max).channel(), names("q")
    channel.declare_queue(queue)
    body = bytes(range(256)) * (octets // 256) + bytes(octets % 256)
    channel.fill(queue, body)
    message = channel.must_get(queue, no_ack=True).message
    assert message.body == body
    whole, rest = divmod(octets, frame_max - 8)
    assert message.body_frames == (frame_max - 8,) * whole + (rest,) * (rest > 0)


@pytest.mark.proves("frame.receivers-size", "connection.tune-ok.frame-max")
def test_a_message_is_cut_to_the_receivers_frame_max(connect: Connect, names: Names) -> None:
    sender, receiver, queue = connect().channel(), connect(frame_max=8192).channel(), names("q")
    sender.declare_queue(queue)
    sender.fill(queue, b"x" * 20_000)
    assert receiver.must_get(queue).message.body_frames == (8184, 8184, 3632)


@pytest.mark.proves("message-size.limit")
@pytest.mark.slow
@pytest.mark.versions(before="4.0", otherwise="since 4.0 the default limit is 16777216")
@pytest.mark.proves("error.basic.publish.too-large")
def test_a_message_over_max_message_size_closes_the_channel(channel: Channel) -> None:
    text = "PRECONDITION_FAILED - message size 134217729 is larger than configured max size 134217728"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", "nowhere", bytes(134217729))


@pytest.mark.proves("frame.any-segments", "ordering.publish")
def test_the_broker_takes_more_than_one_frame_in_a_segment(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    frames = b"".join(channel.connection.publish_frames(1, "", queue, b"%d" % n) for n in range(500))
    channel.connection.send(frames)
    channel.fence(queue)
    assert channel.drain(queue) == [b"%d" % n for n in range(500)]
