"""Pictures of the web UI for the documents: `python -m tests.browser.screenshots docs/screenshots` takes two minutes.

A small shop is at work while they are taken, so that the charts have something to show.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
from playwright.sync_api import Page, sync_playwright

import amqpd
from amqpd.testing.broker import EmbeddedBroker
from tests.browser.conftest import CHROMIUM, FLAGS

Channel = Any
SECONDS = 100
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}


def build(channel: Channel) -> None:
    """Exchanges, queues, bindings."""
    channel.exchange_declare("shop", "topic", durable=True, arguments={"alternate-exchange": "unroutable"})
    for name in ("unroutable", "analytics"):
        channel.exchange_declare(name, "fanout", durable=True)
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dead"}
    quorum, stream = {"x-queue-type": "quorum", "x-delivery-limit": 5}, {"x-queue-type": "stream"}
    for name, arguments in (
        ("orders.new", quorum | dead),
        ("orders.dead", {}),
        ("mail", {"x-message-ttl": 3_600_000}),
        ("invoices", {"x-single-active-consumer": True}),
        ("clicks", stream),
        ("lost", {}),
    ):
        channel.queue_declare(name, durable=True, arguments=arguments)
    channel.queue_bind("orders.new", "shop", "order.*.new")
    channel.queue_bind("invoices", "shop", "order.*.paid")
    channel.queue_bind("mail", "shop", "order.eu.*")
    channel.queue_bind("mail", "shop", "user.#")
    channel.exchange_bind("analytics", "shop", "#")
    channel.queue_bind("clicks", "analytics", "")
    channel.queue_bind("lost", "unroutable", "")


def client(broker: EmbeddedBroker, name: str, work: Callable[[Channel], None]) -> None:
    """Run a client of this name in a thread, for as long as the broker is there."""

    def run() -> None:
        parameters = pika.URLParameters(broker.url)
        parameters.client_properties = {"connection_name": name, "product": "shop"}
        try:
            work(pika.BlockingConnection(parameters).channel())
        except pika.exceptions.AMQPError:
            pass  # the pictures are taken, and the broker has stopped

    threading.Thread(target=run, daemon=True).start()


def publish(channel: Channel) -> None:
    """A rate that goes up and down."""
    start = time.monotonic()
    keys = ("order.eu.new", "order.us.new", "order.eu.paid", "user.42.login")
    for number in range(10**9):
        order = {"id": number, "customer": f"c{number % 97}", "items": ["coffee", "cake"], "total": 12.5}
        properties = pika.BasicProperties(content_type="application/json", headers={"source": "web"}, delivery_mode=2)
        channel.basic_publish("shop", keys[number % len(keys)], json.dumps(order).encode(), properties)
        rate = 130 + 80 * math.sin((time.monotonic() - start) / 9)
        channel.connection.sleep(1 / rate)


def consumer(queue: str, seconds: float) -> Callable[[Channel], None]:
    """Takes messages and needs some time for each."""

    def work(channel: Channel) -> None:
        channel.basic_qos(prefetch_count=20)
        for method, _, _ in channel.consume(queue):
            channel.connection.sleep(seconds)
            channel.basic_ack(method.delivery_tag)

    return work


@contextmanager
def shop() -> Iterator[EmbeddedBroker]:
    """A broker that is busy."""
    with amqpd.run_in_thread(management_port=0) as broker:
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            build(connection.channel())
        broker.set_policy("bounded", "^orders[.]", {"max-length": 100_000})
        client(broker, "web", publish)
        for name, queue, seconds in (
            ("orders-1", "orders.new", 0.02),
            ("mailer", "mail", 0.012),
            ("billing", "invoices", 0.03),
        ):
            client(broker, name, consumer(queue, seconds))
        yield broker


def log_in(page: Page, url: str) -> None:
    """As guest."""
    page.goto(url)
    page.get_by_label("User name").fill("guest")
    page.get_by_label("Password").fill("guest")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Overview").wait_for()


def main(folder: Path) -> None:
    """Take them all."""
    folder.mkdir(parents=True, exist_ok=True)
    with shop() as broker, sync_playwright() as driver:
        url = broker.management_url
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        wanted: list[tuple[str, str, Any]] = [
            ("overview-light", "", {"viewport": DESKTOP, "color_scheme": "light"}),
            ("overview-dark", "", {"viewport": DESKTOP, "color_scheme": "dark"}),
            ("queue-dark", "queues/%2F/orders.new", {"viewport": DESKTOP, "color_scheme": "dark"}),
            ("exchange-light", "exchanges/%2F/shop", {"viewport": DESKTOP, "color_scheme": "light"}),
            ("overview-phone", "", {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 1.5}),
            ("queues-phone", "queues", {"viewport": PHONE, "color_scheme": "dark", "device_scale_factor": 1.5}),
        ]
        pages = []
        for _, address, kind in wanted:
            page = browser.new_context(locale="en-GB", **kind).new_page()
            log_in(page, url)
            page.goto(f"{url}/#/{address}")
            pages.append(page)
        pages[0].wait_for_timeout(SECONDS * 1000)
        for (name, _, _), page in zip(wanted, pages, strict=True):
            if name.startswith("queue-"):
                page.get_by_role("button", name="Look into it").click()
                page.get_by_label("Payload of message 1", exact=True).wait_for()
            page.screenshot(path=folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
