"""The server's methods that carry no names, through pamqp; those without arguments are made once.

`on(channel, method)` stamps a ready-made frame with its channel number.
"""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import Final

from pamqp import base, commands, frame

from amqpd.fields import Table
from amqpd.wire import hot

_NUMBER = Struct(">H").pack
_LONG = Struct(">I").pack


def _made(method: base.Frame) -> bytes:
    return frame.marshal(method, 0)


OPEN_OK: Final = _made(commands.Connection.OpenOk())
CONNECTION_CLOSE_OK: Final = _made(commands.Connection.CloseOk())
UNBLOCKED: Final = _made(commands.Connection.Unblocked())
UPDATE_SECRET_OK: Final = _made(commands.Connection.UpdateSecretOk())
CHANNEL_OPEN_OK: Final = hot.method(0, 20, 11, b"\x00\x00\x00\x00")
"""channel-id is a long string here; pamqp's default is none at all."""
FLOW_OK: Final = _made(commands.Channel.FlowOk(active=True))
CHANNEL_CLOSE_OK: Final = _made(commands.Channel.CloseOk())
EXCHANGE_DECLARE_OK: Final = _made(commands.Exchange.DeclareOk())
EXCHANGE_DELETE_OK: Final = _made(commands.Exchange.DeleteOk())
EXCHANGE_BIND_OK: Final = _made(commands.Exchange.BindOk())
EXCHANGE_UNBIND_OK: Final = _made(commands.Exchange.UnbindOk())
QUEUE_BIND_OK: Final = _made(commands.Queue.BindOk())
QUEUE_UNBIND_OK: Final = _made(commands.Queue.UnbindOk())
QOS_OK: Final = _made(commands.Basic.QosOk())
GET_EMPTY: Final = _made(commands.Basic.GetEmpty())
RECOVER_OK: Final = _made(commands.Basic.RecoverOk())
CONFIRM_SELECT_OK: Final = _made(commands.Confirm.SelectOk())
TX_SELECT_OK: Final = _made(commands.Tx.SelectOk())
TX_COMMIT_OK: Final = _made(commands.Tx.CommitOk())
TX_ROLLBACK_OK: Final = _made(commands.Tx.RollbackOk())
ACCESS_REQUEST_OK: Final = hot.method(0, 30, 11, b"\x00\x01")
"""Class access is not in pamqp; RabbitMQ always grants ticket 1."""


def on(channel: int, made: bytes) -> bytes:
    """A ready-made frame on a channel."""
    return made[:1] + _NUMBER(channel) + made[3:]


def start(properties: Table, mechanisms: bytes, locales: bytes) -> bytes:
    """connection.start for version 0-9. The table keeps its own wire types, so pamqp has no part in it."""
    arguments = b"\x00\x09" + b"".join(_LONG(len(each)) + each for each in (properties.raw, mechanisms, locales))
    return hot.method(0, 10, 10, arguments)


def secure(challenge: bytes) -> bytes:
    """connection.secure: a challenge is octets, which pamqp takes for text."""
    return hot.method(0, 10, 20, _LONG(len(challenge)) + challenge)


@cache
def tune(channel_max: int, frame_max: int, heartbeat: int) -> bytes:
    """connection.tune."""
    return _made(commands.Connection.Tune(channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat))
