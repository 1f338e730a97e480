"""Runtime parameters, global parameters, and the limits of virtual hosts and users."""

from __future__ import annotations

from collections.abc import Callable

from amqpd.broker.operations import limits
from amqpd.broker.operations import parameters as operations
from amqpd.broker.operations.access import no_such_user, require_user
from amqpd.broker.operations.parameters import POLICY, Parameter
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call
from amqpd.management.errors import not_authorised, not_found
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.handlers.vhosts import existing_vhost
from amqpd.management.listing import AnyListing, Listing, View


async def all_parameters(call: Call) -> AnyListing:
    """List parameters; policies are not among them."""
    return _listing(call, _vhosts(call), lambda each: each.component != POLICY)


async def parameters_of_component(call: Call) -> AnyListing:
    """List the parameters of a component."""
    component = call.params["component"]
    return _listing(call, _vhosts(call), lambda each: each.component == component)


async def parameters_in_vhost(call: Call) -> AnyListing:
    """List the parameters of a component in a virtual host."""
    component = call.params["component"]
    return _listing(call, [call.vhost()], lambda each: each.component == component)


async def parameter(call: Call) -> object:
    """Show a parameter."""
    return _view(_found(call))


async def put_parameter(call: Call) -> Response:
    """Set a parameter of a component that amqpd has: policy, operator_policy, vhost-limits."""
    vhost, component, name = await existing_vhost(call), call.params["component"], call.params["name"]
    value = (await call.body("value"))["value"]
    _require_right(call, component)
    new = all((each.component, each.name) != (component, name) for each in operations.parameters(vhost))
    await call.perform(
        lambda: operations.set_parameter(call.broker, vhost, component, name, value, by=call.by)
    )
    return put(new)


async def delete_parameter(call: Call) -> Response:
    """Clear a parameter."""
    vhost, component, name = call.vhost(), call.params["component"], call.params["name"]
    _require_right(call, component)
    _found(call)
    await call.perform(lambda: operations.clear_parameter(call.broker, vhost, component, name, by=call.by))
    return NO_CONTENT


async def global_parameters(call: Call) -> AnyListing:
    """List global parameters."""
    found = call.broker.global_parameters
    return Listing(
        [*found], lambda name: {"name": name, "value": found.get(name)}, lambda name: (name,), lambda name: name
    )


async def global_parameter(call: Call) -> object:
    """Show a global parameter."""
    name, found = call.params["name"], call.broker.global_parameters
    if name not in found:
        raise not_found()
    return {"value": found[name], "name": name}


async def put_global_parameter(call: Call) -> Response:
    """Set a global parameter to any JSON."""
    value, name = (await call.body("value"))["value"], call.params["name"]
    return put(await call.perform(lambda: operations.set_global(call.broker, name, value, by=call.by)))


async def delete_global_parameter(call: Call) -> Response:
    """Clear a global parameter."""
    await call.perform(lambda: operations.clear_global(call.broker, call.params["name"], by=call.by))
    return NO_CONTENT


async def vhost_limits(call: Call) -> object:
    """List the limits of virtual hosts that have any."""
    return _limits_of(call.caller.visible(call.broker))


async def limits_of_vhost(call: Call) -> object:
    """Show the limits of a virtual host: an array of at most one."""
    return _limits_of([call.vhost()])


async def put_vhost_limit(call: Call) -> Response:
    """Set a limit of a virtual host: max-connections or max-queues."""
    vhost, name = await existing_vhost(call), call.params["name"]
    value = (await call.body("value"))["value"]
    await call.perform(
        lambda: limits.limit_vhost(
            call.broker, vhost, limits.vhost_limits({**limits.limits_of_vhost(vhost), name: value}), by=call.by
        )
    )
    return NO_CONTENT


async def delete_vhost_limit(call: Call) -> Response:
    """Clear a limit of a virtual host."""
    vhost, name = await existing_vhost(call), call.params["name"]
    await call.perform(lambda: limits.set_vhost_limit(call.broker, vhost, name, None, by=call.by))
    return NO_CONTENT


async def user_limits(call: Call) -> object:
    """List the limits of users who have any."""
    return _user_limits(call, [*call.broker.access.users])


async def limits_of_user(call: Call) -> object:
    """Show the limits of a user: an array of at most one."""
    return _user_limits(call, [require_user(call.broker, call.params["user"]).name])


async def put_user_limit(call: Call) -> Response:
    """Set a limit of a user: max-connections or max-channels."""
    value, user, name = (await call.body("value"))["value"], call.params["user"], call.params["name"]
    limits.user_limits({name: value})
    if user not in call.broker.access.users:
        raise no_such_user(user)
    await call.perform(lambda: limits.set_user_limit(call.broker, user, name, value, by=call.by))
    return NO_CONTENT


async def delete_user_limit(call: Call) -> Response:
    """Clear a limit of a user."""
    user, name = call.params["user"], call.params["name"]
    await call.perform(lambda: limits.set_user_limit(call.broker, user, name, None, by=call.by))
    return NO_CONTENT


def _vhosts(call: Call) -> list[VHost]:
    caller = call.caller
    return [
        each
        for each in call.broker.vhosts.values()
        if caller.is_administrator or caller.works_in(call.broker, each.name)
    ]


def _found(call: Call) -> Parameter:
    wanted = (call.params["component"], call.params["name"])
    found = [each for each in operations.parameters(call.vhost()) if (each.component, each.name) == wanted]
    if not found:
        raise not_found()
    return found[0]


def _require_right(call: Call, component: str) -> None:
    """What operators forbid and limit is not for those who make policies only."""
    if component != POLICY and not call.caller.is_administrator:
        raise not_authorised("Not administrator user")


def _listing(call: Call, vhosts: list[VHost], wanted: Callable[[Parameter], bool]) -> Listing[Parameter]:
    found = [each for vhost in vhosts for each in operations.parameters(vhost) if wanted(each)]
    return Listing(found, _view, lambda each: (each.vhost, each.component, each.name), lambda each: each.name)


def _view(parameter_: Parameter) -> View:
    return {
        "value": parameter_.value,
        "vhost": parameter_.vhost,
        "component": parameter_.component,
        "name": parameter_.name,
    }


def _limits_of(vhosts: list[VHost]) -> list[View]:
    found = [(each.name, limits.limits_of_vhost(each)) for each in vhosts]
    return [{"vhost": name, "value": value} for name, value in sorted(found, key=lambda each: each[0]) if value]


def _user_limits(call: Call, names: list[str]) -> list[View]:
    found = [(name, limits.limits_of_user(call.broker.access.users[name])) for name in sorted(names)]
    return [{"user": name, "value": value} for name, value in found if value]
