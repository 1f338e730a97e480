"""What scopes allow."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amqpd.oauth2.scopes import Grant, matches, read_scopes


@pytest.mark.parametrize(
    ("scope", "grant"),
    [
        ("read:*/*", Grant("read", "*", "*")),
        ("write:shop/orders", Grant("write", "shop", "orders")),
        ("configure:%2F/a%2Ab", Grant("configure", "/", "a*b")),
        ("write:shop/topics/eu.*", Grant("write", "shop", "topics", "eu.*")),
    ],
)
def test_a_scope_is_a_permission_and_two_or_three_patterns(scope: str, grant: Grant) -> None:
    assert read_scopes([f"mq.{scope}"], "mq.").grants == (grant,)


@pytest.mark.parametrize("scope", ["", "read", "read:", "read:*", "read:a/b/c/d", "erase:*/*", "tag:", "openid", "*"])
def test_what_says_nothing_here_is_ignored(scope: str) -> None:
    assert read_scopes([scope], "") == read_scopes([], "")


def test_scopes_of_others_are_not_read() -> None:
    assert read_scopes(["other.read:*/*", "read:*/*", "mqread:*/*"], "mq.").grants == ()


def test_tags_are_scopes_too() -> None:
    assert read_scopes(["mq.tag:administrator", "mq.tag:a b", "mq.tag:administrator"], "mq.").tags == (
        "administrator",
        "a b",
    )


def test_each_permission_counts_where_its_patterns_match_alone() -> None:
    scopes = read_scopes(["read:shop/q*", "write:*/x"], "")
    assert scopes.enters("u", "shop")
    assert scopes.enters("u", "elsewhere")
    assert scopes.allows("u", "shop", "read", "queue", "q1")
    assert not scopes.allows("u", "elsewhere", "read", "queue", "q1")
    assert not scopes.allows("u", "shop", "write", "queue", "q1")
    assert scopes.allows("u", "elsewhere", "write", "queue", "x")
    assert not read_scopes(["read:shop/q"], "").enters("u", "elsewhere")


def test_routing_keys_matter_where_a_scope_has_a_pattern_for_them() -> None:
    plain, ruled = read_scopes(["write:*/*"], ""), read_scopes(["write:*/t/eu.*", "write:*/other"], "")
    assert not plain.rules_topics("u", "/", "t")
    assert plain.allows_topic("u", "/", "t", "write", "us.1")
    assert ruled.rules_topics("u", "/", "t")
    assert ruled.allows_topic("u", "/", "t", "write", "eu.1")
    assert not ruled.allows_topic("u", "/", "t", "write", "us.1")
    assert not ruled.allows_topic("u", "/", "t", "read", "eu.1")
    assert ruled.allows_topic("u", "/", "other", "write", "us.1")


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
@example("a*a", "a")
@example("*a*", "a")
@example("", "")
def test_a_star_stands_for_anything(pattern: str, text: str) -> None:
    oracle = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL)
    assert matches(pattern, text) is (oracle is not None)


def test_many_stars_take_no_time_that_matters() -> None:
    assert not matches("*a" * 5000 + "b", "a" * 100_000)
