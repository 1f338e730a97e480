"""What each state may receive on channel 0, as a table; the states themselves are in `states`.

An illegal method is missing here: 504 `unexpected method in connection state ...`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.protocol import handshake, states
from amqpd.wire.methods import MethodId

TABLE: Final[dict[str, dict[MethodId, Callable[..., None]]]] = {
    states.STARTING: {(10, 11): handshake.start_ok},
    states.SECURING: {(10, 21): handshake.secure_ok},
    states.TUNING: {(10, 31): handshake.tune_ok},
    states.OPENING: {(10, 40): handshake.open},
    states.RUNNING: {(10, 50): handshake.close, (10, 70): handshake.update_secret},
    states.CLOSING: {(10, 50): handshake.close, (10, 51): handshake.close_ok},
    states.CLOSED: {(10, 50): handshake.close, (10, 51): handshake.close_ok},
}
