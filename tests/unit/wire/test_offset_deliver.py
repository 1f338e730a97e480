"""Deliveries with an offset are those of the plain encoder, with the header that it would have been given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.message import Message
from amqpd.fields import EMPTY, Field, Table, array, boolean, long, longstr, signedint, table
from amqpd.properties import Properties
from amqpd.protocol.stream_consumer import split
from amqpd.wire.hot import DeliverEncoder
from amqpd.wire.offset_deliver import KNOWN, OffsetDeliverEncoder

OFFSET = "x-stream-offset"
FIELDS = st.sampled_from(
    [longstr("a"), signedint(5), boolean(True), array([longstr("b")]), table(Table.of({"k": longstr("v")})), long(0)]
)
HEADERS = st.one_of(
    st.none(),
    st.lists(st.tuples(st.sampled_from(["a", "x-stream-offset", "x-stream", "z", "é", ""]), FIELDS), max_size=5),
)
PROPERTIES = st.builds(
    lambda headers, content_type, message_id, mode: Properties.of(
        headers=None if headers is None else Table.of(headers),
        content_type=content_type,
        message_id=message_id,
        delivery_mode=mode,
    ),
    HEADERS,
    st.sampled_from([None, "text/plain", "\x0fx-stream-offsetl"]),
    st.sampled_from([None, "m"]),
    st.sampled_from([None, 1, 2]),
)
DELIVERIES = st.tuples(
    st.integers(1, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.sampled_from(["", "x"]),
    st.sampled_from(["q", "k"]),
    PROPERTIES,
    st.sampled_from([b"", b"x", b"x" * 100, b"x" * 4096, b"x" * 5000, b"x" * 10_000]),
)


def stamped(properties: Properties, offset: int) -> Properties:
    """What RabbitMQ makes of the properties: one header more, and all of them sorted."""
    headers = (properties.headers or EMPTY).without(OFFSET).with_field(OFFSET, long(offset)).sorted()
    return properties.replace(headers=headers)


def message(offset: int, exchange: str, key: str, properties: Properties, body: bytes) -> Message:
    made = Message(exchange, key, properties, body)
    made.number = offset
    return made


@settings(deadline=None)
@given(deliveries=st.lists(DELIVERIES, min_size=1, max_size=8), frame_max=st.sampled_from([0, 4096, 131_072]))
def test_a_delivery_is_that_of_the_plain_encoder(
    deliveries: list[tuple[int, int, str, str, Properties, bytes]], frame_max: int
) -> None:
    plain = DeliverEncoder(7, "ctag", frame_max)
    encoder = OffsetDeliverEncoder(7, "ctag", frame_max, split)
    for tag, offset, exchange, key, properties, body in deliveries:
        expected: list[bytes] = []
        plain.encode(tag, Message(exchange, key, stamped(properties, offset), body), expected)
        parts: list[bytes] = []
        written = encoder.encode(tag, message(offset, exchange, key, properties, body), parts)
        assert b"".join(parts) == b"".join(expected)
        assert written == sum(map(len, parts))


def test_large_bodies_are_not_copied() -> None:
    body = b"x" * 5000
    parts: list[bytes] = []
    OffsetDeliverEncoder(1, "c", 131_072, split).encode(1, message(0, "", "q", Properties.of(), body), parts)
    assert any(each is body for each in parts)


def test_what_is_remembered_of_properties_is_bounded() -> None:
    asked: list[Properties] = []

    def count(properties: Properties) -> tuple[bytes, bytes]:
        asked.append(properties)
        return split(properties)

    encoder = OffsetDeliverEncoder(1, "c", 0, count)
    for _ in range(2):
        for number in range(KNOWN):
            encoder.encode(1, message(0, "", "q", Properties.of(message_id=str(number)), b"x"), [])
    assert len(asked) == KNOWN
    for number in range(2 * KNOWN):
        encoder.encode(1, message(0, "", "q", Properties.of(message_id=str(number)), b"x"), [])
    assert len(asked) > KNOWN


@pytest.mark.parametrize("tag", ["L", "t"])
def test_headers_are_encoded_anew_as_rabbitmq_does(tag: str) -> None:
    odd = {"L": Field("L", 5, b"L" + bytes(7) + b"\x05"), "t": Field("t", True, b"t\x07")}[tag]
    usual = {"L": long(5), "t": boolean(True)}[tag]
    before, after = split(Properties.of(headers=Table.of({"z": odd})))
    assert before + bytes(8) + after == stamped(Properties.of(headers=Table.of({"z": usual})), 0).raw
