"""One table of the x-arguments of queues: how each is checked, which queue types know it, and what it sets.

Declare reads it for validation and equivalence; policies will read the same table. Order matters: it is the order in
which RabbitMQ reports bad values. https://www.rabbitmq.com/docs/queues#optional-arguments
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker.compat import Profile
from amqpd.broker.overflow import DROP_HEAD, Limits
from amqpd.broker.priorities import PriorityReadyList
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.queue_types.port import QueueType

CLASSIC: Final = "classic"
MAX_DURATION: Final = 315_360_000_000
"""Ten years in milliseconds: RabbitMQ's limit for TTLs and expiries."""

MAX_ROUTING_KEY: Final = 255
LEADER_LOCATORS: Final = ("client-local", "balanced", "random", "least-leaders")
MASTER_LOCATORS: Final = ("min-masters", "client-local", "random")

Check = Callable[[Field, Table, Profile], str | None]
"""Returns RabbitMQ's reason, printed as the Erlang term it is there, or None if the value is fine."""


def _integer(field: Field) -> int | str:
    if field.is_integer and isinstance(field.value, int):
        return field.value
    return f'"expected integer, got {field.type_name}"'


def _at_least(minimum: int, maximum: int | None = None) -> Check:
    def check(field: Field, arguments: Table, profile: Profile) -> str | None:
        value = _integer(field)
        if isinstance(value, str):
            return value
        if value < 0:
            return f"{{value_negative,{value}}}"
        if value < minimum:
            return f"{{value_zero,{value}}}"
        if maximum is not None and value > maximum:
            return f"{{value_too_large,{value}}}"
        return None

    return check


def _priority(field: Field, arguments: Table, profile: Profile) -> str | None:
    value = _integer(field)
    if isinstance(value, str):
        return value
    if value < 0:
        return f"{{value_negative,{value}}}"
    return f"{{max_value_exceeded,{value}}}" if value > 255 else None


def _unacceptable(field: Field) -> str:
    return f"{{unacceptable_type,{field.type_name}}}"


def _text(field: Field) -> str | None:
    return field.text() if field.tag == "S" else None


def _one_of(allowed: tuple[str, ...], reason: str) -> Check:
    def check(field: Field, arguments: Table, profile: Profile) -> str | None:
        value = _text(field)
        if value is None:
            return _unacceptable(field)
        return None if value in allowed else reason.replace("%s", value)

    return check


def _queue_type(field: Field, queue_type: type[QueueType] | None) -> str | None:
    value = _text(field)
    if value is None:
        return _unacceptable(field)
    return None if queue_type is not None else f"\"unsupported queue type '{value}'\""


def _dead_letter_key(field: Field, arguments: Table, profile: Profile) -> str | None:
    if not isinstance(field.value, bytes) or field.tag != "S":
        return _unacceptable(field)
    if len(field.value) > MAX_ROUTING_KEY:
        # RabbitMQ takes it and then can't deliver what died: a routing key is a short string.
        return f"{{value_too_large,{len(field.value)}}}"
    return None if "x-dead-letter-exchange" in arguments else "routing_key_but_no_dlx_defined"


def _anything(field: Field, arguments: Table, profile: Profile) -> str | None:
    return None


def _queue_mode(field: Field, arguments: Table, profile: Profile) -> str | None:
    if not profile.validates_queue_mode:
        return None
    return _one_of(("default", "lazy"), "\"unsupported queue mode '%s'\"")(field, arguments, profile)


def _queue_version(field: Field, arguments: Table, profile: Profile) -> str | None:
    value = _integer(field)
    if isinstance(value, str):
        return value
    if value < 0:
        return f"{{value_negative,{value}}}"
    return None if value in profile.queue_versions else f"\"unsupported queue version '{value}'\""


def _bool(field: Field, arguments: Table, profile: Profile) -> str | None:
    return None if field.tag == "t" else _unacceptable(field)


def _master_locator(field: Field, arguments: Table, profile: Profile) -> str | None:
    if profile.refuses_master_locator:
        raise InternalError("Feature `queue_master_locator` is deprecated.", method=(0, 0))
    if profile.crashes_on_unknown_master_locator:
        return None
    return None if field.tag == "S" else _unacceptable(field)


@attrs.frozen
class Argument:
    """One x-argument."""

    name: str
    check: Check
    types: str = "C"
    """The letters of the queue types that know it; others refuse it as another type's."""

    newer: bool = False
    """Whether only some profiles have heard of it; the others ignore it."""


