"""Replies of a channel that wait for the disk: the changes that they tell are made, and further ones need not wait.

So definitions that are pipelined on one channel share their commits. All replies keep their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from amqpd.broker.pending import Pending, Recorded
from amqpd.wire.methods import MethodId

T = TypeVar("T")

GO_ON: Final[frozenset[MethodId]] = frozenset(
    {(40, 10), (40, 20), (40, 30), (40, 40), (50, 10), (50, 20), (50, 40), (50, 50)}
)
"""Methods that are handled while replies wait: declare, delete, bind and unbind of exchanges and queues."""


class Replies:
    """Those of one channel."""

    __slots__ = ("_send_next", "_waiting")

    def __init__(self, send_next: Callable[[], None]) -> None:
        """`send_next` is called when the first reply may be sent."""
        self._send_next = send_next
        self._waiting: deque[tuple[Pending[Any], Callable[[Any], None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def last(self) -> Pending[Any]:
        """What the last one waits for. Only while there are any."""
        return self._waiting[-1][0]

    def add(self, result: Recorded[T], send: Callable[[T], None]) -> None:
        """Send the reply to a result once it is recorded and all before it were sent."""
        self._waiting.append((result, send))
        result.when_done(lambda _: self._send_next())

    def pop_done(self) -> tuple[Pending[Any], Callable[[Any], None]] | None:
        """The first one, if it may be sent."""
        return self._waiting.popleft() if self._waiting and self._waiting[0][0].done else None
