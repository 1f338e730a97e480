"""The user that a certificate's subject names. What is expected is what RabbitMQ 3.10.8 makes of such certificates."""

from __future__ import annotations

import pytest

from amqpd.protocol.node import CertificateLogin
from amqpd.server.certificate_names import distinguished_name, name_in


def written(*attributes: tuple[str, str]) -> str:
    return distinguished_name(tuple((each,) for each in attributes))


def test_a_name_cannot_read_like_another_subject() -> None:
    honest = written(("organizationName", "ops"), ("commonName", "eve"))
    forged = written(("commonName", "eve,O=ops"))
    assert honest == "CN=eve,O=ops"
    assert forged == "CN=eve\\,O=ops"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('a+b"q"<x>~y;b\\z', 'a\\+b\\"q\\"\\<x\\>\\7Ey\\;b\\\\z'),
        ("#hash#", "\\#hash#"),
        (" lead ", "\\ lead\\ "),
        (" ", "\\ "),
        ("jürgen", "j\\C3\\BCrgen"),
        ("ctl\ttab", "ctl\\09tab"),
        ("", ""),
    ],
)
def test_what_is_special_is_escaped(name: str, expected: str) -> None:
    assert written(("commonName", name)) == f"CN={expected}"


def test_attributes_have_rabbitmqs_names() -> None:
    subject = [("domainComponent", "org"), ("userId", "u1"), ("emailAddress", "a@b.c"), ("streetAddress", "s")]
    assert written(*subject) == "2.5.4.9=s,EMAILADDRESS=a@b.c,UID=u1,DC=org"


def test_several_attributes_of_one_relative_name_belong_together() -> None:
    subject = ((("commonName", "x"), ("organizationalUnitName", "y")), (("organizationName", "z"),))
    assert distinguished_name(subject) == "O=z,CN=x+OU=y"


def test_several_common_names_are_one_user() -> None:
    """Whoever has two of them is neither the one nor the other."""
    login = CertificateLogin(part="common_name")
    assert name_in({"subject": ((("commonName", "one"),), (("commonName", "two"),))}, login) == "one,two"
    assert name_in({"subject": ((("organizationName", "acme"),),)}, login) == ""
