"""Logging in and out, and who is offered what."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visit, expect


def test_a_user_logs_in_and_out(stranger: Visit) -> None:
    stranger.log_in("guest", "guest")
    expect(stranger.page).to_have_title("Overview · amqpd")
    stranger.button("Log out").click()
    expect(stranger.page.get_by_label("User name")).to_be_focused()
    stranger.page.reload()
    expect(stranger.button("Log in")).to_be_visible()


def test_a_wrong_password_is_told_in_plain_words(stranger: Visit) -> None:
    stranger.log_in("guest", "wrong")
    expect(stranger.page.get_by_role("alert")).to_contain_text("User name or password is wrong.")
    expect(stranger.page.get_by_label("Password")).to_be_focused()
    stranger.page.keyboard.type("guest")
    stranger.page.keyboard.press("Enter")
    expect(stranger.heading("Overview")).to_be_visible()


def test_a_user_without_a_tag_is_told_so(stranger: Visit) -> None:
    stranger.broker.add_user("app", "secret", ())
    stranger.log_in("app", "secret")
    expect(stranger.page.get_by_role("alert")).to_contain_text("This user has no tag for these pages.")


def test_guest_from_elsewhere_is_told_what_to_do(stranger: Visit) -> None:
    stranger.page.set_extra_http_headers({"x-forwarded-for": "192.0.2.1"})
    stranger.log_in("guest", "guest")
    expect(stranger.page.get_by_role("alert")).to_contain_text("from the broker's own machine only")
    stranger.page.set_extra_http_headers({})


def test_a_user_without_permissions_learns_why_there_is_nothing(stranger: Visit) -> None:
    stranger.broker.add_user("new", "secret", ("management",))
    stranger.log_in("new", "secret")
    expect(stranger.page.get_by_text("This user has permissions in no virtual host")).to_be_visible()
    stranger.page.goto(f"{stranger.url}/#/queues/%2F/orders")
    expect(stranger.page.get_by_role("alert")).to_contain_text("no permissions in this virtual host")
    stranger.page.goto(f"{stranger.url}/#/users")
    expect(stranger.page.get_by_role("alert")).to_contain_text("This is for users with the tag administrator.")


def test_a_login_lasts_as_long_as_its_tab_and_keeps_a_token_in_no_cookie(visit: Visit) -> None:
    visit.page.reload()
    expect(visit.heading("Overview")).to_be_visible()
    assert visit.page.context.cookies() == []
    assert visit.page.evaluate("Object.keys(localStorage)") == []
    assert visit.page.evaluate("Object.keys(sessionStorage)") == ["amqpd.token"]
    assert "guest" not in visit.page.evaluate("sessionStorage['amqpd.token']")
    other = visit.page.context.new_page()
    other.goto(visit.url)
    expect(other.get_by_role("button", name="Log in")).to_be_visible()


def test_logging_out_ends_the_token(visit: Visit) -> None:
    token = visit.page.evaluate("sessionStorage['amqpd.token']")
    with visit.page.expect_response("**/api/login"):
        visit.button("Log out").click()
    header = {"authorization": f"Bearer {token}"}
    assert visit.page.request.get(f"{visit.url}/api/whoami", headers=header).status == 401


def test_a_password_in_any_script_is_taken(stranger: Visit) -> None:
    stranger.broker.add_user("jörg", "пароль:€", ("management",))
    stranger.log_in("jörg", "пароль:€")
    expect(stranger.heading("Overview")).to_be_visible()


@pytest.mark.parametrize(
    ("tag", "offered"),
    [
        ("management", []),
        ("policymaker", ["Policies"]),
        ("monitoring", ["Log"]),
        (
            "administrator",
            ["Log", "Virtual hosts", "Users", "Permissions", "Policies", "Limits", "Definitions", "Features"],
        ),
    ],
)
def test_the_menu_offers_what_a_tag_opens(stranger: Visit, tag: str, offered: list[str]) -> None:
    everybody = ["Overview", "Connections", "Channels", "Exchanges", "Queues", "Streams"]
    stranger.broker.add_user("somebody", "secret", (tag,))
    stranger.broker.grant("somebody", "/")
    stranger.log_in("somebody", "secret")
    stranger.heading("Overview").wait_for()
    links = stranger.page.get_by_role("navigation", name="Pages").get_by_role("link")
    assert links.all_inner_texts() == everybody + offered


def test_a_login_that_is_no_longer_valid_ends(visit: Visit) -> None:
    visit.broker.add_user("guest", "changed", ("administrator",))
    expect(visit.page.get_by_role("alert")).to_contain_text("no longer valid")
