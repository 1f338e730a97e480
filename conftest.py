"""One option for every test that starts a broker of ours."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the journal behind embedded brokers."""
    parser.addoption(
        "--journal",
        choices=["memory", "delayed"],
        default="memory",
        help="what stands behind embedded brokers; `delayed` makes every operation that may wait take a turn",
    )
