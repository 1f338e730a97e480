"""The PROXY protocol, versions 1 and 2: a proxy says in front of the first byte for whom it connects.

Where it is on, every connection begins with such a header, and nothing is believed before it was read: octets are taken
from the socket exactly up to its end, so that AMQP or TLS starts with the next one. What a proxy cannot say (`UNKNOWN`,
a socket family that is not IP) leaves the proxy's own address, and never counts as this machine.
https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Final

import attrs
import trio

from amqpd.log import get_logger
from amqpd.protocol.endpoint import Endpoint

log = get_logger(__name__)

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_LINE: Final = 107
"""Octets of the longest header of version 1, its end included (section 2.1)."""
LONGEST: Final = 4096
"""Octets of addresses and extensions that a header of version 2 may have here: the longest one of a proxy that passes
a TLS client's name along is a tenth of it.
"""
VERSION, LOCAL, PROXY = 0x20, 0, 1
TCP_FAMILIES: Final = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}
LAST_PORT: Final = 65535

Peer = tuple[str, int]


class Malformed(Exception):
    """What came is no header of the PROXY protocol; the text says why."""


@attrs.frozen
class Proxied:
    """What a header says: `source` is the client's address and port, `target` where it connected to; None: unknown."""

    source: Peer | None = None
    target: Peer | None = None
    local: bool = False
    """The proxy connects for itself, to see whether the broker is well."""

    def endpoint(self, accepted: Endpoint) -> Endpoint:
        """The two ends as clients and operators shall see them, where `accepted` are those of the socket."""
        if self.local:
            return accepted
        if self.source is None or self.target is None:
            return attrs.evolve(accepted, proxy_host=accepted.peer_host, is_known=False)
        host, port = self.source
        own_host, own_port = self.target
        return attrs.evolve(
            accepted, peer_host=host, peer_port=port, host=own_host, port=own_port, proxy_host=accepted.peer_host
        )


async def read(sock: socket.socket) -> Proxied:
    """Take the header off an accepted socket. Raises Malformed, or OSError if the peer goes away."""
    start = await _exactly(sock, len(SIGNATURE))
    if start == SIGNATURE:
        kind, family, length = struct.unpack(">BBH", await _exactly(sock, 4))
        if length > LONGEST:
            raise Malformed(f"a header of {length} octets: at most {LONGEST} are taken")
        return version_2(kind, family, await _exactly(sock, length))
    if not start.startswith(b"PROXY "):
        raise Malformed(f"it starts with {start!r}: expected a header of version 1 or 2")
    line = bytearray(start)
    while not line.endswith(b"\r\n"):
        if len(line) == LONGEST_LINE:
            raise Malformed(f"a line of more than {LONGEST_LINE} octets")
        # One at a time: what follows the line belongs to somebody else.
        line += await _exactly(sock, 1)
    return version_1(bytes(line))


async def endpoint_of(sock: socket.socket, accepted: Endpoint, timeout: float) -> Endpoint | None:  # noqa: ASYNC109  # what comes too late is told in the log
    """The two ends of an accepted connection as its header says; None: there is none in `timeout` seconds, or it is
    malformed. Raises OSError if the peer goes away.
    """
    with trio.move_on_after(timeout):
        try:
            return (await read(sock)).endpoint(accepted)
        except Malformed as error:
            log.warning("not a header of the PROXY protocol", connection=accepted.name, reason=str(error))
            return None
    log.warning("no header of the PROXY protocol in time", connection=accepted.name, timeout=timeout)
    return None


def version_1(line: bytes) -> Proxied:
    """What one line says. Raises Malformed."""
    words = line[:-2].split(b" ")
    if words[1] == b"UNKNOWN":
        return Proxied()
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise Malformed(f"the line {line!r}: expected PROXY, TCP4 or TCP6, two addresses and two ports")
    version = 4 if words[1] == b"TCP4" else 6
    source, target = (_address(word, version) for word in words[2:4])
    ports = [_port(word) for word in words[4:]]
    return Proxied((source, ports[0]), (target, ports[1]))


def version_2(kind: int, family: int, rest: bytes) -> Proxied:
    """What a header says behind its signature: version and command, family and transport, addresses and extensions.

    Raises Malformed.
    """
    if kind & 0xF0 != VERSION or kind & 0x0F not in (LOCAL, PROXY):
        raise Malformed(f"version and command {kind:#04x}: expected 0x20 or 0x21")
    if kind & 0x0F == LOCAL:
        return Proxied(local=True)
    if family not in TCP_FAMILIES:
        return Proxied()
    inet, size = TCP_FAMILIES[family]
    if len(rest) < 2 * size + 4:
        raise Malformed(f"{len(rest)} octets of addresses: expected {2 * size + 4}")
    ports = struct.unpack_from(">HH", rest, 2 * size)
    source, target = (socket.inet_ntop(inet, rest[at : at + size]) for at in (0, size))
    return Proxied((source, ports[0]), (target, ports[1]))


def _address(word: bytes, version: int) -> str:
    try:
        address = ipaddress.ip_address(word.decode("ascii"))
    except ValueError:
        raise Malformed(f"the address {word!r}: expected one of IPv{version}") from None
    if address.version != version or "%" in str(address):
        raise Malformed(f"the address {word!r}: expected one of IPv{version}")
    return str(address)


def _port(word: bytes) -> int:
    if not word.isdigit() or len(word) > 5 or int(word) > LAST_PORT:
        raise Malformed(f"the port {word!r}: expected a number from 0 to {LAST_PORT}")
    return int(word)


async def _exactly(sock: socket.socket, count: int) -> bytes:
    taken = bytearray()
    while len(taken) < count:
        try:
            data = sock.recv(count - len(taken))
        except BlockingIOError:
            await trio.lowlevel.wait_readable(sock)
            continue
        if not data:
            raise ConnectionResetError("the peer closed before the end of its PROXY header")
        taken += data
    return bytes(taken)
