"""What all endpoints share: login, paths, methods, errors, bodies, pages."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from amqpd.app import SystemRandomness
from amqpd.broker.broker import Broker
from amqpd.broker.users import User
from amqpd.clock import SystemClock
from amqpd.http.limits import Limits
from amqpd.http.message import Request
from amqpd.management.access import log_in
from amqpd.management.errors import ApiError
from amqpd.management.tokens import Tokens
from amqpd.protocol.endpoint import Endpoint

NOT_FOUND = {"error": "Object Not Found", "reason": "Not Found"}


def test_without_a_login_the_answer_says_how_to_log_in(api: Any) -> None:
    answer = api("GET", "/overview", login=None)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="RabbitMQ Management"'


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!", "Bearer x", "Basic " + base64.b64encode(b"guest").decode(), "nonsense"]
)
def test_a_login_that_is_none_is_refused(api: Any, header: str) -> None:
    assert api("GET", "/overview", login=None, headers={"authorization": header}).status == 401


@pytest.mark.parametrize(("compat", "reason"), [("4.2", "Not_Authorized"), ("3.10", "Login failed")])
def test_a_wrong_password_is_refused_in_the_words_of_the_version(
    started: Callable[..., Any], compat: str, reason: str
) -> None:
    with started(compat=compat) as api:
        answer = api("GET", "/overview", login="guest:wrong")
        assert (answer.status, answer.json) == (401, {"error": "not_authorized", "reason": reason})


def test_a_user_without_a_tag_is_no_management_user(api: Any) -> None:
    api.broker.add_user("plain", "secret")
    answer = api("GET", "/whoami", login="plain:secret")
    assert (answer.status, answer.json) == (401, {"error": "not_authorised", "reason": "Not management user"})


def test_an_empty_password_never_logs_in(api: Any) -> None:
    api.made("/users/nobody", {"tags": "administrator"})
    assert api("GET", "/whoami", login="nobody:").status == 401


def test_what_is_not_there_is_not_found(api: Any) -> None:
    for path in ("/nope", "/queues/%2F/nope", "/queues/nope", "/users/nope", "/policies/%2F/nope", "//queues"):
        answer = api("GET", path)
        assert (answer.status, answer.json) == (404, NOT_FOUND), path


def test_another_method_is_refused_and_the_possible_ones_are_named(api: Any) -> None:
    answer = api("POST", "/queues", {})
    assert answer.status == 405
    assert answer.headers["allow"] == "HEAD, GET, OPTIONS"
    assert answer.json["error"] == "method_not_allowed"


def test_options_needs_no_login(api: Any) -> None:
    answer = api("OPTIONS", "/queues/%2F/q", login=None)
    assert answer.status == 200
    assert answer.headers["allow"] == "HEAD, GET, PUT, DELETE, OPTIONS"


def test_head_has_the_headers_of_get_and_no_body(api: Any) -> None:
    full, head = api("GET", "/whoami"), api("HEAD", "/whoami")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, */*;q=0.1", "application/*", ""])
def test_clients_that_take_json_get_it(api: Any, accept: str) -> None:
    assert api("GET", "/whoami", headers={"accept": accept}).headers["content-type"] == "application/json"


def test_clients_that_take_nothing_but_html_get_406(api: Any) -> None:
    assert api("GET", "/whoami", headers={"accept": "text/html"}).status == 406


def test_a_slash_at_the_end_changes_nothing(api: Any) -> None:
    assert api.get("/queues/") == []
    assert api.get("/queues/%2F/") == []
    assert api.get("/vhosts/")[0]["name"] == "/"


def test_names_are_decoded_once_and_slashes_in_them_are_not_separators(api: Any) -> None:
    api.made("/vhosts/a%2Fb%2520c")
    api.made("/queues/a%2fb%2520c/q%2F1%20%C3%A4", {})
    assert [each["name"] for each in api.get("/queues/a%2Fb%2520c")] == ["q/1 ä"]
    assert [each.name for each in api.broker.queues("a/b%20c")] == ["q/1 ä"]


def test_a_vhost_may_be_called_like_a_word_of_the_table(api: Any) -> None:
    api.made("/vhosts/detailed")
    api.made("/queues/detailed/bindings", {})
    assert api.get("/queues/detailed/bindings")["name"] == "bindings"


def test_a_name_that_is_no_utf8_comes_back_as_it_went(api: Any) -> None:
    api.made("/queues/%2F/%FFx", {})
    (queue,) = api.get("/queues/%2F")
    assert queue["name"] == "\udcffx"
    assert api("DELETE", "/queues/%2F/%FFx").status == 204


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"5", b"\xff", b'{"a":NaN}', b"[" * 40_000, b'{"a":"\\ud800"}', b'{"a":1' + b"0" * 5000],
)
def test_a_body_that_is_no_object_is_not_json(api: Any, body: bytes) -> None:
    answer = api("PUT", "/queues/%2F/q", body)
    assert (answer.status, answer.json) == (400, {"error": "bad_request", "reason": "not_json"})


def test_no_body_is_an_empty_object(api: Any) -> None:
    api.made("/queues/%2F/q")


def test_a_body_above_the_limit_is_refused(started: Callable[..., Any]) -> None:
    with started(management_max_body_size=100) as api:
        answer = api("PUT", "/queues/%2F/q", b'{"arguments":{"a":"' + b"x" * 100 + b'"}}')
        assert api("PUT", "/queues/%2F/q", b"{}" + b" " * 98).status == 201
    assert answer.json == {"error": "bad_request", "reason": "Exceeded HTTP request body size limit"}


def test_what_is_no_http_is_refused_and_costs_nobody_else_anything(api: Any) -> None:
    with socket.create_connection((api.host, api.port), timeout=20) as sock:
        sock.sendall(b"AMQP\x00\x00\x09\x01\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 400")
    with socket.create_connection((api.host, api.port), timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000)
        assert sock.recv(1000).startswith(b"HTTP/1.1 431")
    assert api.get("/whoami")["name"] == "guest"


def test_connections_that_ask_for_nothing_give_way(api: Any) -> None:
    with ExitStack() as opened:
        for _ in range(Limits().connections + 20):
            opened.enter_context(socket.create_connection((api.host, api.port), timeout=20))
        assert api.get("/whoami")["name"] == "guest"


async def test_users_of_this_machine_cannot_log_in_from_another_one() -> None:
    broker, tokens = Broker(SystemClock(), SystemRandomness()), Tokens(SystemClock(), 60.0)
    broker.add_user(User.with_password("guest", "guest", ("administrator",)))

    async def nothing(most: int | None = None) -> bytes:
        return b""

    headers = {"authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}

    def request(peer: str) -> Request:
        return Request("GET", "/api/whoami", headers, Endpoint(peer, 1, "x", 2), nothing)

    for peer in ("127.0.0.1", "::1"):
        assert (await log_in(request(peer), broker, ("guest",), tokens)).name == "guest"
    with pytest.raises(ApiError) as refused:
        await log_in(request("192.0.2.1"), broker, ("guest",), tokens)
    assert (refused.value.status, refused.value.reason) == (401, "User can only log in via localhost")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:15672"}, 200),
        ({"host": "[::1]:15672"}, 200),
        ({"host": "mq"}, 200),
        ({"host": "evil.example.org:15672"}, 401),
        ({"x-forwarded-for": "192.0.2.1"}, 401),
        ({"via": "1.1 proxy"}, 401),
        ({"x-forwarded-host": "broker.example.org"}, 401),
        ({"forwarded": "for=192.0.2.1"}, 401),
    ],
)
def test_users_of_this_machine_are_not_let_in_for_others(api: Any, headers: dict[str, str], status: int) -> None:
    """Neither by a proxy on it, nor by a page whose name was made to lead here."""
    assert api("GET", "/whoami", headers=headers).status == status


def test_a_connection_carries_several_requests(api: Any) -> None:
    request = b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection((api.host, api.port), timeout=20) as sock:
        sock.sendall(request + request)
        received = b""
        while received.count(b'"4.2.9"') < 2:
            received += sock.recv(10_000)


def test_a_client_that_asks_first_is_told_to_send_its_body(api: Any) -> None:
    login = base64.b64encode(b"guest:guest").decode()
    head = f"PUT /api/queues/%2F/q HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
    with socket.create_connection((api.host, api.port), timeout=20) as sock:
        sock.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
        assert sock.recv(1000).startswith(b"HTTP/1.1 100")
        sock.sendall(b"{}")
        assert sock.recv(1000).startswith(b"HTTP/1.1 201")


def test_a_prefix_stands_before_all_paths(started: Callable[..., Any]) -> None:
    with started(management_path_prefix="/rabbit") as api:
        assert api.get("/whoami")["name"] == "guest"
        api.prefix = ""
        assert api("GET", "/whoami").status == 404


def test_other_origins_are_told_nothing_unless_they_are_configured(started: Callable[..., Any]) -> None:
    ours, theirs = {"origin": "https://ops.example.org"}, {"origin": "https://evil.example.org"}
    with started(management_cors_allow_origins="https://ops.example.org") as api:
        answer = api("GET", "/whoami", headers=ours)
        assert answer.headers["access-control-allow-origin"] == "https://ops.example.org"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "access-control-allow-origin" not in api("GET", "/whoami", headers=theirs).headers
        assert api("PUT", "/queues/%2F/a", headers=ours).status == 201
        assert api("PUT", "/queues/%2F/b", headers=theirs).status == 401
        assert api("PUT", "/queues/%2F/b", headers={"origin": f"http://{api.host}:{api.port}"}).status == 201
        preflight = api("OPTIONS", "/whoami", headers={**ours, "access-control-request-headers": "authorization"})
        assert preflight.headers["access-control-allow-headers"] == "authorization"
        assert preflight.headers["access-control-max-age"] == "1800"
        odd = api("OPTIONS", "/whoami", headers={**ours, "access-control-request-headers": "\xff"})
        assert odd.status == 200
        assert "access-control-allow-headers" not in odd.headers
    with started(management_cors_allow_origins="*", management_cors_max_age=60) as api:
        assert api("OPTIONS", "/whoami", headers=theirs).headers["access-control-max-age"] == "60"
        answer = api("GET", "/whoami", headers=theirs)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


# -- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def five(api: Any) -> Any:
    for number in range(5):
        api.made(f"/queues/%2F/q{number}", {"durable": number % 2 == 0})
    return api


def test_a_page_counts_what_there_is_and_what_it_shows(five: Any) -> None:
    page = five.get("/queues?page=2&page_size=2&name=Q&columns=name")
    assert page == {
        "filtered_count": 5,
        "item_count": 2,
        "items": [{"name": "q2"}, {"name": "q3"}],
        "page": 2,
        "page_count": 3,
        "page_size": 2,
        "total_count": 5,
    }


def test_names_are_filtered_by_text_or_pattern(five: Any) -> None:
    def names(query: str) -> list[str]:
        return [each["name"] for each in five.get(f"/queues?page=1&{query}")["items"]]

    assert names("name=q1") == ["q1"]
    assert names("name=%5EQ%5B12%5D&use_regex=true") == ["q1", "q2"]
    assert names("name=.*&use_regex=false") == []
    assert names("name=q1&use_regex=perhaps") == ["q1"]


def test_queues_of_one_type_are_listed(api: Any) -> None:
    api.made("/queues/%2F/c", {"durable": True})
    api.made("/queues/%2F/s", {"durable": True, "arguments": {"x-queue-type": "stream"}})
    page = api.get("/queues?page=1&type=stream")
    assert ([each["name"] for each in page["items"]], page["total_count"]) == (["s"], 1)
    assert [each["name"] for each in api.get("/queues/%2F?type=classic")] == ["c"]
    assert api.get("/queues?type=other") == []


def test_an_empty_list_has_no_page_but_the_first_can_be_asked_for(api: Any) -> None:
    page = api.get("/queues?page=1")
    assert (page["page_count"], page["items"]) == (0, [])


def test_lists_are_sorted_by_any_field(five: Any) -> None:
    by_durable = five.get("/queues?sort=durable&columns=name")
    assert [each["name"] for each in by_durable] == ["q1", "q3", "q0", "q2", "q4"]
    reverse = five.get("/queues?sort=name&sort_reverse=true&columns=name")
    assert [each["name"] for each in reverse] == ["q4", "q3", "q2", "q1", "q0"]
    of_equal_ones_too = five.get("/queues?sort=vhost&sort_reverse=true&columns=name")
    assert [each["name"] for each in of_equal_ones_too] == ["q4", "q3", "q2", "q1", "q0"]
    assert five.get("/queues?sort_reverse=true&columns=name") == of_equal_ones_too
    nested = five.get("/queues?sort=messages_details.rate&page=1&columns=name,messages_details.rate")
    assert nested["items"][0] == {"name": "q0", "messages_details": {"rate": 0.0}}
    assert len(five.get("/queues?sort=nope&columns=name")) == 5


def test_arrays_and_objects_are_sorted_by_what_they_hold(five: Any) -> None:
    for name, tags in (("w", ["b"]), ("x", ["a", "c"]), ("y", ["a"])):
        five.made(f"/vhosts/{name}", {"tags": tags})
        five.made(f"/queues/{name}/{name}", {"arguments": {"x-max-length": len(tags), tags[0]: "z"}})
    assert [each["name"] for each in five.get("/vhosts?sort=tags")] == ["/", "y", "x", "w"]
    by_arguments = [each["name"] for each in five.get("/queues?sort=arguments&columns=name")]
    assert [name for name in by_arguments if name in "wxy"] == ["y", "x", "w"]
    for name in ("deep", "deeper"):
        five.made(f"/global-parameters/{name}", b'{"value":' + b"[" * 100 + b"]" * 100 + b"}")
    assert len(five.get("/global-parameters?sort=value&columns=name")) == 2


@pytest.mark.parametrize(
    ("query", "error", "reason"),
    [
        ("page=6", "page_out_of_range", "Page out of range, page: 6 page size: 100, len: 5"),
        ("page=a", "bad_request", "Pagination parameters are invalid"),
        ("page=1&page_size=x", "bad_request", "Pagination parameters are invalid"),
        ("page=1&name=(&use_regex=true", "bad_request", "Pagination parameters are invalid"),
        ("page=1&page_size=", "bad_request", "Pagination parameters are invalid"),
        ("page=%201", "bad_request", "Pagination parameters are invalid"),
        (
            "page=0",
            "invalid_pagination_parameters",
            "Invalid pagination parameters: page number 0, page size undefined",
        ),
        (
            "page=1&page_size=501",
            "invalid_pagination_parameters",
            "Invalid pagination parameters: page number 1, page size 501",
        ),
        (
            "msg_rates_age=1000&msg_rates_incr=1",
            "invalid_range_parameters",
            "Invalid range parameters: age 1000, incr 1",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_named(five: Any, query: str, error: str, reason: str) -> None:
    answer = five("GET", f"/queues?{query}")
    assert (answer.status, answer.json) == (400, {"error": error, "reason": reason})


def test_a_pattern_may_have_1024_characters(five: Any) -> None:
    assert five("GET", f"/queues?page=1&use_regex=true&name={'q' * 1025}").status == 400


def test_single_objects_are_reduced_to_columns_too(five: Any) -> None:
    assert five.get("/queues/%2F/q1?columns=name,durable") == {"name": "q1", "durable": False}


def test_a_column_is_that_of_all_that_a_list_holds(five: Any) -> None:
    shown = five.get("/overview?columns=exchange_types.name,listeners.protocol,object_totals.queues,node.name")
    assert shown.keys() == {"exchange_types", "listeners", "object_totals", "node"}
    assert {"name": "topic"} in shown["exchange_types"]
    assert {"protocol": "amqp"} in shown["listeners"]
    assert shown["object_totals"] == {"queues": 5}
    assert five.get("/queues/%2F/q1?columns=arguments.x,arguments") == {"arguments": {"x-queue-type": "classic"}}


def test_statistics_can_be_left_out(five: Any) -> None:
    (first, *_) = five.get("/queues?disable_stats=true")
    assert "messages" not in first
    (with_totals, *_) = five.get("/queues?disable_stats=true&enable_queue_totals=true")
    assert with_totals == first | {"messages": 0, "messages_ready": 0, "messages_unacknowledged": 0}
    assert five.get("/queues/%2F/q0?disable_stats=true&enable_queue_totals=true") == with_totals
    assert first["arguments"] == {"x-queue-type": "classic"}


def test_many_queues_are_listed_in_order(api: Any, connected: Any) -> None:
    channel = connected.channel()
    for number in range(600):
        channel.queue_declare(f"q{number:03}", durable=True)
    assert [each["name"] for each in api.get("/queues?columns=name")] == [f"q{number:03}" for number in range(600)]
    assert api.get("/queues?sort=name&sort_reverse=true&page=1&page_size=1")["items"][0]["name"] == "q599"


def test_a_body_of_a_type_that_cannot_be_read_is_refused(api: Any) -> None:
    answer = api("PUT", "/queues/%2F/q", {}, headers={"content-type": "json"})
    assert (answer.status, answer.json["error"]) == (415, "unsupported_media_type")
    for name, kind in enumerate(("text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded")):
        assert api("PUT", f"/queues/%2F/q{name}", {}, headers={"content-type": kind}).status == 201


def test_json_in_a_text_of_json_is_named(api: Any) -> None:
    answer = api("PUT", "/queues/%2F/q", b'"{}"')
    assert answer.status == 400
    assert answer.json["reason"].endswith("Is the input doubly-JSON-encoded?")
