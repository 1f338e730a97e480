"""Framing: bytes in, whole frames out (AMQP 0-9-1, section 4.2.3).

Strategy: one tight loop over the buffered bytes returns up to `budget` frames; what is incomplete stays buffered. The
three adjacent frames of one publish whose body fits one frame, which is nearly every frame of a busy broker, leave the
loop fused as one PUBLISH entry, so that they are dispatched once. Whatever doesn't match that shape comes out frame by
frame, and nothing but the frame's own limits is judged here.

A stream that is out of step (a frame too large, a wrong end octet) can't be read on: the frames before it are returned
and `failure` says what to tell the client.
"""

from __future__ import annotations

from typing import Final

from amqpd import erlang
from amqpd.errors import FatalFrameError
from amqpd.wire import octets
from amqpd.wire.kinds import BASIC, BODY, FRAME_END, FRAME_OVERHEAD, HEADER, METHOD, PUBLISH

UNLIMITED: Final = 1 << 32

PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
OLD_PROTOCOL_HEADER: Final = b"AMQP\x01\x01\x00\x09"
"""What 0-9 clients send; RabbitMQ treats it as 0-9-1."""

Frame = tuple[int, int, bytes, bytes, bytes]
"""(type, channel, payload, header, body); the last two are empty but for PUBLISH."""

_PUBLISH_IDS: Final = b"\x00\x3c\x00\x28"


class FrameParser:
    """Cuts a byte stream into frames. `limit` is the largest payload accepted, in octets.

    Most publishers send the same again and again but for the body: a publish that starts like the last one, up to its
    body, is recognized as a whole, and consists of the same objects.
    """

    __slots__ = ("_buffer", "_position", "_same", "_size", "_start", "failure", "limit")

    def __init__(self, limit: int) -> None:
        self._buffer = b""
        self._position = 0
        self._start = b""
        """The last publish up to its body, as it came."""
        self._same: Frame = (PUBLISH, 0, b"", b"", b"")
        """What it was, without its body."""
        self._size = 0
        """Octets of its body."""
        self.limit = limit
        self.failure: FatalFrameError | None = None

    def feed(self, data: bytes) -> None:
        """Append what came from the peer."""
        if self._position == len(self._buffer):
            self._buffer = data
        else:
            self._buffer = self._buffer[self._position :] + data
        self._position = 0

    @property
    def buffered(self) -> int:
        """Octets that wait here, parsed by nobody yet."""
        return len(self._buffer) - self._position

    def take(self, size: int) -> bytes | None:
        """Remove exactly `size` raw octets (the protocol header), or return None while there are fewer."""
        if self.buffered < size:
            return None
        taken = self._buffer[self._position : self._position + size]
        self._position += size
        return taken

    def frames(self, budget: int, fuse: bool = True) -> list[Frame]:
        """Return at most about `budget` whole frames (a fused publish counts as three, and may exceed it by two).

        After a failure it returns what came before the damage and sets `failure`.
        """
        buffer = self._buffer
        position = self._position
        end = len(self._buffer)
        limit = self.limit
        found: list[Frame] = []
        start = self._start if fuse else b""
        while budget > 0 and position + 7 <= end:
            if start and octets.starts_with(buffer, start, position, end):
                begin = position + len(start)
                stop = begin + self._size
                if stop < end and buffer[stop] == FRAME_END:
                    _, channel, payload, header, _ = self._same
                    found.append((PUBLISH, channel, payload, header, buffer[begin:stop]))
                    position = stop + 1
                    budget -= 3
                    continue
            kind, channel, size = octets.frame_start(buffer, position)
            if size > limit:
                self.failure = _too_large(kind, size, limit)
                break
            stop = position + 7 + size
            if stop >= end:
                break
            if buffer[stop] != FRAME_END:
                self.failure = _wrong_end(kind, buffer[position + 7 : stop], buffer[stop])
                break
            if fuse and kind == METHOD and size > 8 and stop + 22 < end:
                publish = self._fused(position, stop)
                if publish is not None:
                    found.append(publish)
                    position, start = self._position, self._start
                    budget -= 3 if publish[4] else 2
                    continue
            found.append((kind, channel, buffer[position + 7 : stop], b"", b""))
            position = stop + 1
            budget -= 1
        self._position = position
        if position == end:
            self._buffer = b""
            self._position = 0
        return found

    def _fused(self, position: int, stop: int) -> Frame | None:
        """The publish whose method frame lies there, if its header follows, and its body, in at most one frame, too;
        the position is behind it then.
        """
        buffer = self._buffer
        if buffer[position + 7 : position + 11] != _PUBLISH_IDS:
            return None
        channel = octets.frame_start(buffer, position)[1]
        kind, channel2, size, class_id, weight, body_size = octets.header_start(buffer, stop + 1)
        end, limit = len(self._buffer), self.limit
        header_stop = stop + 8 + size
        if (
            kind != HEADER
            or channel2 != channel
            or class_id != BASIC
            or weight != 0
            or not 14 <= size <= limit
            or header_stop >= end
            or buffer[header_stop] != FRAME_END
        ):
            return None
        payload, header = buffer[position + 7 : stop], buffer[stop + 8 : header_stop]
        if body_size == 0:
            self._position = header_stop + 1
            return PUBLISH, channel, payload, header, b""
        if header_stop + 8 >= end:
            return None
        kind, channel2, size = octets.frame_start(buffer, header_stop + 1)
        body_stop = header_stop + 8 + size
        if (
            kind != BODY
            or channel2 != channel
            or size != body_size
            or size > limit
            or body_stop >= end
            or buffer[body_stop] != FRAME_END
        ):
            return None
        self._start = buffer[position : header_stop + 8]
        self._same, self._size = (PUBLISH, channel, payload, header, b""), body_size
        self._position = body_stop + 1
        return PUBLISH, channel, payload, header, buffer[header_stop + 8 : body_stop]


def _too_large(kind: int, size: int, limit: int) -> FatalFrameError:
    text = f"type {kind}, all octets = <<>>: {{frame_too_large,{size},{limit - FRAME_OVERHEAD}}}"
    return FatalFrameError(text, method=(0, 0))


def _wrong_end(kind: int, payload: bytes, end: int) -> FatalFrameError:
    start = f"{erlang.frame(kind, payload)}: "
    column = len(start.rpartition("\n")[2])
    return FatalFrameError(start + erlang.pair("invalid_frame_end_marker", str(end), column), method=(0, 0))
