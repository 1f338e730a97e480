"""What happened, told to whoever listens: the one port through which the model reports changes of itself.

An event has RabbitMQ's name (`queue.created`) and RabbitMQ's fields in RabbitMQ's order, as plain values; a listener
(the event exchange, a log, the HTTP API) makes of them what it needs. Listeners run at once and in the order of their
subscription, after the change is complete. While nobody listens nothing is built: whoever has something to tell asks
`heard` first. The texts of each event are in `announce`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias, Union

import attrs

from amqpd.clock import Clock
from amqpd.fields import Table
from amqpd.log import get_logger

log = get_logger(__name__)

INTERNAL: Final = "rmq-internal"
"""Who acts where no user does: an auto-delete, an expiry, the end of a connection."""
OPERATOR: Final = "rmq-cli"
"""Who acts where an operator does, past any login."""
UNKNOWN: Final = "unknown"
"""Who has done what was done before anybody wrote that down."""

Value: TypeAlias = Union[  # noqa: UP007  # it refers to itself by name
    str, bool, int, float, Table, IPv4Address, IPv6Address, tuple[int, ...], list["Value"], Mapping[str, "Value"]
]
"""Arguments and client properties are a Table, a protocol version is a tuple, what a user wrote as JSON is plain."""


@attrs.frozen
class Event:
    """One thing that happened."""

    name: str
    """What it happened to and what it was, with a dot between them: `queue.created`."""
    time: int
    """Milliseconds since the Unix epoch."""
    fields: Mapping[str, Value]
    """In RabbitMQ's order; to be left alone."""


@attrs.frozen(kw_only=True)
class Telling:
    """What events say of queues of one type; RabbitMQ's types differ."""

    created: tuple[str, ...] = ("exclusive", "type", "arguments")
    """Fields of queue.created behind name, durable and auto_delete, in order."""
    new_consumers: bool = True
    """Whether a consumer's start is told."""
    canceller: bool = True
    """Whether the end of a consumer names the user who cancelled it, else nobody."""
    consumers_of_deleted: bool = False
    """Whether a queue that is deleted tells the end of its consumers itself, before their channels do."""


Listener: TypeAlias = Callable[[Event], None]


class Events:
    """The listeners of one broker."""

    __slots__ = ("_clock", "_listeners", "heard")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: tuple[Listener, ...] = ()
        self.heard = False
        """Whether anybody listens."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call it with every event from now on; return what ends that."""
        self._listeners += (listener,)
        self.heard = True

        def unsubscribe() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not listener)
            self.heard = bool(self._listeners)

        return unsubscribe

    def emit(self, name: str, fields: Mapping[str, Value]) -> None:
        """Tell everybody."""
        event = Event(name, int(self._clock.wall() * 1000), fields)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a defect of a listener is not one of what happened
                log.exception("internal error: an event could not be told", event_name=name)
