"""Who calls, and what its tags let it see: the rules of RabbitMQ's four management tags in one place.

A tag opens endpoints; what is changed there is decided by the user's permissions, as for an AMQP client.
https://www.rabbitmq.com/docs/management#permissions
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.login_sources import Source
from amqpd.broker.pending import Pending
from amqpd.broker.statistics import HTTP
from amqpd.broker.undecided import Undecided
from amqpd.broker.users import User
from amqpd.broker.vhost import VHost
from amqpd.errors import LoginRefused
from amqpd.http.message import Request
from amqpd.log import get_logger
from amqpd.management.errors import ApiError, not_authorised
from amqpd.management.tokens import Tokens
from amqpd.management.waiting import settled

log = get_logger(__name__)

ADMINISTRATOR: Final = "administrator"
MONITORING: Final = "monitoring"
POLICYMAKER: Final = "policymaker"
MANAGEMENT: Final = "management"
TAGS: Final = (ADMINISTRATOR, MONITORING, POLICYMAKER, MANAGEMENT)

FORWARDED: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
)
"""What proxies add to requests of others."""
NO_PASSWORDS: Final = "HTTP access denied: basic auth disabled"
REALM: Final = (("www-authenticate", 'Basic realm="RabbitMQ Management"'),)


class Access(Enum):
    """Whom an endpoint is for."""

    NOBODY = "no login"
    USER = "any management user"
    SHOWN = "a user who sees the virtual host"
    CONTENTS = "a user who sees what is in the virtual host"
    VHOST = "a user with permissions in the virtual host, or an administrator"
    POLICY = "a policymaker with permissions in the virtual host, or an administrator"
    MONITORING = "monitoring or administrator"
    ADMIN = "administrator"
    THE_VHOST = "a user who sees the virtual host (compat 3.10: an administrator)"
    CONSUMERS = "a user who sees the virtual host (compat 3.10: any user, who is shown its own)"
    POLICIES = "a policymaker, or an administrator (compat 3.10: a user with permissions in the virtual host)"
    OPERATOR_POLICY = "a policymaker, or an administrator (compat 3.10: an administrator)"
    USER_LIMITS = "administrator (compat 3.10: any management user)"


BY_VERSION: Final = {
    Access.CONTENTS: (Access.VHOST, Access.SHOWN),
    Access.THE_VHOST: (Access.ADMIN, Access.SHOWN),
    Access.CONSUMERS: (Access.USER, Access.SHOWN),
    Access.POLICIES: (Access.VHOST, Access.POLICY),
    Access.OPERATOR_POLICY: (Access.ADMIN, Access.POLICY),
    Access.USER_LIMITS: (Access.USER, Access.ADMIN),
}
"""What they are in 3.10, and later: there, monitoring gives no sight of vhosts without permissions in them."""


@attrs.frozen
class Caller:
    """A logged-in user, as far as endpoints are concerned."""

    user: User
    is_operator: bool = False
    """Whether it came in through the control socket: no permissions are asked for."""

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def is_administrator(self) -> bool:
        return ADMINISTRATOR in self.user.tags

    @property
    def sees_all(self) -> bool:
        """Whether all virtual hosts, connections and channels are shown."""
        return self.is_administrator or MONITORING in self.user.tags

    @property
    def makes_policies(self) -> bool:
        return self.is_administrator or POLICYMAKER in self.user.tags

    def works_in(self, broker: Broker, vhost: str) -> bool:
        """Whether it has permissions in a virtual host, whatever they are."""
        return broker.access.of(self.user).enters(self.name, vhost)

    def sees(self, broker: Broker, vhost: str) -> bool:
        return self.sees_all or self.works_in(broker, vhost)

    def visible(self, broker: Broker) -> list[VHost]:
        """The virtual hosts that it is shown."""
        return self._those(broker, self.sees)

    def looks_into(self, broker: Broker) -> list[VHost]:
        """The virtual hosts whose queues, exchanges and bindings it is shown."""
        narrow = broker.compat.profile.old_http_access and not self.is_administrator
        return self._those(broker, self.works_in if narrow else self.sees)

    def _those(self, broker: Broker, condition: Callable[[Broker, str], bool]) -> list[VHost]:
        seen, undecided = [], None
        for each in broker.vhosts.values():
            try:
                if condition(broker, each.name):
                    seen.append(each)
            except Undecided as one:  # all are asked for at once
                undecided = undecided or one
        if undecided is not None:
            raise undecided
        return seen


def require(caller: Caller, access: Access, broker: Broker, vhost: str | None) -> None:
    """Raise ApiError unless an endpoint is for this caller. `vhost`: the one in the path, if there is one."""
    if access in BY_VERSION:
        access = BY_VERSION[access][0 if broker.compat.profile.old_http_access else 1]
    if access is Access.ADMIN and not caller.is_administrator:
        raise not_authorised("Not administrator user")
    if access is Access.MONITORING and not caller.sees_all:
        raise not_authorised("Not monitor user")
    if access is Access.POLICY and not caller.makes_policies:
        raise not_authorised("User not authorised to access object")
    if vhost is None or caller.is_administrator:
        return
    if access is Access.POLICY and not caller.works_in(broker, vhost):
        raise not_authorised("User not authorised to access object")
    if access is Access.SHOWN and not caller.sees(broker, vhost):
        raise not_authorised("User not authorised to access virtual host")
    if access is Access.VHOST and not caller.works_in(broker, vhost):
        raise not_authorised("User not authorised to access virtual host")


async def log_in(
    request: Request, broker: Broker, loopback_users: tuple[str, ...], tokens: Tokens, *, passwords: bool = True
) -> Caller:
    """Check the name and password, or the token, that a request brings along. Raises ApiError (401)."""
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = tokens.user_of(said.strip(), broker.access.users)
        if user is None:
            token = said.strip().encode("latin-1", "replace")
            user = await _checked(None, broker.check_token(token, request.peer.peer_host), request, broker)
        return _admitted(user, request, loopback_users)
    if not passwords:
        raise no_passwords(request)
    name, password = _basic(scheme, said)
    return await log_in_with(name, password, request, broker, loopback_users)


def no_passwords(request: Request) -> ApiError:
    """What whoever comes with a name and a password is told where these are not taken."""
    log.warning("HTTP login refused", peer=request.peer.peer_host, reason=NO_PASSWORDS)
    return not_authorised(NO_PASSWORDS)


async def log_in_with(
    name: str, password: bytes, request: Request, broker: Broker, loopback_users: tuple[str, ...]
) -> Caller:
    """The same for a name and a password that stand elsewhere than in the headers."""
    checking = broker.check_password(name, password, request.peer.peer_host)
    return _admitted(await _checked(name, checking, request, broker), request, loopback_users)


async def _checked(claimed: str | None, checking: Pending[User | None], request: Request, broker: Broker) -> User:
    """Who has logged in. `claimed`: as whom; None: that is the token's matter. Raises ApiError."""
    try:
        with request.giving_way():  # failures before may have made it long, and a service may be slow
            user, reason = await settled(checking), "invalid credentials"
    except LoginRefused as refusal:
        user, reason = None, refusal.text
    if user is None:
        broker.statistics.login(Source(HTTP, request.peer.peer_host, claimed or ""), accepted=False)
        who = "a token" if claimed is None else f"user '{claimed}'"
        log.warning("HTTP login refused", peer=request.peer.peer_host, reason=f"{who} - {reason}")
        raise ApiError(401, "not_authorized", broker.compat.profile.http_login_refusal, REALM)
    broker.statistics.login(Source(HTTP, request.peer.peer_host, user.name), accepted=True)
    return user


