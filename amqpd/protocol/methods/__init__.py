"""The methods of a channel: one file an AMQP class, one small function a method.

A handler takes the channel and the method's arguments in the specification's order. It returns nothing: it replies
through the channel or raises. Settlements have their own table, because they come once a message and are parsed by
hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.protocol.methods import access, basic, channel, confirm, exchange, queue, settle, tx
from amqpd.wire.methods import MethodId

HANDLERS: Final[dict[MethodId, Callable[..., None]]] = {
    (20, 20): channel.flow,
    (20, 40): channel.close,
    (30, 10): access.request,
    (40, 10): exchange.declare,
    (40, 20): exchange.delete,
    (40, 30): exchange.bind,
    (40, 40): exchange.unbind,
    (50, 10): queue.declare,
    (50, 20): queue.bind,
    (50, 30): queue.purge,
    (50, 40): queue.delete,
    (50, 50): queue.unbind,
    (60, 10): basic.qos,
    (60, 20): basic.consume,
    (60, 30): basic.cancel,
    (60, 70): basic.get,
    (60, 100): basic.recover_async,
    (60, 110): basic.recover,
    (85, 10): confirm.select,
    (90, 10): tx.select,
    (90, 20): tx.commit,
    (90, 30): tx.rollback,
}

SETTLEMENTS: Final[dict[MethodId, Callable[..., None]]] = {
    (60, 80): settle.ack,
    (60, 90): settle.reject,
    (60, 120): settle.nack,
}

CONTENT: Final[tuple[MethodId, ...]] = ((60, 40), (60, 50), (60, 60), (60, 71))
"""Methods that content follows: publish first; the others are the server's, but their content is awaited all the
same.
"""

NAMES_A_QUEUE: Final = frozenset([(50, 20), (50, 30), (50, 40), (50, 50), (60, 20), (60, 70)])
"""Methods whose first argument is a queue, where an empty one means the one declared last: bind, purge, delete,
unbind, consume, get.
"""
