"""`amqpd serve` on the append-only engine, which no setting offers: for this test, in small segments.

python -m tests.crash.appendlog_broker serve --port 0 --data-dir D --durability fsync
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import Final

import trio

from amqpd import log
from amqpd.app import SPILL, make_node, serve_node
from amqpd.application import controlled
from amqpd.clock import SystemClock
from amqpd.config import Config, load
from amqpd.server.offload import Threads
from amqpd.server.server import listening_on
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.engine import Durability
from amqpd.storage.journal import EngineJournal
from amqpd.storage.spill import SpillFiles

SEGMENT: Final = 256 * 1024


async def _serve(config: Config, engine: AppendLogEngine, spill: SpillFiles) -> None:
    storage = EngineJournal(engine, SystemClock(), spill)
    node = make_node(config, storage=storage, offload=Threads())
    async with serve_node(node, config, storage) as server, controlled(server, config, storage):
        with trio.open_signal_receiver(signal.SIGTERM) as received:
            told = log.get_logger("amqpd.crash")
            told.info(f"listening on {listening_on(server.addresses)}")
            told.info("Server startup complete")
            await anext(received)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--port")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--durability", type=Durability, required=True)
    parser.add_argument("--control-socket", type=Path)
    parser.add_argument("--memory-paging-ratio")
    options = parser.parse_args()
    log.configure("info", "console")
    engine = AppendLogEngine(options.data_dir, options.durability, segment=SEGMENT)
    flags = {
        "port": options.port,
        "control_socket": options.control_socket,
        "memory.paging_ratio": options.memory_paging_ratio,
    }
    trio.run(_serve, load(None, os.environ, flags), engine, SpillFiles(options.data_dir / SPILL))


if __name__ == "__main__":
    main()
