"""A data directory as lines of JSON, and back: for people who want to see, filter or move what a broker keeps.

The first line says the version of the format. Then come definitions, a row each, and messages. Octets that are no
text stand as `{"octets": BASE64}`.
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
from amqpd.storage.engine import Engine
from amqpd.storage.holdings import Holdings, batches
from amqpd.storage.journal import SHARD

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
        holder, vhost, name = holdings.holders[queue]
        yield json.dumps({"kind": "message", "vhost": vhost, HELD_IN[holder]: name, **_message(message)})


def load(engine: Engine, lines: Iterable[str]) -> int:
    """Put what was exported into an empty directory; return how many messages there were.

    Raises BadLine, with the number of the line, and OSError.
    """
    epoch = engine.claim(SHARD)
    changes: list[Change] = []
    ids: dict[tuple[Any, str, Any], int] = {}
    delivered: dict[int, int] = {}
    count = 0

    def messages() -> Iterator[tuple[int, Message]]:
        nonlocal count
        for number, entry in _entries(lines):
            if entry["kind"] != "message":
                changes.append(change := _change(number, entry))
                kind = KIND_OF.get(change.kind)
                if kind is not None and entry["id"] is not None:
                    ids[entry["vhost"], HELD_IN[kind], entry["name"]] = entry["id"]
                continue
            kind = Queue.kind if HELD_IN[Queue.kind] in entry else Exchange.kind
            name = entry.get(HELD_IN[kind])
            queue = ids.get((entry.get("vhost"), HELD_IN[kind], name))
            if queue is None:
                raise BadLine(f"line {number}: no {kind} {name!r} that holds messages was defined before them")
            message = _loaded(number, entry)
            if message.redelivered and not (message.trail and message.trail.returns):
                delivered[queue] = max(delivered.get(queue, 0), message.number)
            count += 1
            yield queue, message

    for batch in batches(messages()):
        if changes:
            engine.put(changes)
            changes.clear()
        for queue in batch.queues:
            batch.deliver(queue, delivered.get(queue, 0))
        engine.append(SHARD, epoch, batch.encode())
    engine.put(changes)
    return count


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
        known = ", ".join([each.name for each in KINDS])
        raise BadLine(f"line {number} is of the kind {entry['kind']!r}: expected message, {known}")
    try:
        key, values = (tuple(_cell(entry[name]) for name in names) for names in (kind.key, kind.values))
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
