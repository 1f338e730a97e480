"""Finds rows in the octets of a database that SQLite itself calls damaged.

It goes by the frames of rows alone, wherever in a page they begin: no tree has to be whole. What is too long for one
page goes on in a chain of others, whose first one stands behind the part that is kept with the row; how long that part
is follows from the lengths. Pages that the write-ahead log has count as it has them, as far as it was committed.

What was deleted may still be found. So the engine marks below which number everything has gone, in a frame of its own.
https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from struct import Struct
from typing import Final

from amqpd.storage import rows

PAGE_SIZE: Final = 4096
"""That of new databases."""
_HEADER: Final = b"SQLite format 3\0"
_WAL_HEADER: Final = Struct(">IIIIIIII")
_WAL_FRAME: Final = Struct(">IIII")
_WAL_FRAME_SIZE: Final = 24
_WAL_MAGIC: Final = (0x377F0682, 0x377F0683)
_POINTER: Final = Struct(">I")
_NAME_LENGTH_AT: Final = rows.OVERHEAD - 1
TRIMMED: Final = "/trimmed"
"""What follows the shard's name in the frame of a mark."""


def trim_mark(shard: str, below: int) -> bytes:
    """The frame that says: all rows below a number have gone."""
    return rows.framed(shard + TRIMMED, below, b"")


def salvaged(database: Path) -> Iterator[tuple[rows.Row, bytes]]:
    """Every whole row and mark, with its frame: those that were deleted too, where they are still there. One that is
    there more than once comes up more than once. Raises OSError.
    """
    with ExitStack() as files:
        pages = _Pages(files, database)
        for number in range(1, pages.count + 1):
            for frame in pages.frames(number):
                row = rows.unframed(frame)
                if row is not None:
                    yield row, frame


class _Pages:
    """The pages of a database and its write-ahead log, by number from 1 on."""

    def __init__(self, files: ExitStack, database: Path) -> None:
        self._data = _mapped(files, database)
        self._size = PAGE_SIZE
        if self._data[:16] == _HEADER:
            size = int.from_bytes(self._data[16:18], "big")
            self._size = 65536 if size == 1 else size or PAGE_SIZE
        self._log = _mapped(files, database.with_name(f"{database.name}-wal"))
        self._in_log = self._committed()
        self.count = max(-(-len(self._data) // self._size), *self._in_log, 0)

    def frames(self, number: int) -> Iterator[bytes]:
        """What begins in a page like the frame of a row."""
        page = self._page(number)
        at = page.find(rows.MAGIC)
        while at >= 0:
            frame = self._frame(page, at)
            if frame is not None:
                yield frame
            at = page.find(rows.MAGIC, at + 1)

    def _frame(self, page: bytes, at: int) -> bytes | None:
        if at + rows.OVERHEAD > len(page):
            return None
        name_length = page[at + _NAME_LENGTH_AT]
        size = rows.OVERHEAD + name_length + int.from_bytes(page[at + 4 : at + 8], "big")
        if size > self.count * self._size:
            return None
        before = _before(name_length, size)
        local = self._local(before + size) - before
        parts = [page[at : at + local]]
        left = size - local
        following = page[at + local : at + local + _POINTER.size]
        while left > 0:
            if len(following) < _POINTER.size:
                return None
            [number] = _POINTER.unpack(following)
            if not 0 < number <= self.count:
                return None
            page = self._page(number)
            following = page[: _POINTER.size]
            parts.append(page[_POINTER.size : _POINTER.size + left])
            left -= self._size - _POINTER.size
        return b"".join(parts)

    def _local(self, payload: int) -> int:
        """How much of the payload of a cell is in the leaf page; the rest is in a chain of others."""
        most = self._size - 35
        if payload <= most:
            return payload
        least = (self._size - 12) * 32 // 255 - 23
        local = least + (payload - least) % (self._size - _POINTER.size)
        return local if local <= most else least

    def _page(self, number: int) -> bytes:
        at = self._in_log.get(number)
        if at is not None:
            return bytes(self._log[at : at + self._size])
        at = (number - 1) * self._size
        return bytes(self._data[at : at + self._size])

    def _committed(self) -> dict[int, int]:
        """Where in the log the last committed octets of pages are."""
        pages: dict[int, int] = {}
        if len(self._log) < _WAL_HEADER.size:
            return pages
        magic, _, size, _, *salts, _, _ = _WAL_HEADER.unpack_from(self._log)
        if magic not in _WAL_MAGIC or size != self._size:
            return pages
        open_transaction: dict[int, int] = {}
        for at in range(_WAL_HEADER.size, len(self._log) - size - _WAL_FRAME_SIZE + 1, size + _WAL_FRAME_SIZE):
            number, commits, *found = _WAL_FRAME.unpack_from(self._log, at)
            if found != salts:
                break
            open_transaction[number] = at + _WAL_FRAME_SIZE
            if commits:
                pages.update(open_transaction)
                open_transaction.clear()
        return pages


def _before(name_length: int, size: int) -> int:
    """Octets of a record before its frame: its header and the shard's name. The number itself takes up none."""
    return 1 + 1 + _varint(13 + 2 * name_length) + _varint(12 + 2 * size) + name_length


def _varint(value: int) -> int:
    """Octets that SQLite takes for a number."""
    return max(1, -(-value.bit_length() // 7))


def _mapped(files: ExitStack, path: Path) -> mmap.mmap | bytes:
    try:
        file = files.enter_context(path.open("rb"))
    except FileNotFoundError:
        return b""
    if not path.stat().st_size:
        return b""
    return files.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
