"""What the broker asks of the world. Open to subclasses: fakes, fault injection and later engines implement these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import attrs

from amqpd.broker.pending import Pending
from amqpd.broker.work import WorkList
from amqpd.errors import InternalError

if TYPE_CHECKING:
    from amqpd.broker.definitions import Change
    from amqpd.broker.message import Account, Message
    from amqpd.broker.queue import Queue
    from amqpd.broker.stream.store import ChunkStore

T = TypeVar("T")


class JournalFailed(InternalError):
    """The disk has failed, and nothing is recorded any more."""


class Journal(ABC):
    """Makes things durable. It never blocks; what takes time is a Pending."""

    immediate: bool
    """True: whatever was recorded is as durable as it gets at once, and nobody needs to ask for each publish."""
    keeps_definitions: bool = False
    """Whether it wants to be told of changes of definitions."""

    def attach(self, work: WorkList) -> None:
        """The broker that uses this journal starts: its work list is where results of later turns are settled."""

    def define(self, change: Change) -> None:
        """Make a change of definitions durable, after all those before it; `definitions_durable` tells when it is.
        Called only where `keeps_definitions`.
        """

    def leaves(self, number: int) -> None:
        """The durable queue or exchange with this id is about to be deleted: what it gave to others until now is to be
        durable with them before it is gone. Called only where `keeps_definitions`.
        """

    def account_of(self, account: Account, number: int, *, all_messages: bool) -> Account:
        """The account that a durable queue or exchange with this id is to use: one that records what it holds, where
        that is kept.

        `all_messages`: whatever their delivery mode.
        """
        return account

    def chunks_of(self, stream: int) -> ChunkStore | None:
        """Where a stream with this id keeps its chunks; None: in memory alone."""
        return None

    @abstractmethod
    def definitions_durable(self) -> Pending[None] | None:
        """A Pending for the moment when all changes of definitions so far are durable; None: they are already."""

    @abstractmethod
    def messages_durable(self) -> Pending[None] | None:
        """The same for all messages published so far; a Pending that fails makes the publisher's confirm a nack."""


class MemoryJournal(Journal):
    """Keeps nothing: a confirm means that the message is in memory."""

    immediate = True

    def definitions_durable(self) -> Pending[None] | None:
        return None

    def messages_durable(self) -> Pending[None] | None:
        return None


class Block(ABC):
    """Octets that left memory."""

    @abstractmethod
    def read(self) -> bytes:
        """The octets again. Raises OSError, also where they are not what was written."""

    @abstractmethod
    def free(self) -> None:
        """They are not needed any more."""


class Spill(ABC):
    """Where octets go that memory has no room for. Nothing of it outlives the process."""

    @abstractmethod
    def keep(self, data: bytes) -> Block:
        """Write octets out. Raises OSError."""


class Offload(ABC):
    """Runs what is too slow for the broker's thread."""

    @abstractmethod
    def run(self, function: Callable[[], T]) -> Pending[T]:
        """Call `function` elsewhere; the Pending is settled on the broker's thread."""


class Inline(Offload):
    """Runs it here and now."""

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  # the caller of `result()` raises it
            pending.fail(error)
        else:
            pending.settle(result)
        return pending


class Randomness(ABC):
    """Where the names that the server makes up come from: real in production, seeded in tests."""

    @abstractmethod
    def octets(self, count: int) -> bytes:
        """Unpredictable octets."""


class Peer:
    """A client's connection, as the model sees it."""

    @abstractmethod
    def force_close(self, reason: str) -> None:
        """Close it with 320 CONNECTION_FORCED and this text."""

    @abstractmethod
    def alarm_changed(self) -> None:
        """Resource alarms were raised or cleared."""

    @abstractmethod
    def tracing_changed(self) -> None:
        """The firehose of its vhost was switched on or off."""

    @abstractmethod
    def holdings(self, queue: Queue) -> Iterator[Holding]:
        """What it has of a queue and has not settled, by channel, oldest first."""


@attrs.frozen
class Holding:
    """A delivery that its client has not settled."""

    message: Message
    channel: int
    delivery_tag: int
    consumer_tag: str | None
    """None: basic.get."""
