"""Everything can be done by keyboard alone, and one always sees where one is."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Visit, expect


def tab_to(visit: Visit, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    passed = []
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        found = visit.page.evaluate("(document.activeElement.ariaLabel || document.activeElement.innerText).trim()")
        if found == name:
            return
        passed.append(found)
    raise AssertionError(f"{name} does not get the focus; what does: {passed}")


def test_a_queue_is_made_and_deleted_without_a_mouse(stranger: Visit) -> None:
    page, press = stranger.page, stranger.page.keyboard.press
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("guest")
    press("Tab")
    page.keyboard.type("guest")
    press("Enter")
    stranger.heading("Overview").wait_for()
    tab_to(stranger, "Queues")
    press("Enter")
    expect(stranger.heading("Queues")).to_be_focused()
    tab_to(stranger, "New queue…")
    press("Enter")
    expect(stranger.dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("typed")
    press("Enter")
    stranger.dialog.wait_for(state="detached")
    expect(stranger.button("New queue…")).to_be_focused()
    expect(stranger.row("typed")).to_be_visible()
    tab_to(stranger, "typed")
    press("Enter")
    stranger.button("Delete…").wait_for()
    expect(stranger.heading("typed")).to_be_focused()
    tab_to(stranger, "Delete…")
    press("Enter")
    expect(stranger.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    press("Escape")
    stranger.dialog.wait_for(state="detached")
    expect(stranger.button("Delete…")).to_be_focused()
    press("Enter")
    press("Tab")
    press("Enter")
    stranger.heading("Queues").wait_for()
    assert stranger.broker.queues() == []


def test_the_first_stop_skips_the_menu(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    link = visit.page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("main")).to_be_focused()


def test_what_has_the_focus_is_outlined(visit: Visit, channel: Any) -> None:
    channel.queue_declare("one")
    visit.open("queues", "Queues")
    for name in ("Queues", "New queue…", "Filter by name", "Name"):
        tab_to(visit, name)
        outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px", name


def test_redrawing_takes_the_focus_from_nothing(visit: Visit, channel: Any) -> None:
    """The list is drawn anew with each look at the broker."""
    channel.queue_declare("one")
    visit.open("queues", "Queues")
    tab_to(visit, "one")
    channel.queue_declare("another")
    expect(visit.row("another")).to_be_visible()
    expect(visit.page.get_by_role("link", name="one")).to_be_focused()


def test_a_question_keeps_the_focus_inside(visit: Visit) -> None:
    visit.open("users", "Users")
    visit.button("New user…").click()
    for _ in range(12):
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.closest('dialog, body').tagName") in {"DIALOG", "BODY"}
        assert not visit.page.evaluate("document.activeElement.matches('#app *')")
