"""Which messages of a stream a consumer wants, by the value that their publisher gave them.

RabbitMQ skips chunks whose Bloom filter rules a match out and delivers the others whole, so that clients filter
again. Here each message is looked at: what is delivered matches. https://www.rabbitmq.com/docs/stream-filtering
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.properties import HEADERS, Properties

if TYPE_CHECKING:
    from amqpd.fields import Table

VALUE: Final = "x-stream-filter-value"
FILTER: Final = "x-stream-filter"
MATCH_UNFILTERED: Final = "x-stream-match-unfiltered"
_KEY: Final = VALUE.encode()

Filter = frozenset[bytes | None]
"""The values that are wanted; None among them: messages without one, too."""


def value_of(properties: Properties) -> bytes | None:
    """The filter value of a message; only a long string is one."""
    if not properties.flags & HEADERS or _KEY not in properties.raw:
        return None
    headers = properties.headers
    field = None if headers is None else headers.get(VALUE)
    return field.value if field is not None and field.tag == "S" and isinstance(field.value, bytes) else None


def filter_of(arguments: Table) -> Filter | None:
    """What a consumer asks for; None: everything. Values of other types than they should be are ignored."""
    asked = arguments.get(FILTER)
    if asked is None:
        return None
    if asked.tag == "S" and isinstance(asked.value, bytes):
        wanted: set[bytes | None] = {asked.value}
    elif asked.tag == "A" and isinstance(asked.value, tuple):
        fields = [each for each in asked.value if not isinstance(each, int)]
        wanted = {each.value for each in fields if each.tag == "S" and isinstance(each.value, bytes)}
    else:
        return None
    unfiltered = arguments.get(MATCH_UNFILTERED)
    if unfiltered is not None and unfiltered.value is True:
        wanted.add(None)
    return frozenset(wanted)
