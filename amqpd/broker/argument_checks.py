"""How single x-arguments of queue.declare are checked, with RabbitMQ's reasons for what is wrong.

A check looks at one value; which arguments there are and who knows them is `queue_arguments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.broker.ages import milliseconds, starts_with_digit
from amqpd.broker.compat import Profile
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table

MAX_ROUTING_KEY: Final = 255
MAX_SEGMENT_SIZE: Final = 3_000_000_000
FILTER_SIZES: Final = range(16, 256)
MASTER_LOCATOR_REFUSED: Final = (
    "Feature `queue_master_locator` is deprecated.\nBy default, this feature is not permitted anymore.\n"
    "The feature will be removed from a future major RabbitMQ version, regardless of the configuration; "
    "actual version to be determined.\nTo continue using this feature when it is not permitted by default, ..."
)
"""What fits into a close of it, which is cut: RabbitMQ goes on with the setting that permits it."""

Check = Callable[[Field, Table, Profile], str | None]
"""Returns RabbitMQ's reason, printed as the Erlang term it is there, or None if the value is fine."""


def integer_of(field: Field) -> int | str:
    """The value, or RabbitMQ's reason why it is none."""
    if field.is_integer and isinstance(field.value, int):
        return field.value
    return f'"expected integer, got {field.type_name}"'


def at_least(minimum: int, maximum: int | None = None) -> Check:
    """Make the check for an integer in a range."""

    def check(field: Field, arguments: Table, profile: Profile) -> str | None:
        value = integer_of(field)
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


def priority(field: Field, arguments: Table, profile: Profile) -> str | None:
    """An integer up to 255."""
    value = integer_of(field)
    if isinstance(value, str):
        return value
    if value < 0:
        return f"{{value_negative,{value}}}"
    return f"{{max_value_exceeded,{value}}}" if value > 255 else None


def unacceptable(field: Field) -> str:
    """The reason for a value of the wrong type."""
    return f"{{unacceptable_type,{field.type_name}}}"


def text_of(field: Field) -> str | None:
    """The text of a long string, None for any other type."""
    return field.text() if field.tag == "S" else None


def one_of(allowed: tuple[str, ...], reason: str) -> Check:
    """Make the check for one of a few words; `%s` in the reason stands for the wrong one."""

    def check(field: Field, arguments: Table, profile: Profile) -> str | None:
        value = text_of(field)
        if value is None:
            return unacceptable(field)
        return None if value in allowed else reason.replace("%s", value)

    return check


def dead_letter_key(field: Field, arguments: Table, profile: Profile) -> str | None:
    """A routing key, which goes with an exchange only."""
    if not isinstance(field.value, bytes) or field.tag != "S":
        return unacceptable(field)
    if len(field.value) > MAX_ROUTING_KEY:
        # RabbitMQ takes it and then can't deliver what died: a routing key is a short string.
        return f"{{value_too_large,{len(field.value)}}}"
    return None if "x-dead-letter-exchange" in arguments else "routing_key_but_no_dlx_defined"


def anything(field: Field, arguments: Table, profile: Profile) -> str | None:
    """No check."""
    return None


def queue_mode(field: Field, arguments: Table, profile: Profile) -> str | None:
    """default or lazy, where the version still looks at it."""
    if not profile.validates_queue_mode:
        return None
    return one_of(("default", "lazy"), "\"unsupported queue mode '%s'\"")(field, arguments, profile)


def queue_version(field: Field, arguments: Table, profile: Profile) -> str | None:
    """A storage format that the version knows."""
    value = integer_of(field)
    if isinstance(value, str):
        return value
    if value < 0:
        return f"{{value_negative,{value}}}"
    return None if value in profile.queue_versions else f"\"unsupported queue version '{value}'\""


def age(field: Field, arguments: Table, profile: Profile) -> str | None:
    """A number and a unit of time. Raises InternalError where RabbitMQ crashes."""
    value = text_of(field)
    if value is None:
        return unacceptable(field)
    if profile.crashes_on_unreadable_age and not starts_with_digit(value):
        raise InternalError(method=(0, 0))
    return None if milliseconds(value) is not None else "invalid_max_age"


def segment_size(field: Field, arguments: Table, profile: Profile) -> str | None:
    """Octets. Raises PreconditionFailed above the maximum, with RabbitMQ's whole text."""
    value = integer_of(field)
    if isinstance(value, str):
        return value
    if value > MAX_SEGMENT_SIZE:
        raise PreconditionFailed("Exceeded max value for x-stream-max-segment-size-bytes")
    return f"{{value_negative,{value}}}" if value < 0 else None


def filter_size(field: Field, arguments: Table, profile: Profile) -> str | None:
    """Octets of a Bloom filter, which are not used. Raises PreconditionFailed with RabbitMQ's whole text."""
    value = integer_of(field)
    if isinstance(value, str):
        raise PreconditionFailed("Invalid type for x-stream-filter-size-bytes")
    if value not in FILTER_SIZES:
        raise PreconditionFailed("Invalid value for x-stream-filter-size-bytes")
    return None


def boolean(field: Field, arguments: Table, profile: Profile) -> str | None:
    """True or false."""
    return None if field.tag == "t" else unacceptable(field)


def master_locator(field: Field, arguments: Table, profile: Profile) -> str | None:
    """Anything: `locate` knows what is wrong. Raises InternalError where it is not permitted any more."""
    if profile.refuses_master_locator:
        raise InternalError(MASTER_LOCATOR_REFUSED)
    return None
