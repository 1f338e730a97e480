"""AMQPStorm's management client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amqpstorm.management import ApiError, ManagementApi

from interop.tools.python.play import main
from interop.tools.python.port import Shown, Tool, meaning


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of AMQPStorm's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except ApiError as error:
        raise meaning(error.error_code, str(error)) from error


class Storm(Tool):
    def __init__(self, url: str, user: str, password: str) -> None:
        self._api = ManagementApi(url, user, password, timeout=20)

    def whoami(self) -> Shown:
        return answered(self._api.whoami)

    def overview(self) -> Shown:
        return answered(self._api.overview)

    def nodes(self) -> Sequence[Shown]:
        return answered(self._api.nodes)

    def alive(self, vhost: str) -> bool:
        tests: bool = answered(self._api.aliveness_test, vhost) == {"status": "ok"}
        return tests and answered(self._api.healthchecks.get) == {"status": "ok"}

    def vhosts(self) -> Sequence[Shown]:
        return answered(self._api.virtual_host.list)

    def vhost(self, name: str) -> Shown:
        return answered(self._api.virtual_host.get, name)

    def create_vhost(self, name: str) -> None:
        answered(self._api.virtual_host.create, name)

    def delete_vhost(self, name: str) -> None:
        answered(self._api.virtual_host.delete, name)

    def users(self) -> Sequence[Shown]:
        return answered(self._api.user.list)

    def put_user(self, name: str, password: str, tags: str) -> None:
        answered(self._api.user.create, name, password, tags)

    def delete_user(self, name: str) -> None:
        answered(self._api.user.delete, name)

    def permissions(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.virtual_host.get_permissions, vhost)

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        answered(self._api.user.set_permission, user, vhost, configure, write, read)

    def revoke(self, vhost: str, user: str) -> None:
        answered(self._api.user.delete_permission, user, vhost)

    def exchanges(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.exchange.list, vhost)

    def exchange(self, vhost: str, name: str) -> Shown:
        return answered(self._api.exchange.get, name, vhost)

    def declare_exchange(self, vhost: str, name: str, type: str) -> None:
        answered(self._api.exchange.declare, name, type, vhost, durable=True)

    def delete_exchange(self, vhost: str, name: str) -> None:
        answered(self._api.exchange.delete, name, vhost)

    def queues(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.queue.list, vhost)

    def queue(self, vhost: str, name: str) -> Shown:
        return answered(self._api.queue.get, name, vhost)

    def declare_queue(self, vhost: str, name: str, arguments: Mapping[str, Any]) -> None:
        answered(self._api.queue.declare, name, vhost, durable=True, arguments=dict(arguments))

    def delete_queue(self, vhost: str, name: str) -> None:
        answered(self._api.queue.delete, name, vhost)

    def purge(self, vhost: str, name: str) -> None:
        answered(self._api.queue.purge, name, vhost)

    def bindings(self, vhost: str) -> Sequence[Shown]:
        names = [each["name"] for each in self.queues(vhost)]
        queues = [bound for name in names for bound in answered(self._api.queue.bindings, name, vhost)]
        exchanges = [
            bound
            for each in self.exchanges(vhost)
            if each["name"]
            for bound in answered(self._api.exchange.bindings, each["name"], vhost)
        ]
        return queues + [each for each in exchanges if each["destination_type"] == "exchange"]

    def bind(self, vhost: str, source: str, queue: str, key: str, arguments: Mapping[str, Any]) -> None:
        answered(self._api.queue.bind, queue, source, key, vhost, dict(arguments))

    def bind_exchange(self, vhost: str, source: str, destination: str, key: str) -> None:
        answered(self._api.exchange.bind, destination, source, key, vhost)

    def unbind(self, vhost: str, source: str, queue: str, properties_key: str) -> None:
        answered(self._api.queue.unbind, queue, source, "", vhost, properties_key)

    def publish(self, vhost: str, exchange: str, key: str, payload: str, properties: Mapping[str, Any]) -> bool:
        answer = answered(self._api.basic.publish, payload, key, exchange, vhost, dict(properties))
        return bool(answer["routed"])

    def get(self, vhost: str, queue: str, count: int, *, requeue: bool) -> Sequence[Shown]:
        return answered(self._api.basic.get, queue, vhost, requeue, to_dict=True, count=count)

    def connections(self) -> Sequence[Shown]:
        return answered(self._api.connection.list)

    def close_connection(self, name: str, reason: str) -> None:
        answered(self._api.connection.close, name, reason)

    def channels(self) -> Sequence[Shown]:
        return answered(self._api.channel.list)


main(Storm)
