"""HTTP to one broker: over its control socket, a port with a token, or the management API's URL."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

TIMEOUT: Final = 60.0
"""Seconds; rabbitmqctl's."""
SILENCE: Final = 30.0
"""Seconds without even an empty line after which whoever tells events is taken for gone."""


class Unreachable(Exception):
    """Nothing answers there."""


class Refused(Exception):
    """The broker's answer is no. `status` is HTTP's, `error` its word for it, `reason` what it says (any JSON)."""

    def __init__(self, status: int, error: str, reason: object) -> None:
        super().__init__(f"{status} {error}: {reason}")
        self.status = status
        self.error = error
        self.reason = reason

    @property
    def plain(self) -> str:
        """For people. A refused login has no reason but RabbitMQ's word for it."""
        if self.status == 401 and self.error == "not_authorized":
            return "the management API refuses this login: see the user and the password in the URL"
        return f"{self.status}: {self.reason}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Asks one broker, a connection for each question: none is held open while a person reads."""

    def __init__(self, where: str, *, is_local: bool, timeout: float = TIMEOUT) -> None:
        self.where = where
        """For texts."""
        self.is_local = is_local
        """Whether this is the control socket, or the port with the token: it can do what HTTP cannot."""
        self.timeout = timeout
        self._prefix = ""
        self._headers: dict[str, str] = {}
        self._connect: Any = None

    @classmethod
    def of_socket(cls, path: Path, timeout: float = TIMEOUT) -> Client:
        """The broker with this control socket."""
        made = cls(str(path), is_local=True, timeout=timeout)
        made._connect = lambda: _UnixConnection(path, made.timeout)
        return made

    @classmethod
    def of_token(cls, path: Path, timeout: float = TIMEOUT) -> Client:
        """The broker that wrote this file. Raises Unreachable."""
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            host, port, token = str(said["host"]), int(said["port"]), str(said["token"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"{path}: {error}") from error
        made = cls(str(path), is_local=True, timeout=timeout)
        made._headers["authorization"] = f"Bearer {token}"
        made._connect = lambda: http.client.HTTPConnection(host, port, timeout=made.timeout)
        return made

    @classmethod
    def of_url(cls, url: str, timeout: float = TIMEOUT, context: ssl.SSLContext | None = None) -> Client:
        """The broker whose management API is there: `http://user:password@host:15672`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"'{url}' is no URL of a management API: expected http://user:password@host:15672")
        made = cls(f"{parts.hostname}:{parts.port or 15672}", is_local=False, timeout=timeout)
        made._prefix = parts.path.rstrip("/").removesuffix("/api")
        user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        made._headers["authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        host, port = parts.hostname, parts.port or (15671 if parts.scheme == "https" else 15672)
        if parts.scheme == "https":
            made._connect = lambda: http.client.HTTPSConnection(host, port, timeout=made.timeout, context=context)
        else:
            made._connect = lambda: http.client.HTTPConnection(host, port, timeout=made.timeout)
        return made

    def get(self, *path: str, **query: object) -> Any:
        """The JSON at a path, given by its parts. Raises Refused, Unreachable."""
        return self.ask("GET", path, query=query)

    def put(self, *path: str, body: object = None) -> Any:
        """Raises Refused, Unreachable."""
        return self.ask("PUT", path, {} if body is None else body)

    def post(self, *path: str, body: object = None) -> Any:
        """Raises Refused, Unreachable."""
        return self.ask("POST", path, {} if body is None else body)

    def delete(self, *path: str, headers: Mapping[str, str] = {}, **query: object) -> Any:
        """Raises Refused, Unreachable."""
        return self.ask("DELETE", path, query=query, headers=headers)

    def follow(self, *path: str, **query: object) -> Iterator[str]:
        """The lines of an answer as they come, until the broker ends it; empty ones only show that it is there. Raises
        Refused, Unreachable.
        """
        with self._asked("GET", self._target(path, query), None, self._headers, SILENCE) as response:
            if response.status >= 400:
                _read(response.status, response.read())
            for line in response:
                yield line.decode("utf-8", "surrogateescape").rstrip("\n")

    def ask(
        self,
        method: str,
        path: tuple[str, ...],
        body: object = None,
        *,
        query: Mapping[str, object] = {},
        headers: Mapping[str, str] = {},
    ) -> Any:
        """One request; its JSON, or None where there is nothing to say. Raises Refused, Unreachable."""
        octets = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape")
        sent = {"content-type": "application/json", **self._headers, **headers}
        with self._asked(method, self._target(path, query), octets, sent) as response:
            return _read(response.status, response.read())

    def _target(self, path: tuple[str, ...], query: Mapping[str, object]) -> str:
        target = f"{self._prefix}/api/" + "/".join(_quoted(each) for each in path)
        if query:
            target += "?" + urlencode({name.replace("_", "-"): value for name, value in query.items()})
        return target

    @contextmanager
    def _asked(
        self, method: str, target: str, octets: bytes | None, headers: Mapping[str, str], least: float = 0
    ) -> Iterator[http.client.HTTPResponse]:
        """`least`: seconds that it waits for each octet, however impatient the user is."""
        connection: http.client.HTTPConnection = self._connect()
        connection.timeout = max(self.timeout, least)
        try:
            connection.request(method, target, octets, headers)
            yield connection.getresponse()
        except http.client.BadStatusLine as error:  # AMQP greets with a line of its own, and TLS breaks off
            raise Unreachable(f"{self.where}: what listens there does not speak HTTP") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.where}: {error}") from error
        finally:
            connection.close()


def _read(status: int, answer: bytes) -> Any:
    text = answer.decode("utf-8", "surrogateescape")
    try:
        said = json.loads(text) if text.strip() else None
    except ValueError:
        said = None
    if status < 400:
        return said
    if isinstance(said, dict):
        raise Refused(status, str(said.get("error", "")), said.get("reason", said))
    raise Refused(status, "", text.strip() or f"HTTP status {status}")


def _quoted(part: str) -> str:
    return quote(part.encode("utf-8", "surrogateescape"), safe="")
