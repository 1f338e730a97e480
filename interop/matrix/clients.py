"""What a client's folder says about it: client.toml, checked key by key.

Knows nothing of processes. A client that loads is complete: names, commands and reasons have their types, and no key is
misspelt.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from interop.matrix.scenarios import Scenario

FILE: Final = "client.toml"
PLACEHOLDERS: Final = ("build", "folder", "python")


class ClientError(Exception):
    """A client.toml that is wrong; the text has one line for each mistake."""


@attrs.frozen
class Client:
    """One client library; `key`, its folder's name, is what the options and the prefix call it."""

    key: str
    folder: Path
    name: str
    language: str
    version: str
    run: tuple[str, ...]
    install: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("*",)
    environment: Mapping[str, str] = attrs.field(factory=dict)
    on_request: bool = False
    """Its installation takes minutes: it is left out unless it is named, or installed already."""
    variants: tuple[str, ...] = ()
    unsupported: Mapping[str, str] = attrs.field(factory=dict)
    unsupported_variants: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)

    def rows(self) -> list[Row]:
        """Its rows of the matrix, one for each variant."""
        return [Row(self, variant) for variant in self.variants or ("",)]


@attrs.frozen
class Row:
    """A client in one of its variants; `variant` is empty where there are none."""

    client: Client
    variant: str = ""

    @property
    def label(self) -> str:
        """What the matrix calls it."""
        return f"{self.client.name} {self.variant}".rstrip()

    def is_asked(self, scenario: Scenario) -> bool:
        """Whether it takes part in a scenario."""
        return (not scenario.only or self.client.key in scenario.only) and not self.why_not(scenario.name)

    def why_not(self, scenario: str) -> str | None:
        """Why it cannot do a scenario; None if it can."""
        own = self.client.unsupported_variants.get(self.variant, {})
        return own.get(scenario) or self.client.unsupported.get(scenario)


def load_all(folder: Path, scenarios: Collection[str], keys: Collection[str] | None = None) -> tuple[Client, ...]:
    """Load the clients below a folder, in the order of their keys; `keys` leaves the others alone.

    Raises ClientError with all that is wrong, an unknown key included.
    """
    files = {file.parent.name: file for file in sorted(folder.glob(f"*/{FILE}"))}
    if unknown := sorted(set(keys or ()) - files.keys()):
        raise ClientError(f"no client {', '.join(map(repr, unknown))}: expected some of {', '.join(files)}")
    clients, wrong = [], []
    for key, file in files.items():
        if keys is not None and key not in keys:
            continue
        try:
            clients.append(load(file, scenarios))
        except ClientError as error:
            wrong.append(str(error))
    if wrong:
        raise ClientError("\n".join(wrong))
    return tuple(clients)


def load(file: Path, scenarios: Collection[str]) -> Client:
    """Load one client. Raises ClientError with all that is wrong in its file."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClientError(f"{file}: not TOML: {error}") from None
    wrong = list(_mistakes(given, scenarios))
    if wrong:
        raise ClientError("\n".join(f"{file}: {each}" for each in wrong))
    unsupported = given.get("unsupported", {})
    return Client(
        key=file.parent.name,
        folder=file.parent,
        name=given["name"],
        language=given["language"],
        version=given["version"],
        run=tuple(given["run"]),
        install=tuple(tuple(command) for command in given.get("install", [])),
        needs=tuple(given.get("needs", [])),
        debian=tuple(given.get("debian", [])),
        inputs=tuple(given.get("inputs", ["*"])),
        environment=given.get("environment", {}),
        on_request=given.get("on_request", False),
        variants=tuple(given.get("variants", [])),
        unsupported={name: why for name, why in unsupported.items() if isinstance(why, str)},
        unsupported_variants={name: why for name, why in unsupported.items() if not isinstance(why, str)},
    )


# -- checks ------------------------------------------------------------------------------------------------------------


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_command(value: Any) -> bool:
    return _are_texts(value) and bool(value)


def _are_commands(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_command, value))


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_KEYS: Final = {
    "name": (_is_text, "a text"),
    "language": (_is_text, "a text"),
    "version": (_is_text, "a text"),
    "run": (_is_command, "a list of texts: a program and its arguments"),
    "install": (_are_commands, "a list of commands, each a list of texts"),
    "needs": (_are_texts, "a list of programs"),
    "debian": (_are_texts, "a list of Debian packages"),
    "inputs": (_are_texts, "a list of file patterns"),
    "environment": (_is_table_of_texts, "a table of texts"),
    "on_request": (_is_boolean, "true or false"),
    "variants": (_are_texts, "a list of texts"),
    "unsupported": (_is_table, "a table: scenario = why, or variant = table of those"),
}
_REQUIRED: Final = ("name", "language", "version", "run")


def _mistakes(given: Mapping[str, Any], scenarios: Collection[str]) -> Iterator[str]:
    yield from (f"{key!r} is missing" for key in _REQUIRED if key not in given)
    for key, value in given.items():
        if key not in _KEYS:
            yield f"unknown key {key!r}: expected one of {', '.join(_KEYS)}"
            continue
        fits, what = _KEYS[key]
        if not fits(value):
            yield f"{key!r} is {value!r}: expected {what}"
        elif key in ("install", "run"):
            yield from _unknown_placeholders(key, [value] if key == "run" else value)
    unsupported = given.get("unsupported", {})
    if isinstance(unsupported, dict):
        yield from _unsupported_mistakes(unsupported, scenarios, given.get("variants", []))


def _unknown_placeholders(key: str, commands: list[list[str]]) -> Iterator[str]:
    for word in (word for command in commands for word in command):
        try:
            filled(word, dict.fromkeys(PLACEHOLDERS, ""))
        except (KeyError, ValueError, IndexError) as error:
            allowed = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            yield f"{key!r} has {word!r}: {error!r}; expected no other braces than {allowed}"


def _unsupported_mistakes(given: Mapping[str, Any], scenarios: Collection[str], variants: Any) -> Iterator[str]:
    for name, why in given.items():
        if isinstance(why, dict):
            if name not in variants:
                yield f"'unsupported' names {name!r}, which is no variant"
            yield from _unsupported_mistakes(why, scenarios, ())
        elif name not in scenarios:
            yield f"'unsupported' names {name!r}, which is no scenario"
        elif not _is_text(why):
            yield f"'unsupported' gives {why!r} for {name!r}: expected the reason"


def filled(text: str, places: Mapping[str, str]) -> str:
    """Put values in the place of {build}, {folder} and {python}; raise KeyError for another name in braces."""
    return text.format_map(places)
