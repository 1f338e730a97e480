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
    provider.start_anew()
    office.page.goto(f"{office.url}/#/queues")
    yield office
    assert office.complaints == []


def at(provider: Provider) -> str:
    return f"Log in at {provider.url.removeprefix('http://')}"


def test_who_the_provider_knows_is_in_and_where_it_wanted_to_be(comer: Visit, provider: Provider) -> None:
    comer.button(at(provider)).click()
    expect(comer.heading("Queues")).to_be_visible()
    expect(comer.page.get_by_role("banner")).to_contain_text("ada")
    assert comer.page.url == f"{comer.url}/#/queues"
    asked = provider.asked[-1]
    assert (asked["response_type"], asked["scope"], asked["client_id"]) == ("code", "openid profile", CLIENT)
    assert asked["redirect_uri"] == f"{comer.url}/"
    assert comer.page.evaluate("sessionStorage['amqpd.token'].split('.').length") == 1, "the broker's own token"
    assert "access" not in comer.page.evaluate("sessionStorage['amqpd.provider']"), "the provider's is kept nowhere"
    comer.page.reload()
    expect(comer.heading("Queues")).to_be_visible()


def token_ends(comer: Visit) -> str:
    """The broker's token stands for nobody any more; return it."""
    token: str = comer.page.evaluate("sessionStorage['amqpd.token']")
    header = {"authorization": f"Bearer {token}"}
    assert comer.page.request.delete(f"{comer.url}/api/login", headers=header).ok
    return token


def test_a_login_that_ends_is_renewed_and_nobody_sees_it(comer: Visit, provider: Provider) -> None:
    provider.renews = True
    comer.button(at(provider)).click()
    comer.heading("Queues").wait_for()
    asked = len(provider.asked)
    for title in ("Connections", "Users"):
        before = token_ends(comer)
        comer.page.get_by_role("link", name=title, exact=True).click()
        expect(comer.heading(title)).to_be_visible()
        expect(comer.page.get_by_text("Loading…", exact=True)).to_have_count(0)
        assert comer.page.evaluate("sessionStorage['amqpd.token']") != before
    token_ends(comer)
    comer.page.reload()
    expect(comer.heading("Users")).to_be_visible()
    assert len(provider.asked) == asked, "the provider's page was not needed"


def test_where_it_is_not_renewed_one_logs_in_again_and_is_where_one_was(comer: Visit, provider: Provider) -> None:
    provider.renews = True
    comer.button(at(provider)).click()
    comer.heading("Queues").wait_for()
    comer.button("New queue…").click()
    provider.renews = False
    token_ends(comer)
    expect(comer.page.get_by_role("alert")).to_contain_text("no longer valid")
    expect(comer.dialog).to_have_count(0)
    assert comer.page.evaluate("Object.keys(sessionStorage)") == []
    comer.button(at(provider)).click()
    expect(comer.heading("Queues")).to_be_visible()


def test_logging_out_ends_the_session_at_the_provider_where_it_says_how(comer: Visit, provider: Provider) -> None:
    provider.ends = True
    comer.button(at(provider)).click()
    comer.heading("Queues").wait_for()
    comer.button("Log out").click()
    expect(comer.button(at(provider))).to_be_visible()
    assert provider.ended == [
        {"client_id": CLIENT, "post_logout_redirect_uri": f"{comer.url}/", "id_token_hint": "ada-is-here"}
    ]
    assert comer.page.evaluate("Object.keys(sessionStorage)") == []
    provider.ends = False
    comer.button(at(provider)).click()
    comer.heading("Overview").wait_for()
    comer.button("Log out").click()
    expect(comer.button(at(provider))).to_be_visible()
    assert len(provider.ended) == 1


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
    expect(comer.page.get_by_role("alert")).to_contain_text("This user has no tag for these pages.")


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
