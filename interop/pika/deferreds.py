"""pika's adapter for Twisted, whose channels answer with Deferreds; the reactor is turned by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from pika import exceptions
from pika.adapters.twisted_connection import TwistedProtocolConnection
from twisted.internet import endpoints, reactor, ssl
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from interop.matrix.driver import PATIENCE
from interop.matrix.python.port import Connection, Consumer, Message, NotTrusted, Options, Refused
from interop.pika.channel import PikaChannel, PikaConsumer
from interop.pika.translation import PikaClient, basic_properties, message, parameters, refusal

turning: Any = reactor


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Turn the reactor until a condition holds; return False if it doesn't in time."""
    deadline = time.monotonic() + patience
    while not condition():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        turning.iterate(left)
    return True


def settled(deferred: Any) -> Any:
    """Wait for a Deferred; return its result or raise what its failure means."""
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert until(lambda: bool(results)), f"nothing came within {PATIENCE} s"
    if isinstance(results[0], Failure):
        raise meaning(results[0].value)
    return results[0]


def meaning(error: BaseException) -> Exception:
    """Return what an exception means; confirms have exceptions of their own."""
    if isinstance(error, exceptions.NackError | exceptions.UnroutableError):
        return cast("Exception", error)
    if type(error) is exceptions.AMQPConnectionError or isinstance(error, ConnectionDone):
        return Refused(0, "the adapter does not say why")
    return refusal(error)


class OnTwisted(PikaClient):
    """TwistedProtocolConnection."""

    tells_why_not = False

    def __init__(self) -> None:
        turning.startRunning(installSignalHandlers=False)

    def connect(self, options: Options) -> Connection:
        address = options.address
        endpoint: Any
        if options.tls:
            authority = Path(options.ca_file).read_bytes() if options.ca_file else None
            known = [ssl.Certificate.loadPEM(authority)] if authority else []
            trust = ssl.optionsForClientTLS(address.host, ssl.trustRootFromCertificates(known))
            endpoint = endpoints.wrapClientTLS(trust, endpoints.HostnameEndpoint(turning, address.host, address.port))
        else:
            endpoint = endpoints.HostnameEndpoint(turning, address.host, address.port)
        protocol = Protocol(parameters(options))
        ready = protocol.ready
        settled(endpoints.connectProtocol(endpoint, protocol))
        try:
            settled(ready)
        except Refused:
            if "certificate verify failed" in protocol.lost:
                raise NotTrusted(protocol.lost) from None
            raise
        return TwistedConnection(protocol)


class Protocol(TwistedProtocolConnection):  # type: ignore[misc]  # pika has no types for mypy
    """Remembers how its transport ended, of which pika does not tell."""

    lost = ""

    def connectionLost(self, reason: Any) -> None:  # noqa: N802  # Twisted's name
        """Hear that the transport has ended."""
        self.lost = repr(reason)
        super().connectionLost(reason)


class TwistedConnection(Connection):
    """One connection."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._ended: list[Any] = []
        self._notices: list[str] = []
        protocol.closed.addBoth(self._ended.append)

    def channel(self) -> TwistedChannel:
        native = settled(self._protocol.channel())
        native.connection.add_on_connection_blocked_callback(lambda *_: self._notices.append("blocked"))
        native.connection.add_on_connection_unblocked_callback(lambda *_: self._notices.append("unblocked"))
        return TwistedChannel(native)

    def close(self) -> None:
        self._protocol.close()
        assert until(lambda: bool(self._ended)), "the connection does not close"

    def await_blocked(self) -> None:
        assert until(lambda: "blocked" in self._notices), "the client does not say that it is blocked"

    def await_unblocked(self) -> None:
        assert until(lambda: "unblocked" in self._notices), "the client does not say that it is unblocked"

    def await_closed(self) -> Refused:
        assert until(lambda: bool(self._ended)), "the client does not say that it was closed"
        reason = meaning(self._ended[0])
        assert isinstance(reason, Refused), reason
        return reason

    def idle(self, seconds: float) -> None:
        assert not until(lambda: bool(self._ended), seconds), f"closed: {self._ended}"


class TwistedChannel(PikaChannel):
    """One channel."""

    def __init__(self, native: Any) -> None:
        super().__init__(native)
        self._closed: list[BaseException] = []
        native.on_closed.addCallback(self._closed.append)
        native.add_on_return_callback(lambda each: self.on_return(None, each.method, each.properties, each.body))

    def call(self, method: str, **arguments: Any) -> Any:
        return settled(getattr(self.native, method)(**arguments))

    def until(self, condition: Callable[[], bool]) -> None:
        assert until(lambda: condition() or bool(self._closed)), f"nothing came within {PATIENCE} s"
        if not condition():
            raise meaning(self._closed[0])

    def close(self) -> None:
        self.native.close()
        self.until(lambda: bool(self._closed))

    def select_confirms(self) -> None:
        self.call("confirm_delivery")

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        confirms = [
            self.native.basic_publish("", key, body, basic_properties(None), mandatory=mandatory) for body in bodies
        ]
        return [self._is_confirmed(each) for each in confirms]

    def _is_confirmed(self, confirm: Any) -> bool:
        try:
            settled(confirm)
        except exceptions.NackError:
            return False
        except exceptions.UnroutableError:
            pass  # the message itself comes to the callback for returned ones as well
        return True

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        got = self.call("basic_get", queue=queue, auto_ack=no_ack)
        return None if got is None else message(got.method, got.properties, got.body)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        inbox, given = self.call(
            "basic_consume", queue=queue, auto_ack=no_ack, exclusive=exclusive, consumer_tag=tag or None
        )
        return TwistedConsumer(self, inbox, given)


class TwistedConsumer(PikaConsumer):
    """One consumer, whose deliveries come out of a DeferredQueue."""

    def __init__(self, channel: TwistedChannel, inbox: Any, tag: str) -> None:
        super().__init__(channel)
        self.tag = tag
        self._inbox = inbox
        self._listen()

    def _listen(self) -> None:
        self._inbox.get().addCallbacks(self._on_delivery, self._on_end)

    def _on_delivery(self, delivery: Any) -> None:
        self.on_message(*delivery)
        self._listen()

    def _on_end(self, failure: Any) -> None:
        self.cancelled = failure.check(exceptions.ConsumerCancelled) is not None
