"""What a stream asks of whoever keeps its chunks beyond memory. Open to subclasses, as everything in `broker.ports`.

Everything but `read` is a word that returns at once: what a stream has that is new is asked for when the next commit
begins, so that messages to other queues of the same turn become durable with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from amqpd.broker.stream.cache import ChunkCache
    from amqpd.broker.stream.chunk import Chunk


@attrs.frozen
class Extent:
    """What is to be known of a chunk without reading it."""

    first: int
    """The offset of its first message."""
    end: int
    """The one behind its last message."""
    octets: int
    """Of headers and bodies."""
    last_time: int
    """When its newest messages were published, in milliseconds since 1970."""
    begins_segment: bool


class ChunkSource(ABC):
    """A stream, as who keeps its chunks sees it."""

    @abstractmethod
    def unsaved(self) -> list[tuple[Extent, Chunk]]:
        """What came since the last time, oldest first. A chunk takes the place of those before that began in it."""

    @abstractmethod
    def saved(self, end: int) -> None:
        """Everything up to an offset is durable."""


class ChunkStore(ABC):
    """Keeps the chunks of one stream."""

    cache: ChunkCache
    """One for all streams."""
    on_commit: Callable[[], None] | None = None
    """Called when a commit begins for which this is `changed`, so that what belongs to it can still be recorded."""

    @abstractmethod
    def open(self, source: ChunkSource) -> Sequence[Extent]:
        """The stream is there; return what it held before a restart: in order, none within another."""

    @abstractmethod
    def changed(self) -> None:
        """Something is new: ask for it when the next commit begins."""

    @abstractmethod
    def read(self, first: int) -> Chunk | None:
        """The chunk that begins with an offset, or None if it is damaged (and that was told). Raises OSError."""

    @abstractmethod
    def drop(self, below: int) -> None:
        """All chunks below an offset are gone from the stream."""
