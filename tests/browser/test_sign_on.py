"""Logging in at an identity provider."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Visit, expect, opened
from tests.browser.provider import CLIENT, Provider, providing


@pytest.fixture(scope="module")
def provider() -> Generator[Provider]:
    with providing() as provider:
        yield provider


@pytest.fixture(scope="module")
def office(browser: Any, provider: Provider, tmp_path_factory: Any) -> Generator[Visit]:
    """A broker that takes that provider's tokens, and passwords too."""
    key: Path = tmp_path_factory.mktemp("keys") / "first.pem"
    key.write_bytes(provider.authority.pem())
    settings = {
        "auth_backends": ("oauth2", "internal"),
        "oauth2_resource_server_id": "mq",
        "oauth2_signing_keys": {"first": str(key)},
        "management_oauth_enabled": True,
        "management_oauth_client_id": CLIENT,
        "management_oauth_provider_url": provider.url,
    }
    with opened(browser, settings) as visit:
        yield visit


@pytest.fixture
def comer(office: Visit, provider: Provider) -> Generator[Visit]:
    """Somebody at the login page."""
    office.start_anew()
    provider.refuses, provider.scope = False, "mq.tag:administrator mq.read:*/*"
    office.page.goto(f"{office.url}/#/queues")
    yield office
    assert office.complaints == []


def at(provider: Provider) -> str:
    return f"Log in at {provider.url.removeprefix('http://')}"


def test_who_the_provider_knows_is_in_and_where_it_wanted_to_be(comer: Visit, provider: Provider) -> None:
    comer.button(at(provider)).click()
    expect(comer.heading("Queues")).to_be_visible()
    expect(comer.page.get_by_text("ada", exact=True)).to_be_visible()
    assert comer.page.url == f"{comer.url}/#/queues"
    asked = provider.asked[-1]
    assert (asked["response_type"], asked["scope"], asked["client_id"]) == ("code", "openid profile", CLIENT)
    assert asked["redirect_uri"] == f"{comer.url}/"
    assert comer.page.evaluate("Object.keys(sessionStorage)") == ["amqpd.token"]
    assert comer.page.evaluate("sessionStorage['amqpd.token'].split('.').length") == 1, "the broker's own token"
    comer.page.reload()
    expect(comer.heading("Queues")).to_be_visible()


def test_a_password_does_as_well(comer: Visit) -> None:
    comer.log_in("guest", "guest")
    expect(comer.heading("Overview")).to_be_visible()


def test_what_the_provider_refuses_is_told(comer: Visit, provider: Provider) -> None:
    provider.refuses = True
    comer.button(at(provider)).click()
    expect(comer.page.get_by_role("alert")).to_contain_text("Ada is on holiday.")
    assert comer.page.url == f"{comer.url}/#/queues"


def test_somebody_without_a_tag_is_told_so(comer: Visit, provider: Provider) -> None:
    provider.scope = "mq.read:*/*"
    comer.button(at(provider)).click()
    expect(comer.page.get_by_role("alert")).to_contain_text("Not management user")


def test_an_answer_that_nobody_asked_for_logs_nobody_in(comer: Visit, provider: Provider) -> None:
    """An address with somebody else's code, which a link may hold."""
    comer.page.goto(f"{comer.url}/?code=stolen&state=made-up")
    expect(comer.page.get_by_role("alert")).to_contain_text("was not asked for here")
    assert comer.page.url == f"{comer.url}/"


def test_the_page_may_ask_that_provider_and_nobody_else(comer: Visit, provider: Provider) -> None:
    attempt = "url => fetch(url, {mode: 'no-cors'}).then(() => 'sent', () => 'stopped')"
    assert comer.page.evaluate(attempt, f"{provider.url}/.well-known/openid-configuration") == "sent"
    assert comer.page.evaluate(attempt, provider.url.replace("127.0.0.1", "localhost")) == "stopped"
    assert "Content Security Policy" in "".join(comer.complaints)
    comer.complaints.clear()
