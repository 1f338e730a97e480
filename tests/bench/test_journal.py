"""Group commits: `make bench-parts`. One round is a batch of MESSAGES messages, as a busy broker commits at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.batch import Batch, Content, decode
from amqpd.storage.engine import Durability, Engine
from amqpd.storage.sqlite import SqliteEngine

MESSAGES = 1000
QUEUE = 1
ENGINES: dict[str, type[SqliteEngine | AppendLogEngine]] = {"sqlite": SqliteEngine, "append-only": AppendLogEngine}

Benchmark = Callable[..., object]


def filled(body: bytes = bytes(100)) -> Batch:
    batch = Batch()
    for number in range(1, MESSAGES + 1):
        batch.publish(QUEUE, number, Content("", "q", b"\x10\x00\x02", body), -1, None)
    return batch


def test_a_batch_is_filled(benchmark: Benchmark) -> None:
    assert benchmark(filled)


def test_a_batch_is_encoded(benchmark: Benchmark) -> None:
    batch = filled()
    assert benchmark(batch.encode)


def test_a_row_is_decoded(benchmark: Benchmark) -> None:
    row = filled().encode()
    assert benchmark(lambda: decode(row))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("count", [1, MESSAGES], ids=["one message", "a thousand"])
@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS], ids=["fsync", "os"])
def test_a_row_is_committed(
    benchmark: Benchmark, tmp_path: Path, name: str, count: int, durability: Durability
) -> None:
    engine: Engine = ENGINES[name](tmp_path / "data", durability)
    try:
        epoch = engine.claim("broker")
        row = bytes(200 * count)
        assert benchmark(lambda: engine.append("broker", epoch, row))
    finally:
        engine.close()
