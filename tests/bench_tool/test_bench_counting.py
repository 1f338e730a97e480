"""Counting: deliveries and confirms out of octets, whatever the cuts between reads, and the arithmetic of figures."""

from __future__ import annotations

import os
import socket
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands, decode, frame, header

from amqpd.cli.bench import frames
from amqpd.cli.bench.broker_process import broker_pid, processor_seconds, resident_bytes
from amqpd.cli.bench.confirms import ConfirmCounter
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.failures import BenchError, BrokerClosedError
from amqpd.cli.bench.machine import busy_seconds
from amqpd.cli.bench.report import rounded
from amqpd.cli.bench.supply import Supply
from amqpd.cli.bench.url import parse_url


def delivery(tag: int, size: int, piece: int = 131064) -> bytes:
    arguments = frames.shortstr("c") + tag.to_bytes(8, "big") + b"\x00" + frames.shortstr("") + frames.shortstr("q")
    body = b"\xce" * size
    return b"".join(
        (
            frames.method(1, 60, 60, arguments),
            frames.frame(frames.HEADER, 1, b"\x00\x3c\x00\x00" + size.to_bytes(8, "big") + b"\x00\x00"),
            *(frames.frame(frames.BODY, 1, body[at : at + piece]) for at in range(0, size, piece)),
        )
    )


def feed(counter: DeliveryCounter, octets: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    for start, end in pairwise(edges):
        part = octets[start:end]
        while part:
            space = counter.space()
            taken = part[: len(space)]
            space[: len(taken)] = taken
            counter.advance(len(taken))
            part = part[len(taken) :]


CUTS = st.lists(st.integers(min_value=0, max_value=100_000), max_size=30)


@given(count=st.integers(1, 60), size=st.integers(0, 300), cuts=CUTS)
def test_equal_deliveries_are_counted_whatever_the_cuts(count: int, size: int, cuts: list[int]) -> None:
    counter = DeliveryCounter(capacity=2000)

    feed(counter, b"".join(delivery(tag, size) for tag in range(1, count + 1)), cuts)

    assert counter.count == count


@given(sizes=st.lists(st.integers(0, 300), max_size=40), cuts=CUTS)
def test_deliveries_of_changing_sizes_are_counted_whatever_the_cuts(sizes: list[int], cuts: list[int]) -> None:
    counter = DeliveryCounter(capacity=2000)

    feed(counter, b"".join(delivery(tag, size) for tag, size in enumerate(sizes, 1)), cuts)

    assert counter.count == len(sizes)


@given(count=st.integers(1, 10), size=st.integers(3000, 5000), cuts=CUTS)
def test_bodies_in_several_frames_that_outgrow_the_buffer_are_counted(count: int, size: int, cuts: list[int]) -> None:
    counter = DeliveryCounter(capacity=2000)

    feed(counter, b"".join(delivery(tag, size, piece=700) for tag in range(1, count + 1)), cuts)

    assert counter.count == count


@given(before=st.integers(0, 20), size=st.integers(0, 300), cuts=CUTS)
def test_a_close_behind_deliveries_is_heard_after_they_are_counted(before: int, size: int, cuts: list[int]) -> None:
    counter = DeliveryCounter(capacity=2000)
    close = frames.method(1, 20, 40, (404).to_bytes(2, "big") + frames.shortstr("NOT_FOUND - gone") + b"\x00" * 4)

    with pytest.raises(BrokerClosedError, match="the broker closed the channel: 404 NOT_FOUND - gone"):
        feed(counter, b"".join(delivery(tag, size) for tag in range(1, before + 1)) + close, cuts)

    assert counter.count == before


def test_a_cancelled_consumer_is_an_error() -> None:
    with pytest.raises(BenchError, match="cancelled the consumer"):
        feed(DeliveryCounter(), delivery(1, 5) + frames.method(1, 60, 30, frames.shortstr("c") + b"\x01"), [])


def test_a_frame_larger_than_the_buffer_is_an_error() -> None:
    with pytest.raises(BenchError, match="a frame of 5000 octets"):
        feed(DeliveryCounter(capacity=1000), delivery(1, 5000), [])


def ack(tag: int, *, multiple: bool = False) -> bytes:
    return frames.method(1, 60, 80, tag.to_bytes(8, "big") + bytes([multiple]))


@given(order=st.permutations(range(1, 25)), multiples=st.lists(st.integers(1, 24)), cuts=CUTS)
def test_confirms_are_counted_once_in_any_order(order: list[int], multiples: list[int], cuts: list[int]) -> None:
    settled = [ack(tag) for tag in order[:12]] + [ack(tag, multiple=True) for tag in multiples]
    expected = set(order[:12]).union(*(range(1, tag + 1) for tag in multiples))
    octets = b"".join(settled)
    counter = ConfirmCounter()

    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    for start, end in pairwise(edges):
        counter.feed(octets[start:end])

    assert counter.count == len(expected)


def test_a_nack_is_an_error() -> None:
    with pytest.raises(BenchError, match="refused publish 7"):
        ConfirmCounter().feed(frames.method(1, 60, 120, (7).to_bytes(8, "big") + b"\x00"))


def test_a_close_among_confirms_is_heard() -> None:
    reason = (320).to_bytes(2, "big") + frames.shortstr("CONNECTION_FORCED - bye")
    close = frames.method(0, 10, 50, reason + b"\x00" * 4)

    with pytest.raises(BrokerClosedError, match="320 CONNECTION_FORCED - bye"):
        ConfirmCounter().feed(ack(1) + close)


@given(st.binary(max_size=300), st.integers(30, 200), st.booleans(), st.booleans())
def test_a_prepared_publish_is_what_pamqp_reads(
    body: bytes, frame_max: int, persistent: bool, with_headers: bool
) -> None:
    headers = {"kind": "bench"} if with_headers else None
    rest = frames.publish("x", "a.b", body, frame_max=frame_max, persistent=persistent, headers=headers)

    read, _, method = frame.unmarshal(rest)
    assert isinstance(method, commands.Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory) == ("x", "a.b", False)
    rest = rest[read:]
    read, _, content = frame.unmarshal(rest)
    assert isinstance(content, header.ContentHeader)
    assert content.body_size == len(body)
    assert content.properties.delivery_mode == (2 if persistent else None)
    assert content.properties.headers == headers
    rest = rest[read:]
    pieces = []
    while rest:
        size = int.from_bytes(rest[3:7], "big")
        assert 8 + size <= frame_max
        pieces.append(rest[7 : 7 + size])
        rest = rest[8 + size :]
    assert b"".join(pieces) == body


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=10), st.lists(st.integers(1, 50), max_size=20))
def test_a_supply_hands_out_its_publishes_in_turn(publishes: list[bytes], wanted: list[int]) -> None:
    supply = Supply(publishes, octets=100)

    taken, count = b"", 0
    for most in wanted:
        octets, some = supply.take(most)
        assert 1 <= some <= most
        taken += octets
        count += some

    assert taken == b"".join(publishes[i % len(publishes)] for i in range(count))


