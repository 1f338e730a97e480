"""A broker of a test's own, and what an operator does to it: alarms, policies, accounts, closing connections,
stop and start.

Decide how each target is told. The suite's shared broker is never touched; a broker that runs already (`--broker`) has
no operator here.
"""

from __future__ import annotations

import base64
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from conformance import rabbitmq
from conformance.client import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amqpd.testing.broker import EmbeddedBroker

NO_MEMORY: Final = "0"
MEMORY: Final = "0.9"
HURRY: Final = "[application:set_env(rabbit, Key, {within}) || Key <- [consumer_timeout, channel_tick_interval]]."
ALL: Final = "all"
EVENT_EXCHANGE: Final = "rabbitmq_event_exchange"
TRIED: Final = "tried"
"""The policy that is set to see what is wrong with it."""
FAULTS: Final = """base64:encode(rabbit_json:encode([
    case rabbit_policy:{function}(<<"/">>, <<"tried">>, Pattern, Definition, 0, Target, <<"me">>) of
        ok -> <<>>;
        {{error_string, Text}} -> unicode:characters_to_binary(Text)
    end || {{Pattern, Definition, Target}} <- [{policies}]]))."""

Definition = Mapping[str, object]


class Operator(ABC):
    """What an operator does to one broker."""

    @property
    @abstractmethod
    def port(self) -> int:
        """Where the broker listens now; a start may change it."""

    @abstractmethod
    def block(self) -> None:
        """Raise the memory alarm."""

    @abstractmethod
    def unblock(self) -> None:
        """Clear it."""

    @abstractmethod
    def close_connections(self, reason: str) -> None:
        """Close all connections, with the reason given."""

    @abstractmethod
    def hurry(self, within: int) -> None:
        """Let deliveries on connections that are opened from now on be settled within so many milliseconds."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the broker in order; clients are told."""

    @abstractmethod
    def start(self) -> None:
        """Start it again, with what it kept."""

    @abstractmethod
    def set_policy(
        self,
        name: str,
        pattern: str,
        definition: Definition,
        *,
        priority: int = 0,
        apply_to: str = ALL,
        operator: bool = False,
    ) -> None:
        """Set a policy in the vhost `/`."""

    def faults(self, policies: Sequence[tuple[str, Definition, str]], *, operator: bool = False) -> list[str]:
        """Return what is wrong with each policy (pattern, definition, target), and leave none of them behind."""
        found = self._try([*policies, ("", {"max-length": 1}, ALL)], operator=operator)  # one that is there to clear
        self.clear_policy(TRIED, operator=operator)
        return found[:-1]

    @abstractmethod
    def _try(self, policies: Sequence[tuple[str, Definition, str]], *, operator: bool) -> list[str]:
        """Set one policy after the other; return what is wrong with each."""

    @abstractmethod
    def clear_policy(self, name: str, *, operator: bool = False) -> None:
        """Remove it."""

    @abstractmethod
    def trace(self, vhost: str, *, on: bool) -> None:
        """Switch the firehose of a virtual host on or off."""

    @abstractmethod
    def add_vhost(self, name: str) -> None:
        """Create a virtual host."""

    @abstractmethod
    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host and all in it."""

    @abstractmethod
    def add_user(self, name: str, password: str) -> None:
        """Create a user who may do nothing."""

    @abstractmethod
    def delete_user(self, name: str) -> None:
        """Delete a user."""

    @abstractmethod
    def set_permissions(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        """Set what a user may do in a virtual host."""

    @abstractmethod
    def clear_permissions(self, user: str, vhost: str) -> None:
        """Let a user do nothing there."""

    def dial(self) -> Connection:
        """Open a TCP connection and send nothing."""
        return Connection("127.0.0.1", self.port)

    def connect(self, **options: Any) -> Connection:
        """Open a connection; options as of `Connection.handshake`."""
        return self.dial().handshake(**options)


@contextmanager
def operator_of(target: str, compat: str, *, events: bool = False) -> Iterator[Operator | None]:
    """Run a broker like the target, with its event exchange if `events`; None for one that cannot be operated."""
    if target == "rabbitmq":
        with rabbitmq.controlled_node((EVENT_EXCHANGE,) if events else ()) as node:
            yield OfRabbitMQ(node)
    elif target == "amqpd":
        with tempfile.TemporaryDirectory(prefix="conformance-amqpd-") as folder, ExitStack() as running:
            yield OfAmqpd(running, compat, events_exchange=events, data_dir=folder)
    else:
        yield None


class OfRabbitMQ(Operator):
    """Works with rabbitmqctl."""

    def __init__(self, node: rabbitmq.Node) -> None:
        self._node = node

    @property
    def port(self) -> int:
        return self._node.port

    def block(self) -> None:
        self._node.control("set_vm_memory_high_watermark", NO_MEMORY)

    def unblock(self) -> None:
        self._node.control("set_vm_memory_high_watermark", MEMORY)

    def close_connections(self, reason: str) -> None:
        self._node.control("close_all_connections", reason)

    def hurry(self, within: int) -> None:
        self._node.control("eval", HURRY.format(within=within))

    def stop(self) -> None:
        self._node.control("stop_app")

    def start(self) -> None:
        self._node.control("start_app")

    def set_policy(
        self,
        name: str,
        pattern: str,
        definition: Definition,
        *,
        priority: int = 0,
        apply_to: str = ALL,
        operator: bool = False,
    ) -> None:
        command = "set_operator_policy" if operator else "set_policy"
        options = ("--priority", str(priority), "--apply-to", apply_to)
        self._node.control(command, *options, "--", name, pattern, json.dumps(definition))

    def _try(self, policies: Sequence[tuple[str, Definition, str]], *, operator: bool) -> list[str]:
        terms = [
            f"{{{_binary(pattern)},{_binary(json.dumps(definition))},{_binary(target)}}}"
            for pattern, definition, target in policies
        ]
        function = "parse_set_op" if operator else "parse_set"
        printed = self._node.control("eval", FAULTS.format(function=function, policies=",".join(terms)))
        found: list[str] = json.loads(base64.b64decode(printed.strip().strip('<">')))
        return found

    def clear_policy(self, name: str, *, operator: bool = False) -> None:
        self._node.control("clear_operator_policy" if operator else "clear_policy", name)

    def trace(self, vhost: str, *, on: bool) -> None:
        self._node.control("trace_on" if on else "trace_off", "-p", vhost)

    def add_vhost(self, name: str) -> None:
        self._node.control("add_vhost", name)

    def delete_vhost(self, name: str) -> None:
        self._node.control("delete_vhost", name)

    def add_user(self, name: str, password: str) -> None:
        self._node.control("add_user", name, password)

    def delete_user(self, name: str) -> None:
        self._node.control("delete_user", name)

    def set_permissions(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        self._node.control("set_permissions", "-p", vhost, user, configure, write, read)

    def clear_permissions(self, user: str, vhost: str) -> None:
        self._node.control("clear_permissions", "-p", vhost, user)


class OfAmqpd(Operator):
    """Runs amqpd in a thread, as nothing else reaches its inside."""

    def __init__(self, running: ExitStack, compat: str, **settings: Any) -> None:
        self._running = running
        self._settings = {"compat": compat, "strict": True, **settings}
        self._broker = self._run()

    def _run(self, **settings: Any) -> EmbeddedBroker:
        from amqpd import run_in_thread

        return self._running.enter_context(run_in_thread(**self._settings, **settings))

    @property
    def port(self) -> int:
        return self._broker.port

    def block(self) -> None:
        self._broker.faults.block()

    def unblock(self) -> None:
        self._broker.faults.unblock()

    def close_connections(self, reason: str) -> None:
        self._broker.faults.close(reason=reason)

    def hurry(self, within: int) -> None:
        self.stop()
        seconds = within / 1000
        self._broker = self._run(limits_consumer_timeout=seconds, limits_consumer_timeout_tick=seconds)

    def stop(self) -> None:
        self._running.close()

    def start(self) -> None:
        self._broker = self._run()

    def set_policy(
        self,
        name: str,
        pattern: str,
        definition: Definition,
        *,
        priority: int = 0,
        apply_to: str = ALL,
        operator: bool = False,
    ) -> None:
        self._broker.set_policy(name, pattern, definition, priority=priority, apply_to=apply_to, operator=operator)

    def _try(self, policies: Sequence[tuple[str, Definition, str]], *, operator: bool) -> list[str]:
        found = []
        for pattern, definition, target in policies:
            try:
                self._broker.set_policy(TRIED, pattern, definition, apply_to=target, operator=operator)
            except ValueError as error:
                found.append(str(error))
            else:
                found.append("")
        return found

    def clear_policy(self, name: str, *, operator: bool = False) -> None:
        self._broker.clear_policy(name, operator=operator)

    def trace(self, vhost: str, *, on: bool) -> None:
        self._broker.trace(vhost, on)

    def add_vhost(self, name: str) -> None:
        self._broker.add_vhost(name)

    def delete_vhost(self, name: str) -> None:
        self._broker.delete_vhost(name)

    def add_user(self, name: str, password: str) -> None:
        self._broker.add_user(name, password)

    def delete_user(self, name: str) -> None:
        self._broker.delete_user(name)

    def set_permissions(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        self._broker.grant(user, vhost, configure, write, read)

    def clear_permissions(self, user: str, vhost: str) -> None:
        self._broker.revoke(user, vhost)

def _binary(text: str) -> str:
    """A text as an Erlang binary."""
    return f"<<{','.join(map(str, text.encode()))}>>"
