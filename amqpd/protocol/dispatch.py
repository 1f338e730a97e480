"""What becomes of one frame: which connection states and channels it may go to, and who hears that it may not.

While a connection runs, a frame goes to its channel, which its first frame makes; channel 0 and all other states follow
the table in `negotiation`. Whatever goes wrong ends in `failed`, which turns it into a close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd import erlang
from amqpd.broker.undecided import Undecided
from amqpd.errors import AmqpError, ChannelMisused, FrameError, InternalError, NotAllowed, UnexpectedFrame
from amqpd.protocol import closing, states
from amqpd.protocol.channel import Channel
from amqpd.protocol.negotiation import TABLE
from amqpd.protocol.states import CLOSED, CLOSING, FINISHED, RUNNING, SILENT
from amqpd.wire import methods, octets
from amqpd.wire.frames import Frame
from amqpd.wire.kinds import BODY, HEADER, HEARTBEAT, METHOD, PUBLISH
from amqpd.wire.methods import OPEN, MethodId

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection

_SMALLEST: Final = {METHOD: 4, HEADER: 12, BODY: 0, HEARTBEAT: 0}
"""Octets of payload that a frame of each type has at least."""


def frames_of(
    connection: Connection, kind: int, number: int, payload: bytes, header: bytes, body: bytes
) -> None:
    """Handle one frame, or the frames of a fused publish one by one."""
    if kind != PUBLISH:
        frame(connection, kind, number, payload)
        return
    for each, _, part, _, _ in apart(number, payload, header, body):
        frame(connection, each, number, part)


def frame(connection: Connection, kind: int, number: int, payload: bytes) -> None:
    """Handle one frame, as it comes in or out of a channel's line."""
    state = connection.state
    if state in (SILENT, FINISHED) or connection.fatal:
        return
    handling = octets.method_id(payload) if kind == METHOD and len(payload) >= 4 else (0, 0)
    try:
        if state != RUNNING and number and state not in (CLOSING, CLOSED):
            raise UnexpectedFrame(erlang.frame(kind, payload), method=(0, 0))
        _check_shape(kind, payload)
        if kind == HEARTBEAT:
            if number:
                raise UnexpectedFrame("type 8, all octets = <<>>", method=(0, 0))
        elif state in (CLOSING, CLOSED):
            if number == 0 and kind == METHOD:
                _method(connection, handling, payload)
        elif number == 0:
            _channel_zero(connection, kind, handling, payload)
        else:
            channel = connection.channels.get(number)
            if channel is None:
                if number in connection.just_closed and handling != OPEN:
                    return
                channel = _new_channel(connection, number)
            _to_channel(channel, kind, handling, payload)
    except AmqpError as error:
        failed(connection, error, number, handling)
    except Exception as error:  # noqa: BLE001  # a defect must cost this connection, not the broker
        closing.unforeseen(connection, number, error)


def _to_channel(channel: Channel, kind: int, handling: MethodId, payload: bytes) -> None:
    try:
        channel.receive(kind, handling, payload)
    except Undecided as undecided:
        channel.line.again(kind, handling, payload, undecided.answer)


def _check_shape(kind: int, payload: bytes) -> None:
    """The least that each type of frame must be (F3)."""
    size = len(payload)
    minimum = _SMALLEST.get(kind)
    if minimum is None or size < minimum or (kind == HEARTBEAT and size):
        raise FrameError(f"{erlang.frame(kind, payload)}: unknown_frame", method=(0, 0))


def _channel_zero(connection: Connection, kind: int, handling: MethodId, payload: bytes) -> None:
    if kind != METHOD:
        raise UnexpectedFrame(erlang.frame(kind, payload), method=(0, 0))
    _method(connection, handling, payload)


def _method(connection: Connection, ids: MethodId, payload: bytes) -> None:
    """A method on channel 0: what the table allows in this state."""
    state = connection.state
    handler = TABLE[state].get(ids)
    if handler is None and state in (states.CLOSING, states.CLOSED):
        methods.require_known(ids)
        return
    try:
        arguments = connection.node.methods.decode(payload)
    except methods.Undecodable:
        if connection.node.broker.compat.extends("answers-undecodable") or state != states.RUNNING:
            raise
        raise InternalError(method=(0, 0)) from None
    if handler is None:
        raise ChannelMisused(f"unexpected method in connection state {state}")
    handler(connection, *arguments)


def _new_channel(connection: Connection, number: int) -> Channel:
    """Any frame on an unknown number makes a channel, which then insists on channel.open."""
    count = len(connection.channels)
    if connection.channel_max and count >= connection.channel_max:
        text = f"number of channels opened ({count}) has reached the negotiated channel_max ({connection.channel_max})"
        raise NotAllowed(text, method=(0, 0))
    node = connection.node
    most = node.settings.max_channels
    if most is not None and sum(len(each.channels) for each in node.connections) >= most:
        raise NotAllowed(
            f"number of channels opened on node '{node.broker.name}' has reached the maximum allowed limit of {most}",
            method=(0, 0),
        )
    assert connection.session is not None
    user = connection.session.user
    if user.max_channels is not None and user.max_channels >= 0:
        opened = sum(
            len(each.channels) for each in connection.node.connections if each.user and each.user.name == user.name
        )
        if opened >= user.max_channels:
            profile = node.broker.compat.profile
            limit = f"({user.max_channels})" if profile.user_channel_limit_in_brackets else str(user.max_channels)
            name = node.broker.name if profile.user_channel_limit_names_node else user.name
            raise NotAllowed(
                f"number of channels opened for user '{name}' "
                f"has reached the maximum allowed user limit of {limit}",
                method=(0, 0),
            )
    channel = Channel(connection, number, connection.session)
    connection.channels[number] = channel
    return channel


def failed(connection: Connection, error: AmqpError, number: int, handling: MethodId = (0, 0)) -> None:
    """Answer an error on a channel (0: the connection) while a method was handled."""
    if number and isinstance(error, methods.NotUtf8):
        error.method = (0, 0)
    if not connection.node.broker.compat.extends("answers-undecodable"):
        if isinstance(error, methods.UnknownMethod) or (isinstance(error, methods.BadTable) and number):
            connection.terminate()
            connection.finish()
            return
        if isinstance(error, methods.Undecodable) and connection.state == states.OPENING:
            closing.keep_silent(connection)
            return
    closing.answer(connection, number, error, handling)

def apart(number: int, payload: bytes, header: bytes, body: bytes) -> list[Frame]:
    """A fused publish as the frames that it came in."""
    frames: list[Frame] = [(METHOD, number, payload, b"", b""), (HEADER, number, header, b"", b"")]
    return [*frames, (BODY, number, body, b"", b"")] if body else frames
