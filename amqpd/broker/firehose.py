"""The firehose: copies of all that clients publish to a vhost and are handed from its queues, at amq.rabbitmq.trace.

Decides what a copy says. It is off until an operator switches it on for a vhost (`operations.tracing`), and costs
nothing while it is off: no message is asked whether it is traced. Switching it on makes the routes that connections
remember stale, and what publishes without a remembered route looks at the switch; it gives consumers an encoder that
makes the copies; and only basic.get asks each time. Copies of copies are not made.
https://www.rabbitmq.com/docs/firehose
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from amqpd import fields
from amqpd.broker.message import Message
from amqpd.broker.reply_to import PREFIX
from amqpd.broker.rewriting import rewritten
from amqpd.broker.routing_keys import all_keys
from amqpd.field_checks import FieldError, check_table
from amqpd.fields import Field, Table
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.vhost import Route, VHost

EXCHANGE: Final = "amq.rabbitmq.trace"
KEY_OCTETS: Final = 255
"""What fits into a routing key: the name of an exchange or queue behind `publish.` or `deliver.` may not."""

TEXTS_BEHIND: Final = ("cluster_id", "app_id", "user_id", "type")
TEXTS: Final = ("message_id", "expiration", "reply_to", "correlation_id")


@attrs.frozen
class Client:
    """Who publishes or gets a message."""

    node: str
    connection: str
    channel: int
    user: str


def published(vhost: VHost, message: Message, route: Route, client: Client) -> None:
    """A client's message found its route, and is about to take it (inside a transaction: when that is committed)."""
    keys = all_keys(message)
    # As RabbitMQ tells it, the default exchange leads to a queue for each key, whether or not there is one.
    queues = (
        {key for key in keys if not key.startswith(PREFIX)}
        if not message.exchange
        else {each.name for each in route if each.kind == "queue"}
    )
    further = [("routed_queues", _texts(sorted(queues)))]
    _copy(vhost, message, message.properties, f"publish.{message.exchange}", [], client, further)


def delivered(vhost: VHost, message: Message, shown: Properties, queue: Queue, client: Client) -> None:
    """A client was sent a message of a queue, and saw these properties."""
    if message.exchange != EXCHANGE:
        before = [("redelivered", fields.signedint(int(message.redelivered)))]
        _copy(vhost, message, shown, f"deliver.{queue.name}", before, client, [])


def _copy(
    vhost: VHost,
    message: Message,
    shown: Properties,
    routing_key: str,
    before: list[tuple[str, Field]],
    client: Client,
    after: list[tuple[str, Field]],
) -> None:
    exchange = vhost.exchanges[EXCHANGE]
    if not exchange.outgoing:
        return
    headers = Table.of(
        [
            ("exchange_name", fields.longstr(message.exchange)),
            ("routing_keys", _texts(all_keys(message))),
            ("properties", fields.table(_properties(shown))),
            ("node", fields.longstr(client.node)),
            *before,
            ("vhost", fields.longstr(vhost.name)),
            ("connection", fields.longstr(client.connection)),
            ("channel", fields.signedint(client.channel)),
            ("user", fields.longstr(client.user)),
            *after,
        ]
    )
    if vhost.context.compat.profile.sorts_headers_of_events:
        headers = headers.sorted()
    if message.trail is not None and message.trail.deaths and _nests_too_deeply(headers):
        return  # a dead-lettered copy, copied again and again: each has the one before in its headers
    key = routing_key.encode("utf-8", "surrogateescape")[:KEY_OCTETS].decode("utf-8", "surrogateescape")
    copy = Message(EXCHANGE, key, Properties.of(headers=headers), message.body)
    route = vhost.route(exchange, (key,), copy)
    if route:
        vhost.publish(copy, route)


def _nests_too_deeply(headers: Table) -> bool:
    try:
        check_table(headers.raw, 0, len(headers.raw))
    except FieldError:
        return True
    return False


def _texts(texts: list[str] | tuple[str, ...]) -> Field:
    return fields.array([fields.longstr(each) for each in texts])


def _properties(properties: Properties) -> Table:
    """Those that are there, the last one first; whole numbers as RabbitMQ's plugin cuts them, to 32 bits."""
    entries: list[tuple[str, Field | None]] = [(name, _text(properties, name)) for name in TEXTS_BEHIND]
    entries.append(("timestamp", _number(properties.timestamp)))
    entries += [(name, _text(properties, name)) for name in TEXTS]
    entries.append(("priority", _number(properties.priority)))
    entries.append(("delivery_mode", _number(properties.delivery_mode)))
    headers = properties.headers
    entries.append(("headers", None if headers is None else fields.table(rewritten(headers))))
    entries += [(name, _text(properties, name)) for name in ("content_encoding", "content_type")]
    return Table.of([(name, field) for name, field in entries if field is not None])


def _text(properties: Properties, name: str) -> Field | None:
    value: str | None = getattr(properties, name)
    return None if value is None else fields.longstr(value)


def _number(value: int | None) -> Field | None:
    return None if value is None else fields.signedint((value + 2**31) % 2**32 - 2**31)
