"""What holds for all tests: one option for those that start a broker of ours, and no time limit of Hypothesis's."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("amqpd", deadline=None)
settings.load_profile("amqpd")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the journal behind embedded brokers."""
    parser.addoption(
        "--journal",
        choices=["memory", "delayed"],
        default="memory",
        help="what stands behind embedded brokers; `delayed` makes every operation that may wait take a turn",
    )
