"""Queues."""

from __future__ import annotations

from amqpd.broker.operations import queues as operations
from amqpd.broker.operations.invalid import Missing
from amqpd.broker.operations.json_values import flag
from amqpd.broker.operations.names import short
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.errors import bad_request
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.handlers.tables import arguments_of
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.views.queues import queue_details, queue_view
from amqpd.management.weights import are_wanted, weighed


async def queues(call: Call) -> AnyListing:
    """List queues; `type=stream` shows those of that type."""
    return await _listing(call, call.caller.looks_into(call.broker))


async def queues_of_vhost(call: Call) -> AnyListing:
    """List the queues of a virtual host; `type=stream` shows those of that type."""
    return await _listing(call, [call.vhost()])


async def queue(call: Call) -> object:
    """Show a queue with its consumers."""
    vhost, broker = call.vhost(), call.broker
    found = find_queue(vhost, call.params["queue"])
    out = await weighed(call.api.node, [found], found) if are_wanted(call.query) else None
    return queue_details(
        vhost, found, broker.name, broker.capacities, call.details(found), out=out, totals=_totals(call)
    )


async def put_queue(call: Call) -> Response:
    """Declare a queue."""
    vhost, body = await existing_vhost(call), await call.body()
    auto_delete, durable = flag(body, "auto_delete", False), flag(body, "durable", False)
    arguments, name = arguments_of(body), short("the queue's name", call.params["queue"])
    if not name:
        raise bad_request("a queue's name cannot be empty: only clients let the broker make one up")
    if "node" in body and text_of(body, "node") != call.broker.name:
        raise bad_request(f"there is no node '{text_of(body, 'node')}': this is '{call.broker.name}'")
    session, new = call.session(vhost), name not in vhost.queues
    await call.perform(
        lambda: operations.declare(
            call.broker,
            session,
            name,
            durable=durable,
            exclusive=False,
            auto_delete=auto_delete,
            arguments=arguments,
        )
    )
    return put(new)


async def delete_queue(call: Call) -> Response:
    """Delete a queue; `if-empty=true` leaves one that has messages, `if-unused=true` one that has consumers."""
    vhost, name = call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    session, if_unused, if_empty = call.session(vhost), call.condition("if-unused"), call.condition("if-empty")
    await call.perform(
        lambda: operations.delete(call.broker, session, name, if_unused=if_unused, if_empty=if_empty)
    )
    return NO_CONTENT


async def purge_queue(call: Call) -> Response:
    """Drop the ready messages of a queue."""
    vhost, name = call.vhost(), call.params["queue"]
    find_queue(vhost, name)
    session = call.session(vhost)
    await call.perform(lambda: operations.purge(call.broker, session, name))
    return NO_CONTENT


async def act_on_queue(call: Call) -> Response:
    """Synchronise a mirrored queue (`{"action": "sync"}` or "cancel_sync"): there is nothing to do on one node."""
    find_queue(call.vhost(), call.params["queue"])
    action = text_of(await call.body("action"), "action")
    if action not in ("sync", "cancel_sync") or not call.broker.compat.profile.mirrors_queues:
        raise bad_request(["unknown", action])
    return NO_CONTENT


def find_queue(vhost: VHost, name: str) -> Queue:
    """Raises Missing."""
    found = vhost.queues.get(name)
    if found is None:
        raise Missing(f"no queue '{name}' in vhost '{vhost.name}'")
    return found


async def _listing(call: Call, vhosts: list[VHost]) -> Listing[tuple[VHost, Queue]]:
    broker, wanted, totals = call.broker, call.query.get("type"), _totals(call)
    queues_of = (queue for vhost in vhosts for queue in [*vhost.queues.values()])
    out = await weighed(call.api.node, queues_of) if are_wanted(call.query) else None
    return Listing(
        (
            (vhost, each)
            for vhost in vhosts
            for each in [*vhost.queues.values()]
            if wanted in (None, each.type.name)
        ),
        lambda each: queue_view(
            *each, broker.name, broker.capacities, call.details(each[1]), out=out, totals=totals
        ),
        lambda each: (each[0].name, each[1].name),
        lambda each: each[1].name,
    )


def _totals(call: Call) -> bool:
    """Whether messages are to be counted where `disable_stats=true` leaves the rest out."""
    return call.query.get("enable_queue_totals") == "true"
