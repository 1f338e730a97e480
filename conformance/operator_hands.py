"""A broker of a test's own, and what an operator does to it: alarms, closing its connections, stop and start.

Decide how each target is told. The suite's shared broker is never touched; a broker that runs already (`--broker`) has
no operator here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from conformance import rabbitmq
from conformance.client import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_MEMORY: Final = "0"
MEMORY: Final = "0.9"
HURRY: Final = "[application:set_env(rabbit, Key, {within}) || Key <- [consumer_timeout, channel_tick_interval]]."


class Operator:
    """What an operator does, and the port of the broker that it is done to."""

    def __init__(
        self,
        port: int,
        block: Callable[[], None],
        unblock: Callable[[], None],
        close: Callable[[str], None],
        hurry: Callable[[int], int],
        stop: Callable[[], None],
        start: Callable[[], int],
    ) -> None:
        self._port = port
        self.block = block
        """Raise the memory alarm."""
        self.unblock = unblock
        """Clear it."""
        self.close_connections = close
        """Close all connections, with the reason given."""
        self._hurry = hurry
        self.stop = stop
        """Stop the broker in order; clients are told."""
        self._start = start

    def start(self) -> None:
        """Start it again, with what it kept."""
        self._port = self._start()

    def hurry(self, within: int) -> None:
        """Let deliveries on connections that are opened from now on be settled within so many milliseconds."""
        self._port = self._hurry(within)

    def connect(self, **options: object) -> Connection:
        """Open a connection; options as of `Connection.handshake`."""
        return Connection("127.0.0.1", self._port).handshake(**options)  # type: ignore[arg-type]  # passed on as they are


@contextmanager
def operator_of(target: str, compat: str) -> Iterator[Operator | None]:
    """Run a broker like the target; None for a target that cannot be operated."""
    if target == "rabbitmq":
        with rabbitmq.controlled_node() as node:
            yield Operator(
                node.port,
                lambda: node.control("set_vm_memory_high_watermark", NO_MEMORY),
                lambda: node.control("set_vm_memory_high_watermark", MEMORY),
                lambda reason: node.control("close_all_connections", reason),
                lambda within: _hurried(node, within),
                lambda: node.control("stop_app"),
                lambda: _started(node),
            )
    elif target == "amqpd":
        with _amqpd(compat) as operator:
            yield operator
    else:
        yield None


def _started(node: rabbitmq.Node) -> int:
    node.control("start_app")
    return node.port


def _hurried(node: rabbitmq.Node, within: int) -> int:
    node.control("eval", HURRY.format(within=within))
    return node.port


@contextmanager
def _amqpd(compat: str) -> Iterator[Operator]:
    """Run amqpd in a thread, as nothing else reaches its alarms from outside."""
    from amqpd import run_in_thread

    with ExitStack() as running:
        broker = running.enter_context(run_in_thread(compat=compat, strict=True))

        def start(seconds: float | None = None) -> int:
            nonlocal broker
            broker = running.enter_context(
                run_in_thread(
                    compat=compat,
                    strict=True,
                    limits_consumer_timeout=seconds,
                    limits_consumer_timeout_tick=seconds or 60.0,
                )
            )
            return broker.port

        def alarm(raised: bool) -> None:
            act = broker.faults.block if raised else broker.faults.unblock
            act()

        def close(reason: str) -> None:
            broker.faults.close(reason=reason)

        def hurry(within: int) -> int:
            running.close()
            return start(within / 1000)

        yield Operator(broker.port, lambda: alarm(True), lambda: alarm(False), close, hurry, running.close, start)
