"""Who speaks first with something other than AMQP 0-9-1's header: for the log, so that it says what to change."""

from __future__ import annotations

from typing import Final

_FIRST: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x16\x03", "TLS: this port is for plain AMQP, `tls.port` for TLS"),
    (b"PROXY ", "a header of the PROXY protocol: `proxy_protocol` is for ports behind a proxy"),
    (b"\r\n\r\n\0\r\nQ", "a header of the PROXY protocol: `proxy_protocol` is for ports behind a proxy"),
    (b"AMQP\0\x01\0\0", "AMQP 1.0, which is not spoken here"),
    (b"AMQP\x02\x01\0\0", "AMQP 1.0, which is not spoken here"),
    (b"AMQP\x03\x01\0\0", "AMQP 1.0, which is not spoken here"),
    (b"AMQP", "another version of AMQP"),
    (b"CONNECT\n", "STOMP, which is not spoken here"),
    (b"CONNECT\r", "STOMP, which is not spoken here"),
    (b"STOMP\n", "STOMP, which is not spoken here"),
    *(
        (method + b" ", "HTTP: the management API is on `management.port`, metrics are on `metrics.port`")
        for method in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT")
    ),
)
_STREAM: Final = b"\0\x11\0\x01"
"""Key and version of peer-properties, behind the length of the frame: what clients of streams begin with."""


def guess(header: bytes) -> str:
    """What the first eight octets look like, and what would be right; else that nobody knows."""
    for first, who in _FIRST:
        if header.startswith(first):
            return who
    if header[:1] == b"\x10" and b"MQ" in header:
        return "MQTT, which is not spoken here"
    if header[4:] == _STREAM:
        return "RabbitMQ's stream protocol: streams are read and written over AMQP 0-9-1 here"
    return "unknown"
