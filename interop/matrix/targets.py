"""The brokers that drivers are pointed at; those for clients have a TLS listener and the contract's three requests."""

from __future__ import annotations

import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conformance import rabbitmq
from conformance.client import Connection
from interop.matrix import certificates
from interop.matrix.certificates import ADDRESSES, HOST, Certificates

if TYPE_CHECKING:
    from amqpd.testing.broker import EmbeddedBroker

AMQPD: Final = "amqpd"
RABBITMQ: Final = "rabbitmq"
NAMES: Final = (AMQPD, RABBITMQ)
REQUESTS: Final = ("close-connections", "block", "unblock")
COMPAT: Final = "3.10"
"""What amqpd answers like beside Debian's RabbitMQ."""
FORCED: Final = "asked for by a scenario"


class Target:
    """A running broker that accepts guest/guest on 127.0.0.1."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/%2F"

    def environment(self) -> dict[str, str]:
        """Return what drivers are told."""
        return {"AMQP_URL": self.url}

    def connect(self) -> Connection:
        """Log in with the raw client."""
        return Connection("127.0.0.1", self.port).handshake()

    def ask(self, request: str) -> None:
        """Carry out a request. Raises ValueError for one that the contract does not have."""
        raise ValueError(f"the driver asked for {request!r}: this broker takes no requests")

    def recover(self) -> None:
        """Undo what a driver may have left."""


class Obliging(Target, ABC):
    """A broker for clients: it has a TLS listener, and carries out the requests."""

    def __init__(self, name: str, port: int, tls_port: int, ca: Path) -> None:
        super().__init__(name, port)
        self.tls_url = f"amqps://guest:guest@{HOST}:{tls_port}/%2F"
        self.ca = ca
        self._blocked = False

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "AMQPS_URL": self.tls_url, "AMQP_CA_FILE": str(self.ca)}

    def ask(self, request: str) -> None:
        match request:
            case "block":
                self._block()
                self._blocked = True
            case "unblock":
                self._unblock()
                self._blocked = False
            case "close-connections":
                self._close_connections()
            case _:
                raise ValueError(f"the driver asked for {request!r}: expected one of {', '.join(REQUESTS)}")

    def recover(self) -> None:
        if self._blocked:
            self.ask("unblock")

    @abstractmethod
    def _block(self) -> None: ...

    @abstractmethod
    def _unblock(self) -> None: ...

    @abstractmethod
    def _close_connections(self) -> None: ...


class Amqpd(Obliging):
    """amqpd in a thread of this process."""

    def __init__(self, broker: EmbeddedBroker, ca: Path) -> None:
        super().__init__(AMQPD, broker.port, broker.tls_port, ca)
        self._faults = broker.faults

    def _block(self) -> None:
        self._faults.block()

    def _unblock(self) -> None:
        self._faults.unblock()

    def _close_connections(self) -> None:
        self._faults.close(reason=FORCED)


class RabbitMQ(Obliging):
    """A RabbitMQ node of our own."""

    def __init__(self, node: rabbitmq.Node, tls_port: int, ca: Path) -> None:
        super().__init__(RABBITMQ, node.port, tls_port, ca)
        self._control = node.control

    def _block(self) -> None:
        self._control("set_vm_memory_high_watermark", "absolute", "1")

    def _unblock(self) -> None:
        self._control("set_vm_memory_high_watermark", "0.4")

    def _close_connections(self) -> None:
        self._control("close_all_connections", FORCED)


@contextmanager
def running(names: Sequence[str]) -> Iterator[list[Target]]:
    """Run the brokers of these names for clients; raise rabbitmq.Unavailable where one cannot run."""
    with ExitStack() as stack:
        issued = stack.enter_context(certificates.issued())
        yield [stack.enter_context(_amqpd(issued) if each == AMQPD else _rabbitmq(issued)) for each in names]


@contextmanager
def _amqpd(issued: Certificates) -> Iterator[Target]:
    from amqpd import run_in_thread

    logging.getLogger("amqpd").setLevel(logging.ERROR)  # that clients are refused and vanish is part of the scenarios
    with run_in_thread(
        host=ADDRESSES,
        compat=COMPAT,
        strict=True,
        tls_port=0,
        tls_certificate=issued.chain,
        tls_key=issued.key,
    ) as broker:
        yield Amqpd(broker, issued.ca)


@contextmanager
def _rabbitmq(issued: Certificates) -> Iterator[Target]:
    (tls_port,) = rabbitmq.free_ports(1)
    addresses = [each for each in ADDRESSES if _exists(each)]
    lines = [
        *(f"listeners.ssl.{number} = {each}:{tls_port}" for number, each in enumerate(addresses, 1)),
        f"ssl_options.cacertfile = {issued.ca}",
        f"ssl_options.certfile = {issued.chain}",
        f"ssl_options.keyfile = {issued.key}",
        "ssl_options.verify = verify_none",
    ]
    with rabbitmq.controlled_node(configuration="\n".join(lines) + "\n") as node:
        _await_listener(addresses[-1], tls_port)  # the node starts its listeners one after the other
        yield RabbitMQ(node, tls_port, issued.ca)


def _await_listener(address: str, port: int) -> None:
    """Return when something listens there, which nothing announces."""
    pause, give_up = threading.Event(), time.monotonic() + rabbitmq.START_LIMIT
    while True:
        try:
            socket.create_connection((address, port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > give_up:
                raise
            pause.wait(0.05)


def _exists(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
