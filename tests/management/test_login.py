"""Tokens in the place of passwords, and counts of who tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pika
import pytest

from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.management.tokens import MOST, MOST_OF_ONE, Tokens

LIFETIME = 8 * 3600.0
FORM = {"content-type": "application/x-www-form-urlencoded"}


def log_in(api: Any, name: str, password: str) -> Any:
    return api("POST", "/login", {"username": name, "password": password}, login=None)


def bearer(api: Any, token: str, method: str = "GET", path: str = "/whoami") -> Any:
    return api(method, path, login=None, headers={"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("body", [b"username=guest&password=guest", b' {"username": "guest", "password": "guest"}'])
def test_a_token_stands_for_a_login_until_it_is_given_back(api: Any, body: bytes) -> None:
    answer = api("POST", "/login", body, login=None, headers=FORM)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    token = answer.json["token"]
    assert token["type"] == "bearer"
    assert answer.json["user"] == bearer(api, token["value"]).json == api.get("/whoami")
    assert bearer(api, token["value"], "DELETE", "/login").status == 204
    assert bearer(api, token["value"]).status == 401


def test_a_wrong_password_gives_no_token(api: Any) -> None:
    assert log_in(api, "guest", "wrong").json == {"error": "not_authorized", "reason": "Not_Authorized"}
    assert log_in(api, "nobody", "guest").status == 401
    assert api("POST", "/login", login=None).status == 401
    assert api("POST", "/login", b"[1", login=None).status == 401
    assert api("POST", "/login", {"username": 5, "password": "x"}, login=None).status == 400


def test_a_user_without_a_tag_gets_no_token(api: Any) -> None:
    api.broker.add_user("plain", "secret")
    assert log_in(api, "plain", "secret").json["reason"] == "Not management user"


@pytest.mark.parametrize("change", ["password", "tags", "delete"])
def test_changing_a_user_ends_its_tokens(api: Any, change: str) -> None:
    api.broker.add_user("u", "secret", ("management",))
    token = log_in(api, "u", "secret").json["token"]["value"]
    assert bearer(api, token).status == 200
    if change == "delete":
        assert api("DELETE", "/users/u").status == 204
    else:
        tags = "administrator" if change == "tags" else "management"
        assert api("PUT", "/users/u", {"tags": tags, "password": "other"}).status == 204
    assert bearer(api, token).status == 401


def test_a_limit_of_a_user_leaves_its_tokens(api: Any) -> None:
    token = log_in(api, "guest", "guest").json["token"]["value"]
    assert api("PUT", "/user-limits/guest/max-connections", {"value": 9}).status == 204
    assert bearer(api, token).status == 200


def test_a_token_that_nobody_gave_is_refused(api: Any) -> None:
    for token in ("", "nonsense", "ä" * 100):
        assert bearer(api, token.encode().decode("latin-1")).status == 401


def test_tokens_end_some_hours_after_they_were_made() -> None:
    clock = ManualClock()
    tokens, user = Tokens(clock, LIFETIME), User("u")
    token = tokens.issue(user, {})
    clock.advance(LIFETIME - 1)
    assert tokens.user_of(token, {}) is user
    clock.advance(1)
    assert tokens.user_of(token, {}) is None


def test_a_token_ends_with_the_credential_that_it_was_given_for() -> None:
    clock = ManualClock()
    tokens, user = Tokens(clock, LIFETIME), User("u", expires=clock.wall() + 60)
    token = tokens.issue(user, {})
    clock.advance(59)
    assert tokens.user_of(token, {}) is user
    clock.advance(1)
    assert tokens.user_of(token, {}) is None


def test_a_changed_password_ends_tokens_where_another_backend_says_what_the_user_may_do() -> None:
    tokens, user = Tokens(ManualClock(), LIFETIME), User("u", tags=("management",))
    before = User.with_password("u", "secret")
    token = tokens.issue(user, {"u": before})
    assert tokens.user_of(token, {"u": attrs.evolve(before, max_channels=1)}) is user
    assert tokens.user_of(token, {"u": User.with_password("u", "other")}) is None
    assert tokens.user_of(token, {}) is None


def test_where_passwords_are_not_taken_only_tokens_are(started: Callable[..., Any]) -> None:
    with started(management_disable_basic_auth="true") as api:
        for answer in (api("GET", "/whoami"), log_in(api, "guest", "guest")):
            assert answer.status == 401
            assert answer.json == {"error": "not_authorised", "reason": "HTTP access denied: basic auth disabled"}
        assert bearer(api, "nonsense").json["error"] == "not_authorized"


def test_of_too_many_tokens_the_oldest_is_forgotten() -> None:
    tokens = Tokens(ManualClock(), LIFETIME)
    first, *_, last = [tokens.issue(User(f"u{number}"), {}) for number in range(MOST + 1)]
    assert tokens.user_of(first, {}) is None
    assert tokens.user_of(last, {}) == User(f"u{MOST}")


def test_nobody_logs_others_out_by_logging_in() -> None:
    tokens, user = Tokens(ManualClock(), LIFETIME), User("u")
    others = tokens.issue(User("other"), {})
    given = [tokens.issue(user, {}) for _ in range(MOST_OF_ONE)]
    tokens.revoke(given[1])
    given.append(tokens.issue(user, {}))
    assert tokens.user_of(given[0], {}) is user
    given.append(tokens.issue(user, {}))
    assert tokens.user_of(given[0], {}) is None
    assert tokens.user_of(given[-1], {}) is user
    assert tokens.user_of(others, {}) == User("other")


def test_logins_are_counted_by_protocol_until_they_are_set_back(api: Any, connected: Any) -> None:
    node = api.get("/overview")["node"]
    log_in(api, "guest", "wrong")
    counted = {each["protocol"]: each for each in api.get(f"/auth/attempts/{node}")}
    assert counted["amqp091"]["auth_attempts"] == counted["amqp091"]["auth_attempts_succeeded"] == 1
    assert (counted["http"]["auth_attempts_succeeded"], counted["http"]["auth_attempts_failed"]) == (2, 1)
    assert counted["http"]["auth_attempts"] == 3
    assert api("DELETE", f"/auth/attempts/{node}").status == 204
    (http,) = api.get(f"/auth/attempts/{node}")
    assert (http["protocol"], http["auth_attempts"]) == ("http", 1)
    assert api.get(f"/auth/attempts/{node}/source") == []
    assert api("GET", "/auth/attempts/nope").status == 404


def test_the_settings_in_force_are_shown_without_passwords(started: Callable[..., Any]) -> None:
    with started(management_cors_allow_origins="https://a.example.org", default_password="secret") as api:
        shown = api.get("/config/effective", login="guest:secret")
    assert shown["management.cors_allow_origins"] == '["https://a.example.org"]'
    assert shown["limits.channel_max"] == 2047
    assert shown["default.password"] == "********"
    assert "secret" not in shown.values()


def test_logins_are_counted_by_source_where_that_is_asked_for(started: Callable[..., Any]) -> None:
    with started(auth_track_attempt_source=True) as api:
        node = api.get("/overview")["node"]
        pika.BlockingConnection(pika.URLParameters(api.broker.url)).close()
        assert api("GET", "/whoami", login=f"{'n' * 300}:x").status == 401
        where = {"remote_address": "127.0.0.1"}
        assert api.get(f"/auth/attempts/{node}/source") == [
            {**where, "username": "guest", "protocol": "amqp091"} | attempts(1, 0),
            {**where, "username": "n" * 255, "protocol": "http"} | attempts(0, 1),
            {**where, "username": "guest", "protocol": "http"} | attempts(2, 0),
        ]
        assert api("DELETE", f"/auth/attempts/{node}/source").status == 204
        (again,) = api.get(f"/auth/attempts/{node}/source")
        assert (again["protocol"], again["auth_attempts"]) == ("http", 1)


def attempts(succeeded: int, failed: int) -> dict[str, int]:
    return {
        "auth_attempts": succeeded + failed,
        "auth_attempts_failed": failed,
        "auth_attempts_succeeded": succeeded,
    }
