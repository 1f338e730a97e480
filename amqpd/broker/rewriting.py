"""Headers that the broker changes are encoded anew, all of them: what came in an unusual wire form leaves in the usual.

RabbitMQ decodes headers to change them. An unsigned 64-bit integer (`L`) then goes on as a signed one (`l`), and a bool
of any octet but 0 as 1. Headers that nobody changes keep their octets.
"""

from __future__ import annotations

from amqpd import fields
from amqpd.fields import Field, Table


def rewritten(headers: Table) -> Table:
    """Return the headers as RabbitMQ encodes them anew; the same object where nothing changes."""
    pairs = [(key, _field(field)) for key, field in headers.items()]
    same = all(new is old for (_, new), (_, old) in zip(pairs, headers.items(), strict=True))
    return headers if same else Table.of(pairs)


def _field(field: Field) -> Field:
    if field.tag == "L":
        return Field("l", field.value, b"l" + field.raw[1:])
    if field.tag == "t":
        return field if field.raw[1] <= 1 else fields.boolean(True)
    if field.tag == "F" and isinstance(field.value, Table):
        new = rewritten(field.value)
        return field if new is field.value else fields.table(new)
    if field.tag == "A" and isinstance(field.value, tuple):
        items = [_field(each) for each in field.value if isinstance(each, Field)]
        same = all(new is old for new, old in zip(items, field.value, strict=True))
        return field if same else fields.array(items)
    return field
