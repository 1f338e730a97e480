"""Where messages go that memory has no room for: files that are never synced, and deleted when the broker starts.

Blocks are written one after the other into segments; a segment goes when none of its blocks is needed any more. A few
blocks that stay must not keep much space: where most of it all is unused, those of the emptiest segment move on.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO, Final

from amqpd.broker.ports import Block, Spill

SEGMENT: Final = 64 * 1024 * 1024
"""Octets from which the next segment begins."""
SLACK: Final = 128 * 1024 * 1024
"""Octets of unused space that are left alone."""
ENDING: Final = ".spill"


class SpillFiles(Spill):
    """Blocks in files of one folder, which is this broker's alone."""

    def __init__(self, folder: Path, *, segment: int = SEGMENT, slack: int = SLACK) -> None:
        """Make the folder, and delete what an earlier process left there. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(f"*{ENDING}"):
            left.unlink()
        self._folder = folder
        self._limit = segment
        self._slack = slack
        self._made = 0
        self._out: Segment | None = None
        self._segments: dict[Segment, None] = {}
        self.octets = 0
        """What all files take up."""
        self.live = 0
        """What of it is needed."""

    def keep(self, data: bytes) -> Block:
        block = SpilledBlock(self, zlib.crc32(data), len(data))
        self._place(block, data)
        self._tidy()
        return block

    def freed(self, block: SpilledBlock) -> None:
        """A block is not needed any more."""
        self._leave(block.segment, block)
        self._tidy()

    def close(self) -> None:
        """Delete everything."""
        for segment in list(self._segments):
            self._remove(segment)

    def _place(self, block: SpilledBlock, data: bytes) -> None:
        """Write a block behind all others."""
        out = self._out
        if out is None or out.octets >= self._limit:
            if out is not None:
                self._finish(out)
            self._made += 1
            out = self._out = Segment(self._folder / f"{self._made:08d}{ENDING}")
            self._segments[out] = None
        try:
            begin = out.append(data)
        except OSError:
            self._out = None  # nobody knows where it ends now
            self._finish(out)
            raise
        block.segment, block.begin = out, begin
        out.blocks[block] = None
        out.live += block.size
        self.live += block.size
        self.octets += block.size

    def _finish(self, segment: Segment) -> None:
        """Nothing is appended to it any more; it goes at once where nothing in it is needed."""
        segment.close()
        if not segment.blocks:
            self._remove(segment)

    def _leave(self, segment: Segment, block: SpilledBlock) -> None:
        del segment.blocks[block]
        segment.live -= block.size
        self.live -= block.size
        if not segment.blocks and segment is not self._out:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        del self._segments[segment]
        self.octets -= segment.octets
        segment.remove()

    def _tidy(self) -> None:
        """Move one block on, where most of the space is unused."""
        if self.octets - self.live <= self.live + self._slack:
            return
        closed = [each for each in self._segments if each is not self._out]
        if closed:
            emptiest = min(closed, key=lambda each: each.live)
            block = next(iter(emptiest.blocks))
            try:
                self._place(block, block.read())
            except OSError:
                return  # it is as it was
            self._leave(emptiest, block)


class SpilledBlock(Block):
    """Some octets of a segment."""

    __slots__ = ("_checksum", "_spill", "begin", "segment", "size")

    segment: Segment
    begin: int

    def __init__(self, spill: SpillFiles, checksum: int, size: int) -> None:
        """`spill` says where it is, and may move it."""
        self._spill = spill
        self._checksum = checksum
        self.size = size

    def read(self) -> bytes:
        data = self.segment.read(self.begin, self.size)
        if len(data) != self.size or zlib.crc32(data) != self._checksum:
            raise OSError(f"{self.segment.path}: {self.size} octets at {self.begin} are not what was written")
        return data

    def free(self) -> None:
        self._spill.freed(self)


class Segment:
    """One file of blocks."""

    def __init__(self, path: Path) -> None:
        """Begin a file; it is made by the first block."""
        self.path = path
        self.blocks: dict[SpilledBlock, None] = {}
        """Those that are needed."""
        self.octets = 0
        self.live = 0
        """Octets of those that are needed."""
        self._file: IO[bytes] | None = None

    def append(self, data: bytes) -> int:
        """Write at the end; return where that was. Raises OSError: then any part of it may be there."""
        if self._file is None:
            self._file = self.path.open("xb", buffering=0)
        begin = self.octets
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.octets += len(data)
        return begin

    def read(self, begin: int, size: int) -> bytes:
        """Read a part. Raises OSError."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(begin)
            return file.read(size)

    def close(self) -> None:
        """Nothing is appended any more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)
