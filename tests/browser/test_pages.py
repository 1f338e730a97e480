"""Every page: it opens without a complaint, fits on a phone, and passes axe-core's checks in light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pika
import pytest

from tests.browser.conftest import Visit, expect

PAGES = {
    "": "Overview",
    "connections": "Connections",
    "channels": "Channels",
    "exchanges": "Exchanges",
    "exchanges/%2F/shop": "shop",
    "queues": "Queues",
    "queues/%2F/orders": "orders",
    "streams": "Streams",
    "log": "Log",
    "vhosts": "Virtual hosts",
    "vhosts/%2F": "/",
    "users": "Users",
    "users/guest": "guest",
    "permissions": "Permissions",
    "policies": "Policies",
    "limits": "Limits",
    "definitions": "Definitions",
}


@contextmanager
def furnished(visit: Visit) -> Generator[None]:
    """Something of everything."""
    parameters = pika.URLParameters(visit.broker.url)
    parameters.client_properties = {"connection_name": "a-name-that-is-so-long-that-it-does-not-fit-on-a-phone"}
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.exchange_declare("shop", "topic", durable=True)
        channel.queue_declare("orders", durable=True, arguments={"x-message-ttl": 60_000})
        channel.queue_declare("events", durable=True, arguments={"x-queue-type": "stream"})
        channel.queue_bind("orders", "shop", "order.#")
        channel.basic_qos(prefetch_count=1)
        for _ in range(2):
            channel.basic_publish("shop", "order.new", b"x" * 300)
        channel.basic_consume("orders", lambda *_: None)
        visit.broker.set_policy("bounded", "^o", {"max-length": 9})
        visit.broker.add_user("app", "secret", ("management",))
        visit.log_in("guest", "guest")
        visit.heading("Overview").wait_for()
        yield


def test_every_page_of_the_menu_opens(visiting: Callable[..., Any]) -> None:
    with visiting() as visit, furnished(visit):
        menu = visit.page.get_by_role("navigation", name="Pages")
        for link in menu.get_by_role("link").all():
            link.click()
            expect(link).to_have_attribute("aria-current", "page")
            expect(visit.page.get_by_role("heading", level=1)).to_have_text(link.inner_text())
            expect(visit.page.get_by_text("Loading…", exact=True)).to_have_count(0)
            expect(visit.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.timeout(180)  # some forty runs of axe
@pytest.mark.parametrize(
    ("scheme", "rules"),
    [
        ("light", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]),
        ("dark", ["color-contrast"]),  # all that may differ
    ],
)
def test_every_page_passes_the_checks_of_axe(visiting: Callable[..., Any], scheme: str, rules: list[str]) -> None:
    module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    axe, options = module.Axe(), {"runOnly": rules, "resultTypes": ["violations"]}
    with visiting(color_scheme=scheme, bypass_csp=True) as visit:
        visit.page.goto(visit.url)
        visit.button("Log in").wait_for()
        assert found(axe.run(visit.page, options=options)) == {}
        with furnished(visit):
            for address, title in PAGES.items():
                visit.open(address, title)
                if title == "orders":
                    visit.button("Look into it").click()
                    visit.page.get_by_label("Payload of message 1", exact=True).wait_for()
                assert found(axe.run(visit.page, options=options)) == {}, title
            visit.open("queues", "Queues")
            visit.button("New queue…").click()
            visit.dialog.get_by_role("button", name="Add a row").click()
            assert found(axe.run(visit.page, options=options)) == {}, "a form"


def found(results: Any) -> dict[str, list[str]]:
    """What axe complains about, and where."""
    return {
        each["id"]: [f"{node['html']}: {node['failureSummary']}" for node in each["nodes"]]
        for each in results.response["violations"]
    }


def test_every_page_fits_on_a_phone(visiting: Callable[..., Any]) -> None:
    with visiting(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True) as visit, furnished(visit):
        for address, title in PAGES.items():
            visit.open(address, title)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360, title
        visit.button("Menu").click()
        expect(visit.button("Menu")).to_have_attribute("aria-expanded", "true")
        visit.page.get_by_role("link", name="Queues", exact=True).click()
        expect(visit.heading("Queues")).to_be_visible()
        expect(visit.page.get_by_role("link", name="Users")).to_be_hidden()
        visit.page.get_by_label("Sort by").select_option("Ready")
        expect(visit.page).to_have_url(f"{visit.url}/#/queues?sort=messages_ready&sort_reverse=true")


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_systems_colours(visiting: Callable[..., Any], scheme: str, dark: bool) -> None:
    with visiting(color_scheme=scheme) as visit:
        visit.page.goto(visit.url)
        red = visit.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(red) < 60) is dark


def test_charts_move_as_messages_do(visiting: Callable[..., Any]) -> None:
    with visiting() as visit, furnished(visit):
        chart = visit.page.get_by_role("img", name="Messages in queues")
        expect(chart).to_have_attribute("aria-label", "Messages in queues, now: Ready 1, Unacknowledged 1")
        with pika.BlockingConnection(pika.URLParameters(visit.broker.url)) as connection:
            connection.channel().basic_publish("", "orders", b"")
            expect(chart).to_have_attribute("aria-label", "Messages in queues, now: Ready 2, Unacknowledged 1")


def test_charts_begin_with_what_the_broker_has_sampled(visiting: Callable[..., Any]) -> None:
    """The broker looks every five seconds of its own time; the browser has just come."""
    with visiting() as visit:
        with pika.BlockingConnection(pika.URLParameters(visit.broker.url)) as connection:
            channel = connection.channel()
            channel.queue_declare("orders")
            for _ in range(4):
                channel.basic_publish("", "orders", b"")
                visit.broker.clock.advance(5)
        visit.log_in("guest", "guest")
        visit.open("queues/%2F/orders", "orders")
        line = visit.page.get_by_role("img", name="Messages in the queue").locator("polyline").first
        expect(line).to_have_attribute("points", re.compile(r"(\S+ ){4}"))


def test_the_page_works_below_a_prefix(visiting: Callable[..., Any]) -> None:
    with visiting({"management_path_prefix": "/tools/mq"}) as visit, furnished(visit):
        assert visit.url.endswith("/tools/mq")
        visit.open("queues/%2F/orders", "orders")
        expect(visit.button("Pause")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(visit: Visit) -> None:
    visit.open("nothing/here", "No such page")
    visit.page.goto(f"{visit.url}/#/queues/%2F/missing")
    expect(visit.page.get_by_role("alert")).to_contain_text("Not found")


def test_a_broker_that_stops_is_told_and_what_was_known_stays(visiting: Callable[..., Any]) -> None:
    with visiting() as visit, furnished(visit):
        visit.open("queues", "Queues")
        expect(visit.row("orders")).to_be_visible()
        visit.page.context.set_offline(True)
        expect(visit.page.get_by_role("alert")).to_contain_text("The broker does not answer")
        expect(visit.row("orders")).to_be_visible()
        visit.page.context.set_offline(False)
        expect(visit.page.get_by_role("alert")).to_have_count(0)
        visit.complaints.clear()  # a browser says that it is offline
