"""From the entries of a rabbitmq.conf to settings that amqpd accepts, and notes about the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from amqpd.cli.convert.keys import EVERYWHERE, Anyway, Becomes, Idle, Unfit, addresses, fate
from amqpd.cli.convert.sysctl import Entry
from amqpd.config.errors import ConfigError
from amqpd.config.settings import Setting, settings

ADDRESS: Final = re.compile(r"(?:(?P<host>\[[^\]]+\]|[^:\[\]]+|.*[^:]|::):)?(?P<port>\d+)")
VARIABLE: Final = re.compile(r"\$\((\w+)\)")
"""RabbitMQ puts the value of this variable of its environment there when it starts."""
MINIMUM: Final = {"tlsv1.2": "1.2", "tlsv1.3": "1.3"}


@attrs.frozen
class Note:
    """One line that became no setting, or another one than it says."""

    entry: Entry
    why: str
    harmless: bool = False
    """Whether nothing is lost."""


@attrs.define
class Converted:
    """What a file comes to."""

    values: dict[str, object] = attrs.Factory(dict)
    """By the key of the setting; as the TOML file holds them."""
    notes: list[Note] = attrs.Factory(list)

    @property
    def lost(self) -> list[Note]:
        """What amqpd will do differently."""
        return [note for note in self.notes if not note.harmless]


def convert(entries: Iterable[Entry]) -> Converted:
    """Turn entries into settings. Of several lines with one key the last one counts, as in RabbitMQ."""
    made = Converted()
    lists: dict[str, list[tuple[Entry, object]]] = {}
    for entry in {each.key: each for each in entries}.values():
        found, names = fate(entry.key)
        if not isinstance(found, Becomes):
            made.notes.append(Note(entry, found.why, harmless=isinstance(found, Anyway)))
            continue
        variable = VARIABLE.search(entry.value)
        if variable is not None:
            made.notes.append(Note(entry, _from_outside(found, variable[1])))
            continue
        try:
            value = found.read(entry.value)
        except (Unfit, Idle) as error:
            made.notes.append(Note(entry, str(error), harmless=isinstance(error, Idle)))
            continue
        except ValueError:
            made.notes.append(Note(entry, f"'{entry.value}' is no number"))
            continue
        if found.many:
            several = lists.setdefault(found.key, [])
            if value is not False:
                several.append((entry, names.get("name", value)))
        else:
            _set(made, entry, found.key.format(**names), value)
    _listeners(made, lists.pop("listen.tcp", []), "host", "port")
    _listeners(made, lists.pop("listen.tls", []), "host", "tls.port")
    _versions(made, lists.pop("tls.versions", []))
    _ciphers(made, lists.pop("tls.ciphers", []))
    _backends(made, lists.pop("auth.backends", []), lists.pop("auth.cached_backend", []))
    for key, several in lists.items():
        chosen = [value for entry, value in several if entry.value != "none"]
        _set(made, several[-1][0] if several else Entry(key, "", 0), key, chosen)
    _everywhere(made)
    return made


def _from_outside(found: Becomes, variable: str) -> str:
    """What to do about a value that is in the environment: amqpd's settings are read from there by their own names."""
    setting = next((each for each in settings() if each.key == found.key), None)
    return f"it is in the variable {variable}" + (f": set {setting.env} instead" if setting is not None else "")


def _everywhere(made: Converted) -> None:
    """Listen where RabbitMQ does unless it is told where, which is everywhere; amqpd's own defaults are loopback."""
    for host, port, opened in (
        ("host", "port", True),
        ("management.host", "management.port", False),
        ("metrics.host", "metrics.port", False),
    ):
        if host not in made.values and (opened or port in made.values):
            made.values[host] = EVERYWHERE


def _set(made: Converted, entry: Entry, key: str, value: object) -> None:
    """Take a value if the setting does."""
    setting: Setting = next(each for each in settings() if each.key == key)
    try:
        setting.parse(value)
    except ConfigError as error:
        made.notes.append(Note(entry, str(error)))
        return
    made.values[key] = value


def _listeners(made: Converted, found: list[tuple[Entry, object]], host_key: str, port_key: str) -> None:
    """Addresses of one protocol: amqpd has one port for all of them."""
    for entry, value in found:
        if value == "none":
            if port_key == "port":
                made.values["port"] = "none"
            continue
        match = ADDRESS.fullmatch(str(value))
        if match is None:
            made.notes.append(Note(entry, f"'{value}' is no port, and no address with a port"))
            continue
        port, host = int(match["port"]), (match["host"] or "").strip("[]")
        if made.values.get(port_key, port) != port:
            made.notes.append(Note(entry, f"there is one port for each protocol, and it is {made.values[port_key]}"))
            continue
        made.values[port_key] = port
        hosts = addresses(host or "::")
        known = made.values.get(host_key)
        made.values[host_key] = [*dict.fromkeys([*(known if isinstance(known, list) else []), *hosts])]


def _versions(made: Converted, found: list[tuple[Entry, object]]) -> None:
    """The oldest of several TLS versions; amqpd has none before 1.2."""
    known = sorted(MINIMUM[str(value)] for _, value in found if value in MINIMUM)
    for entry, value in found:
        if value not in MINIMUM:
            made.notes.append(Note(entry, f"'{value}' is not offered: TLS 1.2 is the oldest"))
    if known:
        made.values["tls.minimum_version"] = known[0]


def _ciphers(made: Converted, found: list[tuple[Entry, object]]) -> None:
    """Suites of TLS 1.2 as one list. Which of TLS 1.3 there are is OpenSSL's choice."""
    older = [str(value) for _, value in found if not str(value).startswith("TLS_")]
    for entry, value in found:
        if value not in older:
            made.notes.append(Note(entry, "suites of TLS 1.3 are OpenSSL's own", harmless=True))
    if older:
        _set(made, found[0][0], "tls.ciphers", ":".join(older))


KNOWN_BACKENDS: Final = ("internal", "oauth2", "http")
CACHE: Final = "cache"


def _backends(made: Converted, found: list[tuple[Entry, object]], cached: list[tuple[Entry, object]]) -> None:
    """An ordered list of steps; `auth_backends.1.authn` and `auth_backends.1.authz` are one. `cached` is what stands
    behind the backend `cache`.
    """
    behind = "".join(_steps(made, "auth_cache.cached_backend", cached)[:1]) or "internal"
    chosen = [behind if step == CACHE else step for step in _steps(made, "auth_backends.", found)]
    if chosen and chosen != ["internal"]:
        _set(made, found[-1][0], "auth.backends", chosen)


def _steps(made: Converted, before: str, found: list[tuple[Entry, object]]) -> list[str]:
    """Each as one text. Keys are `before`, a number where there are several, and `.authn` or `.authz` of a pair."""
    steps: dict[str, dict[str, str]] = {}
    for entry, value in found:
        number, _, part = entry.key.removeprefix(before).partition(".")
        name = str(value).removeprefix("rabbit_auth_backend_")
        if name not in (*KNOWN_BACKENDS, CACHE):
            made.notes.append(Note(entry, f"there is no backend '{value}' under this name"))
        else:
            steps.setdefault(number, {})[part] = name
    return [":".join([step[part] for part in ("", "authn", "authz") if part in step]) for step in steps.values()]
