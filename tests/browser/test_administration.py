"""Virtual hosts, users, permissions, policies, limits, definitions and the log."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from amqpd.log import get_logger
from tests.browser.conftest import Visit, expect

log = get_logger("amqpd.test_browser")


def test_a_virtual_host_is_made_protected_and_deleted(visit: Visit, channel: Any) -> None:
    visit.open("vhosts", "Virtual hosts")
    visit.button("New virtual host…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("shop")
    visit.dialog.get_by_label("Tags").fill("live, eu")
    visit.confirm("Make it")
    expect(visit.row("shop")).to_contain_text("live")
    visit.row("shop").get_by_role("button", name="Protect").click()
    visit.row("shop").get_by_role("button", name="Unprotect").wait_for()
    visit.row("shop").get_by_role("button", name="Delete…").click()
    visit.dialog.get_by_role("button", name="Delete the virtual host").click()
    expect(visit.dialog.get_by_role("alert")).to_contain_text("protected")
    visit.page.keyboard.press("Escape")
    visit.row("shop").get_by_role("button", name="Unprotect").click()
    visit.row("shop").get_by_role("button", name="Protect").wait_for()
    visit.row("shop").get_by_role("button", name="Delete…").click()
    assert "Everything in shop is lost: 0 queues" in visit.confirm("Delete the virtual host").replace("\n", " ")
    expect(visit.row("shop")).to_have_count(0)


def test_a_virtual_hosts_page_shows_what_is_in_it_and_who_may_work_there(visit: Visit) -> None:
    visit.broker.add_vhost("shop")
    visit.broker.add_user("app", "secret")
    visit.broker.grant("app", "shop", "^a", "^b", "^c")
    visit.open("vhosts", "Virtual hosts")
    visit.page.get_by_role("link", name="shop").click()
    visit.heading("shop").wait_for()
    expect(visit.page.get_by_role("table", name="Permissions", exact=True)).to_contain_text("^b")
    expect(visit.page.get_by_role("img", name="Messages in queues")).to_be_visible()
    visit.page.get_by_role("link", name="exchanges", exact=True).click()
    visit.heading("Exchanges").wait_for()
    expect(visit.page.get_by_label("Virtual host")).to_have_value("shop")
    visit.open("vhosts/shop", "shop")
    visit.button("Delete… shop").click()
    visit.confirm("Delete the virtual host")
    visit.heading("Virtual hosts").wait_for()


def test_a_user_is_made_granted_changed_and_deleted(visit: Visit) -> None:
    visit.open("users", "Users")
    visit.button("New user…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("app")
    visit.dialog.get_by_label("Password", exact=True).fill("secret")
    visit.dialog.get_by_label("The same again").fill("other")
    visit.dialog.get_by_label("Tags").fill("management")
    visit.dialog.get_by_role("button", name="Make it").click()
    expect(visit.dialog.get_by_role("alert")).to_have_text("The two passwords differ.")
    visit.dialog.get_by_label("The same again").fill("secret")
    visit.confirm("Make it")
    expect(visit.row("app")).to_contain_text("no virtual host")

    visit.page.get_by_role("link", name="app").click()
    visit.heading("app").wait_for()
    visit.button("Grant…").click()
    visit.dialog.get_by_label("Write").fill("^orders$")
    visit.confirm("Save")
    expect(visit.page.get_by_role("table", name="Permissions", exact=True)).to_contain_text("^orders$")
    visit.button("Restrict…").click()
    visit.dialog.get_by_label("Write").fill("^eu[.]")
    visit.confirm("Save")
    expect(visit.page.get_by_role("table", name="Topic permissions")).to_contain_text("^eu[.]")

    visit.open("users", "Users")
    visit.row("app").get_by_role("button", name="Edit…").click()
    visit.dialog.get_by_label("Tags").fill("monitoring")
    visit.confirm("Save")
    expect(visit.row("app")).to_contain_text("monitoring")
    visit.button("Log out").click()
    visit.log_in("app", "secret")
    visit.heading("Overview").wait_for()
    visit.button("Log out").click()
    visit.log_in("guest", "guest")

    visit.open("permissions", "Permissions")
    visit.page.get_by_role("table", name="Topic permissions").get_by_role("button", name="Clear…").click()
    visit.confirm("Clear")
    expect(visit.page.get_by_text("No routing key is restricted.")).to_be_visible()
    visit.open("users", "Users")
    visit.row("app").get_by_role("button", name="Delete…").click()
    visit.confirm("Delete the user")
    expect(visit.row("app")).to_have_count(0)


def test_a_policy_is_made_in_force_changed_and_deleted(visit: Visit, channel: Any) -> None:
    channel.queue_declare("orders.new")
    visit.open("policies", "Policies")
    visit.button("New policy…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("bounded")
    visit.dialog.get_by_label("Pattern").fill("^orders[.]")
    visit.dialog.get_by_role("button", name="Add a row").click()
    visit.dialog.get_by_label("Name 1").fill("max-length")
    visit.dialog.get_by_label("Value 1").fill("0.5")
    visit.dialog.get_by_role("button", name="Save").click()
    expect(visit.dialog.get_by_role("alert")).to_contain_text("expected a whole number")
    visit.dialog.get_by_label("Value 1").fill("9")
    visit.confirm("Save")
    expect(visit.row("bounded")).to_contain_text("^orders[.]")
    visit.open("queues/%2F/orders.new", "orders.new")
    expect(visit.page.get_by_role("region", name="Arguments and policy")).to_contain_text("max-length")
    visit.open("policies", "Policies")
    visit.row("bounded").get_by_role("button", name="Edit…").click()
    expect(visit.dialog.get_by_label("Value 1")).to_have_value("9")
    visit.dialog.get_by_label("Priority").fill("5")
    visit.confirm("Save")
    visit.row("bounded").get_by_role("button", name="Delete…").click()
    assert "max-length" in visit.confirm("Delete the policy")
    expect(visit.row("bounded")).to_have_count(0)


def test_an_operator_policy_is_made(visit: Visit) -> None:
    visit.open("policies", "Policies")
    visit.button("New operator policy…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("cap")
    visit.dialog.get_by_label("Pattern").fill(".*")
    visit.dialog.get_by_role("button", name="Add a row").click()
    visit.dialog.get_by_label("Name 1").fill("message-ttl")
    visit.dialog.get_by_label("Value 1").fill("60000")
    visit.confirm("Save")
    expect(visit.page.get_by_role("table", name="Operator policies")).to_contain_text("message-ttl")


def test_limits_are_set_and_cleared(visit: Visit) -> None:
    visit.open("limits", "Limits")
    visit.button("Limit a virtual host…").click()
    visit.dialog.get_by_label("Limit", exact=True).select_option("max-queues")
    visit.dialog.get_by_label("At most").fill("100")
    visit.confirm("Save")
    expect(visit.row("/")).to_contain_text("max-queues")
    visit.button("Limit a user…").click()
    visit.dialog.get_by_label("At most").fill("9")
    visit.confirm("Save")
    expect(visit.row("guest")).to_contain_text("max-connections")
    visit.row("guest").get_by_role("button", name="Clear…").click()
    visit.confirm("Clear")
    expect(visit.row("guest")).to_have_count(0)


def test_definitions_are_exported_and_imported(visit: Visit, channel: Any, tmp_path: Path) -> None:
    channel.queue_declare("kept", durable=True)
    visit.open("definitions", "Definitions")
    with visit.page.expect_download() as download:
        visit.button("Download definitions.json").click()
    exported = json.loads(download.value.path().read_text("utf-8"))
    assert [each["name"] for each in exported["queues"]] == ["kept"]

    shovel = {"value": {"src-uri": "amqp://"}, "vhost": "/", "component": "shovel", "name": "s"}
    queue = {"name": "new", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    document = tmp_path / "definitions.json"
    document.write_text(json.dumps({"queues": [queue], "parameters": [shovel]}))
    visit.page.get_by_label("File with definitions").set_input_files(document)
    visit.button("Import…").click()
    assert "1 parameter, 1 queue" in visit.confirm("Import")
    skipped = visit.page.get_by_role("region", name="What was not imported")
    expect(skipped.get_by_role("row").nth(1)).to_contain_text("shovel/s")
    assert {each.name for each in visit.broker.queues()} == {"kept", "new"}


def test_the_cluster_gets_another_name(visit: Visit) -> None:
    visit.open("features", "Features")
    expect(visit.row("stream_queue")).to_contain_text("enabled")
    visit.button("Change…").click()
    visit.dialog.get_by_label("Name", exact=True).fill("shop@eu")
    visit.confirm("Save")
    visit.open("", "Overview")
    expect(visit.page.get_by_text("shop@eu")).to_be_visible()


def test_a_file_that_is_no_definitions_is_refused_with_the_reason(visit: Visit, tmp_path: Path) -> None:
    visit.open("definitions", "Definitions")
    document = tmp_path / "definitions.json"
    document.write_text("{")
    visit.page.get_by_label("File with definitions").set_input_files(document)
    visit.button("Import…").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("is no JSON")
    document.write_text(json.dumps({"queues": [{"name": "q"}]}))
    visit.page.get_by_label("File with definitions").set_input_files(document)
    visit.button("Import…").click()
    visit.dialog.get_by_role("button", name="Import").click()
    expect(visit.dialog.get_by_role("alert")).to_contain_text("exported from one has to be imported into one")


def test_the_log_goes_on_while_one_looks(visit: Visit) -> None:
    visit.open("log", "Log")
    marks = [f"mark {uuid.uuid4()}" for _ in range(2)]
    log.warning(marks[0], queue="q")
    events = visit.page.get_by_role("list", name="Events, newest first").get_by_role("listitem")
    expect(events.filter(has_text=marks[0])).to_be_visible()
    log.error(marks[1])
    expect(events.first).to_contain_text(marks[1])
    visit.page.get_by_label("Filter by text").fill(marks[0])
    expect(events).to_have_count(1)
    visit.page.get_by_label("Filter by text").fill("")
    visit.page.get_by_label("Level").select_option("error")
    expect(events.filter(has_text=marks[0])).to_have_count(0)
    expect(events.filter(has_text=marks[1])).to_be_visible()
