"""The rows of one shard in segment files, which are only ever written at their end and deleted as a whole.

A row that is not whole at the very end was never promised to anybody: it is cut off when the log is opened. One that is
damaged with others behind it is left out and told.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from amqpd.storage import rows
from amqpd.storage.engine import Damage, Durability
from amqpd.storage.files import Appender, Files, is_full

ENDING: Final = ".rows"


class Broken(OSError):
    """The log takes no more rows: it is not known what the disk has of the last ones."""


class Missing(OSError):
    """A row is not where it was written."""


class Segment:
    """One file of rows; its name is the number of the first one."""

    __slots__ = ("_begins", "_seqs", "first", "path", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first = int(path.name.removesuffix(ENDING))
        self.size = 0
        self._seqs = array("Q")
        self._begins = array("Q")

    @property
    def last(self) -> int:
        """The number of the last row; one below the first if there is none."""
        return self._seqs[-1] if self._seqs else self.first - 1

    def add(self, seq: int, begin: int) -> None:
        """A row begins at a place."""
        self._seqs.append(seq)
        self._begins.append(begin)

    def remove_last(self) -> None:
        """The last row is gone."""
        self._seqs.pop()
        self.size = self._begins.pop()

    def place(self, seq: int) -> tuple[int, int] | None:
        """Where a row begins, and where it ends at the latest; None: it isn't here."""
        at = bisect_left(self._seqs, seq)
        if at == len(self._seqs) or self._seqs[at] != seq:
            return None
        return self._begins[at], self._begins[at + 1] if at + 1 < len(self._begins) else self.size


