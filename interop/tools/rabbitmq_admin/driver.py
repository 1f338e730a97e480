"""rabbitmq-admin: a thin client of the HTTP API over requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rabbitmq_admin import AdminAPI
from requests import HTTPError

from interop.tools.python.play import main
from interop.tools.python.port import Shown, Tool, meaning


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of rabbitmq-admin's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except HTTPError as error:
        response: Any = error.response  # there always is one, whatever the type says
        raise meaning(response.status_code, f"{error}: {response.text}") from error


class Admin(Tool):
    def __init__(self, url: str, user: str, password: str) -> None:
        self._api = AdminAPI(url=url, auth=(user, password))

    def whoami(self) -> Shown:
        return answered(self._api.whoami)

    def overview(self) -> Shown:
        return answered(self._api.overview)

    def nodes(self) -> Sequence[Shown]:
        return answered(self._api.list_nodes)

    def alive(self, vhost: str) -> bool:
        return answered(self._api.is_vhost_alive, vhost) == {"status": "ok"}

    def vhosts(self) -> Sequence[Shown]:
        return answered(self._api.list_vhosts)

    def vhost(self, name: str) -> Shown:
        return answered(self._api.get_vhost, name)

    def create_vhost(self, name: str) -> None:
        answered(self._api.create_vhost, name)

    def delete_vhost(self, name: str) -> None:
        answered(self._api.delete_vhost, name)

    def users(self) -> Sequence[Shown]:
        return answered(self._api.list_users)

    def put_user(self, name: str, password: str, tags: str) -> None:
        answered(self._api.create_user, name, password, tags=tags.split(",") if tags else None)

    def delete_user(self, name: str) -> None:
        answered(self._api.delete_user, name)

    def permissions(self, vhost: str) -> Sequence[Shown]:
        return [each for each in answered(self._api.list_permissions) if each["vhost"] == vhost]

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        answered(self._api.create_user_permission, user, vhost, configure, write, read)

    def revoke(self, vhost: str, user: str) -> None:
        answered(self._api.delete_user_permission, user, vhost)

    def export_definitions(self) -> Shown:
        return answered(self._api.get_definitions)

    def import_definitions(self, document: Any) -> None:
        answered(self._api.post_definitions, document)

    def exchanges(self, vhost: str) -> Sequence[Shown]:
        return answered(self._api.list_exchanges_for_vhost, vhost)

    def exchange(self, vhost: str, name: str) -> Shown:
        return answered(self._api.get_exchange_for_vhost, name, vhost)

    def declare_exchange(self, vhost: str, name: str, type: str) -> None:
        answered(self._api.create_exchange_for_vhost, name, vhost, {"type": type, "durable": True})

    def delete_exchange(self, vhost: str, name: str) -> None:
        answered(self._api.delete_exchange_for_vhost, name, vhost)

    def connections(self) -> Sequence[Shown]:
        return answered(self._api.list_connections)

    def close_connection(self, name: str, reason: str) -> None:
        answered(self._api.delete_connection, name, reason)

    def channels(self) -> Sequence[Shown]:
        return answered(self._api.list_channels)

    def consumers(self) -> Sequence[Shown]:
        return answered(self._api.list_consumers)


main(Admin)
