"""The one exception of configuration, and the three ways to be wrong that it tells apart.

Every text names what was wrong, its value, where it came from and what would be right. A secret's value is never shown.
"""

from __future__ import annotations

import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MANY = 30
"""Names that nobody reads through in an error message."""
_SECRET = re.compile("pas|secret|hash", re.IGNORECASE)


class ConfigError(ValueError):
    """Say that a setting, or an entry of the access file, cannot be used.

    `key` is its dotted name, `value` what was given, `where` the source (None when a program passed it), `allowed` what
    would be right. Any of them is None where it has no meaning: a file that cannot be read has no key.
    """

    def __init__(
        self,
        problem: str,
        *,
        key: str | None = None,
        value: object = None,
        where: str | None = None,
        allowed: str | None = None,
    ) -> None:
        self.problem = problem
        self.key = key
        self.value = value
        self.where = where
        self.allowed = allowed
        super().__init__(f"{problem} ({where})" if where else problem)
        if allowed is not None:
            self.args = (f"{self.args[0]}; allowed: {allowed}",)


def bad_value(key: str, value: object, allowed: str, where: str | None = None, *, secret: bool = False) -> ConfigError:
    """Build the error for a known key with a value that it does not take."""
    shown = "(hidden)" if secret else repr(value)
    return ConfigError(
        f"bad value for '{key}': {shown}", key=key, value=None if secret else value, where=where, allowed=allowed
    )


def one_of(names: Iterable[str]) -> str:
    """Say what is allowed where only some names are."""
    return "one of " + ", ".join(map(repr, names))


def unknown_key(key: str, value: object, known: Iterable[str], where: str | None = None) -> ConfigError:
    """Build the error for a key that does not exist: with the nearest known one, else with all of them, or where
    those are listed.

    The value is shown unless the key looks like a misspelt password, or it is a table in which there may be one.
    """
    names = sorted(known)
    nearest = get_close_matches(key, names, n=1)
    within = repr(value) if isinstance(value, dict | list) else ""
    secret = _SECRET.search(" ".join([key, *nearest, within])) is not None
    every = ", ".join(names) if len(names) <= MANY else "the settings that `amqpd serve --help` lists"
    hint = f", did you mean '{nearest[0]}'?" if nearest else ""
    return ConfigError(
        f"unknown key '{key}' = {'(hidden)' if secret else repr(value)}{hint}",
        key=key,
        value=None if secret else value,
        where=where,
        allowed=None if nearest else every,
    )


def unreadable(path: object, reason: object) -> ConfigError:
    """Build the error for a file that cannot be opened or is no TOML."""
    return ConfigError(f"cannot read {path}: {reason}")


def missing_library(error: ImportError, asked: str, extra: str, *, key: str, value: object = None) -> ConfigError:
    """Build the error for a setting whose library isn't there: `asked` says what was set, `extra` brings the library.

    Raises what came in, where it is a defect instead: code of amqpd's own, or of a library that is there, failed.
    """
    missing = error.name or ""
    is_part = "." in missing or missing in sys.stdlib_module_names  # of what is there, or ought to be
    if not isinstance(error, ModuleNotFoundError) or is_part or not missing:
        raise error
    text = f"{asked}, but {missing} is not installed: pip install 'amqpd[{extra}]'"
    return ConfigError(text, key=key, value=value)
