"""Properties and header values as the clients have them that decode with pamqp; pamqp itself is not needed here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from interop.matrix.python import headers
from interop.matrix.python.port import PROPERTIES

OFFERED = PROPERTIES[:-1]
"""It refuses a cluster id, as the specification does."""
HEADERS = {**headers.without(float, headers.EVERY), "float": 1.5, "octets": bytearray(headers.EVERY["octets"])}
"""It encodes every float in 32 bits, and octets only from a bytearray."""


def expected(tag: str, value: Any) -> Any:
    """Return a header of this wire type as pamqp decodes it."""
    if tag == "x":
        return bytearray(value)
    return headers.signed(value) if tag == "D" else value


def given(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return properties by pamqp's names and types."""
    named = {"message_type" if name == "type" else name: value for name, value in (properties or {}).items()}
    if "timestamp" in named:
        named["timestamp"] = datetime.fromtimestamp(named["timestamp"], UTC)
    return named


def taken(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that are present by the scenarios' names and types."""
    found: dict[str, Any] = {}
    for name in OFFERED:
        value = properties.get("message_type" if name == "type" else name)
        if value is not None:
            found[name] = int(value.timestamp()) if name == "timestamp" else value
    return found
