"""Dead letters that must arrive: they stay in their queue until all that they go to have them."""

from __future__ import annotations

from typing import Any

import pytest

from amqpd.broker.at_least_once import PREFETCH, RETRY
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from amqpd.broker.queue import Queue
from amqpd.broker.quorum_queue import QuorumQueue
from amqpd.testing.delayed import DelayedJournal
from tests.unit.broker.world import World, configure, expiring, numbered, publish


def source(world: World, name: str = "q", **others: Any) -> QuorumQueue:
    """A queue whose dead letters must arrive at the exchange `dlx`; underscores stand for hyphens."""
    arguments = {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-strategy": "at-least-once",
        **{f"x-{key.replace('_', '-')}": value for key, value in others.items()},
    }
    queue = world.queue(name, {key: value for key, value in arguments.items() if value is not None})
    assert isinstance(queue, QuorumQueue)
    return queue


def target(world: World, name: str = "dead", arguments: dict[str, object] | None = None) -> Queue:
    """A queue that dead letters reach."""
    exchange = world.vhost.exchanges.get("dlx") or world.exchange("dlx", "fanout")
    queue = world.queue(name, arguments)
    world.bind(exchange, queue)
    return queue


def got(queue: Queue) -> Message:
    found = queue.get()
    assert found is not None
    return found


def kill(queue: Queue, *bodies: bytes) -> None:
    """Publish, take and reject."""
    publish(queue, *bodies)
    for _ in bodies:
        queue.reject(got(queue))


def bodies(queue: Queue) -> list[bytes]:
    return [each.body for each in queue.browse(999)]


def headers(found: Message) -> dict[str, Any]:
    table = found.properties.headers
    return {} if table is None else dict(table.to_python())


def test_a_dead_letter_that_arrives_leaves_its_queue(world: World) -> None:
    dead, queue = target(world), source(world)
    kill(queue, b"1", b"2")
    assert (queue.aside, bodies(dead)) == (0, [b"1", b"2"])
    for _ in range(2):
        dead.settle(got(dead))
    assert world.octets == 0


def test_it_stays_and_counts_until_its_exchange_is_there_and_bound(world: World) -> None:
    queue = source(world)
    kill(queue, b"1")
    assert queue.aside == 1
    exchange = world.exchange("dlx", "fanout")
    world.drain()
    assert queue.aside == 1
    dead = world.queue("dead")
    world.bind(exchange, dead)
    world.drain()
    assert (queue.aside, bodies(dead)) == (0, [b"1"])


def test_it_is_ready_for_nobody_meanwhile(world: World) -> None:
    queue = source(world)
    kill(queue, b"1")
    assert (queue.message_count, queue.aside) == (0, 1)
    assert queue.get() is None
    assert queue.browse(9) == []


def test_it_stays_until_the_journal_has_it() -> None:
    world = World(journal=DelayedJournal())
    dead, queue = target(world), source(world)
    kill(queue, b"1")
    assert (queue.aside, bodies(dead)) == (1, [b"1"])
    world.drain()
    assert queue.aside == 0


class FailingJournal(Journal):
    """Fails for messages so many times."""

    immediate = False

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def definitions_durable(self) -> Pending[None] | None:
        return None

    def messages_durable(self) -> Pending[None] | None:
        pending: Pending[None] = Pending()
        if self.failures:
            self.failures -= 1
            pending.fail(OSError("no space left"))
        else:
            pending.settle(None)
        return pending


def test_what_the_journal_could_not_keep_is_published_again() -> None:
    world = World(journal=FailingJournal(1))
    dead, queue = target(world), source(world)
    kill(queue, b"1")
    assert queue.aside == 1
    world.advance(RETRY)
    assert (queue.aside, bodies(dead)) == (0, [b"1", b"1"])


def test_a_queue_that_refuses_it_is_asked_again_later_and_others_are_not(world: World) -> None:
    full = target(world, "full", {"x-max-length": 1, "x-overflow": "reject-publish"})
    other, queue = target(world, "other"), source(world)
    publish(full, b"before")
    kill(queue, b"1")
    assert (queue.aside, bodies(other), bodies(full)) == (1, [b"1"], [b"before"])
    full.purge()
    world.advance(RETRY - 1)
    assert queue.aside == 1
    world.advance(1)
    assert (queue.aside, bodies(other), bodies(full)) == (0, [b"1"], [b"1"])


