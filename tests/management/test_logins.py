"""How callers of the HTTP API log in, and what is left of logins that fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amqpd.config import load
from amqpd.config.errors import ConfigError
from amqpd.management.sign_on import SignOn, sign_on
from tests.management.test_site import fetch
from tests.unit.oauth2.authority import Authority


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Authority, dict[str, object]]:
    """An authority, and the settings of a broker that takes its tokens."""
    authority, file = Authority(), tmp_path / "key.pem"
    file.write_bytes(authority.pem())
    settings = {"oauth2_resource_server_id": "mq", "oauth2_signing_keys": {"first": str(file)}}
    return authority, {"auth_backends": ("oauth2", "internal"), **settings}


def bearer(authority: Authority, scope: str) -> dict[str, str]:
    token = authority.sign({"sub": "app", "aud": "mq", "scope": scope})
    return {"authorization": f"Bearer {token.decode()}"}


def test_a_token_opens_what_its_tags_and_scopes_allow(
    started: Callable[..., Any], signed: tuple[Authority, dict[str, object]]
) -> None:
    authority, settings = signed
    with started(**settings) as api:
        works = bearer(authority, "mq.tag:management mq.configure:*/mine* mq.read:*/*")
        who = api.get("/whoami", headers=works)
        assert (who["name"], who["tags"]) == ("app", ["management"])
        assert api("PUT", "/queues/%2F/mine", {}, headers=works).status == 201
        assert api("PUT", "/queues/%2F/other", {}, headers=works).status in (401, 403)
        assert api("GET", "/users", headers=works).status == 401
        assert api("GET", "/users", headers=bearer(authority, "mq.tag:administrator")).status == 200
        assert api("GET", "/whoami", headers=bearer(authority, "mq.read:*/*")).status == 401
        assert api("GET", "/whoami").status == 200
        assert api("GET", "/whoami", headers=bearer(Authority(), "mq.tag:administrator")).status == 401


def test_a_refused_login_is_a_line_with_who_from_where_and_why(
    started: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with started() as api:
        assert api("GET", "/whoami", login="guest:wrong").status == 401
    assert "HTTP login refused peer='127.0.0.1' reason=\"user 'guest' - invalid credentials\"" in caplog.text


def test_where_people_log_in_is_told_and_is_all_that_the_page_may_ask(
    started: Callable[..., Any], signed: tuple[Authority, dict[str, object]]
) -> None:
    provider = {"management_oauth_enabled": True, "management_oauth_client_id": "ui"}
    with started(**signed[1], **provider, oauth2_issuer="https://login.example:8443/shop") as api:
        assert api.get("/auth", login=None) == {
            "oauth_enabled": True,
            "oauth_client_id": "ui",
            "oauth_provider_url": "https://login.example:8443/shop",
            "oauth_scopes": "openid profile",
            "oauth_disable_basic_auth": False,
        }
        policy = fetch(api, "/").headers["content-security-policy"]
        assert "; connect-src 'self' https://login.example:8443; " in policy


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"auth_backends": ("internal",)}, "a list with oauth2"),
        ({"management_oauth_client_id": None}, "'management.oauth.client_id'"),
        ({"management_oauth_provider_url": None}, "'management.oauth.provider_url'"),
    ],
)
def test_settings_of_the_sign_on_that_do_not_go_together_are_refused(settings: dict[str, Any], problem: str) -> None:
    whole = {
        "auth_backends": ("oauth2",),
        "management_oauth_enabled": True,
        "management_oauth_client_id": "ui",
        "management_oauth_provider_url": "https://login.example",
    }
    assert sign_on(load(None, {}, whole)) == SignOn("https://login.example", "ui", "openid profile", passwords=False)
    with pytest.raises(ConfigError, match=re.escape(problem)):
        sign_on(load(None, {}, {name: value for name, value in {**whole, **settings}.items() if value is not None}))


def test_a_new_password_that_is_too_short_or_does_not_match_is_refused(started: Callable[..., Any]) -> None:
    with started(auth_password_min_length=4, auth_password_regexp="[0-9]") as api:
        for password, reason in (
            ("ab1", "minimum required password length: 4"),
            ("abcd", "provided password does not match the validator regular expression"),
        ):
            answer = api("PUT", "/users/u", {"password": password, "tags": ""})
            assert (answer.status, answer.json["reason"]) == (400, reason)
        assert api("PUT", "/users/u", {"password": "abc1", "tags": ""}).status == 201


def test_a_pattern_for_passwords_that_is_none_is_told(started: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"auth\.password_regexp"), started(auth_password_regexp="("):
        pass
