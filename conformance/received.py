"""What a broker said, as values: methods with their content, closes, the end of the connection.

Decide nothing: this is the vocabulary in which the client reports and the tests compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.fields import plain
from conformance.frames import decode_properties

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(NamedTuple):
    """What a close method says: reply code, reply text, class id, method id."""

    code: int
    text: str
    class_id: int
    method_id: int


class Closed(Exception):
    """The broker closed a channel or the connection; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(*refusal)
        self.refusal = refusal


class ChannelClosed(Closed):
    """The broker sent channel.close."""


class ConnectionClosed(Closed):
    """The broker sent connection.close."""


class Dropped(Exception):
    """The broker ended the TCP connection."""


@dataclass(frozen=True)
class Content:
    """Body and the property octets (flags included) of one message, and the sizes of the body frames it came in."""

    body: bytes
    raw_properties: bytes
    body_frames: tuple[int, ...]

    @property
    def properties(self) -> dict[str, Any]:
        """Return the properties that are present, headers with their wire tags."""
        return decode_properties(self.raw_properties)

    @property
    def headers(self) -> dict[str, Any]:
        """Return the header table as plain values, empty when there is none."""
        return {key: plain(value) for key, value in self.properties.get("headers", {}).items()}


@dataclass(frozen=True)
class Received:
    """One method from the broker, with its content if it bears one."""

    channel: int
    name: str
    fields: Mapping[str, Any]
    payload: bytes
    content: Content | None = None

    def __getitem__(self, field: str) -> Any:
        return self.fields[field]

    @property
    def message(self) -> Content:
        """Return the content of a content-bearing method."""
        assert self.content is not None, f"{self.name} bears no content"
        return self.content

    @property
    def body(self) -> bytes:
        """Return the body of a content-bearing method."""
        return self.message.body

    @property
    def refusal(self) -> Refusal:
        """Return the four fields of a close method."""
        return Refusal(*self.fields.values())


def compare(received: Refusal, expected: Refusal) -> None:
    """Raise AssertionError with both closes when they differ in any field."""
    if received != expected:
        raise AssertionError(f"the broker closed with another reason:\nexpected {expected}\nreceived {received}")
