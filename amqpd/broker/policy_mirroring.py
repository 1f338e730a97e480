"""What is wrong with the keys of a policy that mirror classic queues, in RabbitMQ's words (until 3.13).

They are looked at together, and after all others. https://www.rabbitmq.com/docs/3.13/ha
"""

from __future__ import annotations

from typing import Final

from amqpd import erlang
from amqpd.broker.policies import Definition
from amqpd.broker.policy_keys import MIRRORING, Value

_ABSENT: Final = object()


def mirroring_fault(definition: Definition) -> str | None:
    """The first thing that is wrong with them, if anything is."""
    if not any(each.name in definition for each in MIRRORING):
        return None
    if "ha-mode" not in definition:
        return "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
    fault = _parameters_fault(definition["ha-mode"], definition.get("ha-params", _ABSENT))
    if fault is not None:
        return fault
    fault = _word_fault(definition, "ha-sync-mode", "manual", "automatic")
    if fault is not None:
        return fault
    size = definition.get("ha-sync-batch-size", 1)
    if not _is_positive(size):
        return f"ha-sync-batch-size takes an integer greater than 0, {printed(size)} given"
    promotions = (_word_fault(definition, f"ha-promote-on-{event}", "always", "when-synced") for event in
                  ("shutdown", "failure"))  # fmt: skip
    return next(filter(None, promotions), None)


def _parameters_fault(mode: Value, parameters: Value) -> str | None:
    given = "none given" if parameters is _ABSENT else f"{printed(parameters)} given"
    if mode == "all":
        return None if parameters is _ABSENT else 'ha-mode="all" does not take parameters'
    if mode == "exactly":
        return None if _is_positive(parameters) else f'ha-mode="exactly" takes an integer, {given}'
    if mode != "nodes":
        return f"{printed(mode)} is not a valid ha-mode value"
    if not isinstance(parameters, list):
        return f'ha-mode="nodes" takes a list, {given}'
    if not parameters:
        return 'ha-mode="nodes" list must be non-empty'
    wrong = [each for each in parameters if not isinstance(each, str)]
    return f'ha-mode="nodes" takes a list of strings, {printed(wrong)} was not a string' if wrong else None


def _word_fault(definition: Definition, key: str, one: str, other: str) -> str | None:
    value = definition.get(key, one)
    return None if value in (one, other) else f'{key} must be "{one}" or "{other}", got {printed(value)}'


def _is_positive(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def printed(value: Value) -> str:
    """A value as it stands in RabbitMQ's texts."""
    return erlang.json(value).decode("utf-8", "surrogateescape")
