"""Queues, exchanges and connections: made, looked at, changed and deleted by clicks."""

from __future__ import annotations

import json
import re
from typing import Any

import pika
import pytest

from tests.browser.conftest import Visit, expect


def payloads(visit: Visit, queue: str) -> list[bytes]:
    return [each.body for each in visit.broker.messages(queue)]


@pytest.fixture
def orders(visit: Visit, channel: Any) -> Visit:
    """A queue with three messages, and its page."""
    channel.queue_declare("orders", durable=True)
    channel.confirm_delivery()
    for number in range(3):
        channel.basic_publish("", "orders", json.dumps({"id": number}).encode())
    visit.open("queues/%2F/orders", "orders")
    return visit


def test_a_queue_is_made_with_arguments(visit: Visit) -> None:
    visit.open("queues", "Queues")
    visit.button("New queue…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("mine")
    visit.dialog.get_by_label("Type").select_option("quorum")
    visit.dialog.get_by_role("button", name="Add a row").click()
    visit.dialog.get_by_label("Name 1").fill("x-max-length")
    visit.dialog.get_by_label("Value 1").fill("7")
    visit.confirm("Make it")
    visit.page.get_by_role("link", name="mine").click()
    visit.heading("mine").wait_for()
    expect(visit.page.get_by_text("x-max-length", exact=True)).to_be_visible()
    found = visit.broker.queue("mine")
    assert (found.durable, found.arguments) == (True, {"x-queue-type": "quorum", "x-max-length": 7})


def test_what_the_broker_refuses_stays_in_the_form_with_its_reason(orders: Visit) -> None:
    orders.open("queues", "Queues")
    orders.button("New queue…").click()
    orders.dialog.get_by_label("Name", exact=True).fill("orders")
    orders.dialog.get_by_label("Durable").uncheck()
    orders.dialog.get_by_role("button", name="Make it").click()
    expect(orders.dialog.get_by_role("alert")).to_contain_text("inequivalent arg 'durable' for queue 'orders'")
    expect(orders.dialog.get_by_label("Name", exact=True)).to_have_value("orders")


def test_a_wrong_value_is_told_before_anything_is_sent(visit: Visit) -> None:
    visit.open("queues", "Queues")
    visit.button("New queue…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("mine")
    visit.dialog.get_by_role("button", name="Add a row").click()
    visit.dialog.get_by_label("Name 1").fill("x-expires")
    visit.dialog.get_by_label("Value 1").fill("soon")
    visit.dialog.get_by_role("button", name="Make it").click()
    expect(visit.dialog.get_by_role("alert")).to_contain_text("x-expires: The value is “soon”")
    assert visit.broker.queues() == []


def test_a_queue_is_deleted_after_a_question_that_names_what_is_lost(orders: Visit) -> None:
    orders.button("Delete…").click()
    expect(orders.dialog).to_contain_text("3 messages, 0 consumers")
    expect(orders.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    orders.dialog.get_by_role("button", name="Cancel").click()
    assert len(payloads(orders, "orders")) == 3
    orders.button("Delete…").click()
    asked = orders.confirm("Delete the queue")
    assert "orders" in asked
    orders.heading("Queues").wait_for()
    assert orders.broker.queues() == []


def test_messages_are_looked_at_without_disturbing_them(orders: Visit) -> None:
    orders.button("Look into it").click()
    expect(orders.page.get_by_text('{"id": 2}')).to_be_visible()
    assert [each.redelivered for each in orders.broker.messages("orders")] == [False] * 3


def test_messages_are_taken_and_settled_as_one_chooses(orders: Visit) -> None:
    orders.button("Take…").click()
    orders.dialog.get_by_label("At most").fill("2")
    orders.confirm("Take")
    taken = orders.page.get_by_role("list", name="Taken messages").get_by_role("listitem")
    expect(taken).to_have_count(2)
    assert [each.redelivered for each in orders.broker.messages("orders")] == [True, True, False]
    orders.button("Take…").click()
    orders.dialog.get_by_label("Then they are").select_option("ack_requeue_false")
    orders.confirm("Take")
    expect(taken).to_have_count(1)
    expect(taken).to_contain_text('{"id": 0}')
    assert payloads(orders, "orders") == [b'{"id": 1}', b'{"id": 2}']


def test_a_message_is_published_with_properties_and_headers(orders: Visit) -> None:
    orders.button("Publish…").click()
    orders.dialog.get_by_label("Payload", exact=True).fill("grüße")
    properties = orders.dialog.get_by_role("group", name="Properties")
    properties.get_by_role("button", name="Add a row").click()
    properties.get_by_label("Name 1").fill("content_type")
    properties.get_by_label("Value 1").fill("text/plain")
    headers = orders.dialog.get_by_role("group", name="Headers")
    headers.get_by_role("button", name="Add a row").click()
    headers.get_by_label("Name 1").fill("tries")
    headers.get_by_label("Kind 1").select_option("number")
    headers.get_by_label("Value 1").fill("3")
    orders.confirm("Publish")
    expect(orders.page.get_by_role("status").get_by_text("The message is published.")).to_be_visible()
    found = orders.broker.messages("orders")[-1]
    assert found.body == "grüße".encode()
    assert (found.properties["content_type"], found.properties["headers"]) == ("text/plain", {"tries": 3})


def test_chosen_messages_are_moved_and_dropped(orders: Visit, channel: Any) -> None:
    channel.queue_declare("other")
    orders.button("Look into it").click()
    orders.page.get_by_label("Choose message 2").check()
    orders.button("Move 1 chosen one…").click()
    orders.dialog.get_by_label("Queue", exact=True).fill("other")
    assert "1 chosen message" in orders.confirm("Move")
    expect(orders.page.get_by_text("1 message moved.")).to_be_visible()
    assert payloads(orders, "other") == [b'{"id": 1}']
    expect(orders.page.get_by_text('{"id": 1}')).to_have_count(0)
    orders.page.get_by_label("Choose message 1").check()
    orders.button("Drop 1 chosen one…").click()
    assert "1 message of orders are lost" in orders.confirm("Drop them").replace("\n", " ")
    expect(orders.page.get_by_text("1 message dropped.")).to_be_visible()
    assert payloads(orders, "orders") == [b'{"id": 2}']


def test_a_target_that_is_not_there_is_told(orders: Visit) -> None:
    orders.button("Move all…").click()
    orders.dialog.get_by_label("Queue", exact=True).fill("nowhere")
    orders.dialog.get_by_role("button", name="Move").click()
    expect(orders.dialog.get_by_role("alert")).to_contain_text("nowhere")
    assert len(payloads(orders, "orders")) == 3


def test_dead_letters_are_replayed(visit: Visit, channel: Any) -> None:
    channel.queue_declare("dead")
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("work", arguments=arguments)
    channel.basic_publish("", "work", b"try again")
    method, _, _ = channel.basic_get("work")
    channel.basic_reject(method.delivery_tag, requeue=False)
    visit.open("queues/%2F/dead", "dead")
    visit.button("Replay all…").click()
    visit.confirm("Replay")
    expect(visit.page.get_by_text("1 message published again.")).to_be_visible()
    assert payloads(visit, "work") == [b"try again"]


def test_a_queue_is_purged_after_a_question(orders: Visit) -> None:
    orders.button("Purge…").click()
    assert "3 messages" in orders.confirm("Purge the queue")
    expect(orders.page.get_by_text("Queue orders is purged.")).to_be_visible()
    assert payloads(orders, "orders") == []


def test_a_queue_is_paused_and_goes_on(orders: Visit) -> None:
    orders.button("Pause").click()
    expect(orders.button("Resume")).to_be_visible()
    assert orders.broker.queue("orders").paused
    orders.button("Resume").click()
    expect(orders.button("Pause")).to_be_visible()
    assert not orders.broker.queue("orders").paused


def test_a_queue_is_bound_and_unbound(orders: Visit) -> None:
    orders.button("Bind…").click()
    orders.dialog.get_by_label("From exchange").fill("amq.topic")
    orders.dialog.get_by_label("Routing key").fill("order.#")
    orders.confirm("Bind")
    expect(orders.page.get_by_role("cell", name="order.#")).to_be_visible()
    orders.row("amq.topic").get_by_role("button", name="Unbind…").click()
    assert "order.#" in orders.confirm("Unbind")
    expect(orders.page.get_by_role("cell", name="order.#")).to_have_count(0)


def test_a_queues_page_shows_consumers_and_moving_charts(orders: Visit, channel: Any) -> None:
    channel.basic_consume("orders", lambda *_: None, consumer_tag="reader")
    expect(orders.page.get_by_role("rowheader", name="reader")).to_be_visible()
    chart = orders.page.get_by_role("img", name="Messages in the queue")
    expect(chart.locator("polyline").first).to_have_attribute("points", re.compile(r"\S+ \S+"))


def test_an_exchange_is_made_bound_published_to_and_deleted(orders: Visit) -> None:
    orders.open("exchanges", "Exchanges")
    orders.button("New exchange…").click()
    orders.dialog.get_by_label("Name", exact=True).fill("shop")
    orders.dialog.get_by_label("Type").select_option("topic")
    orders.confirm("Make it")
    orders.page.get_by_role("link", name="shop").click()
    orders.heading("shop").wait_for()
    expect(orders.page.get_by_text("Nothing is bound to it: it drops what is published to it.")).to_be_visible()
    orders.button("Bind…").click()
    orders.dialog.get_by_label("Name", exact=True).fill("orders")
    orders.dialog.get_by_label("Routing key").fill("new.*")
    orders.confirm("Bind")
    orders.button("Publish…").click()
    orders.dialog.get_by_label("Routing key").fill("other")
    orders.confirm("Publish")
    expect(orders.page.get_by_text("The message went nowhere")).to_be_visible()
    orders.button("Delete…").click()
    assert "1 binding" in orders.confirm("Delete the exchange")
    orders.heading("Exchanges").wait_for()
    assert "shop" not in orders.broker.exchanges()


def test_the_routing_of_an_exchange_is_a_picture_and_words(orders: Visit, channel: Any) -> None:
    channel.exchange_declare("shop", "topic")
    channel.exchange_declare("copies", "fanout")
    channel.exchange_bind("copies", "shop", "#")
    channel.exchange_bind("shop", "amq.fanout", "")
    channel.queue_bind("orders", "copies", "")
    orders.open("exchanges/%2F/shop", "shop")
    picture = orders.page.get_by_role("region", name="Picture of the routing")
    assert sorted(picture.locator(".node title").all_text_contents()) == [
        "exchange amq.fanout",
        "exchange copies",
        "exchange shop",
        "queue orders",
    ]
    assert picture.locator("path.edge").count() == 3
    orders.page.get_by_text("The same in words").click()
    expect(orders.page.get_by_role("listitem").filter(has_text="Exchange shop to exchange copies: #")).to_be_visible()
    picture.locator("a", has_text="orders").click()
    orders.heading("orders").wait_for()


def test_a_connection_is_closed_after_a_question(visit: Visit) -> None:
    parameters = pika.URLParameters(visit.broker.url)
    parameters.client_properties = {"connection_name": "shop"}
    connection = pika.BlockingConnection(parameters)
    connection.channel()
    visit.open("connections", "Connections")
    visit.page.get_by_role("rowheader").filter(has_text="shop").get_by_role("link").click()
    expect(visit.page.get_by_role("heading", name="Channels")).to_be_visible()
    visit.button("Close…").click()
    visit.dialog.get_by_label("Reason").fill("it is too loud")
    assert "1 channel" in visit.confirm("Close the connection")
    visit.heading("Connections").wait_for()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="CONNECTION_FORCED - it is too loud"):
        connection.process_data_events()
