"""The kinds of value that a setting can have: how each is read from TOML, text or a program, and how it is described.

Decides: what counts as a size, a duration, a share, a list or a table in text form. Knows no setting by name.
Invariant: a value that is already of its kind is returned as it is, so that structuring twice changes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cattrs import Converter

Size = Annotated[int, "bytes"]
"""A number of bytes; as text also with a unit, such as `512MiB`."""

Seconds = Annotated[float, "seconds"]
"""A duration in seconds, finite and not negative."""

Share = Annotated[float, "share"]
"""A float is a share from 0.0 to 1.0 of the memory that the broker may use; an int (0 or more) is bytes."""

Names = tuple[str, ...]
"""A list of texts; as one text, separated by commas."""

Files = Mapping[str, Path]
"""Paths by name; as one text, pairs of name=path separated by commas."""

OR_NONE = ', or "none"'
"""How the description of an optional kind ends, where "none" stands for leaving it unset."""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"([0-9]+)\s*([a-z]*)")
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def in_bytes(share: float, available: int) -> int:
    """Return `share` in bytes: a float as that part of `available` bytes, an int as it is."""
    return share if isinstance(share, int) else int(share * available)


def structure(value: object, kind: Any) -> Any:
    """Return `value` as `kind`; raise ValueError, without a text worth showing, if it is none (see `describe`)."""
    if is_optional(kind) and isinstance(value, str) and _takes_none_as_text(kind) and value.strip().lower() == "none":
        return None
    try:
        return CONVERTER.structure(value, kind)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error


def describe(kind: Any) -> str:
    """Return what `kind` takes, in the words of the documentation and of error messages."""
    if is_optional(kind):
        inner = describe(_inner(kind))
        return inner + OR_NONE if _takes_none_as_text(kind) else inner
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(kind))
    return _DESCRIPTIONS[kind]


def render(value: object, kind: Any) -> str:
    """Return `value` as a person would write it in the TOML file; an unset value as `none`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'{key} = "{item}"' for key, item in value.items()) + "}"
    if kind in {Size, Size | None} and isinstance(value, int):
        for unit in ("GiB", "MiB", "KiB"):
            if value and value % _UNITS[unit.lower()] == 0:
                return f'"{value // _UNITS[unit.lower()]}{unit}"'
    return str(value)


def is_optional(kind: Any) -> bool:
    """Tell whether `kind` is a union with None."""
    return get_origin(kind) in {Union, UnionType} and type(None) in get_args(kind)


def _inner(kind: Any) -> Any:
    return next(arg for arg in get_args(kind) if arg is not type(None))


def _takes_none_as_text(kind: Any) -> bool:
    # TOML and the environment have no null, so "none" stands for it; where any text is a value, leaving it out does.
    return _inner(kind) not in {str, Path}


def _whole(value: object, _kind: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def _size(value: object, _kind: object) -> int:
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip().lower())
        if match is None or match[2] not in _UNITS:
            raise ValueError(value)
        return int(match[1]) * _UNITS[match[2]]
    size = _whole(value, _kind)
    if size < 0:
        raise ValueError(value)
    return size


def _seconds(value: object, _kind: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(value)
    return seconds


def _share(value: object, _kind: object) -> float:
    if isinstance(value, str) and "." in value:
        value = float(value)
    if not isinstance(value, float):
        return _size(value, _kind)
    if not 0.0 <= value <= 1.0:
        raise ValueError(value)
    return value


def _switch(value: object, _kind: object) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in _WORDS:
        raise TypeError(value)
    return _WORDS[value.strip().lower()]


def _text(value: object, _kind: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _path(value: object, _kind: object) -> Path:
    if not isinstance(value, str | Path) or value == "":
        raise TypeError(value)
    return Path(value)


def _names(value: object, _kind: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")] if value.strip() else []
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    names = tuple(_text(item, str) for item in value)
    if "" in names:
        raise ValueError(value)
    return names


def _table(value: object, _kind: object) -> dict[str, str]:
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(",")] if value.strip() else []
        if not all(separator for _, separator, _ in pairs):
            raise ValueError(value)
        value = {key.strip(): item.strip() for key, _, item in pairs}
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return {_text(key, str): _text(item, str) for key, item in value.items()}


def _files(value: object, _kind: object) -> dict[str, Path]:
    if isinstance(value, Mapping):
        return {_text(key, str): _path(item, Path) for key, item in value.items()}
    return {key: _path(item, Path) for key, item in _table(value, None).items()}


def _choice(value: object, kind: Any) -> object:
    if value not in get_args(kind) or not isinstance(value, str):
        raise ValueError(value)
    return value


def _exactly(wanted: Any) -> Callable[[Any], bool]:
    # These are no classes, so cattrs wants a predicate.
    def matches(kind: Any) -> bool:
        return bool(kind == wanted)

    return matches


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal


_DESCRIPTIONS: dict[Any, str] = {
    int: "a whole number",
    Size: 'a size: bytes, or text with B, KB, KiB, MB, MiB, GB or GiB such as "512MiB"',
    Seconds: "a number of seconds",
    Share: 'a share of the memory from 0.0 to 1.0, or a size such as "512MiB"',
    bool: "true or false",
    str: "text",
    Path: "a path",
    Names: "a list of texts (as one text: separated by commas)",
    Files: "a table of paths (as one text: name=path, separated by commas)",
    Mapping[str, str]: "a table of texts (as one text: key=value, separated by commas)",
}

CONVERTER = Converter(detailed_validation=False)
"""Structures every kind above. `structure` is the way in; another schema may copy it and add its own classes."""

CONVERTER.register_structure_hook(int, _whole)
CONVERTER.register_structure_hook(bool, _switch)
CONVERTER.register_structure_hook(str, _text)
CONVERTER.register_structure_hook(Path, _path)
for _kind, _hook in (
    (Size, _size),
    (Seconds, _seconds),
    (Share, _share),
    (Names, _names),
    (Mapping[str, str], _table),
    (Files, _files),
):
    CONVERTER.register_structure_hook_func(_exactly(_kind), _hook)
CONVERTER.register_structure_hook_func(_is_choice, _choice)
