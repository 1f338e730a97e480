"""Positions of consumers with a name that outlive the broker.

Each is kept as a message of the stream's own account: the newest one of a name holds its offset, so whatever keeps
messages of queues keeps positions. What changes often before a commit is recorded once, when it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.message import Account, Message
from amqpd.properties import EMPTY

if TYPE_CHECKING:
    from amqpd.broker.stream.store import ChunkStore

OCTETS: Final = 8
"""Of an offset."""


def positioned(name: str, offset: int, number: int) -> Message:
    """The message that keeps a position."""
    message = Message("", name, EMPTY, offset.to_bytes(OCTETS))
    message.number = number
    return message


def position_of(message: Message) -> int:
    """The offset in it."""
    return int.from_bytes(message.body)


class KeptPositions(dict[str, int]):
    """Name -> the offset at which the next consumer of that name begins."""

    def __init__(self, account: Account, store: ChunkStore) -> None:
        super().__init__()
        self._account = account
        self._store = store
        store.on_commit = self._record
        self._messages: dict[str, Message] = {}
        self._changed: dict[str, None] = {}
        self.last_number = 0
        """The highest number that a message ever had."""

    def __setitem__(self, name: str, offset: int) -> None:
        super().__setitem__(name, offset)
        if not self._changed:
            self._store.changed()
        self._changed[name] = None

    def clear(self) -> None:
        super().clear()
        for message in self._messages.values():
            self._account.release(message)
        self._messages.clear()

    def restore(self, message: Message) -> None:
        """One that was kept over a restart."""
        name = message.routing_key
        super().__setitem__(name, position_of(message))
        self._messages[name] = message
        self._account.restore(message)

    def _record(self) -> None:
        changed, self._changed = self._changed, {}
        for name in changed:
            if name not in self:
                continue  # the stream was deleted
            before = self._messages.get(name)
            self.last_number += 1
            message = self._messages[name] = positioned(name, self[name], self.last_number)
            self._account.hold(message)
            if before is not None:
                self._account.release(before)
