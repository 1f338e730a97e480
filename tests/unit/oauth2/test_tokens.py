"""Which tokens are taken, whose they are, and where their keys come from."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

import jwt
import pytest

from amqpd.broker.authentication.port import Login
from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.config import ConfigError, OAuth2
from amqpd.errors import LoginRefused
from amqpd.oauth2.backend import OAuth2Backend
from amqpd.oauth2.keys import AGAIN, FRESH, Fetch
from tests.unit.oauth2.authority import URL, Authority, rsa_key

CLAIMS: dict[str, object] = {"sub": "app", "aud": "mq", "scope": "mq.read:*/* mq.tag:monitoring other.write:*/*"}


class Setting:
    """A backend beside its authority."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.authority = Authority()
        keys = {} if settings.keys() & {"signing_keys", "issuer"} else {"jwks_url": URL}
        options = {"resource_server_id": "mq", **keys, **settings}
        self.fetch: Fetch = self.authority.fetch
        self.backend = OAuth2Backend(OAuth2(**options), self.clock, self._ask)

    def _ask(self, url: str) -> object:
        return self.fetch(url)

    def user(self, token: bytes) -> User | None:
        return self.backend.check(Login("ignored", token))()

    def of(self, claims: Mapping[str, object]) -> User | None:
        return self.user(self.authority.sign(claims))

    def reason(self, token: bytes) -> str:
        with pytest.raises(LoginRefused) as caught:
            self.user(token)
        return caught.value.text


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_a_token_says_whose_it_is_what_it_allows_and_how_long(setting: Setting) -> None:
    end = int(setting.clock.wall()) + 60
    user = setting.of({**CLAIMS, "exp": end})
    assert user is not None
    assert (user.name, user.tags, user.expires) == ("app", ("monitoring",), end)
    assert user.authority is not None
    assert user.authority.allows("app", "/", "read", "queue", "q")
    assert not user.authority.allows("app", "/", "write", "queue", "q")


def test_a_password_is_left_to_others(setting: Setting) -> None:
    assert setting.user(b"secret") is None
    assert setting.authority.fetches == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "another"}, "Audience doesn't match"),
        ({"aud": None}, "aud"),
        ({"exp": 1}, "the token has expired"),
        ({"exp": "soon"}, "'exp' is no number"),
        ({"exp": float("nan")}, "'exp' is no number"),
        ({"exp": 10**400}, "'exp' is no number"),
        ({"nbf": 1e12}, "the token is not valid yet"),
        ({"sub": "", "client_id": 5}, "names no user"),
        ({"sub": "x" * 256}, "names no user"),
    ],
)
def test_a_token_for_others_or_for_another_time_is_refused(
    setting: Setting, change: dict[str, object], reason: str
) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    assert reason in setting.reason(setting.authority.sign(claims))


def test_a_signature_that_is_not_the_authoritys_is_refused(setting: Setting) -> None:
    impostor = Authority()
    assert "Signature verification failed" in setting.reason(impostor.sign(CLAIMS))
    head, claims, signature = setting.authority.sign(CLAIMS).split(b".")
    assert "refused" in setting.reason(b".".join((head, claims, signature[::-1])))
    assert "refused" in setting.reason(b"a.b.c")
    assert "65537 octets" in setting.reason(b".." + b"a" * 65535)


def test_a_token_does_not_choose_how_it_is_checked(setting: Setting) -> None:
    """Neither `none`, nor the public key as a shared secret, nor another algorithm than the settings have."""
    unsigned = jwt.encode(CLAIMS, "", "none", headers={"kid": "first"}).encode()
    assert "refused" in setting.reason(unsigned)
    shared = jwt.encode(CLAIMS, "x" * 64, "HS256", headers={"kid": "first"}).encode()
    assert "refused" in setting.reason(shared)
    other = jwt.encode(CLAIMS, rsa_key(), "RS256", headers={"kid": "first"}).encode()
    assert "refused" in setting.reason(other)


def test_the_issuer_has_to_be_the_one_that_is_set() -> None:
    setting = Setting(issuer="https://authority.example")
    assert setting.of({**CLAIMS, "iss": "https://authority.example"}) is not None
    assert "Invalid issuer" in setting.reason(setting.authority.sign({**CLAIMS, "iss": "https://other.example"}))
    assert "iss" in setting.reason(setting.authority.sign(CLAIMS))
    assert setting.authority.fetches[0] == "https://authority.example/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": ["mq.read:*/*"]},
        {"roles": "mq.read:*/*"},
        {"roles": {"mq": ["mq.read:*/*"], "other": ["mq.write:*/*"]}},
        {"access": {"broker": {"roles": ["mq.read:*/*"]}}},
    ],
)
def test_scopes_come_from_further_claims_too(claims: dict[str, object]) -> None:
    setting = Setting(additional_scopes_key=("roles", "access.broker.roles"))
    user = setting.of({"sub": "app", "aud": ["a", "mq"], **claims})
    assert user is not None
    assert user.authority is not None
    assert user.authority.allows("app", "/", "read", "queue", "q")
    assert not user.authority.allows("app", "/", "write", "queue", "q")


