"""What a queue is asked to do, by its arguments and the policies that match it, in one value.

Decides how an argument, a policy and an operator's policy go together, key by key, from the table in
`queue_arguments`. Refuses to know which policy matches. Equal settings are one object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker.interning import Interned
from amqpd.broker.overflow import DROP_HEAD
from amqpd.broker.policy_keys import Value
from amqpd.broker.queue_arguments import TABLE
from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.queue_types.port import QueueType


@attrs.frozen(kw_only=True)
class Settings:
    """Each field is named after its x-argument. None: nothing is asked for."""

    expires: int | None = None
    """Milliseconds without use after which the queue goes."""
    message_ttl: int | None = None
    """Milliseconds; the `expiration` of a message may shorten it."""
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    """None: a dead message keeps its own keys."""
    dead_letter_strategy: str | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    max_priority: int | None = None
    overflow: str = DROP_HEAD
    single_active_consumer: bool = False
    delivery_limit: float | None = None
    """As asked for: what a negative one or none means is the version's matter."""
    message_expiry: str | None = None
    """Where messages expire: head (also None) or anywhere."""
    consumer_timeout: int | None = None
    """Milliseconds that a consumer's delivery may stay unacknowledged; 0: for ever."""
    delayed_retry_type: str | None = None
    """Which messages that come back have to wait: all, failed, returned, or disabled."""
    delayed_retry_min: int | None = None
    """Milliseconds, times the failures so far."""
    delayed_retry_max: int | None = None
    """Milliseconds that none of them waits longer; None: the same as the minimum."""
    message_deduplication: bool = False
    """Whether a message is dropped while another with the same x-deduplication-header is there."""
    max_age: str | None = None
    """As asked for: a number and a unit."""
    stream_max_segment_size_bytes: int | None = None


NAMES: Final = frozenset(each.name for each in attrs.fields(Settings))
ROWS: Final = {each.name: each for each in TABLE if each.setting in NAMES}
ROWS_OF_KEYS: Final = {each.key.name: each for each in ROWS.values() if each.key is not None}
_known: Final[Interned[Settings]] = Interned()


def settings_of(
    arguments: Table, definition: Mapping[str, Value], queue_type: type[QueueType], compat: Compat
) -> Settings:
    """Merge the arguments of a queue, which are valid, with the definition of its policies."""
    values: dict[str, Value] = {}
    asked_for = [ROWS[name] for name in arguments if name in ROWS]
    asked_for += [ROWS_OF_KEYS[key] for key in definition if key in ROWS_OF_KEYS]
    for row in asked_for:
        field = arguments.get(row.name)
        value = None
        if field is not None and field.tag != "V" and queue_type.knows(row, compat):
            value = row.read(field)
        if row.key is not None and row.key.name in definition:
            asked = definition[row.key.name]
            merge = row.key.merge_by_type.get(queue_type.letter, row.key.merge)
            value = asked if value is None else merge(value, asked)
        if value is not None:
            values[row.setting] = value
    settings = Settings(**values)  # type: ignore[arg-type]  # the table's checks have seen to the types
    return _known.one(settings)
