"""A disk in memory that loses power: what was not synced may be there, in part or not at all.

The rules are those of a careful file system: octets and names are certain after their sync; before it, any prefix of
what was written to a file may have arrived, with the last octets torn, and changes of names arrive in their order.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random

from amqpd.storage.files import Appender, Files


class File:
    """Octets that are certain, and what was done since."""

    def __init__(self, certain: bytes = b"") -> None:
        self.certain = certain
        self.now = certain

    def after_a_power_loss(self, random: Random) -> bytes:
        if not self.now.startswith(self.certain):
            return self.now if random.random() < 0.5 else self.certain  # it was cut off
        return self.now[: random.randint(len(self.certain), len(self.now))]


class Disk(Files):
    """Files by their paths; what fails next is up to the test."""

    def __init__(self, contents: dict[Path, bytes] | None = None) -> None:
        self.files = {path: File(octets) for path, octets in (contents or {}).items()}
        self.certain_names = dict(self.files)
        self._changes: list[tuple[Path, File | None]] = []
        self.room: int | None = None
        """Octets that can still be written."""
        self.sync_fails = False
        self.steps = 0
        """Calls so far that change anything, or make it certain."""
        self.fault: tuple[int, int] | None = None
        """At which of them to fail, and with which error: once."""

    def step(self) -> None:
        """One more call."""
        self.steps += 1
        if self.fault is not None and self.steps == self.fault[0]:
            raise OSError(self.fault[1], os.strerror(self.fault[1]))

    def lose_power(self, random: Random) -> Disk:
        """The disk as it may be found afterwards."""
        names = dict(self.certain_names)
        for path, file in self._changes[: random.randint(0, len(self._changes))]:
            _named(names, path, file)
        return Disk({path: file.after_a_power_loss(random) for path, file in names.items()})

    def contents(self) -> dict[Path, bytes]:
        """What an orderly end leaves."""
        return {path: file.now for path, file in self.files.items()}

    # -- the port ----------------------------------------------------------------------------------------------------

    def lock(self, path: Path) -> Appender:
        return self.append(path)

    def make_folder(self, path: Path) -> None:
        pass

    def names(self, folder: Path) -> list[str]:
        return sorted({path.relative_to(folder).parts[0] for path in self.files if folder in path.parents})

    def read(self, path: Path) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return self.files[path].now

    def read_part(self, path: Path, begin: int, end: int) -> bytes:
        return self.read(path)[begin:end]

    def append(self, path: Path) -> Appender:
        self.step()
        if path not in self.files:
            self._name(path, File())
        return DiskAppender(self, self.files[path])

    def rename(self, old: Path, new: Path) -> None:
        self.step()
        file = self.files[old]
        self._name(old, None)
        self._changes.pop()
        self._name(new, file)

    def remove(self, path: Path) -> None:
        self.step()
        if self.room is not None:
            self.room += len(self.files[path].now)
        self._name(path, None)

    def sync_folder(self, folder: Path) -> None:
        self.step()
        for path, file in self._changes:
            _named(self.certain_names, path, file)
        self._changes = []

    def free(self, folder: Path) -> int:
        return 10**12 if self.room is None else self.room

    def allocate(self, path: Path, size: int) -> None:
        self.append(path).write(bytes(size))

    def _name(self, path: Path, file: File | None) -> None:
        _named(self.files, path, file)
        self._changes.append((path, file))


class DiskAppender(Appender):
    """Writes to one file."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk = disk
        self._file = file

    def write(self, data: bytes) -> None:
        try:
            self._disk.step()
        except OSError:
            self._file.now += data[: len(data) // 2]
            raise
        room = self._disk.room
        if room is not None and len(data) > room:
            self._file.now += data[:room]
            self._disk.room = 0
            raise OSError(errno.ENOSPC, "no space left on device")
        if room is not None:
            self._disk.room = room - len(data)
        self._file.now += data

    def sync(self) -> None:
        self._disk.step()
        if self._disk.sync_fails:
            raise OSError(errno.EIO, "input/output error")
        self._file.certain = self._file.now

    def truncate(self, size: int) -> None:
        self._disk.step()
        if self._disk.room is not None:
            self._disk.room += max(0, len(self._file.now) - size)
        self._file.now = self._file.now[:size]

    def close(self) -> None:
        pass


def _named(names: dict[Path, File], path: Path, file: File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file
