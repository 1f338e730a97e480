"""Octets to frames and back: `make bench-parts`. Each figure is one round of MESSAGES messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amqpd.broker.message import Message
from amqpd.properties import Properties
from amqpd.wire import hot
from amqpd.wire.frames import FrameParser
from tests.protocol.harness import publish

MESSAGES = 1000
ENDLESS = 1 << 30

Benchmark = Callable[..., object]


@pytest.mark.parametrize("size", [16, 1024])
@pytest.mark.parametrize("alike", [True, False], ids=["alike", "different keys"])
def test_publishes_are_cut_out_of_a_stream(benchmark: Benchmark, size: int, alike: bool) -> None:
    stream = b"".join(publish("key" if alike else f"key{number}", bytes(size)) for number in range(MESSAGES))

    def cut() -> int:
        parser = FrameParser(131_072)
        parser.feed(stream)
        return len(parser.frames(ENDLESS))

    assert benchmark(cut) == MESSAGES


@pytest.mark.parametrize("size", [16, 1024, 100_000])
def test_deliveries_are_packed(benchmark: Benchmark, size: int) -> None:
    message = Message("exchange", "key", Properties.of(delivery_mode=2), bytes(size))
    encoder = hot.DeliverEncoder(1, "tag", 131_072)

    def pack() -> int:
        parts: list[bytes] = []
        return sum(encoder.encode(tag, message, parts) for tag in range(1, MESSAGES + 1))

    assert benchmark(pack)


def test_settlements_are_read(benchmark: Benchmark) -> None:
    payloads = [hot.ack(1, tag, multiple=False)[7:-1] for tag in range(1, MESSAGES + 1)]
    assert benchmark(lambda: sum(hot.parse_settlement(each)[0] for each in payloads)) == MESSAGES * (MESSAGES + 1) // 2
