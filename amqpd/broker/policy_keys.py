"""The keys of policies: what their values may be, whom they suit, and how they go together with arguments.

A key is part of the row of its x-argument in `queue_arguments`; keys that no argument corresponds to are listed here.
https://www.rabbitmq.com/docs/policies
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from amqpd.broker.ages import milliseconds
from amqpd.broker.argument_checks import MAX_ROUTING_KEY
from amqpd.broker.compat import Profile

Value: TypeAlias = object
"""As JSON has it: str, int, float, bool, None, list or dict."""
Valid = Callable[[Value, Profile], bool]
"""Whether a value is one that the version takes."""
Merge = Callable[[Value, Value], Value]
"""Decides between two values that are both there: of the argument and the policy, or of a policy and an operator's."""


def lowest(one: Value, other: Value) -> Value:
    """The stricter of two limits."""
    assert isinstance(one, int | float)
    assert isinstance(other, int | float)
    return min(one, other)


def first(one: Value, other: Value) -> Value:
    """The argument, or the policy over the operator's."""
    return one


def second(one: Value, other: Value) -> Value:
    """The policy over the argument, or the operator's policy."""
    return other


def lowest_or_unlimited(one: Value, other: Value) -> Value:
    """The stricter of two limits, where a negative one is none at all and then the other counts."""
    assert isinstance(one, int | float)
    assert isinstance(other, int | float)
    return max(one, other) if one < 0 or other < 0 else min(one, other)


def integer(minimum: int | None = None, maximum: int | None = None) -> Valid:
    """Make the check for an integer in a range."""

    def valid(value: Value, profile: Profile) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)

    return valid


def delivery_limit(value: Value, profile: Profile) -> bool:
    """An integer; a negative one, which means no limit, only where that is known."""
    return integer(None if profile.policies_lift_delivery_limit else 0)(value, profile)


def word(*allowed: str) -> Valid:
    """Make the check for one of a few words."""
    return lambda value, profile: isinstance(value, str) and value in allowed


def age(value: Value, profile: Profile) -> bool:
    """A number and a unit of time."""
    return isinstance(value, str) and milliseconds(value) is not None


def text(value: Value, profile: Profile) -> bool:
    """Any string."""
    return isinstance(value, str)


def routing_key(value: Value, profile: Profile) -> bool:
    """A string that fits into a frame: RabbitMQ takes any, and fails where a message with it is delivered."""
    return isinstance(value, str) and len(value.encode("utf-8", "surrogateescape")) <= MAX_ROUTING_KEY


def boolean(value: Value, profile: Profile) -> bool:
    """True or false."""
    return isinstance(value, bool)


def anything(value: Value, profile: Profile) -> bool:
    """No check."""
    return True


@attrs.frozen
class Key:
    """One key of a policy."""

    name: str
    valid: Valid
    complaint: str
    """What RabbitMQ says after a wrong value: `is not a valid message TTL`."""
    types: str = "CQS"
    """The letters of the queue types that a policy with this key applies to; others skip the whole policy."""
    operator: Merge | None = None
    """How an operator's policy goes together with a policy; None: operators cannot have this key."""
    merge: Merge = first
    """How the argument and the policy go together."""
    merge_by_type: dict[str, Merge] = attrs.Factory(dict)
    """Types (letters) that have it otherwise."""
    operator_later: bool = False
    """Whether operators cannot have it in versions without `newer_operator_keys`."""
    since: str = ""
    """An entry of the profile's `newer_arguments`: versions without it don't know the key."""
    extension: str = ""
    """The entry of EXTENSIONS with which types beyond those, and versions too old for it, know it."""
    extended_to: str = "CQ"
    """The letters of the types that have it then."""


MASTER_LOCATORS: Final = ("min-masters", "client-local", "random")
MASTER_LOCATOR: Final = Key("queue-master-locator", word(*MASTER_LOCATORS), "invalid queue-master-locator value", "C")
"""Where the leader of a mirrored queue begins: taken as long as its argument is, without effect on one machine."""
ALTERNATE_EXCHANGE: Final = Key("alternate-exchange", text, "is not a valid alternate exchange name")

MIRRORING: Final[tuple[Key, ...]] = (
    Key("ha-mode", anything, "", "C"),
    Key("ha-params", anything, "", "C"),
    Key("ha-sync-mode", anything, "", "C"),
    Key("ha-sync-batch-size", anything, "", "C"),
    Key("ha-promote-on-shutdown", anything, "", "C"),
    Key("ha-promote-on-failure", anything, "", "C"),
)
"""Of mirrored queues, which left with 4.0: taken where the version knows them, without effect on one machine. Their
values are checked together (`policy_mirroring`).
"""

WITHOUT_ARGUMENT: Final[tuple[Key, ...]] = (
    ALTERNATE_EXCHANGE,
    Key(
        "target-group-size",
        integer(1),
        "is not a valid qq target count value",
        "Q",
        operator=second,
        since="target-group-size",
    ),
    MASTER_LOCATOR,
    *MIRRORING,
)
