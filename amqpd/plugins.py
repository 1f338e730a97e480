"""Registries of what can be added from outside; the built-in parts come through the same door.

An entry point of the group names a class; a class whose name is taken replaces the built-in one.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final, cast

from amqpd.broker import exchange_types as built_in_exchanges
from amqpd.broker import queue_types as built_in_queues
from amqpd.broker.authentication.port import AuthBackend
from amqpd.broker.broker import Broker
from amqpd.broker.exchange import ExchangeType
from amqpd.broker.queue_types.port import QueueType
from amqpd.config import Config
from amqpd.protocol import sasl
from amqpd.protocol.sasl import Mechanism

EXCHANGE_TYPES: Final = "amqpd.exchange_types"
QUEUE_TYPES: Final = "amqpd.queue_types"
SASL_MECHANISMS: Final = "amqpd.sasl_mechanisms"
AUTH_BACKENDS: Final = "amqpd.auth_backends"

MakeBackend = Callable[[Broker, Config], AuthBackend]
"""How a plug-in makes its backend of logins."""


def exchange_types() -> list[type[ExchangeType]]:
    """All exchange types. Raises TypeError for an entry point that isn't one."""
    found = {each.name: each for each in built_in_exchanges.BUILT_IN}
    for loaded in _loaded(EXCHANGE_TYPES):
        if not (isinstance(loaded, type) and issubclass(loaded, ExchangeType)):
            raise TypeError(f"entry point of {EXCHANGE_TYPES} gives {loaded!r}: expected a subclass of ExchangeType")
        found[loaded.name] = loaded
    return list(found.values())


def queue_types() -> list[type[QueueType]]:
    """All queue types. Raises TypeError for an entry point that isn't one."""
    found = {each.name: each for each in built_in_queues.BUILT_IN}
    for loaded in _loaded(QUEUE_TYPES):
        if not (isinstance(loaded, type) and issubclass(loaded, QueueType)):
            raise TypeError(f"entry point of {QUEUE_TYPES} gives {loaded!r}: expected a subclass of QueueType")
        found[loaded.name] = loaded
    return list(found.values())


def sasl_mechanisms() -> dict[str, type[Mechanism]]:
    """All SASL mechanisms by name. Raises TypeError for an entry point that isn't one."""
    found = {each.name: each for each in sasl.BUILT_IN}
    for loaded in _loaded(SASL_MECHANISMS):
        if not (isinstance(loaded, type) and issubclass(loaded, Mechanism)):
            raise TypeError(f"entry point of {SASL_MECHANISMS} gives {loaded!r}: expected a subclass of Mechanism")
        found[loaded.name] = loaded
    return found


def auth_backends() -> dict[str, MakeBackend]:
    """What makes the backends of logins that plug-ins bring along, by the names that settings call them. Raises
    TypeError for an entry point that can't be called.
    """
    found: dict[str, MakeBackend] = {}
    for point in entry_points(group=AUTH_BACKENDS):
        loaded = point.load()
        if not callable(loaded):
            raise TypeError(f"entry point of {AUTH_BACKENDS} gives {loaded!r}: expected a callable")
        found[point.name] = cast("MakeBackend", loaded)
    return found


def _loaded(group: str) -> list[object]:
    return [point.load() for point in entry_points(group=group)]
