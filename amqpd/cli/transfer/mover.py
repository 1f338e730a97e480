"""One queue's messages from one broker to another: taken unacknowledged, published with confirms, then acknowledged.

Octets of properties and bodies pass through as they are. What the target doesn't confirm stays where it was. A message
may be left on both sides by a crash between a confirm and its acknowledgement, or where the target's queue is deleted
while a batch is on its way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

import attrs

from amqpd.cli.bench.client import Connection, raise_if_closing
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import BODY, FRAME, FRAME_OVERHEAD, HEADER, METHOD, METHOD_ID, frame, method, shortstr

BATCH: Final = 256
"""Messages that are under way at most; also the acknowledgements that come at once."""
BATCH_OCTETS: Final = 16 * 1024 * 1024
"""Octets of bodies after which a batch is closed."""
GET_OK: Final = (60, 71)
GET_EMPTY: Final = (60, 72)
RETURN: Final = (60, 50)
ACK: Final = (60, 80)
NACK: Final = (60, 120)
MANDATORY: Final = b"\x01"
CC: Final = b"\x02CC"
"""What stands in a content header with further routing keys; elsewhere it does no harm."""
FANOUT: Final = shortstr("fanout")
NO_TABLE: Final = bytes(4)


class NotTaken(BenchError):
    """The target refused messages; they stay at the source."""


@attrs.frozen
class Taken:
    """A message, off its queue but not acknowledged."""

    tag: int
    header: bytes
    """The content header's payload."""
    body: bytes


