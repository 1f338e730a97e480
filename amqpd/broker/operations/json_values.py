"""Values of objects in JSON, as the model has them: each is checked where it is read."""

from __future__ import annotations

from collections.abc import Mapping

from amqpd.broker.json_tables import table_from_json
from amqpd.broker.operations.invalid import Invalid
from amqpd.fields import Table

Item = Mapping[str, object]


def flag(item: Item, name: str, default: bool) -> bool:
    """A boolean, which may be written as a text. Raises Invalid."""
    value = item.get(name, default)
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Invalid(f"'{name}' is {value!r:.80}: expected true or false", ["not_boolean", value])


def tags_of(value: object) -> tuple[str, ...]:
    """Tags as a list, or as one text with commas. Raises Invalid."""
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Invalid(f"tags are {value!r:.80}: expected an array of texts, or one text with commas")
    return tuple(dict.fromkeys(each.strip() for each in found if each.strip()))


def arguments_of(item: Item) -> Table:
    """The `arguments` of an item, empty if there are none. Raises Invalid."""
    given = item.get("arguments") or {}
    if not isinstance(given, Mapping):
        raise Invalid(f"arguments are {given!r:.80}: expected an object")
    return table_from_json(given)


def limits_of(given: object) -> dict[str, object]:
    """The limits of a vhost: an object, or an array of names and values."""
    if isinstance(given, dict):
        return given
    found: dict[str, object] = {}
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise Invalid(f"limits are {given!r:.80}: expected an object, or an array of names and values")
        found[each["name"]] = each.get("value")
    return found


def is_old(version: object) -> bool:
    """Whether a document comes from before RabbitMQ 3.6, whose hashes are MD5 where it doesn't say."""
    parts = str(version).split(".")[:2] if isinstance(version, str) else []
    return len(parts) == 2 and all(each.isdigit() for each in parts) and tuple(map(int, parts)) < (3, 6)