def test_prefix_audience_and_name_follow_the_settings() -> None:
    setting = Setting(scope_prefix="", verify_aud=False, preferred_username_claims=("email",))
    user = setting.of({"sub": "x", "email": "a@example.org", "scope": "read:*/* tag:management"})
    assert user is not None
    assert (user.name, user.tags) == ("a@example.org", ("management",))


# -- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_fetched_once_and_again_when_they_are_old(setting: Setting) -> None:
    for _ in range(3):
        setting.of(CLAIMS)
    assert len(setting.authority.fetches) == 1
    setting.clock.advance(FRESH)
    setting.of(CLAIMS)
    assert len(setting.authority.fetches) == 2


def test_while_one_thread_fetches_again_the_others_go_on(setting: Setting) -> None:
    token = setting.authority.sign(CLAIMS)
    setting.user(token)
    setting.clock.advance(FRESH)
    asked, answer = Event(), Event()
    fetch = setting.fetch

    def slow(url: str) -> object:
        asked.set()
        assert answer.wait(30)
        return fetch(url)

    setting.fetch = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(setting.user, token)
        assert asked.wait(30)
        assert setting.user(token) is not None
        assert not first.done()
        answer.set()
        assert first.result() is not None


def test_the_authoritys_clock_may_be_a_little_ahead(setting: Setting) -> None:
    assert setting.of({**CLAIMS, "nbf": setting.clock.wall() + 30}) is not None


def test_a_new_key_is_fetched_when_a_token_names_it_and_not_too_often(setting: Setting) -> None:
    setting.of(CLAIMS)
    setting.authority.renew("second")
    assert "key 'second' is not known" in setting.reason(setting.authority.sign(CLAIMS))
    setting.clock.advance(AGAIN)
    assert setting.of(CLAIMS) is not None
    for number in range(100):
        assert "is not known" in setting.reason(setting.authority.sign(CLAIMS, kid=str(number)))
    assert len(setting.authority.fetches) == 2


def test_a_key_that_was_withdrawn_is_refused_once_the_set_is_old(setting: Setting) -> None:
    token = setting.authority.sign(CLAIMS)
    assert setting.user(token) is not None
    setting.authority.renew("second")
    setting.clock.advance(FRESH)
    assert "key 'first' is not known" in setting.reason(token)


def test_the_last_keys_go_on_while_the_authority_is_down(setting: Setting) -> None:
    setting.of(CLAIMS)
    setting.authority.down = True
    setting.clock.advance(FRESH)
    assert setting.of(CLAIMS) is not None


@pytest.mark.parametrize(
    "error", [OSError("x"), ValueError("x"), HTTPException("x"), RecursionError()], ids=lambda each: type(each).__name__
)
def test_whatever_comes_in_place_of_keys_is_a_refusal(
    setting: Setting, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch(url: str) -> object:
        raise error

    setting.fetch = fetch
    assert "'first' is not known" in setting.reason(setting.authority.sign(CLAIMS))
    assert "the keys of tokens cannot be fetched" in caplog.text


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RSA-OAEP", "use": "enc"},
        {"kty": "another", "k": "secret"},
        {"k": "secret"},
    ],
)
def test_a_key_that_signs_nothing_is_a_refusal_that_does_not_show_it(setting: Setting, key: dict[str, object]) -> None:
    setting.fetch = lambda url: {"keys": [{"kid": ["not", "a", "name"]}, {"kid": "first", **key}]}
    reason = setting.reason(setting.authority.sign(CLAIMS))
    assert "the key 'first' cannot be used" in reason
    assert "secret" not in reason
    assert "AQAB" not in reason


def test_keys_may_be_in_files(tmp_path: Path) -> None:
    authority, file = Authority(), tmp_path / "key.pem"
    file.write_bytes(authority.pem())
    setting = Setting(signing_keys={"first": file}, default_key="first")
    assert setting.user(authority.sign(CLAIMS)) is not None
    nameless = jwt.encode(CLAIMS, authority.keys["first"], "ES256").encode()
    assert setting.user(nameless) is not None
    assert setting.authority.fetches == []
    with pytest.raises(ConfigError, match=r"cannot read the key 'first' from .*: No such file"):
        Setting(signing_keys={"first": tmp_path / "missing"})


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"resource_server_id": None}, r"oauth2\.resource_server_id"), ({"jwks_url": None}, r"oauth2\.jwks_url")],
)
def test_settings_that_are_missing_are_named(settings: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        Setting(**settings)


@pytest.mark.parametrize("url", ["http://authority.example/keys", "file:///etc/passwd", "keys"])
def test_keys_do_not_come_over_a_way_where_anybody_may_change_them(url: str) -> None:
    with pytest.raises(ConfigError, match="a URL with https"):
        OAuth2(jwks_url=url)
    OAuth2(jwks_url="http://127.0.0.1:8080/keys")


def test_none_is_no_signature_that_can_be_allowed() -> None:
    with pytest.raises(ConfigError, match="algorithms"):
        OAuth2(algorithms=("none",))
