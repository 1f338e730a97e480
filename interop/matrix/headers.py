"""The message with a header of every type, which waits for the driver of the scenario `header-types`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conformance.fields import Typed, Value
from interop.matrix.scenarios import FOLDER

if TYPE_CHECKING:
    from interop.matrix.targets import Target

QUEUE: Final = "headers"
BODY: Final = b"every type"
FILE: Final = FOLDER / "headers.toml"


def table(file: Path = FILE) -> dict[str, Value]:
    """Read the list of headers. Raises KeyError for an entry without name or tag."""
    return _table(tomllib.loads(file.read_text(encoding="utf-8"))["header"])


@contextmanager
def waiting(target: Target, prefix: str) -> Iterator[None]:
    """Have the message in the driver's queue `P-headers`; the queue is gone afterwards."""
    queue = f"{prefix}-{QUEUE}"
    connection = target.connect()
    channel = connection.channel()
    channel.declare_queue(queue, durable=True)
    try:
        channel.publish("", queue, BODY, {"headers": table()})
        channel.fence(queue)
        yield
    finally:
        channel.delete_queue(queue)
        connection.close()


def _table(fields: list[Mapping[str, Any]]) -> dict[str, Value]:
    return {field["name"]: _typed(field) for field in fields}


def _typed(entry: Mapping[str, Any]) -> Typed:
    tag, value = entry["tag"], entry.get("value")
    match tag:
        case "A":
            return Typed(tag, [_typed(item) for item in value or []])
        case "F":
            return Typed(tag, _table(value or []))
        case "x":
            return Typed(tag, bytes.fromhex(value or ""))
        case "D":
            whole, _, fraction = str(value).partition(".")
            return Typed(tag, [len(fraction), int(whole + fraction)])
        case _:
            return Typed(tag, value)
