"""Whom a client certificate names, in the words of the user's name that RabbitMQ makes of it.

The subject is written as RFC 4514 has it, with escapes: without them, a name that somebody chose (`CN=eve,O=ops`) would
read like the subject of another certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from amqpd.protocol.node import CertificateLogin

COMMON_NAME: Final = "commonName"
SHORT_NAMES: Final = {
    COMMON_NAME: "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "emailAddress": "EMAILADDRESS",
    "generationQualifier": "GENERATIONQUALIFIER",
    "givenName": "GIVENNAME",
    "initials": "INITIALS",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "pseudonym": "PSEUDONYM",
    "serialNumber": "SERIALNUMBER",
    "stateOrProvinceName": "ST",
    "surname": "SN",
    "title": "TITLE",
    "userId": "UID",
    # It writes the others as numbers.
    "businessCategory": "2.5.4.15",
    "description": "2.5.4.13",
    "dnQualifier": "2.5.4.46",
    "name": "2.5.4.41",
    "organizationIdentifier": "2.5.4.97",
    "postalCode": "2.5.4.17",
    "streetAddress": "2.5.4.9",
}
"""RabbitMQ's names of attributes, by the ssl module's."""
SAN_TYPES: Final = {"dns": "DNS", "ip": "IP Address", "email": "email", "uri": "URI"}
"""What the ssl module calls the kinds of subject alternative names."""
SPECIAL: Final = b'"+,;<>\\'
PRINTABLE: Final = range(32, 126)

Subject = tuple[tuple[tuple[str, str], ...], ...]
"""A sequence of relative names, each one of pairs of an attribute and its value, as the ssl module has it."""


def name_in(certificate: Mapping[str, object], login: CertificateLogin) -> str:
    """The user that a certificate of the ssl module names; empty: nobody."""
    if login.part == "subject_alternative_name":
        names = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
        of_kind = [value for kind, value in names if kind == SAN_TYPES[login.san_type]]
        return of_kind[login.san_index] if login.san_index < len(of_kind) else ""
    subject = cast("Subject", certificate.get("subject", ()))
    if login.part == "common_name":
        return ",".join(value for relative in subject for name, value in relative if name == COMMON_NAME)
    return distinguished_name(subject)


def distinguished_name(subject: Subject) -> str:
    """A subject as one text, its last relative name first."""
    return ",".join("+".join(map(_attribute, relative)) for relative in reversed(subject))


def _attribute(pair: tuple[str, str]) -> str:
    name, value = pair
    return f"{SHORT_NAMES.get(name, name)}={_escaped(value)}"


def _escaped(value: str) -> str:
    octets = value.encode("utf-8", "surrogateescape")
    written = [_octet(each) for each in octets]
    if octets[:1] in (b" ", b"#"):
        written[0] = f"\\{chr(octets[0])}"
    if octets[1:].endswith(b" "):
        written[-1] = "\\ "
    return "".join(written)


def _octet(octet: int) -> str:
    if octet not in PRINTABLE:
        return f"\\{octet:02X}"
    return f"\\{chr(octet)}" if octet in SPECIAL else chr(octet)
