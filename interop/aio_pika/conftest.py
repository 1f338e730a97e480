"""How the tests with aio-pika run: one event loop and one robust connection per test, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractRobustConnection

Scenario = Callable[[AbstractRobustConnection], Coroutine[Any, Any, None]]

SCENARIO_DEADLINE = 30.0
"""Seconds after which a scenario counts as failed."""


@pytest.fixture
def run(broker_url: str) -> Callable[[Scenario], None]:
    """Return a function that runs a scenario on a robust connection in a loop of its own."""

    async def connected(scenario: Scenario) -> None:
        async with asyncio.timeout(SCENARIO_DEADLINE):
            connection = await aio_pika.connect_robust(broker_url)
            async with connection:
                await scenario(connection)

    return lambda scenario: asyncio.run(connected(scenario))
