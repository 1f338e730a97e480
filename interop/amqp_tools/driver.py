"""The scenarios that Debian's amqp-tools can do."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from interop.amqp_tools import tools
from interop.matrix.driver import PATIENCE, Address, Run, main, same

RECEIVE = str(Path(__file__).with_name("receive.sh"))


def octets(size: int, step: int) -> bytes:
    """Return octets of every value that repeat in no power of two."""
    return bytes((number * step + number // 256) & 0xFF for number in range(size))


def url(address: Address, password: str | None = None, vhost: str | None = None) -> str:
    """Return the address as a URL, with another password or virtual host."""
    user = f"{quote(address.user)}:{quote(password or address.password)}"
    return f"amqp://{user}@{address.host}:{address.port}/{quote(vhost or address.vhost, safe='')}"


class Pipes:
    """Two named pipes: bodies come out of one, and each line into the other lets a receiver acknowledge."""

    def __init__(self, folder: Path) -> None:
        self.bodies, self.orders = folder / "bodies", folder / "orders"
        for pipe in (self.bodies, self.orders):
            os.mkfifo(pipe)
        # Open for both directions: neither side waits for the other, and no end of file comes between two receivers.
        self._read = os.fdopen(os.open(self.bodies, os.O_RDWR), "r+b", buffering=0)
        self._write = os.fdopen(os.open(self.orders, os.O_RDWR), "r+b", buffering=0)

    @property
    def command(self) -> tuple[str, ...]:
        """What amqp-consume runs for each message."""
        return ("sh", RECEIVE, str(self.bodies), str(self.orders))

    def body(self) -> bytes:
        """Wait for the next message's body."""
        return self._read.readline().rstrip(b"\n")

    def acknowledge(self) -> None:
        """Let the receiver that waits end well."""
        self._write.write(b"go\n")

    def close(self) -> None:
        """Close both."""
        self._read.close()
        self._write.close()


@contextmanager
def pipes() -> Iterator[Pipes]:
    """Have pipes in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        made = Pipes(Path(folder))
        try:
            yield made
        finally:
            made.close()


def connect_options(run: Run) -> None:
    """Each tool has one channel, and of the options the heartbeat alone."""
    queue = run.name("options")
    tools.declare(run.url, queue, "--heartbeat", "30")
    same("what an empty queue gives", tools.get(run.url, queue, "--heartbeat", "30"), None)
    tools.publish(run.url, queue, b"seen", "--heartbeat", "30")
    same("body", tools.get(run.url, queue), b"seen")
    tools.delete(run.url, queue, 0)
    refused = tools.tool("get", url(run.plain, password="wrong"), "--queue", queue)
    refused.expect_failure("server connection error 403", "ACCESS_REFUSED - Login was refused")
    missing = run.name("missing")
    refused = tools.tool("get", url(run.plain, vhost=missing), "--queue", queue)
    refused.expect_failure("server connection error 530", f"NOT_ALLOWED - vhost {missing} not found")


def prefetch(run: Run) -> None:
    """With three messages at the consumer, the fourth is still in the queue: another tool gets it."""
    queue = run.name("prefetch")
    tools.declare(run.url, queue)
    for number in range(1, 11):
        tools.publish(run.url, queue, b"%d" % number)
    with (
        pipes() as receiver,
        tools.consuming(
            run.url, "--queue", queue, "--prefetch-count", "3", "--count", "9", *receiver.command
        ) as consumer,
    ):
        same("the first delivery", receiver.body(), b"1")
        same("what the queue still has", tools.get(run.url, queue), b"4")
        for number in (2, 3, 5, 6, 7, 8, 9, 10):
            receiver.acknowledge()
            same("the next delivery", receiver.body(), b"%d" % number)
        receiver.acknowledge()
        same("exit status of amqp-consume", consumer.wait(PATIENCE), 0)
    tools.delete(run.url, queue, 0)


def large_message(run: Run) -> None:
    """One is consumed, the other one is got."""
    queue = run.name("large")
    first, second = octets(10_485_760, 3), octets(10_485_760, 5)
    tools.declare(run.url, queue)
    tools.publish(run.url, queue, first)
    tools.publish(run.url, queue, second)
    came = tools.succeed("consume", run.url, "--queue", queue, "--count", "1", "cat")
    same("the first body is the one that was sent", came == first, True)
    same("the second body is the one that was sent", tools.get(run.url, queue) == second, True)
    tools.delete(run.url, queue, 0)


def heartbeats(run: Run) -> None:
    """amqp-consume waits for four seconds and gets a message after that."""
    queue = run.name("idle")
    tools.declare(run.url, queue)
    with (
        pipes() as receiver,
        tools.consuming(run.url, "--heartbeat", "1", "--queue", queue, "--count", "2", *receiver.command) as consumer,
    ):
        for body in (b"before", b"after"):
            tools.publish(run.url, queue, body)
            same("body", receiver.body(), body)
            receiver.acknowledge()
            if body == b"before":
                time.sleep(4)
                same("exit status of amqp-consume while it is idle", consumer.poll(), None)
        same("exit status of amqp-consume", consumer.wait(PATIENCE), 0)
    tools.delete(run.url, queue, 0)


def tls(run: Run) -> None:
    """An amqps:// URL makes a tool use TLS."""
    queue, body = run.name("tls"), octets(100_000, 7)
    trusting = ("--ssl", "--cacert", run.ca_file)
    tools.succeed("declare-queue", run.tls_url, "--queue", queue, *trusting)
    tools.publish(run.tls_url, queue, body, *trusting)
    same("body", tools.get(run.tls_url, queue, *trusting), body)
    tools.delete(run.url, queue, 0)
    refused = tools.tool("get", run.tls_url, "--ssl", "--queue", queue)
    refused.expect_failure("opening socket to")


if __name__ == "__main__":
    main(
        {
            "connect-options": connect_options,
            "prefetch": prefetch,
            "large-message": large_message,
            "heartbeats": heartbeats,
            "tls": tls,
        }
    )
