"""The pytest plugin: three fixtures with a real broker. It imports nothing heavy before one of them is used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from amqpd.testing.broker import EmbeddedBroker
    from amqpd.testing.vhost import EmbeddedVHost


@pytest.fixture(scope="session")
def amqpd_broker() -> Iterator[EmbeddedBroker]:
    """One broker for the whole session, on a free port. Tests share its queues; see `amqpd_vhost`."""
    from amqpd.embedded import run_in_thread

    with run_in_thread() as broker:
        yield broker


@pytest.fixture
def amqpd() -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, on a free port, gone with it."""
    from amqpd.embedded import run_in_thread

    with run_in_thread() as broker:
        yield broker


@pytest.fixture
def amqpd_vhost(amqpd_broker: EmbeddedBroker) -> Iterator[EmbeddedVHost]:
    """A fresh vhost of the session's broker, deleted with the test: cheaper than a broker, and as isolated."""
    from amqpd.testing.vhost import EmbeddedVHost

    name = f"test-{uuid.uuid4().hex[:12]}"
    amqpd_broker.add_vhost(name)
    yield EmbeddedVHost(amqpd_broker, name)
    amqpd_broker.delete_vhost(name)
