"""Where settings come from: defaults, then the TOML file, then the environment, then flags; the later one wins.

Decides: the names in each source, and which variables are not meant for the broker. Reads no environment of its own
accord: the caller hands it in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amqpd.compiled import VARIABLE
from amqpd.config.errors import ConfigError, bad_value, unknown_key, unreadable
from amqpd.config.model import Config
from amqpd.config.settings import Setting, build, sections, settings

_PREFIX = "AMQPD_"
_RABBITMQ_IMAGE = {
    "RABBITMQ_DEFAULT_USER": "default.user",
    "RABBITMQ_DEFAULT_PASS": "default.password",
    "RABBITMQ_DEFAULT_VHOST": "default.vhost",
}
_NO_SETTINGS = {"AMQPD_CONFIG", VARIABLE}
"""They are for the command line, and for which form of amqpd runs."""
_ACCESS = {"vhosts", "users", "permissions", "topic_permissions", "default_limits"}
"""Tables of the access file, which is another one."""
# A container engine or Kubernetes with a service named "amqpd" sets these in every container beside it.
_SERVICE_LINK = re.compile(r"AMQPD_(NAME|SERVICE_(HOST|PORT)(_.*)?|PORT_\d+_(TCP|UDP)(_.*)?|ENV_.*)")
_LINK_TO_RABBITMQ = re.compile(r"RABBITMQ_(NAME|SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_(TCP|UDP)(_.*)?)?|ENV_.*)")
_SERVICE_LINK_URL = re.compile(r"(tcp|udp)://.*")

_Given = tuple[Setting, object, str]


def load(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Config:
    """Return the Config of all sources.

    `file` is a TOML file or None. `environ` is usually `os.environ`. `flags` go by key (`tls.port`) or parameter name
    (`tls_port`); None means that a flag was not given. A relative path in the file is relative to the file's folder.
    Raise ConfigError for an unknown key or a bad value, and for a file that cannot be read.
    """
    return load_said(file, environ, flags)[0]


def load_said(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[Config, frozenset[str]]:
    """The same, and the keys that a source says something about: `none` may be said, and is not the same as nothing."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting, value, where in _from_file(file):
        values[setting.key] = _beside(file, setting.parse(value, where))
        origins[setting.key] = where
    for given in (_from_environment(environ), _from_flags(flags)):
        for setting, value, where in given:
            values[setting.key] = setting.parse(value, where)
            origins[setting.key] = where
    return build(values, origins), frozenset(origins)


def ignored(environ: Mapping[str, str]) -> list[str]:
    """The variables for RabbitMQ or its container image that amqpd takes nothing from."""
    return sorted(
        name
        for name in environ
        if name.startswith("RABBITMQ_") and name not in _RABBITMQ_IMAGE and not _LINK_TO_RABBITMQ.fullmatch(name)
    )


def _conversion(path: Path) -> str:
    """What to do with a file that looks like RabbitMQ's configuration, by its name."""
    return f"; if it is RabbitMQ's, `amqpd config convert {path}` makes TOML of it" if path.suffix == ".conf" else ""


def _beside(file: Path | None, value: Any) -> Any:
    """A value of the file: what is a path in it, or a table of paths, starts in the file's folder."""
    if file is not None and isinstance(value, Path):
        return file.parent / value
    if isinstance(value, Mapping):
        return {name: _beside(file, item) for name, item in value.items()}
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """Return the document in `path`; raise ConfigError if it cannot be opened or is no TOML."""
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise unreadable(path, error.strerror or error) from error
    except ValueError as error:  # a syntax error, or bytes that are no UTF-8
        raise unreadable(path, f"{error}{_conversion(path)}") from error


def _from_file(file: Path | None) -> Iterator[_Given]:
    if file is None:
        return
    where = f"in {file}"
    known = {setting.key: setting for setting in settings()}
    for key, value in _entries("", read_toml(file), where):
        if key not in known:
            if key in _ACCESS:
                allowed = "nothing here: it belongs into the file of 'access_file'"
                raise bad_value(key, value, allowed, where, secret=True)
            raise unknown_key(key, value, _near(key, known), where + _conversion(file))
        yield known[key], value, where


def _entries(before: str, table: Mapping[str, object], where: str) -> Iterator[tuple[str, object]]:
    """The keys of a table and their values; those of a section within it by the whole key."""
    for name, value in table.items():
        key = before + name
        if key not in sections():
            yield key, value
        elif isinstance(value, dict):
            yield from _entries(f"{key}.", value, where)
        else:
            raise bad_value(key, value, f"a table: [{key}]", where)


def _near(key: str, known: Mapping[str, Setting]) -> list[str]:
    # A key inside a section is most likely one of that section's; one at the top may belong to any.
    section, dot, _ = key.rpartition(".")
    return [name for name in known if name.startswith(section + dot)] or list(known)


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    known = {setting.env: setting for setting in settings()}
    keys = {setting.key: setting for setting in settings()}
    for name, key in _RABBITMQ_IMAGE.items():
        if environ.get(name):  # the image's start script takes an empty one for unset
            yield keys[key], environ[name], f"from the environment variable {name}"
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in _NO_SETTINGS or _SERVICE_LINK.fullmatch(name):
            continue
        if name == "AMQPD_PORT" and _SERVICE_LINK_URL.fullmatch(environ[name]):
            continue
        if name not in known:
            raise unknown_key(name, environ[name], known, "from the environment")
        yield known[name], environ[name], f"from the environment variable {name}"


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Given]:
    known = {setting.parameter: setting for setting in settings()}
    for name, value in flags.items():
        if value is None:
            continue
        setting = known.get(name.replace(".", "_"))
        if setting is None:
            raise unknown_key(name, value, known, "from the flags")
        yield setting, value, f"from the flag {setting.flag}"


__all__ = ["ConfigError", "ignored", "load", "load_said", "read_toml"]
