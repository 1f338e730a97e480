"""Queues that hold one message of each x-deduplication-header at most: a second one is dropped while the first is
there, ready or unacknowledged.

A message holds its key for as long as it is in the queue's account, and everything that ends its stay (ack, reject,
expiry, limits, purge, deletion) releases it there: no way out of the queue can be forgotten. Where a policy begins to
ask for it, messages that are there already hold no key. https://github.com/noxdafox/rabbitmq-message-deduplication
"""

from __future__ import annotations

from typing import ClassVar

from amqpd.broker.message import Account, Message
from amqpd.broker.queue_account import QueueAccount
from amqpd.broker.queue_work import Release
from amqpd.broker.seen_keys import DEDUPLICATION_HEADER, KEY_OCTETS, Key, key_of
from amqpd.properties import HEADERS


class KeyedAccount(QueueAccount):
    """The broker's account for one queue, which knows the keys of what it holds."""

    needs_each: ClassVar[bool] = True

    __slots__ = ("_freeing", "_holders")

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._holders: dict[Key, int] = {}
        """The enqueue number of the message that has the key."""
        self._freeing: list[Release] = []
        """Messages that have left already and are still held."""

    def is_duplicate(self, message: Message) -> bool:
        """Whether a message with the same key is in the queue."""
        key = _key(message)
        if key not in self._holders:
            return False
        for release in self._freeing:
            release.finish()
        self._freeing = []
        return key in self._holders

    def will_free(self, release: Release) -> None:
        """What this work frees is in the queue no more."""
        self._freeing = [*(each for each in self._freeing if each.left()), release]

    def ended(self) -> Account:
        """Nothing has a key any more. Return the account without keys."""
        self._account.charge(-KEY_OCTETS * len(self._holders))
        self._holders.clear()
        return self._account

    def hold(self, message: Message) -> None:
        super().hold(message)
        self._take(message)

    def restore(self, message: Message) -> None:
        super().restore(message)
        self._take(message)

    def release(self, message: Message) -> None:
        super().release(message)
        self._free(message)

    def forget(self, message: Message) -> None:
        super().forget(message)
        self._free(message)

    def die(self, message: Message) -> None:
        super().die(message)
        self._free(message)

    def renumber(self, message: Message, number: int) -> None:
        key = _key(message)
        if key is not None and self._holders.get(key) == message.number:
            self._holders[key] = number
        super().renumber(message, number)

    def _take(self, message: Message) -> None:
        key = _key(message)
        if key is not None:
            if key not in self._holders:
                self._account.charge(KEY_OCTETS)
            self._holders[key] = message.number

    def _free(self, message: Message) -> None:
        key = _key(message)
        if key is not None and self._holders.get(key) == message.number:
            del self._holders[key]
            self._account.charge(-KEY_OCTETS)


def _key(message: Message) -> Key | None:
    if not message.properties.flags & HEADERS:
        return None
    headers = message.properties.headers
    return None if headers is None else key_of(headers.peek(DEDUPLICATION_HEADER))
