"""The broker's account as one queue sees it, where somebody wants to know what happens to each message.

Everything that begins or ends a message's stay in a queue goes through its account. So whoever keeps a record of it
(the keys of a deduplicating queue, a journal) stands between the queue and the account, no way in or out can be
forgotten, and a queue that keeps no such record pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import Run
from amqpd.properties import Properties


class QueueAccount(Account):
    """Passes everything on; subclasses look at what passes."""

    __slots__ = ("_account",)

    def __init__(self, account: Account) -> None:
        self._account = account

    def charge(self, octets: int) -> None:
        self._account.charge(octets)

    def hold(self, message: Message) -> None:
        self._account.hold(message)

    def release(self, message: Message) -> None:
        self._account.release(message)

    def rewrite(self, message: Message, properties: Properties) -> None:
        self._account.rewrite(message, properties)

    def let_go(self, message: Message) -> None:
        self._account.let_go(message)

    def die(self, message: Message) -> None:
        self._account.die(message)

    def buried(self, message: Message) -> None:
        self._account.buried(message)

    def purged(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._account.purged(ranges)

    def forget(self, message: Message) -> None:
        self._account.forget(message)

    def renumber(self, message: Message, number: int) -> None:
        self._account.renumber(message, number)

    def handed_out(self) -> None:
        self._account.handed_out()

    def restore(self, message: Message) -> None:
        self._account.restore(message)

    def restore_run(self, run: Run) -> None:
        self._account.restore_run(run)