class Mover:
    """Both ends, each with a channel of its own. Both connections have confirms and tags of their own from 1 on."""

    def __init__(self, source: Connection, target: Connection) -> None:
        self._source = source
        self._target = target
        self._from = _Frames(source)
        self._to = _Frames(target)
        self._published = 0
        self._detour = ""
        """An exchange that leads to the queue alone, while one is needed."""
        target.select_confirms()

    def move(self, queue: str, progress: Callable[[int], None]) -> int:
        """Move what is ready in a queue to the queue of the same name; return how many messages.

        Raises NotTaken, and BenchError for an end of either connection.
        """
        try:
            return self._move(queue, progress)
        except NotTaken:
            self._end_detour()
            raise

    def _move(self, queue: str, progress: Callable[[int], None]) -> int:
        moved = 0
        while batch := self._take(queue):
            confirmed = self._publish(queue, batch)
            for tag in _acknowledgements(batch, confirmed):
                self._source.send(method(1, 60, 80, struct.pack(">QB", *tag)))
            moved += len(confirmed)
            progress(moved)
            if len(confirmed) < len(batch):
                left = len(batch) - len(confirmed)
                raise NotTaken(f"the target did not take {left} messages of '{queue}': they stay at the source")
        self._source.send(method(1, 60, 10, struct.pack(">IHB", 0, 0, 0)))
        self._from.expect((60, 11))  # every acknowledgement before it was heard
        self._end_detour()
        return moved

    def _take(self, queue: str) -> list[Taken]:
        """Up to a batch of messages; an empty list: there are no more."""
        get = method(1, 60, 70, b"\x00\x00" + shortstr(queue) + b"\x00")
        batch: list[Taken] = []
        octets, asked = 0, 1
        while len(batch) < BATCH and octets < BATCH_OCTETS:
            asked = min(asked, BATCH - len(batch))
            self._source.send(get * asked)
            found = [self._from.message() for _ in range(asked)]
            some = [each for each in found if each is not None]
            batch += some
            octets += sum(len(each.body) for each in some)
            if len(some) < asked:
                break
            largest = max(len(each.body) for each in some)
            asked = max(1, min(asked * 4, (BATCH_OCTETS - octets) // (largest + 1)))
        return batch

    def _publish(self, queue: str, batch: list[Taken]) -> set[int]:
        """Publish a batch; return the tags of the messages that were confirmed and not returned."""
        piece = self._target.frame_max - FRAME_OVERHEAD
        first = self._published + 1
        parts: list[bytes] = []
        for each in batch:
            where = shortstr(self._way_to(queue, each)) + shortstr(queue)
            parts.append(method(1, 60, 40, b"\x00\x00" + where + MANDATORY))
            parts.append(frame(HEADER, 1, each.header))
            parts += [frame(BODY, 1, each.body[at : at + piece]) for at in range(0, len(each.body), piece)]
        self._target.send(b"".join(parts))
        self._published += len(batch)
        refused, returned = self._to.confirms(first, self._published)
        if returned:
            raise NotTaken(f"the target has no queue '{queue}': its messages stay at the source")
        return {each.tag for number, each in enumerate(batch, first) if number not in refused}

    def _way_to(self, queue: str, message: Taken) -> str:
        """The exchange that leads to a queue: the default one, unless the message has keys by which others would
        get it from there too: they have got it already.
        """
        if CC not in message.header:
            return ""
        if not self._detour:
            self._detour = f"amqpd.import.{sha256(queue.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
            name = shortstr(self._detour)
            self._target.send(method(1, 40, 10, b"\x00\x00" + name + FANOUT + b"\x00" + NO_TABLE))
            self._to.expect((40, 11))
            binding = shortstr(queue) + name + shortstr("") + b"\x00" + NO_TABLE
            self._target.send(method(1, 50, 20, b"\x00\x00" + binding))
            self._to.expect((50, 21))
        return self._detour

    def _end_detour(self) -> None:
        if self._detour:
            self._target.send(method(1, 40, 20, b"\x00\x00" + shortstr(self._detour) + b"\x00"))
            self._to.expect((40, 21))
            self._detour = ""


class _Frames:
    """The frames that a connection gets, one method with its content at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def message(self) -> Taken | None:
        """The answer to one basic.get."""
        ids, payload = self._method()
        if ids == GET_EMPTY:
            return None
        if ids != GET_OK:
            raise BenchError(f"expected a message, got method {ids}")
        header, body = self._content()
        return Taken(int.from_bytes(payload[4:12], "big"), header, body)

    def confirms(self, first: int, last: int) -> tuple[set[int], bool]:
        """Wait until all publishes of a range are settled: the numbers of those that were refused, and whether any came
        back.
        """
        waiting, refused, returned = {*range(first, last + 1)}, set[int](), False
        while waiting:
            ids, payload = self._method()
            if ids == RETURN:
                self._content()
                returned = True
            elif ids in (ACK, NACK):
                number, multiple = struct.unpack_from(">QB", payload, 4)
                settled = {each for each in waiting if each <= number} if multiple & 1 else {number}
                waiting -= settled
                if ids == NACK:
                    refused |= settled
        return refused, returned

    def expect(self, wanted: tuple[int, int]) -> None:
        """Read up to a method."""
        while self._method()[0] != wanted:
            pass

    def _method(self) -> tuple[tuple[int, int], bytes]:
        for kind, payload in self._frames():
            if kind == METHOD:
                raise_if_closing(payload)
                return METHOD_ID.unpack_from(payload), payload
        raise AssertionError("frames never end")

    def _content(self) -> tuple[bytes, bytes]:
        """A content header's payload, and the body."""
        frames = self._frames()
        _, header = next(frames)
        size, parts, got = int.from_bytes(header[4:12], "big"), list[bytes](), 0
        while got < size:
            _, part = next(frames)
            parts.append(part)
            got += len(part)
        return header, b"".join(parts)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while True:
            while len(self._buffer) < FRAME.size:
                self._receive()
            kind, _, size = FRAME.unpack_from(self._buffer)
            end = size + FRAME_OVERHEAD
            while len(self._buffer) < end:
                self._receive()
            payload = bytes(self._buffer[FRAME.size : end - 1])
            del self._buffer[:end]
            if kind in (METHOD, HEADER, BODY):
                yield kind, payload

    def _receive(self) -> None:
        self._buffer += self._connection.take_buffered() or self._connection.receive()


def _acknowledgements(batch: list[Taken], confirmed: set[int]) -> list[tuple[int, int]]:
    """One for all if all were confirmed, else one each."""
    if len(confirmed) == len(batch):
        return [(batch[-1].tag, 1)]
    return [(each.tag, 0) for each in batch if each.tag in confirmed]
