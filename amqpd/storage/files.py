"""The few things that an engine does to files, as a port: real files, or in tests a disk that loses power.

What is written, made, replaced or removed is certain only after the `sync` that belongs to it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Final

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


MEBIOCTET: Final = 1024 * 1024
NEW: Final = ".new"
"""The ending of a file that is about to replace another one."""


def is_full(error: BaseException) -> bool:
    """Whether this says that there is no room, and nothing worse."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class Locked(OSError):
    """Another process holds the file."""


class Appender(ABC):
    """A file that is written to at its end."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Add octets, all of them. Raises OSError; then any part of them may be there."""

    @abstractmethod
    def sync(self) -> None:
        """Make certain what was written. Raises OSError; what was written since the last time may be lost then."""

    @abstractmethod
    def truncate(self, size: int) -> None:
        """Cut the file off."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it. What was not synced is left to the operating system."""


class Files(ABC):
    """A file system."""

    @abstractmethod
    def lock(self, path: Path) -> Appender:
        """Make a file and hold it against other processes until it is closed. Raises Locked while another has it."""

    @abstractmethod
    def make_folder(self, path: Path) -> None:
        """Make a folder, with those above it, unless it is there."""

    @abstractmethod
    def names(self, folder: Path) -> list[str]:
        """The names in a folder, sorted."""

    @abstractmethod
    def read(self, path: Path) -> bytes:
        """All octets of a file. Raises FileNotFoundError."""

    @abstractmethod
    def read_part(self, path: Path, begin: int, end: int) -> bytes:
        """The octets of a file from one place to another, or to its end. Raises FileNotFoundError."""

    @abstractmethod
    def append(self, path: Path) -> Appender:
        """Open a file for writing at its end, making it if it isn't there."""

    @abstractmethod
    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of one that has it."""

    @abstractmethod
    def remove(self, path: Path) -> None:
        """Remove a file."""

    @abstractmethod
    def sync_folder(self, folder: Path) -> None:
        """Make certain which names are in a folder."""

    @abstractmethod
    def free(self, folder: Path) -> int:
        """Octets that may still be written to the file system of a folder."""

    @abstractmethod
    def allocate(self, path: Path, size: int) -> None:
        """Make a file that takes up so many octets, of whatever content. Raises OSError."""

    def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
        """Write a file as a whole: after a crash it holds the old octets or the new ones."""
        beside = path.with_name(path.name + NEW)
        if beside.name in self.names(path.parent):
            self.remove(beside)
        out = self.append(beside)
        try:
            out.write(data)
            if sync:
                out.sync()
        finally:
            out.close()
        self.rename(beside, path)
        if sync:
            self.sync_folder(path.parent)


class _RealAppender(Appender):
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def sync(self) -> None:
        descriptor = self._file.fileno()
        if sys.platform == "darwin":  # where fsync leaves it in the disk's own cache
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            getattr(os, "fdatasync", os.fsync)(descriptor)

    def truncate(self, size: int) -> None:
        self._file.truncate(size)

    def close(self) -> None:
        self._file.close()


class RealFiles(Files):
    """The operating system's."""

    def lock(self, path: Path) -> Appender:
        file = path.open("ab", buffering=0)
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise Locked(error.errno, str(error)) from error
        return _RealAppender(file)

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        return sorted(each.name for each in folder.iterdir())

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def read_part(self, path: Path, begin: int, end: int) -> bytes:
        with path.open("rb") as file:
            file.seek(begin)
            return file.read(end - begin)

    def append(self, path: Path) -> Appender:
        return _RealAppender(path.open("ab", buffering=0))

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink()

    def free(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def allocate(self, path: Path, size: int) -> None:
        with path.open("wb", buffering=0) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
                return
            portion = bytes(MEBIOCTET)
            for _ in range(-(-size // MEBIOCTET)):
                file.write(portion)

    def sync_folder(self, folder: Path) -> None:
        if sys.platform == "win32":  # which has no such call, and needs none
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
