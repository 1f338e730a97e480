"""What a restart of the broker takes away without one: everything that isn't durable, or all there is.

https://www.rabbitmq.com/docs/queues#durability
"""

from __future__ import annotations

from collections.abc import Iterator

from amqpd.broker.broker import Broker
from amqpd.broker.classic_queue import ClassicQueue
from amqpd.broker.events import OPERATOR
from amqpd.broker.pending import Pending
from amqpd.broker.predeclared import is_predeclared
from amqpd.broker.vhost import VHost
from amqpd.broker.work import Work
from amqpd.log import get_logger

log = get_logger(__name__)


def forget_transient(broker: Broker) -> Pending[None]:
    """Drop queues and exchanges that aren't durable, and messages that aren't persistent where the queue's type keeps
    only those. Nobody is connected meanwhile.
    """
    for vhost in broker.vhosts.values():
        for queue in [each for each in vhost.queues.values() if not each.durable]:
            vhost.delete_queue(queue)
        for exchange in [each for each in vhost.exchanges.values() if not each.durable]:
            if exchange.name in vhost.exchanges and not is_predeclared(exchange.name):
                vhost.delete_exchange(exchange)
    work = Sweep([*broker.vhosts.values()])
    broker.work.add(work)
    return work.done


def forget_all(broker: Broker) -> None:
    """Drop virtual hosts, users and global parameters with all that belongs to them."""
    for vhost in broker.vhosts.values():
        broker.recorder.leave_soon((*vhost.queues.values(), *vhost.exchanges.values()))
    for name in [*broker.vhosts]:
        broker.delete_vhost(name, by=OPERATOR)
    for name in [*broker.access.users]:
        broker.delete_user(name, by=OPERATOR)
    for name in [*broker.global_parameters]:
        broker.clear_global_parameter(name, by=OPERATOR)


class Sweep(Work):
    """Takes messages that aren't persistent out of durable queues, a share of them each turn."""

    __slots__ = ("_numbers", "_queues", "done")

    def __init__(self, vhosts: list[VHost]) -> None:
        queues = [each for vhost in vhosts for each in vhost.queues.values() if isinstance(each, ClassicQueue)]
        self._queues = [each for each in queues if not each.type.persists_all]
        self._numbers: Iterator[int] | None = None
        """Those of the last queue's messages that were not looked at yet."""
        self.done: Pending[None] = Pending()

    def step(self, budget: int) -> bool:
        for _ in range(max(1, budget)):
            if not self._queues:
                self.done.settle(None)
                return False
            queue = self._queues[-1]
            if self._numbers is None:
                if queue.returning:  # what clients had comes back first, in its own work
                    return True
                self._numbers = queue.numbers()
            number = next(self._numbers, None)
            if number is None:
                self._queues.pop()
                self._numbers = None
            else:
                _drop_transient(queue, number)
        return True


def _drop_transient(queue: ClassicQueue, number: int) -> None:
    try:
        message = queue.find(number)
        if message is not None and not message.properties.persistent:
            queue.remove(number)
    except Exception:  # a defect must cost this message, and not the operator's stop
        log.exception("internal error: a message that isn't persistent stays", queue=queue.name, number=number)
