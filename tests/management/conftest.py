"""A broker with its HTTP API, and a client that sends exactly what a test says."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pika
import pytest

import amqpd
from amqpd.config import load
from amqpd.embedded import IN_THREAD
from amqpd.testing.broker import EmbeddedBroker

PATIENCE = 20.0


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Talks to one broker's API over a connection of its own for each request."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker
        parts = urlsplit(broker.management_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port, self.prefix = parts.hostname, parts.port, parts.path

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        login: str | None = "guest:guest",
        headers: Mapping[str, str] = {},
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            sent = {"content-type": "application/json", **headers}
            if login is not None:
                sent.setdefault("authorization", "Basic " + base64.b64encode(login.encode()).decode())
            octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, f"{self.prefix}/api{path}", octets, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Any:
        """The JSON behind a path that is there."""
        answer = self("GET", path, **more)
        assert answer.status == 200, answer
        return answer.json

    def made(self, path: str, body: object = None) -> None:
        """PUT something new."""
        answer = self("PUT", path, body)
        assert answer.status == 201, answer


@pytest.fixture
def api() -> Generator[Client]:
    with amqpd.run_in_thread(management_port=0) as broker:
        yield Client(broker)


@pytest.fixture
def started() -> Callable[..., Any]:
    """For a broker with other settings: `with started(compat="3.10") as api`."""

    @contextmanager
    def start(**settings: object) -> Generator[Client]:
        with amqpd.run_in_thread(load(None, {}, {**IN_THREAD, "management_port": 0, **settings})) as broker:
            yield Client(broker)

    return start


@pytest.fixture
def connected(api: Client) -> Generator[pika.BlockingConnection]:
    """A client of the broker."""
    parameters = pika.URLParameters(api.broker.url)
    parameters.client_properties = {"connection_name": "shop"}
    connection = pika.BlockingConnection(parameters)
    yield connection
    if connection.is_open:
        connection.close()
