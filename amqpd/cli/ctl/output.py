"""Answers as text: RabbitMQ's tables, JSON, CSV, pretty tables and Erlang terms, to the character."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from amqpd.cli.ctl.verb import Rows
from amqpd.visible import visible

INT32: Final = 2**31
BOLD: Final = "\x1b[1m{}\x1b[0m"
MARKS: Final = re.compile(r"(\x1b\[[01]m)")
"""Those of bold texts."""
GRAPHICS: Final = "\x1b(0{}\x1b(B"
"""A terminal's line-drawing characters."""
WIDTH: Final = 80
ESCAPES: Final = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t",
    "\v": "\\v", "\b": "\\b", "\f": "\\f", "\x1b": "\\e",
}  # fmt: skip
NOTHING: Final = Rows(("Output",), [{"Output": []}])
"""What a pretty table shows where there are no rows."""


class Atom(str):
    """A text that is a word of the system, not somebody's name: Erlang shows it without quotes."""

    __slots__ = ()


class Typed(tuple[object, ...]):
    """Arguments as AMQP has them: (name, type, value) each; tables leave the types out."""

    __slots__ = ()


def typed(arguments: object) -> object:
    """Arguments in JSON with the types that rabbitmqctl shows: what JSON doesn't tell apart is the likely one."""
    found = arguments.items() if isinstance(arguments, Mapping) else ()
    return Typed([name, *_with_type(value)] for name, value in found)


def _with_type(value: object) -> list[object]:
    match value:
        case bool():
            return ["bool", value]
        case int():
            return ["signedint" if -INT32 <= value < INT32 else "long", value]
        case float():
            return ["double", value]
        case Mapping():
            return ["table", typed(value)]
        case list():
            return ["array", [_with_type(each) for each in value]]
        case None:
            return ["void", None]
        case _:
            return ["longstr", value]


def bold(text: str) -> str:
    """A heading."""
    return BOLD.format(text)


# -- rows --------------------------------------------------------------------------------------------------------------


def table(rows: Rows, *, headers: bool) -> Iterator[str]:
    """Columns apart by tabs."""
    if not rows.rows and not rows.streamed:
        yield ""
    if headers and rows.headed and rows.rows:
        yield "\t".join(rows.columns)
    for row in rows.rows:
        yield "\t".join(cell(row.get(column, "")) for column in rows.columns)


def csv(rows: Rows, *, headers: bool) -> Iterator[str]:
    """Every cell in quotes."""
    if not rows.rows:
        yield ""
        return
    if headers:
        yield ",".join(_quoted(column) for column in rows.columns)
    for row in rows.rows:
        yield ",".join(_quoted(cell(row.get(column, ""))) for column in rows.columns)


def json_rows(rows: Rows) -> Iterator[str]:
    """An array, a row a line."""
    if not rows.rows and not rows.streamed:
        yield "[]"
        return
    yield "["
    for place, row in enumerate(rows.rows):
        shown = {column: row.get(column, "") for column in rows.columns}
        yield ("," if place else "") + compact(shown)
    yield "]"


def json_stream_rows(rows: Rows) -> Iterator[str]:
    """A row a line, and no array around them; an empty line is the end."""
    if not rows.rows and not rows.streamed:
        yield "[]"
        return
    for row in rows.rows:
        yield compact({column: row.get(column, "") for column in rows.columns})
    yield ""


def pretty(rows: Rows) -> Iterator[str]:
    """A box; a terminal draws its lines."""
    if not rows.rows:
        rows = NOTHING
    lines = [[cell(row.get(column, "")) for column in rows.columns] for row in rows.rows]
    widths = [max(map(len, [name, *(line[at] for line in lines)])) for at, name in enumerate(rows.columns)]
    yield _rule("lwk", widths)
    yield _line([bold(name) + " " * (width - len(name)) for name, width in zip(rows.columns, widths, strict=True)])
    for line in lines:
        yield _rule("tnu", widths)
        yield _line([text.ljust(width) for text, width in zip(line, widths, strict=True)])
    yield _rule("mvj", widths)


