"""Each test of the protocol runs on a journal that is done at once and on one that is done a turn later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from amqpd.broker.ports import Journal, MemoryJournal
from amqpd.testing.delayed import DelayedJournal
from tests.protocol.harness import MakeWorld, World

JOURNALS: dict[str, Callable[[], Journal]] = {"memory": MemoryJournal, "delayed": DelayedJournal}


@pytest.fixture(params=list(JOURNALS))
def journal(request: pytest.FixtureRequest) -> Callable[[], Journal]:
    """Makes the journal of one broker."""
    return JOURNALS[request.param]


@pytest.fixture
def make_world(journal: Callable[[], Journal], caplog: pytest.LogCaptureFixture) -> Iterator[MakeWorld]:
    """Makes brokers; none of them may have met a defect of its own by the end of the test."""

    def make(**options: Any) -> World:
        options.setdefault("journal", journal())
        return World(**options)

    yield make
    for phase in ("setup", "call"):
        assert not [each.getMessage() for each in caplog.get_records(phase) if "internal error" in each.getMessage()]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A broker with the default settings."""
    return make_world()