def _is_meant_for_here(headers: Mapping[str, str]) -> bool:
    """Whether a request that comes from this machine was made for it: not on behalf of somebody else, by a proxy, and
    not by a page whose own name leads here (DNS rebinding). An address, `localhost` or a name without a dot is none's.
    """
    if not FORWARDED.isdisjoint(headers):
        return False
    host = headers.get("host", "")
    if host.startswith("["):
        return True
    name = host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(".localhost")
    return True


def _admitted(user: User, request: Request, loopback_users: tuple[str, ...]) -> Caller:
    """Who has logged in, if it may come from there and has one of the tags. Raises ApiError (401)."""
    if user.name in loopback_users and not (request.peer.is_loopback and _is_meant_for_here(request.headers)):
        raise ApiError(401, "not_authorised", "User can only log in via localhost", REALM)
    if not any(tag in TAGS for tag in user.tags):
        raise not_authorised("Not management user")
    return Caller(user)


def _basic(scheme: str, encoded: str) -> tuple[str, bytes]:
    if scheme.lower() != "basic":
        raise ApiError(401, "not_authorized", "Not_Authorized", REALM)
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    name, separator, password = decoded.partition(b":")
    if not separator:
        raise ApiError(401, "not_authorized", "Not_Authorized", REALM)
    return name.decode("utf-8", "surrogateescape"), password
