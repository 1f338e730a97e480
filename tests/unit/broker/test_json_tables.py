"""Field tables as JSON: 64 bits, doubles and long strings in, the nearest that JSON can say out."""

from __future__ import annotations

import pytest

from amqpd.broker.json_tables import json_of, table_from_json
from amqpd.field_checks import MAX_DEPTH
from amqpd.fields import Table


def test_numbers_have_the_types_that_rabbitmq_gives_them() -> None:
    value = {"whole": 1, "half": 0.5, "text": "ä", "yes": True, "no": None, "list": [1], "in": {"a": 2}}
    table = table_from_json(value)
    tags = {key: field.tag for key, field in table.items()}
    assert tags == {"whole": "l", "half": "d", "text": "S", "yes": "t", "no": "V", "list": "A", "in": "F"}
    assert json_of(table) == value


def test_octets_that_are_no_utf8_are_shown_with_a_replacement() -> None:
    assert json_of(Table.parse(b"\x01aS\x00\x00\x00\x02\xffx")) == {"a": "\ufffdx"}


def test_what_no_table_can_carry_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(MAX_DEPTH + 1):
        deep = {"a": deep}
    for value in (deep, {"a": 2**63}, {"k" * 256: 1}):
        with pytest.raises(ValueError, match=r"carry|between|deeper"):
            table_from_json(value)
