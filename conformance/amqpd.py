"""amqpd as a process of its own: start it, learn its port from its log, stop it.

The command line and two log lines are all that is known of it; only the run on a delayed journal starts it by import.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from conformance import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ACCESS = "access.toml"
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
READY = "Server startup complete"
QUICK = ("--limits-handshake-timeout", "6")
"""Instead of 10 s: that it ends is tested, not when. One test stays in its handshake for 4 s of heartbeats."""


def _await_ready(process: subprocess.Popen[str]) -> int:
    """Return the port of the first logged address once the server says that it has started."""
    assert process.stdout is not None
    log: list[str] = []
    for line in process.stdout:
        log.append(line)
        if READY in line:
            addresses = ADDRESS.findall("".join(log))
            if not addresses:
                break
            return int(addresses[0])
    raise RuntimeError(f"{process.args!r} did not start (exit status {process.poll()}):\n{''.join(log)}")


def _discard(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for _ in process.stdout:
        pass


@contextmanager
def _folder_with_accounts() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="conformance-amqpd-") as folder:
        (Path(folder) / ACCESS).write_text(accounts.access_file(), encoding="utf-8")
        yield Path(folder)


@contextmanager
def server(compat: str, *options: str, root: Path = ROOT) -> Iterator[int]:
    """Run `python -m amqpd serve` in a folder with nothing but the accounts and yield its AMQP port on 127.0.0.1.

    `root` is the folder that has the package.
    """
    command = [sys.executable, "-m", "amqpd", "serve", "--port", "0", "--transient", "--compat", compat]
    command += [*QUICK, *options, "--access-file", ACCESS]
    environment = dict(os.environ, PYTHONPATH=str(root), PYTHONUNBUFFERED="1")
    with (
        _folder_with_accounts() as folder,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            port = _await_ready(process)
            Thread(target=_discard, args=(process,), daemon=True).start()
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def delayed_server(compat: str) -> Iterator[int]:
    """Run amqpd in a thread of this process, on a journal that makes everything that may wait take a turn."""
    from amqpd import run_in_thread
    from amqpd.testing.delayed import DelayedJournal

    with (
        _folder_with_accounts() as folder,
        run_in_thread(journal=DelayedJournal(), compat=compat, strict=True, access_file=folder / ACCESS) as broker,
    ):
        yield broker.port
