"""Spills for tests: memory instead of a disk, which can fail."""

from __future__ import annotations

from amqpd.broker.ports import Block, Spill


class MemorySpill(Spill):
    """Keeps blocks in memory. While `full`, it takes none; what is in `bad` can't be read."""

    def __init__(self) -> None:
        self.blocks: dict[MemoryBlock, None] = {}
        self.bad: set[Block] = set()
        self.full = False

    @property
    def octets(self) -> int:
        """Octets of all blocks."""
        return sum(len(block.data) for block in self.blocks)

    def keep(self, data: bytes) -> Block:
        if self.full:
            raise OSError("no space left")
        block = MemoryBlock(self, data)
        self.blocks[block] = None
        return block


class MemoryBlock(Block):
    """One block."""

    def __init__(self, spill: MemorySpill, data: bytes) -> None:
        self._spill = spill
        self.data = data

    def read(self) -> bytes:
        if self in self._spill.bad:
            raise OSError("an error of the disk")
        return self.data

    def free(self) -> None:
        del self._spill.blocks[self]
