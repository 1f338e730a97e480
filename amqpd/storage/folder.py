"""The folder that a broker keeps its data in: one process at a time, one format.

The lock is the operating system's, so that a process that was killed leaves none behind. The file `format` says what
wrote the folder, for whoever comes later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from amqpd.storage.engine import DirectoryInUse, UnknownFormat
from amqpd.storage.files import Files

LOCK: Final = "lock"
FORMAT: Final = "format"


class Folder:
    """A data directory that is ours until `close`."""

    def __init__(self, path: Path, files: Files, engine: str, version: int) -> None:
        """Take hold of a folder, which is made if it isn't there.

        `engine` and `version` name the format of its files. Raises DirectoryInUse while another process has it,
        UnknownFormat for what another engine or a newer version wrote, OSError where the disk does.
        """
        self.path = path
        self._files = files
        files.make_folder(path)
        try:
            self._lock = files.lock(path / LOCK)
        except OSError as error:
            raise DirectoryInUse(
                f"the data directory {path} is in use by another process: stop that one, or choose another directory"
            ) from error
        try:
            self._check_format(engine, version)
        except BaseException:
            self._lock.close()
            raise

    def _check_format(self, engine: str, version: int) -> None:
        file = self.path / FORMAT
        try:
            written = self._files.read(file)
        except FileNotFoundError:
            self._files.replace(file, f"{engine} {version}\n".encode("ascii"), sync=True)
            return
        name, _, number = written.decode("ascii", "replace").strip().partition(" ")
        if name != engine:
            raise UnknownFormat(f"{self.path} was written by the storage engine {name!r}: expected {engine!r}")
        if not number.isdigit() or int(number) > version:
            raise UnknownFormat(
                f"{self.path} has format {number!r} of the engine {name!r}: this version reads up to {version}"
            )

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()
