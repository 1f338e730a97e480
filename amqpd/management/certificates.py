"""Until when a certificate is good: as much of X.509 as that takes (RFC 5280, section 4.1)."""

from __future__ import annotations

import calendar
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PEM: Final = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
WRITTEN: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")
VERSION: Final = 0xA0
UTC_TIME: Final = 0x17


def expiries(path: Path) -> list[tuple[int, ...]]:
    """The last instants of all certificates of a PEM file, in its order: year, month, day, hour, minute and second, of
    UTC. Raises OSError, ValueError.
    """
    return [_not_after(ssl.PEM_cert_to_DER_cert(each)) for each in pems(path)]


def pems(path: Path) -> list[str]:
    """The certificates of a PEM file, each as it is written there; a key that is beside them is not among them. Raises
    OSError.
    """
    return PEM.findall(path.read_text("ascii", "replace"))


def seconds(instant: tuple[int, ...]) -> int:
    """Since the Unix epoch."""
    return calendar.timegm(instant)


def _not_after(der: bytes) -> tuple[int, ...]:
    (certificate,) = _elements(der)
    signed, *_ = _elements(certificate[1])
    fields = [each for each in _elements(signed[1]) if each[0] != VERSION]
    _, _, _, (_, validity), *_ = fields  # the serial number, the algorithm and the issuer come before it
    _, (tag, octets) = _elements(validity)
    text = octets.decode("ascii")
    if tag == UTC_TIME:  # two digits of a year: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    parts = WRITTEN.fullmatch(text)
    if parts is None:
        raise ValueError(f"'{text[:40]}' is no time of a certificate")
    return tuple(map(int, parts.groups()))


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
