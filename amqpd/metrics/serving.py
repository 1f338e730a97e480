"""Serving a node's metrics where the extra is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from amqpd.http.limits import Limits
from amqpd.http.message import Handle, Request, Response, Sink
from amqpd.metrics.machine import Machine
from amqpd.metrics.requests import Answer, answer
from amqpd.protocol.node import Node

if TYPE_CHECKING:
    import trio

    from amqpd.http.server import Arrive, HttpServer

LIMITS: Final = Limits(connections=32)
"""Few clients come here, each every some seconds."""
PROTOCOL: Final = "http/prometheus"
"""RabbitMQ's name for it."""


def is_installed() -> bool:
    """Whether `amqpd[metrics]` is."""
    return find_spec("h11") is not None


def http_server(
    node: Node, machine: Machine, nursery: trio.Nursery, *, arrive: Arrive | None = None
) -> HttpServer:
    """Answer scrapes on sockets that are handed in. Only where it `is_installed`."""
    from amqpd.http.server import HttpServer

    return HttpServer(handler(node, machine), nursery, LIMITS, arrive=arrive)


def handler(node: Node, machine: Machine) -> Handle:
    """What answers the requests for a node's metrics: GET and nothing else."""

    async def handle(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            refusal = Answer.short(405, f"{request.method} is not possible here: expected GET")
            return _response(refusal, ("allow", "GET, HEAD"))
        return _response(answer(request.target, node, machine))

    return handle


def _response(found: Answer, *further: tuple[str, str]) -> Response:
    async def written(sink: Sink) -> None:
        for piece in found.pieces:
            await sink.write(piece.encode("utf-8", "replace"))

    headers = (("content-type", found.content_type), ("cache-control", "no-cache"), *further)
    return Response(found.status, (), headers, written)
