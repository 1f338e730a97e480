"""Consumers of a stream that the broker knows by name: how far each has got, so that the next one goes on there.

The position of a name is the offset up to which everything that its consumer got is settled. Acknowledging and
rejecting settle. Giving a message back doesn't: the position stays at or below it until the name is consumed anew, and
then it comes again. What a lost channel held comes again as well.

RabbitMQ's own stream protocol has such names; over AMQP 0-9-1 they are an extension.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from amqpd.broker.message import Message

if TYPE_CHECKING:
    from amqpd.fields import Field

NAME: Final = "x-stream-name"
EXTENSION: Final = "named-stream-consumers"
LONGEST: Final = 255
"""Octets of a name."""

NAME_OCTETS: Final = 200
"""What a name costs in memory."""


def check(field: Field) -> str | None:
    """What is wrong with a name, in the style of RabbitMQ's reasons; None if it is one."""
    if field.tag != "S" or not isinstance(field.value, bytes):
        return f"{{unacceptable_type,{field.type_name}}}"
    if not field.value:
        return "invalid_stream_name"
    return f"{{value_too_large,{len(field.value)}}}" if len(field.value) > LONGEST else None


class Tracked(Message):
    """A message for a consumer with a name."""

    __slots__ = ("progress",)

    def __init__(self, message: Message, progress: Progress) -> None:
        super().__init__(message.exchange, message.routing_key, message.properties, message.body)
        self.number = message.number
        self.progress = progress


class Progress:
    """What of one consumer's deliveries is settled."""

    __slots__ = ("_barrier", "_name", "_outstanding", "_positions", "_settled")

    def __init__(self, name: str, positions: dict[str, int]) -> None:
        """`positions`: of all names, where it keeps its own."""
        self._name = name
        self._positions = positions
        self._outstanding: deque[int] = deque()
        self._settled: set[int] = set()
        """Those that are settled while an older one isn't."""
        self._barrier: int | None = None
        """The oldest offset that was given back."""

    def delivered(self, offset: int) -> None:
        """Offsets rise."""
        if self._barrier is None:
            self._outstanding.append(offset)

    def settled(self, offset: int) -> None:
        """One delivery is done with."""
        if self._barrier is not None and offset >= self._barrier:
            return
        self._settled.add(offset)
        done = None
        while self._outstanding and self._outstanding[0] in self._settled:
            done = self._outstanding.popleft()
            self._settled.discard(done)
        if done is not None:
            self._positions[self._name] = self._next(done + 1)

    def given_back(self, offset: int) -> None:
        """One delivery is to come again, to the next consumer of this name."""
        if self._barrier is None or offset < self._barrier:
            self._barrier = offset
            while self._outstanding and self._outstanding[-1] >= offset:
                self._settled.discard(self._outstanding.pop())

    def _next(self, behind: int) -> int:
        if self._outstanding:
            return self._outstanding[0]
        return behind if self._barrier is None else self._barrier
