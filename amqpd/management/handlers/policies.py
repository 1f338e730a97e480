"""Policies and operators' policies: the same endpoints for both, under two paths."""

from __future__ import annotations

from collections.abc import Mapping

from amqpd.broker.operations import policies as operations
from amqpd.broker.operations.exporting import policy_item
from amqpd.broker.policies import ALL, Policy
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call
from amqpd.management.errors import not_found
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.listing import AnyListing, Listing


async def policies(call: Call) -> AnyListing:
    """List policies."""
    return _listing([vhost for vhost in call.broker.vhosts.values() if _works_in(call, vhost)], operator=False)


async def policies_of_vhost(call: Call) -> AnyListing:
    """List the policies of a virtual host."""
    return _listing([call.vhost()], operator=False)


async def policy(call: Call) -> object:
    """Show a policy."""
    return _show(call, operator=False)


async def put_policy(call: Call) -> Response:
    """Create or replace a policy."""
    return await _put(call, operator=False)


async def delete_policy(call: Call) -> Response:
    """Remove a policy and what it changed."""
    return await _delete(call, operator=False)


async def operator_policies(call: Call) -> AnyListing:
    """List operators' policies."""
    return _listing([vhost for vhost in call.broker.vhosts.values() if _works_in(call, vhost)], operator=True)


async def operator_policies_of_vhost(call: Call) -> AnyListing:
    """List the operators' policies of a virtual host."""
    return _listing([call.vhost()], operator=True)


async def operator_policy(call: Call) -> object:
    """Show an operator's policy."""
    return _show(call, operator=True)


async def put_operator_policy(call: Call) -> Response:
    """Create or replace an operator's policy."""
    return await _put(call, operator=True)


async def delete_operator_policy(call: Call) -> Response:
    """Remove an operator's policy and what it changed."""
    return await _delete(call, operator=True)


def of(vhost: VHost, *, operator: bool) -> Mapping[str, Policy]:
    """The policies of one kind."""
    return vhost.policies.operator if operator else vhost.policies.ordinary


def _works_in(call: Call, vhost: VHost) -> bool:
    return call.caller.is_administrator or call.caller.works_in(call.broker, vhost.name)


def _listing(vhosts: list[VHost], *, operator: bool) -> Listing[tuple[VHost, Policy]]:
    return Listing(
        [(vhost, each) for vhost in vhosts for each in of(vhost, operator=operator).values()],
        lambda each: dict(policy_item(*each)),
        lambda each: (each[0].name, each[1].name),
        lambda each: each[1].name,
    )


def _show(call: Call, *, operator: bool) -> object:
    vhost = call.vhost()
    found = of(vhost, operator=operator).get(call.params["policy"])
    if found is None:
        raise not_found()
    return policy_item(vhost, found)


async def _put(call: Call, *, operator: bool) -> Response:
    vhost, name = await existing_vhost(call), call.params["policy"]
    body = await call.body("pattern", "definition")
    new = name not in of(vhost, operator=operator)
    await call.perform(
        lambda: operations.set_policy(
            call.broker,
            vhost,
            name,
            body["pattern"],  # type: ignore[arg-type]  # the operation checks what it is
            body["definition"],  # type: ignore[arg-type]  # the same
            priority=body.get("priority", 0),  # type: ignore[arg-type]  # the same
            apply_to=body.get("apply-to", ALL),  # type: ignore[arg-type]  # the same
            operator=operator,
            by=call.by,
        )
    )
    return put(new)


async def _delete(call: Call, *, operator: bool) -> Response:
    vhost, name = call.vhost(), call.params["policy"]
    if name not in of(vhost, operator=operator):
        raise not_found()
    await call.perform(lambda: operations.clear_policy(call.broker, vhost, name, operator=operator, by=call.by))
    return NO_CONTENT
