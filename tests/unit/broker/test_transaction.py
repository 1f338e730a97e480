"""An open transaction keeps publishes and settlements aside, in order."""

from __future__ import annotations

from amqpd.broker.message import Account
from amqpd.broker.transaction import Publish, Settlement, Transaction
from amqpd.broker.unacked import Delivery, Unacked
from tests.unit.broker.world import World, message


def outstanding(world: World, count: int) -> tuple[Unacked, list[Delivery]]:
    queue = world.queue()
    unacked = Unacked()
    deliveries: list[Delivery] = [(message(b"%d" % number), queue, None) for number in range(1, count + 1)]
    for tag, delivery in enumerate(deliveries, start=1):
        unacked.add(tag, delivery)
    return unacked, deliveries


def nothing(channel: object, deliveries: list[Delivery]) -> None:
    """What a commit would do with a settlement."""


def settle(transaction: Transaction, unacked: Unacked, tag: int) -> None:
    transaction.settlements.append(Settlement(tag, unacked.pop(tag), nothing))


def test_a_commit_takes_everything_in_order_and_begins_anew(world: World) -> None:
    unacked, _ = outstanding(world, 3)
    transaction = Transaction(Account())
    publishes = [Publish(message(b"x"), (), mandatory=False), Publish(message(b"y"), (), mandatory=True)]
    for each in publishes:
        transaction.publish(*each)
    settle(transaction, unacked, 3)
    settle(transaction, unacked, 1)
    taken, settlements = transaction.take()
    assert taken == publishes
    assert [each.tag for each in settlements] == [3, 1]
    assert transaction.take() == ([], [])


def test_a_rollback_makes_deliveries_outstanding_again_under_their_tags_and_drops_publishes(world: World) -> None:
    unacked, deliveries = outstanding(world, 4)
    transaction = Transaction(Account())
    transaction.publish(message(), (), mandatory=False)
    settle(transaction, unacked, 3)
    settle(transaction, unacked, 1)
    unacked.restore(transaction.roll_back())
    assert unacked.tags(0, multiple=True) == [1, 2, 3, 4]
    assert unacked.deliveries() == deliveries
    assert transaction.take() == ([], [])


def test_a_rollback_lets_a_cumulative_settlement_reach_what_came_back(world: World) -> None:
    unacked, deliveries = outstanding(world, 3)
    transaction = Transaction(Account())
    settle(transaction, unacked, 1)
    unacked.restore(transaction.roll_back())
    assert unacked.take(2, multiple=True) == deliveries[:2]


def test_a_rollback_forgets_what_was_published(world: World) -> None:
    unacked, deliveries = outstanding(world, 2)
    transaction = Transaction(Account())
    transaction.publish(message(), (), mandatory=False)
    settle(transaction, unacked, 2)
    assert list(transaction.roll_back().values()) == [deliveries[1]]
    assert transaction.take() == ([], [])
