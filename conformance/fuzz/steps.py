"""What a conversation consists of: steps that are values.

A step is written as it is printed: `repr` of a program is a Python file that `read` reads. Nothing in a step depends on
a broker's choice: names and tags that a broker gives are referred to by their place in the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.fields import Typed

if TYPE_CHECKING:
    from pathlib import Path


class ServerNamed(NamedTuple):
    """The `number`th queue that the broker named in this conversation, from 0."""

    number: int


class ServerTag(NamedTuple):
    """The `number`th consumer tag that the broker chose on this connection and channel, from 0."""

    number: int


class Delivered(NamedTuple):
    """The delivery tag of the `number`th message that came to `consumer` on the step's channel (None: by get)."""

    consumer: str | ServerTag | None
    number: int


@dataclass(frozen=True)
class Message:
    """A content: properties by name, its body and the sizes of the body frames (the last one takes the rest)."""

    properties: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Send:
    """One method, and the content if it comes with one."""

    connection: int
    channel: int
    method: str
    fields: dict[str, Any] = field(default_factory=dict)
    message: Message | None = None


class Binding(NamedTuple):
    """What a bind said, the destination as the step names it; `kind` is what is bound, queue or exchange."""

    kind: str
    source: str
    destination: str | ServerNamed
    key: str | ServerNamed
    arguments: dict[str, Any]

    @classmethod
    def made_by(cls, step: Send) -> Binding:
        """Return the binding that queue.bind or exchange.bind asks for."""
        kind, fields = step.method.partition(".")[0], step.fields
        source, destination = ("exchange", "queue") if kind == "queue" else ("source", "destination")
        return cls(kind, fields[source], fields[destination], fields["routing_key"], fields["arguments"])

    def fields(self) -> dict[str, Any]:
        """Return the fields of a method that names this binding."""
        source, destination = ("exchange", "queue") if self.kind == "queue" else ("source", "destination")
        named = {source: self.source, destination: self.destination}
        return {**named, "routing_key": self.key, "arguments": self.arguments}


@dataclass(frozen=True)
class Raw:
    """Octets as they are; `channel` is the one that they concern."""

    connection: int
    channel: int
    octets: bytes


@dataclass(frozen=True)
class Dial:
    """Connect, log in and open the virtual host; where there was a connection of this number, it is let go of."""

    connection: int


@dataclass(frozen=True)
class Reset:
    """End the TCP connection without a word."""

    connection: int


Step = Send | Raw | Dial | Reset
Program = list[Step]

_WORDS = {each.__name__: each for each in (ServerNamed, ServerTag, Delivered, Message, Send, Raw, Dial, Reset, Typed)}


def write(program: Program, path: Path, comment: str) -> None:
    """Write a program that `read` understands, a step a line, after a comment."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    path.write_text(head + "[\n" + "".join(f"    {step!r},\n" for step in program) + "]\n", encoding="utf-8")


def read(path: Path) -> Program:
    """Read a program from a file; the file is code, so it must be one's own."""
    program: Program = eval(path.read_text(encoding="utf-8"), dict(_WORDS))  # noqa: S307  # a file the developer names
    return program
