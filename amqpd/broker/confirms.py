"""Publisher confirms of one channel: which publishes are settled, and the fewest frames that say so.

Numbers start at 1. What was settled in a turn goes out at its end, in RabbitMQ's grouping: all acks below the
smallest unsettled number as one cumulative ack, the rest singly, then the nacks. A cumulative ack never covers a
nack, nor a number that is still unsettled.
"""

from __future__ import annotations

from typing import Final

ACK: Final = True
NACK: Final = False

Confirmation = tuple[bool, int, bool]
"""(ACK or NACK, number, multiple)."""


class Confirms:
    """The bookkeeping of one channel in confirm mode."""

    __slots__ = ("_acked", "_nacked", "_reported", "_run", "_unsettled", "published", "refused")

    def __init__(self) -> None:
        self.published = 0
        """The number of the latest publish."""
        self.refused = 0
        """How many got a nack."""
        self._reported = 0
        """Everything up to here was reported or is in `_run`'s reach."""
        self._run = 0
        """The fast path: all up to here were acked, one after the other, with nothing left unsettled."""
        self._unsettled: dict[int, None] = {}
        self._acked: list[int] = []
        self._nacked: list[int] = []

    def publish(self) -> int:
        """Number a new publish."""
        self.published += 1
        return self.published

    def ack(self, number: int) -> None:
        """A publish that was settled as it came in."""
        if self._run == number - 1 and not self._unsettled and not self._nacked:
            self._run = number
        else:
            self._acked.append(number)

    def nack(self, number: int) -> None:
        """A publish that was refused as it came in."""
        self.refused += 1
        self._nacked.append(number)

    def wait(self, number: int) -> None:
        """A publish that will be settled in a later turn."""
        self._unsettled[number] = None

    def settle(self, number: int, accepted: bool) -> None:
        """Settle one that waited. Harmless if it doesn't wait any more."""
        if number in self._unsettled:
            del self._unsettled[number]
            if accepted:
                self._acked.append(number)
            else:
                self.nack(number)

    @property
    def dirty(self) -> bool:
        """Whether `take` would return anything."""
        return self._run > self._reported or bool(self._acked) or bool(self._nacked)

    @property
    def unsettled(self) -> int:
        """How many publishes wait to be settled."""
        return len(self._unsettled)

    @property
    def confirmed(self) -> int:
        """How many publishes got an ack, or get one at the end of this turn."""
        return self.published - len(self._unsettled) - self.refused

    def take(self) -> list[Confirmation]:
        """What the client is to hear now; nothing is reported twice."""
        if not self._acked and not self._nacked:
            return self._take_run()
        if self._run > self._reported:
            self._acked += range(self._reported + 1, self._run + 1)
        acked, nacked = sorted(self._acked), sorted(self._nacked)
        self._acked, self._nacked = [], []
        smallest = next(iter(self._unsettled), self.published + 1)
        confirmations = _grouped(ACK, acked, min(smallest, nacked[0]) if nacked else smallest, 2)
        # A nack is cumulative even when single, where nothing lower is unsettled or acked in the same batch.
        confirmations += _grouped(NACK, nacked, min(smallest, acked[0]) if acked else smallest, 1)
        self._reported = self._run = self.published if not self._unsettled else self._run
        return confirmations

    def _take_run(self) -> list[Confirmation]:
        if self._run == self._reported:
            return []
        multiple = self._run - self._reported > 1
        self._reported = self._run
        return [(ACK, self._run, multiple)]


def _grouped(verdict: bool, numbers: list[int], below: int, at_least: int) -> list[Confirmation]:
    """One cumulative confirmation for the numbers under `below` (if `at_least` are settled in all), the rest singly."""
    together = [number for number in numbers if number < below]
    singly = numbers[len(together) :]
    if together and len(numbers) >= at_least:
        return [(verdict, together[-1], True), *((verdict, number, False) for number in singly)]
    return [(verdict, number, False) for number in numbers]
