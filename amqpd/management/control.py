"""The control socket's side of the management: the same API for the operator of this machine, without a login.

Whoever can open the socket, or read the token, may do everything. It goes on while the application is stopped; then
only what is about the application itself is answered, and the rest gets 503.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from amqpd.broker.events import OPERATOR
from amqpd.broker.users import User
from amqpd.http.message import Request, Response
from amqpd.management.access import ADMINISTRATOR, Caller
from amqpd.management.api import Api
from amqpd.management.dispatch import Dispatcher
from amqpd.management.encoding import JSON, encode
from amqpd.management.routing import API

CONTROL: Final = "control"
CALLER: Final = Caller(User(OPERATOR, tags=(ADMINISTRATOR,)), is_operator=True)
STOPPED: Final = "the application is stopped: start it with start_app"


class Refused(Exception):
    """The application can't do that in the state that it is in, or with this value; the text says why."""


class Application(ABC):
    """The broker of this process as its operator handles it."""

    @property
    @abstractmethod
    def is_running(self) -> bool:
        """Whether clients are served."""

    @abstractmethod
    async def stop(self) -> None:
        """Close listeners and connections, and forget what isn't durable. Harmless the second time."""

    @abstractmethod
    async def start(self) -> None:
        """Open the listeners again. Harmless where it runs. Raises OSError."""

    @abstractmethod
    async def reset(self) -> None:
        """Forget everything, for good: what is left is a new broker. Raises Refused unless it is stopped, and where the
        files that a new broker begins with are wrong.
        """

    @abstractmethod
    def shut_down(self) -> None:
        """End the process soon, in order. Raises Refused where it is another program's."""

    @abstractmethod
    async def listen(self, *, on: bool) -> None:
        """Take new clients, or none; those who are there stay."""

    @abstractmethod
    def environment(self) -> Mapping[str, object]:
        """The settings in force by their keys, without secrets."""

    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """Those of the environment that are amqpd's, without secrets."""

    @abstractmethod
    def command_line(self) -> Sequence[str]:
        """What the process was started with, without secrets; nothing where it is another program's."""

    @abstractmethod
    def limit_memory(self, value: float) -> int:
        """Block publishers above this share of the memory (a float) or these octets; return the octets."""

    @abstractmethod
    def limit_disk(self, value: float) -> int:
        """Block publishers below these free octets, or this multiple of the memory (a float); return the octets."""

    @abstractmethod
    def set_log_level(self, level: str) -> None:
        """Raises Refused for a level that isn't one."""


class Control:
    """Answers all requests on the control socket of one broker."""

    def __init__(self, api: Api, application: Application, token: str | None = None) -> None:
        """`token`: what requests bring along where no file's mode guards the door."""
        from amqpd.management.handlers.control import routes  # it needs the names above
        from amqpd.management.routes import ROUTES

        self._dispatcher = Dispatcher(api, (*ROUTES, *routes(application)), CALLER)
        self._application = application
        self._own = f"{api.prefix}/{API}/{CONTROL}/"
        self._token = token

    async def handle(self, request: Request) -> Response:
        """The answer, whatever happens."""
        if self._token is not None:
            said = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(said, f"Bearer {self._token}".encode()):
                return _refusal(401, "not_authorised", "the token is another one")
        if not self._application.is_running and not request.target.startswith(self._own):
            return _refusal(503, "stopped", STOPPED)
        return await self._dispatcher.handle(request)


def _refusal(status: int, error: str, reason: str) -> Response:
    return Response(status, (encode({"error": error, "reason": reason}),), (JSON,))
