"""A journal that is never done at once: every operation that may wait, waits for a turn.

Nothing may depend on a result being there immediately; running a test suite on this journal proves it.
"""

from __future__ import annotations

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from amqpd.broker.work import Call, WorkList


class DelayedJournal(Journal):
    """Keeps nothing, and says so one turn later."""

    def __init__(self) -> None:
        self.immediate = False
        self._work: WorkList | None = None

    def attach(self, work: WorkList) -> None:
        self._work = work

    def definitions_durable(self) -> Pending[None] | None:
        return self._later()

    def messages_durable(self) -> Pending[None] | None:
        return self._later()

    def _later(self) -> Pending[None]:
        if self._work is None:
            raise RuntimeError("attach() comes before the first operation")
        pending: Pending[None] = Pending()
        self._work.add(Call(lambda: pending.settle(None)))
        return pending
