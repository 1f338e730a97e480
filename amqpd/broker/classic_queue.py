"""Classic queues: waiting messages in order, and how many are delivered but unsettled.

Invariants: a message is in exactly one of ready, unacked (held by a channel) or gone; `account` counts the first two.
https://www.rabbitmq.com/docs/classic-queues
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.dead_letter import DELIVERY_LIMIT, EXPIRED, MAXLEN
from amqpd.broker.dead_letter import REJECTED as DEAD_REJECTED
from amqpd.broker.deduplication import KeyedAccount
from amqpd.broker.expiry import Expiry, HeadExpiry
from amqpd.broker.expiry_anywhere import ExpiryAnywhere
from amqpd.broker.message import Account, Message
from amqpd.broker.overflow import REJECT_PUBLISH_DLX, Limits
from amqpd.broker.packed_run import ranges
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Spill
from amqpd.broker.priorities import PriorityReadyList
from amqpd.broker.queue import ACCEPTED, REJECTED, SLICE, Declaration, Means, Queue
from amqpd.broker.queue_counts import AT_MOST_ONCE, DISABLED, QueueTally
from amqpd.broker.queue_work import Discard, Release, Trim
from amqpd.broker.ready_list import ReadyList
from amqpd.broker.retries import DISABLED as NO_RETRY
from amqpd.broker.retries import Delayed, Retries
from amqpd.broker.returns import LOST, ReturnWork
from amqpd.broker.weights import NOTHING, Weight
from amqpd.log import get_logger
from amqpd.properties import EXPIRATION

if TYPE_CHECKING:
    from amqpd.broker.packed_run import Run
    from amqpd.broker.paged_run import PagedRun
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.broker.settings import Settings

log = get_logger(__name__)

ANYWHERE: Final = "anywhere"
"""Where messages expire, if not at the head."""


class ClassicQueue(Queue):
    """A queue that forgets a message once it is settled."""

    __slots__ = (
        "_delayed",
        "_expiry",
        "_keys",
        "_message_ttl",
        "_number",
        "_profile",
        "_resuming",
        "_retries",
        "_returns",
        "_trimming",
        "_waiting",
        "aside",
        "limits",
        "ready",
    )

    def __init__(self, type_: type[QueueType], declared: Declaration, settings: Settings, means: Means) -> None:
        super().__init__(type_, declared, settings, means)
        self.ready = ReadyList() if settings.max_priority is None else PriorityReadyList(settings.max_priority)
        self.ready.on_loss = self._lost
        self.consumers.single = settings.single_active_consumer
        self.limits: Limits | None = None
        self._message_ttl: float | None = None
        """Seconds; the `expiration` of a message may shorten it."""
        self._number = 0
        self._resuming = False
        self._trimming = False
        self._returns: tuple[ReturnWork, ...] = ()
        self._waiting: tuple[Pending[None], ...] = ()
        self._expiry: Expiry | None = None
        """Set by the first message with a deadline."""
        self._keys: KeyedAccount | None = None
        """The account, while duplicates are dropped."""
        self.aside = 0
        """Messages that are neither ready nor out, but count against the limits: they wait for their next try."""
        self._delayed: Delayed | None = None
        self._retries: Retries | None = None
        """None: what comes back isn't counted."""
        self._profile = means.compat.profile
        self._apply()
        self.renew_lease()

    # -- messages in -----------------------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        """Deliver a new message at once where a consumer can take it, else keep it; return ACCEPTED or REJECTED."""
        if self._keys is not None and self._keys.is_duplicate(message):
            self._account.let_go(message)
            return ACCEPTED
        if self.limits is not None and self.limits.refuses(message, self.ready.count + self.aside):
            return self._refuse(message)
        self._number = message.number = self._number + 1
        if self._message_ttl is not None or message.properties.flags & EXPIRATION:
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
        if self._expiry is not None:
            self._expiry.enqueued(message, is_head=dropped or self.ready.count == 1)
        return ACCEPTED

    def put_back(self, message: Message, cause: int = LOST) -> None:
        """Take back one unsettled message: it goes to its original position, marked redelivered, unless it must wait
        or failed too often.
        """
        self.unacked -= 1
        self.counting().returned += 1
        if self.deleted:
            self._account.release(message)
            return
        wait: float | None = 0
        if self._retries is not None:
            wait = self._retries.came_back(message, cause)
            if wait is None:
                self._die(message, DELIVERY_LIMIT)
                return
        message.redelivered = True
        if self.limits is not None:
            self.limits.octets += len(message.body)
        if wait:
            self._delay(message, wait)
            return
        self._place(message, cause)
        if self._expiry is not None:
            self._expiry.came_back(message)

    def expect_return(self, work: ReturnWork, count: int) -> None:
        if not self.deleted:
            self.returning += count
            self._returns = (*self._returns, work)

    def take_back(self, message: Message, cause: int = LOST) -> None:
        if not self.deleted:
            self.returning -= 1
        self.put_back(message, cause)

    def returned(self, work: ReturnWork) -> None:
        self._returns = tuple([each for each in self._returns if each is not work])
        if not self._returns:
            waiting, self._waiting = self._waiting, ()
            for pending in waiting:
                pending.settle(None)
        self.resume()

    def in_place(self) -> Pending[None] | None:
        if not self._returns:
            return None
        pending: Pending[None] = Pending()
        self._waiting = (*self._waiting, pending)
        return pending

    # -- messages out ----------------------------------------------------------------------------------------------

    def get(self) -> Message | None:
        self._finish_returns()
        self.renew_lease()
        message: Message | None = None
        tally = self.counting()
        if self._expiry is not None:
            self._expiry.watch()
        if self.ready.count and not self.paused:
            deadline = self.ready.peek().deadline
            # An overdue head is left of an expiry storm, which is worked off in slices; all behind it is hidden by it.
            if deadline is None or deadline > self._timers.now():
                message = self._pop()
                self.unacked += 1
                if message.redelivered:
                    tally.redelivered += 1
                self._account.handed_out()
        if message is None:
            tally.get_empty += 1
        if self._expiry is not None:
            self._expiry.watch()
        return message

    def settle(self, message: Message) -> None:
        self.unacked -= 1
        self._account.release(message)

    def reject(self, message: Message) -> None:
        self.unacked -= 1
        self._die(message, DEAD_REJECTED)

    def resume(self) -> None:
        if self.limits is not None and not self._returns:
            self._make_room()  # for all that came back together
        if self.ready.count and not self._resuming and self._hand_out(SLICE):
            self._resuming = True
            self._resume_later()

    def purge(self) -> int:
        self._finish_returns()
        return self._drop_ready()

    @property
    def message_count(self) -> int:
        return self.ready.count + self.returning

    @property
    def delayed(self) -> int:
        return 0 if self._delayed is None else len(self._delayed)

    @property
    def paged(self) -> int:
        return self.ready.paged

    def head(self) -> Message | None:
        return self.ready.head() if self.ready.count else None

    def weight(self) -> Weight:
        if not self.ready.count and self._delayed is None:
            return NOTHING
        return self.ready.weight() + (NOTHING if self._delayed is None else self._delayed.weight())

    def unweighed(self) -> list[Run | PagedRun]:
        return self.ready.unweighed()

    @property
    def last_number(self) -> int:
        return self._number

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        return self.ready.browse(limit, offset)

    def find(self, number: int) -> Message | None:
        return self.ready.find(number)

    def remove(self, number: int) -> Message | None:
        message = self._take(number)
        if message is not None:
            self.counting().removed += 1
            self._account.release(message)
            if self._expiry is not None:
                self._expiry.watch()
        return message

    def numbers(self) -> Iterator[int]:
        return self.ready.numbers()

    def refuses(self, message: Message) -> bool:
        return self.limits is not None and self.limits.refuses(message, self.ready.count + self.aside)

    # -- restarts --------------------------------------------------------------------------------------------------

    def restore(self, run: Run) -> None:
        if not run.is_plain or not self.ready.takes_runs or self._keys is not None:
            self._restore_each(run)
            return
        self._account.restore_run(run)
        self.ready.restore_run(run)
        if self.limits is not None:
            self.limits.octets += run.octets()

    def _restore_each(self, run: Run) -> None:
        for message in reversed(run.unpack()):
            self._account.restore(message)
            if message.trail is not None and message.trail.failures and self._retries is not None:
                self._retries.stamp(message, message.trail.failures, message.trail.returns)
            self.ready.restore(message)  # which may pack it: nothing about it changes any more
            if self.limits is not None:
                self.limits.octets += len(message.body)
            if message.deadline is not None:
                if self._expiry is None:
                    self._expiry = self._make_expiry()
                self._expiry.enqueued(message, is_head=False)

    def restored(self, last_number: int) -> None:
        self.ready.restored()
        self._number = max(self._number, last_number)
        if self._number:
            tally = self.tally = QueueTally()
            tally.numbers, tally.held = self._number, self.ready.count + self.aside
        if self._expiry is not None:
            self._expiry.watch()

    def delivered_up_to(self) -> int:
        first = self.ready.first_new()
        return self._number if first is None else first - 1

    # -- memory ----------------------------------------------------------------------------------------------------

    def page_out(self, spill: Spill, account: Account, most: int) -> None:
        self.ready.page_out(spill, account, most)

    def _lost(self, count: int) -> None:
        """The disk did not give messages back."""
        log.error(
            "waiting messages cannot be read back, and are lost until a restart brings persistent ones back: "
            "check the disk",
            queue=self.name,
            messages=count,
        )
        self.counting().removed += count
        if self.limits is not None:
            self.limits.octets = self._octets()

    # -- settings --------------------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        super().configure(settings)
        self._apply()
        if self._expiry is not None:
            self._expiry.watch()
        if self.limits is not None and self._drop_excess() and self._expiry is not None:
            self._expiry.watch()

    def _apply(self) -> None:
        """Take over what the settings say."""
        settings = self.settings
        if settings.message_deduplication and self._keys is None:
            self._account = self._keys = KeyedAccount(self._account)
        elif not settings.message_deduplication and self._keys is not None:
            self._account, self._keys = self._keys.ended(), None
        self._message_ttl = None if settings.message_ttl is None else settings.message_ttl / 1000
        if settings.max_length is None and settings.max_length_bytes is None:
            self.limits = None
        else:
            octets = self._octets() if self.limits is None else self.limits.octets
            self.limits = self._make_limits(settings)
            self.limits.octets = octets
        self._retries = self._make_retries(settings)
        anywhere = settings.message_expiry == ANYWHERE
        if self._expiry is not None and isinstance(self._expiry, ExpiryAnywhere) != anywhere:
            self._expiry.stop()
            self._expiry = self._make_expiry()
            if isinstance(self._expiry, ExpiryAnywhere):
                self._expiry.fill()

    def _make_limits(self, settings: Settings) -> Limits:
        return Limits(settings.max_length, settings.max_length_bytes, settings.overflow)

    def _make_retries(self, settings: Settings) -> Retries | None:
        limit = settings.delivery_limit
        if limit is None and settings.delayed_retry_type in (None, NO_RETRY):
            return None
        if limit is not None and limit < 0:
            limit = None
        return Retries(limit, settings, self._profile, self._account)

    # -- retries ---------------------------------------------------------------------------------------------------

    @property
    def delivery_limit(self) -> float | None:
        return None if self._retries is None else self._retries.limit

    def retry_delayed(self) -> int:
        return 0 if self._delayed is None else self._delayed.release()

    def _delay(self, message: Message, seconds: float) -> None:
        """Keep a message that came back until it may be tried again, or until it expires."""
        if self._delayed is None:
            self._delayed = Delayed(self._timers, self._work, self._try_again)
        due = self._timers.now() + seconds
        self._delayed.add(message, due if message.deadline is None else min(due, message.deadline))
        self.aside += 1
        self._make_room()

    def _try_again(self, messages: list[Message]) -> None:
        self.aside -= len(messages)
        now = self._timers.now()
        for message in messages:
            if message.deadline is not None and message.deadline <= now:
                if self.limits is not None:
                    self.limits.left(message, self.ready.count + self.aside)
                self._die(message, EXPIRED)
                continue
            self._place(message, LOST)
            if self._expiry is not None:
                self._expiry.came_back(message)
        self.resume()

    def _place(self, message: Message, cause: int) -> None:
        """Put a message that came back where it is taken next."""
        self.ready.put_back(message)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _hand_out(self, budget: int) -> bool:
        """Deliver at most `budget` messages; return whether it stopped for the budget alone."""
        more = self._deliver(budget)
        if self.unacked:
            self._account.handed_out()
        if self._expiry is not None:
            self._expiry.watch()
        return more

    def _deliver(self, budget: int) -> bool:
        if self._returns or self.deleted:
            return False
        ready, account = self.ready, self._account
        expiring = self._expiry is not None
        while ready.count:
            if expiring and budget > 0:  # before anybody is chosen: it is nobody's turn that an expired one takes
                deadline = ready.peek().deadline
                if deadline is not None and deadline <= self._timers.now():
                    budget -= 1
                    self._die(self._pop(), EXPIRED)
                    continue
            consumer = self.consumers.next_able()
            if consumer is None:
                return False
            if budget <= 0:
                return True
            budget -= 1
            message = self._pop()
            if message.redelivered:
                self.counting().redelivered += 1
            if consumer.no_ack:
                account.release(message)
            else:
                self.unacked += 1
            consumer.deliver(message)
        return False

    def resume_step(self, budget: int) -> bool:
        self._resuming = self._hand_out(min(budget, SLICE))
        return self._resuming

    def _active_left(self) -> None:
        if self.ready.count and not self._resuming:
            # Not now: what the old one held comes back first, and in its place.
            self._resuming = True
            self._resume_later()

    def _discard(self) -> None:
        waiting, self._waiting = self._waiting, ()
        for pending in waiting:
            pending.settle(None)
        if self._expiry is not None:
            self._expiry.stop()
        self._drop_ready()
        self.returning = 0

    def _finish_returns(self) -> None:
        while self._returns:
            self._returns[0].finish()

    def _drop_ready(self) -> int:
        dropped = self.ready.take_all()
        count = dropped.count
        if self.limits is not None:
            self.limits.octets = 0
        if count:
            self._account.purged(dropped.ranges())
            if not self._account.needs_each and (whole := dropped.take_whole()):
                self._work.add(Discard(whole, self._account))
            self._free(dropped.pop, lambda: dropped.count)
        if self._delayed is not None and len(self._delayed):
            delayed = self._delayed.take_all()
            self.aside -= len(delayed)
            count += len(delayed)
            self._account.purged(ranges(sorted([message.number for message in delayed])))
            self._free(delayed.pop, delayed.__len__)
        if count:
            self.counting().removed += count
        return count

    def _free(self, pop: Callable[[], Message], left: Callable[[], int]) -> Release:
        """Let go of messages that were purged."""
        release = Release(pop, left, self._account)
        self._work.add(release)
        if self._keys is not None:
            self._keys.will_free(release)
        return release

    def _set_deadline(self, message: Message) -> None:
        ttl = self._message_ttl
        expiration = message.properties.expiration
        if expiration is not None:
            own = int(expiration) / 1000
            ttl = own if ttl is None else min(ttl, own)
        if ttl is not None:
            message.deadline = self._timers.now() + ttl
            if self._expiry is None:
                self._expiry = self._make_expiry()

    def _make_expiry(self) -> Expiry:
        if self.settings.message_expiry != ANYWHERE:
            return HeadExpiry(self._timers, self._next, self._pop, self._expired)
        return ExpiryAnywhere(
            self._timers, self._work, lambda: self.ready, self._next, self._pop, self._take, self._expired
        )

    def _take(self, number: int) -> Message | None:
        """Remove a ready message by its number."""
        message = self.ready.remove(number)
        if message is not None and self.limits is not None:
            self.limits.left(message, self.ready.count + self.aside)
        return message

    def _pop(self) -> Message:
        """Remove the head of the queue."""
        message = self.ready.pop()
        if self.limits is not None:
            self.limits.left(message, self.ready.count + self.aside)
        return message

    def _octets(self) -> int:
        """Body octets of what counts against the limits."""
        return self.ready.octets() + (0 if self._delayed is None else self._delayed.octets())

    def _next(self) -> Message | None:
        """The head of the queue; none while older messages are on their way back."""
        return None if self._returns or not self.ready.count else self.ready.peek()

    def _expired(self, message: Message) -> None:
        self._die(message, EXPIRED)

    def _refuse(self, message: Message) -> int:
        assert self.limits is not None
        if self.limits.mode == REJECT_PUBLISH_DLX:
            self._number = message.number = self._number + 1
            self._account.hold(message)
            self._die(message, MAXLEN)
        elif message.sharing is not None:
            self._account.let_go(message)
        return REJECTED

    def _make_room(self) -> None:
        """Something came back."""
        if self.limits is not None:
            self._drop_excess()

    def _drop_excess(self) -> bool:
        """Drop heads while a limit is exceeded; return whether there were any."""
        assert self.limits is not None
        budget = SLICE
        while self.limits.over(self.ready.count + self.aside):
            if not budget:
                if not self._trimming:
                    self._trimming = True
                    self._work.add(Trim(self))
                return True
            budget -= 1
            self._die(self._pop() if self.ready.count else self._drop_delayed(), MAXLEN)
        return budget < SLICE

    def _drop_delayed(self) -> Message:
        """Remove what would be ready next."""
        assert self._delayed is not None
        message = self._delayed.drop()
        self.aside -= 1
        if self.limits is not None:
            self.limits.left(message, self.ready.count + self.aside)
        return message

    def trim_step(self) -> bool:
        """Drop one more slice of what is over the limit; return whether there is more."""
        self._trimming = True
        self._drop_excess()
        self._trimming = self.limits is not None and self.limits.over(self.ready.count + self.aside)
        return self._trimming

    def _die(self, message: Message, reason: str) -> None:
        """A held message leaves for good: to the dead-letter exchange, or nowhere."""
        self._as_published(message)
        if self.settings.dead_letter_exchange is not None and self.on_death is not None and not self.deleted:
            self.counting().dies(reason, AT_MOST_ONCE)
            self._account.die(message)
            self.on_death(self, message, reason, None)
        else:
            self.counting().dies(reason, DISABLED)
            self._account.release(message)

    def buried(self, message: Message) -> None:
        self._account.buried(message)

    def _as_published(self, message: Message) -> None:
        """Take the counts that consumers see out of its headers."""
        if message.trail is not None and message.trail.published is not None:
            self._account.rewrite(message, message.trail.published)
