"""The description of all endpoints, made from the table that serves them. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from inspect import get_annotations
from typing import Final

from amqpd.http.message import Response
from amqpd.management import schemas
from amqpd.management.access import Access
from amqpd.management.api import Call
from amqpd.management.encoding import JSON, encode
from amqpd.management.routing import Route
from amqpd.version import __version__

PATH: Final = "/openapi.json"
LISTED: Final = ("page", "page_size", "name", "use_regex", "sort", "sort_reverse", "columns", "disable_stats")
"""Parameters of all lists."""
CHANGING: Final = ("PUT", "POST")
ANSWERING_DELETES: Final = ("/queues/{vhost}/{queue}/messages/{number}",)
"""Where DELETE says what it found."""

Part = dict[str, object]


def described(routes: Sequence[Route]) -> Route:
    """The route of the description."""

    @cache
    def description() -> bytes:
        return encode(_document(routes))

    async def openapi(call: Call) -> Response:
        """Show this description."""
        return Response(200, (description(),), (JSON,))

    return Route("GET", PATH, openapi, Access.NOBODY)


def _document(routes: Sequence[Route]) -> Part:
    paths: dict[str, Part] = {}
    for route in routes:
        paths.setdefault(f"/api{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Management HTTP API of amqpd, as RabbitMQ has it", "version": __version__},
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {
                "Error": schemas.ERROR,
                "List": schemas.LIST,
                "Check": schemas.CHECK,
            },
        },
    }


def _operation(route: Route) -> Part:
    names = re.findall(r"{(\w+)}", route.path)
    parameters: list[Part] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    if route.method == "GET" and route.access is not Access.NOBODY:
        parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in LISTED]
    operation: Part = {
        "summary": route.summary,
        "description": f"For {route.access.value}.",
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}",
        "parameters": parameters,
        "responses": _responses(route),
        "security": [] if route.access is Access.NOBODY else [{"basic": []}],
    }
    body = schemas.BODIES.get(f"{route.method} {route.path}")
    if body is not None:
        required = "required" in body
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}, "required": required}
    return operation


def _responses(route: Route) -> Part:
    content: Part = {"application/json": {"schema": _shape(route)}}
    error: Part = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found: dict[str, Part] = {
        "400": {"description": "The request is wrong, and why.", "content": error},
        "401": {"description": "No login, or not for this user.", "content": error},
        "404": {"description": "It is not there.", "content": error},
        "405": {"description": "Not with this method.", "content": error},
        "406": {"description": "Not in what the client accepts.", "content": error},
    }
    if route.method in ("GET", "POST") or route.path in ANSWERING_DELETES:
        found["200"] = {"description": "The answer.", "content": content}
    if route.method in CHANGING:
        found["201"] = {"description": "It is new."}
    if route.method != "GET":
        found["204"] = {"description": "Done."}
    if route.path.startswith("/health/"):
        found["503"] = {"description": "Something is wrong, and what.", "content": content}
    if route.method == "DELETE":
        found["412"] = {"description": "It is protected.", "content": error}
    return dict(sorted(found.items()))


def _shape(route: Route) -> Part:
    """What an endpoint's answer is: its handler says whether that is a list."""
    if get_annotations(route.handler).get("return") == "AnyListing":
        return {"$ref": "#/components/schemas/List"}
    if route.path.startswith("/health/checks/"):
        return {"$ref": "#/components/schemas/Check"}
    return {"type": ["object", "array", "string"]}
