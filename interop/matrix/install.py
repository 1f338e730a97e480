"""Installs clients into build folders of their own, once for each state of what the installation depends on.

A client that cannot be installed is a fact about this machine, never an error: whoever asks decides what it means.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interop.matrix.clients import Client, filled
from interop.matrix.scenarios import FOLDER

BUILD: Final = FOLDER / ".build"
STAMP: Final = "installed"
LOG: Final = "install.log"
LIMIT: Final = 1800.0
"""Seconds for one command: a compiler on a busy machine takes its time."""

_debian = threading.Lock()
_listed = threading.Event()


class NotInstallable(Exception):
    """A client that this machine cannot run; the text says why."""


def places(client: Client) -> dict[str, str]:
    """Return what stands for {build}, {folder} and {python}."""
    return {"build": str(_build(client)), "folder": str(client.folder), "python": sys.executable}


def _build(client: Client) -> Path:
    """A folder of its own, below that of builds as the client's is below that of clients."""
    beside = client.folder.parent
    return BUILD / (beside.relative_to(FOLDER) if beside.is_relative_to(FOLDER) else "") / client.key


def environment(client: Client) -> dict[str, str]:
    """Return the environment of the client's commands: this process's, and what client.toml adds."""
    own = {name: filled(value, places(client)) for name, value in client.environment.items()}
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **own}


def install(client: Client, *, fresh: bool = False) -> None:
    """Install a client unless its build is that of the present state. Raises NotInstallable."""
    _install_debian(client)
    missing = [program for program in client.needs if shutil.which(program) is None]
    if missing:
        raise NotInstallable(f"no {' and no '.join(missing)} on PATH")
    folder = _build(client)
    if not fresh and is_current(client):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / LOG).open("w+", encoding="utf-8", errors="replace") as log:
        for command in client.install:
            _run([filled(word, places(client)) for word in command], client, log.fileno(), folder / LOG)
    (folder / STAMP).write_text(fingerprint(client))


def is_current(client: Client) -> bool:
    """Whether it is installed, from what it depends on now."""
    stamp = _build(client) / STAMP
    return stamp.exists() and stamp.read_text() == fingerprint(client)


def fingerprint(client: Client) -> str:
    """Return a digest of all that the installation depends on: its commands, its inputs and the interpreter."""
    digest = hashlib.sha256()
    digest.update(repr((client.install, sorted(client.environment.items()), sys.version)).encode())
    for file in sorted(set(_inputs(client))):
        digest.update(f"{file.relative_to(client.folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _inputs(client: Client) -> Iterator[Path]:
    for pattern in client.inputs:
        for file in client.folder.rglob(pattern):
            if file.is_file() and file.name != "client.toml" and "__pycache__" not in file.parts:
                yield file


def _run(command: list[str], client: Client, output: int, log: Path) -> None:
    nice = ["nice"] if shutil.which("nice") else []
    try:
        status: object = subprocess.run(
            [*nice, *command],
            cwd=client.folder,
            env=environment(client),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=LIMIT,
            check=False,
        ).returncode
    except OSError as error:
        status = error
    except subprocess.TimeoutExpired:
        status = f"no end after {LIMIT:.0f} s"
    if status != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else "no output"
        raise NotInstallable(f"`{' '.join(command)}` failed ({status}): {last} (all of it: {log})")


# -- Debian's packages -------------------------------------------------------------------------------------------------


def _install_debian(client: Client) -> None:
    if not client.debian or not shutil.which("dpkg-query"):
        return  # where there is no Debian, `needs` and the installation itself say what is missing
    with _debian:
        missing = [package for package in client.debian if not _is_installed(package)]
        if not missing:
            return
        if os.geteuid() != 0:
            raise NotInstallable(f"Debian's {', '.join(missing)} would have to be installed, which only root can")
        if not _listed.is_set():
            _apt("update", "--quiet")
            _listed.set()
        _apt("install", "--quiet", "--yes", "--no-install-recommends", *missing)


def _is_installed(package: str) -> bool:
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return query.returncode == 0 and query.stdout == "installed"


def _apt(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines() or ["no output"]
        raise NotInstallable(f"apt-get {' '.join(arguments)} failed ({done.returncode}): {lines[-1]}")
