"""The API over TLS: where the settings say, with the certificate that they name."""

from __future__ import annotations

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

import amqpd
from amqpd import app
from amqpd.config import Config, ConfigError, load
from amqpd.embedded import IN_THREAD
from amqpd.management.certificates import expiries, seconds
from tests.management.conftest import Client


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


def config(**settings: object) -> Config:
    return load(None, {}, {**IN_THREAD, "host": "127.0.0.1", "management_host": "127.0.0.1", **settings})


def asked(authority: trustme.CA, port: int, path: str) -> tuple[Any, Any]:
    """The headers and the JSON of an answer."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connection = HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        login = base64.b64encode(b"guest:guest").decode()
        connection.request("GET", path, headers={"authorization": f"Basic {login}"})
        response = connection.getresponse()
        assert response.status == 200
        return response.headers, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture(params=["its own", "that of AMQP"])
def settings(request: pytest.FixtureRequest, certificate: Path) -> dict[str, object]:
    key = "management_tls_certificate" if request.param == "its own" else "tls_certificate"
    return {"management_tls_port": 0, key: str(certificate)}


def test_it_is_served_over_tls_with_its_own_certificate_or_that_of_amqp(
    authority: trustme.CA, settings: dict[str, object]
) -> None:
    with amqpd.run_in_thread(config(management_port=0, **settings)) as broker:
        listening = {each["protocol"]: each for each in overview_of(broker)["listeners"]}
        port = listening["https"]["port"]
        assert listening["https"]["tls"] is True
        headers, overview = asked(authority, port, "/api/overview")
    assert {each["port"] for each in overview["contexts"]} == {str(port), str(listening["http"]["port"])}
    assert headers["strict-transport-security"]


def overview_of(broker: Any) -> Any:
    return Client(broker).get("/overview")


async def test_a_reload_takes_a_new_certificate_for_new_connections(authority: trustme.CA, certificate: Path) -> None:
    settings = config(management_tls_port=0, management_tls_certificate=str(certificate))
    node = app.make_node(settings)
    async with app.serve_node(node, settings) as server:
        assert server.http_addresses == []
        ((_, port),) = server.https_addresses
        await trio.to_thread.run_sync(asked, authority, port, "/api/whoami")
        other = trustme.CA()
        other.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        app.reload(server, settings)
        await trio.to_thread.run_sync(asked, other, port, "/api/whoami")
        with pytest.raises(ssl.SSLCertVerificationError):
            await trio.to_thread.run_sync(asked, authority, port, "/api/whoami")


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"management_tls_port": 0}, "management.tls.certificate"),
        ({"management_tls_verify_peer": True}, "management.tls.ca"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config(**given)
    assert refused.value.key == key


def test_files_that_cannot_be_loaded_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    settings = config(management_tls_port=0, management_tls_certificate=str(wrong))
    with pytest.raises(ConfigError) as refused, amqpd.run_in_thread(settings):
        pass
    assert refused.value.key == "management.tls.certificate"


def test_a_section_of_a_section_is_a_table_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "amqpd.toml"
    file.write_text('[management]\nport = 0\n[management.tls]\nport = 0\ncertificate = "api.pem"\n')
    loaded = load(file, {}, {})
    assert (loaded.management.port, loaded.management.tls.port) == (0, 0)
    assert loaded.management.tls.certificate == tmp_path / "api.pem"
    file.write_text("[management]\ntls = 5\n")
    with pytest.raises(ConfigError, match=r"a table: \[management.tls\]"):
        load(file, {}, {})


def test_certificates_that_end_soon_fail_a_check(authority: trustme.CA, tmp_path: Path) -> None:
    path, ends = tmp_path / "short.pem", datetime.now(UTC) + timedelta(days=10)
    authority.issue_cert("127.0.0.1", not_after=ends).private_key_and_cert_chain_pem.write_to_path(str(path))
    assert abs(seconds(min(expiries(path))) - ends.timestamp()) < 2
    settings = config(management_port=0, management_tls_port=0, management_tls_certificate=str(path))
    with amqpd.run_in_thread(settings) as broker:
        client = Client(broker)
        assert client.get("/health/checks/certificate-expiration/1/weeks") == {"status": "ok"}
        answer = client("GET", "/health/checks/certificate-expiration/11/days")
        assert (answer.status, answer.json["reason"]) == (503, "Certificates expiring")
        (expired,) = answer.json["expired"]
        assert (expired["protocol"], expired["certfile"]) == ("https", str(path))
        assert expired["certfile_expires_on"] == f"{ends:%Y-%m-%d %H:%M:%S}"
        for wrong, reason in (("1/eons", "Time unit not"), ("x/days", "Invalid expiration value.")):
            answer = client("GET", f"/health/checks/certificate-expiration/{wrong}")
            assert answer.status == 400
            assert answer.json["reason"].startswith(reason)
        path.unlink()
        assert client("GET", "/health/checks/certificate-expiration/1/days").status == 503


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x82\x05", b"\x30\x03\x30\x01\x00"])
def test_what_is_no_certificate_is_no_certificate(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "wrong.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(octets))
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds, none of which anybody tells apart
        expiries(path)
