"""One table of the x-arguments of queues: how each is checked, which queue types know it, and which policy key it has.

Declare reads it for validation and equivalence, policies for what they may contain, `settings` for what both together
ask for. Order matters: it is the order in which RabbitMQ reports bad values.
https://www.rabbitmq.com/docs/queues#optional-arguments
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker import policy_keys
from amqpd.broker.argument_checks import (
    FILTER_SIZES,
    MAX_SEGMENT_SIZE,
    Check,
    age,
    anything,
    at_least,
    boolean,
    dead_letter_key,
    filter_size,
    master_locator,
    one_of,
    priority,
    queue_mode,
    queue_version,
    segment_size,
    text_of,
    unacceptable,
)
from amqpd.broker.compat import Compat, Profile
from amqpd.broker.policy_keys import (
    MASTER_LOCATORS,
    WITHOUT_ARGUMENT,
    Key,
    Value,
    delivery_limit,
    integer,
    lowest,
    lowest_or_unlimited,
    routing_key,
    second,
    text,
    word,
)
from amqpd.broker.retries import DISABLED, RETRY_TYPES
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table

if TYPE_CHECKING:
    from amqpd.broker.queue_types.port import QueueType

CLASSIC: Final = "classic"
MAX_DURATION: Final = 315_360_000_000
"""Ten years in milliseconds: RabbitMQ's limit for TTLs and expiries."""

LEADER_LOCATORS: Final = ("client-local", "balanced", "random", "least-leaders")
STRATEGIES: Final = ("at-most-once", "at-least-once")
OVERFLOWS: Final = ("drop-head", "reject-publish", "reject-publish-dlx")
EXPIRIES: Final = ("head", "anywhere")
UNLIMITED: Final = float("inf")


def plain(field: Field) -> Value:
    """The value itself, a string as text."""
    return field.text() if field.tag == "S" else field.value


def retry_type(field: Field) -> Value:
    """A word; RabbitMQ takes any value and lets nothing wait where it isn't one it knows."""
    word = text_of(field)
    return word if word in RETRY_TYPES else DISABLED


def number_or_more(field: Field) -> Value:
    """A number; what is none compares larger than all numbers in RabbitMQ, which takes it unchecked."""
    value = field.value
    return value if isinstance(value, int | float) and not isinstance(value, bool) else UNLIMITED


@attrs.frozen
class Argument:
    """One x-argument."""

    name: str
    check: Check
    types: str = "C"
    """The letters of the queue types that know it; others refuse it as another type's."""

    newer: bool = False
    """Whether only some profiles have heard of it; the others ignore it."""

    extension: str = ""
    """The entry of EXTENSIONS with which types beyond those, and profiles too old for it, know it."""

    extended_to: str = "CQ"
    """The letters of the types that know it then."""

    compared: bool = True
    """Whether a redeclare must repeat it."""

    key: Key | None = None
    """The key that says the same in a policy."""

    read: Callable[[Field], Value] = plain
    """How a valid value of the argument becomes one as the policy would have it."""

    @property
    def setting(self) -> str:
        """The field of `Settings` that it sets, if it sets one."""
        return self.name.removeprefix("x-").replace("-", "_")


