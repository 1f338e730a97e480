"""Arguments and properties in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from amqpd.broker.json_tables import json_of, table_from_json
from amqpd.fields import Table
from amqpd.management.api import mapping_of
from amqpd.management.errors import bad_request
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
    given = mapping_of(body, name)
    try:
        table = table_from_json(given)  # which looks at the depth
    except ValueError as error:
        raise bad_request(str(error)) from None
    if _has_null(given):
        raise bad_request("null_not_allowed")
    return table


def properties_of(body: Mapping[str, object]) -> Properties:
    """The properties of a message; names that are none are ignored, as RabbitMQ does. Raises ApiError."""
    given = mapping_of(body, "properties")
    found: dict[str, object] = {}
    for name in NUMBERS:
        if name in given:
            value = given[name]
            if isinstance(value, bool) or not isinstance(value, int):
                raise bad_request(["not_int", name])
            found[name] = value
    for name in TEXTS:
        if name in given:
            if not isinstance(given[name], str):
                raise bad_request(["not_string", name])
            found[name] = given[name]
    if given.get("headers") is not None:
        found["headers"] = arguments_of(given, "headers")
    try:
        return Properties.of(**cast("PropertyValues", found))
    except ValueError as error:
        raise bad_request(str(error)) from None


def _has_null(value: object) -> bool:
    """Whether JSON's null is in there. Field tables have a void, which RabbitMQ takes from clients alone."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return value is None or any(map(_has_null, inner))


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
