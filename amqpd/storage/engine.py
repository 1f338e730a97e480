"""The port to what keeps bytes: all that durability asks of a storage engine, and nothing of what a queue is.

An engine keeps, by shard, an ordered log of rows, and one snapshot; for the whole broker it keeps definitions. A shard
is the unit of ownership and of atomicity: its owner has an epoch, and an engine refuses the rows of an older one.
Methods may block and are called from one thread. What has returned is durable, as far as the engine was told to make
it so; what raised an OSError may or may not be there after a restart, and the engine takes nothing more until then.

Embedded engines have one owner by nature (the folder is locked); on a replicated one, the epoch is that of a lease.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum

import attrs

from amqpd.broker.definitions import Cell, Change, Kind


class Durability(Enum):
    """What a commit waits for."""

    FSYNC = "fsync"
    """The disk has it: it survives a power failure."""
    OS = "os"
    """The operating system has it: it survives the end of the process, by `kill -9` too."""
    NONE = "none"
    """Nothing; an orderly stop keeps everything."""


class StaleEpoch(Exception):
    """Somebody else owns the shard by now."""


class DirectoryInUse(Exception):
    """Another process keeps its data there."""


class UnknownFormat(Exception):
    """The data is of a format that this version cannot read."""


class Incomplete(Exception):
    """A file is missing, and with it what it held."""


@attrs.frozen
class Damage:
    """Something that cannot be read any more."""

    where: str
    """The file, or the table."""
    what: str


@attrs.frozen
class ChunkHead:
    """What is known of a chunk of a stream without reading it."""

    stream: int
    first: int
    """The offset of its first message."""
    end: int
    """The one behind its last."""
    head: bytes
    """Some octets of whoever wrote it."""


@attrs.frozen
class ChunkRow(ChunkHead):
    """A chunk of a stream."""

    payload: bytes


class Engine(ABC):
    """Keeps rows, snapshots and definitions. Raises OSError where the disk does."""

    # -- rows --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def claim(self, shard: str) -> int:
        """Become the owner of a shard; return the epoch, which is above all earlier ones."""

    @abstractmethod
    def append(self, shard: str, epoch: int, row: bytes, chunks: Sequence[ChunkRow] = ()) -> int:
        """Keep a row behind all others of its shard; return its sequence number, once it is durable.

        With it, all or none of them, come the chunks of streams; each takes the place of those of its stream that
        began between its `first` and its `end`.
        Numbers rise within a shard and may skip. Raises StaleEpoch where a newer owner has claimed the shard.
        """

    @abstractmethod
    def read(self, shard: str, from_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        """All rows from a number on, in order. What is damaged is left out and told by `damages`."""

    @abstractmethod
    def fetch(self, shard: str, seq: int) -> bytes:
        """One row. Raises OSError if it is not there, or damaged."""

    @abstractmethod
    def trim(self, shard: str, below_seq: int) -> None:
        """Forget all rows below a number. Space may come back later; after a crash, the last of them may be read once
        more, but never one without those that followed it.
        """

    def drop(self, shard: str, seqs: Iterable[int]) -> None:
        """These rows are not needed any more either: a hint, which an engine may ignore and `read` need not honour."""

    # -- chunks of streams -------------------------------------------------------------------------------------------

    @abstractmethod
    def chunks(self, shard: str) -> Iterator[ChunkHead]:
        """The heads of all chunks, by stream, in order: the chunks themselves are not read."""

    @abstractmethod
    def read_chunk(self, shard: str, stream: int, first: int) -> bytes | None:
        """The payload of the chunk that begins with an offset; None: it is missing or damaged, which `damages` tells.

        May be called from any thread, at any time, but not twice at once.
        """

    @abstractmethod
    def drop_chunks(self, shard: str, stream: int, below: int, most: int) -> bool:
        """Forget the chunks of a stream that end at or below an offset, the oldest first, and about `most` of them at
        a time; return whether there are more. After a crash, some may be there again.
        """

    # -- snapshots ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def snapshot_put(self, shard: str, epoch: int, snapshot: bytes) -> None:
        """Replace the snapshot of a shard as a whole. Raises StaleEpoch."""

    @abstractmethod
    def snapshot_get(self, shard: str) -> bytes | None:
        """The last snapshot; None if there is none, or if it is damaged."""

    # -- definitions -------------------------------------------------------------------------------------------------

    @abstractmethod
    def get(self, kind: Kind) -> Mapping[tuple[Cell, ...], tuple[Cell, ...]]:
        """All rows of a kind, by key, in the order in which they were first put. What was put before its kind got a
        column holds None there.
        """

    @abstractmethod
    def put(self, changes: Iterable[Change]) -> None:
        """Make changes, all of them or none; they are durable on return."""

    def watch(self, changed: Callable[[Kind, tuple[Cell, ...]], None]) -> None:
        """Call back when somebody else changes a definition; an embedded engine has nobody else."""

    # -- care --------------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bool:
        """Take what was appended to where it stays, if it is written to another place first; return whether so much
        space is free that it is time to give some back.
        """
        return False

    def give_back(self) -> bool:
        """Give a slice of the free space back, for good with the next checkpoint; return whether there is more."""
        return False

    def tidy(self) -> None:
        """Give all free space back."""
        self.checkpoint()
        while self.give_back():
            self.checkpoint()
        self.checkpoint()

    @property
    @abstractmethod
    def octets(self) -> int:
        """What it takes up on disk."""

    @abstractmethod
    def damages(self) -> list[Damage]:
        """What could not be read so far, each told once."""

    @abstractmethod
    def close(self) -> None:
        """Finish in order and let go of everything."""
