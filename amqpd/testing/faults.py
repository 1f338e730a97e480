"""Faults on demand: what a network or a full machine does to a client, at the moment a test wants it."""

from __future__ import annotations

from collections.abc import Callable

from amqpd.broker.alarms import DISK, MEMORY
from amqpd.broker.definitions import Change
from amqpd.broker.message import Account
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from amqpd.broker.stream.store import ChunkStore
from amqpd.broker.work import WorkList
from amqpd.protocol.connection import Connection
from amqpd.server.server import Server


class ConfirmRefused(Exception):
    """Why a publish is nacked although its queues took it."""


class FaultyJournal(Journal):
    """Stands before another journal; confirms can be held back or refused."""

    def __init__(self, inner: Journal) -> None:
        self._inner = inner
        self._refusing = False
        self._holding = False
        self._held: list[Pending[None]] = []
        self.immediate = inner.immediate
        self.keeps_definitions = inner.keeps_definitions

    def attach(self, work: WorkList) -> None:
        self._inner.attach(work)

    def define(self, change: Change) -> None:
        self._inner.define(change)

    def leaves(self, number: int) -> None:
        self._inner.leaves(number)

    def account_of(self, account: Account, queue: int, *, all_messages: bool) -> Account:
        return self._inner.account_of(account, queue, all_messages=all_messages)

    def chunks_of(self, stream: int) -> ChunkStore | None:
        return self._inner.chunks_of(stream)

    def definitions_durable(self) -> Pending[None] | None:
        return self._inner.definitions_durable()

    def messages_durable(self) -> Pending[None] | None:
        if not self._refusing and not self._holding:
            return self._inner.messages_durable()
        pending: Pending[None] = Pending()
        if self._refusing:
            pending.fail(ConfirmRefused("confirms are refused on demand"))
        else:
            self._held.append(pending)
        return pending

    def hold(self) -> None:
        """Confirm nothing from now on."""
        self.immediate, self._holding, self._refusing = False, True, False

    def refuse(self) -> None:
        """Nack every publish from now on, and those that are held."""
        self.immediate, self._holding, self._refusing = False, False, True
        self._settle(lambda pending: pending.fail(ConfirmRefused("confirms are refused on demand")))

    def release(self) -> None:
        """Confirm as the journal behind does again, and those that are held now."""
        self.immediate, self._holding, self._refusing = self._inner.immediate, False, False
        self._settle(lambda pending: pending.settle(None))

    def _settle(self, settle: Callable[[Pending[None]], None]) -> None:
        held, self._held = self._held, []
        for pending in held:
            settle(pending)


class Faults:
    """The faults of one embedded broker. Connections are named as `broker.connections()` names them."""

    def __init__(
        self,
        server: Server,
        journal: FaultyJournal,
        settle: Callable[[], None],
        call: Callable[[Callable[[], None]], None],
    ) -> None:
        self._server = server
        self._journal = journal
        self._settle = settle
        self._run = call

    def drop(self, connection: str | None = None) -> None:
        """Cut a connection (all, if none is named) without a word. Raises LookupError for an unknown name."""
        self._each(connection, lambda each: each.abort())

    def close(self, connection: str | None = None, reason: str = "closed by a test") -> None:
        """Close a connection (all, if none is named) as an operator does, with 320 CONNECTION_FORCED and this text.

        Raises LookupError for an unknown name.
        """
        self._each(connection, lambda each: each.force_close(reason))

    def stall(self, connection: str | None = None) -> None:
        """Read nothing from a connection (all, if none is named) until `unstall`."""
        self._each(connection, lambda each: each.stall(True))

    def unstall(self, connection: str | None = None) -> None:
        """Read from a stalled connection again."""
        self._each(connection, lambda each: each.stall(False))

    def refuse_connections(self) -> None:
        """Close every new connection as it is accepted."""
        self._call(lambda: setattr(self._server, "accepting", False))

    def accept_connections(self) -> None:
        """Take new connections again."""
        self._call(lambda: setattr(self._server, "accepting", True))

    def delay_confirms(self) -> None:
        """Hold publisher confirms back until `release_confirms`."""
        self._call(self._journal.hold)

    def nack_confirms(self) -> None:
        """Answer every publish in confirm mode with a nack, held ones included, until `release_confirms`."""
        self._call(self._journal.refuse)

    def release_confirms(self) -> None:
        """Send the confirms that were held, and confirm at once again."""
        self._call(self._journal.release)

    def block(self, resource: str = MEMORY) -> None:
        """Raise the alarm of a resource, memory or disk: publishers get connection.blocked."""
        self._alarm(resource, short=True)

    def unblock(self, resource: str = MEMORY) -> None:
        """Clear it."""
        self._alarm(resource, short=False)

    def _alarm(self, resource: str, *, short: bool) -> None:
        if resource not in (MEMORY, DISK):
            raise ValueError(f"unknown resource {resource!r}: expected {MEMORY!r} or {DISK!r}")
        alarms = self._server.node.broker.alarms
        self._call(lambda: alarms.set(resource, "fault", short))

    def _each(self, name: str | None, act: Callable[[Connection], None]) -> None:
        def run() -> None:
            found = [each for each in self._server.node.connections if name is None or each.name == name]
            if not found and name is not None:
                known = ", ".join(each.name for each in self._server.node.connections) or "none"
                raise LookupError(f"no connection named {name!r}: expected one of {known}")
            for each in found:
                act(each)

        self._call(run)

    def _call(self, function: Callable[[], None]) -> None:
        def run() -> None:
            function()
            self._settle()

        self._run(run)
