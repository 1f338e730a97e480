"""Virtual hosts."""

from __future__ import annotations

from amqpd.broker.operations import access
from amqpd.broker.operations import vhosts as operations
from amqpd.broker.operations.json_values import flag, tags_of
from amqpd.broker.permissions import EVERYTHING
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call, mapping_of, text_of
from amqpd.management.errors import ApiError, bad_request
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.handlers.overview import sums_of
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.rates.counted import Sums
from amqpd.management.rates.details import NOTHING
from amqpd.management.views.users import permission_view, topic_permission_view
from amqpd.management.views.vhosts import vhost_view


async def vhosts(call: Call) -> AnyListing:
    """List virtual hosts."""
    found = call.caller.visible(call.broker)
    sums = await sums_of(call)
    return Listing(
        found,
        lambda each: _view(call, each, sums),
        lambda each: (each.name,),
        lambda each: each.name,
    )


async def vhost(call: Call) -> object:
    """Show a virtual host."""
    found = call.vhost()
    return _view(call, found, await sums_of(call))


def _view(call: Call, vhost: VHost, sums: dict[VHost, Sums] | None) -> dict[str, object]:
    counted = None if sums is None else sums.get(vhost, Sums())
    return vhost_view(call.broker, vhost, counted, call.details(vhost) or NOTHING)


async def put_vhost(call: Call) -> Response:
    """Create a virtual host, or change what is given of it; its creator may do everything there."""
    body, name = await call.body(), call.params["vhost"]
    said = {**body, **mapping_of(body, "metadata")}
    default = said.get("default_queue_type", said.get("defaultqueuetype"))
    new = await call.perform(
        lambda: operations.put_vhost(
            call.broker,
            name,
            description=text_of(said, "description") if said.get("description") is not None else None,
            tags=tags_of(said["tags"]) if said.get("tags") is not None else None,
            default_queue_type=None if default in (None, "", "undefined") else str(default),
            protected=flag(said, "protected_from_deletion", False) if "protected_from_deletion" in said else None,
            tracing=flag(body, "tracing", False) if "tracing" in body else None,
            by=call.by,
        )
    )
    if new and call.by in call.broker.access.users:  # the operator of the machine is none of them
        everything = (EVERYTHING, EVERYTHING, EVERYTHING)
        await call.perform(lambda: access.grant(call.broker, call.by, name, *everything, by=call.by))
    return put(new)


async def delete_vhost(call: Call) -> Response:
    """Delete a virtual host with everything in it."""
    await call.perform(lambda: operations.delete_vhost(call.broker, call.params["vhost"], by=call.by))
    return NO_CONTENT


async def protect_vhost(call: Call) -> Response:
    """Keep a virtual host from being deleted."""
    return await _protect(call, True)


async def unprotect_vhost(call: Call) -> Response:
    """Let a virtual host be deleted."""
    return await _protect(call, False)


async def start_vhost(call: Call) -> Response:
    """Start a virtual host on a node: all of them run."""
    call.vhost()
    if call.params["node"] != call.broker.name:
        raise bad_request(f"Request to node {call.params['node']} failed with nodedown")
    return NO_CONTENT


async def permissions_of_vhost(call: Call) -> object:
    """List who may do what in a virtual host."""
    name = call.vhost().name
    found = [(user, vhost_) for user, vhost_ in call.broker.access.permissions if vhost_ == name]
    return [permission_view(*key, call.broker.access.permissions[key]) for key in found]


async def topic_permissions_of_vhost(call: Call) -> object:
    """List who may use which routing keys in a virtual host."""
    name, granted = call.vhost().name, call.broker.access.topic_permissions
    return [topic_permission_view(*key, granted[key]) for key in granted if key[1] == name]


async def existing_vhost(call: Call) -> VHost:
    """The virtual host of the path, where something in it is to change; once the body is there, which may take long and
    is looked into afterwards. Raises ApiError.
    """
    await call.sized()
    found = call.broker.vhosts.get(call.params["vhost"])
    if found is None:
        raise ApiError(404, "not_found", "vhost_not_found")
    return found


async def _protect(call: Call, protected: bool) -> Response:
    name = call.vhost().name
    await call.perform(lambda: operations.put_vhost(call.broker, name, protected=protected, by=call.by))
    return NO_CONTENT
