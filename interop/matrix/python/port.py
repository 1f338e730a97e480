"""What the scenarios ask of a client, in the protocol's words. Each driver maps it to its client's own calls.

Everything here returns when the client has seen the outcome, whatever the client's own style is: a driver of an
asynchronous client runs its loop until then. Waits have a deadline; nothing sleeps but `Connection.idle`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from interop.matrix.driver import Address, same

PROPERTIES: Final = (
    "content_type", "content_encoding", "headers", "delivery_mode", "priority", "correlation_id", "reply_to",
    "expiration", "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id",
)  # fmt: skip
"""All fourteen, by the names that most Python clients give them."""


MADE_UP: Final = "made up by the client"


class Refused(Exception):
    """The broker closed a channel or a connection, or didn't let the client in."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class NotTrusted(Exception):
    """The client does not accept the broker's certificate."""


@dataclass(frozen=True)
class Options:
    """How to connect; a driver leaves out what its client has no option for."""

    address: Address
    heartbeat: int = 30
    frame_max: int = 65536
    channel_max: int = 100
    name: str = "interop"
    tls: bool = False
    ca_file: str | None = None


@dataclass(frozen=True)
class Message:
    """A message as the client hands it out. `properties` holds those that are present, by their names in PROPERTIES."""

    body: bytes
    properties: Mapping[str, Any] = field(default_factory=dict)
    exchange: str = ""
    key: str = ""
    redelivered: bool = False
    tag: int = 0
    count: int | None = None
    """For a message that was got: how many more there are; None where the client doesn't tell."""
    code: int = 0
    text: str = ""
    """For a returned message: the reply code and text."""
    native: Any = None


