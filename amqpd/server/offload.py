"""Runs slow functions in worker threads; their results come back in a turn of the broker's thread.

A commit goes this way, so the way there and back is part of every confirm. Threads that wait for work make it half as
long as `trio.to_thread`, whose tasks are scheduled once more on either side; a bare queue is shorter than an executor,
whose futures have locks of their own, by some 7 us.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final, TypeVar

import trio

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline, Offload
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
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        """What the threads are to do; None ends one of them."""
        self._threads = 0
        self._under_way = 0
        self._stopping = False
        self._all_back = trio.Event()

    def start(self, nursery: trio.Nursery, end_turn: Callable[[], object]) -> None:
        """Be ready to run functions. The nursery does not end before those that run have."""
        self._token = trio.lowlevel.current_trio_token()
        self._end_turn = end_turn
        nursery.start_soon(self._finish)

    def run(self, function: Callable[[], T]) -> Pending[T]:
        token = self._token
        if token is None:  # nobody is served yet whom it could hold up
            return Inline().run(function)
        pending: Pending[T] = Pending()
        if not self._stopping:  # or nobody learns what became of it, as of what is under way when a process ends
            self._under_way += 1
            self._tasks.put(lambda: self._do(token, function, pending))
            if self._threads < min(self._under_way, AT_ONCE):
                self._threads += 1
                Thread(target=self._work, name=f"amqpd-{self._threads}").start()
        return pending

    def _work(self) -> None:
        """All that one thread does."""
        while (task := self._tasks.get()) is not None:
            task()

    def _do(self, token: trio.lowlevel.TrioToken, function: Callable[[], T], pending: Pending[T]) -> None:
        """In one of the threads."""
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
            for _ in range(self._threads):
                self._tasks.put(None)
