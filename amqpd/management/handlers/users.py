"""Users."""

from __future__ import annotations

from collections.abc import Callable

from amqpd.broker.operations import access
from amqpd.broker.operations.json_values import tags_of
from amqpd.broker.passwords import SHA256, hash_password
from amqpd.broker.users import User
from amqpd.http.message import Response
from amqpd.http.turns import SMALL, Slice
from amqpd.management.api import Call, mapping_of, text_of
from amqpd.management.errors import bad_request
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.listing import AnyListing, Listing, View
from amqpd.management.views.users import permission_view, topic_permission_view, user_at_work_view, user_view


async def users(call: Call) -> AnyListing:
    """List users; `vhosts=5` shows the first five virtual hosts in which they have permissions, and how many there are.
    """
    everybody, most = [*call.broker.access.users.values()], call.number("vhosts", 0)
    if not most:
        return _listing(everybody)
    found: dict[str, list[str]] = {}
    turn = Slice()
    for count, (name, vhost) in enumerate([*call.broker.access.permissions]):
        found.setdefault(name, []).append(vhost)
        if count % SMALL == 0:
            await turn.rest()
    return _listing(everybody, lambda each: user_at_work_view(each, found.get(each.name, []), most))


async def users_without_permissions(call: Call) -> AnyListing:
    """List users who may do nothing in any virtual host."""
    known = {user for user, _ in call.broker.access.permissions}
    return _listing([each for name, each in call.broker.access.users.items() if name not in known])


async def user(call: Call) -> object:
    """Show a user."""
    return user_view(access.require_user(call.broker, call.params["user"]))


async def put_user(call: Call) -> Response:
    """Create or replace a user."""
    body = await call.body()
    if "tags" not in body:
        raise bad_request("tags_not_present")
    if body.get("password") is not None and body.get("password_hash") is not None:
        raise bad_request("both_password_and_password_hash_are_provided")
    tags = tags_of(body["tags"])
    password = text_of(body, "password") if body.get("password") is not None else None
    password_hash = text_of(body, "password_hash") if body.get("password_hash") is not None else None
    limits = mapping_of(body, "limits") if "limits" in body else None
    algorithm = text_of(body, "hashing_algorithm", SHA256)
    name = call.params["user"]
    new = await call.perform(
        lambda: access.put_user(
            call.broker,
            name,
            tags=tags,
            password=password,
            password_hash=password_hash,
            algorithm=algorithm,
            limits=limits,
            by=call.by,
        )
    )
    return put(new)


async def delete_user(call: Call) -> Response:
    """Delete a user; its connections are closed."""
    await call.perform(lambda: access.delete_user(call.broker, call.params["user"], by=call.by))
    return NO_CONTENT


async def delete_users(call: Call) -> Response:
    """Delete several users."""
    names = (await call.body("users"))["users"]
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise bad_request(f"'users' is {names!r:.80}: expected an array of names")
    await call.perform(lambda: access.delete_users(call.broker, names, by=call.by))
    return NO_CONTENT


async def permissions_of_user(call: Call) -> object:
    """List what a user may do, by virtual host."""
    name, granted = access.require_user(call.broker, call.params["user"]).name, call.broker.access.permissions
    return [permission_view(*key, granted[key]) for key in granted if key[0] == name]


async def topic_permissions_of_user(call: Call) -> object:
    """List which routing keys a user may use."""
    name, granted = access.require_user(call.broker, call.params["user"]).name, call.broker.access.topic_permissions
    return [topic_permission_view(*key, granted[key]) for key in granted if key[0] == name]


async def hash_of_password(call: Call) -> object:
    """Hash a password with a fresh salt, as `password_hash` takes it."""
    return {"ok": hash_password(call.params["password"])}


def _listing(found: list[User], view: Callable[[User], View] = user_view) -> Listing[User]:
    return Listing(found, view, lambda each: (each.name,), lambda each: each.name)
