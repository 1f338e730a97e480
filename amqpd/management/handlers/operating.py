"""What amqpd offers beyond RabbitMQ: look at a queue without disturbing it, move and replay, pause and resume.

Whoever changes anything here needs the permissions that an AMQP client would need for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from amqpd.broker.exchange import Exchange
from amqpd.broker.operations import moving, operator
from amqpd.broker.operations.lookup import require_access
from amqpd.broker.operations.moving import Moved, ToExchange, ToQueue
from amqpd.broker.operations.names import short
from amqpd.broker.permissions import CONFIGURE, READ, WRITE
from amqpd.broker.queue import Queue
from amqpd.broker.session import EXCHANGE, QUEUE, Session
from amqpd.errors import AccessRefused
from amqpd.management.api import Call, text_of
from amqpd.management.errors import bad_request
from amqpd.management.handlers.messages import message_view
from amqpd.management.handlers.queues import find_queue
from amqpd.management.numbers import is_number

MOST = 1000
"""Messages that are shown at once."""
TOPIC: Final = "topic"


async def peek(call: Call) -> object:
    """Show ready messages without taking them: `count` (50) after the first `offset`, payloads up to `truncate`."""
    vhost, name = call.vhost(), call.params["queue"]
    queue = _operated(call, name, READ)
    count, offset = call.number("count", 50), call.number("offset", 0)
    if count > MOST:
        raise bad_request(f"'count' is {count}: at most {MOST} are shown at once")
    truncate = call.number("truncate", 50_000)
    found = operator.peek(vhost, name, count=count, offset=offset)
    return [{"number": each.number, **message_view(queue, each, False, truncate)} for each in found]


async def move(call: Call) -> object:
    """Move ready messages to a queue (`to`), or through an `exchange` with their own or another `routing_key`."""
    body, vhost, name = await call.body(), call.vhost(), call.params["queue"]
    _operated(call, name, READ)
    if ("to" in body) is ("exchange" in body):
        raise bad_request("give either 'to' (a queue) or 'exchange' as the target")
    session = call.session(vhost)
    target: ToQueue | ToExchange
    if "to" in body:
        target = ToQueue(text_of(body, "to"))
        session.require(WRITE, QUEUE, target.name)
    else:
        key = None
        if body.get("routing_key") is not None:
            key = short("the routing key", text_of(body, "routing_key"))
        target = ToExchange(text_of(body, "exchange"), key)
        session.require(WRITE, EXCHANGE, target.name)
    limit, numbers = _limit(body), _numbers(body)
    moved = await call.perform(
        lambda: moving.move(
            call.broker, vhost, name, target, limit=limit, numbers=numbers, allowed=_allowed(session)
        )
    )
    return attrs.asdict(moved)


async def replay(call: Call) -> object:
    """Publish dead letters again where they were published before they died."""
    body, vhost, name = await call.body(), call.vhost(), call.params["queue"]
    _operated(call, name, READ)
    session = call.session(vhost)
    for exchange in vhost.exchanges:  # where a message came from is known only once it is looked at
        if not exchange.startswith("amq.rabbitmq."):
            session.require(WRITE, EXCHANGE, exchange)
    limit, numbers = _limit(body), _numbers(body)
    moved: Moved = await call.perform(
        lambda: moving.replay(
            call.broker, vhost, name, limit=limit, numbers=numbers, allowed=_allowed(session)
        )
    )
    return attrs.asdict(moved)


async def pause(call: Call) -> object:
    """Stop a queue's deliveries; what is published waits."""
    vhost, name = call.vhost(), call.params["queue"]
    _operated(call, name, CONFIGURE)
    return {"changed": await call.perform(lambda: operator.pause(call.broker, vhost, name))}


async def resume(call: Call) -> object:
    """Let a paused queue deliver again."""
    vhost, name = call.vhost(), call.params["queue"]
    _operated(call, name, CONFIGURE)
    return {"changed": await call.perform(lambda: operator.resume(call.broker, vhost, name))}


async def delete_message(call: Call) -> object:
    """Drop the ready message with this number, as `peek` shows it."""
    vhost, name, number = call.vhost(), call.params["queue"], call.params["number"]
    _operated(call, name, READ)
    if not is_number(number):
        raise bad_request(f"'{number}' is no number of a message")
    found = await call.perform(lambda: operator.delete_message(call.broker, vhost, name, int(number)))
    return {"deleted": found}


def _operated(call: Call, name: str, permission: str) -> Queue:
    """The queue, if the user has this permission there. Raises Missing, AccessRefused, and ResourceLocked for an
    exclusive one: no request is its owner, and administrators alone stand above that.
    """
    vhost = call.vhost()
    queue, session = find_queue(vhost, name), call.session(vhost)
    session.require(permission, QUEUE, name)
    if not call.caller.is_administrator:
        require_access(session, queue)
    return queue


def _allowed(session: Session) -> moving.Allowed:
    """What the user could publish itself. That it may write to the exchange is known."""

    def allowed(exchange: Exchange, keys: Sequence[str]) -> bool:
        if exchange.internal:
            return False
        if exchange.type_name != TOPIC or not session.has_topic_rules(exchange.name):
            return True
        try:
            for key in keys:
                session.require_topic(WRITE, exchange.name, key)
        except AccessRefused:
            return False
        return True

    return allowed


def _limit(body: dict[str, object]) -> int | None:
    limit = body.get("limit")
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise bad_request(f"'limit' is {limit!r:.40}: expected a whole number, not negative")
    return limit


def _numbers(body: dict[str, object]) -> list[int] | None:
    numbers = body.get("numbers")
    if numbers is None:
        return None
    if not isinstance(numbers, list) or not all(type(each) is int for each in numbers):
        raise bad_request("'numbers' holds something else than the numbers of messages")
    return numbers
