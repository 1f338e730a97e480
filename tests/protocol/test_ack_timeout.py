"""Deliveries that nobody acknowledges: when their channel is closed, and when it is not."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, frame

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from amqpd.protocol.node import Settings
from tests.protocol.harness import Client, MakeWorld, World

Basic, Tx = commands.Basic, commands.Tx

MINUTE: Final = 60.0
HALF_HOUR: Final = 1800.0
AFTER_NINE: Final = Settings(ack_timeout=9.0, ack_timeout_tick=3.0)
"""Ticks are three seconds apart, beginning when the connection was opened."""


def overdue(channel: int = 1, milliseconds: int = 9000) -> tuple[int, str, int, int]:
    """The close of a channel with such a delivery."""
    text = (
        f"PRECONDITION_FAILED - delivery acknowledgement on channel {channel} timed out. "
        f"Timeout value used: {milliseconds} ms. "
        "This timeout value can be configured, see consumers doc guide to learn more"
    )
    return 406, text, 0, 0


def filled(world: World, count: int = 1, *, channels: tuple[int, ...] = (1,)) -> Client:
    """A client, and a queue `q` with so many messages."""
    client = world.open(channels=channels)
    client.declare("q", durable=True)
    client.fill("q", *(b"%d" % number for number in range(count)))
    client.take()
    return client


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A broker on which deliveries have nine seconds."""
    return make_world(settings=AFTER_NINE)


# -- whether it is on


def test_it_is_off_by_default(make_world: MakeWorld) -> None:
    """No timer runs for it either."""
    world = make_world()
    client = filled(world)
    client.get("q")
    assert len(world.broker.timers) == 0
    world.advance(10 * HALF_HOUR)
    assert client.read() == []


@pytest.mark.parametrize("profile", ["3.10", "3.13", "4.0", "4.2"])
def test_with_strict_it_is_half_an_hour(make_world: MakeWorld, profile: str) -> None:
    world = make_world(profile=profile, strict=True)
    client = filled(world)
    client.get("q")
    world.advance(HALF_HOUR)
    assert client.read() == []
    world.advance(MINUTE)
    assert client.channel_close() == overdue(milliseconds=1_800_000)


@pytest.mark.parametrize("strict", [True, False])
def test_a_setting_wins_over_strict(make_world: MakeWorld, strict: bool) -> None:
    world = make_world(strict=strict, settings=AFTER_NINE)
    client = filled(world)
    client.get("q")
    world.advance(12)
    assert client.channel_close() == overdue()


def test_zero_is_off_even_with_strict(make_world: MakeWorld) -> None:
    world = make_world(strict=True, settings=Settings(ack_timeout=0))
    client = filled(world)
    client.get("q")
    assert len(world.broker.timers) == 0
    world.advance(10 * HALF_HOUR)
    assert client.read() == []


@pytest.mark.parametrize("strict", [True, False])
def test_since_4_3_classic_queues_have_none(make_world: MakeWorld, strict: bool) -> None:
    world = make_world(profile="4.3", strict=strict, settings=AFTER_NINE)
    client = filled(world)
    client.get("q")
    world.advance(10 * HALF_HOUR)
    assert client.read() == []


def test_its_timer_goes_with_the_connection(world: World) -> None:
    client = filled(world)
    assert len(world.broker.timers) == 1
    client.vanish()
    assert len(world.broker.timers) == 0


# -- which deliveries count


def test_a_delivery_to_a_consumer(world: World) -> None:
    client = filled(world)
    client.consume("q")
    world.advance(12)
    assert client.channel_close() == overdue()
    client.reopen()
    assert client.get("q").body == b"0"


def test_a_delivery_to_a_consumer_that_was_cancelled(world: World) -> None:
    client = filled(world)
    client.consume("q")
    client.ask(Basic.Cancel("c"), Basic.CancelOk)
    world.advance(12)
    assert client.channel_close() == overdue()


def test_a_delivery_of_a_queue_that_is_gone(world: World) -> None:
    client = filled(world)
    client.get("q")
    client.ask(commands.Queue.Delete(queue="q"), commands.Queue.DeleteOk)
    world.advance(12)
    assert client.channel_close() == overdue()


def test_one_that_needs_no_acknowledgement_does_not_count(world: World) -> None:
    client = filled(world, 2)
    client.get("q", no_ack=True)
    client.consume("q", no_ack=True)
    world.advance(100)
    assert client.read() == []


def test_one_that_is_settled_in_time_does_not_count(world: World) -> None:
    client = filled(world, 30)
    for tag in range(1, 30):
        client.get("q")
        world.advance(2.9)
        assert client.call(Basic.Ack(tag)) == []
    world.advance(100)
    assert client.read() == []


def test_one_old_delivery_among_new_ones_counts(world: World) -> None:
    client = filled(world, 30)
    client.get("q")
    for tag in range(2, 7):
        client.get("q")
        world.advance(2)
        client.call(Basic.Ack(tag))
    world.advance(2)
    assert client.channel_close() == overdue()


