"""A file of definitions, RabbitMQ's or amqpd's own, taken over before the broker listens. RabbitMQ's load_definitions.

Existing queues, exchanges and bindings stay as they are and everything else is replaced, so that the same file at each
start changes nothing. https://www.rabbitmq.com/docs/definitions#import-on-boot
"""

from __future__ import annotations

import json
from pathlib import Path

from amqpd.broker.broker import Broker
from amqpd.broker.events import OPERATOR
from amqpd.broker.operations.importing import Import
from amqpd.broker.operations.invalid import Invalid
from amqpd.config.errors import ConfigError, unreadable
from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE = 512
"""Items between two looks at what follows from them."""


def take_over(broker: Broker, path: Path) -> None:
    """Import all of a file while nobody is connected. Raises ConfigError with the item; what came before it stays."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error.strerror or error) from error
    except ValueError as error:
        raise unreadable(path, f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise unreadable(path, f"it holds {type(document).__name__}: expected an object of definitions")
    try:
        work = Import(broker, document, None, OPERATOR)
        while work.step(AT_ONCE):
            broker.drain(AT_ONCE)
        broker.drain(AT_ONCE)
        if work.done.done:  # else it waits for the disk, and everything is there
            work.done.result()
    except Invalid as error:
        raise ConfigError(f"definitions not imported: {error}", key="definitions", where=f"in {path}") from error
    log.info("definitions imported", file=str(path))
