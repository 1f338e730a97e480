"""What a channel remembers of its publishes: everything that depends on the method's octets alone.

A publisher repeats its exchange and routing key. So the parsed names, the permission, the exchange and, where the key
alone decides, the queues are kept under the octets of the method and looked up at once. Generations of the vhost's
graph and of the permissions say when an entry is stale.
"""

from __future__ import annotations

from typing import Final

from amqpd import erlang
from amqpd.broker.exchange import Exchange
from amqpd.broker.message import Message
from amqpd.broker.operations.lookup import find_exchange
from amqpd.broker.permissions import WRITE
from amqpd.broker.session import EXCHANGE, Session
from amqpd.broker.vhost import Route
from amqpd.errors import MAX_REPLY_TEXT, AccessRefused
from amqpd.properties import EMPTY
from amqpd.wire import hot, methods

PLANS: Final = 16_384
"""Entries that one channel keeps; more distinct keys are planned anew each time."""

LONG: Final = 64
"""Queues in a route that is found anew each time."""


class Tally:
    """What one channel has published to one exchange."""

    __slots__ = ("copies", "dropped", "exchange", "published", "returned")

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange
        self.published = 0
        self.copies = 0
        """Queues that messages went to, beyond the first one of each."""
        self.dropped = 0
        """Messages that no queue wanted, nor the publisher back."""
        self.returned = 0

    def routed(self, mandatory: bool, count: int) -> None:
        """A message found its way to so many queues."""
        if count:
            self.copies += count - 1
        elif mandatory:
            self.returned += 1
        else:
            self.dropped += 1


class PublishPlan:
    """One remembered (exchange, routing key, flags)."""

    __slots__ = (
        "access_generation",
        "checks_topic",
        "exchange",
        "exchange_name",
        "generation",
        "immediate",
        "mandatory",
        "route",
        "routing_key",
        "tally",
    )

    tally: Tally

    def __init__(self, payload: bytes) -> None:
        try:
            self.exchange_name, self.routing_key, self.mandatory, self.immediate = hot.parse_publish(payload)
        except ValueError:
            text = f"cannot decode {erlang.octet_list(payload[4 : 4 + MAX_REPLY_TEXT])}"
            raise methods.Undecodable(text, method=(60, 40)) from None
        self.generation = -1
        self.access_generation = -1
        self.exchange: Exchange | None = None
        self.route: Route | None = None
        """None: it depends on more than the key, or the firehose is on."""
        self.checks_topic = False

    def refresh(self, session: Session) -> None:
        """Check and look up again. Raises AccessRefused or NotFound."""
        vhost = session.vhost
        session.require(WRITE, EXCHANGE, self.exchange_name)
        exchange = find_exchange(vhost, self.exchange_name)
        if exchange.internal:
            raise AccessRefused(f"cannot publish to internal exchange '{exchange.name}' in vhost '{vhost.name}'")
        self.exchange = exchange
        self.checks_topic = exchange.type_name == "topic" and session.has_topic_rules(exchange.name)
        route = None
        if vhost.by_key(exchange):
            route = vhost.route(exchange, (self.routing_key,), Message(exchange.name, self.routing_key, EMPTY, b""))
        # A long route would cost every plan its length, and one to a requester would outlive it.
        remembered = route is not None and len(route) <= LONG and not any(each.kind == "reply" for each in route)
        self.route = route if remembered and not vhost.tracing else None
        self.generation = vhost.generation
        self.access_generation = session.access_generation


class PublishPlans:
    """The plans of one channel, by the octets of the method."""

    __slots__ = ("_known", "tallies")

    def __init__(self) -> None:
        self._known: dict[bytes, PublishPlan] = {}
        self.tallies: dict[str, Tally] = {}
        """By exchange; they stay when plans go."""

    def get(self, payload: bytes) -> PublishPlan:
        """The plan for a basic.publish payload, which may be stale. Raises Undecodable."""
        plan = self._known.get(payload)
        if plan is None:
            plan = PublishPlan(payload)
            tally = self.tallies.get(plan.exchange_name)
            if tally is None:
                tally = self.tallies[plan.exchange_name] = Tally(plan.exchange_name)
            plan.tally = tally
            if len(self._known) >= PLANS:
                self._known.clear()
            self._known[payload] = plan
        return plan
