"""Where a client connects from and to, as far as the protocol cares."""

from __future__ import annotations

import ipaddress

import attrs


@attrs.frozen
class Endpoint:
    """The two ends of one accepted socket."""

    peer_host: str
    peer_port: int
    host: str
    port: int
    tls: bool = False
    has_certificate: bool = False
    certificate_name: str = ""
    """The user that the client certificate names, by the setting for EXTERNAL."""

    @property
    def name(self) -> str:
        """RabbitMQ's connection name: `<peer> -> <host>`, IPv6 addresses in brackets."""
        return f"{_shown(self.peer_host)}:{self.peer_port} -> {_shown(self.host)}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the peer is on this machine: 127.0.0.0/8, ::1, the former mapped to IPv6, or a Unix socket."""
        if self.peer_host in ("", "127.0.0.1", "::1"):
            return True
        try:
            address = ipaddress.ip_address(self.peer_host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
