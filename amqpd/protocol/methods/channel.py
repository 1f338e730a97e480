"""Class channel (20), but for open, which `protocol.channel` handles itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.errors import NotImplementedHere
from amqpd.protocol.channel_end import terminate
from amqpd.wire import server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def flow(channel: Channel, active: bool) -> None:
    """Only the default can be asked for."""
    if not active:
        raise NotImplementedHere("active=false")
    channel.send(server_methods.FLOW_OK)


def close(channel: Channel, code: int, text: str, class_id: int, method_id: int) -> None:
    """End the channel, give everything back, then free its number."""
    terminate(channel)
    channel.connection.channels.pop(channel.number, None)
    channel.connection.just_closed.add(channel.number)
    channel.send(server_methods.CHANNEL_CLOSE_OK)
