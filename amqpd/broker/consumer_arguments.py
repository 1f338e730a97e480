"""One table of the x-arguments of basic.consume: how each is checked, and which queue types know it.

Values of arguments that the queue's type knows are checked first, then those of other types are refused; everything
else is ignored. https://www.rabbitmq.com/docs/consumers
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker import consumer_timeouts
from amqpd.broker.argument_checks import at_least, integer_of, unacceptable
from amqpd.broker.stream import filters, names, offsets
from amqpd.errors import PreconditionFailed
from amqpd.fields import EMPTY

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.fields import Field, Table

PRIORITY: Final = "x-priority"

not_negative = at_least(0)


def always(compat: Compat) -> bool:
    """In every version."""
    return True


@attrs.frozen
class ConsumerArgument:
    """One x-argument."""

    name: str
    types: str
    """The letters of the queue types that know it; others refuse it as another type's."""
    check: Callable[[Field, Compat], str | None] = lambda field, compat: None
    """Returns RabbitMQ's reason, printed as the Erlang term it is there, or None if the value is fine."""
    exists: Callable[[Compat], bool] = always
    """Where nobody has heard of it, it is ignored."""


def _priority(field: Field, compat: Compat) -> str | None:
    value = integer_of(field)
    return value if isinstance(value, str) else None


def _milliseconds(field: Field, compat: Compat) -> str | None:
    return not_negative(field, EMPTY, compat.profile)


def _refused(compat: Compat) -> bool:
    """Whether queue types that don't know a consumer's timeout refuse it."""
    return consumer_timeouts.ARGUMENT in compat.profile.newer_arguments


def _boolean(field: Field, compat: Compat) -> str | None:
    return None if field.tag == "t" else unacceptable(field)


TABLE: Final = (
    ConsumerArgument(PRIORITY, "CQ", _priority),
    ConsumerArgument(
        "x-cancel-on-ha-failover", "C", _boolean, lambda compat: compat.profile.checks_cancel_on_failover
    ),
    ConsumerArgument(
        consumer_timeouts.ARGUMENT,
        "CQS",
        _milliseconds,
        lambda compat: compat.extends(consumer_timeouts.EXTENSION) and not _refused(compat),
    ),
    ConsumerArgument(
        consumer_timeouts.ARGUMENT,
        consumer_timeouts.EXTENDED_TO,
        _milliseconds,
        lambda compat: compat.extends(consumer_timeouts.EXTENSION) and _refused(compat),
    ),
    ConsumerArgument(
        consumer_timeouts.ARGUMENT,
        "Q",
        _milliseconds,
        lambda compat: not compat.extends(consumer_timeouts.EXTENSION) and _refused(compat),
    ),
    ConsumerArgument(offsets.OFFSET, "S", lambda field, compat: offsets.check(field, compat.profile)),
    ConsumerArgument(filters.FILTER, "S", exists=lambda compat: compat.profile.filters_streams),
    ConsumerArgument(filters.MATCH_UNFILTERED, "S", exists=lambda compat: compat.profile.filters_streams),
    ConsumerArgument(
        names.NAME, "S", lambda field, compat: names.check(field), lambda compat: compat.extends(names.EXTENSION)
    ),
)


def validate(what: str, arguments: Table, queue_type: type[QueueType], compat: Compat) -> None:
    """Check the arguments of a new consumer of `what`. Raises PreconditionFailed with RabbitMQ's text."""
    present = [(each, arguments.get(each.name)) for each in TABLE if each.name in arguments and each.exists(compat)]
    for argument, field in present:
        if queue_type.letter in argument.types and field is not None:
            reason = argument.check(field, compat)
            if reason is not None:
                raise PreconditionFailed(f"invalid arg '{argument.name}' for {what}: {reason}")
    for argument, _ in present:
        if queue_type.letter not in argument.types:
            raise PreconditionFailed(f"invalid arg '{argument.name}' for {what} of queue type {queue_type.module}")
