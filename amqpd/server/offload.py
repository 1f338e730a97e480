"""Runs slow functions in worker threads; their results come back in a turn of the broker's thread.

A commit goes this way, so the way there and back is part of every confirm: threads that wait for work make it half as
long as `trio.to_thread`, whose tasks are scheduled once more on either side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

import trio

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Offload
from amqpd.log import get_logger

log = get_logger(__name__)

T = TypeVar("T")

AT_ONCE: Final = 40
"""Threads at most: many passwords may be checked beside a commit. They are started as they are needed."""


class Threads(Offload):
    """For the broker of one running server. `start` gives it the nursery and what to do after a result."""

    def __init__(self) -> None:
        self._token: trio.lowlevel.TrioToken | None = None
        self._end_turn: Callable[[], object] = lambda: None
        self._under_way = 0
        self._stopping = False
        self._all_back = trio.Event()

    def start(self, nursery: trio.Nursery, end_turn: Callable[[], object]) -> None:
        """Be ready to run functions. The nursery does not end before those that run have."""
        self._token = trio.lowlevel.current_trio_token()
        self._end_turn = end_turn
        self._workers = ThreadPoolExecutor(AT_ONCE, "amqpd")
        nursery.start_soon(self._finish)

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        if self._token is None:
            raise RuntimeError("start() comes before run()")
        if not self._stopping:  # or nobody learns what became of it, as of what is under way when a process ends
            self._under_way += 1
            self._workers.submit(self._work, self._token, function, pending)
        return pending

    def _work(self, token: trio.lowlevel.TrioToken, function: Callable[[], T], pending: Pending[T]) -> None:
        """In a worker thread."""
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  # whoever asked raises it
            failure = error
            tell = lambda: pending.fail(failure)  # noqa: E731
        else:
            tell = lambda: pending.settle(result)  # noqa: E731
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(self._back, tell)

    def _back(self, tell: Callable[[], None]) -> None:
        self._under_way -= 1
        try:
            tell()
            self._end_turn()
        except Exception:  # a defect must cost this result, not the broker
            log.exception("internal error in what follows a result")
        if not self._under_way:
            self._all_back.set()

    async def _finish(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._stopping = True
            if self._under_way:
                self._all_back = trio.Event()
                with trio.CancelScope(shield=True):
                    await self._all_back.wait()
            self._workers.shutdown()
