"""Short conversations that play every method in every state of a channel, the ones that make no sense included.

A probe leads a connection into a state by steps that are always the same, and then plays one method with random
arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.frames import HEADER, encode_frame, encode_header
from conformance.fuzz.line import Line
from conformance.fuzz.steps import Dial, Raw, Send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.fuzz.sessions import Composer
    from conformance.fuzz.steps import Program

HALF_A_MESSAGE = Raw(0, 1, encode_frame(HEADER, 1, encode_header(9)))
OPEN = Send(0, 1, "channel.open")
QUEUE = Send(0, 1, "queue.declare", {"queue": "q0"})
MISTAKE = Send(0, 1, "queue.declare", {"queue": "nowhere", "passive": True})
PUBLISH = Send(0, 1, "basic.publish", {"routing_key": "q0"})

WAYS: Mapping[str, Program] = {
    "channel-0": [Dial(0)],
    "unopened": [Dial(0)],
    "open": [Dial(0), OPEN, QUEUE],
    "confirm": [Dial(0), OPEN, QUEUE, Send(0, 1, "confirm.select")],
    "tx": [Dial(0), OPEN, QUEUE, Send(0, 1, "tx.select")],
    "header-due": [Dial(0), OPEN, QUEUE, PUBLISH],
    "body-due": [Dial(0), OPEN, QUEUE, PUBLISH, HALF_A_MESSAGE],
    "closing": [Dial(0), OPEN, MISTAKE],
    "connection-closing": [Dial(0), OPEN, Send(0, 0, "queue.purge")],
}
"""The steps that lead into each state that a channel can be in."""


def probe(compose: Composer, method: str, state: str) -> Program:
    """Return the way into a state and, as the last step, the method."""
    channel = 0 if state == "channel-0" else 1
    if state in ("channel-0", "connection-closing") and compose.chance(20):
        channel = 1 - channel
    return [*WAYS[state], compose.send(0, channel, method, Line(), state)]


def class_probe(compose: Composer, name: str) -> Program:
    """Return the way to an open channel and, as the last step, something with an argument of a class."""
    return [*WAYS["open"], compose.of_class(0, 1, name)]
