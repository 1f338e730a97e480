"""What waits on one channel: frames for their turn, and replies for the disk.

Methods are handled strictly in order. While one of them is Pending, later frames stand in line, bounded, so that
replies keep their order; other channels go on. Definitions are made at once, and while their replies wait to be
durable further ones are made: so those that are pipelined share their commits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from amqpd.broker.pending import Pending, Recorded
from amqpd.errors import AmqpError
from amqpd.protocol import closing
from amqpd.wire.kinds import METHOD
from amqpd.wire.methods import MethodId

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel

T = TypeVar("T")

LINE: Final = 64
"""Frames that may wait behind a Pending before the connection isn't read any more."""
GO_ON: Final[frozenset[MethodId]] = frozenset(
    {(40, 10), (40, 20), (40, 30), (40, 40), (50, 10), (50, 20), (50, 40), (50, 50)}
)
"""Methods that are handled while replies wait: declare, delete, bind and unbind of exchanges and queues."""


class Line:
    """The line of one channel."""

    __slots__ = ("_channel", "_frames", "_full", "_pending", "_replies", "_working_off", "busy")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.busy = False
        """Something waits: every frame must be offered to `takes` first."""
        self._pending: Pending[object] | None = None
        self._replies: deque[tuple[Pending[Any], Callable[[Any], None]]] | None = None
        self._frames: deque[tuple[int, MethodId, bytes]] | None = None
        self._full = False
        self._working_off = False

    @property
    def has_replies(self) -> bool:
        """Replies wait for the disk."""
        return bool(self._replies)

    def takes(self, kind: int, ids: MethodId, payload: bytes) -> bool:
        """Let a frame stand in line, if it has to wait; return whether it does."""
        if not self._must_wait(kind, ids) and (self._working_off or not self._frames):
            return False
        if self._frames is None:
            self._frames = deque()
        self._frames.append((kind, ids, payload))
        if len(self._frames) >= LINE and not self._full:
            self._full = True
            self._channel.connection.line_changed(full=True)
        return True

    def reply(self, result: T | Pending[T], send: Callable[[T], None]) -> None:
        """Send the reply to a result: at once, or when it is there, in its order."""
        if isinstance(result, Pending) and not isinstance(result, Recorded):
            self.wait_for(result, lambda done: self.reply(done.result(), send))
            return
        if not isinstance(result, Recorded):
            if not self._replies:
                send(result)
                return
            result = Recorded(result, None)
        if self._replies is None:
            self._replies = deque()
        self._replies.append((result, send))
        self._keep_waiting()
        result.when_done(lambda _: self._send_replies())

    def wait_for(self, pending: Pending[T], then: Callable[[Pending[T]], None]) -> None:
        """Handle nothing else on this channel before `pending` is done and `then` was called with it."""
        if pending.done:
            then(pending)
            return
        self._pending = pending  # type: ignore[assignment]  # only its identity matters here
        self._keep_waiting()

        def settled(done: Pending[T]) -> None:
            if self._pending is not done:
                return  # the channel ended meanwhile
            self._pending = None
            self._go_on(lambda: then(done))

        pending.when_done(settled)

    def again(self, kind: int, ids: MethodId, payload: bytes, answer: Pending[None]) -> None:
        """Handle a frame once more, when there is an answer, before all that stands in line."""
        if self._frames is None:
            self._frames = deque()
        self._frames.appendleft((kind, ids, payload))
        if answer.done:
            self._work_off()
        else:
            self.wait_for(answer, lambda _: None)

    def fail(self, error: AmqpError) -> None:
        """Raise an error once the replies that wait have been sent. Only while there are any."""
        assert self._replies

        def raise_it(_: Pending[Any]) -> None:
            raise error

        self.wait_for(self._replies[-1][0], raise_it)

    def clear(self) -> None:
        """The channel has ended: nothing of it waits any more."""
        self._pending = self._replies = self._frames = None
        self.busy = False
        if self._full:
            self._full = False
            if self._channel.connection.queueing:
                self._channel.connection.line_changed(full=False)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _must_wait(self, kind: int, ids: MethodId) -> bool:
        if self._pending is not None:
            return True
        return bool(self._replies) and not (kind == METHOD and ids in GO_ON)

    def _keep_waiting(self) -> None:
        self.busy = True
        self._channel.direct = False

    def _send_replies(self) -> None:
        replies = self._replies
        while replies and replies[0][0].done:
            self._go_on(partial(_send, *replies.popleft()))

    def _go_on(self, then: Callable[[], None]) -> None:
        """Do what was waited for, then what stood behind it."""
        channel = self._channel
        if self._pending is None and not self._replies:
            channel.direct = channel.is_idle
        try:
            then()
        except AmqpError as error:
            channel.connection.failed(error, channel.number)
        except Exception as error:  # noqa: BLE001  # a defect, or a disk, must cost this connection, not the broker
            closing.unforeseen(channel.connection, channel.number, error)
        self._work_off()

    def _work_off(self) -> None:
        if self._working_off:
            return
        frames, self._working_off = self._frames, True
        while frames and not self._must_wait(*frames[0][:2]):
            # A close in the line may end this channel: what follows it is for the number, not for this object.
            kind, _, payload = frames.popleft()
            self._channel.connection.frame(kind, self._channel.number, payload)
        self._working_off = False
        self.busy = bool(self._pending is not None or self._replies or self._frames)
        if self._full and (not self._frames or len(self._frames) < LINE // 2):
            self._full = False
            self._channel.connection.line_changed(full=False)


def _send(result: Pending[T], send: Callable[[T], None]) -> None:
    send(result.result())
