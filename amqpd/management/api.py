"""What handlers need of their broker, and one call with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.operations.json_values import flag
from amqpd.broker.operations.vhosts import find_vhost
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Holding, Peer
from amqpd.broker.queue import Queue
from amqpd.broker.session import Session
from amqpd.broker.vhost import VHost
from amqpd.config import Config, Management
from amqpd.http.message import BodyIncomplete, BodyTooLarge, Request
from amqpd.management.access import Caller
from amqpd.management.attempts import Attempts
from amqpd.management.bodies import check_size
from amqpd.management.encoding import decode
from amqpd.management.errors import ApiError, bad_request, key_missing
from amqpd.management.machine import Machine, node_numbers
from amqpd.management.numbers import is_number
from amqpd.management.rates.details import NO_RANGES, Details, Ranges
from amqpd.management.rates.sampler import Key, Sampler
from amqpd.management.sign_on import SignOn
from amqpd.management.tokens import Tokens
from amqpd.management.waiting import settled
from amqpd.protocol.node import Node

T = TypeVar("T")

DEFAULT_EXCHANGE: Final = "amq.default"
"""How paths call the exchange without a name."""
MOST_PARAMETERS: Final = 100
"""Of a query or a form: they are taken apart before anybody has logged in."""


@attrs.frozen
class Listening:
    """One listener of the broker's process."""

    protocol: str
    """As RabbitMQ names it: amqp, amqp/ssl, http, https."""
    host: str
    port: int
    certificate: Path | None = None
    """With TLS: its file."""
    ca: Path | None = None
    """With TLS: the file of those whose clients' certificates are trusted."""

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.protocol in ("amqp/ssl", "https")


@attrs.frozen(eq=False)
class Api:
    """One broker's management."""

    node: Node
    end_turn: Callable[[], object]
    """Ends the turn in which something was changed: everybody's bytes go out."""
    listening: Callable[[], list[Listening]]
    machine: Machine
    settings: Management = attrs.Factory(Management)
    started: float = 0.0
    """On the broker's monotonic clock."""
    sign_on: SignOn | None = None
    """Where people log in to the web UI other than with a password, if anywhere."""
    config: Config | None = None
    """The settings that it was started with, if they are to be shown."""
    attempts: Attempts = attrs.Factory(Attempts)
    tokens: Tokens = attrs.Factory(
        lambda self: Tokens(self.broker.clock, self.settings.login_session_timeout), takes_self=True
    )
    sampler: Sampler = attrs.Factory(
        lambda self: Sampler(self.node, lambda: node_numbers(self.node, self.machine)), takes_self=True
    )
    """Knows what counters were before."""

    @property
    def prefix(self) -> str:
        """What stands before `/api` in paths, without a slash at its end."""
        return self.settings.path_prefix

    @property
    def broker(self) -> Broker:
        return self.node.broker

    @property
    def loopback_users(self) -> tuple[str, ...]:
        """Users who may come from this machine alone."""
        return self.node.settings.loopback_users


class NoPeer(Peer):
    """The other end of a session that has no connection."""

    def force_close(self, reason: str) -> None:
        """There is nothing to close."""

    def alarm_changed(self) -> None:
        """Nobody is told."""

    def tracing_changed(self) -> None:
        """Nothing is remembered."""

    def holdings(self, queue: Queue) -> Iterator[Holding]:
        """It holds nothing."""
        return iter(())


class OperatorSession(Session):
    """That of the machine's operator, who may do everything."""

    __slots__ = ()

    def require(self, permission: str, kind: str, name: str) -> None:
        """It has every permission."""

    def require_any(self, kind: str, name: str) -> None:
        """It has one."""