def test_so_many_are_on_their_way_and_no_more(world: World) -> None:
    """Those behind them wait, and come in the order of their deaths."""
    queue = source(world)
    count = 3 * PREFETCH
    kill(queue, *numbered(count))
    assert queue.aside == count
    dead = target(world)
    world.drain()
    assert (queue.aside, bodies(dead)) == (0, numbered(count))


@pytest.mark.parametrize("reason", ["rejected", "expired", "delivery_limit"])
def test_every_death_but_by_length_is_kept(world: World, reason: str) -> None:
    queue = source(world, delivery_limit=0)
    queue.publish(expiring(1000, b"1"))
    if reason == "rejected":
        queue.reject(got(queue))
    elif reason == "delivery_limit":
        queue.put_back(got(queue))
    else:
        world.advance(1)
    assert queue.aside == 1
    dead = target(world)
    world.advance(5)
    letter = got(dead)
    assert headers(letter)["x-death"][0]["reason"] == reason
    assert "x-delivery-count" not in headers(letter)


def test_the_history_tells_when_it_died_not_when_it_arrived(world: World) -> None:
    queue = source(world)
    died = int(world.clock.wall())
    kill(queue, b"1")
    world.advance(1000)
    dead = target(world)
    world.drain()
    death = headers(got(dead))["x-death"][0]
    assert (death["time"], death["count"]) == (died, 1)


@pytest.mark.parametrize("missing", [{"overflow": None}, {"overflow": "drop-head"}, {"dead_letter_exchange": None}])
def test_without_reject_publish_or_an_exchange_it_is_at_most_once(world: World, missing: dict[str, Any]) -> None:
    queue = source(world, **missing)
    kill(queue, b"1")
    assert (queue.aside, world.octets) == (0, 0)


@pytest.mark.parametrize("way", ["purge", "delete"])
def test_a_purge_and_a_delete_drop_those_that_wait(world: World, way: str) -> None:
    queue = source(world, max_length_bytes=1000)
    kill(queue, *numbered(2 * PREFETCH))
    publish(queue, b"ready")
    assert (queue.purge() if way == "purge" else world.vhost.delete_queue(queue)) == 1
    dead = target(world)
    world.advance(RETRY)
    assert (bodies(dead), queue.aside, world.octets) == ([], 0, 0)
    if way == "purge":
        kill(queue, b"later")
        assert bodies(dead) == [b"later"]


def test_those_that_wait_count_against_the_limit(world: World) -> None:
    queue = source(world, max_length=2)
    kill(queue, b"1", b"2", b"3")
    publish(queue, b"4")
    assert bodies(queue) == []
    dead = target(world)
    world.drain()
    assert bodies(dead) == [b"1", b"2", b"3"]
    publish(queue, b"5")
    assert bodies(queue) == [b"5"]


def test_another_exchange_by_policy_is_tried_at_once(world: World) -> None:
    dead, queue = target(world), source(world, dead_letter_exchange="nowhere")
    kill(queue, b"1")
    configure(queue, dead_letter_exchange="dlx")
    assert (queue.aside, bodies(dead)) == (0, [b"1"])


def test_a_policy_that_ends_it_lets_those_that_wait_go_at_most_once(world: World) -> None:
    queue = source(world)
    kill(queue, b"1", b"2")
    configure(queue, dead_letter_strategy="at-most-once")
    assert (queue.aside, world.octets) == (0, 0)


def test_a_cycle_is_no_route(world: World) -> None:
    """What would come back to a queue where it died waits there."""
    queue = source(world, dead_letter_exchange="", dead_letter_routing_key="q")
    queue.publish(expiring(1000, b"1"))
    world.advance(1)
    assert (queue.aside, bodies(queue)) == (1, [])


def test_queues_that_dead_letter_into_one_another_are_worked_off_without_recursion(world: World) -> None:
    last = world.queue("0")
    for number in range(1, 300):
        source(world, str(number), dead_letter_exchange="", dead_letter_routing_key=str(number - 1), message_ttl=0)
    publish(world.vhost.queues["299"], b"1")
    world.drain()
    world.advance(1)
    assert bodies(last) == [b"1"]
