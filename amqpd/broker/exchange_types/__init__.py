"""The built-in exchange types, one file each; they come through the same registry as a plugin's."""

from __future__ import annotations

from typing import Final

from amqpd.broker.exchange import ExchangeType
from amqpd.broker.exchange_types.consistent_hash import ConsistentHash
from amqpd.broker.exchange_types.deduplication import Deduplication
from amqpd.broker.exchange_types.delayed import Delayed
from amqpd.broker.exchange_types.direct import Direct
from amqpd.broker.exchange_types.fanout import Fanout
from amqpd.broker.exchange_types.headers import Headers
from amqpd.broker.exchange_types.local_random import LocalRandom
from amqpd.broker.exchange_types.modulus_hash import ModulusHash
from amqpd.broker.exchange_types.random import Random
from amqpd.broker.exchange_types.recent_history import RecentHistory
from amqpd.broker.exchange_types.topic import Topic

BUILT_IN: Final[tuple[type[ExchangeType], ...]] = (
    Direct,
    Fanout,
    Topic,
    Headers,
    ConsistentHash,
    ModulusHash,
    Random,
    LocalRandom,
    RecentHistory,
    Delayed,
    Deduplication,
)
