"""The settings as a list: what a command line, a table in the docs or a loader needs to know about each.

Derived from the model and from nothing else, so that a new field is a new setting everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs

from amqpd.config.checks import Check
from amqpd.config.errors import ConfigError, bad_value
from amqpd.config.model import Config
from amqpd.config.values import OR_NONE, describe, render, structure


@attrs.frozen(kw_only=True)
class Setting:
    """One setting: `key` is its name in the TOML file (`tls.port`), `kind` its type, `section` "" at the top level."""

    section: str
    field: str
    kind: Any
    default: Any
    help: str
    secret: bool
    check: Check | None

    @property
    def key(self) -> str:
        """Name the setting as the TOML file and error messages do: `tls.port`."""
        return f"{self.section}.{self.field}" if self.section else self.field

    @property
    def parameter(self) -> str:
        """Name it as a Python identifier: `tls_port`; what `load` takes as the key of a flag."""
        return self.key.replace(".", "_")

    @property
    def env(self) -> str:
        """Name its environment variable: `AMQPD_TLS_PORT`."""
        return f"AMQPD_{self.parameter.upper()}"

    @property
    def flag(self) -> str:
        """Name its flag: `--tls-port`."""
        return "--" + self.parameter.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Tell whether it is true or false, so that its flag needs no value."""
        return self.kind is bool

    @property
    def allowed(self) -> str:
        """Say what it takes: the kind, and the range if there is one."""
        kind, or_none, _ = describe(self.kind).partition(OR_NONE)
        return (f"{kind}, {self.check.text}" if self.check else kind) + or_none

    @property
    def default_text(self) -> str:
        """Write the default as in the TOML file."""
        return render(self.default, self.kind)

    def parse(self, value: object, where: str | None = None) -> Any:
        """Return `value` (of the TOML file, a text, or already of the kind) as the model holds it.

        Raise ConfigError naming the key, the value, `where` and what is allowed.
        """
        try:
            parsed = structure(value, self.kind)
        except ValueError as error:
            raise bad_value(self.key, value, self.allowed, where, secret=self.secret) from error
        if self.check is not None and parsed is not None and not self.check.accepts(parsed):
            raise bad_value(self.key, value, self.allowed, where, secret=self.secret)
        return parsed


@cache
def settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the model: the top level first, then section by section."""
    owners = {"": Config, **sections()}
    return tuple(
        _setting(name, field) for name, owner in owners.items() for field in _fields(owner) if not attrs.has(field.type)
    )


@cache
def sections() -> dict[str, type]:
    """Return the class of each section by its name, in the order of the model; one within another is `outer.inner`."""
    return dict(_sections_of(Config, ""))


def _sections_of(owner: type, before: str) -> Iterator[tuple[str, type]]:
    for attribute in _fields(owner):
        if attrs.has(attribute.type):
            yield before + attribute.name, attribute.type
            yield from _sections_of(attribute.type, f"{before}{attribute.name}.")


def build(values: dict[str, Any], origins: dict[str, str]) -> Config:
    """Return the Config of parsed `values` by key; `origins` by key tell an error where a value came from."""
    chosen: dict[str, dict[str, Any]] = {section: {} for section in ("", *sections())}
    for setting in settings():
        if setting.key in values:
            chosen[setting.section][setting.field] = values[setting.key]
    for section, kind in reversed(sections().items()):  # what is within another section comes after it
        outer, _, name = section.rpartition(".")
        chosen[outer][name] = kind(**chosen[section])
    try:
        return Config(**chosen[""])
    except ConfigError as error:
        where = origins.get(error.key or "")
        raise ConfigError(
            error.problem, key=error.key, value=error.value, where=where, allowed=error.allowed
        ) from error


def _fields(owner: Any) -> Any:
    # The annotations are text until they are resolved, and the label of a size or a duration is part of its kind.
    return attrs.fields(attrs.resolve_types(owner, include_extras=True))


def _setting(section: str, attribute: Any) -> Setting:
    default = attribute.default
    return Setting(
        section=section,
        field=attribute.name,
        kind=attribute.type,
        default=default.factory() if isinstance(default, attrs.Factory) else default,  # type: ignore[arg-type]
        help=attribute.metadata["help"],
        secret=attribute.metadata["secret"],
        check=attribute.validator,
    )
