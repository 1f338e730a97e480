"""The brokers that clients are pointed at, each with a TLS listener and the three requests of the contract."""

from __future__ import annotations

import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conformance import rabbitmq
from conformance.client import Connection
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


class Target(ABC):
    """A running broker that accepts guest/guest on 127.0.0.1."""

    name: str

    def __init__(self, port: int, tls_port: int, ca: Path) -> None:
        self.port = port
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/%2F"
        self.tls_url = f"amqps://guest:guest@{HOST}:{tls_port}/%2F"
        self.ca = ca
        self._blocked = False

    def connect(self) -> Connection:
        """Log in with the raw client."""
        return Connection("127.0.0.1", self.port).handshake()

    def ask(self, request: str) -> None:
        """Carry out a request. Raises ValueError for one that the contract does not have."""
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
        """Clear the alarm that a driver may have left."""
        if self._blocked:
            self.ask("unblock")

    @abstractmethod
    def _block(self) -> None: ...

    @abstractmethod
    def _unblock(self) -> None: ...

    @abstractmethod
    def _close_connections(self) -> None: ...


class Amqpd(Target):
    """amqpd in a thread of this process."""

    name = AMQPD

    def __init__(self, broker: EmbeddedBroker, ca: Path) -> None:
        super().__init__(broker.port, broker.tls_port, ca)
        self._faults = broker.faults

    def _block(self) -> None:
        self._faults.block()

    def _unblock(self) -> None:
        self._faults.unblock()

    def _close_connections(self) -> None:
        self._faults.close(reason=FORCED)


class RabbitMQ(Target):
    """A RabbitMQ node of our own."""

    name = RABBITMQ

    def __init__(self, node: rabbitmq.Node, tls_port: int, ca: Path) -> None:
        super().__init__(node.port, tls_port, ca)
        self._control = node.control

    def _block(self) -> None:
        self._control("set_vm_memory_high_watermark", "absolute", "1")

    def _unblock(self) -> None:
        self._control("set_vm_memory_high_watermark", "0.4")

    def _close_connections(self) -> None:
        self._control("close_all_connections", FORCED)


@contextmanager
def running(name: str, certificates: Certificates) -> Iterator[Target]:
    """Run the broker of that name; raise rabbitmq.Unavailable where it cannot run."""
    with _amqpd(certificates) if name == AMQPD else _rabbitmq(certificates) as target:
        yield target


@contextmanager
def _amqpd(certificates: Certificates) -> Iterator[Target]:
    from amqpd import run_in_thread

    logging.getLogger("amqpd").setLevel(logging.ERROR)  # that clients are refused and vanish is part of the scenarios
    with run_in_thread(
        host=ADDRESSES,
        compat=COMPAT,
        strict=True,
        tls_port=0,
        tls_certificate=certificates.chain,
        tls_key=certificates.key,
    ) as broker:
        yield Amqpd(broker, certificates.ca)


@contextmanager
def _rabbitmq(certificates: Certificates) -> Iterator[Target]:
    (tls_port,) = rabbitmq.free_ports(1)
    addresses = [each for each in ADDRESSES if _exists(each)]
    lines = [
        *(f"listeners.ssl.{number} = {each}:{tls_port}" for number, each in enumerate(addresses, 1)),
        f"ssl_options.cacertfile = {certificates.ca}",
        f"ssl_options.certfile = {certificates.chain}",
        f"ssl_options.keyfile = {certificates.key}",
        "ssl_options.verify = verify_none",
    ]
    with rabbitmq.controlled_node(configuration="\n".join(lines) + "\n") as node:
        _await_listener(addresses[-1], tls_port)  # the node starts its listeners one after the other
        yield RabbitMQ(node, tls_port, certificates.ca)


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
