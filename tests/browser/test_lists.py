"""Lists are filtered, sorted and cut into pages by the broker, and what is chosen stands in the address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visit, expect


@pytest.fixture
def many(visit: Visit, channel: Any) -> Visit:
    """Sixty queues, of which the last one holds most messages, and a stream."""
    for number in range(60):
        channel.queue_declare(f"q{number:02}")
    for _ in range(3):
        channel.basic_publish("", "q59", b"")
    channel.basic_publish("", "q07", b"")
    channel.queue_declare("events", durable=True, arguments={"x-queue-type": "stream"})
    visit.broker.add_vhost("shop")
    visit.broker.grant("guest", "shop")
    visit.open("queues", "Queues")
    return visit


def test_a_list_is_cut_into_pages(many: Visit) -> None:
    expect(many.page.get_by_text("Page 1 of 2")).to_be_visible()
    assert len(many.names()) == 50
    many.button("Next").click()
    expect(many.page.get_by_text("Page 2 of 2")).to_be_visible()
    assert many.names() == [f"q{number:02}" for number in range(49, 60)]
    expect(many.button("Next")).to_be_disabled()
    assert "page=2" in many.page.url
    many.page.get_by_label("on a page").select_option("100")
    expect(many.page.get_by_text("Page 1 of 1")).to_be_visible()
    assert len(many.names()) == 61


def test_a_filter_narrows_a_list_while_it_is_typed(many: Visit) -> None:
    many.page.get_by_label("Filter by name").press_sequentially("q5")
    expect(many.page.get_by_text("10 of 61 entries")).to_be_visible()
    assert many.names() == [f"q5{number}" for number in range(10)]
    many.page.get_by_label("Filter by name").fill("nothing like it")
    expect(many.page.get_by_text("Nothing matches the filter.")).to_be_visible()


def test_a_filter_may_be_a_regular_expression(many: Visit) -> None:
    many.page.get_by_label("Filter by name").fill("^q.7$")
    many.page.get_by_label("regular expression").check()
    expect(many.page.get_by_text("6 of 61 entries")).to_be_visible()
    many.page.get_by_label("Filter by name").fill("(")
    expect(many.page.get_by_role("alert")).to_contain_text("no regular expression that the broker takes. What is shown")


def test_a_column_sorts_and_sorts_the_other_way(many: Visit) -> None:
    many.button("Ready").click()
    head = many.page.get_by_role("columnheader", name="Ready")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(many.page.get_by_role("rowheader").first).to_have_text("q59")
    assert many.names()[1] == "q07"
    many.button("Ready").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(many.page.get_by_role("rowheader").first).to_have_text("events")


def test_columns_are_chosen_and_stay_so(many: Visit) -> None:
    many.page.get_by_text("Columns", exact=True).click()
    many.page.get_by_label("Octets").check()
    many.page.get_by_label("Unacked").uncheck()
    many.page.keyboard.press("Escape")
    expect(many.page.get_by_label("Octets")).to_have_count(0)
    expect(many.page.get_by_role("columnheader", name="Octets")).to_be_visible()
    expect(many.page.get_by_role("columnheader", name="Unacked")).to_have_count(0)
    many.page.reload()
    expect(many.page.get_by_role("columnheader", name="Octets")).to_be_visible()
    expect(many.page.get_by_role("columnheader", name="Unacked")).to_have_count(0)


def test_what_a_queues_arguments_do_is_a_word_in_the_list(visit: Visit, channel: Any) -> None:
    channel.queue_declare("one", arguments={"x-message-ttl": 5000, "x-dead-letter-exchange": ""})
    visit.broker.set_policy("bounded", "^o", {"max-length": 9})
    visit.open("queues", "Queues")
    for word in ("TTL", "DLX", "limit", "bounded"):
        expect(visit.row("one").get_by_text(word, exact=True)).to_be_visible()


def test_an_address_brings_back_what_was_chosen(many: Visit) -> None:
    many.page.get_by_label("Filter by name").fill("q1")
    many.button("Name").click()
    many.button("Name").click()
    expect(many.page.get_by_role("rowheader").first).to_have_text("q19")
    many.page.reload()
    expect(many.page.get_by_role("rowheader").first).to_have_text("q19")
    expect(many.page.get_by_label("Filter by name")).to_have_value("q1")


def test_one_virtual_host_is_shown_alone(many: Visit) -> None:
    many.page.get_by_label("Virtual host").select_option("shop")
    expect(many.page.get_by_text("Nothing matches the filter.")).to_be_visible()


def test_streams_have_a_list_of_their_own(many: Visit) -> None:
    many.open("streams", "Streams")
    assert many.names() == ["events"]


def test_a_page_that_is_no_longer_there_becomes_the_first(many: Visit) -> None:
    many.open("queues?page=9", "Queues")
    expect(many.page.get_by_text("Page 1 of 2")).to_be_visible()
    assert "page=" not in many.page.url


def test_a_list_shows_what_changes_while_one_looks(many: Visit, channel: Any) -> None:
    many.page.get_by_label("Filter by name").fill("q00")
    expect(many.page.get_by_text("1 of 61 entries")).to_be_visible()
    channel.basic_publish("", "q00", b"")
    expect(many.row("q00").get_by_role("cell").nth(3)).to_have_text("1")


def test_lists_inside_of_pages_are_cut_each_for_itself(visit: Visit, channel: Any) -> None:
    """Bindings come from the broker in pages; consumers come with their queue and are cut here."""
    channel.queue_declare("one")
    for number in range(60):
        channel.queue_bind("one", "amq.topic", f"key.{number:02}")
        channel.basic_consume("one", lambda *_: None, consumer_tag=f"reader{number:02}")
    visit.open("queues/%2F/one", "one")
    consumers = visit.page.get_by_role("region", name="Consumers")
    bindings = visit.page.get_by_role("region", name="Bindings")
    expect(consumers.get_by_text("Page 1 of 2")).to_be_visible()
    expect(bindings.get_by_text("61 entries")).to_be_visible()
    consumers.get_by_role("searchbox").fill("reader5")
    expect(consumers.get_by_text("10 of 60 entries")).to_be_visible()
    expect(consumers.get_by_role("rowheader").first).to_have_text("reader50")
    bindings.get_by_role("button", name="Next").click()
    expect(bindings.get_by_text("Page 2 of 2")).to_be_visible()
    expect(bindings.get_by_role("row")).to_have_count(12)
    visit.page.reload()
    expect(bindings.get_by_text("Page 2 of 2")).to_be_visible()
    expect(consumers.get_by_text("10 of 60 entries")).to_be_visible()


def test_policies_and_permissions_are_cut_into_pages(visit: Visit) -> None:
    for number in range(60):
        visit.broker.set_policy(f"p{number:02}", "^q", {"max-length": 9}, priority=number)
    for number in range(21):
        visit.broker.add_vhost(f"v{number:02}")
    visit.open("policies", "Policies")
    expect(visit.page.get_by_text("Page 1 of 2")).to_be_visible()
    visit.page.get_by_role("button", name="Priority").click()
    expect(visit.page.get_by_role("rowheader").first).to_have_text("p59")
    visit.page.get_by_role("searchbox", name="Filter by name: Policies").fill("p1")
    expect(visit.page.get_by_text("10 of 60 entries")).to_be_visible()
    visit.open("users", "Users")
    expect(visit.row("guest")).to_contain_text("and 17 more")
    visit.open("users/guest", "guest")
    permissions = visit.page.get_by_role("region", name="Permissions in virtual hosts")
    expect(permissions.get_by_text("22 entries")).to_be_visible()
    permissions.get_by_label("on a page").select_option("20")
    permissions.get_by_role("button", name="Virtual host").click()
    permissions.get_by_role("button", name="Virtual host").click()
    expect(permissions.get_by_role("row").nth(1)).to_contain_text("v20")
    permissions.get_by_role("button", name="Next").click()
    expect(permissions.get_by_role("row")).to_have_count(3)
