"""Serving a node's metrics where the extra is installed."""

from __future__ import annotations

import socket
from importlib.util import find_spec

from amqpd.metrics.machine import Machine
from amqpd.metrics.requests import answer
from amqpd.protocol.node import Node


def is_installed() -> bool:
    """Whether `amqpd[metrics]` is."""
    return find_spec("h11") is not None


async def serve(listeners: list[socket.socket], node: Node, machine: Machine) -> None:
    """Answer scrapes of a node until cancelled; closes the listeners. Only where it `is_installed`."""
    from amqpd.metrics import http

    await http.serve(listeners, lambda target: answer(target, node, machine))
