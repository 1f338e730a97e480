"""The brokers that the matrix compares: each started on a free port with fresh data, and stopped afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Protocol

from amqpd.cli.bench.broker_process import broker_pid
from amqpd.cli.bench.scenario import Target
from amqpd.cli.bench.url import BrokerUrl, parse_url
from conformance import rabbitmq
from tests.crash.process import ADDRESS, READY

ROOT = Path(__file__).resolve().parents[3]
INTERPRETED, COMPILED, RABBITMQ = "interpreted", "compiled", "RabbitMQ"

_STOP_SECONDS = 30.0
_RUN_SECONDS = 600.0

_DESCRIBE = """
import platform, amqpd, amqpd.broker.classic_queue as hot
kind = "interpreted" if hot.__file__.endswith(".py") else "compiled"
print(f"amqpd {amqpd.__version__}, {kind}, {platform.python_implementation()} {platform.python_version()}")
"""


class BrokerError(Exception):
    """A broker that did not start; the text says why."""


class Kind(Protocol):
    """A broker that can be started any number of times."""

    @property
    def name(self) -> str:
        """What its column is called."""

    def describe(self) -> str:
        """Return which version it is; raises BrokerError where it cannot run."""

    def running(self, *, durable: bool) -> AbstractContextManager[Target]:
        """Run one with fresh data, on disk if `durable`, as far as that can be chosen."""


@dataclass(frozen=True)
class Amqpd:
    """amqpd as one Python interpreter has it installed; the name `interpreted` has it leave compiled modules alone."""

    name: str
    python: str

    def describe(self) -> str:
        return _describe(self.name, self.python, self._pure)

    @property
    def _pure(self) -> bool:
        """Whether compiled modules are there and shall not be used."""
        return self.name == INTERPRETED and ", compiled," in _describe(self.name, self.python, False)

    @contextmanager
    def running(self, *, durable: bool) -> Iterator[Target]:
        # In a folder of its own, so that the interpreter takes what is installed and not what lies where we stand.
        with TemporaryDirectory(prefix="amqpd-bench-") as folder:
            storage = ["--data-dir", folder] if durable else ["--transient"]
            process = subprocess.Popen(
                [self.python, "-m", "amqpd", "serve", "--port", "0", *storage],
                cwd=folder,
                env=_environment(pure=self._pure),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            try:
                url = _listening(self.name, process.stderr)
                # Its log must go somewhere, or it would wait for a reader.
                drain = Thread(target=process.stderr.read, daemon=True)
                drain.start()
                try:
                    yield Target(url, process.pid, _RUN_SECONDS)
                finally:
                    _stop(process)
                    drain.join()
            finally:
                _stop(process)
                process.stderr.close()


@cache
def _describe(name: str, python: str, pure: bool) -> str:
    with TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [python, "-c", _DESCRIBE],
                cwd=folder,
                env=_environment(pure=pure),
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise BrokerError(f"{name}={python} cannot be started: {error.strerror}") from None
    if done.returncode:
        raise BrokerError(f"{name}={python} has no amqpd: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


def _environment(*, pure: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AMQPD_PURE")}
    return {**kept, "AMQPD_PURE": "1"} if pure else kept


def _listening(name: str, log: IO[str]) -> BrokerUrl:
    lines: list[str] = []
    for line in log:
        lines.append(line)
        if READY in line:
            found = ADDRESS.search("".join(lines))
            assert found, "a broker that is ready has said where it listens"
            return parse_url(f"amqp://127.0.0.1:{found[1]}")
    raise BrokerError(f"{name} did not start:\n{''.join(lines)}")


def _stop(process: subprocess.Popen[str]) -> None:
    """End a process, if it has not ended yet."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class RabbitMQ:
    """Debian's rabbitmq-server; durable or not is up to the queues and the messages."""

    name: str = RABBITMQ

    def describe(self) -> str:
        try:
            rabbitmq.require()
        except rabbitmq.Unavailable as error:
            raise BrokerError(str(error)) from None
        query = ["dpkg-query", "--show", "--showformat=${Version}", "rabbitmq-server"]
        done = subprocess.run(query, capture_output=True, text=True, check=False)
        return f"RabbitMQ {done.stdout or 'of an unknown version'}"

    @contextmanager
    def running(self, *, durable: bool) -> Iterator[Target]:
        del durable  # it keeps on disk whatever asks for that
        with rabbitmq.node() as port:
            url = parse_url(f"amqp://127.0.0.1:{port}")
            yield Target(url, broker_pid(url), _RUN_SECONDS)


def default_amqpds() -> list[Amqpd]:
    """Return the running interpreter's amqpd as interpreted and, where it was built, the compiled one."""
    compiled = ROOT / ".venv-compiled" / "bin" / "python"
    found = [Amqpd(COMPILED, str(compiled))] if compiled.exists() else []
    return [*found, Amqpd(INTERPRETED, sys.executable)]
