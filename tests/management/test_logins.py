"""How callers of the HTTP API log in, and what is left of logins that fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
