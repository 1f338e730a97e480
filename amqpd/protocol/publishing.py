"""basic.publish once its content is complete: the checks, the route, the queues, and what the publisher hears.

The order of the checks is RabbitMQ's. What depends on the method's octets alone comes from the plan; what depends on
the properties is looked at only if their flags say that there is something to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.message import Message, Trail
from amqpd.broker.operations.publish_checks import check_expiration, check_user_id, copies
from amqpd.broker.permissions import WRITE
from amqpd.broker.queue import REJECTED
from amqpd.broker.reply_to import PSEUDO_QUEUE
from amqpd.broker.undecided import Undecided
from amqpd.errors import AmqpError, InternalError, NotImplementedHere, PreconditionFailed, ResourceError
from amqpd.properties import EXPIRATION, HEADERS, REPLY_TO, USER_ID, Properties
from amqpd.protocol import tracing
from amqpd.wire.content import BODY_SIZE_LIMIT, MALFORMED, ContentHeader

if TYPE_CHECKING:
    from amqpd.broker.pending import Pending
    from amqpd.broker.vhost import Route
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.node import Node
    from amqpd.protocol.publish_plan import PublishPlan

LOOKED_AT: Final = HEADERS | REPLY_TO | EXPIRATION | USER_ID


# One function on purpose: each further call would cost every message.
def publish(channel: Channel, payload: bytes, header: ContentHeader, body: bytes) -> None:  # noqa: C901, PLR0912, PLR0915
    """Route and enqueue one message. Raises an AmqpError for what the publisher did wrong."""
    connection = channel.connection
    if payload is channel.last_payload and channel.last_plan is not None:
        plan = channel.last_plan
    else:
        plan = channel.plan_of(payload)
    if plan.immediate:
        raise NotImplementedHere("immediate=true")
    if len(body) > connection.node.max_message_size:
        raise too_large(len(body), connection.node.max_message_size)
    vhost = channel.session.vhost
    if plan.generation != vhost.generation or plan.access_generation != channel.session.access.generation:
        plan.refresh(channel.session)
    properties = header.properties
    route = plan.route
    keys: tuple[str, ...] = ()
    if properties.flags & LOOKED_AT or plan.checks_topic or route is None or connection.node.looks_at_all:
        properties, keys, trail = _look_at(channel, plan, properties)
        message = Message(plan.exchange_name, plan.routing_key, properties, body)
        message.trail = trail
        if route is None or len(keys) > 1:
            assert plan.exchange is not None
            route = vhost.route(plan.exchange, keys, message)
            if vhost.tracing:
                tracing.published(channel, message, route)
    else:
        message = Message(plan.exchange_name, plan.routing_key, properties, body)
    tally = plan.tally
    tally.published += 1
    confirms = channel.confirms
    if confirms is not None:
        confirms.published += 1
    accepted = True
    if channel.transaction is not None:
        tally.routed(plan.mandatory, len(route))
        addresses = vhost.addresses(plan.exchange_name, keys or (plan.routing_key,), route)
        channel.transaction.publish(message, addresses, plan.mandatory)
    elif route:
        if len(route) == 1:
            destination = route[0]
            accepted = destination.publish(message) != REJECTED
        else:
            tally.copies += len(route) - 1
            accepted = vhost.publish(message, route)
    elif plan.mandatory:
        tally.returned += 1
        channel.return_unroutable(message)
    else:
        tally.dropped += 1
    if confirms is not None:
        if connection.node.broker.journal.immediate or not accepted:
            if accepted:
                confirms.ack(confirms.published)
            else:
                confirms.nack(confirms.published)
            channel.confirm_later()
        else:
            _confirm_when_durable(channel, confirms.published)
    if plan.mandatory and connection.node.broker.compat.profile.reply_to_is_destination is False:
        _return_direct_reply(channel, message, route)


def publish_once_decided(
    channel: Channel, undecided: Undecided, payload: bytes, header: ContentHeader, body: bytes
) -> None:
    """Publish as soon as it is known whether the client may; what it sends meanwhile stands in line."""

    def publish_again(_: Pending[None]) -> None:
        try:
            publish(channel, payload, header, body)
        except Undecided as more:
            publish_once_decided(channel, more, payload, header, body)
        except AmqpError as error:
            error.method = error.method or (60, 40)
            raise

    channel.wait_for(undecided.answer, publish_again)


def count_unfinished(channel: Channel, octets: int) -> None:
    """Account for content that is still arriving. Raises ResourceError over the caps."""
    if not octets:
        return
    connection = channel.connection
    node = connection.node
    connection.unfinished_content += octets
    node.unfinished_content += octets
    node.broker.account.octets += octets
    if octets < 0:
        return
    limits = node.settings
    if connection.unfinished_content > limits.max_unfinished_content:
        raise ResourceError(
            f"unfinished content of {connection.unfinished_content} octets on this connection: "
            f"expected at most {limits.max_unfinished_content}",
            method=(60, 40),
        )
    if node.unfinished_content > limits.max_unfinished_content_total:
        raise ResourceError(
            f"unfinished content of {node.unfinished_content} octets in this broker: "
            f"expected at most {limits.max_unfinished_content_total}",
            method=(60, 40),
        )


def too_large(size: int, limit: int) -> PreconditionFailed:
    """The error for a body above the limit of one message."""
    kind = "max size" if limit == BODY_SIZE_LIMIT else "configured max size"
    return PreconditionFailed(f"message size {size} is larger than {kind} {limit}")


def _confirm_when_durable(channel: Channel, number: int) -> None:
    """The queues have it; the journal says when it is safe. Publishes that become so together wait together."""
    confirms = channel.confirms
    assert confirms is not None
    pending = channel.connection.node.broker.journal.messages_durable()
    if pending is None:
        confirms.ack(number)
        channel.confirm_later()
        return
    confirms.wait(number)
    awaited = channel.awaited
    if awaited is not None and awaited[0] is pending:
        awaited[1].append(number)
        return
    numbers = [number]
    channel.awaited = pending, numbers

    def durable(done: Pending[None]) -> None:
        if channel.confirms is not confirms:
            return  # the channel ended meanwhile
        try:
            done.result()
        except Exception:  # noqa: BLE001  # the journal has logged why; to the publisher it is a nack
            accepted = False
        else:
            accepted = True
        for each in numbers:
            confirms.settle(each, accepted)
        channel.confirm_later()

    pending.when_done(durable)


def _look_at(
    channel: Channel, plan: PublishPlan, properties: Properties
) -> tuple[Properties, tuple[str, ...], Trail | None]:
    """The checks that depend on properties; return what is stored, all routing keys, and those that receivers don't
    see.
    """
    session = channel.session
    node = channel.connection.node
    profile = node.broker.compat.profile
    if plan.checks_topic and not profile.topic_permission_covers_copies:
        session.require_topic(WRITE, plan.exchange_name, plan.routing_key)
    if properties is MALFORMED:
        raise InternalError(method=(0, 0))  # RabbitMQ's decoder crashes here, and that is what its clients see
    if properties.flags & REPLY_TO and properties.reply_to == PSEUDO_QUEUE:
        if channel.reply_port is None:
            raise PreconditionFailed("fast reply consumer does not exist")
        properties = properties.replace(reply_to=channel.reply_port.name)
    if profile.checks_user_id_first:
        check_user_id(session, properties)
    if properties.flags & EXPIRATION:
        check_expiration(properties.expiration or "")
    keys: tuple[str, ...] = (plan.routing_key,)
    trail = None
    if properties.flags & HEADERS and (b"\x02CC" in properties.raw or b"\x03BCC" in properties.raw):
        keys, properties, trail = copies(plan.routing_key, properties)
    if node.looks_at_all:
        properties = look_at_all(node, properties)
    if plan.checks_topic and profile.topic_permission_covers_copies:
        for key in keys:
            session.require_topic(WRITE, plan.exchange_name, key)
    check_user_id(session, properties)
    return properties, keys, trail


def look_at_all(node: Node, properties: Properties) -> Properties:
    """What is looked at, and added, whatever the flags say."""
    broker = node.broker
    if broker.compat.profile.refuses_unknown_delivery_mode and properties.delivery_mode not in (None, 1, 2):
        raise PreconditionFailed(f"invalid message: {{delivery_mode_unknown,{properties.delivery_mode}}}")
    interceptors = node.settings.interceptors
    return interceptors.received(properties, broker.clock, broker.name) if interceptors.incoming else properties


def _return_direct_reply(channel: Channel, message: Message, route: Route) -> None:
    """Up to 3.10 a mandatory reply is delivered and returned: the pseudo queue doesn't count as a destination."""
    if route and all(each.kind == "reply" for each in route):
        channel.return_unroutable(message)
