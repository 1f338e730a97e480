"""Until when a certificate is good: as much of X.509 as that takes (RFC 5280, section 4.1)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

PEM: Final = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
VERSION: Final = 0xA0
UTC_TIME: Final = 0x17


def expiries(path: Path) -> list[datetime]:
    """The last instants of all certificates of a PEM file, in its order. Raises OSError, ValueError."""
    return [_not_after(ssl.PEM_cert_to_DER_cert(each)) for each in PEM.findall(path.read_text("ascii", "replace"))]


def _not_after(der: bytes) -> datetime:
    (certificate,) = _elements(der)
    signed, *_ = _elements(certificate[1])
    fields = [each for each in _elements(signed[1]) if each[0] != VERSION]
    _, _, _, (_, validity), *_ = fields  # the serial number, the algorithm and the issuer come before it
    _, (tag, octets) = _elements(validity)
    text = octets.decode("ascii")
    if tag == UTC_TIME:  # two digits of a year: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents of the elements, one after the other. Raises ValueError."""
    at = 0
    while at < len(octets):
        tag, size, at = octets[at], octets[at + 1 : at + 2], at + 2
        if not size:
            raise ValueError("a certificate that ends too early")
        length = size[0]
        if length & 0x80:
            long, at = octets[at : at + (length & 0x7F)], at + (length & 0x7F)
            length = int.from_bytes(long, "big")
        if at + length > len(octets):
            raise ValueError("a certificate that ends too early")
        yield tag, octets[at : at + length]
        at += length
