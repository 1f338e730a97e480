"""A persistent message through a whole broker, with a journal whose engine keeps nothing: `make bench-parts`.

One round is MESSAGES messages: published with confirms, delivered and acknowledged, or left to wait.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest
from pamqp import commands

from amqpd.broker.definitions import Cell, Change, Kind
from amqpd.broker.ports import Inline
from amqpd.clock import ManualClock
from amqpd.storage.engine import ChunkHead, ChunkRow, Damage, Engine
from amqpd.storage.journal import EngineJournal
from tests.bench.test_hot_path import MESSAGES, Benchmark, feed, pieces
from tests.protocol.harness import Client, World, publish, raw_method

PERSISTENT = struct.pack(">HB", 0x1000, 2)
"""Flags and properties: delivery mode 2."""
BEHIND = 5000


class Nowhere(Engine):
    """Numbers rows and forgets them."""

    def __init__(self) -> None:
        self._seq = 0

    def claim(self, shard: str) -> int:
        return 1

    def append(self, shard: str, epoch: int, row: bytes, chunks: Sequence[ChunkRow] = ()) -> int:
        self._seq += 1
        return self._seq

    def read(self, shard: str, from_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        return iter(())

    def fetch(self, shard: str, seq: int) -> bytes:
        raise OSError(f"row {seq} is nowhere")

    def trim(self, shard: str, below_seq: int) -> None:
        pass

    def chunks(self, shard: str) -> Iterator[ChunkHead]:
        return iter(())

    def read_chunk(self, shard: str, stream: int, first: int) -> bytes | None:
        return None

    def drop_chunks(self, shard: str, stream: int, below: int, most: int) -> bool:
        return False

    def snapshot_put(self, shard: str, epoch: int, snapshot: bytes) -> None:
        pass

    def snapshot_get(self, shard: str) -> bytes | None:
        return None

    def get(self, kind: Kind) -> Mapping[tuple[Cell, ...], tuple[Cell, ...]]:
        return {}

    def put(self, changes: Iterable[Change]) -> None:
        pass

    @property
    def octets(self) -> int:
        return 0

    def damages(self) -> list[Damage]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def world() -> World:
    # What is copied forward would have to be read: with so much slack, nothing is.
    journal = EngineJournal(Nowhere(), ManualClock(), slack=1 << 40)
    world = World(journal=journal)
    journal.start(Inline())
    return world


def opened(world: World) -> tuple[Client, Client, list[bytes]]:
    publisher, consumer = world.open(), world.open()
    consumer.declare("q", durable=True)
    publisher.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    return publisher, consumer, pieces(publish("q", bytes(100), properties=PERSISTENT) * MESSAGES)


@pytest.mark.parametrize("behind", [0, BEHIND], ids=["kept up", "behind"])
def test_persistent_messages_are_confirmed_delivered_and_acked(
    benchmark: Benchmark, world: World, behind: int
) -> None:
    publisher, consumer, stream = opened(world)
    for _ in range(behind // MESSAGES):
        feed(publisher, stream)
    consumer.ask(commands.Basic.Qos(prefetch_count=MESSAGES), commands.Basic.QosOk)
    consumer.consume("q", "c")
    settled = 0

    def run() -> int:
        nonlocal settled
        sent = feed(publisher, stream)
        tags = range(settled + 100, settled + MESSAGES + 1, 100)
        settled += MESSAGES
        acks = b"".join(raw_method(1, 60, 80, struct.pack(">QB", tag, 1)) for tag in tags)
        return sent + feed(consumer, pieces(acks))

    assert benchmark(run)
    queue = world.broker.vhosts["/"].queues["q"]
    assert queue.message_count + queue.unacked == behind


def test_persistent_messages_are_confirmed_and_wait(benchmark: Benchmark, world: World) -> None:
    publisher, _, stream = opened(world)
    benchmark(lambda: feed(publisher, stream))
    assert world.broker.vhosts["/"].queues["q"].message_count >= MESSAGES
