"""What a GET asks for, and what it gets: paths and parameters of RabbitMQ's endpoints.

https://www.rabbitmq.com/docs/prometheus
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote

import attrs

from amqpd import patterns
from amqpd.metrics.machine import Machine
from amqpd.metrics.scrape import AGGREGATED, ENDPOINTS, SELECTED, Scrape
from amqpd.metrics.text import CONTENT_TYPE

if TYPE_CHECKING:
    from amqpd.protocol.node import Node

PLAIN: Final = "text/plain; charset=utf-8"
MOST_PARAMETERS: Final = 1000


@attrs.frozen
class Answer:
    """A status, and the body in pieces; between two of them others may have their turn."""

    status: int
    content_type: str
    pieces: Iterator[str]

    @classmethod
    def short(cls, status: int, text: str) -> Answer:
        """One line."""
        return cls(status, PLAIN, iter([text + "\n"]))


def answer(target: str, node: Node, machine: Machine) -> Answer:
    """What a GET of this target gets; `target` is as in the request line: `/metrics/detailed?family=queue_metrics`."""
    path, _, query = target.partition("?")
    path = unquote(path).rstrip("/")
    if path in ("", "/"):
        return Answer.short(200, "metrics are at /metrics, /metrics/per-object and /metrics/detailed")
    before, _, name = path.removeprefix("/metrics").partition("/")
    if before or not path.startswith("/metrics"):
        return Answer.short(404, "Not Found")
    endpoint = name or AGGREGATED
    if endpoint not in ENDPOINTS or name == AGGREGATED:
        return Answer.short(404, "Unknown Registry")
    scrape = Scrape(endpoint=endpoint)
    if endpoint == SELECTED:
        try:
            given = parse_qs(query, max_num_fields=MOST_PARAMETERS)
        except ValueError:
            return Answer.short(400, f"more than {MOST_PARAMETERS} parameters")
        try:
            pattern = patterns.compile(given["queue"][-1]) if "queue" in given else None
        except patterns.PatternError as error:
            return Answer.short(400, f"bad value for 'queue': {given['queue'][-1]!r}; expected a pattern: {error}")
        scrape = Scrape(
            endpoint=endpoint,
            families=tuple(given.get("family", ())),
            vhosts=tuple(given.get("vhost", ())),
            queue=None if pattern is None else pattern.search,
        )
    return Answer(200, CONTENT_TYPE, scrape.pieces(node, machine))
