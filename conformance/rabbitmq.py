"""A private RabbitMQ node: Debian's rabbitmq-server on free ports, with its data in a temporary folder.

Use `node()` as a context manager, or `python -m conformance.rabbitmq` to have one until Ctrl-C. Nothing outside the
folder is touched: the node has its own epmd, cookie, logs and database, and all of it is gone afterwards.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from conformance import accounts
from conformance.client import Connection
from conformance.received import Dropped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = SERVER.with_name("rabbitmqctl")
USER = "rabbitmq"
EXCHANGE_PLUGINS = (
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
)
"""The plugins that add exchange types which amqpd has; the last one brings x-modulus-hash."""
START_LIMIT = 60.0
CONTROL_LIMIT = 30.0


class Unavailable(Exception):
    """A node cannot be started here; the text says why."""


class Node:
    """A running node: its AMQP port on 127.0.0.1, and rabbitmqctl."""

    def __init__(self, port: int, folder: Path, environment: dict[str, str]) -> None:
        self.port = port
        self.folder = folder
        """All that the node has; gone afterwards."""
        self._environment = environment

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl on the node and return its output; raise RuntimeError with that when it fails."""
        outcome = self.run(CONTROL.name, *arguments)
        if outcome.returncode:
            said = outcome.stdout + outcome.stderr
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)} failed ({outcome.returncode}):\n{said}")
        return outcome.stdout

    def run(
        self, tool: str, *arguments: str, environment: Mapping[str, str] = {}, limit: float = CONTROL_LIMIT
    ) -> subprocess.CompletedProcess[str]:
        """Run one of RabbitMQ's tools on the node, whatever comes of it. Raises TimeoutExpired after `limit` s."""
        return subprocess.run(
            [str(SERVER.with_name(tool)), *arguments],
            cwd=self.folder,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            **_ownership(),
        )


class _Ownership(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None


def _ownership() -> _Ownership:
    """Let a process run as the user that owns the node's files."""
    if os.geteuid() != 0:
        return {"user": None, "group": None, "extra_groups": None}
    account = pwd.getpwnam(USER)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def require() -> None:
    """Raise Unavailable where RabbitMQ cannot run."""
    if not SERVER.exists():
        raise Unavailable(f"RabbitMQ is not installed: {SERVER} is missing (Debian: apt-get install rabbitmq-server)")
    try:
        account = pwd.getpwnam(USER)
    except KeyError:
        raise Unavailable(f"there is no user {USER!r} to run RabbitMQ as") from None
    if os.geteuid() not in (0, account.pw_uid):
        raise Unavailable(f"RabbitMQ runs as root or as {USER!r}, not as user {os.geteuid()}")


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on at the moment, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


def _spawn(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **_ownership(),
        )


@contextmanager
def _running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = _spawn(command, folder, environment)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_ready(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return when a client can log in: the listener is the last thing the node starts."""
    give_up = time.monotonic() + START_LIMIT
    while time.monotonic() < give_up and process.poll() is None:
        with suppress(OSError, Dropped):
            connection = Connection("127.0.0.1", port)
            try:
                connection.handshake().close()
            finally:
                connection.abort()
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise RuntimeError(f"RabbitMQ did not start:\n{(folder / 'output').read_text(errors='replace')}")


@contextmanager
def node(plugins: tuple[str, ...] = ()) -> Iterator[int]:
    """Run a node and yield its AMQP port on 127.0.0.1; raise Unavailable where RabbitMQ cannot run."""
    with controlled_node(plugins) as running:
        yield running.port


@contextmanager
def controlled_node(plugins: tuple[str, ...] = (), configuration: str = "", name: str = "") -> Iterator[Node]:
    """Run a node with these lines in its rabbitmq.conf; raise Unavailable where RabbitMQ cannot run.

    `name` is what stands before @localhost, unless any will do: the node is alone with its epmd.
    """
    require()
    port, distribution, epmd = free_ports(3)
    folder = Path(tempfile.mkdtemp(prefix="conformance-rabbitmq-"))
    try:
        (folder / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        (folder / "output").touch()
        (folder / "definitions.json").write_text(accounts.definitions(), encoding="utf-8")
        (folder / "rabbitmq.conf").write_text(f"load_definitions = {folder / 'definitions.json'}\n{configuration}")
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, USER, USER)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"{name or f'oracle{port}'}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        }
        with (
            _running(["epmd"], folder, environment),
            _running([str(SERVER)], folder, environment) as server,
        ):
            _await_ready(port, server, folder)
            yield Node(port, folder, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run a node until interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), node() as port:
        sys.stdout.write(f"amqp://guest:guest@127.0.0.1:{port}/\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