TABLE: Final[tuple[Argument, ...]] = (
    Argument("x-queue-type", anything, "CQS"),
    Argument(
        "x-expires",
        at_least(1, MAX_DURATION),
        "CQ",
        key=Key("expires", integer(1), "is not a valid queue expiry", "CQ", operator=lowest, merge=lowest),
    ),
    Argument(
        "x-message-ttl",
        at_least(0, MAX_DURATION),
        "CQ",
        key=Key("message-ttl", integer(0), "is not a valid message TTL", "CQ", operator=lowest, merge=lowest),
    ),
    Argument(
        "x-message-expiry",
        one_of(EXPIRIES, "invalid_message_expiry"),
        "",
        newer=True,
        key=Key(
            "message-expiry",
            word(*EXPIRIES),
            "is not a valid message expiry",
            "CQ",
            operator=second,
            since="x-message-expiry",
            extension="expiry-anywhere",
        ),
        extension="expiry-anywhere",
        compared=False,
    ),
    Argument(
        "x-dead-letter-exchange",
        anything,
        "CQ",
        key=Key("dead-letter-exchange", text, "is not a valid dead letter exchange name", "CQ"),
    ),
    Argument(
        "x-dead-letter-routing-key",
        dead_letter_key,
        "CQ",
        key=Key("dead-letter-routing-key", routing_key, "is not a valid dead letter routing key", "CQ"),
    ),
    Argument(
        "x-dead-letter-strategy",
        one_of(STRATEGIES, "invalid_dlx_strategy"),
        "Q",
        key=Key("dead-letter-strategy", word(*STRATEGIES), "is not a valid dead letter strategy", "Q"),
    ),
    Argument(
        "x-max-length",
        at_least(0),
        "CQ",
        key=Key("max-length", integer(0), "is not a valid maximum length", "CQ", operator=lowest, merge=lowest),
    ),
    Argument(
        "x-max-length-bytes",
        at_least(0),
        "CQS",
        key=Key(
            "max-length-bytes",
            integer(0),
            "is not a valid maximum length in bytes",
            operator=lowest,
            merge=lowest,
            merge_by_type={"S": second},
        ),
    ),
    Argument(
        "x-max-in-memory-length",
        at_least(0),
        "Q",
        key=Key("max-in-memory-length", integer(0), "is not a valid maximum memory in bytes", "Q", operator=lowest),
    ),
    Argument(
        "x-max-in-memory-bytes",
        at_least(0),
        "Q",
        key=Key("max-in-memory-bytes", integer(0), "is not a valid maximum memory in bytes", "Q", operator=lowest),
    ),
    Argument("x-max-priority", priority),
    Argument(
        "x-overflow",
        one_of(OVERFLOWS, "invalid_overflow"),
        "CQ",
        key=Key(
            "overflow",
            word(*OVERFLOWS),
            "is not a valid overflow value",
            "CQ",
            operator=second,
            operator_later=True,
            merge_by_type={"Q": second},
        ),
    ),
    Argument(
        "x-queue-mode",
        queue_mode,
        key=Key("queue-mode", word("default", "lazy"), "is not a valid queue-mode value", "C"),
    ),
    Argument(
        "x-queue-version",
        queue_version,
        key=Key(
            "queue-version", integer(1, 2), "is not a valid queue-version value", operator=second, operator_later=True
        ),
    ),
    Argument("x-single-active-consumer", boolean, "CQ"),
    Argument("x-quorum-initial-group-size", at_least(1), "Q"),
    Argument(
        "x-max-age",
        age,
        "S",
        key=Key("max-age", policy_keys.age, "is not a valid max age", "S", merge=second),
    ),
    Argument(
        "x-stream-max-segment-size-bytes",
        segment_size,
        "S",
        key=Key(
            "stream-max-segment-size-bytes",
            integer(0, MAX_SEGMENT_SIZE),
            "is not a valid segment size",
            "S",
            merge=second,
        ),
    ),
    Argument(
        "x-initial-cluster-size",
        at_least(1),
        "S",
        key=Key("initial-cluster-size", integer(0), "is not a valid cluster size", "S", merge=second),
    ),
    Argument(
        "x-delivery-limit",
        anything,
        "Q",
        key=Key(
            "delivery-limit",
            delivery_limit,
            "is not a valid delivery limit",
            "Q",
            operator=lowest_or_unlimited,
            merge=lowest_or_unlimited,
            extension="retries",
        ),
        read=number_or_more,
        extension="retries",
    ),
    Argument(
        "x-queue-leader-locator",
        one_of(LEADER_LOCATORS, "invalid_queue_locator_arg"),
        "CQS",
        key=Key("queue-leader-locator", word(*LEADER_LOCATORS), "is not a valid queue leader locator value"),
    ),
    Argument("x-queue-master-locator", master_locator),
    Argument(
        "x-stream-filter-size-bytes",
        filter_size,
        "S",
        newer=True,
        key=Key(
            "stream-filter-size-bytes",
            integer(FILTER_SIZES.start, FILTER_SIZES.stop - 1),
            "is not a valid filter size. Valid range is 16-255",
            merge=second,
            since="x-stream-filter-size-bytes",
        ),
    ),
    Argument(
        "x-consumer-timeout",
        at_least(0),
        "Q",
        newer=True,
        key=Key(
            "consumer-timeout",
            integer(0),
            "is not a valid consumer timeout",
            merge=lowest,
            since="x-consumer-timeout",
            extension="consumer-timeouts",
        ),
        extension="consumer-timeouts",
        compared=False,
    ),
    Argument("x-consumer-disconnected-timeout", at_least(0), "Q", newer=True),
    Argument(
        "x-delayed-retry-type",
        anything,
        "Q",
        newer=True,
        key=Key(
            "delayed-retry-type",
            word(*RETRY_TYPES),
            f"is not a valid delayed retry type. Must be one of: {', '.join(RETRY_TYPES)}",
            "Q",
            operator=second,
            merge=second,
            since="x-delayed-retry-type",
            extension="retries",
        ),
        read=retry_type,
        extension="retries",
    ),
    Argument(
        "x-delayed-retry-min",
        at_least(1),
        "Q",
        newer=True,
        key=Key(
            "delayed-retry-min",
            integer(1),
            "is not a valid delayed retry minimum",
            "Q",
            operator=lowest,
            merge=lowest,
            since="x-delayed-retry-min",
            extension="retries",
        ),
        extension="retries",
    ),
    Argument(
        "x-delayed-retry-max",
        at_least(1),
        "Q",
        newer=True,
        key=Key(
            "delayed-retry-max",
            integer(1),
            "is not a valid delayed retry maximum",
            "Q",
            operator=lowest,
            merge=lowest,
            since="x-delayed-retry-max",
            extension="retries",
        ),
        extension="retries",
    ),
    Argument(
        "x-message-deduplication",
        boolean,
        types="",
        newer=True,
        key=Key(
            "message-deduplication",
            policy_keys.boolean,
            "is neither true nor false: expected whether messages are deduplicated",
            "",
            since="x-message-deduplication",
            extension="deduplication",
        ),
        extension="deduplication",
        compared=False,
    ),
)

