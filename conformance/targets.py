"""The broker under test: where it listens and which RabbitMQ version it answers like."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from conformance import accounts, amqpd, rabbitmq
from conformance.client import Connection
from conformance.received import ChannelClosed, Closed, Dropped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.channel import Channel

Pairs: TypeAlias = list[tuple[str, Any]]
SORTED_HEADERS_SINCE: Final = (4, 0)


def version_of(text: str) -> tuple[int, ...]:
    """Return `3.10.8` as (3, 10), `4` as (4, 0)."""
    major, _, rest = text.partition(".")
    return int(major), int(rest.split(".")[0] or 0)


class Target:
    """A running broker that accepts guest on 127.0.0.1 or wherever it is."""

    patience = 10.0
    """Seconds of silence after which a client gives up."""

    def __init__(self, name: str, host: str, port: int, compat: str | None = None) -> None:
        self.name, self.host, self.port = name, host, port
        if compat is None:
            connection = self.connect()
            compat = connection.start()["server_properties"]["version"]
            connection.abort()
        self.version = version_of(compat)
        self._control: Channel | None = None

    def connect(self, timeout: float | None = None) -> Connection:
        """Open a TCP connection and send nothing."""
        return Connection(self.host, self.port, timeout or self.patience)

    @property
    def profile(self) -> str:
        """What amqpd's setting `compat` calls the version."""
        return ".".join(map(str, self.version))

    @cached_property
    def has_accounts(self) -> bool:
        """Tell whether the broker knows the suite's users; one that was started by hand need not."""
        connection = self.connect()
        try:
            connection.handshake(response=accounts.response(accounts.LETTERED))
        except (Closed, Dropped):
            return False
        finally:
            connection.close()
        return True

    def in_order(self, headers: Pairs) -> Pairs:
        """Return the headers of an event or of a copy, which 3.10 sends so, as this version does."""
        return sorted(headers, key=itemgetter(0)) if self.version >= SORTED_HEADERS_SINCE else headers

    def sweep(self, names: Iterable[str]) -> None:
        """Delete whatever queues and exchanges have these names."""
        channel = self._control = self._control or self.connect().handshake().channel()
        for name in names:
            channel.send("queue.delete", queue=name, nowait=True)
            channel.send("exchange.delete", exchange=name, nowait=True)
        try:
            channel.fence()
        except ChannelClosed:
            channel.send("channel.close-ok")
            channel.open()

    def let_go(self) -> None:
        """End the connection used for sweeping."""
        if self._control:
            self._control.connection.close()


@contextmanager
def open_target(name: str, broker: str | None, compat: str | None) -> Iterator[Target]:
    """Start the broker of that name (`amqpd`, `rabbitmq`, or `delayed`: amqpd on a slow journal).

    `broker` finds the one at the URL instead.
    """
    if name == "rabbitmq":
        with rabbitmq.node(rabbitmq.EXCHANGE_PLUGINS) as port:
            yield from _used(Target(name, "127.0.0.1", port))
    elif name == "amqpd":
        with amqpd.server(compat or "3.10", "--strict") as port:
            yield from _used(Target(name, "127.0.0.1", port, compat or "3.10"))
    elif name == "delayed":
        with amqpd.delayed_server(compat or "3.10") as port:
            yield from _used(Target(name, "127.0.0.1", port, compat or "3.10"))
    else:
        parts = urlsplit(broker or "")
        yield from _used(Target(name, parts.hostname or "127.0.0.1", parts.port or 5672, compat))


def _used(target: Target) -> Iterator[Target]:
    try:
        yield target
    finally:
        target.let_go()
