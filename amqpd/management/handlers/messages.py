"""Publishing and getting single messages, for people and tests: a client does better with a connection."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import trio

from amqpd.broker.message import Message
from amqpd.broker.operations import getting
from amqpd.broker.operations.names import short
from amqpd.broker.operations.publishing import Outcome, publish
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from amqpd.errors import AccessRefused, AmqpError, NotFound, NotImplementedHere
from amqpd.management.api import Call, text_of
from amqpd.management.errors import ApiError, as_on_a_channel, bad_request, not_authorised
from amqpd.management.handlers.tables import properties_of, properties_view
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.numbers import is_number
from amqpd.management.waiting import settled
from amqpd.protocol.publishing import look_at_all, too_large
from amqpd.protocol.statistics import ChannelCounts, PublishCounts

CONFIRM_TIMEOUT = 30.0
"""Seconds; RabbitMQ's."""
SLICE = 32
"""Messages that are taken before others get their turn."""
ENCODINGS = ("auto", "base64")


async def publish_message(call: Call) -> object:
    """Publish a message to an exchange, and say whether any queue took it."""
    body = await call.body("routing_key", "properties", "payload", "payload_encoding")
    if not isinstance(body["payload"], str):
        raise bad_request("payload_not_string")
    vhost, exchange, node = await _entered_vhost(call), call.exchange(), call.api.node
    properties, payload = properties_of(body), _payload(body["payload"], body["payload_encoding"])
    key = short("the routing key", text_of(body, "routing_key"))
    session, queues = call.session(vhost), [0]
    try:
        if len(payload) > node.max_message_size:
            raise too_large(len(payload), node.max_message_size)
        if node.looks_at_all:
            properties = look_at_all(node, properties)
        with trio.fail_after(CONFIRM_TIMEOUT):
            outcome = await call.perform(
                lambda: publish(call.broker, session, exchange, key, properties, payload, queues.append)
            )
    except trio.TooSlowError:
        raise ApiError(400, "confirm_timeout", "the message was not confirmed in time") from None
    except AmqpError as error:
        raise as_on_a_channel(error) from None
    _count_publish(call, vhost, exchange, queues[-1], outcome)
    if outcome is Outcome.REJECTED:
        raise ApiError(400, "rejected", "Unable to publish message. Check queue limits.")
    return {"routed": outcome is Outcome.ROUTED}


async def get_messages(call: Call) -> object:
    """Take up to `count` messages off a queue, and settle them as `ackmode` says."""
    body = await call.body("ackmode", "count", "encoding")
    vhost, encoding = await _entered_vhost(call), body["encoding"]
    count, session = _integer(body, "count"), call.session(vhost)
    if encoding not in ENCODINGS:
        raise bad_request("Unsupported encoding. Please use auto or base64.")
    truncate, settle = _integer(body, "truncate") if "truncate" in body else None, _mode(body)
    try:
        queue = getting.gettable_queue(session, call.params["queue"])
        returning = queue.in_place()
        if returning is not None:
            await settled(returning)
    except NotFound as error:
        raise ApiError(404, "not_found", error.reply_text) from None
    except AccessRefused as error:
        raise not_authorised(error.reply_text) from None
    except NotImplementedHere as error:  # it would close the connection: RabbitMQ shows that without its name
        raise bad_request(f"{error.code} {error.text}") from None
    taken: list[Message] = []
    shown: list[object] = []
    try:
        while len(taken) < count:
            message = getting.take(call.broker, session, queue)
            if message is None:
                break
            taken.append(message)
            shown.append(message_view(queue, message, encoding == "base64", truncate))
            if len(taken) % SLICE == 0:
                await trio.lowlevel.checkpoint()
    except BaseException:  # whoever asked is gone, or the broker stops: nothing may be lost
        settle = getting.requeue
        raise
    finally:
        _settle(call, queue, taken, settle)
        _count_gets(call, vhost, len(taken), len(taken) < count, settle)
    return shown


async def _entered_vhost(call: Call) -> VHost:
    """The virtual host of the path, for what RabbitMQ does as a client: in 3.10 it is entered before anything else."""
    if call.broker.compat.profile.old_http_access and not call.caller.is_operator:
        name = call.params["vhost"]
        if name not in call.broker.vhosts or not call.caller.works_in(call.broker, name):
            raise not_authorised("Access refused.")
    return await existing_vhost(call)


def message_view(queue: Queue, message: Message, as_base64: bool, truncate: int | None) -> dict[str, object]:
    """A message as JSON, with what is left in its queue."""
    payload = message.body if truncate is None else message.body[:truncate]
    text = None
    if not as_base64:
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError:
            text = None
    return {
        "payload_bytes": len(message.body),
        "redelivered": message.redelivered,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "message_count": queue.message_count,
        "properties": properties_view(message.properties),
        "payload": base64.b64encode(payload).decode("ascii") if text is None else text,
        "payload_encoding": "base64" if text is None else "string",
    }


def _settle(call: Call, queue: Queue, taken: list[Message], settle: Callable[[Queue, list[Message]], None]) -> None:
    if taken:
        settle(queue, taken)
        call.api.end_turn()


def _count_publish(call: Call, vhost: VHost, exchange: str, queues: int, outcome: Outcome) -> None:
    """As what was published on a channel, mandatory and with a confirm."""
    returned, confirmed = int(outcome is Outcome.UNROUTED), int(outcome is not Outcome.REJECTED)
    counts = ChannelCounts(1, queues, return_unroutable=returned, publish_confirm=1, confirm=confirmed)
    published = {exchange: PublishCounts(1, queues, return_unroutable=returned)}
    call.api.node.totals.add(vhost, counts, published, call.broker.vhosts)


def _count_gets(call: Call, vhost: VHost, count: int, found_end: bool, settle: getting.Settle) -> None:
    no_ack = settle is getting.acknowledge
    counts = ChannelCounts(get=0 if no_ack else count, get_no_ack=count if no_ack else 0, get_empty=int(found_end))
    call.api.node.totals.add(vhost, counts, {}, call.broker.vhosts)


def _mode(body: dict[str, object]) -> getting.Settle:
    mode = body["ackmode"]
    settle = getting.MODES.get(mode) if isinstance(mode, str) else None
    if settle is None:
        raise bad_request(f"Invalid ackmode value: {mode}. Valid values are: {', '.join(getting.MODES)}")
    return settle


def _integer(body: dict[str, object], name: str) -> int:
    value = body[name]
    if isinstance(value, str) and is_number(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(["not_integer", value])
    if value < 0:
        raise bad_request(f"'{name}' is {value}: expected a number that isn't negative")
    return value


def _payload(payload: str, encoding: object) -> bytes:
    if encoding == "string":
        return payload.encode("utf-8", "surrogateescape")
    if encoding != "base64":
        raise bad_request(["unsupported_encoding", encoding])
    try:
        return base64.b64decode("".join(payload.split()), validate=True)  # encoders break lines
    except (binascii.Error, ValueError):
        raise bad_request(["not_base64", payload[:80]]) from None
