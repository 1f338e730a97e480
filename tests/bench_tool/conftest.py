"""The broker that the load tool is tried against: amqpd itself, or the one at AMQPD_TEST_BROKER (an amqp:// URL)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import amqpd


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """The URL of a running broker with its default user."""
    override = os.environ.get("AMQPD_TEST_BROKER")
    if override:
        yield override
        return
    with amqpd.run_in_thread(compat="3.10") as broker:
        yield broker.url
