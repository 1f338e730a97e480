"""The one place where an error becomes a close, and the three ways in which a connection ends.

A soft error on a channel closes that channel; every other error closes the connection. Before the connection is open,
RabbitMQ says nothing: it waits three seconds, so that guessing is slow, and drops the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.errors import AmqpError, ConnectionForced, FatalFrameError, InternalError
from amqpd.log import get_logger
from amqpd.protocol import channel_end, states
from amqpd.wire import hot
from amqpd.wire.methods import MethodId

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection

log = get_logger(__name__)

NO_METHOD: Final[MethodId] = (0, 0)


def answer(connection: Connection, number: int, error: AmqpError, handling: MethodId) -> None:
    """Tell the client about an error on channel `number` while method `handling` was being handled."""
    failed = handling if error.method is None else error.method
    if connection.state in states.MUTE:
        reason = error.text.partition("<<")[0].rstrip()  # octets may have a password among them
        log.warning(
            "handshake failed", connection=connection.name, state=connection.state, code=error.code, reason=reason
        )
        keep_silent(connection)
    elif connection.state not in (states.OPENING, states.RUNNING):
        if isinstance(error, FatalFrameError):
            # No close-ok can be read any more, and who wasn't let in isn't waited for.
            connection.drop_after(connection.node.settings.silence if connection.user else 0)
    elif number and not error.hard and number in connection.channels:
        log.warning("channel error", connection=connection.name, channel=number, error=error.reply_text)
        channel_end.fail(connection.channels[number], error, failed)
    else:
        grace_ = connection.node.settings.silence if isinstance(error, FatalFrameError) else grace(connection)
        connection.fatal = isinstance(error, FatalFrameError)
        log.warning("connection error", connection=connection.name, channel=number, error=error.reply_text)
        close_connection(connection, error, failed, grace_)


def unforeseen(connection: Connection, number: int, error: Exception) -> None:
    """A defect of ours: the client gets 541 without details, the log gets all of them."""
    log.error("internal error", connection=connection.name, channel=number, exc_info=error)
    answer(connection, 0, InternalError(method=NO_METHOD), NO_METHOD)


def force(connection: Connection, reason: str) -> None:
    """Close a connection from the server's side with 320 CONNECTION_FORCED."""
    if connection.state in (states.OPENING, states.RUNNING):
        close_connection(connection, ConnectionForced(reason), NO_METHOD, grace(connection))
    elif connection.state in states.MUTE:
        connection.finish()


def close_connection(connection: Connection, error: AmqpError, failed: MethodId, wait: float) -> None:
    """Clean up, send connection.close and give the client `wait` seconds to answer."""
    connection.terminate()
    connection.send(hot.close(0, error.code, error.reply_text, failed))
    connection.state = states.CLOSING
    connection.reading_changed()
    connection.drop_after(wait)


def keep_silent(connection: Connection) -> None:
    """Say nothing, and drop the connection later."""
    connection.state = states.SILENT
    connection.drop_after(connection.node.settings.silence)


def grace(connection: Connection) -> float:
    """Seconds that a client gets to end the connection: its heartbeat, at most the setting."""
    limit = connection.node.settings.close_grace
    return min(limit, float(connection.heartbeat_interval)) if connection.heartbeat_interval else limit