TABLE: Final[tuple[Argument, ...]] = (
    Argument("x-queue-type", _anything, "CQS"),
    Argument("x-expires", _at_least(1, MAX_DURATION), "CQ"),
    Argument("x-message-ttl", _at_least(0, MAX_DURATION), "CQ"),
    Argument("x-dead-letter-exchange", _anything, "CQ"),
    Argument("x-dead-letter-routing-key", _dead_letter_key, "CQ"),
    Argument("x-dead-letter-strategy", _one_of(("at-most-once", "at-least-once"), "invalid_dlx_strategy"), "Q"),
    Argument("x-max-length", _at_least(0), "CQ"),
    Argument("x-max-length-bytes", _at_least(0), "CQS"),
    Argument("x-max-in-memory-length", _at_least(0), "Q"),
    Argument("x-max-in-memory-bytes", _at_least(0), "Q"),
    Argument("x-max-priority", _priority),
    Argument("x-overflow", _one_of(("drop-head", "reject-publish", "reject-publish-dlx"), "invalid_overflow"), "CQ"),
    Argument("x-queue-mode", _queue_mode),
    Argument("x-queue-version", _queue_version),
    Argument("x-single-active-consumer", _bool, "CQ"),
    Argument("x-quorum-initial-group-size", _at_least(1), "Q"),
    Argument("x-max-age", _anything, "S"),
    Argument("x-stream-max-segment-size-bytes", _anything, "S"),
    Argument("x-initial-cluster-size", _anything, "S"),
    Argument("x-delivery-limit", _anything, "Q"),
    Argument("x-queue-leader-locator", _one_of(LEADER_LOCATORS, "invalid_queue_locator_arg"), "CQS"),
    Argument("x-queue-master-locator", _master_locator),
    Argument("x-stream-filter-size-bytes", _anything, "S", newer=True),
    Argument("x-consumer-timeout", _at_least(0), "Q", newer=True),
    Argument("x-consumer-disconnected-timeout", _at_least(0), "Q", newer=True),
    Argument("x-delayed-retry-type", _anything, "Q", newer=True),
    Argument("x-delayed-retry-min", _at_least(1), "Q", newer=True),
    Argument("x-delayed-retry-max", _at_least(1), "Q", newer=True),
)


def validate(
    queue: str, vhost: str, arguments: Table, profile: Profile, queue_type: type[QueueType] | None
) -> None:
    """Check the arguments of a queue that is about to be created; None: its x-queue-type is no queue type.

    Raises PreconditionFailed with RabbitMQ's text.
    """
    dead_letter = arguments.get("x-dead-letter-exchange")
    if dead_letter is not None and dead_letter.tag != "S":
        raise PreconditionFailed(
            f"invalid type '{dead_letter.type_name}' for arg 'x-dead-letter-exchange' "
            f"in queue '{queue}' in vhost '{vhost}'"
        )
    declared = arguments.get("x-queue-type")
    if declared is not None:
        _accept("x-queue-type", queue, vhost, _queue_type(declared, queue_type))
    assert queue_type is not None
    present = [(each, arguments.get(each.name)) for each in TABLE if each.name in arguments]
    for argument, field in present:
        if field is not None and queue_type.knows(argument, profile):
            _accept(argument.name, queue, vhost, argument.check(field, arguments, profile))
    for argument, _ in present:
        if not queue_type.knows(argument, profile) and (
            not argument.newer or argument.name in profile.newer_arguments
        ):
            raise PreconditionFailed(
                f"invalid arg '{argument.name}' for queue '{queue}' in vhost '{vhost}' "
                f"of queue type {queue_type.module}"
            )


def _accept(name: str, queue: str, vhost: str, reason: str | None) -> None:
    if reason is not None:
        raise PreconditionFailed(f"invalid arg '{name}' for queue '{queue}' in vhost '{vhost}': {reason}")


def locate(arguments: Table, profile: Profile) -> None:
    """Find the node of a queue that several connections may use. Raises InternalError where RabbitMQ crashes."""
    field = arguments.get("x-queue-master-locator")
    if field is not None and profile.crashes_on_unknown_master_locator and _text(field) not in MASTER_LOCATORS:
        raise InternalError(method=(0, 0))


def check_server_named(queue_type: type[QueueType] | None, profile: Profile) -> None:
    """Check the type of a queue that the broker is to name. Raises InternalError where RabbitMQ crashes."""
    if queue_type is None:
        if profile.crashes_on_unknown_server_named_type:
            raise InternalError(method=(0, 0))
    elif not queue_type.server_named:
        raise PreconditionFailed(f"Cannot declare a server-named queue for type {queue_type.module}")


def apply(queue: Queue, arguments: Table) -> None:
    """Set what the arguments ask for on a new queue."""
    ttl, expires = _number(arguments, "x-message-ttl"), _number(arguments, "x-expires")
    if ttl is not None:
        queue.message_ttl = ttl / 1000
    if expires is not None:
        queue.expires_after = expires / 1000
        queue.renew_lease()
    length, octets = _number(arguments, "x-max-length"), _number(arguments, "x-max-length-bytes")
    if length is not None or octets is not None:
        queue.limits = Limits(length, octets, _string(arguments, "x-overflow") or DROP_HEAD)
    queue.dead_letter_exchange = _string(arguments, "x-dead-letter-exchange")
    queue.dead_letter_routing_key = _string(arguments, "x-dead-letter-routing-key")
    priority = _number(arguments, "x-max-priority")
    if priority is not None:
        queue.ready = PriorityReadyList(priority)
    single = arguments.get("x-single-active-consumer")
    queue.consumers.single = single is not None and single.value is True


def _number(arguments: Table, name: str) -> int | None:
    field = arguments.get(name)
    return field.value if field is not None and isinstance(field.value, int) else None


def _string(arguments: Table, name: str) -> str | None:
    field = arguments.get(name)
    return None if field is None else field.text()
