"""Where a broker of this machine has its control socket: the same rule for `serve`, which makes it, and for `ctl`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import platformdirs

SOCKET: Final = "control.sock"
TOKEN: Final = "control.json"  # noqa: S105  # a file's name
"""In place of the socket where there are no Unix sockets."""
PROCESS: Final = "process-"
LONGEST: Final = 103
"""Octets of a Unix socket's path that all platforms take."""
SERVICES: Final = (Path("/var/lib/amqpd"), Path("/var/lib/amqpd/data"))
"""Data directories of the service and of the container that `packaging/` has."""
HAS_UNIX: Final = hasattr(socket, "AF_UNIX")


def default_folder() -> Path:
    """Where the platform keeps data of its user's applications."""
    return platformdirs.user_data_path("amqpd", appauthor=False)


def runtime_folder(environ: Mapping[str, str]) -> Path:
    """Where sockets of brokers go that keep nothing: into the user's own folder for sockets, where there is one.

    Never into a folder that everybody may write to: another user would wait there for passwords.
    """
    given = environ.get("XDG_RUNTIME_DIR")
    return Path(given) / "amqpd" if given else default_folder() / "run"


def place_of(data_dir: Path | None, port: int | None, environ: Mapping[str, str]) -> Path:
    """Where a broker puts it: beside its data, or (it keeps none, or the path is too long) with other sockets, named
    by its port, or by the process if that is any port.
    """
    name = SOCKET if HAS_UNIX else TOKEN
    if data_dir is not None and (not HAS_UNIX or len(os.fsencode(data_dir / name)) <= LONGEST):
        return data_dir / name
    return runtime_folder(environ) / f"{port or f'{PROCESS}{os.getpid()}'}{Path(name).suffix}"


def forget_dead(environ: Mapping[str, str]) -> None:
    """Remove what killed processes left among the user's sockets; one that is named by a port is replaced there."""
    if os.name != "posix":
        return
    for path in _sockets(environ):
        if not path.name.startswith(PROCESS):
            continue
        try:
            os.kill(int(path.stem.removeprefix(PROCESS)), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (ValueError, OSError):
            continue


def candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """All places in which there is one, likely ones first: that of the environment's data directory, the default one's,
    those of brokers that keep nothing, the system's service.
    """
    folders = [Path(environ["AMQPD_DATA_DIR"])] if environ.get("AMQPD_DATA_DIR") else []
    for folder in (*folders, default_folder(), *SERVICES):
        yield from (folder / name for name in (SOCKET, TOKEN) if _is_there(folder / name))
    yield from (each for each in _sockets(environ) if each.suffix in (".sock", ".json"))


def _sockets(environ: Mapping[str, str]) -> list[Path]:
    """What is in the user's folder for sockets: nothing where it isn't there, or is another user's (`sudo -E`)."""
    try:
        return sorted(runtime_folder(environ).iterdir())
    except OSError:
        return []


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that is somebody else's
        return False
