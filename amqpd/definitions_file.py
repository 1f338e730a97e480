"""A file of definitions, RabbitMQ's or amqpd's own, taken over before the broker listens. RabbitMQ's load_definitions.

Existing queues, exchanges and bindings stay as they are and everything else is replaced, so that the same file at each
start changes nothing. https://www.rabbitmq.com/docs/definitions#import-on-boot
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from amqpd.broker.broker import Broker
from amqpd.broker.events import OPERATOR
from amqpd.broker.operations.importing import Import, Skipped
from amqpd.broker.operations.invalid import Invalid
from amqpd.broker.pending import Pending
from amqpd.config.errors import ConfigError, unreadable
from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE = 512
"""Items between two looks at what follows from them."""


def take_over(broker: Broker, path: Path) -> None:
    """Import all of a file before the broker serves anybody. Raises ConfigError with the item; what came before it
    stays.
    """
    imported = begin(broker, path, read(path))
    while not imported.done and broker.drain(AT_ONCE):
        pass
    if imported.done:  # else a full disk keeps it from being durable
        imported.result()


def begin(broker: Broker, path: Path, document: Mapping[str, object]) -> Pending[None]:
    """Import what was read, in slices; done once it is durable. Raises ConfigError, and fails with it, as above."""

    def wrong(error: Invalid) -> ConfigError:
        return ConfigError(f"definitions not imported: {error}", key="definitions", where=f"in {path}")

    def told(done: Pending[list[Skipped]]) -> None:
        try:
            done.result()
        except Invalid as error:
            imported.fail(wrong(error))
        except Exception as error:  # noqa: BLE001  # for whoever waits for the outcome
            imported.fail(error)
        else:
            log.info("definitions imported", file=str(path))
            imported.settle(None)

    imported: Pending[None] = Pending()
    try:
        work = Import(broker, document, None, OPERATOR)
    except Invalid as error:
        raise wrong(error) from error
    work.done.when_done(told)
    broker.work.add(work)
    return imported


def read(path: Path) -> Mapping[str, object]:
    """What a file says. Raises ConfigError for one that cannot be read, or says nothing of definitions."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error.strerror or error) from error
    except ValueError as error:
        raise unreadable(path, f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise unreadable(path, f"it holds {type(document).__name__}: expected an object of definitions")
    return document
