"""Which broker is meant: by its socket, its URL, its data directory, its name; else the one that runs here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amqpd.cli.ctl.client import TIMEOUT, Client, Unreachable
from amqpd.cli.places import SOCKET, TOKEN, candidates

SOCKET_VARIABLE = "AMQPD_CONTROL_SOCKET"
"""The setting's own: whoever moves the socket moves it for both."""
URL_VARIABLE = "AMQPCTL_URL"


def find(options: Mapping[str, Any], environ: Mapping[str, str]) -> Client:
    """The client for what a command line says. Raises Unreachable, and ValueError for a URL that is none."""
    timeout = float(options.get("timeout", TIMEOUT)) or 1e9
    url = options.get("url") or environ.get(URL_VARIABLE)
    if url:
        return Client.of_url(str(url), timeout)
    said = options.get("socket") or environ.get(SOCKET_VARIABLE)
    if said:
        return _of(Path(str(said)), timeout)
    if "data_dir" in options:
        folder = Path(str(options["data_dir"]))
        for place in (folder / SOCKET, folder / TOKEN):
            if place.exists():
                return _of(place, timeout)
        raise Unreachable(f"no broker runs on {folder}: there is neither {SOCKET} nor {TOKEN} in it")
    return _running(options.get("node"), environ, timeout)


def _of(path: Path, timeout: float) -> Client:
    return Client.of_token(path, timeout) if path.suffix == ".json" else Client.of_socket(path, timeout)


def _running(node: str | None, environ: Mapping[str, str], timeout: float) -> Client:
    """The broker of this name; where none has it, the only one that runs, so that RabbitMQ's names do no harm."""
    found: dict[str, Client] = {}
    names: dict[str, str] = {}
    for path in candidates(environ):
        try:
            client = _of(path, timeout)
            names[client.where] = str(client.get("control", "status")["node"])
        except Unreachable:
            continue
        found[client.where] = client
        if node is None or node in (names[client.where], names[client.where].partition("@")[0]):
            return client
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        known = ", ".join(f"{name} at {where}" for where, name in names.items())
        raise Unreachable(f"no broker of this name runs, but several others do: {known}. Choose one with --socket")
    hint = "Say where with --socket or --url"
    raise Unreachable(f"no broker with a control socket runs here, or it is another user's. {hint}")