PLACES: Final = {argument.name: place for place, argument in enumerate(TABLE)}
KEYS: Final[dict[str, Key]] = {key.name: key for key in (*(each.key for each in TABLE if each.key), *WITHOUT_ARGUMENT)}
"""Every key that a policy may have."""


def validate(
    queue: str, vhost: str, arguments: Table, compat: Compat, queue_type: type[QueueType] | None
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
    profile = compat.profile
    present = [TABLE[place] for place in sorted({PLACES[name] for name in arguments if name in PLACES})]
    for argument in present:
        field = arguments.get(argument.name)
        if field is not None and queue_type.knows(argument, compat):
            _accept(argument.name, queue, vhost, argument.check(field, arguments, profile))
    for argument in present:
        if not queue_type.knows(argument, compat) and (
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
    if field is not None and profile.crashes_on_unknown_master_locator and text_of(field) not in MASTER_LOCATORS:
        raise InternalError(method=(0, 0))


def check_server_named(queue_type: type[QueueType] | None, profile: Profile) -> None:
    """Check the type of a queue that the broker is to name. Raises InternalError where RabbitMQ crashes."""
    if queue_type is None:
        if profile.crashes_on_unknown_server_named_type:
            raise InternalError(method=(0, 0))
    elif not queue_type.server_named:
        raise PreconditionFailed(f"Cannot declare a server-named queue for type {queue_type.module}")



def _queue_type(field: Field, queue_type: type[QueueType] | None) -> str | None:
    value = text_of(field)
    if value is None:
        return unacceptable(field)
    return None if queue_type is not None else f"\"unsupported queue type '{value}'\""
