"""A real browser before a real broker: what a person sees and does, and nothing that only a program could.

Whatever the browser complains about while a test runs (an error of a script, what the page's policy forbids) fails it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pika
import pytest

import amqpd
from amqpd.config import load
from amqpd.embedded import IN_THREAD
from amqpd.testing.broker import EmbeddedBroker

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--disable-dev-shm-usage"]  # in a container /dev/shm is small
if hasattr(os, "geteuid") and os.geteuid() == 0:
    FLAGS.append("--no-sandbox")
WITHOUT_PLAYWRIGHT = "playwright is not installed: pip install 'amqpd[browser]'"
PATIENCE = 15_000
"""Milliseconds that a browser may take until what a test waits for is there."""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """One Chromium for the tests of a file: as long as it is there, its driver's asyncio loop runs in this thread, and
    tests of other files want loops of their own.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium is on this machine (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason=WITHOUT_PLAYWRIGHT)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def tidy(broker: EmbeddedBroker) -> None:
    """Make a broker what it was when it started: virtual host `/` with nothing in it, and guest."""
    broker.add_user("guest", "guest", ("administrator",))
    api = f"{broker.management_url}/api"
    for vhost in names(f"{api}/vhosts"):
        broker.delete_vhost(vhost)
    for user in names(f"{api}/users"):
        if user != "guest":
            broker.delete_user(user)
    broker.add_vhost("/")


def names(url: str) -> list[str]:
    """Of what the API lists."""
    request = Request(f"{url}?columns=name", headers={"authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="})
    with urlopen(request) as response:
        return [each["name"] for each in json.load(response)]


class Visit:
    """Somebody at the web UI of one broker."""

    def __init__(self, broker: EmbeddedBroker, page: Page) -> None:
        self.broker = broker
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load resource: the server responded")  # the page shows why
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    @property
    def url(self) -> str:
        return self.broker.management_url

    def start_anew(self) -> None:
        """Leave nothing of an earlier test: in the broker, in the window, in the page."""
        for tab in self.page.context.pages:
            if tab is not self.page:
                tab.close()
        self.page.goto(f"{self.url}/icon.svg")  # what the page keeps is for its origin, and no script runs here
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        tidy(self.broker)
        self.complaints.clear()

    def come_in(self) -> None:
        """As guest, with a token as the page keeps it: filling in the login page is for the tests of that."""
        body = {"username": "guest", "password": "guest"}
        token = self.page.request.post(f"{self.url}/api/login", data=body).json()["token"]["value"]
        self.page.evaluate("token => sessionStorage.setItem('amqpd.token', token)", token)
        self.page.goto(self.url)
        self.heading("Overview").wait_for()

    def log_in(self, name: str, password: str) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.button("Log in").click()

    def open(self, address: str, title: str) -> None:
        """Go to a page by its address, and wait until it is there."""
        self.page.goto(f"{self.url}/#/{address}")
        self.heading(title).wait_for()
        self.page.get_by_text("Loading…", exact=True).first.wait_for(state="detached")

    def heading(self, title: str) -> Locator:
        return self.page.get_by_role("heading", level=1, name=title, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def confirm(self, action: str) -> str:
        """Say yes to what is asked; return what was asked."""
        asked: str = self.dialog.inner_text()
        self.dialog.get_by_role("button", name=action, exact=True).click()
        self.dialog.wait_for(state="detached")
        return asked

    def row(self, name: str) -> Locator:
        """The row of a table that is about something."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("rowheader", name=name, exact=True))

    def names(self) -> list[str]:
        """What the rows of the list are about, in their order."""
        texts: list[str] = self.page.get_by_role("rowheader").all_inner_texts()
        return texts


@pytest.fixture
def visiting(browser: Browser) -> Callable[..., Any]:
    """For a browser of another kind or a broker with other settings: `with visiting(color_scheme="dark") as visit`."""

    @contextmanager
    def visit(settings: dict[str, object] | None = None, **context: Any) -> Generator[Visit]:
        with opened(browser, settings, **context) as found:
            yield found
            assert found.complaints == []

    return visit


@contextmanager
def opened(browser: Browser, settings: dict[str, object] | None = None, **context: Any) -> Generator[Visit]:
    """A broker of its own, and a browser window that is before nothing yet."""
    config = load(None, {}, {**IN_THREAD, "management_port": 0, **(settings or {})})
    with amqpd.run_in_thread(config) as broker:
        window = browser.new_context(locale="en-GB", **context)
        yield Visit(broker, window.new_page())
        window.close()


@pytest.fixture(scope="module")
def house(browser: Browser) -> Generator[Visit]:
    """The broker and the window that the tests of a file share: a page that was loaded before is there at once."""
    with opened(browser) as visit:
        yield visit


@pytest.fixture
def stranger(house: Visit) -> Generator[Visit]:
    """Somebody who has not logged in, before an empty broker."""
    house.start_anew()
    house.page.goto(house.url)
    yield house
    assert house.complaints == []


@pytest.fixture
def visit(house: Visit) -> Generator[Visit]:
    """Somebody who has logged in as guest, before an empty broker."""
    house.start_anew()
    house.come_in()
    yield house
    assert house.complaints == []


@pytest.fixture
def channel(visit: Visit) -> Generator[pika.adapters.blocking_connection.BlockingChannel]:
    """A client of the broker that is visited."""
    connection = pika.BlockingConnection(pika.URLParameters(visit.broker.url))
    yield connection.channel()
    connection.close()


def expect(what: Any) -> Any:
    """Playwright's assertions, which wait; imported late, so that tests are skipped where it isn't installed."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    return expect(what)
