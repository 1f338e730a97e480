"""Set and clear policies; what they change on live queues and exchanges takes effect at once, or in slices if many.

A policy is an operator's matter: no session asks for it, and who may is decided by the door that an operator comes
through. https://www.rabbitmq.com/docs/policies
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amqpd.broker import announce
from amqpd.broker.broker import Broker
from amqpd.broker.events import INTERNAL
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.pending import Pending
from amqpd.broker.policies import ALL, Matched, Policy
from amqpd.broker.policy_keys import Value
from amqpd.broker.policy_validation import check_policy
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from amqpd.broker.work import Work

AT_ONCE: Final = 1024
"""Queues and exchanges that are configured anew in the turn in which policies change."""


def set_policy(
    broker: Broker,
    vhost: VHost,
    name: str,
    pattern: str,
    definition: Mapping[str, Value],
    *,
    priority: float = 0,
    apply_to: str = ALL,
    operator: bool = False,
    by: str = INTERNAL,
) -> Pending[None] | None:
    """Create or replace a policy; `definition` is as decoded from JSON. Raises InvalidPolicy with RabbitMQ's text."""
    check_policy(pattern, definition, priority, apply_to, broker.compat, operator=operator)
    policy = Policy(name=name, pattern=pattern, definition=dict(definition), priority=priority, apply_to=apply_to)
    before = _matches(vhost)
    vhost.policies.set(policy, operator=operator)
    broker.recorder.policy(vhost, policy, operator=operator)
    pending = _changed(broker, vhost)
    if vhost.events.heard:
        announce.policy_set(vhost, policy, _differing(vhost, before), by, operator=operator)
    return pending


def clear_policy(
    broker: Broker, vhost: VHost, name: str, *, operator: bool = False, by: str = INTERNAL
) -> Pending[None] | None:
    """Remove a policy; what it changed is undone. Raises KeyError if there is none of that name."""
    before = _matches(vhost)
    vhost.policies.clear(name, operator=operator)
    broker.recorder.policy_gone(vhost, name, operator=operator)
    pending = _changed(broker, vhost)
    if vhost.events.heard:
        announce.policy_cleared(vhost, name, _differing(vhost, before), by, operator=operator)
    return pending


def _matches(vhost: VHost) -> dict[Queue, Matched]:
    """What every queue has, for the events; nothing while nobody listens."""
    if not vhost.events.heard:
        return {}
    return {queue: vhost.policies.of_queue(queue.name, queue.type) for queue in vhost.queues.values()}


def _differing(vhost: VHost, before: Mapping[Queue, Matched]) -> list[Queue]:
    """The queues that have something else now."""
    now = _matches(vhost)
    return [queue for queue in now if queue in before and now[queue] != before[queue]]


def _changed(broker: Broker, vhost: VHost) -> Pending[None] | None:
    work = Reconfigure(vhost)
    if work.step(AT_ONCE):
        broker.work.add(work)
    return once_durable(broker.journal, None)


class Reconfigure(Work):
    """Gives every queue and exchange of a vhost the settings that its policies ask for now."""

    __slots__ = ("_queues", "_vhost")

    def __init__(self, vhost: VHost) -> None:
        self._vhost = vhost
        self._queues = [*vhost.queues.values()][::-1]
        for exchange in vhost.exchanges.values():
            vhost.reconfigure_exchange(exchange)

    def step(self, budget: int) -> bool:
        for _ in range(min(len(self._queues), max(1, budget))):
            self._vhost.reconfigure_queue(self._queues.pop())
        return bool(self._queues)
