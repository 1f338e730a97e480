"""An open transaction of one channel: publishes and settlements that take effect together, or not at all.

Routing was decided at publish time, as the names of queues; nothing has reached a queue before the commit, and it gets
what exists under these names then. What was settled is kept aside: a rollback makes it outstanding again under its old
tag, without a redelivery.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from amqpd.broker.message import Account, Message
from amqpd.broker.unacked import Delivery
from amqpd.broker.vhost import Addresses


class Publish(NamedTuple):
    """A publish that waits for the commit."""

    message: Message
    addresses: Addresses
    mandatory: bool


class Settlement(NamedTuple):
    """A settlement that waits for the commit."""

    tag: int
    delivery: Delivery
    settle: Callable[..., None]
    """What the commit does with it, as a function of the channel and a list of deliveries."""


class Transaction:
    """What the next commit will do, in order."""

    __slots__ = ("_account", "publishes", "settlements")

    def __init__(self, account: Account) -> None:
        self._account = account
        self.publishes: list[Publish] = []
        self.settlements: list[Settlement] = []

    def publish(self, message: Message, addresses: Addresses, mandatory: bool) -> None:
        """Keep a publish for the commit; it counts as held."""
        self._account.hold(message)
        self.publishes.append(Publish(message, addresses, mandatory))

    def take(self) -> tuple[list[Publish], list[Settlement]]:
        """Remove and return everything: a new transaction begins."""
        publishes, self.publishes = self.publishes, []
        for publish in publishes:
            self._account.release(publish.message)
        settlements, self.settlements = self.settlements, []
        return publishes, settlements

    def roll_back(self) -> dict[int, Delivery]:
        """Drop the publishes; return what is outstanding again, by tag."""
        _, settlements = self.take()
        return {each.tag: each.delivery for each in settlements}
