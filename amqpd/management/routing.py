"""From a path to its route: parts are compared before they are decoded, so that `%2F` is a name and not a separator.

A word of the table wins over a name at the same place, and where that leads nowhere the name is tried: a vhost may be
called `detailed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from inspect import getdoc
from typing import Final, TypeAlias
from urllib.parse import unquote

import attrs

from amqpd.management.access import Access
from amqpd.management.api import Call

Handler: TypeAlias = Callable[[Call], Awaitable[object]]
"""Answers with a Response, a Listing, or what is to be JSON; raises errors of the model or ApiError."""

API: Final = "api"


@attrs.frozen
class Route:
    """One method of one endpoint."""

    method: str
    path: str
    """Behind `/api`; `{name}` stands for any part."""
    handler: Handler
    access: Access

    @property
    def summary(self) -> str:
        """The first sentence of what the handler says about itself."""
        return (getdoc(self.handler) or "").partition("\n")[0]

    @property
    def parts(self) -> list[str]:
        return self.path.strip("/").split("/")


class _Node:
    """Everything that begins with the same parts."""

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """All routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.parts:
            if part.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.words.setdefault(part, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.path}")
        node.routes[route.method] = route

    def find(self, path: str) -> tuple[Mapping[str, Route], list[str]] | None:
        """The routes of a path behind `/api/` by method, and its decoded parts. One slash at the end is tolerated."""
        parts = path.removesuffix("/").split("/")
        node = next(_walk(self._root, parts), None)
        return None if node is None else (node.routes, [decoded(each) for each in parts])


def decoded(part: str) -> str:
    """A part of a path as text."""
    return unquote(part, encoding="utf-8", errors="surrogateescape")


def params_of(route: Route, parts: list[str]) -> dict[str, str]:
    """The parts that a route names."""
    return {
        name.strip("{}"): part for name, part in zip(route.parts, parts, strict=True) if name.startswith("{")
    }


def _walk(node: _Node, parts: list[str]) -> Iterator[_Node]:
    """The nodes that a path can mean, best first. Routes are short, and so is what is tried."""
    if not parts:
        if node.routes:
            yield node
        return
    word = node.words.get(parts[0])
    if word is not None:
        yield from _walk(word, parts[1:])
    if node.any is not None:
        yield from _walk(node.any, parts[1:])
