"""Where a client connects from and to, as far as the protocol cares."""

from __future__ import annotations

import ipaddress
from typing import Final

import attrs

UNIX: Final = "unix"
"""What stands for the address of a client that came through a Unix socket; its port is a running number."""


@attrs.frozen
class Endpoint:
    """The two ends of one accepted socket; of a Unix socket `host` is the path."""

    peer_host: str
    peer_port: int
    host: str
    port: int
    tls: bool = False
    has_certificate: bool = False
    certificate_name: str = ""
    """The user that the client certificate names, by the setting for EXTERNAL."""
    proxy_host: str | None = None
    """The address of the proxy that named the other ones; None: nobody stands in between."""
    is_known: bool = True
    """False: the proxy doesn't know for whom it connects, and the addresses are its own."""

    @property
    def name(self) -> str:
        """RabbitMQ's connection name: `<peer> -> <host>`, IPv6 addresses in brackets."""
        own = self.host if self.peer_host == UNIX else f"{_shown(self.host)}:{self.port}"
        return f"{_shown(self.peer_host)}:{self.peer_port} -> {own}"

    @property
    def is_loopback(self) -> bool:
        """Whether the peer is on this machine: 127.0.0.0/8, ::1, the former mapped to IPv6, or a Unix socket.

        What a proxy says counts if the proxy is on this machine too: its own 127.0.0.1 may be another one.
        """
        hosts = (self.peer_host,) if self.proxy_host is None else (self.peer_host, self.proxy_host)
        return self.is_known and all(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    if host in ("", UNIX, "127.0.0.1", "::1"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
