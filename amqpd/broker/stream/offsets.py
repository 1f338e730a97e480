"""Where a consumer of a stream begins: x-stream-offset. https://www.rabbitmq.com/docs/streams#consuming

Absent or `next`: with what is published from now on. `first`, `last`: with the oldest message, with the newest batch.
An integer: with that offset; what is below it is never delivered, even if the log has yet to get there. A timestamp, or
an age (`1h`): with the first message of that time or later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.ages import SECOND, milliseconds, starts_with_digit
from amqpd.errors import InternalError

if TYPE_CHECKING:
    from amqpd.broker.compat import Profile
    from amqpd.broker.stream.log import Log
    from amqpd.fields import Field

OFFSET: Final = "x-stream-offset"
WORDS: Final = (b"first", b"last", b"next")


def check(field: Field, profile: Profile) -> str | None:
    """RabbitMQ's reason, as the Erlang term it is there, why this is no offset; None if it is one.

    Raises InternalError where RabbitMQ crashes: the type isn't looked at there.
    """
    if field.tag == "T" or field.is_integer or field.value in WORDS:
        return None
    if field.tag != "S":
        raise InternalError(method=(0, 0))
    if milliseconds(field.text()) is not None:
        return None
    if profile.crashes_on_unreadable_age and not starts_with_digit(field.text()):
        raise InternalError(method=(0, 0))
    return f"{{invalid_stream_offset_arg,{{longstr,{field.term()}}}}}"


def start(field: Field | None, log: Log, now: int) -> int:
    """The first offset for a consumer that asks for this, which `check` has accepted, at `now` (ms since 1970)."""
    value = b"next" if field is None else field.value
    if value == b"next":
        return log.end
    if value == b"first":
        return log.first
    if value == b"last":
        return log.last_batch()
    assert field is not None
    if isinstance(value, bytes):
        age = milliseconds(field.text())
        assert age is not None
        return log.at_time(now - age)
    assert isinstance(value, int)
    return log.at_time(value * SECOND) if field.tag == "T" else max(value, log.first)
