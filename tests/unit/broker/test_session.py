"""Permission checks of one connection, their texts, and what ends with it."""

from __future__ import annotations

import pytest

from amqpd.broker.permissions import CONFIGURE, READ, WRITE, TopicPermissions
from amqpd.broker.session import EXCHANGE, QUEUE
from amqpd.broker.users import User
from amqpd.errors import AccessRefused
from tests.unit.broker.world import RecordingPeer, World, publish


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ("3.10", "access to queue 'q' in vhost '/' refused for user 'u'"),
        ("3.13", "write access to queue 'q' in vhost '/' refused for user 'u'"),
        ("4.3", "write access to queue 'q' in vhost '/' refused for user 'u'"),
    ],
)
def test_a_refusal_names_the_resource_and_since_3_12_the_permission(profile: str, text: str) -> None:
    session = World(profile).session("u", grant=(".*", "", ".*"))
    session.require(READ, QUEUE, "q")
    with pytest.raises(AccessRefused) as refused:
        session.require(WRITE, QUEUE, "q")
    assert refused.value.text == text


def test_the_default_exchange_is_checked_and_shown_as_amq_default(world: World) -> None:
    world.session("u", grant=("", "^amq\\.default$", "")).require(WRITE, EXCHANGE, "")
    with pytest.raises(AccessRefused) as refused:
        world.session("v", grant=("", "^$", "")).require(WRITE, EXCHANGE, "")
    assert refused.value.text == "write access to exchange 'amq.default' in vhost '/' refused for user 'v'"


def test_a_queue_without_a_name_is_not_the_default_exchange(world: World) -> None:
    world.session("u", grant=("", "", "^$")).require(READ, QUEUE, "")


def test_no_record_means_no_permission(world: World) -> None:
    session = world.session("u", grant=None)
    for permission in (CONFIGURE, WRITE, READ):
        with pytest.raises(AccessRefused):
            session.require(permission, QUEUE, "q")


@pytest.mark.parametrize("grant", [("^q$", "", ""), ("", "^q$", ""), ("", "", "^q$")])
def test_any_one_permission_suffices_where_any_is_asked(world: World, grant: tuple[str, str, str]) -> None:
    session = world.session("u", grant=grant)
    session.require_any(QUEUE, "q")
    with pytest.raises(AccessRefused) as refused:
        session.require_any(QUEUE, "r")
    assert refused.value.text == "configure access to queue 'r' in vhost '/' refused for user 'u'"


def test_a_change_of_permissions_counts_at_once(world: World) -> None:
    session = world.session("u", grant=("", "", ".*"))
    session.require(READ, QUEUE, "q")
    world.broker.access.grant("u", "/", "", "", "")
    with pytest.raises(AccessRefused):
        session.require(READ, QUEUE, "q")
    world.broker.access.grant("u", "/")
    session.require(READ, QUEUE, "q")


def test_many_names_get_their_own_verdicts(world: World) -> None:
    """More than are remembered."""
    session = world.session("u", grant=("", "", "7$"))
    for _ in range(2):
        for number in range(1000):
            if number % 10 == 7:
                session.require(READ, QUEUE, f"q{number}")
            else:
                with pytest.raises(AccessRefused):
                    session.require(READ, QUEUE, f"q{number}")


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ("3.10", "access to topic 'b.c' in exchange 'x' in vhost '/' refused for user 'u'"),
        ("4.2", "write access to topic 'b.c' in exchange 'x' in vhost '/' refused for user 'u'"),
    ],
)
def test_topic_permissions_restrict_where_they_exist(profile: str, text: str) -> None:
    world = World(profile)
    session = world.session("u")
    session.require_topic(WRITE, "x", "b.c")
    assert not session.has_topic_rules("x")
    world.broker.access.topic_permissions["u", "/", "x"] = TopicPermissions("^a\\.", "")
    world.broker.access.changed()
    assert session.has_topic_rules("x")
    session.require_topic(WRITE, "x", "a.c")
    session.require_topic(WRITE, "other", "b.c")
    with pytest.raises(AccessRefused) as refused:
        session.require_topic(WRITE, "x", "b.c")
    assert refused.value.text == text


def test_a_user_id_is_ones_own_unless_one_may_impersonate(world: World) -> None:
    assert world.session("u").may_impersonate("u")
    assert not world.session("u").may_impersonate("v")
    world.broker.add_user(User("w", tags=("impersonator",)))
    assert world.session("w").may_impersonate("v")


def test_exclusive_queues_end_with_their_session(world: World) -> None:
    session, other = world.session("u"), world.session("u")
    mine = world.queue("mine", owner=session)
    world.queue("theirs", owner=other)
    world.queue("shared")
    publish(mine, b"a")
    world.broker.end_session(session)
    world.broker.end_session(session)
    world.drain()
    assert sorted(world.vhost.queues) == ["shared", "theirs"]
    assert world.octets == 0
    assert list(world.broker.sessions) == [other]
    assert list(world.vhost.sessions) == [other]


def test_deleting_a_user_closes_its_connections(world: World) -> None:
    mine, other = world.session("u"), world.session("v")
    world.broker.delete_user("u")
    assert isinstance(mine.peer, RecordingPeer)
    assert isinstance(other.peer, RecordingPeer)
    assert mine.peer.closed_with == ["user 'u' is deleted"]
    assert other.peer.closed_with == []


def test_deleting_a_vhost_closes_its_connections_and_drops_its_messages(world: World) -> None:
    session = world.session("u")
    publish(world.queue(), b"a")
    world.broker.delete_vhost("/")
    world.drain()
    assert isinstance(session.peer, RecordingPeer)
    assert session.peer.closed_with == ["vhost '/' is deleted"]
    assert world.octets == 0


def test_alarms_reach_every_connection(world: World) -> None:
    sessions = [world.session("u"), world.session("v")]
    world.broker.alarms.set("memory", "account", short=True)
    world.broker.alarms.set("memory", "resident", short=True)
    assert world.broker.alarms.text == "low on memory"
    world.broker.alarms.set("disk", "free", short=True)
    assert world.broker.alarms.text == "low on disk & memory"
    for session in sessions:
        assert isinstance(session.peer, RecordingPeer)
        assert session.peer.alarms_seen == 2
