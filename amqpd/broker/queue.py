"""One queue: waiting messages, who consumes them, and how many are delivered but unsettled.

It is passive: no task, no lock. It acts when a message is published, when a consumer becomes able, and when one of
its two timers (message TTL at the head, queue expiry) runs. It doesn't know connections, permissions or routing.

Invariants: while messages are ready, no consumer is able, unless a resumption of this queue is on the work list; a
message is in exactly one of ready, unacked (held by a channel) or gone; `account` counts the first two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.consumers import Consumer, Consumers
from amqpd.broker.dead_letter import EXPIRED, MAXLEN
from amqpd.broker.dead_letter import REJECTED as DEAD_REJECTED
from amqpd.broker.expiry import HeadExpiry
from amqpd.broker.message import Account, Message
from amqpd.broker.overflow import REJECT_PUBLISH_DLX, Limits
from amqpd.broker.pending import Pending
from amqpd.broker.ready_list import ReadyList
from amqpd.broker.returns import Return, ReturnWork, give_back, with_queue
from amqpd.broker.timers import Timer, Timers
from amqpd.broker.work import Work, WorkList
from amqpd.fields import Table
from amqpd.properties import EXPIRATION

if TYPE_CHECKING:
    from amqpd.broker.bindings import Binding
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.broker.session import Session

ACCEPTED: Final = 0
"""The queue keeps the message, or has delivered it."""
REJECTED: Final = 1
"""The queue is full and its overflow rule refuses new messages: the publisher gets a nack."""

SLICE: Final = 256
"""Messages that a queue hands out or takes back in one go before others get their turn."""


class Queue:
    """A classic queue; other types override what they do otherwise."""

    __slots__ = (
        "_account",
        "_expiry_timer",
        "_had_consumer",
        "_heads",
        "_number",
        "_resuming",
        "_returns",
        "_timers",
        "_trimming",
        "_waiting",
        "_work",
        "arguments",
        "auto_delete",
        "bindings",
        "consumers",
        "dead_letter_exchange",
        "dead_letter_routing_key",
        "deleted",
        "durable",
        "exclusive_consumer",
        "expires_after",
        "limits",
        "message_ttl",
        "name",
        "on_death",
        "on_expiry",
        "owner",
        "ready",
        "returning",
        "type",
        "unacked",
    )

    kind: ClassVar[str] = "queue"

    def __init__(
        self,
        name: str,
        type_: type[QueueType],
        *,
        durable: bool,
        auto_delete: bool,
        owner: Session | None,
        arguments: Table,
        account: Account,
        timers: Timers,
        work: WorkList,
    ) -> None:
        self.name = name
        self.type = type_
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner
        """The connection that an exclusive queue belongs to."""
        self.arguments = arguments
        self.ready = ReadyList()
        self.unacked = 0
        self.returning = 0
        """Messages on their way back to `ready`, counted as if they were there."""
        self.consumers = Consumers()
        self.exclusive_consumer: Consumer | None = None
        self.bindings: dict[Binding, None] = {}
        self.deleted = False
        self.message_ttl: float | None = None
        """Seconds; the `expiration` of a message may shorten it."""
        self.expires_after: float | None = None
        """Seconds without use after which the queue goes."""
        self.limits: Limits | None = None
        self.dead_letter_exchange: str | None = None
        self.dead_letter_routing_key: str | None = None
        """None: a dead message keeps its own keys."""
        self.on_expiry: OnExpiry | None = None
        self.on_death: Callable[[Queue, Message, str], None] | None = None
        self._account = account
        self._timers = timers
        self._work = work
        self._number = 0
        self._had_consumer = False
        self._resuming = False
        self._trimming = False
        self._returns: list[ReturnWork] = []
        self._waiting: list[Pending[None]] = []
        self._heads: HeadExpiry | None = None
        """Set by the first message with a deadline: from then on, whatever becomes a head is watched."""
        self._expiry_timer: Timer | None = None

    # -- messages in -----------------------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        """Deliver a new message at once where a consumer can take it, else keep it; return ACCEPTED or REJECTED."""
        if self.limits is not None and self.limits.refuses(message, self.ready.count):
            return self._refuse(message)
        self._number = message.number = self._number + 1
        if self.message_ttl is not None or message.properties.flags & EXPIRATION:
            self._set_deadline(message)
        if not self.ready.count and not self._returns:
            consumer = self.consumers.next_able()
            if consumer is not None:
                if consumer.no_ack:
                    if message.sharing is not None:
                        self._account.let_go(message)
                else:
                    self._account.hold(message)
                    self.unacked += 1
                consumer.deliver(message)
                return ACCEPTED
        self._account.hold(message)
        self.ready.append(message)
        dropped = False
        if self.limits is not None:
            self.limits.octets += len(message.body)
            dropped = self._drop_excess()
        if self._heads is not None and (dropped or self.ready.count == 1):
            self._heads.watch()
        return ACCEPTED

    def put_back(self, message: Message) -> None:
        """Take back one unsettled message of a lost channel: it goes to its original position, marked redelivered."""
        self.unacked -= 1
        if self.deleted:
            self._account.release(message)
            return
        message.redelivered = True
        self.ready.put_back(message)
        if self.limits is not None:
            self.limits.octets += len(message.body)
            self._drop_excess()
        if self._heads is not None:
            self._heads.watch()

    requeue = put_back
    """Take back one that its consumer refused for now."""

    def put_back_all(self, messages: list[Message]) -> None:
        """Take back many, in the order of their numbers; consumers get them once all are in place."""
        deliveries = with_queue(messages, self)
        if len(messages) <= SLICE:
            give_back(deliveries)
        else:
            self._work.add(Return(deliveries, {self: len(messages)}))

    def expect_return(self, work: ReturnWork, count: int) -> None:
        """Messages are on their way back: they count if it is known how many, and nothing is handed out before."""
        if not self.deleted:
            self.returning += count
            self._returns.append(work)

    def take_back(self, message: Message, *, requeued: bool = False) -> None:
        """One of the messages that were expected."""
        if not self.deleted:
            self.returning -= 1
        if requeued:
            self.requeue(message)
        else:
            self.put_back(message)

    def returned(self, work: ReturnWork) -> None:
        """All of them are in place."""
        if work in self._returns:
            self._returns.remove(work)
        if not self._returns:
            waiting, self._waiting = self._waiting, []
            for pending in waiting:
                pending.settle(None)
        self.resume()

    def in_place(self) -> Pending[None] | None:
        """A Pending for the moment when nothing is on its way back; None: nothing is."""
        if not self._returns:
            return None
        pending: Pending[None] = Pending()
        self._waiting.append(pending)
        return pending

    # -- messages out ----------------------------------------------------------------------------------------------

    def get(self) -> Message | None:
        """Remove the head for a basic.get, or None while the queue is empty. The caller settles it."""
        self._finish_returns()
        self.renew_lease()
        message: Message | None = None
        if self._heads is not None:
            self._heads.watch()
        if self.ready.count:
            deadline = self.ready.peek().deadline
            # An overdue head is left of an expiry storm, which is worked off in slices; all behind it is hidden by it.
            if deadline is None or deadline > self._timers.now():
                message = self._pop()
                self.unacked += 1
        if self._heads is not None:
            self._heads.watch()
        return message

    def settle(self, message: Message) -> None:
        """An unsettled message is done with."""
        self.unacked -= 1
        self._account.release(message)

    def reject(self, message: Message) -> None:
        """An unsettled message is refused for good: it is dead-lettered, or dropped."""
        self.unacked -= 1
        self._die(message, DEAD_REJECTED)

    def resume(self) -> None:
        """Hand out what waits, now that a consumer may be able to take it: one slice here, the rest as work."""
        if self.ready.count and not self._resuming and self._hand_out(SLICE):
            self._resume_later()

    def purge(self) -> int:
        """Drop all ready messages; return how many."""
        self._finish_returns()
        return self._drop_ready()

    @property
    def message_count(self) -> int:
        """Ready messages, those on their way back included."""
        return self.ready.count + self.returning

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
        if was_active and self.ready.count and not self._resuming:
            self._resume_later()  # not now: what the old one held comes back first, and in its place
        if self.exclusive_consumer is consumer:
            self.exclusive_consumer = None
        if len(self.consumers) == 0:
            self.renew_lease()
        return self.unused_auto_delete

    @property
    def unused_auto_delete(self) -> bool:
        """Whether it is auto-delete, had a consumer, has none and still exists."""
        return self.auto_delete and self._had_consumer and not self.deleted and len(self.consumers) == 0

    # -- life ------------------------------------------------------------------------------------------------------

    def renew_lease(self) -> None:
        """Start the expiry period anew: the queue was used (declare, get, last consumer gone)."""
        if self.expires_after is None or self.deleted or len(self.consumers):
            return
        self._timers.cancel(self._expiry_timer)
        self._expiry_timer = self._timers.after(self.expires_after, self._lease_ended)

    def redeclared(self) -> None:
        """A client declared it again."""
        self.renew_lease()

    def delete(self) -> int:
        """Drop everything and tell the consumers; return how many messages were ready. Bindings are the vhost's
        matter.
        """
        count = self.message_count
        self.deleted = True
        waiting, self._waiting = self._waiting, []
        for pending in waiting:
            pending.settle(None)
        if self._heads is not None:
            self._heads.stop()
        self._timers.cancel(self._expiry_timer)
        self._drop_ready()
        self.returning = 0
        # By tag, as a channel of RabbitMQ's tells its client.
        for consumer in sorted(self.consumers.members(), key=_tag):
            self.consumers.remove(consumer)
            consumer.cancelled()
        return count

    # -- inside ----------------------------------------------------------------------------------------------------

    def _hand_out(self, budget: int) -> bool:
        """Deliver at most `budget` messages; return whether it stopped for the budget alone."""
        more = self._deliver(budget)
        if self._heads is not None:
            self._heads.watch()
        return more

    def _deliver(self, budget: int) -> bool:
        if self._returns or self.deleted:
            return False
        ready, account = self.ready, self._account
        while ready.count:
            consumer = self.consumers.next_able()
            if consumer is None:
                return False
            if budget <= 0:
                return True
            budget -= 1
            message = self._pop()
            if message.deadline is not None and message.deadline <= self._timers.now():
                self._die(message, EXPIRED)
                continue
            if consumer.no_ack:
                account.release(message)
            else:
                self.unacked += 1
            consumer.deliver(message)
        return False

    def resume_step(self, budget: int) -> bool:
        """One more slice on behalf of the work list; return whether there is more to do."""
        self._resuming = self._hand_out(min(budget, SLICE))
        return self._resuming

    def _resume_later(self) -> None:
        self._resuming = True
        self._work.add(Resume(self))

    def _finish_returns(self) -> None:
        while self._returns:
            self._returns[0].finish()

    def _drop_ready(self) -> int:
        dropped = self.ready.take_all()
        if self.limits is not None:
            self.limits.octets = 0
        if dropped.count:
            self._work.add(Release(dropped, self._account))
        return dropped.count

    def _set_deadline(self, message: Message) -> None:
        ttl = self.message_ttl
        expiration = message.properties.expiration
        if expiration is not None:
            own = int(expiration) / 1000
            ttl = own if ttl is None else min(ttl, own)
        if ttl is not None:
            message.deadline = self._timers.now() + ttl
            if self._heads is None:
                self._heads = HeadExpiry(self._timers, self._next, self._pop, self._expired)

    def _pop(self) -> Message:
        """Remove the head of the queue."""
        message = self.ready.pop()
        if self.limits is not None:
            self.limits.octets -= len(message.body)
        return message

    def _next(self) -> Message | None:
        """The head of the queue; none while older messages are on their way back."""
        return None if self._returns or not self.ready.count else self.ready.peek()

    def _expired(self, message: Message) -> None:
        self._die(message, EXPIRED)

    def _refuse(self, message: Message) -> int:
        assert self.limits is not None
        if self.limits.mode == REJECT_PUBLISH_DLX:
            self._account.hold(message)
            self._die(message, MAXLEN)
        elif message.sharing is not None:
            self._account.let_go(message)
        return REJECTED

    def _drop_excess(self) -> bool:
        """Drop heads while a limit is exceeded; return whether there were any."""
        assert self.limits is not None
        budget = SLICE
        while self.limits.over(self.ready.count):
            if not budget:
                if not self._trimming:
                    self._trimming = True
                    self._work.add(Trim(self))
                return True
            budget -= 1
            self._die(self._pop(), MAXLEN)
        return budget < SLICE

    def trim_step(self) -> bool:
        """Drop one more slice of what is over the limit; return whether there is more."""
        self._trimming = True
        self._drop_excess()
        self._trimming = self.limits is not None and self.limits.over(self.ready.count)
        return self._trimming

    def _die(self, message: Message, reason: str) -> None:
        """A held message leaves for good: to the dead-letter exchange, or nowhere."""
        self._account.release(message)
        if self.dead_letter_exchange is not None and self.on_death is not None and not self.deleted:
            self.on_death(self, message, reason)

    def _lease_ended(self) -> None:
        self._expiry_timer = None
        if self.on_expiry is not None:
            self.on_expiry.queue_expired(self)


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


class Trim(Work):
    """Drops what a queue holds over its limit, where one large message drives many small ones out."""

    __slots__ = ("_queue",)

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def step(self, budget: int) -> bool:
        return self._queue.trim_step()


class Release(Work):
    """Frees purged messages slice by slice, since freeing a million at once would stall everybody."""

    __slots__ = ("_account", "_ready")

    def __init__(self, ready: ReadyList, account: Account) -> None:
        self._ready = ready
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(min(self._ready.count, max(1, budget))):
            self._account.release(self._ready.pop())
        return self._ready.count > 0


def _tag(consumer: Consumer) -> bytes:
    return consumer.tag.encode("utf-8", "surrogateescape")
