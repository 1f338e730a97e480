"""The embedded engine: two SQLite databases in one folder.

`definitions.db` has a plain table for each kind of definition, to be read with `sqlite3` by whoever likes to.
`journal.db` has the rows and the chunks of streams, each a blob with its own checksum; a second connection reads chunks
while the first one commits. Both write ahead (WAL), so a commit is one sequential write and one sync; checkpoints are
made apart from commits, and so is giving the space of what was forgotten back to the file system.
https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from amqpd.broker.definitions import Cell, Change, Kind
from amqpd.storage import rows
from amqpd.storage.database import (
    Failed,
    Malformed,
    as_os_errors,
    checkpoint,
    free_pages,
    opened,
    transaction,
)
from amqpd.storage.engine import ChunkHead, ChunkRow, Damage, Durability, Engine, StaleEpoch
from amqpd.storage.files import RealFiles
from amqpd.storage.folder import Folder
from amqpd.storage.rebuilding import rebuild
from amqpd.storage.salvage import trim_mark

NAME: Final = "sqlite"
VERSION: Final = 2
"""2: exchanges have ids, and keep messages. Of older ones nothing has to change but for columns that are added."""
DEFINITIONS: Final = "definitions.db"
JOURNAL: Final = "journal.db"
TABLES: Final = (  # what is short comes before what is long: it is read without it
    "rows (seq INTEGER PRIMARY KEY AUTOINCREMENT, shard TEXT, row BLOB)",
    "shards (shard TEXT PRIMARY KEY, epoch INTEGER)",
    "snapshots (shard TEXT PRIMARY KEY, snapshot BLOB)",
    "marks (shard TEXT PRIMARY KEY, mark BLOB)",
    'chunks (shard TEXT, stream INT, first INT, "end" INT, head BLOB, row BLOB, UNIQUE(shard, stream, first))',
)
PORTION: Final = 160
"""Pages that go back to the file system at a time: more would hold the next commit up for more than some 10 ms."""
FREE: Final = 8192
"""Free pages from which it is worth giving any back: the next rows take fewer."""
DAMAGED: Final = "damaged"
"""A file that says that SQLite called the journal damaged while the broker ran."""


class SqliteEngine(Engine):
    """Everything in two databases of one folder."""

    def __init__(
        self,
        path: Path,
        durability: Durability = Durability.FSYNC,
        *,
        connection: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Open or make a folder. `connection`: what the databases are used through.

        Raises DirectoryInUse, UnknownFormat, Incomplete or OSError.
        """
        self._folder = Folder(path, RealFiles(), NAME, VERSION)
        self._damages: list[Damage] = []
        self._told = 0
        self._epochs: dict[str, int] = {}
        self._path = path
        self._open: Callable[[str], sqlite3.Connection] = lambda name: opened(path / name, durability, connection)
        with ExitStack() as if_it_fails:
            if_it_fails.callback(self._folder.close)
            self._folder.require(DEFINITIONS, "virtual hosts, users, queues and exchanges")
            self._folder.require(JOURNAL, "the messages")
            self._definitions = if_it_fails.enter_context(closing(self._open_definitions()))
            if (path / DAMAGED).exists():
                self._rebuild("it was found to be damaged while the broker ran")
            try:
                self._open_journal()
            except Malformed as error:
                self._rebuild(str(error))
                self._open_journal()
            self._folder.seal()
            if_it_fails.pop_all()

    def _open_definitions(self) -> sqlite3.Connection:
        try:
            return self._open(DEFINITIONS)
        except Malformed as error:
            text = "is damaged: put it back from a backup, or repair it with sqlite3 (.recover)"
            raise Malformed(errno.EIO, f"{self._path / DEFINITIONS} {text}: {error.strerror}") from error

    def _open_journal(self) -> None:
        with ExitStack() as if_it_fails:
            self._journal = if_it_fails.enter_context(closing(self._open(JOURNAL)))
            with transaction(self._journal):
                _make_tables(self._journal)
            with as_os_errors():
                # It outlives the rows: a number is never used twice.
                highest = self._journal.execute("SELECT seq FROM sqlite_sequence WHERE name = 'rows'").fetchone()
            self._seq: int = highest[0] if highest else 0
            self._reader = self._open(JOURNAL)
            if_it_fails.pop_all()

    # -- rows --------------------------------------------------------------------------------------------------------

    def claim(self, shard: str) -> int:
        try:
            epoch = self._claimed(shard)
        except Malformed as error:
            self._heal(error)
            epoch = self._claimed(shard)
        self._epochs[shard] = epoch
        return epoch

    def _claimed(self, shard: str) -> int:
        with transaction(self._journal):
            found = self._journal.execute("SELECT epoch FROM shards WHERE shard = ?", (shard,)).fetchone()
            epoch: int = found[0] + 1 if found else 1
            self._journal.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (shard, epoch))
        return epoch

    def append(self, shard: str, epoch: int, row: bytes, chunks: Sequence[ChunkRow] = ()) -> int:
        self._require(shard, epoch)
        seq = self._seq + 1
        # One statement is a transaction by itself: it saves a commit two crossings into SQLite and back.
        with self._marking(), transaction(self._journal) if chunks else as_os_errors():
            self._journal.execute("INSERT INTO rows VALUES (?, ?, ?)", (seq, shard, rows.framed(shard, seq, row)))
            for chunk in chunks:
                self._put_chunk(shard, chunk)
        self._seq = seq
        return seq

    def read(self, shard: str, from_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        """All rows from a number on. Where SQLite calls the database damaged, it is built anew on the way."""
        following = from_seq
        while True:
            try:
                for seq, payload in self._rows(shard, following):
                    yield seq, payload
                    following = seq + 1
            except Malformed as error:
                self._heal(error)
            else:
                return

    def _rows(self, shard: str, from_seq: int) -> Iterator[tuple[int, bytes]]:
        select = "SELECT seq, row FROM rows WHERE shard = ? AND seq >= ? ORDER BY seq"
        with as_os_errors(), closing(self._journal.execute(select, (shard, from_seq))) as found:
            for seq, data in found:
                row = rows.unframed(data)
                if row is None or row.seq != seq:
                    self._damages.append(Damage(f"{self._path / JOURNAL}, table rows", f"row {seq} is damaged"))
                    continue
                yield seq, row.payload

    def _heal(self, error: Malformed) -> None:
        self._journal.close()
        self._reader.close()
        self._rebuild(str(error))
        self._open_journal()

    def _rebuild(self, reason: str) -> None:
        """Put what can be salvaged of the journal into a new one, and keep the old one beside it."""
        kept = rebuild(self._path / JOURNAL, _make_tables)
        (self._path / DAMAGED).unlink(missing_ok=True)
        what = f"{reason}. {kept.rows} rows were salvaged, to row {kept.last}; the damaged file is kept as {kept.name}"
        self._damages.append(Damage(str(self._path / JOURNAL), what))
        gaps = [f"{first} to {last}" if last > first else str(first) for first, last in kept.gaps]
        if gaps:
            self._damages.append(Damage(str(self._path / JOURNAL), f"rows {', '.join(gaps)} are gone"))

    def fetch(self, shard: str, seq: int) -> bytes:
        with self._marking(), as_os_errors():
            found = self._journal.execute("SELECT row FROM rows WHERE shard = ? AND seq = ?", (shard, seq)).fetchone()
        row = None if found is None else rows.unframed(found[0])
        if row is None or row.seq != seq:
            what = "missing" if found is None else "damaged"
            raise Failed(errno.EIO, f"row {seq} in {self._path / JOURNAL} is {what}")
        return row.payload

    def trim(self, shard: str, below_seq: int) -> None:
        with self._marking(), transaction(self._journal):
            self._journal.execute("DELETE FROM rows WHERE shard = ? AND seq < ?", (shard, below_seq))
            mark = trim_mark(shard, below_seq)
            self._journal.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (shard, mark))

    def drop(self, shard: str, seqs: Iterable[int]) -> None:
        with transaction(self._journal):
            self._journal.executemany("DELETE FROM rows WHERE shard = ? AND seq = ?", [(shard, each) for each in seqs])

    # -- chunks of streams -------------------------------------------------------------------------------------------

    def _put_chunk(self, shard: str, chunk: ChunkRow) -> None:
        stream, first, end = chunk.stream, chunk.first, chunk.end
        execute = self._journal.execute
        where = "shard = ? AND stream = ? AND first >= ? AND first < ?"
        execute(f"DELETE FROM chunks WHERE {where}", (shard, stream, first, end))
        framed = rows.framed(_place_of(shard, stream), first, chunk.payload)
        execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", (shard, stream, first, end, chunk.head, framed))

    def chunks(self, shard: str) -> Iterator[ChunkHead]:
        select = 'SELECT stream, first, "end", head FROM chunks WHERE shard = ? ORDER BY stream, first'
        with self._marking(), as_os_errors():
            yield from (ChunkHead(*found) for found in self._journal.execute(select, (shard,)))

    def read_chunk(self, shard: str, stream: int, first: int) -> bytes | None:
        select = "SELECT row FROM chunks WHERE shard = ? AND stream = ? AND first = ?"
        with as_os_errors():
            # All of it, so that the statement is over: a reader that stays holds checkpoints up.
            found = self._reader.execute(select, (shard, stream, first)).fetchall()
        row = rows.unframed(found[0][0]) if found else None
        if row is None or (row.shard, row.seq) != (_place_of(shard, stream), first):
            what = f"that of stream {stream} from offset {first} on is {'damaged' if found else 'missing'}"
            self._damages.append(Damage(f"{self._path / JOURNAL}, table chunks", what))
            return None
        return row.payload

    def drop_chunks(self, shard: str, stream: int, below: int, most: int) -> bool:
        chosen = 'SELECT rowid FROM chunks WHERE shard = ? AND stream = ? AND "end" <= ? ORDER BY first LIMIT ?'
        with transaction(self._journal):
            gone = self._journal.execute(f"DELETE FROM chunks WHERE rowid IN ({chosen})", (shard, stream, below, most))
        return gone.rowcount >= most

    # -- snapshots ---------------------------------------------------------------------------------------------------

    def snapshot_put(self, shard: str, epoch: int, snapshot: bytes) -> None:
        self._require(shard, epoch)
        framed = rows.framed(shard, 0, snapshot)
        with transaction(self._journal):
            self._journal.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", (shard, framed))

    def snapshot_get(self, shard: str) -> bytes | None:
        found = self._journal.execute("SELECT snapshot FROM snapshots WHERE shard = ?", (shard,)).fetchone()
        if found is None:
            return None
        row = rows.unframed(found[0])
        if row is None:
            self._damages.append(Damage(f"{self._path / JOURNAL}, table snapshots", f"that of {shard!r} is damaged"))
            return None
        return row.payload

    # -- definitions -------------------------------------------------------------------------------------------------

    def get(self, kind: Kind) -> Mapping[tuple[Cell, ...], tuple[Cell, ...]]:
        has = self._columns(kind)
        if not has:
            return {}
        columns = ", ".join(_quoted(each) if each in has else "NULL" for each in (*kind.key, *kind.values))
        found = self._definitions.execute(f"SELECT {columns} FROM {_quoted(kind.name)} ORDER BY rowid")
        split = len(kind.key)
        return {tuple(row[:split]): tuple(row[split:]) for row in found}

    def put(self, changes: Iterable[Change]) -> None:
        made = list(changes)
        with transaction(self._definitions):
            for kind in {each.kind: None for each in made}:
                self._make_table(kind)
            for change in made:
                self._change(change)

    def _change(self, change: Change) -> None:
        kind, table = change.kind, _quoted(change.kind.name)
        where = " AND ".join(f"{_quoted(column)} IS ?" for column in kind.key)
        if change.values is None:
            self._definitions.execute(f"DELETE FROM {table} WHERE {where}", change.key)
            return
        settings = ", ".join(f"{_quoted(column)} = ?" for column in kind.values) or f"{_quoted(kind.key[0])} = ?"
        values = change.values if kind.values else change.key[:1]
        changed = self._definitions.execute(f"UPDATE {table} SET {settings} WHERE {where}", (*values, *change.key))
        if not changed.rowcount:
            cells = (*change.key, *change.values)
            columns = ", ".join(map(_quoted, (*kind.key, *kind.values)))
            places = ", ".join("?" * len(cells))
            self._definitions.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", cells)

    def _make_table(self, kind: Kind) -> None:
        """Make the table, or what it lacks of the columns: an older version may have made it."""
        has = self._columns(kind)
        if not has:
            columns = ", ".join(map(_quoted, (*kind.key, *kind.values)))
            key = ", ".join(map(_quoted, kind.key))
            self._definitions.execute(f"CREATE TABLE {_quoted(kind.name)} ({columns}, PRIMARY KEY ({key}))")
            return
        for column in kind.values:
            if column not in has:
                self._definitions.execute(f"ALTER TABLE {_quoted(kind.name)} ADD COLUMN {_quoted(column)}")

    def _columns(self, kind: Kind) -> list[str]:
        """Those that the table has; none: there is no table."""
        with as_os_errors():
            return [each[1] for each in self._definitions.execute(f"PRAGMA table_info({_quoted(kind.name)})")]

    # -- care --------------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bool:
        with self._marking(), as_os_errors():
            for database in self._databases():
                checkpoint(database)
            return any(free_pages(database) >= FREE for database in self._databases())

    def give_back(self) -> bool:
        with self._marking(), as_os_errors():
            for database in self._databases():
                if free_pages(database):
                    # As a script: a single statement is stepped once by this module, and gives one page back.
                    database.executescript(f"PRAGMA incremental_vacuum({PORTION})")
                    break
            return any(free_pages(database) for database in self._databases())

    def _databases(self) -> tuple[sqlite3.Connection, ...]:
        return (self._journal, self._definitions)

    @property
    def octets(self) -> int:
        return sum(file.stat().st_size for name in (DEFINITIONS, JOURNAL) for file in self._path.glob(f"{name}*"))

    def damages(self) -> list[Damage]:
        new, self._told = self._damages[self._told :], len(self._damages)
        return new

    def close(self) -> None:
        with as_os_errors():
            self._reader.close()
            self._journal.close()
            self._definitions.close()
        self._folder.close()

    @contextmanager
    def _marking(self) -> Iterator[None]:
        """Leave word for the next start, should the journal turn out to be damaged."""
        try:
            yield
        except Malformed:
            with suppress(OSError):
                (self._path / DAMAGED).touch()
            raise

    def _require(self, shard: str, epoch: int) -> None:
        current = self._epochs.get(shard)
        if current != epoch:
            raise StaleEpoch(f"shard {shard!r} is at epoch {current}: {epoch} is no longer its owner's")


def _make_tables(database: sqlite3.Connection) -> None:
    for table in TABLES:
        database.execute(f"CREATE TABLE IF NOT EXISTS {table}")


def _place_of(shard: str, stream: int) -> str:
    """What the frame of a chunk calls its place."""
    return f"{shard}/{stream}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
