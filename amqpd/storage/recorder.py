"""Collects what queues tell of their messages, for the commit that comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from amqpd.broker.message import Message
from amqpd.storage.batch import NO_DEADLINE
from amqpd.storage.commit import Commit
from amqpd.storage.contents import content_of

if TYPE_CHECKING:
    from amqpd.clock import Clock
    from amqpd.storage.recording import RecordingAccount


class Recorder:
    """The way of a message into a batch: every persistent message of a durable queue passes here twice."""

    __slots__ = ("_begun", "_clock", "commit", "stopped")

    def __init__(self, clock: Clock, begun: Callable[[], None]) -> None:
        """`begun` is called when a queue tells its first change to a commit: it may be told several times."""
        self._clock = clock
        self._begun = begun
        self.commit = Commit()
        """The next one. Whoever takes it away leaves a new one."""
        self.stopped = False
        """True once nothing can be recorded any more."""

    def published(self, account: RecordingAccount, message: Message) -> None:
        """A queue keeps a message."""
        if self.stopped:
            return
        deadline = NO_DEADLINE
        if message.deadline is not None:
            deadline = round((message.deadline - self._clock.monotonic() + self._clock.wall()) * 1000)
        self._touch(account)
        # What came back to one of its queues is no longer what the others have.
        trail = message.trail
        shared = None if trail is not None and trail.returns else message.sharing
        self.commit.batch.publish(account.number, message.number, content_of(message), deadline, shared)

    def settled(self, account: RecordingAccount, number: int) -> None:
        """A message has left its queue for good."""
        if not self.stopped:
            self._touch(account)
            self.commit.batch.settle(account.number, number)

    def purged(self, account: RecordingAccount, ranges: Iterable[tuple[int, int]]) -> None:
        """The messages of these ranges have left their queue for good; not all of them need be on record."""
        if not self.stopped:
            self._touch(account)
            for first, last in ranges:
                self.commit.batch.settle_range(account.number, first, last)

    def returned(self, account: RecordingAccount, number: int, failures: int) -> None:
        """A message came back, where failures are counted."""
        if not self.stopped:
            self._touch(account)
            self.commit.batch.give_back(account.number, number, failures)

    def handed_out(self, account: RecordingAccount) -> None:
        """A queue handed messages out."""
        if not self.stopped:
            self._touch(account)

    def _touch(self, account: RecordingAccount) -> None:
        touched = self.commit.touched
        if account.number not in touched:
            touched[account.number] = account
            self._begun()
