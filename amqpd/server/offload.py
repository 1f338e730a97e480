"""Runs slow functions in a worker thread; their results come back in a turn of the broker's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Offload

T = TypeVar("T")


class Threads(Offload):
    """For the broker of one running server. `start` gives it the nursery and what to do after a result."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._end_turn: Callable[[], object] = lambda: None

    def start(self, nursery: trio.Nursery, end_turn: Callable[[], object]) -> None:
        """Be ready to run functions."""
        self._nursery = nursery
        self._end_turn = end_turn

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        if self._nursery is None:
            raise RuntimeError("start() comes before run()")
        self._nursery.start_soon(self._run, function, pending)
        return pending

    async def _run(self, function: Callable[[], T], pending: Pending[T]) -> None:
        try:
            result = await trio.to_thread.run_sync(function)
        except Exception as error:  # noqa: BLE001  # whoever asked raises it
            pending.fail(error)
        else:
            pending.settle(result)
        self._end_turn()
