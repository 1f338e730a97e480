"""The files of the web UI: which there are, their headers, and that nothing else of the disk is served."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import pytest

from tests.management.conftest import Answer, Client

UI = files("amqpd.management") / "ui"


def fetch(api: Client, target: str, method: str = "GET", headers: Mapping[str, str] = {}) -> Answer:
    """A request outside of `/api`, with its target as it is."""
    connection = http.client.HTTPConnection(api.host, api.port, timeout=20)
    try:
        connection.request(method, target, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def test_the_page_and_all_it_loads_is_served(api: Client) -> None:
    page = fetch(api, "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    found = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    assert "js/main.js" in found
    for name in found:
        if not name.startswith("api/"):
            assert fetch(api, f"/{name}").status == 200, name


def test_every_module_that_a_module_imports_is_served(api: Client) -> None:
    open_names, seen = ["js/main.js"], set()
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        answer = fetch(api, f"/{name}")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8"), name
        for found in re.findall(r'from\s*"(\.[^"]+)"', answer.body.decode()):
            steps = [*name.split("/")[:-1], *found.split("/")]
            path: list[str] = []
            for step in steps:
                if step == "..":
                    path.pop()
                elif step != ".":
                    path.append(step)
            open_names.append("/".join(path))
    assert "js/pages/queue.js" in seen
    assert "vendor/lit-html/lit-html.js" in seen


def test_nothing_comes_from_elsewhere() -> None:
    """No file names another host but in comments and namespaces."""
    pages = [each for folder in ("js", "js/pages", "css") for each in (UI / folder).iterdir() if each.is_file()]
    for each in [*pages, UI / "index.html"]:
        assert not re.search(r"https?://(?!www\.w3\.org/)", each.read_text("utf-8")), each.name


def test_the_page_may_do_nothing_but_what_it_needs(api: Client) -> None:
    headers = fetch(api, "/").headers
    policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers


def test_a_file_that_the_browser_has_is_not_sent_again(api: Client) -> None:
    first = fetch(api, "/js/main.js")
    again = fetch(api, "/js/main.js", headers={"if-none-match": f'"x", {first.headers["etag"]}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert first.headers["cache-control"] == "no-cache"
    assert fetch(api, "/js/main.js", headers={"if-none-match": '"x"'}).status == 200


def test_head_has_the_headers_alone(api: Client) -> None:
    answer = fetch(api, "/", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) == len((UI / "index.html").read_bytes())


@pytest.mark.parametrize(
    "target",
    ["/nothing", "/js", "/js/", "/js/../index.html", "/../site.py", "/%2e%2e/site.py", "/vendor/lit-html/LICENSE"],
)
def test_what_is_no_file_of_the_page_is_not_there(api: Client, target: str) -> None:
    answer = fetch(api, target)
    assert (answer.status, answer.json["reason"]) == (404, "Not Found")


def test_files_are_read_only(api: Client) -> None:
    assert fetch(api, "/", "POST").status == 404


def test_the_page_is_below_the_prefix(started: Callable[..., Any]) -> None:
    with started(management_path_prefix="/mq") as api:
        assert fetch(api, "/mq/").status == 200
        assert fetch(api, "/mq/js/main.js").status == 200
        moved = fetch(api, "/mq")
        assert (moved.status, moved.headers["location"]) == (301, "/mq/")
        assert fetch(api, "/").status == fetch(api, "/js/main.js").status == 404


@pytest.mark.parametrize(
    ("old", "page"),
    [("/api", "/api/index.html"), ("/api/", "/api/index.html"), ("/doc/stats.html", "/api/index.html"),
     ("/cli", "/cli/index.html"), ("/cli/", "/cli/index.html")],
)  # fmt: skip
def test_pages_are_found_at_their_other_addresses(api: Client, old: str, page: str) -> None:
    moved = fetch(api, old)
    assert (moved.status, moved.headers["location"]) == (301, page)
    answer = fetch(api, page)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name in re.findall(r'(?:href|src)="((?!https:)[^"]+)"', answer.body.decode()):
        loaded = name.removeprefix("..") if name.startswith("..") else f"/api/{name}"
        assert fetch(api, loaded).status == 200, name


def test_the_reference_of_the_api_has_every_endpoint(api: Client) -> None:
    text = fetch(api, "/api/index.html").body.decode()
    paths = api.get("/openapi.json", login=None)["paths"]
    assert text.count("<tr><td>") == sum(len(methods) for methods in paths.values()) + 1  # and that of the description
    assert "<code>/api/queues/<var>vhost</var>/<var>queue</var></code>" in text


def test_who_asks_for_the_script_rabbitmqadmin_is_told_where_it_is(api: Client) -> None:
    answer = fetch(api, "/cli/rabbitmqadmin")
    assert answer.status == 404
    assert answer.json["reason"] == "amqpd serves no copy of rabbitmqadmin: /cli/index.html says where to get it"
    assert b"rabbitmqadmin-ng/releases" in fetch(api, "/cli/index.html").body