class Client(ABC):
    """One client library."""

    properties: Sequence[str] = PROPERTIES
    """Those that it offers."""
    nacks = True
    """Whether it has basic.nack."""
    tells_why_not = True
    """Whether it reports the code with which a connection ended; without, Refused has the code 0."""
    returns_content = True
    """Whether it hands out properties and body of a returned message."""
    returns_need_confirms = False
    """Whether it hands out returned messages in confirm mode alone."""
    adds: Mapping[str, Any] = MappingProxyType({})
    """Properties that it gives every message that does not have its own; the value MADE_UP stands for any."""

    @abstractmethod
    def connect(self, options: Options) -> Connection:
        """Connect. Raises Refused or NotTrusted."""

    def expected(self, tag: str, value: Any) -> Any:
        """Return how the client decodes a header of this wire type; `value` is the most natural one in Python."""
        return value

    def headers(self) -> Mapping[str, Any]:
        """Return headers of every type that the client encodes, in its own types."""
        raise NotImplementedError

    def decoded(self, headers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what should come back of `headers()`."""
        return headers


class Connection(ABC):
    """An open connection."""

    @abstractmethod
    def channel(self) -> Channel:
        """Open a channel."""

    @abstractmethod
    def close(self) -> None:
        """Close in order."""

    @abstractmethod
    def await_blocked(self) -> None:
        """Wait until the client says that the connection is blocked."""

    @abstractmethod
    def await_unblocked(self) -> None:
        """Wait until the client says that it is no more."""

    @abstractmethod
    def await_closed(self) -> Refused:
        """Wait until the client reports that the broker has closed the connection."""

    @abstractmethod
    def idle(self, seconds: float) -> None:
        """Do nothing for a time, but let the client keep the connection alive as it does."""


class Channel(ABC):
    """An open channel. Raises Refused for what the broker closes it for."""

    @abstractmethod
    def close(self) -> None: ...

    # -- exchanges and queues

    @abstractmethod
    def declare_exchange(self, name: str, kind: str) -> None:
        """Declare a durable exchange."""

    @abstractmethod
    def delete_exchange(self, name: str) -> None: ...

    @abstractmethod
    def bind_exchange(self, destination: str, source: str, key: str) -> None: ...

    @abstractmethod
    def declare_queue(
        self,
        name: str = "",
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        """Return the name and the number of messages."""

    @abstractmethod
    def delete_queue(self, name: str) -> None: ...

    @abstractmethod
    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None: ...

    @abstractmethod
    def unbind(self, queue: str, exchange: str, key: str = "") -> None: ...

    @abstractmethod
    def purge(self, queue: str) -> int | None:
        """Return how many messages there were; None where the client doesn't tell."""

    # -- publishing

    @abstractmethod
    def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: Mapping[str, Any] | None = None,
        *,
        mandatory: bool = False,
    ) -> None:
        """Publish without waiting for a confirm."""

    @abstractmethod
    def select_confirms(self) -> None: ...

    @abstractmethod
    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        """Publish to the default exchange; return for each message whether it was acknowledged.

        Nothing is waited for in between, where the client can.
        """

    @abstractmethod
    def returned(self) -> Message:
        """Wait for the next returned message."""

    @abstractmethod
    def none_returned(self) -> bool:
        """Whether no returned message has arrived that `returned` has not handed out."""

    # -- consuming

    @abstractmethod
    def get(self, queue: str, *, no_ack: bool = False) -> Message | None: ...

    @abstractmethod
    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer: ...

    @abstractmethod
    def ack(self, message: Message, *, multiple: bool = False) -> None: ...

    @abstractmethod
    def nack(self, message: Message, *, requeue: bool) -> None: ...

    @abstractmethod
    def reject(self, message: Message, *, requeue: bool) -> None: ...

    @abstractmethod
    def prefetch(self, count: int) -> None: ...

    # -- transactions

    @abstractmethod
    def select_transactions(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def roll_back(self) -> None: ...


class Consumer(ABC):
    """A running consumer."""

    tag: str

    @abstractmethod
    def next(self) -> Message:
        """Wait for the next delivery."""

    @abstractmethod
    def waiting(self) -> bool:
        """Whether a delivery has arrived that `next` has not handed out; what the client has read counts."""

    @abstractmethod
    def cancel(self) -> None: ...

    @abstractmethod
    def await_cancelled(self) -> None:
        """Wait until the client reports that the broker has cancelled the consumer."""


Scenario = Callable[["Stage"], None]


class Stage:
    """One scenario's connections and names; what it has made is gone in the end."""

    def __init__(self, client: Client, prefix: str, plain: Address, tls: Address, ca_file: str) -> None:
        self.client = client
        self.prefix, self.plain, self.tls, self.ca_file = prefix, plain, tls, ca_file
        self._connections: list[Connection] = []
        self._queues: list[str] = []
        self._exchanges: list[str] = []

    def connect(self, **options: Any) -> Connection:
        """Connect to the plain listener, or as the options say."""
        made = self.client.connect(Options(**{"address": self.plain, "name": self.prefix, **options}))
        self._connections.append(made)
        return made

    def forget(self, connection: Connection) -> None:
        """Do not close a connection in the end: it is closed already."""
        self._connections.remove(connection)

    def close(self, connection: Connection) -> None:
        """Close a connection now."""
        self.forget(connection)
        connection.close()

    def queue(self, word: str = "queue") -> str:
        """Return a name for a queue, which is deleted in the end."""
        self._queues.append(f"{self.prefix}-{word}")
        return self._queues[-1]

    def exchange(self, word: str) -> str:
        """Return a name for an exchange, which is deleted in the end."""
        self._exchanges.append(f"{self.prefix}-{word}")
        return self._exchanges[-1]

    def strike(self) -> None:
        """Close what is open and delete what was named."""
        while self._connections:
            self._connections.pop().close()
        if self._queues or self._exchanges:
            connection = self.connect()
            channel = connection.channel()
            for queue in self._queues:
                channel.delete_queue(queue)
            for exchange in self._exchanges:
                channel.delete_exchange(exchange)
            self.close(connection)


def seen(client: Client, message: Message, sent: Mapping[str, Any]) -> None:
    """Raise AssertionError unless a message has the properties that were sent, and none but the client's own beside."""
    expected = {**client.adds, **sent}
    made_up = {name for name, value in expected.items() if value == MADE_UP and name in message.properties}
    same("the properties", {**message.properties, **dict.fromkeys(made_up, MADE_UP)}, expected)


def refused(action: Callable[[], object], code: int) -> Refused:
    """Return how the broker refused an action. Raises AssertionError if it didn't, or with another code."""
    try:
        outcome = action()
    except Refused as refusal:
        if refusal.code != code:
            raise AssertionError(f"expected {code}, got {refusal.code}: {refusal.text}") from refusal
        return refusal
    raise AssertionError(f"expected {code}, got {outcome!r}")
