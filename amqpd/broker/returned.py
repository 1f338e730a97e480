"""Messages that came back to their queue and wait to be delivered again: a heap of keys, of which any may be removed.

The smallest key is taken first. A removed key stays in the heap, never at its top, until removed ones are the majority.
"""

from __future__ import annotations

import heapq
from typing import Final

from amqpd.broker.message import Message

TIDY: Final = 64
"""Removed keys that may stay in any heap."""


class Returned:
    """What came back, taken in the order of the messages' numbers."""

    __slots__ = ("_messages", "_removed", "keys")

    def __init__(self) -> None:
        self.keys: list[int] = []
        """The heap; while it isn't empty, its first one is that of the next message."""
        self._messages: dict[int, Message] = {}
        self._removed: set[int] = set()

    def add(self, message: Message) -> None:
        """Keep a message until it is its turn."""
        self._add(message.number, message)

    def peek(self) -> Message:
        """What `pop` would return. Only while there are keys."""
        return self._messages[self.keys[0]]

    def pop(self) -> Message:
        """Remove and return the message that is taken first. Only while there are keys."""
        message = self._messages.pop(heapq.heappop(self.keys))
        if self._removed:
            self._tidy()
        return message

    def find(self, number: int) -> Message | None:
        """One message, left in place, or None if it isn't here."""
        return self._messages.get(number)

    def remove(self, number: int) -> Message | None:
        """Take one message out, or return None if it isn't here."""
        return self._remove(number)

    def in_order(self) -> list[tuple[int, Message]]:
        """Keys and messages, the next one first."""
        return sorted(self._messages.items())

    def messages(self) -> list[Message]:
        """All of them, in no order."""
        return list(self._messages.values())

    def _add(self, key: int, message: Message) -> None:
        self._messages[key] = message
        if key in self._removed:
            self._removed.remove(key)  # it is in the heap still
        else:
            heapq.heappush(self.keys, key)

    def _remove(self, key: int) -> Message | None:
        message = self._messages.pop(key, None)
        if message is not None:
            self._removed.add(key)
            self._tidy()
        return message

    def _tidy(self) -> None:
        keys, removed = self.keys, self._removed
        while keys and keys[0] in removed:
            removed.remove(heapq.heappop(keys))
        if len(removed) > TIDY and len(removed) * 2 > len(keys):
            self.keys = [each for each in keys if each not in removed]
            heapq.heapify(self.keys)
            removed.clear()


class InOrderOfReturn(Returned):
    """What came back, taken in the order in which it did and before anything else: its keys are below all numbers."""

    __slots__ = ("_keys", "_last")

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[int, int] = {}
        """The key by the message's number."""
        self._last = -(2**62)

    def add(self, message: Message) -> None:
        self._last = self._keys[message.number] = self._last + 1
        self._add(self._last, message)

    def pop(self) -> Message:
        message = super().pop()
        del self._keys[message.number]
        return message

    def find(self, number: int) -> Message | None:
        key = self._keys.get(number)
        return None if key is None else self._messages[key]

    def remove(self, number: int) -> Message | None:
        key = self._keys.pop(number, None)
        return None if key is None else self._remove(key)
