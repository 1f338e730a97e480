"""Class confirm (85)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.confirms import Confirms
from amqpd.errors import PreconditionFailed
from amqpd.wire import server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def select(channel: Channel, nowait: bool) -> None:
    """Number the publishes from now on and confirm each; a second select changes nothing."""
    if channel.transaction is not None:
        raise PreconditionFailed("cannot switch from tx to confirm mode")
    if channel.confirms is None:
        channel.confirms = Confirms()
    if not nowait:
        channel.send(server_methods.CONFIRM_SELECT_OK)
