"""Count deliveries in a stream of octets at the price of one division per read.

The first delivery is read frame by frame and gives the stride: with one consumer and equal messages every delivery has
the same length. From then on only the last boundary of each read is looked at. Where it is not the start of a delivery,
something else stands in between (a close, a cancel, a message of another size) and that read is walked frame by frame.
"""

from __future__ import annotations

from amqpd.cli.bench.client import raise_if_closing
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import BODY, FRAME, FRAME_END, FRAME_OVERHEAD, HEADER, METHOD, METHOD_ID

_DELIVER = METHOD_ID.pack(60, 60)
_PREFIX = FRAME.size + METHOD_ID.size
_HEADER_SIZE = 12
"""Octets of a content header up to the end of the body size."""


class DeliveryCounter:
    """Receive into ``space()``, then ``advance()`` by what came; ``count`` is the number of complete deliveries."""

    __slots__ = ("_awaits_header", "_body_left", "_buffer", "_length", "_prefix", "_stride", "_used", "_view", "count")

    def __init__(self, capacity: int = 1 << 20) -> None:
        self.count = 0
        self._buffer = bytearray(capacity)
        self._view = memoryview(self._buffer)
        self._used = 0
        self._stride = 0  # octets of one delivery; 0 while unknown
        self._prefix = b""  # the first octets of every delivery
        self._length = 0  # octets so far of the delivery being walked; 0 between deliveries
        self._awaits_header = False
        self._body_left = 0

    def space(self) -> memoryview:
        """Return where the next octets go."""
        return self._view[self._used :]

    def advance(self, received: int) -> int:
        """Take `received` octets out of ``space()`` and return the new count; raises BrokerClosedError at a close."""
        self._used += received
        position = self._stride_over() if self._stride and not self._length else 0
        if not position or self._is_shorter(position):
            position = self._walk(position)
        left = self._used - position
        if left and position:
            self._view[:left] = self._view[position : self._used]
        self._used = left
        return self.count

    def _stride_over(self) -> int:
        """Return the end of the last complete delivery, or 0 if the boundaries do not lie where they should."""
        stride, buffer = self._stride, self._buffer
        whole = self._used // stride
        end = whole * stride
        if not whole or buffer[end - 1] != FRAME_END or not buffer.startswith(self._prefix, end - stride):
            return 0
        if self._used - end >= _PREFIX and not buffer.startswith(self._prefix, end):
            return 0
        if self._end_of(end - stride) != end:
            return 0
        self.count += whole
        return end

    def _is_shorter(self, position: int) -> bool:
        """Whether the delivery there is complete although less than a stride is left: it may be the last."""
        return self._end_of(position) <= self._used

    def _end_of(self, position: int) -> int:
        """Where the delivery there ends if its body is one frame; beyond what is there if its header isn't."""
        beyond = self._used + 1
        header = position + FRAME_OVERHEAD
        if self._used - header < FRAME.size:
            return beyond
        header += FRAME.unpack_from(self._buffer, position)[2]
        if self._used < header + FRAME.size + _HEADER_SIZE:
            return beyond
        end: int = header + FRAME_OVERHEAD + FRAME.unpack_from(self._buffer, header)[2]
        body = int.from_bytes(self._view[header + FRAME.size + 4 : header + FRAME.size + _HEADER_SIZE], "big")
        return end + (body + FRAME_OVERHEAD if body else 0)

    def _walk(self, position: int) -> int:
        """Take whole frames one by one, from `position` on, and return the end of the last."""
        while self._used - position >= FRAME.size:
            kind, _, size = FRAME.unpack_from(self._buffer, position)
            after = position + size + FRAME_OVERHEAD
            if after > self._used:
                if size + FRAME_OVERHEAD > len(self._buffer):
                    raise BenchError(f"a frame of {size} octets; the counter holds at most {len(self._buffer)}")
                break
            self._frame(kind, position, after)
            position = after
        return position

    def _frame(self, kind: int, start: int, end: int) -> None:
        payload = start + FRAME.size
        if kind == METHOD:
            if not self._buffer.startswith(_DELIVER, payload):
                return raise_if_closing(bytes(self._view[payload : end - 1]))
            self._prefix = bytes(self._view[start : start + _PREFIX])
            self._length = end - start
            self._awaits_header = True
        elif kind == HEADER and self._awaits_header:
            self._length += end - start
            self._awaits_header = False
            self._body_left = int.from_bytes(self._view[payload + 4 : payload + 12], "big")
        elif kind == BODY and self._length:
            self._length += end - start
            self._body_left -= end - start - FRAME_OVERHEAD
        if self._length and not self._awaits_header and not self._body_left:
            self._complete()
        return None

    def _complete(self) -> None:
        self.count += 1
        # A delivery that does not fit the buffer twice is walked for good: its frames are few and large anyway.
        self._stride = self._length if self._length * 2 <= len(self._buffer) else 0
        self._length = 0
