"""pika's parameters, properties and exceptions, to and from what the scenarios speak of; the same for all adapters."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import pika
from pika import exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase

from interop.matrix.driver import PATIENCE
from interop.matrix.python import headers
from interop.matrix.python.port import PROPERTIES, Client, Message, NotTrusted, Options, Refused

ACCESS_REFUSED, NOT_ALLOWED = 403, 530


def parameters(options: Options) -> Any:
    """Return ConnectionParameters."""
    address = options.address
    return pika.ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.vhost,
        credentials=pika.PlainCredentials(address.user, address.password),
        heartbeat=options.heartbeat,
        frame_max=options.frame_max,
        channel_max=options.channel_max,
        client_properties={"connection_name": options.name},
        blocked_connection_timeout=PATIENCE,
        ssl_options=pika.SSLOptions(trust(options), address.host) if options.tls else None,
    )


def trust(options: Options) -> ssl.SSLContext:
    """Return a context that knows the given authority, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.ca_file:
        context.load_verify_locations(options.ca_file)
    return context


def basic_properties(given: Mapping[str, Any] | None) -> Any:
    """Return BasicProperties."""
    return pika.BasicProperties(**(given or {}))


def message(method: Any, properties: Any, body: bytes) -> Message:
    """Return a message from what every adapter hands to its callbacks: deliveries, got and returned ones."""
    found = {name: value for name in PROPERTIES if (value := getattr(properties, name)) is not None}
    return Message(
        body=body,
        properties=found,
        exchange=method.exchange,
        key=method.routing_key,
        redelivered=getattr(method, "redelivered", False),
        tag=getattr(method, "delivery_tag", 0),
        count=getattr(method, "message_count", None),
        code=getattr(method, "reply_code", 0),
        text=getattr(method, "reply_text", ""),
    )


def refusal(error: BaseException) -> Exception:
    """Return what an exception of pika's means; an AssertionError with it if it means nothing that is known."""
    for each in _causes(error):
        if isinstance(each, exceptions.ConnectionClosed | exceptions.ChannelClosed):
            return Refused(each.reply_code, each.reply_text)
        if isinstance(each, exceptions.ProbableAuthenticationError):
            return Refused(ACCESS_REFUSED, str(each))
        if isinstance(each, exceptions.ProbableAccessDeniedError):
            return Refused(NOT_ALLOWED, str(each))
        if isinstance(each, ssl.SSLCertVerificationError):
            return NotTrusted(str(each))
    return AssertionError(f"pika reports {error!r}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    inner: list[BaseException | None] = [error.__cause__, error.__context__]
    if isinstance(error, AMQPConnectionWorkflowFailed):
        inner += error.exceptions
    if isinstance(error, AMQPConnectorPhaseErrorBase):
        inner.append(error.exception)
    inner += [each for each in error.args if isinstance(each, BaseException)]
    for each in inner:
        if each is not None:
            yield from _causes(each)


class PikaClient(Client):
    """What all adapters have alike."""

    def headers(self) -> Mapping[str, Any]:
        """Of all types in Python it refuses floats alone."""
        sent: Mapping[str, Any] = headers.without(float, headers.EVERY)
        return sent

    def expected(self, tag: str, value: Any) -> Any:
        """Floats become whole numbers."""
        if tag in "fd":
            return int(value)
        return headers.signed(value) if tag == "D" else value
