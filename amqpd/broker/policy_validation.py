"""What is wrong with a policy, in RabbitMQ's words: the reasons that its HTTP API and its command line show.

All faults of one policy are told at once, a line each: of the definition (its first one, in the order of the keys), the
target, the pattern and the priority. https://www.rabbitmq.com/docs/policies
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amqpd import erlang
from amqpd.broker.compat import Compat
from amqpd.broker.policies import ALL, EXCHANGES, QUEUES, Definition
from amqpd.broker.policy_keys import MASTER_LOCATOR, MIRRORING, Key, Value
from amqpd.broker.policy_mirroring import mirroring_fault, printed
from amqpd.broker.queue_arguments import KEYS
from amqpd.patterns import PatternError
from amqpd.patterns import compile as compile_pattern

RETRY_TYPE: Final = "delayed-retry-type"
RETRY_MINIMUM: Final = "delayed-retry-min"
RETRY_MAXIMUM: Final = "delayed-retry-max"


class InvalidPolicy(ValueError):
    """A policy that cannot be; the text says why."""


def check_policy(
    pattern: Value, definition: Value, priority: Value, apply_to: Value, compat: Compat, *, operator: bool
) -> None:
    """Raise InvalidPolicy with RabbitMQ's text for everything that is wrong with a policy."""
    faults = [
        _definition_fault(definition, compat, operator=operator),
        _target_fault(apply_to, compat),
        _pattern_fault(pattern),
        _priority_fault(priority),
    ]
    found = [each for each in faults if each is not None]
    if found:
        raise InvalidPolicy("Validation failed\n\n" + "\n".join(found) + "\n")


def _priority_fault(priority: Value) -> str | None:
    if isinstance(priority, int | float) and not isinstance(priority, bool):
        return None
    return f"priority should be a number, actually was {printed(priority)}"


def _pattern_fault(pattern: Value) -> str | None:
    if not isinstance(pattern, str):
        return f"pattern should be a binary but was {printed(pattern)}"
    try:
        compile_pattern(pattern)
    except PatternError as error:
        reason, place = error.pcre
        quoted = reason.replace("\\", "\\\\").replace('"', '\\"')
        start = "pattern should be regular expression but is invalid: "
        return start + erlang.pair(f'"{quoted}"', str(place), len(start))
    return None


def _target_fault(apply_to: Value, compat: Compat) -> str | None:
    if apply_to in (ALL, QUEUES, EXCHANGES):
        return None
    if not compat.profile.policies_target_queue_types:
        return f"apply-to '{_bare(apply_to)}' unrecognised; should be 'queues', 'exchanges' or 'all'"
    if apply_to in ("classic_queues", "quorum_queues", "streams"):
        return None
    return (
        f"apply-to '{_bare(apply_to)}' unrecognised; should be one of: 'queues', 'classic_queues', "
        " 'quorum_queues', 'streams', 'exchanges', or 'all'"
    )


def _definition_fault(definition: Value, compat: Compat, *, operator: bool) -> str | None:
    if not isinstance(definition, Mapping):
        return f"definition must be a dictionary: {printed(definition)}"
    if not definition:
        return "no policy provided"
    profile = compat.profile
    unknown = sorted(unknown_keys(definition, compat, operator=operator))
    for name in sorted(definition, key=lambda each: (each != MASTER_LOCATOR.name, each)):
        if name not in unknown and not KEYS[name].valid(definition[name], profile):
            return f"{printed(definition[name])} {KEYS[name].complaint}"
    fault = (mirroring_fault(definition) if profile.mirrors_queues else None) or _retry_fault(definition)
    if fault is not None:
        return fault
    pairs = ",".join(f"{{{printed(name)},{printed(definition[name])}}}" for name in unknown)
    return f"[{pairs}] are not recognised policy settings" if unknown else None


def unknown_keys(definition: Definition, compat: Compat, *, operator: bool) -> list[str]:
    """The keys of a policy that mean nothing to this version, in their order."""
    return [name for name in definition if name not in KEYS or not _knows(KEYS[name], compat, operator=operator)]


def _retry_fault(definition: Definition) -> str | None:
    kind, minimum, maximum = (definition.get(each) for each in (RETRY_TYPE, RETRY_MINIMUM, RETRY_MAXIMUM))
    if kind not in (None, "disabled") and minimum is None:
        return f"{RETRY_MINIMUM} is required when {RETRY_TYPE} is {kind}"
    if isinstance(minimum, int) and isinstance(maximum, int) and maximum < minimum:
        return f"{RETRY_MAXIMUM} ({maximum}) must not be smaller than {RETRY_MINIMUM} ({minimum})"
    return None


def _knows(key: Key, compat: Compat, *, operator: bool) -> bool:
    if operator and (key.operator is None or (key.operator_later and not compat.profile.newer_operator_keys)):
        return False
    if key is MASTER_LOCATOR:
        return not compat.profile.refuses_master_locator
    if key in MIRRORING:
        return compat.profile.mirrors_queues
    if not key.since or key.since in compat.profile.newer_arguments:
        return True
    return bool(key.extension) and compat.extends(key.extension)


def _bare(value: Value) -> str:
    return value if isinstance(value, str) else printed(value)
