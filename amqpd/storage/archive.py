"""A data directory as lines of JSON, and back: for people who want to see, filter or move what a broker keeps.

The first line says the version of the format. Then come definitions, a row each, messages, and those of streams.
Octets that are no text stand as `{"octets": BASE64}`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from amqpd.broker import trails
from amqpd.broker.definitions import KINDS, Cell, Change
from amqpd.broker.exchange import Exchange
from amqpd.broker.message import Message
from amqpd.broker.queue import Queue
from amqpd.broker.restoring import KIND_OF
from amqpd.properties import Properties
from amqpd.storage.batch import Batch
from amqpd.storage.engine import ChunkRow, Engine
from amqpd.storage.holdings import Holdings, batches
from amqpd.storage.journal import SHARD
from amqpd.storage.stream_archive import (
    POSITION,
    STREAMED,
    ChunkBuilder,
    messages_of,
    position_entry,
    position_from,
)

FORMAT: Final = "amqpd_journal"
VERSION: Final = 1
HELD_IN: Final = {Queue.kind: "queue", Exchange.kind: "waits_in"}
"""What says where a message is."""


class BadLine(ValueError):
    """A line that is no part of an export."""


def exported(engine: Engine) -> Iterator[str]:
    """All that a directory holds, line by line without line ends. Raises OSError."""
    yield json.dumps({FORMAT: VERSION})
    for kind in KINDS:
        for key, values in engine.get(kind).items():
            cells = dict(zip((*kind.key, *kind.values), (*key, *values), strict=True))
            yield json.dumps({"kind": kind.name, **{name: _plain(cell) for name, cell in cells.items()}})
    holdings = Holdings(engine)
    for queue, message in holdings.messages():
        holder = holdings.holders[queue]
        where = {"vhost": holder.vhost, HELD_IN[holder.kind]: holder.name}
        if holder.is_stream:
            yield json.dumps({"kind": POSITION, **where, **position_entry(message)})
        else:
            yield json.dumps({"kind": "message", **where, **_message(message)})
    for stream, extent, chunk in holdings.chunks():
        holder = holdings.holders[stream]
        where = {"vhost": holder.vhost, HELD_IN[holder.kind]: holder.name}
        for message, others in messages_of(extent, chunk):
            yield json.dumps({"kind": STREAMED, **where, **others, **_message(message)})


def load(engine: Engine, lines: Iterable[str]) -> int:
    """Put what was exported into an empty directory; return how many messages there were.

    Raises BadLine, with the number of the line, and OSError.
    """
    return _Import(engine).load(lines)


class _Import:
    """Everything in the order of the lines, a batch or a chunk at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._epoch = engine.claim(SHARD)
        self._changes: list[Change] = []
        self._ids: dict[tuple[Any, str, Any], int] = {}
        self._delivered: dict[int, int] = {}
        self._builders: dict[int, ChunkBuilder] = {}
        self._count = 0

    def load(self, lines: Iterable[str]) -> int:
        for batch in batches(self._held(lines)):
            self._define()
            for queue in batch.queues:
                batch.deliver(queue, self._delivered.get(queue, 0))
            self._engine.append(SHARD, self._epoch, batch.encode())
        for builder in self._builders.values():
            self._keep(builder.finish())
        self._define()
        return self._count

    def _held(self, lines: Iterable[str]) -> Iterator[tuple[int, Message]]:
        """What goes into batches; the rest is dealt with on the way."""
        for number, entry in _entries(lines):
            if entry["kind"] == POSITION:
                yield self._holder(number, entry), _position(number, entry)
            elif entry["kind"] == STREAMED:
                self._stream(number, entry)
            elif entry["kind"] == "message":
                queue, message = self._holder(number, entry), _loaded(number, entry)
                if message.redelivered and not (message.trail and message.trail.returns):
                    self._delivered[queue] = max(self._delivered.get(queue, 0), message.number)
                self._count += 1
                yield queue, message
            else:
                self._changes.append(change := _change(number, entry))
                kind = KIND_OF.get(change.kind)
                if kind is not None and entry.get("id") is not None:
                    self._ids[entry["vhost"], HELD_IN[kind], entry["name"]] = entry["id"]

    def _holder(self, number: int, entry: Mapping[str, Any]) -> int:
        """The id of what holds a message."""
        kind = Queue.kind if HELD_IN[Queue.kind] in entry else Exchange.kind
        name = entry.get(HELD_IN[kind])
        holder = self._ids.get((entry.get("vhost"), HELD_IN[kind], name))
        if holder is None:
            raise BadLine(f"line {number}: no {kind} {name!r} that holds messages was defined before them")
        return holder

    def _stream(self, number: int, entry: Mapping[str, Any]) -> None:
        stream = self._holder(number, entry)
        builder = self._builders.setdefault(stream, ChunkBuilder(stream))
        begins_segment = bool(entry.get("begins_segment"))
        self._keep(builder.add(_loaded(number, entry), _time(number, entry), begins_segment=begins_segment))
        self._count += 1

    def _keep(self, chunk: ChunkRow | None) -> None:
        if chunk is not None:
            self._engine.append(SHARD, self._epoch, Batch().encode(), [chunk])

    def _define(self) -> None:
        if self._changes:
            self._engine.put(self._changes)
            self._changes.clear()


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers and contents of the lines after the first."""
    first = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise BadLine(f"line {number} is no JSON: {error}") from error
        if first:
            if not isinstance(entry, dict) or entry.get(FORMAT) != VERSION:
                raise BadLine(f'line {number} is {line.strip():.80}: expected {{"{FORMAT}": {VERSION}}}')
            first = False
            continue
        if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
            raise BadLine(f"line {number} is {line.strip():.80}: expected an object with a kind")
        yield number, entry
    if first:
        raise BadLine("there is nothing in it")


def _change(number: int, entry: Mapping[str, Any]) -> Change:
    kind = next((each for each in KINDS if each.name == entry["kind"]), None)
    if kind is None:
        known = ", ".join([*[each.name for each in KINDS], STREAMED, POSITION])
        raise BadLine(f"line {number} is of the kind {entry['kind']!r}: expected message, {known}")
    try:
        key = tuple(_cell(entry[name]) for name in kind.key)
        values = tuple(_cell(entry.get(name)) for name in kind.values)  # an older version may not have had them all
    except (KeyError, ValueError, TypeError) as error:
        raise BadLine(f"line {number} is no row of {kind.name}: {error!r} is missing or wrong") from error
    return Change(kind, key, values)


def _message(message: Message) -> dict[str, object]:
    entry: dict[str, object] = {
        "number": message.number,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "properties": _octets(message.properties.raw),
        "body": _octets(message.body),
    }
    if message.deadline is not None:
        entry["expires"] = message.deadline
    if message.redelivered:
        entry["redelivered"] = True
    if message.trail is not None:
        entry["trail"] = json.loads(trails.encoded(message.trail))
    return entry


def _loaded(number: int, entry: Mapping[str, Any]) -> Message:
    try:
        properties = Properties.parse(_read(entry["properties"]))
        message = Message(entry["exchange"], entry["routing_key"], properties, _read(entry["body"]))
        message.number = entry["number"]
        message.deadline = entry.get("expires")
        message.redelivered = entry.get("redelivered", False)
        if "trail" in entry:
            message.trail = trails.decoded(json.dumps(entry["trail"]).encode())
    except (KeyError, ValueError, TypeError) as error:
        raise BadLine(f"line {number} is no message: {error!r} is missing or wrong") from error
    return message


def _position(number: int, entry: Mapping[str, Any]) -> Message:
    try:
        return position_from(entry)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadLine(f"line {number} is no position: {error!r} is missing or wrong") from error


def _time(number: int, entry: Mapping[str, Any]) -> int:
    time = entry.get("time")
    if not isinstance(time, int) or not 0 <= time < 2**64:
        raise BadLine(f"line {number} has time {time!r}: expected milliseconds since 1970")
    return time


def _octets(octets: bytes) -> object:
    """Octets as text where they are printable text."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return _plain(octets)
    return text if text.isprintable() else _plain(octets)


def _read(plain: Any) -> bytes:
    return plain.encode("utf-8") if isinstance(plain, str) else base64.b64decode(plain["octets"], validate=True)


def _plain(cell: Cell) -> object:
    return {"octets": base64.b64encode(cell).decode("ascii")} if isinstance(cell, bytes) else cell


def _cell(plain: Any) -> Cell:
    if isinstance(plain, dict):
        return base64.b64decode(plain["octets"], validate=True)
    if plain is not None and not isinstance(plain, str | int | float):
        raise TypeError(plain)
    return plain
