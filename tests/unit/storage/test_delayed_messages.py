"""What waits in a durable x-delayed-message exchange is there after a restart, and comes out once."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd import fields
from amqpd.broker.compat import Compat
from amqpd.broker.exchange import Exchange
from amqpd.broker.exchange_types.delayed import Delayed
from amqpd.broker.message import Message, Trail
from amqpd.broker.ports import JournalFailed
from amqpd.broker.routing_keys import all_keys
from amqpd.fields import Field, Table, from_python
from amqpd.properties import Properties
from tests.unit.storage.durable import Durable


def delaying(durable: Durable, *, kept: bool = True) -> Exchange:
    """An exchange x that delays, and a queue q bound with the key k."""
    found = durable.vhost.exchanges.get("x")
    if found is None:
        arguments = from_python({"x-delayed-type": "direct"})
        found = durable.vhost.add_exchange("x", Delayed, durable=kept, arguments=arguments)
        durable.vhost.bind(found, durable.queue(), "k", Table())
    return found


def send(
    durable: Durable, delay: int, body: bytes, *, trail: Trail | None = None, mode: int = 2, **headers: Field
) -> None:
    table = Table.of({**headers, "x-delay": fields.signedint(delay)})
    sent = Message("x", "k", Properties.of(headers=table, delivery_mode=mode), body)
    sent.trail = trail
    assert durable.vhost.route(durable.vhost.exchanges["x"], all_keys(sent), sent) == ()


def waiting(durable: Durable) -> int:
    return durable.vhost.exchanges["x"].messages_delayed


def release(durable: Durable) -> None:
    """Run what is due, in a turn that does not end yet."""
    while durable.broker.timers.run_due():
        pass


@pytest.fixture
def durable() -> Durable:
    found = Durable()
    delaying(found)
    found.drain()
    return found


def test_it_is_delivered_at_its_time_over_any_number_of_restarts(durable: Durable) -> None:
    send(durable, 10_000, b"m")
    durable.drain()
    for _ in range(3):
        durable.advance(3)
        durable = durable.restarted()
        assert (waiting(durable), durable.bodies()) == (1, [])
    durable.advance(0.9)
    assert durable.bodies() == []
    durable.advance(0.2)
    for again in (durable, durable.restarted()):
        again.advance(100)
        assert (waiting(again), again.bodies()) == (0, [b"m"])


def test_what_fell_due_while_the_broker_was_down_comes_at_once_in_the_order_of_the_times(durable: Durable) -> None:
    for delay, body in ((3000, b"3"), (1000, b"1"), (2000, b"2"), (1000, b"1b"), (99_000, b"later")):
        send(durable, delay, body)
    durable.drain()
    durable.clock.advance(50)
    again = durable.restarted()
    assert again.bodies() == [], "only once everything is restored"
    again.advance(0)
    assert (again.bodies(), waiting(again)) == ([b"1", b"1b", b"2", b"3"], 1)
    assert again.restarted().bodies() == [b"1", b"1b", b"2", b"3"]


def test_messages_of_before_and_after_a_restart_keep_their_order(durable: Durable) -> None:
    send(durable, 1000, b"1")
    durable.drain()
    again = durable.restarted()
    send(again, 1000, b"2")
    again.drain()
    last = again.restarted()
    last.advance(2)
    assert last.bodies() == [b"1", b"2"]


def test_transient_messages_wait_over_a_restart_too(durable: Durable) -> None:
    """As with the plugin, which keeps all that waits on the disk."""
    send(durable, 1000, b"transient", mode=1)
    send(durable, 1000, b"persistent")
    durable.drain()
    again = durable.restarted()
    assert waiting(again) == 2
    again.advance(1)
    assert again.bodies() == [b"transient", b"persistent"]


def test_what_waits_in_a_transient_exchange_is_not_kept() -> None:
    transient = Durable()
    delaying(transient, kept=False)
    before = sum(map(len, transient.disk.contents().values()))
    send(transient, 1000, b"x" * 1000)
    transient.drain()
    assert sum(map(len, transient.disk.contents().values())) < before + 1000
    assert "x" not in transient.restarted().vhost.exchanges


def test_all_its_keys_and_what_is_known_of_it_come_back(durable: Durable) -> None:
    for name in ("copy", "hidden"):
        durable.vhost.bind(durable.vhost.exchanges["x"], durable.queue(name), name, Table())
    copies = fields.array([fields.longstr("copy"), fields.longstr("k")])
    send(durable, 1000, b"m", trail=Trail(hidden_keys=("hidden",)), CC=copies)
    send(durable, 2000, b"rekeyed", trail=Trail(rekeyed=True), CC=copies)
    durable.drain()
    again = durable.restarted()
    again.advance(1)
    assert [again.bodies(name) for name in ("q", "copy", "hidden")] == [[b"m"], [b"m"], [b"m"]]
    [found] = again.vhost.queues["q"].browse(5)
    assert found.properties.headers is not None
    assert found.properties.headers.get("x-delay") == fields.signedint(-1000)
    assert (found.exchange, found.routing_key, found.redelivered) == ("x", "k", False)
    again.advance(1)
    assert [again.bodies(name) for name in ("q", "copy")] == [[b"m", b"rekeyed"], [b"m"]]


def test_after_a_crash_it_waits_or_is_in_its_queue_never_both_or_none(durable: Durable) -> None:
    send(durable, 1000, b"m")
    durable.drain()
    durable.clock.advance(1)
    release(durable)
    assert (waiting(durable), durable.bodies()) == (0, [b"m"])
    before = durable.restarted()
    assert (waiting(before), before.bodies()) == (1, [])
    durable.drain()
    after = durable.restarted()
    assert (waiting(after), after.bodies()) == (0, [b"m"])


def test_a_confirm_waits_until_it_is_durable(durable: Durable) -> None:
    assert durable.journal.messages_durable() is None
    send(durable, 1000, b"m")
    pending = durable.journal.messages_durable()
    assert pending is not None
    states = [pending.done]
    durable.drain()
    assert [*states, pending.done] == [False, True]
    durable.disk.room = 10
    send(durable, 1000, b"lost")
    refused = durable.journal.messages_durable()
    durable.drain()
    assert refused is not None
    with pytest.raises(JournalFailed):
        refused.result()


@pytest.mark.parametrize("whole", [True, False])
def test_a_deleted_exchange_takes_along_what_waits(durable: Durable, whole: bool) -> None:
    for number in range(1000):
        send(durable, 1000, b"%d" % number)
    durable.drain()
    durable.vhost.delete_exchange(durable.vhost.exchanges["x"])
    if whole:
        durable.drain()
    else:
        durable.broker.drain(1)  # killed before it has let go of all of them
    again = durable.restarted()
    assert again.journal.messages_durable() is None
    delaying(again)
    again.drain()
    assert waiting(again) == 0
    assert waiting(again.restarted()) == 0
    again.advance(2)
    assert again.bodies() == []


def test_it_stays_on_the_disk_while_its_exchange_cannot_be_made(durable: Durable) -> None:
    send(durable, 1000, b"m")
    durable.drain()
    strict = durable.restarted(compat=Compat.of(strict=True))
    strict.advance(0)
    assert "x" not in strict.vhost.exchanges
    again = strict.restarted(compat=Compat.of())
    assert waiting(again) == 1
    again.advance(1)
    assert again.bodies() == [b"m"]


def test_one_that_waits_long_keeps_no_room_of_those_that_came_and_went(durable: Durable) -> None:
    send(durable, 1_000_000, b"long")
    for _ in range(200):
        durable.publish(b"x" * 1000)
        message = durable.vhost.queues["q"].get()
        assert message is not None
        durable.drain()
        durable.vhost.queues["q"].settle(message)
        durable.drain()
    assert durable.octets < 50_000
    for again in (durable, durable.restarted().restarted()):
        assert (waiting(again), again.bodies()) == (1, [])
    again.advance(1_000_000)
    assert again.bodies() == [b"long"]


def test_room_comes_back_once_it_is_released_and_taken(durable: Durable) -> None:
    before = sum(map(len, durable.disk.contents().values()))
    for _ in range(50):
        send(durable, 1000, b"x" * 1000)
        durable.advance(1)
        message = durable.vhost.queues["q"].get()
        assert message is not None
        durable.vhost.queues["q"].settle(message)
        durable.drain()
    assert sum(map(len, durable.disk.contents().values())) < before + 20_000


@given(st.integers(0, 2**32))
def test_a_power_loss_at_any_moment_loses_nothing_and_doubles_nothing(seed: int) -> None:
    """Delayed publishes, time and settlements, with power losses in between."""
    random = Random(seed)
    durable = Durable()
    delaying(durable)
    durable.drain()
    expected: set[bytes] = set()
    body = 0
    for _ in range(3):
        committed, now = expected.copy(), expected.copy()
        for _ in range(random.randint(1, 25)):
            action = random.choice(("publish", "publish", "time", "settle", "drain"))
            if action == "publish":
                body += 1
                send(durable, random.randint(1, 3000), b"%d" % body)
                now.add(b"%d" % body)
            elif action == "time":
                durable.clock.advance(random.random())
                release(durable)
            elif action == "drain":
                durable.drain()
                committed = now.copy()
            elif (message := durable.vhost.queues["q"].get()) is not None:
                durable.vhost.queues["q"].settle(message)
                now.remove(message.body)
        durable = Durable(durable.disk.lose_power(random), durable.clock)
        assert waiting(durable) + len(durable.bodies()) == len(committed), "all turns that were drained, nothing later"
        expected = committed
    durable.advance(10)
    found = durable.bodies()
    assert (sorted(found), waiting(durable)) == (sorted(expected), 0)
