"""The folder that a broker keeps its data in: one process at a time, one format.

The lock is the operating system's, so that a process that was killed leaves none behind. The file `format` says what
wrote the folder, for whoever comes later: a version reads what older ones wrote, and refuses what a newer one did.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from amqpd.log import get_logger
from amqpd.storage.engine import DirectoryInUse, Incomplete, UnknownFormat
from amqpd.storage.files import Files, Locked

log = get_logger(__name__)

LOCK: Final = "lock"
FORMAT: Final = "format"


class Folder:
    """A data directory that is ours until `close`."""

    def __init__(self, path: Path, files: Files, engine: str, version: int) -> None:
        """Take hold of a folder, which is made if it isn't there.

        `engine` and `version` name the format of its files; it stays new until `seal`. Raises DirectoryInUse while
        another process has it, UnknownFormat for what another engine or a newer version wrote, OSError where the disk
        does.
        """
        self.path = path
        self._files = files
        files.make_folder(path)
        try:
            self._lock = files.lock(path / LOCK)
        except Locked as error:
            raise DirectoryInUse(
                f"the data directory {path} is in use by another process: stop that one, or choose another directory"
            ) from error
        self._format = f"{engine} {version}\n".encode("ascii")
        self.is_new = False
        """Whether nothing is known to have been in it before."""
        try:
            self._check_format(engine, version)
        except BaseException:
            self._lock.close()
            raise

    def _check_format(self, engine: str, version: int) -> None:
        try:
            written = self._files.read(self.path / FORMAT)
        except FileNotFoundError:
            self.is_new = True
            return
        name, _, number = written.decode("ascii", "replace").strip().partition(" ")
        if name != engine:
            raise UnknownFormat(f"{self.path} was written by the storage engine {name!r}: expected {engine!r}")
        if not number.isdigit() or int(number) > version:
            raise UnknownFormat(
                f"{self.path} has format {number!r} of the engine {name!r}: this version reads up to {version}. "
                "Start the version of amqpd that wrote it, or a newer one, or choose another directory"
            )
        if int(number) < version:
            # Before anything else changes, so that an older version never meets what it doesn't know.
            self._write_format()
            log.info("data directory upgraded", path=str(self.path), format=version, before=int(number))

    def _write_format(self) -> None:
        self._files.replace(self.path / FORMAT, self._format, sync=True)

    def require(self, name: str, holds: str) -> None:
        """Raise Incomplete if a file or folder is missing that is there in every folder that was sealed."""
        if not self.is_new and name not in self._files.names(self.path):
            raise Incomplete(
                f"the data directory {self.path} lacks {name!r}, which holds {holds}: put it back from a backup, or, "
                "to start without what it held, make an empty one"
            )

    def seal(self) -> None:
        """All that belongs in it has been made."""
        if self.is_new:
            self._write_format()
            self.is_new = False

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()
