"""Policies of one vhost: settings for every queue and exchange whose name matches a pattern.

Decides which policy, and which operator policy, an entity has, and what both say together. Refuses to know what a key
means and how its value was checked. Of several that match, the highest priority wins; of equal ones, the first by name.
https://www.rabbitmq.com/docs/policies
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker.compat import Compat
from amqpd.broker.policy_keys import Value
from amqpd.broker.queue_arguments import KEYS
from amqpd.patterns import Pattern
from amqpd.patterns import compile as compile_pattern

if TYPE_CHECKING:
    from amqpd.broker.queue_types.port import QueueType

Definition = Mapping[str, Value]

ALL: Final = "all"
QUEUES: Final = "queues"
EXCHANGES: Final = "exchanges"
NOTHING: Final[Definition] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Policy:
    """One policy; its definition is valid."""

    name: str
    pattern: str
    definition: Definition
    priority: float = 0
    apply_to: str = ALL
    regex: Pattern = attrs.field(init=False, eq=False, repr=False)

    @regex.default
    def _compiled(self) -> Pattern:
        return compile_pattern(self.pattern)

    def suits_queue(self, name: str, queue_type: type[QueueType], compat: Compat) -> bool:
        """Whether a queue of this name and type is to have it: not if the type lacks any of its keys."""
        if self.apply_to not in (ALL, QUEUES, queue_type.policy_target) or not self.regex.search(name):
            return False
        return all(queue_type.accepts_key(KEYS[key], compat) for key in self.definition)

    def suits_exchange(self, name: str) -> bool:
        """Whether an exchange of this name is to have it."""
        return self.apply_to in (ALL, EXCHANGES) and self.regex.search(name)


@attrs.frozen
class Matched:
    """What one queue or exchange has."""

    policy: Policy | None = None
    operator: Policy | None = None

    @property
    def definition(self) -> Definition:
        """What both say together, key by key."""
        if self.operator is None:
            return NOTHING if self.policy is None else self.policy.definition
        if self.policy is None:
            return self.operator.definition
        merged = dict(self.policy.definition)
        for key, value in self.operator.definition.items():
            merge = KEYS[key].operator
            assert merge is not None
            merged[key] = merge(merged[key], value) if key in merged else value
        return merged


UNMATCHED: Final = Matched()


class Policies:
    """The policies of a vhost, ordinary ones and operators'."""

    __slots__ = ("_compat", "_operator_ranking", "_ranking", "operator", "ordinary")

    def __init__(self, compat: Compat) -> None:
        self._compat = compat
        self.ordinary: dict[str, Policy] = {}
        self.operator: dict[str, Policy] = {}
        self._ranking: list[Policy] = []
        self._operator_ranking: list[Policy] = []

    def set(self, policy: Policy, *, operator: bool) -> None:
        """Add a policy, or replace the one of its name."""
        (self.operator if operator else self.ordinary)[policy.name] = policy
        self._rank()

    def clear(self, name: str, *, operator: bool) -> None:
        """Remove a policy. Raises KeyError if there is none of that name."""
        del (self.operator if operator else self.ordinary)[name]
        self._rank()

    def of_queue(self, name: str, queue_type: type[QueueType]) -> Matched:
        """What a queue of this name and type has."""
        if not self._ranking and not self._operator_ranking:
            return UNMATCHED
        policy, operator = [
            next((each for each in ranking if each.suits_queue(name, queue_type, self._compat)), None)
            for ranking in (self._ranking, self._operator_ranking)
        ]
        return Matched(policy, operator)

    def of_exchange(self, name: str) -> Matched:
        """What an exchange of this name has: never anything of an operator's, whose keys are queues'."""
        return Matched(next((each for each in self._ranking if each.suits_exchange(name)), None))

    def _rank(self) -> None:
        self._ranking = _by_rank(self.ordinary)
        self._operator_ranking = _by_rank(self.operator)


def _by_rank(policies: Mapping[str, Policy]) -> list[Policy]:
    return sorted(policies.values(), key=lambda each: (-each.priority, each.name))
