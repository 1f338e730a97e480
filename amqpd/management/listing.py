"""Lists: filtered, sorted, paged, reduced to columns, and made in slices, so that the loop is never held for long.

Only what is shown is built: the first page of ten thousand queues costs their names and one page of JSON, unless
another field than the name decides on the order. https://www.rabbitmq.com/docs/http-api-reference#pagination
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

import attrs

from amqpd.http.message import Response
from amqpd.http.turns import Slice, freed, gathered
from amqpd.management.encoding import JSON, encode
from amqpd.management.errors import ApiError, bad_request
from amqpd.management.numbers import is_number
from amqpd.patterns import PatternError
from amqpd.patterns import compile as compile_pattern

T = TypeVar("T")
View = dict[str, object]
Columns: TypeAlias = "dict[str, Columns | None]"
"""Fields that are asked for, with those in them; None: all."""

CHUNK: Final = 128
"""Names that are sorted in one go."""
JOINED: Final = 32
"""Items whose JSON is put together."""
RANKED: Final = 16
"""Levels of arrays and objects that decide on the order of a list."""
MAX_PAGE: Final = 500
DEFAULT_PAGE: Final = 100
MAX_PATTERN: Final = 1024


@attrs.frozen(eq=False)
class Listing(Generic[T]):
    """What a list endpoint has to show."""

    items: Iterable[T]
    """Looked at once, a slice at a time."""
    view: Callable[[T], View]
    key: Callable[[T], tuple[str, ...]]
    """The order that nobody asked for: usually the vhost and the name."""
    name: Callable[[T], str]
    """What the filter looks at."""


AnyListing: TypeAlias = "Listing[Any]"
"""What a handler of a list endpoint returns: the description of the API goes by it."""


@attrs.frozen
class Page:
    """Which part is asked for."""

    number: int
    size: int
    matches: Callable[[str], bool]


async def respond(listing: Listing[T], query: Mapping[str, str]) -> Response:
    """The list as JSON. Raises ApiError for parameters that make no sense."""
    page, sort, columns = _page(query), query.get("sort"), _columns(query)
    items = await gathered(listing.items)
    total = len(items)
    if page is not None:
        items = await _filtered(items, listing.name, page)
    items = await _in_order(items, listing.key)
    if sort == "name":
        items = await _in_order(items, lambda each: (listing.name(each),))
    elif sort:
        items = await _by_field(items, listing.view, sort.split("."))
    if query.get("sort_reverse") == "true":  # of equal ones too, the last is the first
        items.reverse()
    filtered = len(items)
    if page is None:
        answer = _array(await _encoded(items, listing.view, columns))
    else:
        answer = _paged(page, await _encoded(_part(items, page), listing.view, columns), total, filtered)
    await freed(items)
    return answer


def whole(value: object, query: Mapping[str, str]) -> Response:
    """What is no list of those, reduced to the columns that are asked for."""
    columns = _columns(query)
    return Response(200, (encode(_behind(value, columns or None)),), (JSON,))


def _page(query: Mapping[str, str]) -> Page | None:
    try:
        number = _whole(query["page"]) if "page" in query else None
        size = _whole(query["page_size"]) if "page_size" in query else None
    except ValueError:
        raise bad_request("Pagination parameters are invalid") from None
    if number is None:
        return None
    if number < 1 or (size is not None and not 1 <= size <= MAX_PAGE):
        shown = "undefined" if size is None else size
        reason = f"Invalid pagination parameters: page number {number}, page size {shown}"
        raise ApiError(400, "invalid_pagination_parameters", reason)
    return Page(number, size or DEFAULT_PAGE, _filter(query))


def _whole(text: str) -> int:
    """A number as a query has it: int() takes more. Raises ValueError."""
    if not is_number(text.removeprefix("-")):
        raise ValueError(text)
    return int(text)


def _filter(query: Mapping[str, str]) -> Callable[[str], bool]:
    wanted = query.get("name", "")
    if query.get("use_regex") == "true":
        try:
            if len(wanted) > MAX_PATTERN:
                raise bad_request(f"the pattern has {len(wanted)} characters: at most {MAX_PATTERN} are taken")
            return compile_pattern(f"(?i){wanted}").search if wanted else lambda _: True
        except PatternError:
            raise bad_request("Pagination parameters are invalid") from None
    folded = wanted.lower()
    return lambda name: folded in name.lower()


def _columns(query: Mapping[str, str]) -> Columns:
    columns: Columns = {}
    for each in query.get("columns", "").split(","):
        if each:
            _add(columns, each.split("."))
    return columns


def _add(columns: Columns, path: list[str]) -> None:
    for name in path[:-1]:
        inner = columns.setdefault(name, {})
        if inner is None:  # all of it is asked for
            return
        columns = inner
    columns[path[-1]] = None


async def _filtered(items: list[T], name: Callable[[T], str], page: Page) -> list[T]:
    kept: list[T] = []
    turn = Slice()
    for each in items:
        if page.matches(name(each)):
            kept.append(each)
        await turn.rest()
    await freed(items)
    return kept


async def _in_order(items: list[T], key: Callable[[T], Any]) -> list[T]:
    """Sorted, equal ones as they came; what comes in is emptied."""
    if len(items) <= CHUNK:
        return sorted(items, key=key)
    runs = []
    turn = Slice()
    for start in range(0, len(items), CHUNK):
        runs.append(sorted(items[start : start + CHUNK], key=key))
        await turn.rest()
    merged = await gathered(heapq.merge(*runs, key=key))
    await freed(items, *runs)
    return merged


async def _by_field(items: list[T], view: Callable[[T], View], path: list[str]) -> list[T]:
    """Sorted by what their views hold there; the views are made again for what is shown, and kept for none."""
    ranked: list[tuple[tuple[int, object], T]] = []
    turn = Slice()
    for each in items:
        ranked.append((_rank(_at(view(each), path)), each))
        await turn.rest()
    await freed(items)
    ranked = await _in_order(ranked, lambda pair: pair[0])
    found = await gathered(each for _, each in ranked)
    await freed(ranked)
    return found


async def _encoded(items: list[T], view: Callable[[T], View], columns: Columns) -> list[bytes]:
    """JSON of all items with commas in between, in parts."""
    parts: list[bytes] = []
    waiting: list[bytes] = []
    turn = Slice()
    for each in items:
        shown = view(each)
        waiting.append(encode(_reduced(shown, columns) if columns else shown))
        if len(waiting) == JOINED:
            parts += [b",".join(waiting), b","]
            waiting = []
        await turn.rest()
    if waiting:
        parts.append(b",".join(waiting))
    elif parts:
        parts.pop()
    return parts


def _part(items: list[T], page: Page) -> list[T]:
    """The items of a page. Raises ApiError for one behind the last."""
    start = (page.number - 1) * page.size
    if start >= len(items) and page.number > 1:
        reason = f"Page out of range, page: {page.number} page size: {page.size}, len: {len(items)}"
        raise ApiError(400, "page_out_of_range", reason)
    return items[start : start + page.size]


def _array(parts: list[bytes]) -> Response:
    return Response(200, (b"[", *parts, b"]"), (JSON,))


def _paged(page: Page, parts: list[bytes], total: int, filtered: int) -> Response:
    shown = min(page.size, max(0, filtered - (page.number - 1) * page.size))
    head = {"filtered_count": filtered, "item_count": shown}
    tail = {
        "page": page.number,
        "page_count": -(-filtered // page.size),
        "page_size": page.size,
        "total_count": total,
    }
    return Response(200, (encode(head)[:-1], b',"items":[', *parts, b"],", encode(tail)[1:]), (JSON,))


def _reduced(view: Mapping[str, object], columns: Columns) -> View:
    """The fields that are asked for; those behind a dot of all that a list holds: `listeners.port`."""
    return {name: _behind(view[name], deeper) for name, deeper in columns.items() if name in view}


def _behind(value: object, columns: Columns | None) -> object:
    if columns is not None and isinstance(value, Mapping):
        return _reduced(value, columns)
    if columns is not None and isinstance(value, list | tuple):
        return [_behind(each, columns) for each in value]
    return value


_ABSENT: Final = object()


def _at(view: object, path: list[str]) -> object:
    for name in path:
        if not isinstance(view, Mapping) or name not in view:
            return _ABSENT
        view = view[name]
    return view


def _rank(value: object, depth: int = 0) -> tuple[int, object]:
    """An order among values of any kind, as Erlang has it: numbers, words, arrays, objects, then texts; what is absent
    counts as 0.
    """
    if value is _ABSENT:
        return 0, 0
    if isinstance(value, bool) or value is None:
        return 1, str(value)
    if isinstance(value, int | float):
        return 0, value
    if depth == RANKED:
        return 4, ""
    if isinstance(value, list | tuple):
        return 2, [_rank(each, depth + 1) for each in value]
    if isinstance(value, Mapping):
        return 3, [(key, _rank(value[key], depth + 1)) for key in sorted(value)]
    return 4, str(value)
