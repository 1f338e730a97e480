"""The account of one durable queue, or of a durable exchange that keeps messages, which tells the journal what begins
and ends its stay there.

Persistent messages are recorded, and in queues of some types all of them. A message that dies stays on record until its
dead letter is published, so that both become durable together. What is delivered and settled before its first commit
leaves no trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.message import Account, Message
from amqpd.broker.queue_account import QueueAccount
from amqpd.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amqpd.broker.packed_run import Run
    from amqpd.broker.queue import Queue
    from amqpd.storage.recorder import Recorder

class RecordingAccount(QueueAccount):
    """Stands between whoever keeps messages and the broker's account."""

    __slots__ = ("_all", "_known", "_recorder", "number", "queue")

    def __init__(self, account: Account, recorder: Recorder, number: int, *, all_messages: bool) -> None:
        """`number`: of the queue or exchange; `all_messages`: whatever their delivery mode."""
        super().__init__(account)
        self._recorder = recorder
        self.number = number
        """As the records name it."""
        self._all = all_messages
        self._known = False
        """Whether any message was ever recorded."""
        self.queue: Queue | None = None
        """None: an exchange's, which delivers nothing."""

    def opened(self, queue: Queue) -> None:
        self.queue = queue

    def hold(self, message: Message) -> None:
        self._account.hold(message)
        if self._all or message.properties.persistent:
            self._known = True
            self._recorder.published(self, message)

    def release(self, message: Message) -> None:
        self._account.release(message)
        self.buried(message)

    def die(self, message: Message) -> None:
        self._account.release(message)

    def buried(self, message: Message) -> None:
        if self._all or message.properties.persistent:
            self._recorder.settled(self, message.number)

    def purged(self, ranges: Iterable[tuple[int, int]]) -> None:
        if self._known:
            self._recorder.purged(self, ranges)

    def forget(self, message: Message) -> None:
        self._account.forget(message)

    def renumber(self, message: Message, number: int) -> None:
        recorded = self._all or message.properties.persistent
        if recorded:
            self._recorder.settled(self, message.number)
        message.number = number
        if recorded:
            self._recorder.published(self, message)

    def rewrite(self, message: Message, properties: Properties) -> None:
        self._account.rewrite(message, properties)
        trail = message.trail
        if trail is not None and trail.failures and (self._all or properties.persistent):
            self._recorder.returned(self, message.number, trail.failures)

    def handed_out(self) -> None:
        if self._known:
            self._recorder.handed_out(self)

    def restore(self, message: Message) -> None:
        self._known = True
        self._account.hold(message)

    def restore_run(self, run: Run) -> None:
        self._known = True
        self._account.restore_run(run)
