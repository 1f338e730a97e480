"""Dead-lettering: what a queue rejects, expires or drops is published to its dead-letter exchange, with its history.

Deaths of one moment are published in the order of dying. A chain of queues that dead-letter into one another is
worked off from one list, never by recursion, and under the turn's budget. What the history (`x-death`) looks like
follows the compat profile. https://www.rabbitmq.com/docs/dlx
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from amqpd import fields
from amqpd.broker.message import Message, Trail
from amqpd.broker.queue import REJECTED as REFUSED
from amqpd.broker.rewriting import rewritten
from amqpd.broker.routing_keys import routing_keys
from amqpd.broker.work import Call, Work
from amqpd.fields import EMPTY, Field, Table
from amqpd.log import get_logger

if TYPE_CHECKING:
    from amqpd.broker.at_least_once import AtLeastOnce, Attempt
    from amqpd.broker.broker import Broker
    from amqpd.broker.pending import Pending
    from amqpd.broker.queue import Queue
    from amqpd.broker.vhost import Route, VHost

log = get_logger(__name__)

REJECTED: Final = "rejected"
EXPIRED: Final = "expired"
MAXLEN: Final = "maxlen"
DELIVERY_LIMIT: Final = "delivery_limit"

HISTORY: Final = "x-death"
MAX_COUNT: Final = 2**63 - 1
"""What the wire type of a count can hold."""
AT_ONCE: Final = 256
"""Deaths that are published in the turn in which they happen; the rest follow as work."""


@attrs.frozen
class Death:
    """One entry of a history: all deaths of a message in one queue for one reason."""

    queue: str
    reason: str
    count: int
    time: int
    """Of the first such death, in seconds since the epoch."""
    exchange: str
    routing_keys: tuple[str, ...]
    expiration: str | None = None
    by_name: bool = False
    """Whether its fields stand in the order of their names."""
    claimed: Table | None = None
    """The entry as a client sent it: it goes on with all that it says, and only its count changes."""

    def again(self) -> Death:
        """The same death once more."""
        count = min(self.count + 1, MAX_COUNT)
        claimed = None if self.claimed is None else self.claimed.with_field("count", fields.long(count)).sorted()
        return attrs.evolve(self, count=count, claimed=claimed)

    def table(self, *, expiration_first: bool) -> Table:
        """The entry as it stands in the header."""
        if self.claimed is not None:
            return self.claimed
        entries: list[tuple[str, Field]] = [
            ("count", fields.long(self.count)),
            ("reason", fields.longstr(self.reason)),
            ("queue", fields.longstr(self.queue)),
            ("time", fields.timestamp(self.time)),
            ("exchange", fields.longstr(self.exchange)),
            ("routing-keys", fields.array([fields.longstr(key) for key in self.routing_keys])),
        ]
        if self.expiration is not None:
            at = 0 if expiration_first else len(entries)
            entries.insert(at, ("original-expiration", fields.longstr(self.expiration)))
        table = Table.of(entries)
        return table.sorted() if self.by_name else table

    @classmethod
    def parse(cls, table: Table) -> Death:
        """An entry that came from a client; one that names no queue or no reason is like no other."""
        queue, reason, count = table.get("queue"), table.get("reason"), table.get("count")
        known = count.value if count is not None and count.is_integer else None
        return cls(
            "" if queue is None else queue.text(),
            "" if reason is None else reason.text(),
            known if isinstance(known, int) else 0,
            time=0,
            exchange="",
            routing_keys=(),
            claimed=table,
        )


class DeadLetters(Work):
    """The deaths of one vhost that are still to be published."""

    def __init__(self, broker: Broker, vhost: VHost) -> None:
        self._broker = broker
        self._vhost = vhost
        self._waiting: deque[tuple[Queue, Message, str, Attempt | None]] = deque()
        self._stuck: dict[AtLeastOnce, None] = {}
        """Whose dead letters had no route."""
        self._publishing = False
        self._listed = False
        self._held = 0

    def add(self, queue: Queue, message: Message, reason: str, attempt: Attempt | None) -> None:
        """A message died in a queue that has a dead-letter exchange. An attempt is of who keeps it until it arrives,
        and gets an answer.
        """
        self._waiting.append((queue, message, reason, attempt))
        if not self._held:
            self._begin()

    def hold(self) -> None:
        """Publish nothing until `release`: a message that goes to several queues arrives before it comes again."""
        self._held += 1

    def release(self) -> None:
        """Undo one `hold`."""
        self._held -= 1
        if self._waiting and not self._held:
            self._begin()

    def _begin(self) -> None:
        if not self._publishing and not self._listed and self.step(AT_ONCE):
            self._listed = True
            self._broker.work.add(self)

    def step(self, budget: int) -> bool:
        self._publishing = True
        try:
            while self._waiting and budget > 0:
                death = self._waiting.popleft()
                budget -= 1
                try:
                    self._publish(*death)
                except Exception:  # a defect costs this message, not all that die after it
                    log.exception("internal error: a message could not be dead-lettered", queue=death[0].name)
                if death[3] is None:
                    death[0].buried(death[1])
        finally:
            self._publishing = False
        self._listed = bool(self._waiting)
        return self._listed

    def _publish(self, queue: Queue, message: Message, reason: str, attempt: Attempt | None) -> None:
        if attempt is not None and not attempt.wanted:
            return
        settings = queue.settings
        if settings.dead_letter_exchange is None:  # a policy that was there when it died is gone
            return
        exchange = self._vhost.exchanges.get(settings.dead_letter_exchange)
        if exchange is None:
            if attempt is not None:
                self._without_route(attempt)
            return
        rekeyed = settings.dead_letter_routing_key is not None
        original = routing_keys(message)
        hidden = () if message.trail is None else message.trail.hidden_keys
        if settings.dead_letter_routing_key is None:
            keys = (*original, *hidden)
        else:
            keys, hidden = (settings.dead_letter_routing_key,), ()
        died = self._broker.clock.wall() if attempt is None else attempt.died
        deaths = self._with_death(queue, message, reason, original, int(died))
        properties = message.properties.replace(
            headers=self._headers(queue, message, reason, deaths, rekeyed=rekeyed),
            expiration=None,
        )
        dead = Message(exchange.name, keys[0], properties, message.body)
        rekeyed_before = message.trail is not None and message.trail.rekeyed
        dead.trail = Trail(deaths=deaths, hidden_keys=hidden, rekeyed=rekeyed or rekeyed_before)
        if self._broker.compat.profile.carries_delivery_count and queue.type.inherits_failures:
            dead.trail.inherited = _failures(message, reason)
        route = tuple(
            each
            for each in self._vhost.route(exchange, tuple(dict.fromkeys(keys)), dead)
            if reason == REJECTED or not _is_cycle(each.name, deaths)
        )
        if attempt is not None:
            self._publish_safely(dead, route, attempt)
        elif route:
            self._vhost.publish(dead, route)

    def _publish_safely(self, dead: Message, route: Route, attempt: Attempt) -> None:
        """Give a dead letter to all that don't have it yet; it has arrived once what they have is durable."""
        if not route:
            self._without_route(attempt)
            return
        missing = [each for each in route if each.name not in attempt.accepted]
        copies = [dead, *(dead.copy() for _ in missing[1:])]
        taken = [each.name for each, copy in zip(missing, copies, strict=True) if each.publish(copy) != REFUSED]
        complete = len(taken) == len(missing)

        def durable(done: Pending[None] | None) -> None:
            try:
                if done is not None:
                    done.result()
            except Exception:  # noqa: BLE001  # the journal has logged why; the letter is published again
                attempt.failed()
                return
            attempt.accepted.update(taken)
            if complete:
                attempt.confirmed()
            else:
                attempt.failed()

        pending = self._broker.journal.messages_durable()
        if pending is None:
            durable(None)
        else:
            pending.when_done(durable)

    def _without_route(self, attempt: Attempt) -> None:
        attempt.failed()
        self._stuck[attempt.owner] = None
        self._vhost.on_routes_changed = self._routes_changed

    def _routes_changed(self) -> None:
        self._vhost.on_routes_changed = None
        self._broker.work.add(Call(self._retry_stuck))

    def _retry_stuck(self) -> None:
        stuck, self._stuck = self._stuck, {}
        for each in stuck:
            each.retry()

    def _with_death(
        self, queue: Queue, message: Message, reason: str, keys: tuple[str, ...], time: int
    ) -> tuple[Death, ...]:
        """The history with this death in front."""
        before = self._history(message)
        same = [each for each in before if each.queue == queue.name and each.reason == reason]
        if same:
            death = same[0].again()
        else:
            death = Death(
                queue.name,
                reason,
                1,
                time,
                message.exchange,
                keys,
                message.properties.expiration,
            )
        if before and self._broker.compat.profile.sorts_later_deaths:
            death = attrs.evolve(death, by_name=True)
        return (death, *(each for each in before if each not in same))

    def _history(self, message: Message) -> tuple[Death, ...]:
        """What happened to this message before: the broker's own record, or (before 4.0) what its headers claim."""
        if message.trail is not None and message.trail.deaths:
            return message.trail.deaths
        if not self._broker.compat.profile.extends_client_history or message.properties.headers is None:
            return ()
        field = message.properties.headers.get(HISTORY)
        if field is None or field.tag != "A" or not isinstance(field.value, tuple):
            return ()
        tables = [each.value for each in field.value if isinstance(each, Field)]
        return tuple([Death.parse(each) for each in tables if isinstance(each, Table)])

    def _headers(
        self, queue: Queue, message: Message, reason: str, deaths: tuple[Death, ...], *, rekeyed: bool
    ) -> Table:
        profile = self._broker.compat.profile
        before = message.properties.headers or EMPTY
        first = profile.original_expiration_first
        entries = [fields.table(each.table(expiration_first=first)) for each in deaths]
        headers = before.with_field(HISTORY, fields.array(entries))
        if rekeyed and profile.rekeying_drops_copies:
            headers = headers.without("CC")
        if profile.extends_client_history:
            known = HISTORY in before
        else:
            known = message.trail is not None and bool(message.trail.deaths)
        last = {"queue": queue.name, "reason": reason, "exchange": message.exchange}
        if not known:
            for name, value in last.items():
                headers = headers.with_field(f"x-first-death-{name}", fields.longstr(value))
        if profile.tells_last_death:
            for name, value in last.items():
                headers = headers.with_field(f"x-last-death-{name}", fields.longstr(value))
        return rewritten(headers).sorted()


def _failures(message: Message, reason: str) -> int:
    """Deliveries that failed; the one that was too many is among them."""
    counted = 0 if message.trail is None else message.trail.failures
    return counted + 1 if reason == DELIVERY_LIMIT else counted


def _is_cycle(queue: str, deaths: tuple[Death, ...]) -> bool:
    """Whether a message would come back to a queue that it left, without anybody having rejected it since."""
    for death in deaths:
        if death.reason == REJECTED:
            return False
        if death.queue == queue:
            return True
    return False
