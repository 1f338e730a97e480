"""Names are written by strangers: whatever they hold is text, and leads where it should."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pika
import pytest

from tests.browser.conftest import Visit, expect

MARKUP = "<img src=x onerror=document.title='broken'>"
NAMES = [
    MARKUP,
    "</script><script>document.title='broken'</script>",
    "${document.title='broken'}{{7*7}}",
    "\"' onmouseover=document.title='broken' x='",
    "a/b?c#d%2F&e=f g",
    "javascript:document.title='broken'",
    "\u202eesrever \u0000zero",
    "schlüssel 🔑",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_queues_name_is_text_in_lists_and_on_its_own_page(visit: Visit, channel: Any, name: str) -> None:
    channel.queue_declare(name)
    channel.basic_publish("", name, name.encode(), pika.BasicProperties(headers={name: name}))
    visit.open("queues", "Queues")
    visit.page.get_by_role("rowheader").get_by_role("link").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(name)
    visit.button("Look into it").click()
    visit.page.get_by_text("Properties and headers").click()
    expect(visit.page.locator("pre.payload")).to_have_text(name)
    assert visit.page.title().startswith("Queue ")
    visit.button("Delete…").click()
    visit.confirm("Delete the queue")
    visit.heading("Queues").wait_for()
    assert visit.broker.queues() == []


def test_everything_that_clients_name_is_text(visit: Visit) -> None:
    parameters = pika.URLParameters(visit.broker.url)
    parameters.client_properties = {"connection_name": MARKUP, MARKUP: MARKUP}
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.exchange_declare(MARKUP, "topic")
        channel.queue_declare(MARKUP, arguments={"x-dead-letter-exchange": MARKUP})
        channel.queue_bind(MARKUP, MARKUP, MARKUP)
        channel.basic_consume(MARKUP, lambda *_: None, consumer_tag=MARKUP)
        visit.broker.add_vhost(MARKUP)
        visit.broker.add_user(MARKUP, "secret", (MARKUP,))
        visit.broker.grant(MARKUP, MARKUP)
        visit.broker.set_policy(MARKUP, MARKUP.replace("(", "[(]"), {"max-length": 9})
        for address in ("connections", "exchanges", "queues", "vhosts", "users", "permissions", "policies"):
            visit.page.goto(f"{visit.url}/#/{address}")
            expect(visit.page.locator("table:visible").get_by_text(MARKUP).first).to_be_visible()
        for kind in ("queues", "exchanges"):
            visit.open(f"{kind}/%2F/{quote(MARKUP, safe='')}", MARKUP)
        visit.page.goto(f"{visit.url}/#/connections")
        visit.page.get_by_role("rowheader").get_by_role("link").click()
        visit.page.get_by_role("heading", name="Channels").wait_for()
        assert visit.page.locator("img:not([src='icon.svg'])").count() == 0
        assert visit.page.title() != "broken"


def test_a_text_that_would_be_read_as_html_is_stopped_by_the_policy_of_the_page(visit: Visit) -> None:
    """Were there a place in the page that takes a name for HTML, the browser would refuse it there."""
    attempt = "() => { try { document.body.innerHTML = '<b>'; return 'taken' } catch (error) { return error.name } }"
    assert visit.page.evaluate(attempt) == "TypeError"
    assert "Trusted" in "".join(visit.complaints)
    visit.complaints.clear()
