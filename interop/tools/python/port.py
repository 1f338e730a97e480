"""What the scenarios ask of a tool, in the words of RabbitMQ's HTTP API. Each driver maps it to its tool's own calls.

What comes back is what the tool shows, with the API's names. A tool without a call for something leaves the method as
it is here: the scenario goes on without it where it can, and `client.toml` says so where it can't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Shown = Mapping[str, Any]
"""An object as the tool shows it."""


class NotFound(Exception):
    """The tool reports that something isn't there."""


class NotAuthorized(Exception):
    """The tool reports that it wasn't let in."""


class BadRequest(Exception):
    """The tool reports that the broker refused what was asked for."""


class Lacking(Exception):
    """The tool has no call for it."""


class Tool:
    """One tool, logged in as one user. Raises NotFound, NotAuthorized, BadRequest."""

    # -- the broker

    def whoami(self) -> Shown:
        raise Lacking

    def overview(self) -> Shown:
        raise Lacking

    def nodes(self) -> Sequence[Shown]:
        raise Lacking

    def alive(self, vhost: str) -> bool:
        raise Lacking

    def healthy(self, check: str) -> bool:
        """Whether a check of /api/health/checks passes: `alarms`, `port-listener/5672`."""
        raise Lacking

    # -- virtual hosts

    def vhosts(self) -> Sequence[Shown]:
        raise Lacking

    def vhost(self, name: str) -> Shown:
        raise Lacking

    def create_vhost(self, name: str) -> None:
        raise Lacking

    def delete_vhost(self, name: str) -> None:
        raise Lacking

    # -- users

    def users(self) -> Sequence[Shown]:
        raise Lacking

    def put_user(self, name: str, password: str, tags: str) -> None:
        raise Lacking

    def delete_user(self, name: str) -> None:
        raise Lacking

    def permissions(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        raise Lacking

    def revoke(self, vhost: str, user: str) -> None:
        raise Lacking

    def topic_permissions(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def grant_topic(self, vhost: str, user: str, exchange: str, write: str, read: str) -> None:
        raise Lacking

    def revoke_topics(self, vhost: str, user: str) -> None:
        raise Lacking

    # -- exchanges, queues, bindings

    def exchanges(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def exchange(self, vhost: str, name: str) -> Shown:
        """Look at one alone; a tool that can't looks into the list."""
        return _named(self.exchanges(vhost), name)

    def declare_exchange(self, vhost: str, name: str, type: str) -> None:
        """Declare a durable exchange."""
        raise Lacking

    def delete_exchange(self, vhost: str, name: str) -> None:
        raise Lacking

    def queues(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def queue(self, vhost: str, name: str) -> Shown:
        """Look at one alone; a tool that can't looks into the list."""
        return _named(self.queues(vhost), name)

    def declare_queue(self, vhost: str, name: str, arguments: Mapping[str, Any]) -> None:
        """Declare a durable queue."""
        raise Lacking

    def delete_queue(self, vhost: str, name: str) -> None:
        raise Lacking

    def purge(self, vhost: str, name: str) -> None:
        raise Lacking

    def bindings(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def bind(self, vhost: str, source: str, queue: str, key: str, arguments: Mapping[str, Any]) -> None:
        raise Lacking

    def bind_exchange(self, vhost: str, source: str, destination: str, key: str) -> None:
        raise Lacking

    def unbind(self, vhost: str, source: str, queue: str, properties_key: str) -> None:
        raise Lacking

    # -- messages

    def publish(self, vhost: str, exchange: str, key: str, payload: str, properties: Mapping[str, Any]) -> bool | None:
        """Return whether it was routed; None where the tool doesn't tell."""
        raise Lacking

    def get(self, vhost: str, queue: str, count: int, *, requeue: bool) -> Sequence[Shown]:
        raise Lacking

    # -- policies, limits, parameters

    def policies(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def set_policy(self, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        raise Lacking

    def delete_policy(self, vhost: str, name: str) -> None:
        raise Lacking

    def operator_policies(self, vhost: str) -> Sequence[Shown]:
        raise Lacking

    def set_operator_policy(self, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        raise Lacking

    def delete_operator_policy(self, vhost: str, name: str) -> None:
        raise Lacking

    def vhost_limits(self, vhost: str) -> Mapping[str, int]:
        raise Lacking

    def limit_vhost(self, vhost: str, limit: str, value: int) -> None:
        raise Lacking

    def lift_vhost_limit(self, vhost: str, limit: str) -> None:
        raise Lacking

    def user_limits(self, user: str) -> Mapping[str, int]:
        raise Lacking

    def limit_user(self, user: str, limit: str, value: int) -> None:
        raise Lacking

    def lift_user_limit(self, user: str, limit: str) -> None:
        raise Lacking

    def global_parameters(self) -> Mapping[str, Any]:
        raise Lacking

    def set_global_parameter(self, name: str, value: Any) -> None:
        raise Lacking

    def delete_global_parameter(self, name: str) -> None:
        raise Lacking

    # -- definitions

    def export_definitions(self) -> Shown:
        raise Lacking

    def import_definitions(self, document: Any) -> None:
        raise Lacking

    # -- clients

    def connections(self) -> Sequence[Shown]:
        raise Lacking

    def close_connection(self, name: str, reason: str) -> None:
        raise Lacking

    def channels(self) -> Sequence[Shown]:
        raise Lacking

    def consumers(self) -> Sequence[Shown]:
        raise Lacking


def _named(items: Sequence[Shown], name: str) -> Shown:
    for each in items:
        if each["name"] == name:
            return each
    raise NotFound(name)


def has(method: Callable[..., object]) -> bool:
    """Whether a tool has a call for this method of the port."""
    return getattr(method, "__func__", None) is not getattr(Tool, method.__name__)


def meaning(status: int | None, text: str) -> Exception:
    """What a status of HTTP means; a tool that reports none has failed in some other way."""
    kinds: Mapping[int | None, type[Exception]] = {400: BadRequest, 401: NotAuthorized, 404: NotFound}
    return kinds.get(status, AssertionError)(text)
