"""The built-in queue types, one file each; they come through the same registry as a plugin's."""

from __future__ import annotations

from typing import Final

from amqpd.broker.queue_types.classic import Classic
from amqpd.broker.queue_types.port import QueueType
from amqpd.broker.queue_types.quorum import Quorum
from amqpd.broker.queue_types.stream import Stream

BUILT_IN: Final[tuple[type[QueueType], ...]] = (Classic, Quorum, Stream)
