"""Patterns over resource names and routing keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd import patterns
from amqpd.broker.permissions import CONFIGURE, READ, WRITE, Permissions, TopicPermissions
from amqpd.broker.users import User
from tests.unit.broker.world import World


def test_each_pattern_covers_its_own_permission() -> None:
    permissions = Permissions("^c", "^w", "^r")
    names = {CONFIGURE: "conf", WRITE: "write", READ: "read"}
    for permission in (CONFIGURE, WRITE, READ):
        assert [each for each, name in names.items() if permissions.allow(permission, name)] == [permission]


@pytest.mark.parametrize(
    ("pattern", "name", "allowed"),
    [
        (".*", "anything", True),
        (".*", "", True),
        ("", "", True),
        ("", "q", False),
        ("^$", "q", False),
        ("q", "a-q-b", True),
        ("^q", "a-q", False),
        ("^(amq\\.gen|my-)", "amq.gen-x", True),
        ("^(amq\\.gen|my-)", "amqXgen-x", False),
        ("^a.c$", "abc", True),
    ],
)
def test_a_pattern_is_searched_anywhere_and_an_empty_one_means_the_empty_name(
    pattern: str, name: str, allowed: bool
) -> None:
    assert Permissions(pattern, pattern, pattern).allow(READ, name) is allowed


def test_a_pattern_that_cannot_be_compiled_is_refused_when_it_is_set(world: World) -> None:
    with pytest.raises(patterns.PatternError):
        world.broker.access.grant("u", "/", "(", ".*", ".*")
    assert ("u", "/") not in world.broker.access.permissions


def test_every_change_raises_the_generation(world: World) -> None:
    access = world.broker.access
    seen = [access.generation]
    world.broker.add_user(User("u"))
    seen.append(access.generation)
    access.grant("u", "/")
    seen.append(access.generation)
    world.broker.delete_user("u")
    seen.append(access.generation)
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)


def test_deleting_a_user_takes_all_its_permissions_along(world: World) -> None:
    """A new user of the same name must not inherit restrictions or rights."""
    world.broker.add_user(User("u"))
    world.broker.access.grant("u", "/")
    world.broker.access.topic_permissions["u", "/", "amq.topic"] = TopicPermissions("^a", "^a")
    world.broker.delete_user("u")
    assert not world.broker.access.permissions
    assert not world.broker.access.topic_permissions


def test_deleting_a_vhost_takes_all_its_permissions_along(world: World) -> None:
    world.broker.add_vhost("other")
    for vhost in ("/", "other"):
        world.broker.access.grant("u", vhost)
        world.broker.access.topic_permissions["u", vhost, "amq.topic"] = TopicPermissions("^a", "^a")
    world.broker.delete_vhost("other")
    assert list(world.broker.access.permissions) == [("u", "/")]
    assert list(world.broker.access.topic_permissions) == [("u", "/", "amq.topic")]


@pytest.mark.parametrize(
    ("write", "key", "allowed"),
    [
        ("^{username}\\.", "ann.news", True),
        ("^{username}\\.", "bob.news", False),
        ("^{vhost}-{username}$", "prod-ann", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_topic_patterns_know_who_asks_and_where(write: str, key: str, allowed: bool) -> None:
    assert TopicPermissions(write, "^$").allow(WRITE, key, "ann", "prod") is allowed
    assert not TopicPermissions(write, "^$").allow(READ, "x", "ann", "prod")


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}"])
def test_a_topic_pattern_that_cannot_be_compiled_denies(pattern: str) -> None:
    """RabbitMQ: an invalid expression at the time of the check refuses."""
    assert not TopicPermissions(pattern, ".*").allow(WRITE, "a", "u", "/")


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_a_name_in_a_topic_pattern_stands_for_itself(user: str, vhost: str) -> None:
    """Whatever characters of regular expressions, or other variables, it holds."""
    permissions = TopicPermissions("^{username}@{vhost}$", "^$")
    assert permissions.allow(WRITE, f"{user}@{vhost}", user, vhost)
    assert not permissions.allow(WRITE, f"x{user}@{vhost}", user, vhost)


@pytest.mark.parametrize("user", ["a.c", ".*", "a|b", "{vhost}", "a b", "a-b", "a&b~#", "a\tb", "(x", "[x", "x\\"])
def test_special_characters_of_a_user_name_mean_nothing(user: str) -> None:
    permissions = TopicPermissions("^{username}$", "^$")
    assert permissions.allow(WRITE, user, user, "v")
    assert not permissions.allow(WRITE, "abc", user, "v")
