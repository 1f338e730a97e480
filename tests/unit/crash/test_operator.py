"""The crash test's checker on what the operator did: found where it was undone, and nothing in what is allowed."""

from __future__ import annotations

import pytest

from tests.crash.checker import check
from tests.crash.log import Audited, Confirmed, Dropped, Dropping, Event, Found, Opened, Received, Sent, Setting, WasSet
from tests.crash.topology import QUEUES

QUEUE = "managed.classic"
TARGET = str(QUEUES[QUEUE].dead_letters)
PUBLISHED: list[Event] = [Opened(1, 1, "p"), Sent(1, "m", (QUEUE,)), Confirmed("m", time=0)]


def kinds(*events: Event) -> list[str]:
    return [violation.kind for violation in check(events)]


def audit(*found: str) -> list[Event]:
    """The message is in these queues."""
    seen = [Received(2, queue, "m") for queue in found]
    return [Opened(2, 2, "a", audit=True), *seen, Audited(QUEUE), Audited(TARGET)]


def test_a_moved_message_is_in_one_of_its_places() -> None:
    assert kinds(*PUBLISHED, *audit(QUEUE)) == []
    assert kinds(*PUBLISHED, *audit(TARGET)) == []
    assert kinds(*PUBLISHED, *audit()) == ["lost"]
    assert kinds(*PUBLISHED, *audit(QUEUE, TARGET)) == ["twice"]


@pytest.mark.parametrize("place", [QUEUE, TARGET])
def test_a_deleted_message_comes_from_nowhere_once_that_was_answered(place: str) -> None:
    assert kinds(*PUBLISHED, Dropping(TARGET, "m"), *audit()) == []
    assert kinds(*PUBLISHED, Dropping(TARGET, "m"), *audit(TARGET)) == []
    dropped = [*PUBLISHED, Dropping(TARGET, "m"), Dropped(TARGET, "m")]
    assert kinds(*dropped, *audit()) == []
    assert kinds(*dropped, *audit(place)) == ["undropped"]


def test_what_was_set_is_so_once_that_was_answered() -> None:
    before: list[Event] = [Found("user", "a"), Setting("user", "b", whole=True)]
    for value, violated in (("a", []), ("b", []), ("c", ["undone"])):
        assert kinds(*before, Found("user", value)) == violated
    assert kinds(*before, WasSet("user", "b"), Found("user", "a")) == ["undone"]
    assert kinds(*before, WasSet("user", "b"), Setting("user", "c", whole=True), Found("user", "a")) == ["undone"]
    assert kinds(Setting("user", "b", whole=True), Found("user", "unknown before")) == []


def test_what_comes_in_parts_may_be_found_in_parts_until_it_was_answered() -> None:
    begun: list[Event] = [Found("vhost", "nothing"), Setting("vhost", "all", whole=False)]
    assert kinds(*begun, Found("vhost", "half"), Setting("vhost", "nothing", whole=True), Found("vhost", "half")) == []
    assert kinds(*begun, WasSet("vhost", "all"), Found("vhost", "half")) == ["undone"]
