"""From a content-bearing method to whole content: method, header, then body frames until the announced size is there.

One assembler a channel, three states: it expects a method, a header, or body. Limits count as octets arrive, never at
the end only. A body of size 0 is complete at its header, and an empty body frame is legal input.
"""

from __future__ import annotations

from typing import Final

from amqpd.errors import FrameError, UnexpectedFrame
from amqpd.field_checks import FieldError
from amqpd.properties import Properties
from amqpd.wire import octets
from amqpd.wire.kinds import BODY, HEADER

BODY_SIZE_LIMIT: Final = 536_870_912
"""512 MiB: RabbitMQ's hard limit for one body."""

BASIC: Final = 60

SMALL: Final = 4096
"""Octets below which body frames are joined as they come: kept apart, tiny ones would cost many times their size."""

CACHED_HEADER: Final = 256
CACHE_SIZE: Final = 512


MALFORMED: Final = Properties(b"\xff\xff", 0xFFFF, persistent=False)
"""Stands for properties that cannot be decoded, which is found out when a message is looked at, not when it arrives.

Every flag is set, so that whoever looks at any property looks at these.
"""


class ContentHeader:
    """One content header frame: the size of the body that follows and the properties, MALFORMED if they are."""

    __slots__ = ("body_size", "properties")

    def __init__(self, payload: bytes) -> None:
        self.body_size: int = octets.content_start(payload)[2]
        try:
            self.properties = Properties.parse(payload[12:])
        except FieldError:
            self.properties = MALFORMED


class HeaderCache:
    """Headers that a connection sent lately: publishers repeat theirs, and equal ones share one object in memory."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, ContentHeader] = {}

    def get(self, payload: bytes) -> ContentHeader:
        """Decode a header frame's payload (class and weight already checked)."""
        header = self._known.get(payload)
        if header is None:
            header = ContentHeader(payload)
            if len(payload) <= CACHED_HEADER:
                if len(self._known) >= CACHE_SIZE:
                    self._known.clear()
                self._known[payload] = header
        return header


class ContentAssembler:
    """Collects the content of one channel. `method` is what announced it, as the caller's own value."""

    __slots__ = (
        "_chunks",
        "_headers",
        "_remaining",
        "_small",
        "_strict_sizes",
        "arguments",
        "header",
        "ids",
        "received",
    )

    def __init__(self, headers: HeaderCache, strict_sizes: bool) -> None:
        self._headers = headers
        self._strict_sizes = strict_sizes
        self.ids: tuple[int, int] | None = None
        self.arguments = b""
        self.header: ContentHeader | None = None
        self._chunks: list[bytes | bytearray] = []
        self._small: bytes | bytearray = b""
        self._remaining = 0
        self.received = 0
        """Octets of the body so far."""

    @property
    def idle(self) -> bool:
        """True while a method is expected."""
        return self.ids is None

    def begin(self, ids: tuple[int, int], arguments: bytes) -> None:
        """A content-bearing method came: its header is expected next."""
        self.ids = ids
        self.arguments = arguments
        self.header = None

    def unexpected_method(self) -> UnexpectedFrame:
        """What to answer to a method while content is outstanding."""
        if self.header is None:
            return self._unexpected_header("non content header frame")
        text = "expected content body, got non content body frame instead"
        return UnexpectedFrame(text, method=self.ids)

    def receive(self, kind: int, payload: bytes) -> bytes | None:
        """Take a header or body frame; return the whole body once it is complete, else None."""
        if self.ids is None:
            raise UnexpectedFrame("expected method frame, got non method frame instead", method=(0, 0))
        if self.header is None:
            if kind != HEADER:
                raise self._unexpected_header("non content header frame")
            return self._receive_header(payload)
        if kind != BODY:
            raise self.unexpected_method()
        return self._receive_body(payload)

    def reset(self) -> None:
        """Forget what was collected: a method is expected next."""
        self.ids = None
        self.header = None
        self.arguments = b""
        self._chunks = []
        self._small = b""
        self.received = 0

    def _receive_header(self, payload: bytes) -> bytes | None:
        class_id, weight, size = octets.content_start(payload)
        assert self.ids is not None
        if class_id != self.ids[0]:
            raise self._unexpected_header(f"one for class {class_id}")
        if weight != 0:
            raise self._unexpected_header("non content header frame")
        if self._strict_sizes and size > BODY_SIZE_LIMIT:
            text = f"content body size {size} exceeds maximum allowed size {BODY_SIZE_LIMIT}"
            raise FrameError(text, method=self.ids)
        self.header = self._headers.get(payload)
        self._remaining = size
        return None if size else b""

    def _receive_body(self, payload: bytes) -> bytes | None:
        self._remaining -= len(payload)
        if self._remaining > 0:
            self._keep(payload)
            return None
        if self._remaining < 0:
            if self._strict_sizes:
                raise FrameError("content body frame exceeds remaining content size", method=self.ids)
            return None  # before 4.2.6 such content never completes, and its channel goes on expecting body frames
        return b"".join((*self._chunks, self._small, payload)) if self.received else payload

    def _keep(self, payload: bytes) -> None:
        self.received += len(payload)
        if len(payload) < SMALL:
            if not self._small:
                self._small = bytearray()
            self._small += payload
            return
        if self._small:
            self._chunks.append(self._small)
            self._small = b""
        self._chunks.append(payload)

    def _unexpected_header(self, got: str) -> UnexpectedFrame:
        assert self.ids is not None
        text = f"expected content header for class {self.ids[0]}, got {got} instead"
        return UnexpectedFrame(text, method=self.ids)
