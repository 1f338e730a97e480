"""Bindings, from both ends, and one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote_plus

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange
from amqpd.broker.operations import bindings as operations
from amqpd.broker.operations.invalid import Missing
from amqpd.broker.operations.names import short
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.errors import not_found
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.exchanges import find_exchange
from amqpd.management.handlers.queues import find_queue
from amqpd.management.handlers.tables import arguments_of
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.listing import AnyListing, Listing, View
from amqpd.management.views.bindings import between, implicit_view, location, properties_key, view_of

KINDS = {"q": Queue.kind, "e": Exchange.kind}
Item = tuple[VHost, "Binding | Queue"]
"""A binding, or the queue whose binding to the default exchange is meant."""


async def bindings(call: Call) -> AnyListing:
    """List bindings."""
    vhosts = call.caller.looks_into(call.broker)
    return _listing(item for vhost in vhosts for item in _all(vhost))


async def bindings_of_vhost(call: Call) -> AnyListing:
    """List the bindings of a virtual host."""
    return _listing(_all(call.vhost()))


async def bindings_of_queue(call: Call) -> AnyListing:
    """List the bindings of a queue, that to the default exchange too."""
    vhost = call.vhost()
    queue = find_queue(vhost, call.params["queue"])
    return _listing([(vhost, queue), *[(vhost, each) for each in queue.bindings]])


async def bindings_from_exchange(call: Call) -> AnyListing:
    """List the bindings with an exchange as their source."""
    vhost = call.vhost()
    exchange = find_exchange(vhost, call.exchange())
    if exchange is vhost.default_exchange:
        return _listing((vhost, each) for each in [*vhost.queues.values()])
    return _listing((vhost, each) for each in [*exchange.outgoing.values()])


async def bindings_to_exchange(call: Call) -> AnyListing:
    """List the bindings with an exchange as their destination."""
    vhost = call.vhost()
    return _listing((vhost, each) for each in [*find_exchange(vhost, call.exchange()).incoming])


async def bindings_between(call: Call) -> AnyListing:
    """List the bindings from an exchange to a queue (`q`) or another exchange (`e`)."""
    vhost = call.vhost()
    return _listing([*_found_between(call, vhost)])


async def bind(call: Call) -> Response:
    """Bind a queue (`q`) or an exchange (`e`) to an exchange."""
    vhost, body, kind = await existing_vhost(call), await call.body(), _kind(call)
    source, destination = call.exchange("source"), call.exchange("destination")
    routing_key, arguments = short("the routing key", text_of(body, "routing_key", "")), arguments_of(body)
    session = call.session(vhost)
    await call.perform(
        lambda: operations.bind(call.broker, session, kind, destination, source, routing_key, arguments)
    )
    return Response(201, (), (("location", location(destination, routing_key, arguments)),))


async def binding(call: Call) -> object:
    """Show one binding."""
    vhost = call.vhost()
    return _view((vhost, _one(call, vhost)))


async def unbind(call: Call) -> Response:
    """Remove one binding."""
    vhost = call.vhost()
    found = _one(call, vhost)
    if isinstance(found, Queue):
        source, key, arguments = "", found.name, arguments_of({})
    else:
        source, key, arguments = found.source.name, found.routing_key, found.arguments
    kind, destination, session = _kind(call), call.exchange("destination"), call.session(vhost)
    await call.perform(lambda: operations.unbind(call.broker, session, kind, destination, source, key, arguments))
    return NO_CONTENT


def _kind(call: Call) -> str:
    kind = KINDS.get(call.params["kind"])
    if kind is None:
        raise not_found()
    return kind


def _found_between(call: Call, vhost: VHost) -> Iterator[Item]:
    source, destination = call.exchange("source"), call.exchange("destination")
    exchange = vhost.exchanges.get(source)
    found = vhost.queues.get(destination) if _kind(call) == Queue.kind else vhost.exchanges.get(destination)
    if exchange is None or found is None:
        return
    if exchange is vhost.default_exchange:
        if isinstance(found, Queue):
            yield vhost, found
        return
    yield from ((vhost, each) for each in between(exchange, found))


def _one(call: Call, vhost: VHost) -> Binding | Queue:
    """The binding that the path names by its key; a routing key that wasn't encoded twice is understood too."""
    wanted = call.params["properties"]
    as_key = quote_plus(wanted.encode("utf-8", "surrogateescape"), safe="").replace("~", "%7E")
    lenient = None
    for _, each in _found_between(call, vhost):
        key = _key(each)
        if key == wanted:
            return each
        if key == as_key:
            lenient = each
    if lenient is None:
        raise Missing(f"no binding '{wanted}'")
    return lenient


def _key(each: Binding | Queue) -> str:
    if isinstance(each, Queue):
        return properties_key(each.name, arguments_of({}))
    return properties_key(each.routing_key, each.arguments)


def _all(vhost: VHost) -> Iterator[Item]:
    """Copies of what it goes through: others change that meanwhile."""
    yield from ((vhost, each) for each in [*vhost.queues.values()])
    for exchange in [*vhost.exchanges.values()]:
        yield from ((vhost, each) for each in [*exchange.outgoing.values()])


def _view(item: Item) -> View:
    vhost, each = item
    return implicit_view(vhost, each) if isinstance(each, Queue) else view_of(vhost, each)


def _listing(items: Iterable[Item]) -> Listing[Item]:
    return Listing(items, _view, lambda each: (each[0].name, _source(each)), _source)


def _source(item: Item) -> str:
    each = item[1]
    return "" if isinstance(each, Queue) else each.source.name
