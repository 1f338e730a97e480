"""A message: opaque bytes and where they were published to, plus its place in the one queue that holds it.

Header and body stay as they came in and are shared by every queue; what differs per queue (number, redelivered,
deadline) is why a fan-out makes one `copy` for each further queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amqpd.broker.dead_letter import Death
    from amqpd.broker.packed_run import Run
    from amqpd.broker.queue import Queue

OVERHEAD: Final = 220
"""Octets that a waiting message costs beyond its body: the object, its number, its list slot. A test holds it near
RSS.
"""

SMALL_HEADER: Final = 256
"""Octets of properties up to which they are in OVERHEAD; equal small ones are one object for all messages."""

_OVERHEAD: Final = OVERHEAD
_SMALL: Final = SMALL_HEADER


def header_cost(header: bytes) -> int:
    """What the account holds for properties."""
    return len(header) if len(header) > SMALL_HEADER else 0


class Message:
    """One message in at most one queue."""

    __slots__ = (
        "body",
        "deadline",
        "exchange",
        "number",
        "properties",
        "redelivered",
        "routing_key",
        "sharing",
        "trail",
    )

    def __init__(self, exchange: str, routing_key: str, properties: Properties, body: bytes) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.properties = properties
        self.body = body
        self.number = 0
        """Enqueue number: the order of its queue, kept when it is requeued."""
        self.redelivered = False
        self.deadline: float | None = None
        """When it expires, on the monotonic clock; fixed at its enqueue."""
        self.sharing: Sharing | None = None
        """Who else holds the same body, for the account."""
        self.trail: Trail | None = None
        """What its content doesn't show; None for nearly every message."""

    def copy(self) -> Message:
        """The same content for another queue; the body is not copied."""
        twin = Message(self.exchange, self.routing_key, self.properties, self.body)
        twin.trail = self.trail
        if self.sharing is None:
            self.sharing = Sharing()
        self.sharing.holders += 1
        twin.sharing = self.sharing
        return twin

    def detached(self) -> Message:
        """The same content for a holder of its own, which accounts for the body again."""
        twin = Message(self.exchange, self.routing_key, self.properties, self.body)
        twin.trail = self.trail
        return twin


class Trail:
    """What the broker knows of a message beyond its content: deaths so far, and routing keys that receivers don't
    see.
    """

    __slots__ = ("deaths", "failures", "hidden_keys", "inherited", "published", "rekeyed", "returns")

    def __init__(
        self, deaths: tuple[Death, ...] = (), hidden_keys: tuple[str, ...] = (), *, rekeyed: bool = False
    ) -> None:
        self.deaths = deaths
        """Most recent first."""
        self.hidden_keys = hidden_keys
        """The keys of a BCC header that was removed."""
        self.rekeyed = rekeyed
        """A dead-letter routing key replaced all keys: those in a CC header no longer take part."""
        self.failures = 0
        """Deliveries that failed, where the queue counts them."""
        self.inherited = 0
        """Those in the queue where it died, if another one of that type goes on counting from there."""
        self.returns = 0
        """Deliveries that came back, for whatever reason."""
        self.published: Properties | None = None
        """The properties as they came, where the queue shows consumers others."""

    def copy(self) -> Trail:
        """The same past for a message in another queue."""
        return Trail(self.deaths, self.hidden_keys, rekeyed=self.rekeyed)


class Sharing:
    """Counts the queues that hold one body, so that it is accounted for once."""

    __slots__ = ("counted", "holders")

    def __init__(self) -> None:
        self.holders = 1
        self.counted = False


class Account:
    """The broker's own count of the bytes it holds: message bodies and entries, outboxes, unfinished content.

    It drives the memory alarm, because a Python heap seldom shrinks when messages leave.
    """

    needs_each: ClassVar[bool] = False
    """Whether it has to see each message that is purged."""

    __slots__ = ("definitions", "octets")

    def __init__(self) -> None:
        self.octets = 0
        self.definitions = 0
        """Octets of queues and bindings, estimated; they stay when messages go."""

    def charge(self, octets: int) -> None:
        """Count octets that are held beside messages held; negative: they are gone."""
        self.octets += octets

    def hold(self, message: Message) -> None:
        """A queue keeps this message from now on."""
        sharing = message.sharing
        header = len(message.properties.raw)
        if header > _SMALL:
            self.octets += header
        if sharing is None:
            self.octets += len(message.body) + _OVERHEAD
            return
        self.octets += _OVERHEAD
        if not sharing.counted:
            sharing.counted = True
            self.octets += len(message.body)

    def release(self, message: Message) -> None:
        """A message that was held is gone."""
        sharing = message.sharing
        header = len(message.properties.raw)
        if header > _SMALL:
            self.octets -= header
        if sharing is None:
            self.octets -= len(message.body) + _OVERHEAD
            return
        self.octets -= _OVERHEAD
        self.let_go(message)

    def rewrite(self, message: Message, properties: Properties) -> None:
        """Give a message that is held other properties."""
        self.octets += header_cost(properties.raw) - header_cost(message.properties.raw)
        message.properties = properties

    def let_go(self, message: Message) -> None:
        """A queue that never held this shared message has passed it on."""
        sharing = message.sharing
        if sharing is not None:
            sharing.holders -= 1
            if not sharing.holders and sharing.counted:
                sharing.counted = False
                self.octets -= len(message.body)

    # What follows is of interest only to who keeps a record beside the account: see `queue_account`.

    def opened(self, queue: Queue) -> None:
        """The queue whose account this is has been made."""

    def die(self, message: Message) -> None:
        """A message that was held is gone, and will be published as a dead letter; `buried` says when that is done."""
        self.release(message)

    def buried(self, message: Message) -> None:
        """The dead letter of a message was published, or nobody wanted it."""

    def purged(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Messages with these numbers (first and last ones) are gone from the queue for good; `forget` follows."""

    def forget(self, message: Message) -> None:
        """Let go of a message that was purged."""
        self.release(message)

    def renumber(self, message: Message, number: int) -> None:
        """A message that is held goes to another place of its queue."""
        message.number = number

    def handed_out(self) -> None:
        """Messages that were held already went to consumers."""

    def restore(self, message: Message) -> None:
        """A queue holds a message that it held before a restart."""
        self.hold(message)

    def restore_run(self, run: Run) -> None:
        """The same for messages that nobody looks at one by one."""
        self.octets += run.cost()
