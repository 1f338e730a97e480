"""Many channels on one connection: contents interleaved frame by frame, and as many channels as there may be."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from conformance.channel import Channel
from conformance.frames import BODY, HEADER, METHOD, encode_frame, encode_header
from conformance.methods import encode_method

if TYPE_CHECKING:
    from conformance.conftest import Connect, Names


def _publish(channel: int, queue: str, parts: list[bytes]) -> list[bytes]:
    """Return the frames of one basic.publish, a body frame for each part."""
    return [
        encode_frame(METHOD, channel, encode_method("basic.publish", routing_key=queue)),
        encode_frame(HEADER, channel, encode_header(sum(map(len, parts)))),
        *(encode_frame(BODY, channel, part) for part in parts),
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.proves("beyond.channels.interleaved")
def test_contents_of_many_channels_interleave_in_any_way(connect: Connect, names: Names, seed: int) -> None:
    """Eight channels publish ten messages each, in body frames of any size; their frames are shuffled together."""
    chance = random.Random(seed)
    connection = connect()
    channels = [connection.channel(number) for number in range(1, 9)]
    expected: dict[str, list[bytes]] = {}
    lines: list[list[bytes]] = []
    for channel in channels:
        queue = names(f"q{channel.number}")
        channel.declare_queue(queue)
        line: list[bytes] = []
        expected[queue] = []
        for _ in range(10):
            parts = [chance.randbytes(chance.choice([0, 1, 7, 500, 9000])) for _ in range(chance.randrange(4))]
            while parts and not parts[-1]:
                parts.pop()  # the content is complete before it
            line += _publish(channel.number, queue, parts)
            expected[queue].append(b"".join(parts))
        lines.append(line)
    while lines:
        line = chance.choice(lines)
        connection.send(line.pop(0))
        if not line:
            lines.remove(line)
    for channel in channels:
        queue = names(f"q{channel.number}")
        channel.fence(queue)
        assert channel.drain(queue) == expected[queue]


@pytest.mark.proves("beyond.channels.interleaved")
def test_a_content_waits_for_its_rest_while_other_channels_work(connect: Connect, names: Names) -> None:
    connection, queue = connect(), names("q")
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(queue)
    for frame in _publish(1, queue, [b"o", b"n", b"e"]):
        connection.send(frame)
        two.fill(queue, b"two")
    one.fence(queue)
    assert sorted(one.drain(queue)) == [b"one"] + [b"two"] * 5


@pytest.mark.proves("beyond.channels.interleaved")
def test_deliveries_of_several_channels_are_whole(connect: Connect, names: Names) -> None:
    """Bodies of several frames; the client itself insists that no other frame comes in between."""
    connection = connect(frame_max=8192)
    channels = [connection.channel(number) for number in range(1, 5)]
    bodies = {}
    for channel in channels:
        queue = names(f"q{channel.number}")
        channel.declare_queue(queue)
        channel.consume(queue, no_ack=True)
        bodies[channel.number] = [bytes([channel.number]) * (8184 * size + size) for size in range(5)]
    for turn in range(5):
        for channel in channels:
            channel.publish("", names(f"q{channel.number}"), bodies[channel.number][turn])
    for channel in channels:
        assert channel.bodies(5) == bodies[channel.number]


@pytest.mark.proves("beyond.channels.all-open")
def test_2047_channels_are_open_at_once_and_all_of_use(connect: Connect, names: Names) -> None:
    connection, queue = connect(), names("q")
    channels = [Channel(connection, number) for number in range(1, 2048)]
    for channel in channels:
        channel.send("channel.open")
    for channel in channels:
        channel.expect("channel.open-ok")
    channels[-1].declare_queue(queue)
    for channel in channels:
        channel.confirm()
        channel.publish("", queue, b"%d" % channel.number)
    for channel in channels:
        channel.expect("basic.ack")
    taken = []
    for channel in channels:
        reply = channel.must_get(queue)
        assert reply["delivery_tag"] == 1
        taken.append(int(reply.body))
    assert sorted(taken) == list(range(1, 2048))
    for channel in channels[1::2]:
        channel.ack(1)
    for channel in channels:
        channel.send("channel.close")
    for channel in channels:
        channel.expect("channel.close-ok")
    again = channels[0].open()
    tries = 0
    while again.counts(queue) != (1024, 0):  # what the channels held comes back one after the other
        tries += 1
        assert tries < 10_000


@pytest.mark.proves("beyond.channels.one-too-many")
def test_the_2048th_channel_is_refused(connect: Connect) -> None:
    connection = connect()
    for number in range(1, 2048):
        connection.send_method(number, "channel.open")
    for number in range(1, 2048):
        assert connection.next(number).name == "channel.open-ok"
    text = "NOT_ALLOWED - number of channels opened (2047) has reached the negotiated channel_max (2047)"
    with connection.refused(530, text):
        connection.send_method(2048, "channel.open")


@pytest.mark.proves("beyond.channels.numbers")
def test_a_channel_may_have_any_number(connect: Connect, names: Names) -> None:
    connection = connect()
    for number in (1, 2, 255, 256, 2047, 2048, 32767, 32768, 65534, 65535):
        channel = connection.channel(number)
        channel.declare_queue(names("q"))
        channel.fill(names("q"), b"x")
        assert channel.must_get(names("q"), no_ack=True).channel == number


@pytest.mark.parametrize("frame_max", [8192, 131072])
@pytest.mark.proves("beyond.channels.10-mb")
def test_10_megabytes_come_back(connect: Connect, names: Names, frame_max: int) -> None:
    sender, queue = connect(frame_max=frame_max).channel(), names("q")
    receiver = connect(frame_max=frame_max).channel()
    body = random.Random(0).randbytes(10_000_000)
    sender.declare_queue(queue)
    sender.confirm().publish("", queue, body, {"message_id": "big"})
    sender.publish("", queue, b"small")
    receiver.consume(queue, no_ack=True)
    big, small = receiver.deliveries(2)
    assert big.body == body
    assert big.message.properties == {"message_id": "big"}
    whole, rest = divmod(len(body), frame_max - 8)
    assert big.message.body_frames == (frame_max - 8,) * whole + (rest,)
    assert small.body == b"small"
