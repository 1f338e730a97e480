"""A chunk of a stream as the octets of a row, and back; and as the short head that stands for it until it is read.

Columns are written as the chunk has them in memory: what repeats is there once, and an octet a message tells
which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct
from typing import Final, TypeVar
from zlib import crc32

from amqpd.broker.stream.chunk import Batches, Chunk
from amqpd.broker.stream.columns import Column, Few, Headers, Many
from amqpd.broker.stream.store import Extent
from amqpd.properties import Properties
from amqpd.storage.columns import INDEXES, NUMBERS, Reader, Writer
from amqpd.storage.engine import ChunkRow

T = TypeVar("T")

VERSION: Final = 1
FEW: Final = 0
MANY: Final = 1
_HEAD: Final = Struct("<QQB")
_CHECKSUM: Final = Struct("<I")


def head_of(extent: Extent) -> bytes:
    """What is kept beside the row, to be known without reading it."""
    head = _HEAD.pack(extent.octets, extent.last_time, extent.begins_segment)
    return head + _CHECKSUM.pack(crc32(head))


def extent_of(first: int, end: int, head: bytes) -> Extent | None:
    """The same again; None: the head is damaged."""
    if len(head) != _HEAD.size + _CHECKSUM.size or crc32(head[: _HEAD.size]) != _CHECKSUM.unpack(head[_HEAD.size :])[0]:
        return None
    octets, last_time, begins_segment = _HEAD.unpack_from(head)
    return Extent(first, end, octets, last_time, begins_segment=bool(begins_segment))


def measured(chunk: Chunk) -> Extent:
    """What the chunk itself says of it, which is all but where segments begin."""
    octets = sum(map(len, chunk.bodies)) + sum(len(each.raw) for each in islice(_properties(chunk), chunk.count))
    return Extent(chunk.first, chunk.first + chunk.count, octets, chunk.last_time, begins_segment=False)


def row_of(stream: int, extent: Extent, chunk: Chunk) -> ChunkRow:
    """What an engine gets."""
    return ChunkRow(stream, extent.first, extent.end, head_of(extent), encoded(chunk))


def encoded(chunk: Chunk) -> bytes:
    """A chunk as octets."""
    writer = Writer()
    writer.u32(VERSION)
    writer.numbers((chunk.first,))
    starts, times = chunk.batches.columns()
    writer.indexes(starts)
    writer.numbers(times)
    writer.blobs(list(chunk.bodies))
    for texts in (chunk.exchanges, chunk.routing_keys):
        _write(writer, texts, [each.encode("utf-8", "surrogateescape") for each in texts.packed()[0]])
    properties = chunk.properties.packed()[0]
    _write(writer, chunk.properties, [each.raw for each in properties])
    writer.blobs([bytes([each.persistent for each in properties])])
    values = chunk.values.packed()[0]
    _write(writer, chunk.values, [each or b"" for each in values])
    writer.blobs([bytes([each is not None for each in values])])
    return b"".join(writer.parts)


def decoded(data: bytes) -> Chunk:
    """The chunk again. Raises ValueError for a version that isn't known."""
    reader = Reader(data)
    version = reader.u32()
    if version != VERSION:
        raise ValueError(f"a chunk of version {version}: this version reads {VERSION}")
    [first] = reader.column(NUMBERS)
    batches = Batches(reader.column(INDEXES), reader.column(NUMBERS))
    bodies = tuple(reader.blobs())
    exchanges, routing_keys = (_texts(reader) for _ in range(2))
    which, raw = _read(reader)
    [persistent] = reader.blobs()
    again = map(Properties.again, raw, persistent)
    properties = Headers(tuple(raw), persistent) if which is None else _few(again, which)
    return Chunk(first, batches, bodies, exchanges, routing_keys, properties, _values(reader))


def _properties(chunk: Chunk) -> Iterator[Properties]:
    return chunk.properties.values(0, chunk.count)


def _write(writer: Writer, column: Column[T], octets: list[bytes]) -> None:
    _, which = column.packed()
    writer.u32(MANY if which is None else FEW)
    writer.blobs([b"" if which is None else which])
    writer.blobs(octets)


def _read(reader: Reader) -> tuple[bytes | None, list[bytes]]:
    """Which values come where (None: one each), and the values."""
    kind = reader.u32()
    [which] = reader.blobs()
    return None if kind == MANY else which, reader.blobs()


def _texts(reader: Reader) -> Column[str]:
    which, octets = _read(reader)
    texts = [each.decode("utf-8", "surrogateescape") for each in octets]
    return Many(texts, sum(map(len, texts))) if which is None else _few(texts, which)


def _values(reader: Reader) -> Column[bytes | None]:
    which, octets = _read(reader)
    [present] = reader.blobs()
    values = [value if there else None for value, there in zip(octets, present, strict=True)]
    return Many(values, sum(map(len, octets))) if which is None else _few(values, which)


def _few(values: Iterable[T], which: bytes) -> Few[T]:
    return Few(tuple(values), which)
