"""ContentAssembler: method, header, body, and what RabbitMQ says where something else comes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.errors import AmqpError
from amqpd.wire.content import (
    BODY_SIZE_LIMIT,
    CACHE_SIZE,
    CACHED_HEADER,
    MALFORMED,
    ContentAssembler,
    HeaderCache,
)
from amqpd.wire.kinds import BODY, HEADER, HEARTBEAT

IDS = (60, 40)


def header(size: int, properties: bytes = b"\x00\x00", *, class_id: int = 60, weight: int = 0) -> bytes:
    return struct.pack(">HHQ", class_id, weight, size) + properties


def begun(*, strict: bool = True) -> ContentAssembler:
    assembler = ContentAssembler(HeaderCache(), strict)
    assembler.begin(IDS, b"arguments")
    return assembler


def refused(assembler: ContentAssembler, kind: int, payload: bytes) -> tuple[str, tuple[int, int] | None]:
    with pytest.raises(AmqpError) as caught:
        assembler.receive(kind, payload)
    return caught.value.reply_text, caught.value.method


def test_content_of_size_0_is_complete_at_its_header() -> None:
    assert begun().receive(HEADER, header(0)) == b""


def test_content_is_joined_from_its_body_frames() -> None:
    assembler = begun()
    assert assembler.receive(HEADER, header(5)) is None
    assert assembler.receive(BODY, b"ab") is None
    assert assembler.received == 2
    assert assembler.receive(BODY, b"") is None
    assert assembler.receive(BODY, b"cde") == b"abcde"
    assert (assembler.ids, assembler.arguments) == (IDS, b"arguments")


def test_a_body_in_one_frame_is_not_copied() -> None:
    assembler, octets = begun(), bytes(100)
    assembler.receive(HEADER, header(100))
    assert assembler.receive(BODY, octets) is octets


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=10))
def test_any_cut_of_a_body_gives_the_body(chunks: list[bytes]) -> None:
    body = b"".join(chunks)
    assembler = begun()
    whole = assembler.receive(HEADER, header(len(body)))
    for chunk in chunks:
        if whole is not None:
            break
        whole = assembler.receive(BODY, chunk)
    assert whole == body


def test_a_reset_assembler_expects_a_method_again() -> None:
    assembler = begun()
    assembler.receive(HEADER, header(5))
    assembler.receive(BODY, b"ab")
    assembler.reset()
    assert assembler.idle
    assert assembler.received == 0
    assembler.begin(IDS, b"")
    assembler.receive(HEADER, header(1))
    assert assembler.receive(BODY, b"x") == b"x"


@pytest.mark.parametrize("kind", [HEADER, BODY])
def test_content_without_a_method_is_505_tied_to_no_method(kind: int) -> None:
    text = "UNEXPECTED_FRAME - expected method frame, got non method frame instead"
    assert refused(ContentAssembler(HeaderCache(), True), kind, header(0)) == (text, (0, 0))


def test_another_frame_than_the_header_is_505() -> None:
    text = "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
    assert refused(begun(), BODY, b"x") == (text, IDS)
    assert refused(begun(), HEADER, header(0, weight=1)) == (text, IDS)
    error = begun().unexpected_method()
    assert (error.reply_text, error.method) == (text, IDS)


def test_a_header_of_another_class_is_505() -> None:
    text = "UNEXPECTED_FRAME - expected content header for class 60, got one for class 10 instead"
    assert refused(begun(), HEADER, header(0, class_id=10)) == (text, IDS)
    assert refused(begun(), HEADER, header(0, class_id=10, weight=1)) == (text, IDS)


@pytest.mark.parametrize("kind", [HEADER, HEARTBEAT])
def test_another_frame_than_the_body_is_505(kind: int) -> None:
    assembler = begun()
    assembler.receive(HEADER, header(5))
    text = "UNEXPECTED_FRAME - expected content body, got non content body frame instead"
    assert refused(assembler, kind, header(0)) == (text, IDS)
    error = assembler.unexpected_method()
    assert (error.reply_text, error.method) == (text, IDS)


@pytest.mark.parametrize("bodies", [[b"abcd"], [b"ab", b"cd"], [b"", b"abcd"]])
def test_more_body_than_announced_is_501(bodies: list[bytes]) -> None:
    assembler = begun()
    assembler.receive(HEADER, header(3))
    for each in bodies[:-1]:
        assembler.receive(BODY, each)
    text = "FRAME_ERROR - content body frame exceeds remaining content size"
    assert refused(assembler, BODY, bodies[-1]) == (text, IDS)


def test_before_4_2_6_content_with_too_much_body_never_completes() -> None:
    assembler = begun(strict=False)
    assembler.receive(HEADER, header(3))
    assert assembler.receive(BODY, b"abcd") is None
    assert assembler.receive(BODY, b"") is None
    assert not assembler.idle


def test_a_body_over_the_hard_limit_is_refused_at_its_header() -> None:
    assert begun().receive(HEADER, header(BODY_SIZE_LIMIT)) is None
    size = BODY_SIZE_LIMIT + 1
    text = f"FRAME_ERROR - content body size {size} exceeds maximum allowed size 536870912"
    assert refused(begun(), HEADER, header(size)) == (text, IDS)


def test_before_4_2_6_any_size_may_be_announced() -> None:
    assert begun(strict=False).receive(HEADER, header(2**63)) is None


BAD_PROPERTIES = [b"", b"\x80", b"\x80\x00", b"\x80\x00\x05a", b"\x00\x00\x00", b"\x00\x01\x00\x00"]


@pytest.mark.parametrize("properties", BAD_PROPERTIES)
def test_properties_that_do_not_decode_are_left_for_whoever_looks_at_them(properties: bytes) -> None:
    assembler = begun()
    assert assembler.receive(HEADER, header(0, properties)) == b""
    assert assembler.header is not None
    assert assembler.header.properties is MALFORMED


def test_equal_headers_share_one_object() -> None:
    cache = HeaderCache()
    payload = header(3, b"\x80\x00\x04text")
    first = cache.get(payload)
    assert cache.get(bytes(bytearray(payload))) is first
    assert (first.body_size, first.properties.content_type) == (3, "text")


def test_a_header_of_another_size_is_another_one() -> None:
    cache = HeaderCache()
    assert cache.get(header(3)).body_size == 3
    assert cache.get(header(4)).body_size == 4


def test_long_headers_are_not_kept() -> None:
    cache = HeaderCache()
    payload = header(0, b"\x80\x80\xff" + b"x" * 255 + b"\x00")
    assert len(payload) > CACHED_HEADER
    assert cache.get(payload) is not cache.get(payload)


def test_the_cache_forgets_rather_than_grow() -> None:
    cache = HeaderCache()
    first = cache.get(header(0))
    for size in range(CACHE_SIZE):
        cache.get(header(size + 1))
    assert cache.get(header(0)) is not first
