"""JSON out and in: octets that are no UTF-8 pass through as lone surrogates; bad input is named as RabbitMQ does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NoReturn

from amqpd.management.bodies import check_depth
from amqpd.management.errors import bad_request

JSON: Final = ("content-type", "application/json")


DOUBLY: Final = (
    "invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?"
)


def encode(value: object) -> bytes:
    """JSON without spaces, characters as themselves."""
    return _encoder.encode(value).encode("utf-8", "backslashreplace")


def decode(body: bytes) -> dict[str, object]:
    """The object that a body is; an empty body is an empty object. Raises ApiError."""
    if not body.strip():
        return {}
    value = decode_any(body)
    if isinstance(value, str):
        raise bad_request(DOUBLY)
    if not isinstance(value, dict):
        raise bad_request("not_json")
    return value


def decode_any(body: bytes) -> object:
    """Any JSON. Raises ApiError."""
    try:
        value = json.loads(body, parse_constant=_refuse)
        if b"\\u" in body:  # half of a surrogate pair is a text that no name and no message can have
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except (ValueError, RecursionError):
        raise bad_request("not_json") from None
    check_depth(body)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
