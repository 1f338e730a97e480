"""What an operator was told has happened stays so; what is done with messages loses none, whenever the end comes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest

from amqpd.broker.exchange_types.delayed import Delayed
from amqpd.broker.message import Message
from amqpd.broker.operations import moving, operator, vhosts
from amqpd.broker.operations.moving import ToQueue
from amqpd.broker.operations.restarting import forget_all
from amqpd.broker.pending import Pending
from amqpd.broker.users import User
from amqpd.fields import Table, from_python, signedint
from amqpd.properties import Properties
from tests.unit.storage.disk import Disk
from tests.unit.storage.durable import PERSISTENT, Durable


@pytest.fixture
def durable() -> Durable:
    return Durable()


def test_a_single_message_is_gone_once_that_is_on_the_disk(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(b"1", b"2")
    durable.drain()
    told = operator.delete_message(durable.broker, durable.vhost, "q", next(queue.numbers()))
    assert isinstance(told, Pending)
    assert not told.done
    durable.drain()
    assert told.result() is True
    assert durable.restarted().bodies() == [b"2"]


def test_a_paused_queue_stays_paused_until_it_is_resumed(durable: Durable) -> None:
    durable.queue()
    durable.drain()
    for act, paused in ((operator.pause, True), (operator.resume, False)):
        told = act(durable.broker, durable.vhost, "q")
        assert isinstance(told, Pending)
        assert not told.done
        durable.drain()
        assert told.result() is True
        assert durable.restarted().vhost.queues["q"].paused is paused


def dead_lettered(durable: Durable) -> None:
    queue = durable.vhost.queues["q"]
    while (message := queue.get()) is not None:
        queue.reject(message)


def moved(durable: Durable) -> None:
    moving.move(durable.broker, durable.vhost, "q", ToQueue("other"))


def delete_queue(durable: Durable) -> None:
    durable.vhost.delete_queue(durable.vhost.queues["q"])


def filled(durable: Durable) -> Durable:
    durable.queue("q", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "other"})
    durable.queue("other")
    durable.vhost.bind(durable.vhost.exchanges["amq.direct"], durable.vhost.queues["q"], "k", Table())
    durable.broker.add_user(User("u"))
    durable.broker.access.grant("u", "/", ".*", ".*", ".*")
    durable.publish(b"1", b"2")
    durable.drain()
    return durable


def after_any_fault(
    act: Callable[[Durable], None], fill: Callable[[Durable], Durable] = filled
) -> Iterator[Durable]:
    """What is there after a restart, for each step of the disk at which something may fail; then where nothing did."""
    step, failed = 0, True
    while failed:
        step += 1
        durable = fill(Durable())
        fault = durable.disk.steps + step
        durable.disk.fault = (fault, errno.EIO)
        act(durable)
        durable.drain()
        failed = durable.disk.steps >= fault
        yield Durable(Disk(durable.disk.contents()), durable.clock)


@pytest.mark.parametrize("away", [dead_lettered, moved])
def test_a_queue_is_not_gone_before_what_it_gave_away_is_there(away: Callable[[Durable], None]) -> None:
    def act(durable: Durable) -> None:
        away(durable)
        durable.publish(b"late")
        delete_queue(durable)

    found = set[tuple[str, ...]]()
    for again in after_any_fault(act):
        queues = tuple(again.vhost.queues)
        bodies = [body for queue in queues for body in again.bodies(queue)]
        assert [body for body in bodies if body != b"late"] == [b"1", b"2"]
        assert ("q" in queues) is bool(again.vhost.exchanges["amq.direct"].outgoing)
        found.add(queues)
    assert found == {("q", "other"), ("other",)}


def test_a_message_comes_to_a_stream_and_to_a_queue_together_though_a_deletion_is_before_it() -> None:
    def with_stream(durable: Durable) -> Durable:
        durable.queue("stream", {"x-queue-type": "stream"})
        return filled(durable)

    def act(durable: Durable) -> None:
        queues = durable.queue("stream"), durable.queue("other")
        moved(durable)
        durable.vhost.publish(Message("", "", PERSISTENT, b"before"), queues)
        delete_queue(durable)
        durable.vhost.publish(Message("", "", PERSISTENT, b"after"), queues)

    found = set[tuple[bytes, ...]]()
    for again in after_any_fault(act, with_stream):
        bodies = again.bodies("stream")
        assert [body for body in again.bodies("other") if body not in (b"1", b"2")] == bodies
        found.add(tuple(bodies))
    assert found == {(), (b"before",), (b"before", b"after")}


def test_an_exchange_goes_with_its_last_queue_though_that_ends_a_commit() -> None:
    def with_delay(durable: Durable) -> Durable:
        made = filled(durable)
        arguments = from_python({"x-delayed-type": "fanout"})
        exchange = made.vhost.add_exchange("later", Delayed, durable=True, auto_delete=True, arguments=arguments)
        made.vhost.bind(exchange, made.vhost.queues["q"], "", Table())
        headers = Table.of({"x-delay": signedint(1000)})
        made.vhost.route(exchange, ("",), Message("later", "", Properties.of(headers=headers, delivery_mode=2), b"3"))
        made.drain()
        return made

    def act(durable: Durable) -> None:
        durable.clock.advance(2)
        while durable.broker.timers.run_due():
            pass
        delete_queue(durable)

    for again in after_any_fault(act, with_delay):
        assert ("q" in again.vhost.queues) is ("later" in again.vhost.exchanges)
        if "q" in again.vhost.queues:
            assert len(again.vhost.queues["q"].bindings) == 2
            again.advance(2)
            assert again.bodies() == [b"1", b"2", b"3"]


def delete_vhost(durable: Durable) -> None:
    vhosts.delete_vhost(durable.broker, "/")


def reset(durable: Durable) -> None:
    forget_all(durable.broker)


@pytest.mark.parametrize("act", [delete_vhost, reset])
def test_a_virtual_host_goes_as_a_whole_or_not_at_all(act: Callable[[Durable], None]) -> None:
    def moved_before(durable: Durable) -> None:
        moved(durable)
        act(durable)

    found = set[int]()
    for again in after_any_fault(moved_before):
        held = {name: again.bodies(name) for name in again.vhost.queues}
        assert sorted(body for bodies in held.values() for body in bodies) == ([b"1", b"2"] if held else [])
        assert (("u", "/") in again.broker.access.permissions) is bool(held)
        found.add(len(held))
    assert found == {0, 2}