def test_once_the_oldest_is_settled_the_next_one_counts(world: World) -> None:
    client = filled(world, 2)
    client.get("q")
    world.advance(4)
    client.get("q")
    world.advance(7)
    client.call(Basic.Ack(1))
    world.advance(3.9)
    assert client.read() == []
    world.advance(0.2)
    assert client.channel_close() == overdue()


def test_the_time_of_one_that_was_recovered_begins_anew(world: World) -> None:
    client = filled(world)
    client.consume("q")
    world.advance(8)
    assert [each.name for each in client.call(Basic.Recover(True))] == ["Basic.Deliver", "Basic.RecoverOk"]
    world.advance(9)
    assert client.read() == []
    world.advance(3)
    assert client.channel_close() == overdue()


def test_only_the_channel_of_the_delivery_is_closed(world: World) -> None:
    client = filled(world, 2, channels=(1, 2))
    client.get("q", 2)
    world.advance(6)
    client.get("q", 1)
    world.advance(6)
    assert client.channel_close(channel=2) == overdue(2)
    world.advance(6)
    assert client.channel_close(channel=1) == overdue(1)


def test_the_other_connections_stay(world: World) -> None:
    client, other = filled(world), world.open()
    client.get("q")
    world.advance(100)
    assert client.channel_close() == overdue()
    assert other.read() == []


# -- transactions


def test_what_is_acknowledged_in_a_transaction_does_not_count(world: World) -> None:
    client = filled(world)
    client.ask(Tx.Select(), Tx.SelectOk)
    client.get("q")
    client.call(Basic.Ack(1))
    world.advance(100)
    assert client.read() == []


def test_after_a_rollback_it_counts_from_its_delivery(world: World) -> None:
    client = filled(world)
    client.ask(Tx.Select(), Tx.SelectOk)
    client.get("q")
    world.advance(4)
    client.call(Basic.Ack(1))
    world.advance(40)
    client.ask(Tx.Rollback(), Tx.RollbackOk)
    world.advance(3)
    assert client.channel_close() == overdue()


def test_after_a_rollback_it_is_older_than_what_was_delivered_later(world: World) -> None:
    client = filled(world, 2)
    client.ask(Tx.Select(), Tx.SelectOk)
    client.get("q")
    world.advance(3)
    client.get("q")
    client.call(Basic.Ack(1))
    world.advance(7)
    client.ask(Tx.Rollback(), Tx.RollbackOk)
    world.advance(2)
    assert client.channel_close() == overdue()


# -- what waits


class Gated(Journal):
    """A declare is durable when the test says so."""

    immediate = False

    def __init__(self) -> None:
        self.waiting: list[Pending[None]] = []

    def definitions_durable(self) -> Pending[None] | None:
        self.waiting.append(Pending())
        return self.waiting[-1]

    def messages_durable(self) -> Pending[None] | None:
        return None


def test_no_channel_is_closed_while_its_acknowledgement_may_stand_in_line(make_world: MakeWorld) -> None:
    journal = Gated()
    world = make_world(settings=AFTER_NINE, journal=journal)
    client = world.open()
    client.send(frame.marshal(commands.Queue.Declare(queue="q"), 1))
    journal.waiting.pop().settle(None)
    client.fill("q", b"a")
    client.read()
    client.get("q")
    world.advance(8)
    client.send(frame.marshal(commands.Queue.Declare(queue="slow"), 1), frame.marshal(Basic.Ack(1), 1))
    world.advance(20)
    journal.waiting.pop().settle(None)
    world.settle()
    client.only(commands.Queue.DeclareOk)
    world.advance(100)
    assert client.read() == []


# -- closes that aren't answered


