"""Header values in Python: what headers.toml lists, and whether two tables hold the same, types included."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent.parent / "headers.toml"
LIMITS = {
    f"{8 * octets}-bits-{end}": sign * 2 ** (8 * octets - 1) - (sign > 0)
    for octets in (1, 2, 4, 8)
    for end, sign in (("min", -1), ("max", 1))
}
UNSIGNED = {f"unsigned-{8 * octets}": 2 ** (8 * octets) - 1 for octets in (1, 2, 4)}
EVERY: Mapping[str, Any] = {
    "true": True,
    "false": False,
    **LIMITS,
    **UNSIGNED,
    "float": 3.141592653589793,
    "float-large": -1.0e300,
    "decimal": Decimal("314.16"),
    "timestamp": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "text": "grüße, 世界 🐇",
    "text-empty": "",
    "text-long": "0123456789" * 30,
    "octets": b"\x00\xff\x80",
    "nothing": None,
    "array": [True, -7, "two", None, [2**32], {"in": "an array"}],
    "array-empty": [],
    "table": {"number": 42, "deeper": {"list": [{"deepest": [1.5]}]}},
    "table-empty": {},
}
"""Every type that Python can tell apart; a client that encodes fewer leaves some out."""


def without(kind: type, value: Any) -> Any:
    """Return a table or an array without the values of a type, at every depth."""
    if isinstance(value, Mapping):
        return {key: without(kind, each) for key, each in value.items() if type(each) is not kind}
    if isinstance(value, list):
        return [without(kind, each) for each in value if type(each) is not kind]
    return value


def listed(expected: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return the runner's headers, each value as `expected(wire type, natural value)` says."""
    return _table(tomllib.loads(FILE.read_text(encoding="utf-8"))["header"], expected)


def _table(entries: list[dict[str, Any]], expected: Callable[[str, Any], Any]) -> dict[str, Any]:
    return {entry["name"]: _value(entry, expected) for entry in entries}


def _value(entry: dict[str, Any], expected: Callable[[str, Any], Any]) -> Any:
    tag, value = entry["tag"], entry.get("value")
    match tag:
        case "A":
            value = [_value(each, expected) for each in value or []]
        case "F":
            value = _table(value or [], expected)
        case "x":
            value = bytes.fromhex(value or "")
        case "D":
            value = Decimal(value or "")
        case "T":
            value = datetime.fromtimestamp(value or 0, UTC)
    return expected(tag, value)


def signed(value: Decimal) -> Decimal:
    """Return what a client makes of a whole decimal that reads its 32 bits as signed; RabbitMQ's are unsigned."""
    return value - 2**32 if value >= 2**31 else value


def compare(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise AssertionError with every difference between two tables, in values or in their types."""
    wrong = list(_differences("headers", actual, expected))
    if wrong:
        raise AssertionError("\n".join(wrong))


def _differences(where: str, actual: Any, expected: Any) -> list[str]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        found = [f"{where}: {key!r} is missing" for key in expected if key not in actual]
        found += [f"{where}: {key!r} is too many" for key in actual if key not in expected]
        for key in expected:
            if key in actual:
                found += _differences(f"{where}.{key}", actual[key], expected[key])
        return found
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = zip(actual, expected, strict=True)
        return [each for at, pair in enumerate(pairs) for each in _differences(f"{where}[{at}]", *pair)]
    kind = type(expected)  # a subclass will do, but a bool is no int
    if not isinstance(actual, kind) or isinstance(actual, bool) is not isinstance(expected, bool) or actual != expected:
        return [f"{where}: expected {expected!r}, got {actual!r} ({type(actual).__name__})"]
    return []
