"""What a page of somebody else can make a browser do, that has logged in here: look at nothing, and change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from amqpd.management.routes import ROUTES
from amqpd.management.routing import Route

EVIL = "https://evil.example.org"
CHANGING = [each for each in ROUTES if each.method != "GET"]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "%2F" if found[1] == "vhost" else "x", path)


@pytest.fixture(scope="module")
def page() -> Any:
    import amqpd
    from tests.management.conftest import Client

    with amqpd.run_in_thread(management_port=0) as broker:
        yield Client(broker)


@pytest.mark.parametrize("route", CHANGING, ids=named)
def test_nothing_is_changed_for_a_page_of_another_origin(page: Any, route: Route) -> None:
    answer = page(route.method, filled(route.path), b"{}", headers={"origin": EVIL, "content-type": "text/plain"})
    assert answer.status == 401
    assert answer.json["reason"] == f"pages of {EVIL} may not change anything: see management.cors_allow_origins"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["null", "file://", "", "http://", "http://127.0.0.1:1", "http://localhost:15672.evil"])
def test_an_origin_that_is_none_or_nearly_right_is_another_one(page: Any, origin: str) -> None:
    assert page("PUT", "/queues/%2F/q", {}, headers={"origin": origin}).status == 401
    assert page("GET", "/queues/%2F/q").status == 404


def test_the_own_page_may_change_things_over_tls_of_a_proxy_too(page: Any) -> None:
    for scheme in ("http", "https"):
        origin = f"{scheme}://{page.host}:{page.port}"
        assert page("PUT", f"/queues/%2F/{scheme}", {}, headers={"origin": origin}).status == 201


def test_a_page_of_another_origin_reads_nothing(page: Any) -> None:
    answer = page("GET", "/overview", headers={"origin": EVIL})
    assert answer.status == 200  # who is no browser may call itself what it likes
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = page("OPTIONS", "/overview", login=None, headers={"origin": EVIL})
    assert not [name for name in preflight.headers if name.startswith("access-control-")]


def test_cookies_are_neither_given_nor_taken(page: Any) -> None:
    answer = page("POST", "/login", {"username": "guest", "password": "guest"}, login=None)
    assert "set-cookie" not in answer.headers
    token = answer.json["token"]["value"]
    for cookie in (f"auth={token}", "auth=Z3Vlc3Q6Z3Vlc3Q=", f"token={token}"):
        assert page("GET", "/whoami", login=None, headers={"cookie": cookie}).status == 401


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_json_is_read_whatever_it_is_called_and_nothing_else_is(page: Any, kind: str) -> None:
    headers = {"content-type": kind}
    assert page("PUT", "/exchanges/%2F/lenient", b'{"type":"fanout"}', headers=headers).status in (201, 204)
    assert page("GET", "/exchanges/%2F/lenient").json["type"] == "fanout"
    refused = page("PUT", "/exchanges/%2F/other", b"type=fanout", headers=headers)
    assert (refused.status, refused.json["reason"]) == (400, "not_json")


def test_an_origin_that_is_configured_may_change_things_and_others_still_not(started: Callable[..., Any]) -> None:
    with started(management_cors_allow_origins="https://ops.example.org") as api:
        assert api("PUT", "/queues/%2F/q", {}, headers={"origin": "https://ops.example.org"}).status == 201
        assert api("DELETE", "/queues/%2F/q", headers={"origin": EVIL}).status == 401
        assert api("GET", "/queues/%2F/q").status == 200
