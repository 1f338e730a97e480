"""Runs one driver for one scenario on one broker, and carries out what it asks for meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Final

import attrs

from interop.matrix import install, preparing
from interop.matrix.clients import Row, filled
from interop.matrix.scenarios import FOLDER, Scenario

if TYPE_CHECKING:
    from interop.matrix.targets import Target

LIMIT: Final = 60.0
"""Seconds after which a driver has failed."""
ROOT: Final = FOLDER.parent


@attrs.frozen
class Outcome:
    """What came of one cell: `reason` is empty when it is ok."""

    ok: bool
    seconds: float
    reason: str = ""


def run(row: Row, scenario: Scenario, target: Target, limit: float = LIMIT) -> Outcome:
    """Run a driver to its end, or to the limit."""
    prefix = f"interop-{row.client.key}{row.variant and '-'}{row.variant}-{token_hex(4)}"
    started = time.monotonic()
    try:
        try:
            with preparing.prepared(scenario.prepared, target, prefix):
                reason = _run(row, scenario, target, prefix, limit)
        finally:
            if scenario.alone:
                target.recover()
    except Exception as error:  # noqa: BLE001  # a broker that doesn't answer fails the cell, not the run
        reason = f"the runner failed: {error!r}"
    return Outcome(not reason, time.monotonic() - started, reason)


def _run(row: Row, scenario: Scenario, target: Target, prefix: str, limit: float) -> str:
    """Return why it failed; empty if it did not."""
    places = install.places(row.client)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                [*(filled(word, places) for word in row.client.run), scenario.name],
                cwd=row.client.folder,
                env=_environment(row, target, prefix),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return f"the driver does not start: {error}"
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            _kill(process)

        deadline = threading.Timer(limit, give_up)
        deadline.start()
        try:
            output = _converse(process, scenario, target)
            status = process.wait()
        finally:
            deadline.cancel()
            _kill(process)  # what it has started ends with it
            process.wait()
            _close(process)
        if status == 0 and not overdue.is_set():
            return ""
        errors.seek(0)
        end = f"no end after {limit:.0f} s" if overdue.is_set() else f"exit status {status}"
        return f"{end}\n{output}{errors.read()}".rstrip()


def _environment(row: Row, target: Target, prefix: str) -> dict[str, str]:
    return {
        **install.environment(row.client),
        **target.environment(),
        "INTEROP_PREFIX": prefix,
        "INTEROP_VARIANT": row.variant,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _converse(process: subprocess.Popen[str], scenario: Scenario, target: Target) -> str:
    """Carry out the requests until the driver's output ends; return the rest of it."""
    assert process.stdout is not None
    assert process.stdin is not None
    shown: list[str] = []
    for line in process.stdout:
        if not line.startswith("@ "):
            shown.append(line)
            continue
        request = line[2:].strip()
        if not scenario.alone:
            shown.append(f"@ {request}: refused, because {scenario.name!r} does not have the broker for itself\n")
            _kill(process)
            continue
        target.ask(request)
        with suppress(BrokenPipeError):
            _answer(process.stdin)
    return "".join(shown)


def _answer(to: IO[str]) -> None:
    to.write("done\n")
    to.flush()


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
