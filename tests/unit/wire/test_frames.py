"""FrameParser: the same frames come out however the octets went in, and damage is reported once, in its words."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amqpd.errors import FatalFrameError
from amqpd.wire.frames import UNLIMITED, Frame, FrameParser
from amqpd.wire.kinds import BODY, HEADER, HEARTBEAT, METHOD, PUBLISH

LIMIT = 4096
ENDLESS = 1 << 30

Flat = tuple[int, int, bytes]


def raw(kind: int, channel: int, payload: bytes, end: int = 0xCE) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes((end,))


def publish_frames(body: bytes, channel: int = 1, *, chunk: int = LIMIT, properties: bytes = b"\x00\x00") -> list[Flat]:
    method = b"\x00\x3c\x00\x28\x00\x00\x00\x01q\x00"
    header = struct.pack(">HHQ", 60, 0, len(body)) + properties
    bodies = [(BODY, channel, body[at : at + chunk]) for at in range(0, len(body), chunk)]
    return [(METHOD, channel, method), (HEADER, channel, header), *bodies]


def octets(frames: Iterable[Flat]) -> bytes:
    return b"".join(raw(*each) for each in frames)


def flat(frames: Iterable[Frame]) -> list[Flat]:
    """Frames with fused publishes taken apart again."""
    found: list[Flat] = []
    for kind, channel, payload, header, body in frames:
        if kind != PUBLISH:
            assert (header, body) == (b"", b"")
            found.append((kind, channel, payload))
            continue
        found += [(METHOD, channel, payload), (HEADER, channel, header)]
        if body:
            found.append((BODY, channel, body))
    return found


def parsed(chunks: Iterable[bytes], *, limit: int = LIMIT, budget: int = ENDLESS) -> tuple[list[Flat], str | None]:
    """All frames of a stream and the text of its failure; nothing is read after a failure."""
    parser = FrameParser(limit)
    found: list[Flat] = []
    for chunk in chunks:
        parser.feed(chunk)
        while frames := parser.frames(budget):
            found += flat(frames)
        if parser.failure is not None:
            return found, parser.failure.reply_text
    return found, None


CASES: dict[str, list[Flat]] = {
    "heartbeat": [(HEARTBEAT, 0, b"")],
    "method": [(METHOD, 0, b"\x00\x0a\x00\x33")],
    "channel 65535": [(METHOD, 65535, b"\x00\x14\x00\x29")],
    "unknown type": [(99, 7, b"abc")],
    "empty body": [(BODY, 1, b"")],
    "publish without a body": publish_frames(b""),
    "publish with a body": publish_frames(b"hello"),
    "publish with a body of the limit": publish_frames(b"x" * LIMIT),
    "publish in several frames": publish_frames(b"x" * 25, chunk=10),
    "publish with properties": publish_frames(b"hi", properties=b"\x80\x00\x04text"),
    "two publishes on two channels": publish_frames(b"a") + publish_frames(b"bc", 2),
    "two publishes interleaved": [
        each for pair in zip(publish_frames(b"a"), publish_frames(b"b", 2), strict=True) for each in pair
    ],
    "publish method alone": publish_frames(b"")[:1],
    "publish, then another method": [*publish_frames(b"")[:1], (METHOD, 1, b"\x00\x14\x00\x29")],
    "publish, then a heartbeat": [*publish_frames(b"abc")[:2], (HEARTBEAT, 0, b""), (BODY, 1, b"abc")],
    "publish with a header of class 10": [publish_frames(b"")[0], (HEADER, 1, struct.pack(">HHQ", 10, 0, 0) + b"\0\0")],
    "publish with a header of weight 1": [publish_frames(b"")[0], (HEADER, 1, struct.pack(">HHQ", 60, 1, 0) + b"\0\0")],
    "publish with a header of 11 octets": [publish_frames(b"")[0], (HEADER, 1, b"\x00\x3c" + bytes(9))],
    "publish with a header of 12 octets": [publish_frames(b"")[0], (HEADER, 1, struct.pack(">HHQ", 60, 0, 0))],
    "publish with a header on another channel": [publish_frames(b"")[0], publish_frames(b"", 2)[1]],
    "publish with a body on another channel": [*publish_frames(b"a")[:2], (BODY, 2, b"a")],
    "publish with a shorter body": [*publish_frames(b"abc")[:2], (BODY, 1, b"ab")],
    "publish with a longer body": [*publish_frames(b"abc")[:2], (BODY, 1, b"abcd")],
    "publish with an empty body frame first": [*publish_frames(b"abc")[:2], (BODY, 1, b""), (BODY, 1, b"abc")],
    "publish of four octets": [(METHOD, 1, b"\x00\x3c\x00\x28"), *publish_frames(b"a")[1:]],
    "publish on channel 0": publish_frames(b"a", 0),
    "the largest method": [(METHOD, 1, b"\x00\x32\x00\x0a" + bytes(LIMIT - 4))],
}


@pytest.mark.parametrize("name", CASES)
def test_frames_are_found_whole(name: str) -> None:
    assert parsed([octets(CASES[name])]) == (CASES[name], None)


@pytest.mark.parametrize("name", CASES)
def test_frames_are_found_octet_by_octet(name: str) -> None:
    assert parsed([bytes((each,)) for each in octets(CASES[name])]) == (CASES[name], None)


@pytest.mark.parametrize("name", [name for name in CASES if len(octets(CASES[name])) < 200])
def test_frames_are_found_split_at_every_offset(name: str) -> None:
    stream = octets(CASES[name])
    for at in range(len(stream) + 1):
        assert parsed([stream[:at], stream[at:]]) == (CASES[name], None)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rest", [b"\x08", b"\x01\x00\x01\x00\x00\x00\x05abc", b"\x02\x00\x01\x00\x00\x00\x0e"])
def test_the_start_of_a_further_frame_stays_buffered(name: str, rest: bytes) -> None:
    parser = FrameParser(LIMIT)
    parser.feed(octets(CASES[name]) + rest)
    assert flat(parser.frames(ENDLESS)) == CASES[name]
    assert parser.buffered == len(rest)
    assert parser.frames(ENDLESS) == []
    assert parser.failure is None


@pytest.mark.parametrize("body", [b"", b"x", b"x" * LIMIT])
def test_a_publish_with_at_most_one_body_frame_comes_out_fused(body: bytes) -> None:
    method, header = (payload for _, _, payload in publish_frames(body)[:2])
    parser = FrameParser(LIMIT)
    parser.feed(octets(publish_frames(body)))
    assert parser.frames(ENDLESS) == [(PUBLISH, 1, method, header, body)]


def test_publishes_that_differ_in_their_bodies_consist_of_the_same_objects() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(b"".join(octets(publish_frames(body)) for body in (b"abc", b"def", b"a longer one", b"ghi")))
    first, second, longer, last = parser.frames(ENDLESS)
    assert [each[4] for each in (first, second, longer, last)] == [b"abc", b"def", b"a longer one", b"ghi"]
    assert second[2] is first[2]
    assert second[3] is first[3]
    assert longer[3] != first[3]
    assert last == (*first[:4], b"ghi")


@pytest.mark.parametrize("size", range(1, len(octets(publish_frames(b"abc")))))
def test_a_publish_like_the_last_one_may_arrive_in_pieces(size: int) -> None:
    again = octets(publish_frames(b"def"))
    parser = FrameParser(LIMIT)
    parser.feed(octets(publish_frames(b"abc")) + again[:size])
    found = parser.frames(ENDLESS)
    parser.feed(again[size:])
    assert flat(found + parser.frames(ENDLESS)) == publish_frames(b"abc") + publish_frames(b"def")


def test_a_publish_like_the_last_one_is_not_fused_where_that_is_not_wanted() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(octets(publish_frames(b"abc")))
    parser.frames(ENDLESS)
    parser.feed(octets(publish_frames(b"def")))
    assert [each[0] for each in parser.frames(ENDLESS, False)] == [METHOD, HEADER, BODY]


def test_a_wrong_end_octet_of_a_publish_like_the_last_one_keeps_the_frames_before_it() -> None:
    damaged = octets(publish_frames(b"def"))[:-1] + b"\x00"
    found, failure = parsed([octets(publish_frames(b"abc")) + damaged])
    assert found == publish_frames(b"abc") + publish_frames(b"def")[:2]
    assert failure is not None
    assert failure.endswith("0}")


@pytest.mark.parametrize("cut", [1, 2])
def test_a_publish_that_arrives_in_pieces_comes_out_frame_by_frame(cut: int) -> None:
    frames = publish_frames(b"abc")
    parser = FrameParser(LIMIT)
    parser.feed(octets(frames[:cut]))
    first = parser.frames(ENDLESS)
    assert [each[0] for each in first] == [METHOD, HEADER][:cut]
    parser.feed(octets(frames[cut:]))
    assert flat(first + parser.frames(ENDLESS)) == frames


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 7])
def test_a_budget_is_exceeded_by_two_frames_at_most(budget: int) -> None:
    parser = FrameParser(LIMIT)
    parser.feed(octets([each for _ in range(20) for each in publish_frames(b"x")]))
    counts = []
    while frames := parser.frames(budget):
        counts.append(len(flat(frames)))
    assert sum(counts) == 60
    assert max(counts) <= budget + 2


def test_a_budget_of_nothing_finds_nothing_and_loses_nothing() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(raw(HEARTBEAT, 0, b""))
    assert parser.frames(0) == []
    assert len(parser.frames(1)) == 1


@pytest.mark.parametrize("budget", [1, 2, 5])
@pytest.mark.parametrize("name", CASES)
def test_a_small_budget_changes_no_frame(name: str, budget: int) -> None:
    assert parsed([octets(CASES[name])], budget=budget) == (CASES[name], None)


@pytest.mark.parametrize("kind", [METHOD, HEADER, BODY, HEARTBEAT, 77])
def test_a_frame_over_the_limit_is_refused_at_its_seventh_octet(kind: int) -> None:
    start = struct.pack(">BHI", kind, 3, LIMIT + 1)
    assert parsed([start[:6]]) == ([], None)
    text = f"FRAME_ERROR - type {kind}, all octets = <<>>: {{frame_too_large,{LIMIT + 1},{LIMIT - 8}}}"
    assert parsed([start]) == ([], text)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_publish_with_a_part_over_the_limit_fails_at_that_part(which: int) -> None:
    frames = publish_frames(b"x" * 40, properties=b"\x80\x00\x10" + b"c" * 16)
    frames[0] = (METHOD, 1, frames[0][2] + b"y" * 30)
    limit = len(frames[which][2]) - 1
    expected = [each for each in frames[:which] if len(each[2]) <= limit]
    found, failure = parsed([octets(frames)], limit=limit)
    first = next(each for each in frames if len(each[2]) > limit)
    assert found == frames[: frames.index(first)]
    assert len(found) <= len(expected)
    assert failure == (
        f"FRAME_ERROR - type {first[0]}, all octets = <<>>: {{frame_too_large,{len(first[2])},{limit - 8}}}"
    )


def test_without_a_limit_only_the_size_field_bounds_a_frame() -> None:
    parser = FrameParser(UNLIMITED)
    parser.feed(struct.pack(">BHI", BODY, 1, 0xFFFFFFFF))
    assert parser.frames(ENDLESS) == []
    assert parser.failure is None


def test_a_raised_limit_holds_for_the_next_frame() -> None:
    """tune-ok sets the limit between two frames of one read."""
    parser = FrameParser(LIMIT)
    large = raw(BODY, 1, b"x" * (LIMIT + 1))
    parser.feed(raw(HEARTBEAT, 0, b"") + large)
    assert len(parser.frames(1)) == 1
    parser.limit = LIMIT + 1
    assert flat(parser.frames(1)) == [(BODY, 1, b"x" * (LIMIT + 1))]
    assert parser.failure is None


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", "all octets = <<>>: {invalid_frame_end_marker,1}"),
        (b"\x00\x0a\x00\x28", "all octets = <<0,10,0,40>>: {invalid_frame_end_marker,1}"),
        (b"GET", 'all octets = <<"GET">>: {invalid_frame_end_marker,1}'),
        (
            b"abcdefghijklmnop",
            'all octets = <<"abcdefghijklmnop">>: {invalid_frame_end_marker,1}',
        ),
        (b"abcdefghijklmnopq", 'first 16 octets = <<"abcdefghijklmnop">>: {invalid_frame_end_marker,1}'),
        (b"abcdef\x00", "all octets = <<97,98,99,100,101,102,0>>: {invalid_frame_end_marker,1}"),
        (
            b"abcdefg\x00",
            "all octets = <<97,98,99,100,101,102,103,0>>: {invalid_frame_end_marker,\n" + " " * 54 + "1}",
        ),
        (
            b"abcdefghijklmno\x00",
            "all octets = <<97,98,99,100,101,102,103,104,105,106,107,108,109,110,\n"
            + " " * 23
            + "111,0>>: {invalid_frame_end_marker,1}",
        ),
    ],
)
def test_a_wrong_end_octet_is_named_with_the_frame_before_it(payload: bytes, shown: str) -> None:
    found, failure = parsed([raw(HEARTBEAT, 0, b"") + raw(METHOD, 1, payload, end=1) + raw(HEARTBEAT, 0, b"")])
    assert found == [(HEARTBEAT, 0, b"")]
    assert failure == f"FRAME_ERROR - type 1, {shown}"


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_wrong_end_octet_inside_a_publish_keeps_the_frames_before_it(which: int) -> None:
    frames = publish_frames(b"abc")
    stream = b"".join(raw(*each, end=0 if at == which else 0xCE) for at, each in enumerate(frames))
    found, failure = parsed([stream])
    assert found == frames[:which]
    assert failure is not None
    assert failure.endswith("0}")


def test_a_failure_is_fatal_and_tied_to_no_method() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(raw(BODY, 1, b"", end=0))
    assert parser.frames(ENDLESS) == []
    assert isinstance(parser.failure, FatalFrameError)
    assert parser.failure.method == (0, 0)


def test_octets_of_the_protocol_header_are_taken_only_when_all_are_there() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(b"AMQP")
    assert parser.take(8) is None
    parser.feed(b"\x00\x00\x09\x01" + raw(HEARTBEAT, 0, b""))
    assert parser.take(8) == b"AMQP\x00\x00\x09\x01"
    assert flat(parser.frames(ENDLESS)) == [(HEARTBEAT, 0, b"")]
    assert parser.buffered == 0


KINDS = st.sampled_from([METHOD, HEADER, BODY, HEARTBEAT, 0, 4, 255])
CHANNELS = st.integers(0, 2)
FRAMES = st.one_of(
    st.tuples(KINDS, CHANNELS, st.binary(max_size=30)).map(lambda each: raw(*each)),
    st.tuples(KINDS, CHANNELS, st.binary(max_size=30), st.integers(0, 255)).map(lambda each: raw(*each)),
    st.tuples(st.binary(max_size=40), CHANNELS, st.integers(1, 40)).map(
        lambda each: octets(publish_frames(each[0], each[1], chunk=each[2]))
    ),
    st.tuples(st.lists(st.binary(min_size=2, max_size=3), min_size=2, max_size=4), CHANNELS).map(
        lambda each: b"".join(octets(publish_frames(body, each[1])) for body in each[0])
    ),
    st.binary(max_size=12),
)
STREAMS = st.lists(FRAMES, max_size=6).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 300), max_size=12), st.integers(1, 5))
@example(raw(0, 1, b"a frame of type 0 is no publish"), [], 1)
def test_any_chunking_gives_the_same_frames_and_the_same_failure(stream: bytes, cuts: list[int], budget: int) -> None:
    limit = 64
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    reference = _naive(stream, limit)
    assert parsed([stream], limit=limit) == reference
    assert parsed(chunks, limit=limit, budget=budget) == reference
    assert parsed([bytes((each,)) for each in stream], limit=limit) == reference


def _naive(stream: bytes, limit: int) -> tuple[list[Flat], str | None]:
    """The definition of framing, one frame after the other; the texts are checked elsewhere."""
    found: list[Flat] = []
    while len(stream) >= 7:
        kind, channel, size = struct.unpack(">BHI", stream[:7])
        if size > limit:
            return found, parsed([stream], limit=limit)[1] or "a failure was expected"
        if len(stream) < size + 8:
            break
        if stream[size + 7] != 0xCE:
            return found, parsed([stream], limit=limit)[1] or "a failure was expected"
        found.append((kind, channel, stream[7 : size + 7]))
        stream = stream[size + 8 :]
    return found, None