def test_3_10_sends_its_close_at_every_tick_until_it_is_answered(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10", settings=AFTER_NINE)
    client = filled(world)
    client.get("q")
    world.advance(9)
    for _ in range(4):
        world.advance(3)
        assert client.channel_close() == overdue()
    client.reopen()
    world.advance(100)
    assert client.read() == []


def test_3_10_sends_it_behind_the_close_of_another_error(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10", settings=AFTER_NINE)
    client = filled(world, 2)
    client.consume("q")
    assert client.channel_close(client.call(Basic.Get(queue="nowhere")))[0] == 404
    world.advance(9)
    assert client.read() == []
    world.advance(3)
    assert client.channel_close() == overdue()


def test_3_10_sends_nothing_behind_an_error_that_found_nothing_outstanding(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10", settings=AFTER_NINE)
    client = filled(world)
    client.get("q")
    client.call(Basic.Ack(1))
    assert client.channel_close(client.call(Basic.Get(queue="nowhere")))[0] == 404
    world.advance(100)
    assert client.read() == []


@pytest.mark.parametrize("profile", ["3.13", "4.2"])
def test_other_versions_send_it_once(make_world: MakeWorld, profile: str) -> None:
    world = make_world(profile=profile, settings=AFTER_NINE)
    client = filled(world)
    client.get("q")
    world.advance(100)
    assert client.channel_close() == overdue()


# -- exactness


@pytest.mark.parametrize(
    ("timeout", "tick"), [(9.0, 3.0), (10.0, 3.0), (0.5, 60.0), (7.0, 7.0), (0.6, 0.3), (0.5, 0.2)]
)
def test_no_delivery_is_overdue_too_early_nor_a_tick_too_late(
    make_world: MakeWorld, timeout: float, tick: float
) -> None:
    """Whenever it comes between two ticks. Microseconds are not looked at."""
    for share in (0.0, 0.01, 0.5, 0.99):
        world = make_world(settings=Settings(ack_timeout=timeout, ack_timeout_tick=tick))
        client = filled(world)
        world.advance(share * tick)
        client.get("q")
        world.advance(timeout - 1e-5)
        assert client.read() == []
        world.advance(min(tick, timeout) + 2e-5)
        assert client.channel_close() == overdue(milliseconds=round(timeout * 1000))


def test_many_at_a_time_are_closed_in_several_turns(world: World) -> None:
    """Who acknowledges in between is not too late."""
    channels = (1, 2, 3, 4, 5)
    client = filled(world, 5 * 400, channels=channels)
    for number in channels:
        client.ask(Basic.Qos(prefetch_count=400), Basic.QosOk, number)
        assert len(client.consume("q", channel=number)) == 400
        client.send(frame.marshal(Basic.Cancel("c", True), number))
    world.advance(9)
    world.clock.advance(3)
    assert world.broker.timers.run_due(1)
    world.node.end_turn()
    closed = [each.channel for each in client.read()]
    assert closed[0] == 1
    assert 0 < len(closed) < 5
    client.send(frame.marshal(Basic.Ack(0, True), 5))
    while world.broker.timers.run_due(1):
        world.settle()
    world.settle()
    assert [*closed, *(each.channel for each in client.read())] == [1, 2, 3, 4]
    world.advance(100)
    assert client.read() == []


Step = tuple[str, int]
ACTIONS = ("get", "get", "ack", "ack", "ack-many", "commit", "rollback", *["wait"] * 7)
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 20)),
    min_size=1,
    max_size=80,
)


class TimedChannel:
    """What a broker knows that writes down the time of each delivery: RabbitMQ."""

    def __init__(self) -> None:
        self.outstanding: dict[int, float] = {}
        self.held: dict[int, float] = {}
        self.newest = 0

    def settle(self, tags: list[int], *, held: bool) -> None:
        for tag in tags:
            delivered = self.outstanding.pop(tag)
            if held:
                self.held[tag] = delivered

    def is_overdue(self, now: float) -> bool:
        return bool(self.outstanding) and now - self.outstanding[min(self.outstanding)] > 9


def times_kept(client: Client) -> int:
    """How many times are kept for its channel; 0: none, and nothing to keep them in."""
    ages = client.connection.channels[1].ages
    return 0 if ages is None else len(ages)


def test_busy_channels_keep_few_times(world: World) -> None:
    """Those behind an old delivery are kept while they matter, not for ever."""
    client = filled(world, 200)
    for _ in range(20):
        client.get("q")
        client.get("q")
        world.advance(3)
        client.call(Basic.Ack(0, True))
        client.get("q")
        world.advance(3)
        assert times_kept(client) in (1, 2)
    client.ask(Tx.Select(), Tx.SelectOk)
    for _ in range(20):
        client.get("q")
        client.call(Basic.Ack(0, True))
        world.advance(3)
    assert times_kept(client) in range(3, 6)
    client.call(Basic.Ack(0, True))
    client.ask(Tx.Commit(), Tx.CommitOk)
    world.advance(3)
    assert times_kept(client) == 0


@given(STEPS, st.booleans())
@settings(max_examples=150)
def test_it_closes_when_a_broker_would_that_writes_down_the_time_of_each_delivery(
    steps: list[Step], transactional: bool
) -> None:
    world = World(settings=AFTER_NINE)
    client = filled(world, 90)
    if transactional:
        client.ask(Tx.Select(), Tx.SelectOk)
    model = TimedChannel()
    now = 0.5
    world.advance(now)
    for action, number in [*steps, *[("wait", 0)] * 20]:
        tags = sorted(model.outstanding)
        if action == "get":
            client.get("q")
            model.newest += 1
            model.outstanding[model.newest] = now
        elif action in ("ack", "ack-many") and tags:
            tag = tags[number % len(tags) if number > 10 else 0]
            many = action == "ack-many"
            assert client.call(Basic.Ack(tag, many)) == []
            model.settle([each for each in tags if each == tag or (many and each < tag)], held=transactional)
        elif action == "commit" and transactional:
            client.ask(Tx.Commit(), Tx.CommitOk)
            model.held.clear()
        elif action == "rollback" and transactional:
            client.ask(Tx.Rollback(), Tx.RollbackOk)
            model.outstanding.update(model.held)
            model.held.clear()
        elif action == "wait":
            world.advance(1)
            now += 1
            if (now - 0.5) % 3 == 0 and model.is_overdue(now - 0.5):
                assert client.channel_close() == overdue()
                return
            assert client.read() == []
