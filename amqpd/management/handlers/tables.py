"""Arguments and properties in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from amqpd.broker.json_tables import json_of, table_from_json
from amqpd.fields import Table
from amqpd.management.api import mapping_of
from amqpd.management.errors import bad_request
from amqpd.management.numbers import is_number
from amqpd.properties import Properties, PropertyValues

TEXTS: Final = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "type",
    "user_id",
    "app_id",
    "cluster_id",
)
NUMBERS: Final = ("delivery_mode", "priority", "timestamp")


def arguments_of(body: Mapping[str, object], name: str = "arguments") -> Table:
    """The field table that an object of a body stands for. Raises ApiError."""
    try:
        return table_from_json(mapping_of(body, name))
    except ValueError as error:
        raise bad_request(str(error)) from None


def properties_of(body: Mapping[str, object]) -> Properties:
    """The properties of a message; names that are none are ignored, as RabbitMQ does. Raises ApiError."""
    given = mapping_of(body, "properties")
    found: dict[str, object] = {}
    for name in TEXTS:
        value = given.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise bad_request(["not_string", name])
            found[name] = value
    for name in NUMBERS:
        value = given.get(name)
        if value is not None:
            found[name] = _number(name, value)
    if given.get("headers") is not None:
        found["headers"] = arguments_of(given, "headers")
    try:
        return Properties.of(**cast("PropertyValues", found))
    except ValueError as error:
        raise bad_request(str(error)) from None


def _number(name: str, value: object) -> int:
    if isinstance(value, str) and is_number(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(["not_int", name])
    return value


def properties_view(properties: Properties) -> object:
    """Those that are there; RabbitMQ shows an empty array where there are none."""
    shown: dict[str, object] = {}
    for name in (*NUMBERS, *TEXTS):
        value = getattr(properties, name)
        if value is not None:
            shown[name] = value
    if properties.headers is not None:
        shown["headers"] = json_of(properties.headers)
    return shown or []