@attrs.define(eq=False)
class Call:
    """One request at its endpoint."""

    api: Api
    request: Request
    params: Mapping[str, str]
    """The parts of the path that its route names."""
    query: Mapping[str, str]
    ranges: Ranges = NO_RANGES
    """Samples that are asked for."""
    _caller: Caller | None = None
    _octets: bytes | None = None

    @property
    def broker(self) -> Broker:
        return self.api.broker

    @property
    def caller(self) -> Caller:
        """Who asks; not at endpoints without a login."""
        assert self._caller is not None
        return self._caller

    @property
    def by(self) -> str:
        return self.caller.name

    @property
    def stats(self) -> bool:
        """Whether counts are asked for."""
        return self.query.get("disable_stats") != "true"

    def details(self, *keys: Key) -> Details | None:
        """The past of an object, or of several together; None where no counts are asked for."""
        return self.api.sampler.of_all(keys, self.ranges) if self.stats else None

    def vhost(self) -> VHost:
        """The virtual host of the path. Raises Missing."""
        return find_vhost(self.broker, self.params["vhost"])

    def exchange(self, name: str = "exchange") -> str:
        """The exchange of the path."""
        given = self.params[name]
        return "" if given == DEFAULT_EXCHANGE else given

    def session(self, vhost: VHost) -> Session:
        """What stands for the user in a virtual host."""
        user, profile = self.caller.user, self.broker.compat.profile
        kind = OperatorSession if self.caller.is_operator else Session
        return kind("HTTP", user, vhost, self.broker.access, profile, NoPeer())

    async def perform(self, operation: Callable[[], T | Pending[T]]) -> T:
        """Change something: run an operation, let everybody have what follows from it, and wait for its result."""
        try:
            result = operation()
        finally:
            self.api.end_turn()
        return await settled(result)

    async def raw(self, most: int | None = None) -> bytes:
        """The body; `most`: fewer octets than other bodies may have. Raises ApiError."""
        try:
            return await self.request.read_body(most)
        except BodyTooLarge:
            raise bad_request("Exceeded HTTP request body size limit") from None
        except BodyIncomplete:
            raise ApiError(400, "bad_request", "the body ended too early", (("connection", "close"),)) from None

    async def sized(self) -> bytes:
        """The body, which has not too much in it: nobody waits for it a second time. Raises ApiError."""
        if self._octets is None:
            octets = await self.raw()
            await check_size(octets)
            self._octets = octets
        return self._octets

    async def body(self, *required: str) -> dict[str, object]:
        """The body's object. Raises ApiError for one that isn't JSON, has too much in it, or lacks something."""
        found = decode(await self.sized())
        missing = [name for name in required if name not in found]
        if missing:
            raise key_missing(*missing)
        return found

    def flag(self, name: str) -> bool:
        """A switch of the query: `if-unused=true`. Raises Invalid."""
        return flag(self.query, name, False)

    def condition(self, name: str) -> bool:
        """A condition of a deletion: `if-unused=true`. Whatever else stands there is none, as with RabbitMQ."""
        return self.query.get(name) == "true"

    def number(self, name: str, default: int) -> int:
        """A number of the query: `count=50`. Raises ApiError."""
        text = self.query.get(name, str(default))
        if not is_number(text):
            raise bad_request(f"'{name}' is '{text[:40]}': expected a whole number, not negative")
        return int(text)


def query_of(text: str) -> dict[str, str]:
    """The parameters behind the question mark; of several of one name, the last one. Raises ApiError."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="surrogateescape", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        count = text.count("&") + 1
        raise bad_request(f"there are {count} parameters: at most {MOST_PARAMETERS} are taken") from None
    return dict(pairs)


def text_of(body: Mapping[str, object], name: str, default: str | None = None) -> str:
    """A text of a body. Raises ApiError."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise bad_request(f"'{name}' is {value!r:.80}: expected a text")
    return value


def mapping_of(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object of a body, empty if there is none. Raises ApiError."""
    value = body.get(name)
    if value is None or value == []:  # some clients in languages without the difference send an empty array
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"'{name}' is {value!r:.80}: expected an object")
    return value
