"""What is wrong with a policy, in RabbitMQ's words: the reasons that its HTTP API and its command line show.

All faults of one policy are told at once, a line each: of the definition (the first one there), the target, the pattern
and the priority. https://www.rabbitmq.com/docs/policies
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amqpd import erlang
from amqpd.broker.compat import Compat
from amqpd.broker.policies import ALL, EXCHANGES, QUEUES, Definition
from amqpd.broker.policy_keys import MIRRORING, Key, Value
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
        return f"pattern should be a regular expression, actually was {printed(pattern)}"
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
    unknown = unknown_keys(definition, compat, operator=operator)
    for name, value in definition.items():
        if name not in unknown and not KEYS[name].valid(value, profile):
            return f"{printed(value)} {KEYS[name].complaint}"
    fault = (_mirroring_fault(definition) if profile.mirrors_queues else None) or _retry_fault(definition)
    if fault is not None:
        return fault
    pairs = ",".join(f"{{{printed(name)},{printed(definition[name])}}}" for name in unknown)
    return f"[{pairs}] are not recognised policy settings" if unknown else None


def unknown_keys(definition: Definition, compat: Compat, *, operator: bool) -> list[str]:
    """The keys of a policy that mean nothing to this version, in their order."""
    return [name for name in definition if name not in KEYS or not _knows(KEYS[name], compat, operator=operator)]


def _mirroring_fault(definition: Definition) -> str | None:
    if not any(each.name in definition for each in MIRRORING):
        return None
    mode, parameters = definition.get("ha-mode"), definition.get("ha-params")
    if mode is None:
        return "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
    given = "none given" if parameters is None else f"{printed(parameters)} given"
    if mode == "exactly" and (not isinstance(parameters, int) or isinstance(parameters, bool)):
        return f'ha-mode="exactly" takes an integer, {given}'
    if mode == "nodes" and not (isinstance(parameters, list) and all(isinstance(each, str) for each in parameters)):
        return f'ha-mode="nodes" takes a list of strings, {given}'
    return None


def _retry_fault(definition: Definition) -> str | None:
    kind, minimum, maximum = (definition.get(each) for each in (RETRY_TYPE, RETRY_MINIMUM, RETRY_MAXIMUM))
    if kind not in (None, "disabled") and minimum is None:
        return f"{RETRY_MINIMUM} is required when {RETRY_TYPE} is {kind}"
    if isinstance(minimum, int) and isinstance(maximum, int) and maximum < minimum:
        return f"{RETRY_MAXIMUM} ({maximum}) must not be smaller than {RETRY_MINIMUM} ({minimum})"
    return None


def _knows(key: Key, compat: Compat, *, operator: bool) -> bool:
    if operator and key.operator is None:
        return False
    if key in MIRRORING:
        return compat.profile.mirrors_queues
    if not key.since or key.since in compat.profile.newer_arguments:
        return True
    return bool(key.extension) and compat.extends(key.extension)


def _bare(value: Value) -> str:
    return value if isinstance(value, str) else printed(value)


def printed(value: Value) -> str:
    """A value as it stands in RabbitMQ's texts."""
    return erlang.json(value).decode("utf-8", "surrogateescape")
