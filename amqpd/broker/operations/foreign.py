"""What definitions of RabbitMQ hold that has no counterpart here: skipped by an import, which names it.

Decides which names those are: of plugins that RabbitMQ ships, and of classic queue mirroring, which RabbitMQ 4.0 has no
more. Any other name that nobody knows is a mistake and refused, as RabbitMQ does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amqpd.broker.compat import Compat
from amqpd.broker.policy_keys import MASTER_LOCATOR, MIRRORING
from amqpd.broker.policy_validation import unknown_keys

FEDERATION: Final = ("federation-upstream", "federation-upstream-set", "federation-upstream-pattern")
SHARDING: Final = ("shards-per-node", "routing-key")
POLICY_KEYS: Final = frozenset({*FEDERATION, *SHARDING, *(key.name for key in (MASTER_LOCATOR, *MIRRORING))})
EXCHANGE_TYPES: Final = frozenset({"x-jms-topic", "x-federation-upstream"})


def without_foreign_keys(definition: Mapping[str, object], compat: Compat) -> tuple[dict[str, object], list[str]]:
    """A policy's definition as far as it means something here, and the keys that don't."""
    foreign = [name for name in unknown_keys(definition, compat, operator=False) if name in POLICY_KEYS]
    return {name: value for name, value in definition.items() if name not in foreign}, foreign