def erlang_rows(rows: Rows) -> Iterator[str]:
    """A list of property lists."""
    if not rows.rows:
        yield "[]"
        return
    shown = [[(Atom(column), row.get(column, "")) for column in rows.columns] for row in rows.rows]
    yield erlang(shown)


def _rule(ends: str, widths: Sequence[int]) -> str:
    left, cross, right = ends[0], ends[1], ends[2]
    return GRAPHICS.format(left + cross.join("q" * (width + 2) for width in widths) + right)


def _line(cells: Sequence[str]) -> str:
    bar = GRAPHICS.format("x")
    return bar + bar.join(f" {text} " for text in cells) + bar


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


# -- values ------------------------------------------------------------------------------------------------------------


def cell(value: object) -> str:
    """A value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Typed():
            return "[" + ",".join(_pair(each) for each in value) + "]"
        case list() | tuple():
            return "[" + ", ".join(cell(each) for each in value) + "]"
        case Mapping():
            return compact(value)
        case _:
            return str(value)


def _pair(entry: object) -> str:
    assert isinstance(entry, list)
    name, _, value = entry
    return f"{{{_string(str(name))},{_plain(value)}}}"


def _plain(value: object) -> str:
    match value:
        case str():
            return _string(value)
        case list():
            return "[" + ",".join(_plain(each[1]) if isinstance(each, list) else _plain(each) for each in value) + "]"
        case _:
            return cell(value)


def _string(text: str) -> str:
    """A text among arguments, as Erlang writes it: with escapes, or as numbers where a character can't be shown."""
    if all(32 <= ord(each) < 127 or 160 <= ord(each) < 256 or each in ESCAPES for each in text):
        return '"' + "".join(ESCAPES.get(each, each) for each in text) + '"'
    return "[" + ",".join(str(ord(each)) for each in text) + "]"


def visible_rows(rows: Rows) -> Rows:
    """The same with control characters written out: on a terminal a name must not move the cursor."""
    shown = [{key: _visible(value) for key, value in row.items()} for row in rows.rows]
    return Rows(rows.columns, shown, rows.headed, rows.streamed)


def visible_text(text: str) -> str:
    """The same for a text of lines, whose headings stay bold."""
    parts = MARKS.split(text)
    return "".join(each if at % 2 else visible(each, "\n\t") for at, each in enumerate(parts))


def _visible(value: object) -> object:
    match value:
        case Atom() | Typed():  # words of the system; and texts in these have escapes already
            return value
        case str():
            return visible(value)
        case list() | tuple():
            return [_visible(each) for each in value]
        case Mapping():
            return {visible(str(key)): _visible(each) for key, each in value.items()}
        case _:
            return value


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def erlang(value: object, indent: int = 0) -> str:
    """An Erlang term, broken into lines where it is long."""
    flat = _term(value)
    if len(flat) + indent <= WIDTH or not isinstance(value, list) or not value:
        return flat
    lines = [erlang(each, indent + 1) for each in value]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _term(value: object) -> str:
    match value:
        case Atom():
            return str(value)
        case None:
            return "undefined"
        case bool():
            return cell(value)
        case str():
            return f"<<{_string(value)}>>"
        case Typed():
            entries = [(each[0], Atom(str(each[1])), each[2]) for each in value if isinstance(each, list)]
            return "[" + ",".join(_term(each) for each in entries) + "]"
        case tuple():
            return "{" + ",".join(map(_term, value)) + "}"
        case list():
            return "[" + ",".join(map(_term, value)) + "]"
        case Mapping():
            return "#{" + ",".join(f"{_term(key)} => {_term(each)}" for key, each in value.items()) + "}"
        case _:
            return str(value)


FORMATTERS: Final[Mapping[str, Callable[[Rows], Iterator[str]]]] = {
    "json": json_rows,
    "json_stream": json_stream_rows,
    "pretty_table": pretty,
    "erlang": erlang_rows,
}
"""Those that show rows in one way, headers or not."""
