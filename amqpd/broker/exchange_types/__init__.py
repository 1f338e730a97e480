"""The built-in exchange types, one file each; they come through the same registry as a plugin's."""

from __future__ import annotations

from typing import Final

from amqpd.broker.exchange import ExchangeType
from amqpd.broker.exchange_types.direct import Direct
from amqpd.broker.exchange_types.fanout import Fanout
from amqpd.broker.exchange_types.headers import Headers
from amqpd.broker.exchange_types.topic import Topic

BUILT_IN: Final[tuple[type[ExchangeType], ...]] = (Direct, Fanout, Topic, Headers)
