"""What an exchange type may use of its surroundings: one object per vhost, given to each router as it is made.

Whatever a type needs beyond its own bindings comes from here, so that none reads a clock, draws a random number or
finds a vhost by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from amqpd.errors import CommandInvalid, PreconditionFailed

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.exchange import Exchange, ExchangeType
    from amqpd.broker.message import Account, Message
    from amqpd.broker.ports import Journal, Randomness
    from amqpd.broker.timers import Timers
    from amqpd.broker.work import WorkList

ERLANG_WORDS: Final = frozenset(
    ("", "classic", "quorum", "stream", "rabbit", "ok", "error", "true", "false", "undefined", "plain", "amqplain")
)
"""Words that RabbitMQ's node knows as something else than an exchange type; it then says `invalid`, not `unknown`."""


class ExchangeContext:
    """The surroundings of the exchanges of one vhost."""

    __slots__ = ("account", "compat", "journal", "publish", "randomness", "timers", "types", "work")

    publish: Callable[[Exchange, Sequence[str], Message], None]
    """Publish a message to an exchange later than its route was asked for, with all its routing keys. The vhost sets
    it.
    """

    def __init__(
        self,
        compat: Compat,
        types: Mapping[str, type[ExchangeType]],
        *,
        account: Account,
        timers: Timers,
        work: WorkList,
        randomness: Randomness,
        journal: Journal,
    ) -> None:
        self.compat = compat
        self.types = types
        """All exchange types of the broker, by name."""
        self.account = account
        """Whoever keeps messages holds and releases them here."""
        self.timers = timers
        self.work = work
        self.randomness = randomness
        self.journal = journal

    def account_of(self, exchange: Exchange) -> Account:
        """The account for what waits in an exchange: one that records, where that is to survive a restart."""
        return self.journal.account_of(self.account, exchange.id, all_messages=True) if exchange.id else self.account

    def type_named(self, name: str) -> type[ExchangeType]:
        """An exchange type. Raises CommandInvalid or (since 3.13) PreconditionFailed for a name that is none."""
        type_ = self.types.get(name)
        if type_ is None:
            text = f"{'invalid' if name.lower() in ERLANG_WORDS else 'unknown'} exchange type '{name}'"
            closes_connection = self.compat.profile.unknown_exchange_type_closes_connection
            raise CommandInvalid(text) if closes_connection else PreconditionFailed(text)
        return type_
