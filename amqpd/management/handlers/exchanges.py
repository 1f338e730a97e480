"""Exchanges."""

from __future__ import annotations

import trio

from amqpd.broker.exchange import Exchange
from amqpd.broker.operations import exchanges as operations
from amqpd.broker.operations.invalid import Missing
from amqpd.broker.operations.json_values import flag
from amqpd.broker.operations.names import short
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.handlers.tables import arguments_of
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.rates.details import NOTHING, Details
from amqpd.management.rates.survey import Survey
from amqpd.management.views.exchanges import exchange_view
from amqpd.protocol.statistics import PublishCounts

DEFAULT_TYPE = "direct"

Published = dict[tuple[str, str], PublishCounts]


async def exchanges(call: Call) -> AnyListing:
    """List exchanges."""
    return await _listing(call, call.caller.looks_into(call.broker))


async def exchanges_of_vhost(call: Call) -> AnyListing:
    """List the exchanges of a virtual host."""
    return await _listing(call, [call.vhost()])


async def exchange(call: Call) -> object:
    """Show an exchange."""
    vhost = call.vhost()
    found = find_exchange(vhost, call.exchange())
    published = await published_to(call)
    view = exchange_view(vhost, found, *_counts(call, published, vhost, found))
    if call.stats:
        view |= {"incoming": [], "outgoing": []}
    return view


async def put_exchange(call: Call) -> Response:
    """Declare an exchange."""
    vhost, body = await existing_vhost(call), await call.body()
    auto_delete, durable = flag(body, "auto_delete", False), flag(body, "durable", False)
    internal, arguments = flag(body, "internal", False), arguments_of(body)
    name, type_name = short("the exchange's name", call.exchange()), text_of(body, "type", DEFAULT_TYPE)
    session, new = call.session(vhost), name not in vhost.exchanges
    await call.perform(
        lambda: operations.declare(
            call.broker,
            session,
            name,
            type_name,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments,
        )
    )
    return put(new)


async def delete_exchange(call: Call) -> Response:
    """Delete an exchange; `if-unused=true` leaves one that has bindings."""
    vhost, name = call.vhost(), call.exchange()
    find_exchange(vhost, name)
    session, if_unused = call.session(vhost), call.condition("if-unused")
    await call.perform(lambda: operations.delete(call.broker, session, name, if_unused=if_unused))
    return NO_CONTENT


def find_exchange(vhost: VHost, name: str) -> Exchange:
    """Raises Missing."""
    found = vhost.exchanges.get(name)
    if found is None:
        raise Missing(f"no exchange '{name}' in vhost '{vhost.name}'")
    return found


async def published_to(call: Call) -> Published | None:
    """What was published, by vhost and exchange; None where it isn't asked for."""
    if not call.stats:
        return None
    survey = Survey(call.api.node)
    for _ in survey.traffic():
        await trio.lowlevel.checkpoint()
    return survey.exchanges


def _counts(
    call: Call, published: Published | None, vhost: VHost, exchange: Exchange
) -> tuple[PublishCounts | None, Details]:
    key = vhost.name, exchange.name
    if published is None:
        return None, NOTHING
    return published.get(key, PublishCounts()), call.details(key) or NOTHING


async def _listing(call: Call, vhosts: list[VHost]) -> Listing[tuple[VHost, Exchange]]:
    published = await published_to(call)
    return Listing(
        ((vhost, each) for vhost in vhosts for each in [*vhost.exchanges.values()]),
        lambda each: exchange_view(*each, *_counts(call, published, *each)),
        lambda each: (each[0].name, each[1].name),
        lambda each: each[1].name,
    )