def test_a_publish_longer_than_a_supply_is_one_at_a_time() -> None:
    octets, count = Supply([b"x" * 100], octets=10).take(5)

    assert (bytes(octets), count) == (b"x" * 100, 1)


def test_a_supply_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one publish"):
        Supply([])


def test_a_table_holds_whole_numbers_beside_texts() -> None:
    raw = frames.table({"n": -5, "t": "x", "b": True})

    assert decode.field_table(raw) == (len(raw), {"n": -5, "t": "x", "b": True})


def test_the_texts_of_a_table_are_found_between_values_of_every_kind() -> None:
    raw = frames.table({"nested": {"product": "wrong"}, "flag": True, "product": "RabbitMQ", "version": "3.10.8"})[4:]
    numbers = b"\x01aI\x00\x00\x00\x05" + b"\x01bl" + b"\x00" * 8 + b"\x01vV"

    assert frames.texts_of_table(numbers + raw) == {"product": "RabbitMQ", "version": "3.10.8"}


@pytest.mark.parametrize(("figure", "shown"), [(123456.7, 123457), (0.012345, 0.0123), (99.94, 99.9), (0.0, 0.0)])
def test_a_figure_shows_three_digits_or_none_behind_the_point(figure: float, shown: float) -> None:
    assert rounded(figure) == shown


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_the_process_behind_a_local_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert broker_pid(parse_url(f"amqp://127.0.0.1:{server.getsockname()[1]}")) == os.getpid()


def test_no_process_is_looked_for_behind_another_machines_address() -> None:
    assert broker_pid(parse_url("amqp://192.0.2.1")) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_the_memory_of_a_process_is_read_in_bytes() -> None:
    assert resident_bytes(os.getpid()) > 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_the_processor_time_of_a_process_does_not_go_back() -> None:
    before = processor_seconds(os.getpid())

    assert processor_seconds(os.getpid()) >= before >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_the_machine_is_at_least_as_busy_as_this_process() -> None:
    own, all_of_it = processor_seconds(os.getpid()), busy_seconds()

    assert all_of_it is not None
    assert all_of_it >= own
