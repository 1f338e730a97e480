"""What all queues share: their names and bindings, who consumes from them, and how long they live.

A queue is passive: no task, no lock. It acts when a message is published, when a consumer becomes able, and when one of
its timers runs. It doesn't know connections, permissions or routing. How messages are kept and handed out is a matter
of the queue types, which override what is left open here.

Invariant of all types: while a message waits that a consumer may have, no consumer is able, unless the queue is paused
or a resumption of it is on the work list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import attrs

from amqpd.broker.compat import Compat
from amqpd.broker.consumers import Consumer, Consumers
from amqpd.broker.destination import Destination
from amqpd.broker.message import Account, Message
from amqpd.broker.pending import Pending
from amqpd.broker.queue_counts import QueueTally
from amqpd.broker.returns import LOST, Return, ReturnWork, give_back
from amqpd.broker.timers import Timer, Timers
from amqpd.broker.weights import NOTHING, Weight
from amqpd.broker.work import Work, WorkList
from amqpd.clock import Clock
from amqpd.errors import NotImplementedHere
from amqpd.fields import EMPTY, Table

if TYPE_CHECKING:
    from amqpd.broker.at_least_once import Attempt
    from amqpd.broker.bindings import Binding
    from amqpd.broker.packed_run import Run
    from amqpd.broker.paged_run import PagedRun
    from amqpd.broker.ports import Journal, Spill
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.broker.session import Session
    from amqpd.broker.settings import Settings
    from amqpd.broker.unacked import Delivery

ACCEPTED: Final = 0
"""The queue keeps the message, or has delivered it."""
REJECTED: Final = 1
"""The queue is full and its overflow rule refuses new messages: the publisher gets a nack."""

SLICE: Final = 256
"""Messages that a queue hands out or takes back in one go before others get their turn."""


@attrs.frozen
class Declaration:
    """What a client declared."""

    name: str
    arguments: Table = EMPTY
    durable: bool = False
    auto_delete: bool = False
    owner: Session | None = None
    id: int = 0


@attrs.frozen
class Means:
    """What queues need of their broker."""

    compat: Compat
    account: Account
    timers: Timers
    work: WorkList
    clock: Clock
    journal: Journal


class Queue(Destination):
    """One queue of a vhost."""

    __slots__ = (
        "_account",
        "_expiry_timer",
        "_had_consumer",
        "_timers",
        "_work",
        "acked",
        "arguments",
        "auto_delete",
        "bindings",
        "consumers",
        "deleted",
        "durable",
        "exclusive_consumer",
        "id",
        "name",
        "on_death",
        "on_expiry",
        "owner",
        "returning",
        "settings",
        "tally",
        "type",
        "unacked",
    )

    kind: ClassVar[str] = "queue"

    def __init__(self, type_: type[QueueType], declared: Declaration, settings: Settings, means: Means) -> None:
        self.name = declared.name
        self.id = declared.id
        """What names it in storage, for ever; 0: it isn't durable, or exclusive."""
        self.type = type_
        self.durable = declared.durable
        self.auto_delete = declared.auto_delete
        self.owner = declared.owner
        """The connection that an exclusive queue belongs to."""
        self.arguments = declared.arguments
        self.settings = settings
        """What its arguments and policies ask for; `configure` changes it."""
        self.unacked = 0
        self.acked = 0
        """How many its clients acknowledged; who settles adds them up."""
        self.tally: QueueTally | None = None
        """What else has happened to its messages, once something has."""
        self.returning = 0
        """Messages on their way back, counted as if they were ready."""
        self.consumers = Consumers()
        self.exclusive_consumer: Consumer | None = None
        self.bindings: dict[Binding, None] = {}
        self.deleted = False
        self.on_expiry: OnExpiry | None = None
        self.on_death: OnDeath | None = None
        self._account = means.account
        self._timers = means.timers
        self._work = means.work
        self._had_consumer = False
        self._expiry_timer: Timer | None = None

    # -- messages: what the types decide -------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        """Take a new message; return ACCEPTED or REJECTED."""
        raise NotImplementedError

    def get(self) -> Message | None:
        """Remove the head for a basic.get, or None while the queue is empty or paused. The caller settles it."""
        raise NotImplementedError

    def settle(self, message: Message) -> None:
        """An unsettled message is done with."""
        raise NotImplementedError

    def reject(self, message: Message) -> None:
        """An unsettled message is refused for good: it is dead-lettered, or dropped."""
        raise NotImplementedError

    def put_back(self, message: Message, cause: int = LOST) -> None:
        """Take back an unsettled message; `cause` is one of those in `returns`."""
        raise NotImplementedError

    def resume(self) -> None:
        """Hand out what waits, now that a consumer may be able to take it: one slice here, the rest as work."""
        raise NotImplementedError

    def purge(self) -> int:
        """Drop all ready messages; return how many."""
        raise NotImplementedError

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        """Up to `limit` ready messages in delivery order after the first `offset`, without removing any."""
        raise NotImplementedError

    def complete(self, message: Message) -> Message:
        """A delivered message with its body, if that is still there."""
        return message

    def head(self) -> Message | None:
        """Its first ready message, for a look; None where there is none, or its type doesn't look at single ones."""
        return None

    @property
    def message_count(self) -> int:
        """Ready messages, those on their way back included."""
        raise NotImplementedError

    @property
    def paged(self) -> int:
        """Ready messages that are on disk and not in memory."""
        return 0

    def weight(self) -> Weight:
        """What its ready messages are together; nothing where its type doesn't know that."""
        return NOTHING

    @property
    def delayed(self) -> int:
        """Messages that came back and wait for their next try: neither ready nor out."""
        return 0

    @property
    def dying(self) -> int:
        """Messages that are dead and stay until their dead letters have arrived: neither ready nor out."""
        return 0

    def dying_weight(self) -> Weight:
        """What those are together."""
        return NOTHING

    @property
    def delivery_limit(self) -> float | None:
        """After how many failed deliveries a message dies; None: after no number of them."""
        return None

    def unweighed(self) -> list[Run | PagedRun]:
        """Runs of waiting messages that have never been weighed: who asks them one by one makes `weight` cheap."""
        return []

    @property
    def last_number(self) -> int:
        """How many numbers it has given to messages, before a restart included."""
        raise NotImplementedError

    def counting(self) -> QueueTally:
        """Where to count what happens to single messages."""
        tally = self.tally
        if tally is None:
            tally = self.tally = QueueTally()
        return tally

    def refuses(self, message: Message) -> bool:
        """Whether `publish` would reject this message now."""
        return False

    # -- single ready messages, by their number: a type that keeps a log has none to give away -------------------------

    def find(self, number: int) -> Message | None:
        """One message, left in place, or None if it isn't ready. Raises NotImplementedHere."""
        raise self._indivisible()

    def remove(self, number: int) -> Message | None:
        """Take one message out for good, or return None if it isn't ready. Raises NotImplementedHere."""
        raise self._indivisible()

    def page_out(self, spill: Spill, account: Account, most: int) -> None:
        """Move the contents of about so many runs of waiting messages out of memory. Raises OSError; what could not be
        written stays.
        """

    def numbers(self) -> Iterator[int]:
        """Those of all ready messages, in delivery order. It stays valid, but messages may have gone by the time that
        theirs comes up. Raises NotImplementedHere.
        """
        raise self._indivisible()

    def buried(self, message: Message) -> None:
        """The dead letter of a message that left was published, or nobody wanted it."""

    def restore(self, run: Run) -> None:
        """Take messages that the queue held before a restart, in any order of runs, until `restored`."""

    def restored(self, last_number: int) -> None:
        """The queue has everything again; `last_number` is the highest that it ever gave."""

    def delivered_up_to(self) -> int:
        """The highest number of which it is certain that all up to it were delivered, or are gone."""
        return 0

    # -- messages on their way back: nothing to wait for unless a type keeps their places ------------------------------

    def put_back_all(self, messages: list[Message]) -> None:
        """Take back many, in the order of their numbers; consumers get them once all are in place."""
        deliveries: list[Delivery] = [(message, self, None) for message in messages]
        if len(messages) <= SLICE:
            give_back(deliveries)
        else:
            self._work.add(Return(deliveries, {self: len(messages)}))

    def expect_return(self, work: ReturnWork, count: int) -> None:
        """Messages are on their way back: they count if it is known how many, and nothing is handed out before."""

    def take_back(self, message: Message, cause: int = LOST) -> None:
        """One of the messages that were expected."""
        self.put_back(message, cause)

    def returned(self, work: ReturnWork) -> None:
        """All of them are in place."""
        self.resume()

    def in_place(self) -> Pending[None] | None:
        """A Pending for the moment when nothing is on its way back; None: nothing is."""
        return None

    # -- retries -----------------------------------------------------------------------------------------------------

    def retry_delayed(self) -> int:
        """Let all messages be ready that wait for their next try; return how many."""
        return 0

    # -- settings --------------------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Arguments and policies ask for something else from now on: it takes effect at once."""
        before, self.settings = self.settings, settings
        if settings.expires != before.expires:
            self._timers.cancel(self._expiry_timer)
            self._expiry_timer = None
            self.renew_lease()
        if settings.consumer_timeout != before.consumer_timeout:
            for consumer in self.consumers.members():
                consumer.timeout_changed()

    # -- consumers -------------------------------------------------------------------------------------------------

    @property
    def consumer_count(self) -> int:
        """What declare-ok tells."""
        return len(self.consumers)

    def add_consumer(self, consumer: Consumer) -> None:
        """Register it; it gets nothing before the next `resume`."""
        self.consumers.add(consumer)
        self._had_consumer = True
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        self._timers.cancel(self._expiry_timer)
        self._expiry_timer = None

    def remove_consumer(self, consumer: Consumer) -> bool:
        """Forget it; return whether the queue is auto-delete and that was its last consumer."""
        was_active = self.consumers.single and self.consumers.active is consumer
        self.consumers.remove(consumer)
        if was_active:
            self._active_left()
        if self.exclusive_consumer is consumer:
            self.exclusive_consumer = None
        if len(self.consumers) == 0:
            self.renew_lease()
        return self.unused_auto_delete

    @property
    def unused_auto_delete(self) -> bool:
        """Whether it is auto-delete, had a consumer, has none and still exists."""
        return self.auto_delete and self._had_consumer and not self.deleted and len(self.consumers) == 0

    # -- pausing ---------------------------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether it hands out nothing; what is published waits, expires and counts against the limits as ever."""
        return self.consumers.paused

    def pause(self) -> None:
        """Hand out nothing until `unpause`. What is out already may be settled or given back."""
        self.consumers.paused = True

    def unpause(self) -> None:
        """Hand out what waits, and go on."""
        self.consumers.paused = False
        self.resume()

    # -- life ------------------------------------------------------------------------------------------------------

    def renew_lease(self) -> None:
        """Start the expiry period anew: the queue was used (declare, get, last consumer gone)."""
        expires = self.settings.expires
        if expires is None or self.deleted or len(self.consumers):
            return
        self._timers.cancel(self._expiry_timer)
        self._expiry_timer = self._timers.after(expires / 1000, self._lease_ended)

    def redeclared(self) -> None:
        """A client declared it again."""
        self.renew_lease()

    def delete(self) -> int:
        """Drop everything and tell the consumers; return how many messages were ready. Bindings are the vhost's
        matter.
        """
        count = self.message_count
        self.deleted = True
        self._timers.cancel(self._expiry_timer)
        self._discard()
        # By tag, as a channel of RabbitMQ's tells its client.
        for consumer in sorted(self.consumers.members(), key=_tag):
            self.consumers.remove(consumer)
            consumer.cancelled()
        return count

    # -- inside ----------------------------------------------------------------------------------------------------

    def _indivisible(self) -> NotImplementedHere:
        return NotImplementedHere(f"messages of {self.type.name} queue '{self.name}' can't be taken out one by one")

    def _active_left(self) -> None:
        """The single active consumer is gone."""

    def _discard(self) -> None:
        """The queue is deleted: free what it holds and stop what it waits for."""
        raise NotImplementedError

    def _lease_ended(self) -> None:
        self._expiry_timer = None
        if self.on_expiry is not None:
            self.on_expiry.queue_expired(self)

    def _resume_later(self) -> None:
        """Go on handing out messages as work."""
        self._work.add(Resume(self))

    def resume_step(self, budget: int) -> bool:
        """One more slice on behalf of the work list; return whether there is more to do."""
        raise NotImplementedError


OnDeath: TypeAlias = "Callable[[Queue, Message, str, Attempt | None], None]"
"""Who dead-letters a message: its queue, itself, why it died, and the attempt of who keeps it until it has arrived."""


class OnExpiry:
    """Port: who deletes a queue that nobody used."""

    __slots__ = ()

    def queue_expired(self, queue: Queue) -> None:
        raise NotImplementedError


class Resume(Work):
    """Feeds the consumers of a deep queue slice by slice."""

    __slots__ = ("_queue",)

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def step(self, budget: int) -> bool:
        return self._queue.resume_step(budget)


def _tag(consumer: Consumer) -> bytes:
    return consumer.tag.encode("utf-8", "surrogateescape")
