"""The crash test's checker: it finds each kind of violation in a log made by hand, and none in what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.checker import check
from tests.crash.log import (
    Audited,
    Committed,
    Committing,
    Confirmed,
    Declared,
    Event,
    Failed,
    How,
    Looked,
    Opened,
    Received,
    Refused,
    Removed,
    Removing,
    Sent,
    Settled,
    read,
    write,
)
from tests.crash.topology import QUEUES, Queue

PUBLISHER, CONSUMER, LATER, AUDITOR = 1, 2, 3, 4
WORK, QUORUM, FAN = "work.classic", "work.quorum", ("fan.classic", "fan.quorum")
DEAD, TARGET = "dead.classic", "dead.classic.target"
BRIEF = "brief"
OWN = "own.classic"

ONE: list[Event] = [Opened(PUBLISHER, 1, "p"), Opened(CONSUMER, 1, "c"), Opened(LATER, 2, "l")]
"""Two connections of the first life, one of the second; the audit is in the third."""


def published(message: str, *queues: str, transaction: int | None = None) -> list[Event]:
    """Published and confirmed."""
    return [Sent(PUBLISHER, message, queues, transaction), Confirmed(message, time=0)]


def settled(queue: str, message: str, how: How, connection: int = CONSUMER) -> list[Event]:
    """Received and settled, and that is known to be durable by another publish that was confirmed."""
    barrier = f"barrier of {message} {how}"
    return [
        Received(connection, queue, message),
        Settled(connection, queue, message, how),
        Sent(connection, barrier, ("barrier",)),
        Confirmed(barrier, time=0),
    ]


def audit(*found: Event, time: float = 0) -> list[Event]:
    """What an audit found; it has seen all queues but that of barriers."""
    queues: list[Event] = [Audited(queue) for queue in QUEUES if queue != "barrier"]
    return [Opened(AUDITOR, 3, "a", audit=True, time=time), *found, *queues]


def found(message: str, queue: str, *, redelivered: bool = True, failures: int = 0, intact: bool = True) -> Event:
    """One message in an audit."""
    return Received(AUDITOR, queue, message, redelivered, failures, intact)


def kinds(*events: Event) -> list[str]:
    """The kinds of violations."""
    return [violation.kind for violation in check([*ONE, *events])]


def test_a_log_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    events = [*ONE, *published("m", WORK), *settled(WORK, "m", How.REJECT), *audit(), Failed("x")]
    write(events, tmp_path / "log")
    assert list(read(tmp_path / "log")) == events


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_a_confirmed_message_that_is_nowhere_is_lost() -> None:
    assert kinds(*published("m", WORK), *audit()) == ["lost"]
    assert kinds(*published("m", WORK), *audit(found("m", WORK))) == []
    assert kinds(Sent(PUBLISHER, "m", (WORK,)), *audit()) == []


def test_a_confirmed_message_is_in_all_queues_of_its_fan_out() -> None:
    assert kinds(*published("m", *FAN), *audit(found("m", FAN[0]))) == ["lost"]


def test_a_message_that_is_there_after_a_restart_is_there_in_all_queues() -> None:
    sent = Sent(PUBLISHER, "m", FAN)
    assert kinds(sent, *audit(found("m", FAN[0]))) == ["lost"]
    assert kinds(sent, Received(LATER, FAN[0], "m"), Settled(LATER, FAN[0], "m", How.ACK), *audit()) == ["lost"]
    assert kinds(sent, Received(CONSUMER, FAN[0], "m"), *audit()) == []


def test_what_may_have_been_acknowledged_or_purged_is_not_lost() -> None:
    assert kinds(*published("m", WORK), Settled(CONSUMER, WORK, "m", How.ACK), *audit()) == []
    assert kinds(*published("m", WORK), Settled(CONSUMER, WORK, "m", How.REJECT), *audit()) == []
    assert kinds(*published("m", OWN), Removing(OWN, delete=False), *audit()) == []


@pytest.mark.parametrize("how", [How.REFUSE, How.RETURN])
def test_what_was_given_back_is_kept(how: How) -> None:
    assert kinds(*published("m", WORK), Settled(CONSUMER, WORK, "m", how), *audit()) == ["lost"]


def test_part_of_a_transaction_is_lost_where_another_part_is_there() -> None:
    sent: list[Event] = [Sent(PUBLISHER, "m", (WORK,), 7), Sent(PUBLISHER, "n", (QUORUM,), 7), Committing(7)]
    assert kinds(*sent, *audit(found("m", WORK))) == ["lost"]
    assert kinds(*sent, *audit()) == []
    assert kinds(*sent, Committed(7), *audit()) == ["lost", "lost"]
    assert kinds(*sent, *audit(found("m", WORK), found("n", QUORUM))) == []


# -- what is settled -------------------------------------------------------------------------------------------------


def test_a_durable_acknowledgement_is_not_undone() -> None:
    begin = [*published("m", WORK), *settled(WORK, "m", How.ACK)]
    assert kinds(*begin, *audit()) == []
    assert kinds(*begin, *audit(found("m", WORK))) == ["risen"]


def test_an_acknowledgement_that_may_not_be_durable_may_be_undone() -> None:
    begin = [*published("m", WORK), Received(CONSUMER, WORK, "m"), Settled(CONSUMER, WORK, "m", How.ACK)]
    assert kinds(*begin, *audit(found("m", WORK))) == []
    before = [*published("m", WORK), Sent(CONSUMER, "n", (WORK,)), Settled(CONSUMER, WORK, "m", How.ACK)]
    assert kinds(*before, Confirmed("n"), *audit(found("m", WORK), found("n", WORK))) == []


def test_what_was_settled_in_a_transaction_is_settled_where_the_rest_of_it_is_there() -> None:
    begin = [*published("m", WORK), Settled(CONSUMER, WORK, "m", How.ACK, 7), Sent(CONSUMER, "n", (QUORUM,), 7)]
    risen = [*begin, Committing(7), *audit(found("m", WORK), found("n", QUORUM))]
    assert kinds(*risen) == ["risen"]
    assert kinds(*begin, Committing(7), *audit(found("m", WORK))) == []
    assert kinds(*begin, *audit()) == ["lost"]


def test_a_rejected_message_is_where_the_dead_go_and_nowhere_else() -> None:
    begin = [*published("m", DEAD), *settled(DEAD, "m", How.REJECT)]
    assert kinds(*begin, *audit(found("m", TARGET))) == []
    assert kinds(*begin, *audit(found("m", DEAD))) == ["risen"]
    assert kinds(*begin, *audit()) == ["lost"]
    assert kinds(*published("m", DEAD), *audit(found("m", DEAD), found("m", TARGET))) == ["twice"]


def test_an_acknowledged_dead_letter_is_not_where_it_died_either() -> None:
    begin = [*published("m", DEAD), Received(CONSUMER, DEAD, "m"), Settled(CONSUMER, DEAD, "m", How.REJECT)]
    assert kinds(*begin, *settled(TARGET, "m", How.ACK), *audit(found("m", DEAD))) == ["risen", "risen"]


def test_a_dead_letter_that_must_arrive_may_come_more_than_once_but_is_not_lost() -> None:
    begin = [*published("m", "safe"), *settled("safe", "m", How.REJECT)]
    assert kinds(*begin, *audit(found("m", "safe"), found("m", "safe.target"))) == []
    assert kinds(*begin, *audit()) == ["lost"]
    acknowledged = settled("safe.target", "m", How.ACK)
    assert kinds(*begin, *acknowledged, *audit(found("m", "safe.target"))) == []
    assert kinds(*begin, *acknowledged, Received(CONSUMER, "safe.target", "m"), *audit()) == []


@pytest.mark.parametrize("delete", [True, False])
def test_what_was_purged_or_deleted_does_not_come_back(delete: bool) -> None:
    begin = [*published("m", OWN), Removing(OWN, delete)]
    assert kinds(*begin, Removed(OWN, delete), *audit(found("m", OWN))) == ["removed"]
    assert kinds(*begin, *audit(found("m", OWN))) == []
    assert kinds(Removing(OWN, delete), Removed(OWN, delete), *published("m", OWN), *audit(found("m", OWN))) == []


# -- once, in order, marked ------------------------------------------------------------------------------------------


def test_a_message_that_stands_twice_in_a_queue_is_found() -> None:
    assert kinds(*published("m", WORK), *audit(found("m", WORK), found("m", WORK))) == ["twice"]


def test_a_message_that_comes_again_after_its_acknowledgement_is_found() -> None:
    begin = [*published("m", WORK), Received(CONSUMER, WORK, "m"), Settled(CONSUMER, WORK, "m", How.ACK)]
    assert kinds(*begin, Received(CONSUMER, WORK, "m", redelivered=True), *audit()) == ["twice"]


def test_a_publishers_messages_keep_their_order() -> None:
    begin = [*published("m", WORK), *published("n", WORK)]
    assert kinds(*begin, *audit(found("m", WORK), found("n", WORK))) == []
    assert kinds(*begin, *audit(found("n", WORK), found("m", WORK))) == ["order"]
    first = [Received(CONSUMER, WORK, "n"), Received(CONSUMER, WORK, "m")]
    assert kinds(*begin, *first, *audit(found("m", WORK), found("n", WORK))) == ["order"]


def test_priorities_come_before_the_order_of_a_publisher() -> None:
    begin = [*published("m", "priorities"), *published("n", "priorities")]
    assert kinds(*begin, *audit(found("n", "priorities"), found("m", "priorities"))) == []


def test_what_came_back_to_a_quorum_queue_may_be_at_its_end() -> None:
    begin = [*published("m", QUORUM), *published("n", QUORUM), Received(CONSUMER, QUORUM, "m")]
    assert kinds(*begin, *audit(found("n", QUORUM), found("m", QUORUM))) == []


def test_a_message_that_was_delivered_is_marked() -> None:
    begin = [*published("m", WORK), *settled(WORK, "m", How.RETURN)]
    assert kinds(*begin, *audit(found("m", WORK, redelivered=False))) == ["unmarked"]
    assert kinds(*begin, *audit(found("m", WORK))) == []


def test_a_message_of_a_stream_stays_where_it_is() -> None:
    stream = "fan.stream"
    begin = [*published("m", stream), Received(CONSUMER, stream, "m", offset=7)]
    again = Received(LATER, stream, "m", offset=7)
    assert kinds(*begin, again, *audit(Received(AUDITOR, stream, "m", offset=7))) == []
    assert kinds(*begin, again, *audit(Received(AUDITOR, stream, "m", offset=6))) == ["moved"]
    assert kinds(*begin, again, *audit()) == ["lost"]


def test_failures_are_counted() -> None:
    begin = [*published("m", QUORUM), *settled(QUORUM, "m", How.REFUSE)]
    assert kinds(*begin, *audit(found("m", QUORUM, failures=0))) == ["miscounted"]
    assert kinds(*begin, *audit(found("m", QUORUM, failures=1))) == []


def test_a_message_whose_time_is_over_is_not_delivered() -> None:
    ttl = QUEUES[BRIEF].ttl
    assert ttl is not None
    begin = published("m", BRIEF)
    assert kinds(*begin, *audit(found("m", BRIEF), time=ttl / 1000 + 1)) == ["overdue"]
    assert kinds(*begin, *audit(found("m", BRIEF), time=ttl / 1000)) == []


# -- what must not be there ------------------------------------------------------------------------------------------


def test_only_what_was_published_comes() -> None:
    assert kinds(*audit(found("m", WORK))) == ["unknown"]
    assert kinds(Sent(PUBLISHER, "m", ("full",)), Refused("m"), *audit(found("m", "full"))) == ["unknown"]
    assert kinds(*published("m", WORK), *audit(found("m", WORK, intact=False))) == ["unknown"]
    assert kinds(Sent(PUBLISHER, "m", (WORK,), 7), *audit(found("m", WORK))) == ["unknown"]


def test_a_queue_is_there_once_it_is_declared_and_gone_once_it_is_deleted() -> None:
    assert kinds(Declared(OWN), Looked(OWN, exists=False)) == ["misplaced"]
    assert kinds(Declared(OWN), Removing(OWN, delete=False), Removed(OWN, delete=False), Looked(OWN, True)) == []
    assert kinds(Removing(OWN, delete=True), Removed(OWN, delete=True), Looked(OWN, exists=True)) == ["misplaced"]
    assert kinds(Declared(OWN), Removing(OWN, delete=True), Looked(OWN, exists=True)) == []


def test_errors_of_the_broker_are_told() -> None:
    assert kinds(Failed("life 3: Traceback")) == ["failed"]


def test_the_dead_go_to_queues_of_their_own() -> None:
    targets = [queue.dead_letters for queue in QUEUES.values() if queue.dead_letters is not None]
    assert len(targets) == len(set(targets))
    assert all(isinstance(QUEUES[target], Queue) for target in targets)
