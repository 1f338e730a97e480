"""A fresh broker for each test."""

from __future__ import annotations

import pytest

from tests.unit.broker.world import World


@pytest.fixture
def world() -> World:
    return World()