class Log:
    """The rows of one shard, oldest first."""

    def __init__(
        self,
        folder: Path,
        shard: str,
        files: Files,
        durability: Durability,
        damages: list[Damage],
        limit: int,
        accepts: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Open the log in a folder. `limit`: octets after which the next segment begins; `accepts`: whether a row
        counts by its payload, of which those at the end that don't are cut off.
        """
        self._folder = folder
        self._shard = shard
        self._files = files
        self._sync = durability is Durability.FSYNC
        self._damages = damages
        self._limit = limit
        self._accepts = accepts
        self._out: Appender | None = None
        self._broken: OSError | None = None
        self.next_seq = 1
        files.make_folder(folder)
        files.sync_folder(folder.parent)
        self._segments = [self._open(folder / name) for name in files.names(folder) if name.endswith(ENDING)]
        if self._segments:
            self._cut_tail(self._segments[-1])
        for before, after in pairwise(self._segments):
            if before.last + 1 < after.first:
                damages.append(Damage(str(folder), f"rows {before.last + 1} to {after.first - 1} are missing"))
        self._trimmed = self._segments[0].first if self._segments else 1

    @property
    def octets(self) -> int:
        """What the segments take up."""
        return sum(each.size for each in self._segments)

    def append(self, payload: bytes) -> int:
        """Write a row; return its number once it is as durable as asked for.

        Raises OSError if it could not be written, and then it is not there; Broken once a sync has failed, because
        nobody knows what of the last rows is there.
        """
        if self._broken is not None:
            raise Broken(f"{self._folder} takes no more rows after an error: {self._broken}") from self._broken
        seq = self.next_seq
        out, segment = self._writable(seq)
        data = rows.framed(self._shard, seq, payload)
        try:
            out.write(data)
        except OSError:
            self._take_back(out, segment.size)
            raise
        segment.add(seq, segment.size)
        segment.size += len(data)
        self.next_seq = seq + 1
        if self._sync:
            try:
                out.sync()
            except OSError as error:
                self._broken = error
                raise
        return seq

    @property
    def is_broken(self) -> bool:
        """Whether a sync has failed."""
        return self._broken is not None

    def take_back(self) -> None:
        """Remove the last row, as if nobody had written it. Raises OSError."""
        assert self._out is not None
        segment = self._segments[-1]
        segment.remove_last()
        self.next_seq -= 1
        try:
            self._out.truncate(segment.size)
            if self._sync:
                self._out.sync()
        except OSError as error:
            self._broken = error
            raise

    def read(self, from_seq: int) -> Iterator[tuple[int, bytes]]:
        """Rows from a number on, oldest first."""
        start = max(from_seq, self._trimmed)
        for segment in list(self._segments):
            if segment.last >= start:
                for row in self._rows(segment):
                    if row.seq >= start:
                        yield row.seq, row.payload

    def fetch(self, seq: int) -> bytes:
        """One row. Raises Missing."""
        for segment in self._segments:
            place = segment.place(seq)
            if place is not None:
                row = rows.unframed(self._files.read_part(segment.path, *place))
                if row is None or row.seq != seq:
                    raise Missing(f"row {seq} in {segment.path} is damaged")
                return row.payload
        raise Missing(f"row {seq} is not in {self._folder}")

    def trim(self, below: int) -> None:
        """Delete segments that hold nothing from this number on; the one that is written to stays."""
        self._trimmed = max(self._trimmed, below)
        gone = [each for each in self._segments[:-1] if each.last < below]
        for segment in gone:  # oldest first: what is left after a crash in between has no gap
            self._files.remove(segment.path)
            self._segments.remove(segment)

    def clear(self) -> None:
        """Delete everything."""
        out, self._out = self._out, None
        if out is not None:
            out.close()
        for segment in self._segments:
            self._files.remove(segment.path)
        self._segments.clear()

    def close(self) -> None:
        """Finish; what was written without a sync is synced now."""
        out, self._out = self._out, None
        if out is not None:
            try:
                if self._broken is None:
                    out.sync()
            finally:
                out.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _writable(self, seq: int) -> tuple[Appender, Segment]:
        if self._out is not None and self._segments[-1].size < self._limit:
            return self._out, self._segments[-1]
        try:
            return self._opened(seq)
        except OSError as error:
            if not is_full(error):  # then it isn't known what of the last rows, or of their files' names, is there
                self._broken = error
            raise

    def _opened(self, seq: int) -> tuple[Appender, Segment]:
        self.close()
        new = not self._segments or self._segments[-1].size >= self._limit
        segment = Segment(self._folder / f"{seq:020d}{ENDING}") if new else self._segments[-1]
        out = self._files.append(segment.path)
        if self._sync:
            try:
                self._files.sync_folder(self._folder)
            except OSError:
                out.close()
                raise
        self._out = out
        if new:
            self._segments.append(segment)
        return out, segment

    def _take_back(self, out: Appender, size: int) -> None:
        """Part of a row may have been written: what follows must not stand behind it."""
        try:
            out.truncate(size)
        except OSError as error:
            self._broken = error

    def _open(self, path: Path) -> Segment:
        segment = Segment(path)
        data = self._files.read(path)
        segment.size = len(data)
        at = 0
        for row, begins in self._counting(data):
            if begins > at:
                self._damages.append(Damage(str(path), f"the octets from {at} to {begins} are no row"))
            segment.add(row.seq, begins)
            at = begins + row.size
        self.next_seq = max(self.next_seq, segment.last + 1)
        return segment

    def _counting(self, data: bytes) -> Iterator[tuple[rows.Row, int]]:
        return ((row, begins) for row, begins in _placed(data) if self._accepts(row.payload))

    def _rows(self, segment: Segment) -> Iterator[rows.Row]:
        return (row for row, _ in _placed(self._files.read(segment.path)))

    def _cut_tail(self, segment: Segment) -> None:
        end = 0
        for row, begins in self._counting(self._files.read(segment.path)):
            end = begins + row.size
        if end < segment.size:
            out = self._files.append(segment.path)
            try:
                out.truncate(end)
                out.sync()
            finally:
                out.close()
            segment.size = end


def _placed(data: bytes) -> Iterator[tuple[rows.Row, int]]:
    """Every undamaged row and where it begins; what is none is passed over."""
    at = 0
    while at >= 0:
        row = rows.unframed(data, at)
        if row is not None:
            yield row, at
            at += row.size
        else:
            at = data.find(rows.MAGIC, at + 1)
