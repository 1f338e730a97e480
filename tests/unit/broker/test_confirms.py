"""Publisher confirms: nothing lost, nothing twice, nothing covered that should not be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.confirms import ACK, NACK, Confirmation, Confirms

Step = tuple[str, int]


def published(count: int) -> Confirms:
    confirms = Confirms()
    for _ in range(count):
        confirms.publish()
    return confirms


def outcome(acked: list[int], nacked: list[int], unsettled: list[int]) -> list[Confirmation]:
    """What one turn says about publishes 1..n that were settled as they came in."""
    confirms = Confirms()
    for _ in range(len(acked) + len(nacked) + len(unsettled)):
        number = confirms.publish()
        if number in acked:
            confirms.ack(number)
        elif number in nacked:
            confirms.nack(number)
        else:
            confirms.wait(number)
    return confirms.take()


def test_numbers_start_at_one() -> None:
    confirms = Confirms()
    assert [confirms.publish(), confirms.publish()] == [1, 2]
    assert confirms.published == 2


def test_nothing_settled_says_nothing() -> None:
    confirms = published(3)
    assert not confirms.dirty
    assert confirms.take() == []


# Acks below the smallest unsettled or nacked number go as one; a single ack is never cumulative, a single nack is.
@pytest.mark.parametrize(
    ("acked", "nacked", "unsettled", "expected"),
    [
        ([1], [], [], [(ACK, 1, False)]),
        ([1, 2, 3], [], [], [(ACK, 3, True)]),
        ([1, 2], [], [3], [(ACK, 2, True)]),
        ([2], [], [1], [(ACK, 2, False)]),
        ([2, 3], [], [1], [(ACK, 2, False), (ACK, 3, False)]),
        ([1, 2, 4], [], [3], [(ACK, 2, True), (ACK, 4, False)]),
        ([1, 3], [], [2], [(ACK, 1, True), (ACK, 3, False)]),
        ([], [1], [], [(NACK, 1, True)]),
        ([], [1, 2], [], [(NACK, 2, True)]),
        ([], [2], [1], [(NACK, 2, False)]),
        ([1], [2], [], [(ACK, 1, False), (NACK, 2, False)]),
        ([2], [1], [], [(ACK, 2, False), (NACK, 1, True)]),
        ([1, 2], [3], [], [(ACK, 2, True), (NACK, 3, False)]),
        ([1, 2, 5], [3, 4], [], [(ACK, 2, True), (ACK, 5, False), (NACK, 3, False), (NACK, 4, False)]),
        ([3, 4], [1, 2], [], [(ACK, 3, False), (ACK, 4, False), (NACK, 2, True)]),
        ([3], [1, 4], [2], [(ACK, 3, False), (NACK, 1, True), (NACK, 4, False)]),
    ],
)
def test_the_grouping_is_that_of_rabbitmq(
    acked: list[int], nacked: list[int], unsettled: list[int], expected: list[Confirmation]
) -> None:
    assert outcome(acked, nacked, unsettled) == expected


def test_a_nack_in_a_later_turn_is_cumulative_since_nothing_lower_is_left() -> None:
    confirms = Confirms()
    confirms.ack(confirms.publish())
    assert confirms.take() == [(ACK, 1, False)]
    confirms.nack(confirms.publish())
    assert confirms.take() == [(NACK, 2, True)]


def test_settling_twice_is_harmless() -> None:
    confirms = Confirms()
    confirms.wait(confirms.publish())
    confirms.settle(1, accepted=True)
    confirms.settle(1, accepted=False)
    assert confirms.take() == [(ACK, 1, False)]
    confirms.settle(1, accepted=False)
    assert confirms.take() == []


def test_unsettled_counts_what_waits() -> None:
    confirms = Confirms()
    confirms.wait(confirms.publish())
    confirms.ack(confirms.publish())
    assert confirms.unsettled == 1
    confirms.settle(1, accepted=False)
    assert confirms.unsettled == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ack", "nack", "wait", "take"]), st.just(0)),
        st.tuples(st.sampled_from(["settle ack", "settle nack"]), st.integers(0, 100)),
    ),
    max_size=60,
)


class Client:
    """Hears confirmations as a client library does and refuses those that make no sense."""

    def __init__(self) -> None:
        self.verdicts: dict[int, bool] = {}
        self.open: set[int] = set()

    def hear(self, confirmations: list[Confirmation], settled: dict[int, bool]) -> None:
        for verdict, number, multiple in confirmations:
            covered = {each for each in self.open if each <= number} if multiple else {number}
            assert number in self.open, f"{number} was confirmed before or never published"
            for each in covered:
                assert each in settled, f"{(verdict, number, multiple)} covers {each}, which is unsettled"
                assert settled[each] is verdict, f"{(verdict, number, multiple)} covers {each}, settled as the opposite"
                self.verdicts[each] = verdict
            self.open -= covered


@given(STEPS)
def test_every_publish_is_reported_exactly_once_and_rightly(steps: list[Step]) -> None:
    confirms, client = Confirms(), Client()
    settled: dict[int, bool] = {}
    waiting: list[int] = []
    for what, choice in steps:
        if what == "take":
            client.hear(confirms.take(), settled)
            assert not confirms.dirty
        elif what.startswith("settle"):
            if waiting:
                number = waiting.pop(choice % len(waiting))
                settled[number] = what == "settle ack"
                confirms.settle(number, settled[number])
                assert confirms.dirty
        else:
            number = confirms.publish()
            client.open.add(number)
            if what == "wait":
                waiting.append(number)
                confirms.wait(number)
            else:
                settled[number] = what == "ack"
                (confirms.ack if settled[number] else confirms.nack)(number)
        assert confirms.unsettled == len(waiting)
    client.hear(confirms.take(), settled)
    assert client.verdicts == settled
    assert client.open == set(waiting)
