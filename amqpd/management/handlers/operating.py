"""What amqpd offers beyond RabbitMQ: look at a queue without disturbing it, move and replay, pause and resume.

Whoever changes anything here needs the permissions that an AMQP client would need for it.
"""

from __future__ import annotations

import attrs

from amqpd.broker.operations import moving, operator
from amqpd.broker.operations.moving import Moved, ToExchange, ToQueue
from amqpd.broker.permissions import CONFIGURE, READ, WRITE
from amqpd.broker.session import EXCHANGE, QUEUE
from amqpd.management.api import Call, text_of
from amqpd.management.errors import bad_request
from amqpd.management.handlers.messages import message_view
from amqpd.management.handlers.queues import find_queue
from amqpd.management.numbers import is_number

MOST = 1000
"""Messages that are shown at once."""


async def peek(call: Call) -> object:
    """Show ready messages without taking them: `count` (50) after the first `offset`, payloads up to `truncate`."""
    vhost, name = call.vhost(), call.params["queue"]
    queue = find_queue(vhost, name)
    call.session(vhost).require(READ, QUEUE, name)
    count, offset = call.number("count", 50), call.number("offset", 0)
    if count > MOST:
        raise bad_request(f"'count' is {count}: at most {MOST} are shown at once")
    truncate = call.number("truncate", 50_000)
    found = operator.peek(vhost, name, count=count, offset=offset)
    return [{"number": each.number, **message_view(queue, each, False, truncate)} for each in found]


async def move(call: Call) -> object:
    """Move ready messages to a queue (`to`), or through an `exchange` with their own or another `routing_key`."""
    body, vhost, name = await call.body(), call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    if ("to" in body) is ("exchange" in body):
        raise bad_request("give either 'to' (a queue) or 'exchange' as the target")
    session = call.session(vhost)
    session.require(READ, QUEUE, name)
    target: ToQueue | ToExchange
    if "to" in body:
        target = ToQueue(text_of(body, "to"))
        session.require(WRITE, QUEUE, target.name)
    else:
        key = text_of(body, "routing_key") if body.get("routing_key") is not None else None
        target = ToExchange(text_of(body, "exchange"), key)
        session.require(WRITE, EXCHANGE, target.name)
    limit, numbers = _limit(body), _numbers(body)
    moved = await call.perform(
        lambda: moving.move(call.broker, vhost, name, target, limit=limit, numbers=numbers)
    )
    return attrs.asdict(moved)


async def replay(call: Call) -> object:
    """Publish dead letters again where they were published before they died."""
    body, vhost, name = await call.body(), call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    session = call.session(vhost)
    session.require(READ, QUEUE, name)
    for exchange in vhost.exchanges:  # where a message came from is known only once it is looked at
        if not exchange.startswith("amq.rabbitmq."):
            session.require(WRITE, EXCHANGE, exchange)
    limit, numbers = _limit(body), _numbers(body)
    moved: Moved = await call.perform(
        lambda: moving.replay(call.broker, vhost, name, limit=limit, numbers=numbers)
    )
    return attrs.asdict(moved)


async def pause(call: Call) -> object:
    """Stop a queue's deliveries; what is published waits."""
    vhost, name = call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    call.session(vhost).require(CONFIGURE, QUEUE, name)
    return {"changed": await call.perform(lambda: operator.pause(call.broker, vhost, name))}


async def resume(call: Call) -> object:
    """Let a paused queue deliver again."""
    vhost, name = call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    call.session(vhost).require(CONFIGURE, QUEUE, name)
    return {"changed": await call.perform(lambda: operator.resume(call.broker, vhost, name))}


async def delete_message(call: Call) -> object:
    """Drop the ready message with this number, as `peek` shows it."""
    vhost, name, number = call.vhost(), call.params["queue"], call.params["number"]
    find_queue(vhost, name)
    if not is_number(number):
        raise bad_request(f"'{number}' is no number of a message")
    call.session(vhost).require(READ, QUEUE, name)
    found = await call.perform(lambda: operator.delete_message(call.broker, vhost, name, int(number)))
    return {"deleted": found}


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
