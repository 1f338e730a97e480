"""The broker as a process that is killed: started on a data directory, heard until it is ready, and its log read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from threading import Event, Thread
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
READY: Final = "Server startup complete"
ADDRESS: Final = re.compile(r"127\.0\.0\.1:(\d+)")
TROUBLE: Final = re.compile(r"\[error|\[critical|Traceback")
PATIENCE: Final = 60.0
"""Seconds for a start, and for an orderly end."""


class Storage(Enum):
    """What the broker keeps its data on; the value is the module that starts it."""

    SQLITE = "amqpd"
    APPENDLOG = "tests.crash.appendlog_broker"


class Broker:
    """One process."""

    def __init__(self, storage: Storage, folder: Path, options: Sequence[str], root: Path = ROOT) -> None:
        """`options`: further ones of `amqpd serve`; `root`: the folder whose `amqpd` is started."""
        self._sockets = tempfile.TemporaryDirectory(prefix="amqpd-")  # a folder for data may have too long a path
        self.socket = Path(self._sockets.name) / "control"
        command = [sys.executable, "-m", storage.value, "serve", "--port", "0", "--data-dir", str(folder)]
        command += ["--control-socket", str(self.socket)]
        path = os.pathsep.join([str(root), str(ROOT)])
        self._child = subprocess.Popen(
            [*command, *options],
            cwd=root,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._heard = Event()
        self._lines: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            self._lines.append(line.rstrip())
            if READY in line:
                self._heard.set()
        self._heard.set()

    def port(self) -> int | None:
        """Wait until it is ready, and return its port; None: it ended, or said nothing for too long."""
        self._heard.wait(PATIENCE)
        found = ADDRESS.search("\n".join(self._lines))
        ready = any(READY in line for line in self._lines)
        return int(found[1]) if found is not None and ready else None

    def wait(self, seconds: float) -> None:
        """Wait until it is ready, and no longer than so many seconds."""
        self._heard.wait(seconds)

    def kill(self) -> None:
        """SIGKILL."""
        self._child.kill()
        self._ended()

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        self._child.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        try:
            return self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
        finally:
            self._reader.join(PATIENCE)
            assert self._child.stderr is not None
            self._child.stderr.close()
            self._sockets.cleanup()

    @property
    def complaints(self) -> str:
        """From its first line of trouble on, what it logged; empty: there was none."""
        for at, line in enumerate(self._lines):
            if TROUBLE.search(line):
                return "\n".join(self._lines[at : at + 40])
        return ""
