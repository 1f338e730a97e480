"""A strictly append-only engine: nothing in it is more than a log.

It is there to keep the port honest, and for disks on which a database is unwelcome. Definitions are a log as well: each
put is one row of JSON, and the log is written anew when most of it is outdated. Layout of the folder:
`SHARD/NUMBER.rows`, `SHARD/snapshot`, `SHARD/epoch`, `SHARD/streams/STREAM/NUMBER.rows`, `definitions/NUMBER.rows`; and
`contents`, with the names of these folders, a line each, once something is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from amqpd.broker.definitions import Cell, Change, Kind
from amqpd.storage import rows
from amqpd.storage.chunk_logs import ChunkLogs, Written
from amqpd.storage.definitions import Definitions, Made, decoded, encoded
from amqpd.storage.engine import ChunkHead, ChunkRow, Damage, Durability, Engine, StaleEpoch
from amqpd.storage.files import Files, RealFiles
from amqpd.storage.folder import Folder
from amqpd.storage.segments import Broken, Log, Missing

SEGMENT: Final = 64 * 1024 * 1024
"""Octets after which the next segment begins."""
DEFINITIONS: Final = "definitions"
CONTENTS: Final = "contents"
EPOCH: Final = "epoch"
STREAMS: Final = "streams"
SNAPSHOT: Final = "snapshot"
NAME: Final = "appendlog"
VERSION: Final = 2
"""2: exchanges have ids, and keep messages. In older ones rows of definitions are shorter."""
OUTDATED: Final = 4
"""The log of definitions is written anew when it holds so many times more changes than there are definitions."""
FEW: Final = 1000
"""Changes below which it is left alone."""


class AppendLogEngine(Engine):
    """Everything in append-only files of one folder."""

    def __init__(
        self,
        path: Path,
        durability: Durability = Durability.FSYNC,
        *,
        files: Files | None = None,
        segment: int = SEGMENT,
    ) -> None:
        """Open or make a folder. Raises DirectoryInUse, UnknownFormat, Incomplete or OSError."""
        self._files = files or RealFiles()
        self._folder = Folder(path, self._files, NAME, VERSION)
        self._durability = durability
        self._segment = segment
        self._damages: list[Damage] = []
        self._told = 0
        self._logs: dict[str, Log] = {}
        self._chunks: dict[str, ChunkLogs] = {}
        self._broken: OSError | None = None
        self._epochs: dict[str, int] = {}
        self._definitions = Definitions()
        self._changes = 0
        try:
            self._contents = self._read_contents()
            for name in self._contents:
                what = "virtual hosts, users, queues and exchanges" if name == DEFINITIONS else "the messages"
                self._folder.require(name, what)
            self._log = self._open_log(DEFINITIONS)
            for _, payload in self._log.read(0):
                self._made(decoded(payload))
            self._folder.seal()
        except BaseException:
            self._folder.close()
            raise

    def _read_contents(self) -> list[str]:
        try:
            return self._files.read(self._folder.path / CONTENTS).decode().splitlines()
        except FileNotFoundError:
            return []

    def _is_used(self, name: str) -> None:
        """Something is in a folder from now on."""
        if name not in self._contents:
            self._contents.append(name)
            self._replace(self._folder.path / CONTENTS, "".join(f"{each}\n" for each in self._contents).encode())

    # -- rows --------------------------------------------------------------------------------------------------------

    def claim(self, shard: str) -> int:
        self._rows_of(shard)
        file = self._folder.path / shard / EPOCH
        try:
            epoch = int(self._files.read(file)) + 1
        except FileNotFoundError:
            epoch = 1
        self._replace(file, b"%d" % epoch)
        self._is_used(shard)
        self._epochs[shard] = epoch
        return epoch

    def append(self, shard: str, epoch: int, row: bytes, chunks: Sequence[ChunkRow] = ()) -> int:
        self._require(shard, epoch)
        log = self._rows_of(shard)
        if not chunks:
            return log.append(row)
        if self._broken is not None:
            raise Broken(f"shard {shard!r} takes no more chunks after an error: {self._broken}") from self._broken
        logs = self._chunks_of(shard)
        try:
            written = logs.append(chunks, log.next_seq)
            seq = self._append_or_take_back(log, row, logs, written)
        except Broken as error:
            self._broken = error
            raise
        logs.keep(written)
        return seq

    @staticmethod
    def _append_or_take_back(log: Log, row: bytes, logs: ChunkLogs, written: list[Written]) -> int:
        try:
            return log.append(row)
        except OSError:
            if not log.is_broken:  # else the row may be there, and then they count
                logs.take_back(written)
            raise

    def read(self, shard: str, from_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        return self._rows_of(shard).read(from_seq)

    def fetch(self, shard: str, seq: int) -> bytes:
        return self._rows_of(shard).fetch(seq)

    def trim(self, shard: str, below_seq: int) -> None:
        self._rows_of(shard).trim(below_seq)

    def chunks(self, shard: str) -> Iterator[ChunkHead]:
        return self._chunks_of(shard).heads()

    def read_chunk(self, shard: str, stream: int, first: int) -> bytes | None:
        try:
            payload = self._chunks_of(shard).read(stream, first)
        except Missing as error:
            self._damages.append(Damage(str(self._streams(shard) / str(stream)), str(error)))
            return None
        if payload is None:
            self._damages.append(Damage(str(self._streams(shard) / str(stream)), f"offset {first} is missing"))
        return payload

    def drop_chunks(self, shard: str, stream: int, below: int, most: int) -> bool:
        self._chunks_of(shard).drop(stream, below)
        return False

    def snapshot_put(self, shard: str, epoch: int, snapshot: bytes) -> None:
        self._require(shard, epoch)
        self._replace(self._folder.path / shard / SNAPSHOT, rows.framed(shard, 0, snapshot))

    def snapshot_get(self, shard: str) -> bytes | None:
        file = self._folder.path / shard / SNAPSHOT
        try:
            row = rows.unframed(self._files.read(file))
        except FileNotFoundError:
            return None
        if row is None:
            self._damages.append(Damage(str(file), "the snapshot is not whole"))
            return None
        return row.payload

    # -- definitions -------------------------------------------------------------------------------------------------

    def get(self, kind: Kind) -> Mapping[tuple[Cell, ...], tuple[Cell, ...]]:
        return self._definitions.of(kind.name, len(kind.values))

    def put(self, changes: Iterable[Change]) -> None:
        made: list[Made] = [(each.kind.name, each.key, each.values) for each in changes]
        self._log.append(encoded(made))
        self._is_used(DEFINITIONS)
        self._made(made)
        if self._changes > max(FEW, OUTDATED * len(self._definitions)):
            self._rewrite()

    def _made(self, changes: Iterable[Made]) -> None:
        for kind, key, values in changes:
            self._definitions.change(kind, key, values)
            self._changes += 1

    def _rewrite(self) -> None:
        """Write what there is as one row, and forget the rows before it."""
        everything = list(self._definitions.everything())
        seq = self._log.append(encoded(everything, anew=True))
        self._log.trim(seq)
        self._changes = len(everything)

    # -- care --------------------------------------------------------------------------------------------------------

    @property
    def octets(self) -> int:
        rows = sum(each.octets for each in (self._log, *self._logs.values()))
        return rows + sum(each.octets for each in self._chunks.values())

    def damages(self) -> list[Damage]:
        new, self._told = self._damages[self._told :], len(self._damages)
        return new

    def close(self) -> None:
        for chunks in self._chunks.values():
            chunks.close()
        for log in (self._log, *self._logs.values()):
            log.close()
        self._folder.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _require(self, shard: str, epoch: int) -> None:
        current = self._epochs.get(shard)
        if current != epoch:
            raise StaleEpoch(f"shard {shard!r} is at epoch {current}: {epoch} is no longer its owner's")

    def _replace(self, file: Path, data: bytes) -> None:
        self._files.replace(file, data, sync=self._durability is Durability.FSYNC)

    def _rows_of(self, shard: str) -> Log:
        log = self._logs.get(shard)
        if log is None:
            log = self._logs[shard] = self._open_log(shard)
        return log

    def _chunks_of(self, shard: str) -> ChunkLogs:
        found = self._chunks.get(shard)
        if found is None:
            last = self._rows_of(shard).next_seq - 1

            def open_log(stream: int, accepts: Callable[[bytes], bool]) -> Log:
                return self._open_log(f"{shard}/{STREAMS}/{stream}", accepts)

            self._files.make_folder(self._streams(shard))
            streams = [int(name) for name in self._files.names(self._streams(shard))]
            found = self._chunks[shard] = ChunkLogs(streams, open_log, last)
        return found

    def _streams(self, shard: str) -> Path:
        return self._folder.path / shard / STREAMS

    def _open_log(self, name: str, accepts: Callable[[bytes], bool] = lambda _: True) -> Log:
        folder = self._folder.path / name
        return Log(folder, name, self._files, self._durability, self._damages, self._segment, accepts)
