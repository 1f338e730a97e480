"""pyrabbit2: a thin client of the HTTP API, one method for each path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pyrabbit2 import Client
from pyrabbit2.api import PermissionError as NotPermitted
from pyrabbit2.http import HTTPError

from interop.tools.python.play import main
from interop.tools.python.port import NotAuthorized, Shown, Tool, meaning


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of pyrabbit2's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except NotPermitted as error:
        raise NotAuthorized(str(error)) from error
    except HTTPError as error:
        raise meaning(error.status, str(error)) from error


class Pyrabbit(Tool):
    def __init__(self, url: str, user: str, password: str) -> None:
        self._api = Client(url.removeprefix("http://"), user, password)

    def whoami(self) -> Shown:
        return answered(self._api.get_whoami)

    def overview(self) -> Shown:
        return answered(self._api.get_overview)

    def nodes(self) -> Sequence[Shown]:
        return answered(self._api.get_nodes)

    def alive(self, vhost: str) -> bool:
        return answered(self._api.is_alive, quote(vhost, ""))

    def vhosts(self) -> Sequence[Shown]:
        return answered(self._api.get_all_vhosts)

    def vhost(self, name: str) -> Shown:
        return answered(self._api.get_vhost, name)

    def create_vhost(self, name: str) -> None:
        answered(self._api.create_vhost, name)

    def delete_vhost(self, name: str) -> None:
        answered(self._api.delete_vhost, name)

    def users(self) -> Sequence[Shown]:
        return answered(self._api.get_users)

    def put_user(self, name: str, password: str, tags: str) -> None:
        answered(self._api.create_user, name, password, tags=tags)

    def delete_user(self, name: str) -> None:
        answered(self._api.delete_user, name)

    def permissions(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.get_vhost_permissions, vhost)

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        answered(self._api.set_vhost_permissions, vhost, user, configure, read, write)

    def revoke(self, vhost: str, user: str) -> None:
        answered(self._api.delete_permission, vhost, user)

    def exchanges(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.get_exchanges, vhost)

    def exchange(self, vhost: str, name: str) -> Shown:
        return answered(self._api.get_exchange, vhost, name)

    def declare_exchange(self, vhost: str, name: str, type: str) -> None:
        answered(self._api.create_exchange, vhost, name, type)

    def delete_exchange(self, vhost: str, name: str) -> None:
        answered(self._api.delete_exchange, vhost, name)

    def queues(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.get_queues, vhost)

    def queue(self, vhost: str, name: str) -> Shown:
        return answered(self._api.get_queue, vhost, name)

    def declare_queue(self, vhost: str, name: str, arguments: Mapping[str, Any]) -> None:
        answered(self._api.create_queue, vhost, name, durable=True, arguments=arguments)

    def delete_queue(self, vhost: str, name: str) -> None:
        answered(self._api.delete_queue, vhost, name)

    def purge(self, vhost: str, name: str) -> None:
        answered(self._api.purge_queue, vhost, name)

    def bindings(self, vhost: str) -> Sequence[Shown]:
        return [each for each in answered(self._api.get_bindings) if each["vhost"] == vhost]

    def bind(self, vhost: str, source: str, queue: str, key: str, arguments: Mapping[str, Any]) -> None:
        answered(self._api.create_binding, vhost, source, queue, key, arguments)

    def unbind(self, vhost: str, source: str, queue: str, properties_key: str) -> None:
        answered(self._api.delete_binding, vhost, source, queue, properties_key)

    def publish(self, vhost: str, exchange: str, key: str, payload: str, properties: Mapping[str, Any]) -> bool:
        return bool(answered(self._api.publish, vhost, exchange, key, payload, properties=properties))

    def get(self, vhost: str, queue: str, count: int, *, requeue: bool) -> Sequence[Shown]:
        return answered(self._api.get_messages, vhost, queue, count, requeue)

    def policies(self, vhost: str) -> Sequence[Shown]:
        return [each for each in answered(self._api.get_all_policies) if each["vhost"] == vhost]

    def set_policy(self, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        answered(self._api.create_policy, vhost, name, **policy)

    def delete_policy(self, vhost: str, name: str) -> None:
        answered(self._api.delete_policy, vhost, name)

    def connections(self) -> Sequence[Shown]:
        return answered(self._api.get_connections)

    def close_connection(self, name: str, reason: str) -> None:
        answered(self._api.delete_connection, name)

    def channels(self) -> Sequence[Shown]:
        return answered(self._api.get_channels)


main(Pyrabbit)
