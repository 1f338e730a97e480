"""One client's connection: frames in, calls on the model, frames out.

`receive_data` takes bytes, `process` handles at most a turn's worth of them, and `outbox` collects the answers;
nothing here awaits. What decides on a frame is the state: while RUNNING, frames go to their channels; before and
after, the table in `states` says what may come. An error never leaves `process`: `closing.answer` tells the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

from amqpd import erlang
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Holding, Peer
from amqpd.broker.queue import SLICE
from amqpd.broker.timers import Timer
from amqpd.broker.work import Work
from amqpd.errors import AmqpError
from amqpd.fields import EMPTY, Table
from amqpd.log import get_logger
from amqpd.protocol import channel_end, closing, dispatch, handshake, states, strangers
from amqpd.protocol.ack_timeout import AckTimeout
from amqpd.protocol.channel import Channel
from amqpd.protocol.consumer_timeouts import ConsumerTimeouts
from amqpd.protocol.endpoint import Endpoint
from amqpd.protocol.outbox import Outbox
from amqpd.protocol.outstanding import holdings
from amqpd.wire import hot, server_methods
from amqpd.wire.content import HeaderCache
from amqpd.wire.frames import (
    OLD_PROTOCOL_HEADER,
    PROTOCOL_HEADER,
    Frame,
    FrameParser,
)
from amqpd.wire.kinds import PUBLISH
from amqpd.wire.methods import MethodId

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.session import Session
    from amqpd.broker.users import User
    from amqpd.protocol.heartbeat import Heartbeat
    from amqpd.protocol.node import Node
    from amqpd.protocol.sasl import Mechanism

T = TypeVar("T")
log = get_logger(__name__)

CREDENTIAL_EXPIRED: Final = "credential expired"
UNREAD_REPLIES: Final = 8
"""Times the high mark: a client that reads none of its replies is not read any more itself."""


class Connection(Peer):
    """The sans-IO side of one accepted socket."""

    __slots__ = (
        "_behind",
        "_deadline",
        "_parsed",
        "_pending",
        "_resuming",
        "_sent_before",
        "_unread",
        "ack_timeout",
        "alarmed",
        "blocked",
        "capabilities",
        "channel_max",
        "channels",
        "client_properties",
        "connected_at",
        "consumer_timeouts",
        "endpoint",
        "expiry",
        "fatal",
        "frame_max",
        "headers",
        "heartbeat",
        "heartbeat_interval",
        "just_closed",
        "mechanism",
        "node",
        "notified",
        "outbox",
        "parser",
        "pid",
        "queueing",
        "reads",
        "received",
        "session",
        "stalled",
        "state",
        "unfinished_content",
        "user",
    )

    ack_timeout: AckTimeout | None
    consumer_timeouts: ConsumerTimeouts | None
    """Once a consumer has a time of its own."""
    expiry: Timer | None
    """Ends the connection when its login does."""

    def __init__(self, node: Node, endpoint: Endpoint) -> None:
        settings = node.settings
        self.node = node
        self.endpoint = endpoint
        self.pid = node.broker.next_pid()
        """What events call it."""
        self.connected_at = int(node.broker.clock.wall() * 1000)
        """Milliseconds since the Unix epoch."""
        self.state = states.HEADER
        self.parser = FrameParser(node.broker.compat.profile.initial_frame_max)
        self.outbox = Outbox(node.dirty, node.broker.account, settings.outbox_high_water, settings.outbox_low_water)
        self.outbox.on_over = self._outbox_over
        self.outbox.on_drained = self._outbox_drained
        self.received = self.reads = 0
        """Octets received so far, for the heartbeat, and the times that something was received."""
        self.client_properties: Table = EMPTY
        self.capabilities: frozenset[str] = frozenset()
        self.mechanism: Mechanism | None = None
        self.user: User | None = None
        self.session: Session | None = None
        self.channels: dict[int, Channel] = {}
        self.just_closed: set[int] = set()
        """Numbers of channels whose close-ok is not sent yet: what the client sent behind its close is dropped."""
        self.channel_max = 0
        self.frame_max = 0
        self.heartbeat: Heartbeat | None = None
        self.heartbeat_interval = 0
        self.ack_timeout, self.consumer_timeouts, self.expiry = None, None, None
        self.headers = HeaderCache()
        self.fatal = False
        """The input is out of step: nothing is read any more, not even a close-ok."""
        self.alarmed = False
        """A resource is short: the next publish blocks this connection."""
        self.blocked = False
        self.notified = False
        """connection.blocked was sent, so that connection.unblocked is owed."""
        self.stalled = False
        """A fault on demand: as if the network took no bytes from the client."""
        self.unfinished_content = 0
        """Octets of bodies that are still arriving."""
        self.queueing = 0
        """Channels whose line of waiting frames is full."""
        self._parsed: list[Frame] = []
        """Frames that a turn had no budget for."""
        self._unread = False
        self._sent_before = 0
        self._pending: Pending[object] | None = None
        self._behind = self._resuming = False
        self._deadline: Timer | None = node.liveness.after(settings.handshake_timeout, self._handshake_timed_out)
        node.connections[self] = node.opening[self] = None

    # -- what the server calls -------------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer; `process` handles them."""
        self.received += len(data)
        self.reads += 1
        if self.state in (states.SILENT, states.FINISHED) or self.fatal:
            return
        self.parser.feed(data)

    def process(self, budget: int) -> bool:
        """Handle at most about `budget` frames; return whether more could be handled at once."""
        if self._pending is not None or not self.reading:
            if self._behind:
                self._set_behind(False)
            return False
        if self.state == states.HEADER and not self._protocol_header():
            return False
        if self.state == states.RUNNING:
            at_once = not self.alarmed
            frames = self._parsed or self.parser.frames(budget if at_once else 1, fuse=at_once)
            self._parsed = []
            self._running(frames, budget)
        else:
            left, self._parsed = self._parsed, []
            for frame in left:
                dispatch.frames_of(self, *frame)
            frames = self._early_frames(budget)
        failure = self.parser.failure
        if failure is not None and not self.fatal and not self._parsed:
            self.parser.failure = None
            self.failed(failure, 0)
            # Also where nobody is told any more: what can't be read on is not kept either.
            self.fatal = True
            return False
        more = bool(self._parsed) or (bool(frames) and self.parser.buffered > 0)
        if more != self._behind and self.state != states.FINISHED:
            self._set_behind(more)
        return more

    def _set_behind(self, behind: bool) -> None:
        """Its next turn has something to do already, or no more: for `Node.crowding`."""
        self._behind = behind
        self.node.fell_behind(1 if behind else -1)

    def _early_frames(self, budget: int) -> list[Frame]:
        """Handle frames one by one where each may change what the next one may be; return the last that there was."""
        frames: list[Frame] = []
        while budget > 0 and self.state != states.RUNNING and self._pending is None:
            frames = self.parser.frames(1, fuse=False)
            for kind, number, payload, _, _ in frames:
                self.frame(kind, number, payload)
            if not frames:
                break
            budget -= 1
        return frames

    def eof(self) -> None:
        """The peer is gone. Harmless after any end."""
        if self.state in (states.OPENING, states.RUNNING):
            log.warning("client unexpectedly closed TCP connection", connection=self.name)
        self.terminate()
        self._end()

    @property
    def reading(self) -> bool:
        """False while the broker doesn't want this client's bytes."""
        if self.state in (states.CLOSING, states.CLOSED):
            return True  # nothing but a close is taken any more
        return not (self.blocked or self._unread or self.queueing or self.stalled or self._pending is not None)

    @property
    def listens(self) -> bool:
        """False while the broker, for reasons of its own, would not notice a heartbeat.

        A peer that doesn't take its replies is another matter: it shows life by taking some.
        """
        if self._unread and self.outbox.sent == self._sent_before:
            return True
        self._sent_before = self.outbox.sent
        return self.reading

    @property
    def finished(self) -> bool:
        return self.state == states.FINISHED

    @property
    def name(self) -> str:
        return self.endpoint.name

    # -- what handlers call ----------------------------------------------------------------------------------------

    def send(self, frame: bytes) -> None:
        """Queue one whole frame."""
        self.outbox.append(frame)

    def opened(self, session: Session) -> None:
        """connection.open was accepted."""
        self.session = session
        self.state = states.RUNNING
        self.node.opening.pop(self, None)
        self.node.liveness.cancel(self._deadline)
        self._deadline = None
        self.alarmed = bool(self.node.broker.alarms.reasons)
        node = self.node
        if node.ack_timeout:
            self.ack_timeout = AckTimeout(self, node.broker.timers, node.ack_timeout, node.settings.ack_timeout_tick)

    def wait_for(self, pending: Pending[T], then: Callable[[Pending[T]], None]) -> None:
        """Handle no further frame of this connection before `pending` is done and `then` was called with it."""
        self._pending = pending  # type: ignore[assignment]  # only its identity matters here

        def settled(done: Pending[T]) -> None:
            self._pending = None
            if self.state in (states.FINISHED, states.SILENT):
                return
            try:
                then(done)
            except AmqpError as error:
                self.failed(error, 0)
            except Exception as error:  # noqa: BLE001  # a defect must cost this connection, not the broker
                closing.unforeseen(self, 0, error)
            self.reading_changed()

        pending.when_done(settled)

    def resume(self) -> None:
        """Handle what is buffered, in a turn of its own."""
        if not self._resuming and (self._parsed or self.parser.buffered):
            self._resuming = True
            self.node.broker.work.add(_Resume(self))

    def publish_blocked(self) -> None:
        """It publishes while a resource is short: stop reading, and say why once."""
        self.alarmed = False
        self.blocked = True
        if "connection.blocked" in self.capabilities and not self.notified:
            self.notified = True
            self.send(hot.blocked(self.node.broker.alarms.text))
        self.reading_changed()

    def line_changed(self, full: bool) -> None:
        """A channel's line of waiting frames became full, or has room again."""
        self.queueing += 1 if full else -1
        self.reading_changed()

    def stall(self, stalled: bool) -> None:
        """A fault on demand: take no bytes from the client until told otherwise."""
        self.stalled = stalled
        self.reading_changed()

    def expire_at(self, wall: float | None) -> None:
        """Close the connection at a time (seconds since the Unix epoch) unless another one is set; None: never."""
        timers, clock = self.node.broker.timers, self.node.broker.clock
        timers.cancel(self.expiry)
        self.expiry = None
        if wall is not None:
            self.expiry = timers.after(max(0.0, wall - clock.wall()), lambda: self.force_close(CREDENTIAL_EXPIRED))

    def drop_after(self, seconds: float) -> None:
        """End the TCP connection after a while, if the client has not done so."""
        self.node.liveness.cancel(self._deadline)
        self._deadline = self.node.liveness.after(seconds, self.abort)

    def finish(self) -> None:
        """End the TCP connection once what is queued was sent, or the peer has had its time to take it."""
        self._end()
        self._deadline = self.node.liveness.after(self.node.settings.silence, self.abort)
        if self.outbox.transport is not None:
            self.outbox.transport.close(abort=False)

    def abort(self) -> None:
        """End the TCP connection at once."""
        self.terminate()
        self._end()
        if self.outbox.transport is not None:
            self.outbox.transport.close(abort=True)

    def terminate(self) -> Pending[None] | None:
        """Give back what the client holds: unsettled messages, consumers, exclusive queues. Harmless the second time.

        A Pending says when the last of very many exclusive queues is gone.
        """
        channels, self.channels = self.channels, {}
        left = SLICE
        for channel in channels.values():
            channel.stop_deliveries()
        for channel in channels.values():
            left -= channel_end.terminate(channel, left)
        if self.queueing:
            self.queueing = 0
            self.reading_changed()
        self.node.totals.session_gone(self)
        session, self.session = self.session, None
        return None if session is None else self.node.broker.end_session(session)

    def heartbeat_missed(self) -> None:
        """The peer was silent for too long."""
        log.warning(f"missed heartbeats from client, timeout: {self.heartbeat_interval}s", connection=self.name)
        self.abort()

    # -- Peer, for the model ---------------------------------------------------------------------------------------

    def force_close(self, reason: str) -> None:
        closing.force(self, reason)

    def holdings(self, queue: Queue) -> Iterator[Holding]:
        return chain.from_iterable(holdings(channel, queue) for channel in self.channels.values())

    def tracing_changed(self) -> None:
        for channel in self.channels.values():
            for consumer in channel.consumers.values():
                consumer.tracing_changed()

    def alarm_changed(self) -> None:
        if self.node.broker.alarms.reasons:
            self.alarmed = not self.blocked
            return
        self.alarmed = False
        if self.blocked:
            self.blocked = False
            if self.notified:
                self.notified = False
                self.send(server_methods.UNBLOCKED)
            self.reading_changed()

    # -- frames ----------------------------------------------------------------------------------------------------

    def _running(self, frames: list[Frame], budget: int) -> None:
        """Handle frames until the budget is spent; what is left of them waits for the next turn."""
        channels = self.channels
        work = self.node.broker.work
        work.spent = 0
        waiting = iter(frames)
        for kind, number, payload, header, body in waiting:
            if kind == PUBLISH:
                if self.alarmed:
                    # Raised since these frames were parsed: the header will block this connection before the body.
                    self._parsed = [*dispatch.apart(number, payload, header, body), *waiting]
                    return
                channel = channels.get(number)
                if channel is not None and channel.direct:
                    try:
                        channel.publish(payload, header, body)
                    except AmqpError as error:
                        self.failed(error, number, (60, 40))
                    except Exception as error:  # noqa: BLE001  # a defect must cost this connection, not the broker
                        closing.unforeseen(self, number, error)
                    if work.spent > budget:
                        break
                    continue
            dispatch.frames_of(self, kind, number, payload, header, body)
            channels = self.channels
            if work.spent > budget or self.blocked:
                break
        self._parsed = list(waiting)

    def frame(self, kind: int, number: int, payload: bytes) -> None:
        """Handle one frame, as it comes in or out of a channel's line."""
        dispatch.frame(self, kind, number, payload)

    def failed(self, error: AmqpError, number: int, handling: MethodId = (0, 0)) -> None:
        """Answer an error on a channel (0: the connection) while a method was handled."""
        dispatch.failed(self, error, number, handling)

    def _protocol_header(self) -> bool:
        header = self.parser.take(len(PROTOCOL_HEADER))
        if header is None:
            return False
        if header in (PROTOCOL_HEADER, OLD_PROTOCOL_HEADER):
            handshake.start(self)
            return True
        who = strangers.guess(header)
        log.warning("not an AMQP 0-9-1 client", connection=self.name, header=erlang.binary(header), looks_like=who)
        self.send(PROTOCOL_HEADER)
        self.finish()
        return False

    # -- inside ----------------------------------------------------------------------------------------------------

    def _handshake_timed_out(self) -> None:
        log.warning("handshake timeout", connection=self.name, state=self.state)
        self.abort()

    def _end(self) -> None:
        self.state = states.FINISHED
        if self._behind:
            self._set_behind(False)
        self.node.gone(self)
        self.node.liveness.cancel(self._deadline)
        if self.expiry is not None:
            self.node.broker.timers.cancel(self.expiry)
            self.expiry = None
        if self.heartbeat is not None:
            self.heartbeat.stop()
            self.heartbeat = None
        if self.ack_timeout is not None:
            self.ack_timeout.stop()
            self.ack_timeout = None
        if self.consumer_timeouts is not None:
            self.consumer_timeouts.stop()
            self.consumer_timeouts = None
        self.outbox.on_over = None
        self.outbox.on_drained = None

    def _outbox_over(self) -> None:
        for channel in self.channels.values():
            channel.outbox_changed()

    def _outbox_drained(self) -> None:
        if self._unread:
            self._unread = False
            self.reading_changed()
        for channel in list(self.channels.values()):
            channel.outbox_changed()

    def flushed(self) -> None:
        """A flush is over: stop reading a client that sends requests and reads none of the answers.

        The message that filled the outbox doesn't count: two peers that send large ones to each other must not wait for
        each other.
        """
        if self.just_closed:
            self.just_closed.clear()
        outbox = self.outbox
        if not outbox.over or self._unread:
            return
        if outbox.size - outbox.over_at > UNREAD_REPLIES * self.node.settings.outbox_high_water:
            self._unread = True
            self.reading_changed()

    def reading_changed(self) -> None:
        """Go on with what is buffered, and tell the transport."""
        if self.reading:
            self.resume()
        if self.outbox.transport is not None:
            self.outbox.transport.reading_changed()

    def resume_step(self, budget: int) -> bool:
        """One more turn of buffered input on behalf of the work list."""
        self._resuming = self.process(budget)
        return self._resuming


class _Resume(Work):
    """Handles input that waited in the parser while the connection was paused."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def step(self, budget: int) -> bool:
        return self._connection.resume_step(budget)
