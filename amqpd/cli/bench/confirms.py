"""Count publisher confirms, singles and multiples in any order.

Takes octets as they arrive and answers one question: how many publishes are confirmed.
Invariant: a delivery tag counts once.
"""

from __future__ import annotations

import struct

from amqpd.cli.bench.client import raise_if_closing
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import FRAME, FRAME_OVERHEAD, METHOD, METHOD_ID

# One whole basic.ack or basic.nack: type, channel, size, class, method, delivery tag, bits, frame end.
_SETTLE = struct.Struct(">BHIHHQBB")
_SETTLE_PAYLOAD = 13


class ConfirmCounter:
    """Confirmed publishes of one channel; `synced` tells that basic.qos-ok has come, the answer behind them all."""

    __slots__ = ("_above", "_floor", "_tail", "synced")

    def __init__(self) -> None:
        self.synced = False
        self._floor = 0  # every tag up to here is confirmed
        self._above: set[int] = set()  # confirmed tags beyond the floor
        self._tail = b""

    @property
    def count(self) -> int:
        """Return how many publishes are confirmed."""
        return self._floor + len(self._above)

    def feed(self, octets: bytes) -> None:
        """Take received octets; raises BenchError at a nack, BrokerClosedError at a close."""
        buffer = self._tail + octets if self._tail else octets
        position, end = 0, len(buffer)
        while end - position >= FRAME.size:
            kind, _, size = FRAME.unpack_from(buffer, position)
            after = position + size + FRAME_OVERHEAD
            if after > end:
                break
            if kind == METHOD:
                self._method(buffer, position, size)
            position = after
        self._tail = buffer[position:]

    def _method(self, buffer: bytes, position: int, size: int) -> None:
        if size == _SETTLE_PAYLOAD:
            _, _, _, class_id, method_id, tag, bits, _ = _SETTLE.unpack_from(buffer, position)
            if class_id == 60 and method_id == 80:
                return self._settle(tag, bool(bits & 1))
            if class_id == 60 and method_id == 120:
                raise BenchError(f"the broker refused publish {tag} with basic.nack; is the queue limited in length?")
        if METHOD_ID.unpack_from(buffer, position + FRAME.size) == (60, 11):
            self.synced = True
            return None
        return raise_if_closing(buffer[position + 7 : position + 7 + size])

    def _settle(self, tag: int, multiple: bool) -> None:
        if multiple and tag > self._floor:
            self._floor = tag
            if self._above:
                self._above = {single for single in self._above if single > tag}
        elif tag == self._floor + 1:
            self._floor = tag
        elif tag > self._floor:
            self._above.add(tag)
        while self._above and self._floor + 1 in self._above:
            self._floor += 1
            self._above.remove(self._floor)
