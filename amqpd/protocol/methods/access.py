"""Class access (30), a left-over of AMQP 0-8 that old clients still send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.wire import server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def request(
    channel: Channel, realm: str, exclusive: bool, passive: bool, active: bool, write: bool, read: bool
) -> None:
    """Grant ticket 1 to everybody: tickets mean nothing any more."""
    channel.send(server_methods.ACCESS_REQUEST_OK)
