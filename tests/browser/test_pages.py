"""Every page: it opens without a complaint, fits on a phone, and passes axe-core's checks in light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal

import pika
import pytest

from amqpd.log import get_logger
from amqpd.testing.broker import EmbeddedBroker
from tests.browser.conftest import Visit, expect

log = get_logger("amqpd.test_browser")

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
    "features": "Features",
}


AXE = "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"
IN_THE_DARK = ("color-contrast",)
"""All that may differ there."""


@contextmanager
def furnished(broker: EmbeddedBroker) -> Generator[None]:
    """Something of everything."""
    parameters = pika.URLParameters(broker.url)
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
        broker.set_policy("bounded", "^o", {"max-length": 9})
        broker.add_user("app", "secret", ("management",))
        yield


@pytest.fixture
def shop(visit: Visit) -> Generator[Visit]:
    """Somebody who has logged in where there is something of everything."""
    with furnished(visit.broker):
        yield visit


def test_every_page_of_the_menu_opens(shop: Visit) -> None:
    menu = shop.page.get_by_role("navigation", name="Pages")
    for link in menu.get_by_role("link").all():
        link.click()
        expect(link).to_have_attribute("aria-current", "page")
        expect(shop.page.get_by_role("heading", level=1)).to_have_text(link.inner_text())
        expect(shop.page.get_by_text("Loading…", exact=True)).to_have_count(0)
        expect(shop.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.timeout(180)  # some forty runs of axe
def test_every_page_passes_the_checks_of_axe_in_light_and_dark(shop: Visit, browser: Any) -> None:
    module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    still = {"reduced_motion": "reduce"}  # no colour is seen on its way to another
    window = browser.new_context(locale="en-GB", bypass_csp=True, **still)
    visit = Visit(shop.broker, window.new_page())
    visit.page.goto(visit.url)
    visit.button("Log in").wait_for()
    visit.page.evaluate(module.Axe().axe_script)
    check(visit, "the login")
    visit.page.get_by_label("User name").fill("guest")
    visit.page.get_by_label("Password").fill("guest")
    visit.button("Log in").click()
    visit.heading("Overview").wait_for()
    for address, title in PAGES.items():
        visit.open(address, title)
        if title == "orders":
            visit.button("Look into it").click()
            visit.page.get_by_label("Payload of message 1", exact=True).wait_for()
        if title == "Log":  # which is of the whole process, and long: a line of it will do
            log.warning("a line of the log", by="axe")
            visit.page.get_by_label("Filter by text").fill('"axe"')
            visit.page.get_by_text("a line of the log").wait_for()
        check(visit, title)
    visit.open("queues", "Queues")
    visit.button("New queue…").click()
    visit.dialog.get_by_role("button", name="Add a row").click()
    check(visit, "a form")
    window.close()
    assert visit.complaints == []


def check(visit: Visit, title: str) -> None:
    """Ask axe, which the page has loaded, about what is shown."""
    schemes: tuple[tuple[Literal["light", "dark"], tuple[str, ...]], ...] = ("light", AXE), ("dark", IN_THE_DARK)
    for scheme, rules in schemes:
        visit.page.emulate_media(color_scheme=scheme)
        found = visit.page.evaluate(
            """async (rules) => (await axe.run({runOnly: rules, resultTypes: ["violations"]})).violations.map(
                ({id, nodes}) => [id, nodes.map(({html, failureSummary}) => html + ": " + failureSummary)])""",
            rules,
        )
        assert found == [], f"{title}, {scheme}"


def test_every_page_fits_on_a_phone_and_a_tablet(shop: Visit, browser: Any) -> None:
    window = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    visit = Visit(shop.broker, window.new_page())
    shop.broker.add_vhost("a-virtual-host-whose-name-is-longer-than-a-phone-is-wide")
    shop.broker.grant("guest", "a-virtual-host-whose-name-is-longer-than-a-phone-is-wide")
    visit.log_in("guest", "guest")
    visit.heading("Overview").wait_for()
    for address, title in PAGES.items():
        visit.open(address, title)
        for width in (1100, 800, 360):
            visit.page.set_viewport_size({"width": width, "height": 740})
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, title
    visit.button("Menu").click()
    expect(visit.button("Menu")).to_have_attribute("aria-expanded", "true")
    expect(visit.page.get_by_text("Logged in as guest")).to_be_visible()
    visit.page.get_by_role("link", name="Queues", exact=True).click()
    expect(visit.heading("Queues")).to_be_visible()
    expect(visit.page.get_by_role("link", name="Users")).to_be_hidden()
    visit.page.get_by_label("Sort by").select_option("Ready")
    expect(visit.page).to_have_url(f"{visit.url}/#/queues?sort=messages_ready&sort_reverse=true")
    visit.page.get_by_text("Columns", exact=True).click()
    expect(visit.page.get_by_label("Octets")).to_be_in_viewport(ratio=1)
    visit.page.keyboard.press("Escape")
    visit.button("New queue…").click()
    visit.dialog.get_by_role("button", name="Add a row").click()
    for label in ("Name 1", "Value 1"):
        assert visit.dialog.get_by_label(label).evaluate("input => input.offsetWidth") > 100, label
    window.close()
    assert visit.complaints == []


def test_the_page_follows_the_systems_colours(stranger: Visit) -> None:
    page = stranger.page
    brightness = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert page.evaluate(brightness) > 200
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(brightness) < 60
    page.emulate_media(color_scheme="null")


def test_charts_move_as_messages_do(shop: Visit) -> None:
    chart = shop.page.get_by_role("img", name="Messages in queues")
    expect(chart).to_have_attribute("aria-label", "Messages in queues, now: Ready 1, Unacknowledged 1")
    with pika.BlockingConnection(pika.URLParameters(shop.broker.url)) as connection:
        connection.channel().basic_publish("", "orders", b"")
        expect(chart).to_have_attribute("aria-label", "Messages in queues, now: Ready 2, Unacknowledged 1")


def test_charts_begin_with_what_the_broker_has_sampled(visit: Visit, channel: Any) -> None:
    """The broker looks every five seconds of its own time; the page has not been open before."""
    channel.queue_declare("orders")
    for _ in range(4):
        channel.basic_publish("", "orders", b"")
        visit.broker.clock.advance(5)
    visit.open("queues/%2F/orders", "orders")
    line = visit.page.get_by_role("img", name="Messages in the queue").locator("polyline").first
    expect(line).to_have_attribute("points", re.compile(r"(\S+ ){4}"))


def test_the_page_works_below_a_prefix(visiting: Callable[..., Any]) -> None:
    with visiting({"management_path_prefix": "/tools/mq"}) as visit, furnished(visit.broker):
        assert visit.url.endswith("/tools/mq")
        visit.log_in("guest", "guest")
        visit.heading("Overview").wait_for()
        visit.open("queues/%2F/orders", "orders")
        expect(visit.button("Pause")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(visit: Visit) -> None:
    visit.open("nothing/here", "No such page")
    visit.page.goto(f"{visit.url}/#/queues/%2F/missing")
    expect(visit.page.get_by_role("alert")).to_contain_text("Not found: There is nothing of this name")
    expect(visit.heading("Queue missing")).to_be_visible()
    expect(visit.page.get_by_text("Loading…")).to_have_count(0)


def test_a_broker_that_stops_is_told_and_what_was_known_stays(shop: Visit) -> None:
    shop.open("queues", "Queues")
    expect(shop.row("orders")).to_be_visible()
    shop.page.context.set_offline(True)
    expect(shop.page.get_by_role("alert")).to_contain_text("The broker does not answer")
    expect(shop.row("orders")).to_be_visible()
    shop.page.context.set_offline(False)
    expect(shop.page.get_by_role("alert")).to_have_count(0)
    shop.complaints.clear()  # a browser says that it is offline
