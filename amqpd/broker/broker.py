"""The broker: virtual hosts, users, time, and the end of a turn.

A turn is one synchronous stretch: somebody's input is handled to completion, then `drain` does what was left for the
end of the turn and a bounded share of the long work. Between turns everything is consistent; nothing here waits.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from amqpd.broker import announce
from amqpd.broker.accepted_arguments import AcceptedArguments
from amqpd.broker.alarms import Alarms
from amqpd.broker.authentication.chain import Authentication, Link
from amqpd.broker.authentication.internal import InternalBackend
from amqpd.broker.authentication.port import Login
from amqpd.broker.capacities import Capacities
from amqpd.broker.compat import Compat
from amqpd.broker.dead_letter import DeadLetters
from amqpd.broker.events import INTERNAL, Events
from amqpd.broker.exchange import ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types import BUILT_IN
from amqpd.broker.message import Account
from amqpd.broker.node_limits import NodeLimits
from amqpd.broker.pending import Pending
from amqpd.broker.permissions import Access
from amqpd.broker.policies import Policies
from amqpd.broker.ports import Inline, Journal, MemoryJournal, Offload, Randomness
from amqpd.broker.queue import SLICE, Declaration, Means, Queue
from amqpd.broker.queue_arguments import CLASSIC
from amqpd.broker.queue_types import BUILT_IN as BUILT_IN_QUEUES
from amqpd.broker.queue_types.port import QueueType
from amqpd.broker.recording import Recorder
from amqpd.broker.reply_to import ReplyConsumer
from amqpd.broker.session import Session
from amqpd.broker.statistics import Statistics
from amqpd.broker.timers import Timers
from amqpd.broker.users import User
from amqpd.broker.vhost import DeleteQueues, VHost
from amqpd.broker.vhost_metadata import VHostMetadata
from amqpd.broker.work import WorkList
from amqpd.clock import Clock
from amqpd.log import get_logger

log = get_logger(__name__)

NAME_OCTETS: Final = 16


class Broker:
    """The root of the model. Everything in it belongs to one thread."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        *,
        compat: Compat | None = None,
        journal: Journal | None = None,
        offload: Offload | None = None,
        exchange_types: Iterable[type[ExchangeType]] = BUILT_IN,
        queue_types: Iterable[type[QueueType]] = BUILT_IN_QUEUES,
        default_queue_type: str = CLASSIC,
        relaxed_redeclare: bool = False,
        name: str = "amqpd@localhost",
    ) -> None:
        self.name = name
        self.clock = clock
        self.compat = compat or Compat.of()
        self.journal = journal or MemoryJournal()
        self.offload = offload or Inline()
        self.timers = Timers(clock)
        self.work = WorkList()
        self.journal.attach(self.work)
        self.account = Account()
        self._means = Means(self.compat, self.account, self.timers, self.work, clock, self.journal)
        self.statistics = Statistics()
        self.capacities = Capacities(self.timers)
        self.events = Events(clock)
        self.recorder = Recorder(self.journal)
        self.access = Access(self.events, self.recorder)
        self.alarms = Alarms()
        self.alarms.on_change = self._alarm_changed
        self.vhosts: dict[str, VHost] = {}
        self.sessions: dict[Session, None] = {}
        self.global_parameters: dict[str, object] = {}
        """What operators keep here for themselves and their tools, as JSON has it."""
        self.reply_consumers: dict[str, ReplyConsumer] = {}
        self.exchange_types = {
            each.name: each for each in exchange_types if self.compat.offers(each.name, each.extension)
        }
        self.queue_types = {each.name: each for each in queue_types}
        self.default_queue_type = self.known_queue_type(default_queue_type)
        """Of queues that ask for none, in vhosts that say nothing either."""
        self.relaxed_redeclare = relaxed_redeclare
        """Whether a quorum queue may be declared again as a classic one, whatever else differs."""
        self.limits = NodeLimits()
        self._randomness = randomness
        self.queue_arguments = AcceptedArguments(self.compat, self.queue_types)
        self._started = int(clock.wall())
        self._pids = itertools.count(1)
        self._short: tuple[str, ...] = ()
        """Resources that an alarm was told for."""
        self.internal_users = InternalBackend(self.access.users, clock)
        own = Link(self.internal_users, self.internal_users)
        self.authentication = Authentication([own], self.offload, self.timers, clock)
        self._turn_end: list[Callable[[], None]] = []

    # -- turns -----------------------------------------------------------------------------------------------------

    def at_turn_end(self, function: Callable[[], None]) -> None:
        """Call once at the end of this turn: confirms of a channel, an auto-delete that follows its reply."""
        self._turn_end.append(function)

    def drain(self, budget: int = 512) -> bool:
        """End a turn: run what was left for now and a share of the long work; return whether work is left."""
        self._finish_turn()
        if not len(self.work):
            return False
        more = self.work.run(budget)
        self._finish_turn()
        return more

    def _finish_turn(self) -> None:
        while self._turn_end:
            functions, self._turn_end = self._turn_end, []
            for function in functions:
                try:
                    function()
                except Exception:  # a defect must not keep the others from ending their turn
                    log.exception("internal error at the end of a turn")

    # -- names -----------------------------------------------------------------------------------------------------

    def unique_name(self, prefix: str) -> str:
        """`prefix` and 22 characters that nobody can guess."""
        octets = self._randomness.octets(NAME_OCTETS)
        return prefix + base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")

    def next_pid(self) -> str:
        """What events call the next connection or channel: it looks like RabbitMQ's process ids and is never reused."""
        return f"<{self.name}.{self._started}.{next(self._pids)}.0>"

    def known_queue_type(self, name: str) -> str:
        """The same name. Raises ValueError if it is no queue type's."""
        if name not in self.queue_types:
            raise ValueError(f"unknown queue type {name!r}: expected one of {', '.join(self.queue_types)}")
        return name

    # -- vhosts, users, sessions -----------------------------------------------------------------------------------

    def add_vhost(self, name: str, *, default_queue_type: str | None = None, by: str = INTERNAL) -> VHost:
        """Create a virtual host with the predeclared exchanges, or return the one that exists, as it is.

        Raises ValueError for a default type of queues that is none.
        """
        if default_queue_type is not None:
            self.known_queue_type(default_queue_type)
        vhost = self.vhosts.get(name)
        if vhost is None:
            vhost = self.place_vhost(name, by)
            vhost.default_queue_type = default_queue_type
            self.recorder.vhost(vhost)
            if self.events.heard:
                announce.vhost_created(vhost, self.name, by)
            limits = self.limits.of_new_vhost(name)
            if limits is not None:
                self.limit_vhost(
                    vhost, max_connections=limits.max_connections, max_queues=limits.max_queues, by=by
                )
        return vhost

    def place_vhost(self, name: str, by: str = INTERNAL) -> VHost:
        """The same for one that was there before the broker was started: nothing is recorded."""
        context = ExchangeContext(
            self.compat,
            self.exchange_types,
            account=self.account,
            timers=self.timers,
            work=self.work,
            randomness=self._randomness,
            journal=self.journal,
        )
        means = self.events, self.recorder, self.statistics
        vhost = VHost(name, context, self.reply_consumers, self._make_queue, *means, by)
        vhost.dead_letters = deaths = DeadLetters(self, vhost)
        vhost.on_death = deaths.add
        self.vhosts[name] = vhost
        return vhost

    @contextmanager
    def dead_letters_held(self) -> Iterator[None]:
        """What dies inside the block is published at its end."""
        held = [vhost.dead_letters for vhost in self.vhosts.values() if vhost.dead_letters is not None]
        for each in held:
            each.hold()
        try:
            yield
        finally:
            for each in held:
                each.release()

    def set_default_queue_type(self, vhost: VHost, name: str | None) -> None:
        """Let queues that ask for no type have this one; None leaves it to the broker. Raises ValueError if it is no
        queue type's.
        """
        vhost.default_queue_type = None if name is None else self.known_queue_type(name)
        self.recorder.vhost(vhost)

    def describe_vhost(self, vhost: VHost, metadata: VHostMetadata) -> None:
        """Set what people say about a virtual host."""
        vhost.metadata = metadata
        self.recorder.vhost(vhost)

    def set_global_parameter(self, name: str, value: object, *, by: str = INTERNAL) -> None:
        """Create or replace a global parameter; `value` is as decoded from JSON."""
        self.global_parameters[name] = value
        self.recorder.global_parameter(name, value)
        if self.events.heard:
            announce.global_parameter_set(self.events, name, value, by)

    def clear_global_parameter(self, name: str, *, by: str = INTERNAL) -> None:
        """Remove a global parameter. Raises KeyError if there is none."""
        del self.global_parameters[name]
        self.recorder.global_parameter_gone(name)
        if self.events.heard:
            announce.global_parameter_cleared(self.events, name, by)

    def limit_vhost(
        self, vhost: VHost, *, max_connections: int | None = None, max_queues: int | None = None, by: str = INTERNAL
    ) -> None:
        """Set the limits of a virtual host; None is no limit."""
        vhost.max_connections, vhost.max_queues = max_connections, max_queues
        self.recorder.vhost(vhost)
        if self.events.heard:
            limits = {"max-connections": max_connections, "max-queues": max_queues}
            announce.vhost_limits(self.events, vhost.name, limits, by)

    def delete_vhost(self, name: str, *, by: str = INTERNAL) -> None:
        """Delete a virtual host with everything in it; its connections are closed. Raises KeyError if there is none."""
        vhost = self.vhosts.pop(name)
        self.recorder.leave_soon((*vhost.queues.values(), *vhost.exchanges.values()))
        self.access.forget_vhost(name, by=by)
        for session in list(vhost.sessions):
            session.peer.force_close(f"vhost '{name}' is deleted")
        for queue in list(vhost.queues.values()):
            vhost.delete_queue(queue, by)
        for exchange in list(vhost.exchanges.values()):
            if exchange.name not in vhost.exchanges:
                continue  # it was auto-delete, and went with another one
            if self.events.heard:
                announce.deleting_exchange(vhost, exchange.name, by, begins=True)
            vhost.delete_exchange(exchange, by)
            if self.events.heard:
                announce.deleting_exchange(vhost, exchange.name, by, begins=False)
        self.recorder.vhost_gone(vhost)
        if self.events.heard:
            announce.vhost_deleted(self.events, name, self.name, by)

    def add_user(self, user: User, *, by: str = INTERNAL) -> None:
        """Create or replace a user."""
        before = self.access.users.get(user.name)
        self.access.users[user.name] = user
        self.access.changed()
        self.recorder.user(user)
        if self.events.heard:
            announce.user_changed(self.events, before, user, by)

    def delete_user(self, name: str, *, by: str = INTERNAL) -> None:
        """Delete a user; its connections are closed. Raises KeyError if there is none."""
        del self.access.users[name]
        self.access.forget_user(name)
        self.recorder.user_gone(name)
        if self.events.heard:
            announce.user_deleted(self.events, name, by)
        for session in [each for each in self.sessions if each.user.name == name]:
            session.peer.force_close(f"user '{name}' is deleted")

    def check_password(self, name: str, password: bytes, origin: str = "") -> Pending[User | None]:
        """Find out whether a name and a password belong together; None, or a failure with LoginRefused: they don't."""
        return self.authentication.check(Login(name, password, origin))

    def check_token(self, token: bytes, origin: str = "") -> Pending[User | None]:
        """Find out whose token this is (HTTP's `Authorization: Bearer`); None, or LoginRefused: nobody's."""
        return self.authentication.check(Login(None, token, origin))

    def hash_new_passwords(self, algorithm: str) -> None:
        """Choose how they are stored from now on."""
        self.authentication.hashing = algorithm
        self.internal_users.nobody = User.with_password("", self.unique_name(""), algorithm=algorithm)

    def add_session(self, session: Session) -> None:
        self.statistics.connections_opened += 1
        self.sessions[session] = None
        session.vhost.sessions[session] = None

    def end_session(self, session: Session) -> Pending[None] | None:
        """The connection is gone, and its exclusive queues with it: now, or (a Pending) in slices if they are many."""
        if self.sessions.pop(session, self) is None:
            self.statistics.connections_closed += 1
        session.vhost.sessions.pop(session, None)
        work = DeleteQueues(session.vhost, list(session.exclusive_queues))
        if not work.step(SLICE):
            return None
        self.work.add(work)
        return work.done

    # -- inside ----------------------------------------------------------------------------------------------------

    def _make_queue(self, declared: Declaration, policies: Policies) -> Queue:
        accepted = self.queue_arguments.read(declared.arguments)
        queue_type = accepted.queue_type
        definition = policies.of_queue(declared.name, queue_type).definition
        settings = self.queue_arguments.merge(accepted, definition)
        declared = Declaration(
            declared.name, accepted.arguments, declared.durable, declared.auto_delete, declared.owner, declared.id
        )
        means = self._means
        if declared.id and queue_type.journaled:
            account = self.journal.account_of(self.account, declared.id, all_messages=queue_type.persists_all)
            means = attrs.evolve(means, account=account)
        queue = queue_type.create(declared, settings, means)
        means.account.opened(queue)
        return queue

    def _alarm_changed(self) -> None:
        before, self._short = self._short, self.alarms.reasons
        for resource in sorted({*before, *self._short}):
            short = resource in self._short
            if (resource in before) is short:
                continue
            if short:
                log.warning(f"{resource} alarm raised: publishers are blocked", resource=resource)
            else:
                log.info(f"{resource} alarm cleared", resource=resource)
            if self.events.heard:
                announce.alarm(self.events, resource, self.name, short=short)
        for session in list(self.sessions):
            session.peer.alarm_changed()
