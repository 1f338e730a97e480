"""What the model tells of its changes: once each, complete, with who did it; and nothing while nobody listens."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from amqpd.broker.alarms import DISK, MEMORY
from amqpd.broker.events import INTERNAL, Event
from amqpd.broker.operations import bindings, exchanges, queues
from amqpd.broker.operations.policies import clear_policy, set_policy
from amqpd.broker.session import EXCHANGE, QUEUE
from amqpd.broker.users import User
from amqpd.errors import PreconditionFailed
from amqpd.fields import EMPTY, from_python

from .world import RecordingConsumer, World

BY = "user_who_performed_action"


class Told:
    """Keeps the events of a world."""

    def __init__(self, world: World) -> None:
        self.events: list[Event] = []
        self.stop = world.broker.events.subscribe(self.events.append)

    def take(self) -> list[Event]:
        """All events since the last look."""
        events = list(self.events)
        self.events.clear()
        return events

    def only(self) -> Event:
        """The one event since the last look."""
        (event,) = self.take()
        return event

    def brief(self, *keys: str) -> list[tuple[object, ...]]:
        """Name, some fields and actor of each event since the last look; a field that isn't there is None."""
        return [(each.name, *(each.fields.get(key) for key in (*keys, BY))) for each in self.take()]


@pytest.fixture
def world() -> World:
    return World("3.10")


@pytest.fixture
def told(world: World) -> Iterator[Told]:
    told = Told(world)
    yield told
    told.stop()


def declare(world: World, arguments: dict[str, object] | None = None) -> None:
    """Declare the queue q as ann."""
    queues.declare(
        world.broker,
        world.session("ann"),
        "q",
        durable=True,
        exclusive=False,
        auto_delete=False,
        arguments=from_python(arguments or {}),
    )


# -- the port


def test_an_event_has_a_name_a_time_and_fields_that_stay(world: World, told: Told) -> None:
    """It is a frozen value with the wall clock's milliseconds."""
    world.queue("q")
    event = told.only()
    assert (event.name, event.time) == ("queue.created", int(world.clock.wall() * 1000))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.name = "other"  # type: ignore[misc]


def test_nobody_hears_before_the_first_and_after_the_last_listener(world: World) -> None:
    """`heard` is what the emitters ask."""
    heard = [world.broker.events.heard]
    first, second = Told(world), Told(world)
    for each in (first, second):
        heard.append(world.broker.events.heard)
        each.stop()
    heard.append(world.broker.events.heard)
    assert heard == [False, True, True, False]
    world.queue("q")
    assert first.events == second.events == []


def test_a_listener_that_fails_keeps_nothing_from_happening(world: World, told: Told) -> None:
    """The others are told, and the change stands."""

    def fail(event: Event) -> None:
        raise RuntimeError(event.name)

    stop = world.broker.events.subscribe(fail)
    later = Told(world)
    world.queue("q")
    stop()
    assert "q" in world.vhost.queues
    assert len(told.take()) == len(later.take()) == 1


# -- queues


def test_a_queue_is_created_once(world: World, told: Told) -> None:
    """The event says what was asked for and by whom; a second declare says nothing."""
    declare(world, {"x-max-length": 5})
    event = next(each for each in told.take() if each.name == "queue.created")
    assert list(event.fields) == ["vhost", "name", "durable", "auto_delete", "arguments", "owner_pid", "exclusive", BY]
    assert dict(event.fields) == {
        "vhost": "/",
        "name": "q",
        "durable": True,
        "auto_delete": False,
        "arguments": from_python({"x-max-length": 5}),
        "owner_pid": "",
        "exclusive": False,
        BY: "ann",
    }
    declare(world, {"x-max-length": 5})
    assert "queue.created" not in [each.name for each in told.take()]


def test_a_quorum_queue_says_its_type(world: World, told: Told) -> None:
    """It has no owner to name."""
    declare(world, {"x-queue-type": "quorum"})
    event = next(each for each in told.take() if each.name == "queue.created")
    assert list(event.fields) == ["vhost", "name", "durable", "auto_delete", "exclusive", "type", "arguments", BY]
    assert event.fields["type"] == "rabbit_quorum_queue"


def test_a_queue_goes_after_its_consumers_and_bindings(world: World, told: Told) -> None:
    """Auto-delete exchanges that it was bound to go as well; what follows by itself is nobody's act."""
    declare(world)
    session = world.session("ann")
    queue = world.vhost.queues["q"]
    world.exchange("plain")
    world.exchange("unused", auto_delete=True)
    for source, key in [("plain", "a"), ("plain", "b"), ("unused", "c")]:
        bindings.bind(world.broker, session, QUEUE, "q", source, key, EMPTY)
    queue.add_consumer(RecordingConsumer(queue, "tag"))
    told.take()
    queues.delete(world.broker, session, "q", if_unused=False, if_empty=False)
    assert told.brief("name", "routing_key", "consumer_tag") == [
        ("consumer.deleted", None, None, "tag", "ann"),
        ("exchange.deleted", "unused", None, None, INTERNAL),
        ("binding.deleted", None, "c", None, INTERNAL),
        ("binding.deleted", None, "b", None, INTERNAL),
        ("binding.deleted", None, "a", None, INTERNAL),
        ("queue.deleted", "q", None, None, "ann"),
    ]


def test_an_expired_queue_was_deleted_by_nobody(world: World, told: Told) -> None:
    """The actor is the broker itself."""
    world.queue("q", {"x-expires": 1000})
    told.take()
    world.advance(2)
    assert told.brief("name") == [("queue.deleted", "q", INTERNAL)]


@pytest.mark.parametrize(("profile", "type_"), [("3.10", None), ("4.2", "rabbit_classic_queue")])
def test_later_versions_say_the_type_of_a_deleted_queue(profile: str, type_: str | None) -> None:
    """3.10 doesn't."""
    world = World(profile)
    told = Told(world)
    world.vhost.delete_queue(world.queue("q"))
    assert told.take()[-1].fields.get("type") == type_


# -- exchanges and bindings


def test_an_exchange_says_what_it_is(world: World, told: Told) -> None:
    """Type, properties and arguments."""
    exchanges.declare(
        world.broker,
        world.session("ann"),
        "e",
        "topic",
        durable=True,
        auto_delete=False,
        internal=True,
        arguments=EMPTY,
    )
    event = told.take()[-1]
    assert (event.name, dict(event.fields)) == (
        "exchange.created",
        {
            "vhost": "/",
            "name": "e",
            "type": "topic",
            "durable": True,
            "auto_delete": False,
            "internal": True,
            "arguments": EMPTY,
            "policy": "",
            BY: "ann",
        },
    )


def test_deleting_an_exchange_is_told_within_its_parameter(world: World, told: Told) -> None:
    """The parameter is set before and cleared after; auto-delete sources go with their last binding."""
    session = world.session("ann")
    target, source = world.exchange("target"), world.exchange("source", auto_delete=True)
    world.bind(source, target, "k")
    world.bind(target, world.queue("q"), "u")
    told.take()
    exchanges.delete(world.broker, session, "target", if_unused=False)
    assert told.brief("name", "routing_key") == [
        ("parameter.set", "target", None, "ann"),
        ("exchange.deleted", "target", None, "ann"),
        ("binding.deleted", None, "u", "ann"),
        ("exchange.deleted", "source", None, "ann"),
        ("binding.deleted", None, "k", "ann"),
        ("parameter.cleared", "target", None, "ann"),
    ]


def test_the_parameter_is_cleared_where_the_exchange_stays(world: World, told: Told) -> None:
    """An exchange in use, and one that doesn't exist."""
    session = world.session("ann")
    world.bind(world.exchange("used"), world.queue("q"))
    told.take()
    with pytest.raises(PreconditionFailed):
        exchanges.delete(world.broker, session, "used", if_unused=True)
    exchanges.delete(world.broker, session, "unknown", if_unused=False)
    assert [name for name, _ in told.brief()] == ["parameter.set", "parameter.cleared"] * 2


def test_a_binding_is_told_when_it_changes_something(world: World, told: Told) -> None:
    """Binding the same again and unbinding what isn't bound are silent; arguments are told sorted."""
    session = world.session("ann")
    world.queue("q")
    world.exchange("e")
    told.take()
    arguments = from_python({"z": 1, "a": 2})
    for _ in range(2):
        bindings.bind(world.broker, session, QUEUE, "q", "e", "k", arguments)
    event = told.only()
    assert event.name == "binding.created"
    assert dict(event.fields) == {
        "source_name": "e",
        "source_kind": "exchange",
        "destination_name": "q",
        "destination_kind": "queue",
        "routing_key": "k",
        "arguments": from_python({"a": 2, "z": 1}),
        "vhost": "/",
        BY: "ann",
    }
    for _ in range(2):
        bindings.unbind(world.broker, session, QUEUE, "q", "e", "k", arguments)
    assert told.brief("destination_name") == [("binding.deleted", "q", "ann")]


def test_the_last_unbind_deletes_an_auto_delete_exchange_for_whoever_did_it(world: World, told: Told) -> None:
    """The exchange is told before the binding."""
    session = world.session("ann")
    world.exchange("target")
    world.bind(world.exchange("e", auto_delete=True), world.vhost.exchanges["target"], "k")
    told.take()
    bindings.unbind(world.broker, session, EXCHANGE, "target", "e", "k", EMPTY)
    assert told.brief("name") == [("exchange.deleted", "e", "ann"), ("binding.deleted", None, "ann")]


# -- vhosts, users, permissions, alarms


def test_a_vhost_comes_after_its_exchanges_and_goes_after_all_in_it(world: World, told: Told) -> None:
    """Permissions go first."""
    vhost = world.broker.add_vhost("v", by="root")
    created = told.brief("name")
    assert [name for name, *_ in created] == ["exchange.created"] * 7 + ["vhost.created"]
    assert created[0][1:] == ("", "root")
    assert created[-1][1:] == ("v", "root")
    world.broker.access.grant("ann", "v", by="root")
    vhost.add_queue("q", False, False, None, EMPTY)
    told.take()
    world.broker.delete_vhost("v", by="root")
    gone = [name for name, _ in told.brief()]
    exchange = ["parameter.set", "exchange.deleted", "parameter.cleared"]
    assert gone == ["permission.deleted", "queue.deleted", *exchange * 7, "vhost.deleted", "vhost.down"]


def test_limits_of_a_vhost_are_a_parameter_too(world: World, told: Told) -> None:
    """Set while there is one, else cleared."""
    world.broker.limit_vhost(world.vhost, max_connections=5, by="root")
    parameter, limits = told.take()
    assert (parameter.name, parameter.fields["value"]) == ("parameter.set", {"max-connections": 5})
    assert (limits.name, limits.fields["max-connections"]) == ("vhost.limits.set", 5)
    world.broker.limit_vhost(world.vhost, by="root")
    assert told.brief() == [("parameter.cleared", "root"), ("vhost.limits.cleared", "root")]


def test_a_user_is_told_by_what_changed(world: World, told: Told) -> None:
    """Password, tags and limits have an event each."""
    broker = world.broker
    broker.add_user(User("bob", "hash", tags=("monitoring",)), by="root")
    assert told.brief("name") == [("user.created", "bob", "root"), ("user.tags.set", "bob", "root")]
    broker.add_user(User("bob", "other", max_channels=3), by="root")
    changed = told.take()
    assert [each.name for each in changed] == ["user.password.changed", "user.tags.set", "user.limits.set"]
    assert changed[1].fields["tags"] == []
    assert dict(changed[2].fields) == {"name": "limits", BY: "root", "username": "bob", "max-channels": 3}
    broker.add_user(User("bob"), by="root")
    assert [name for name, _ in told.brief()] == ["user.password.cleared", "user.limits.cleared"]
    broker.delete_user("bob", by="root")
    assert told.brief("name") == [("user.deleted", "bob", "root")]


def test_permissions_are_told_as_they_were_given(world: World, told: Told) -> None:
    """An empty pattern stays empty; clearing them for one topic exchange has RabbitMQ's wrong name."""
    access = world.broker.access
    access.grant("bob", "/", "a", "", "c", by="root")
    access.revoke("bob", "/", by="root")
    access.grant_topic("bob", "/", "amq.topic", "w", "r", by="root")
    access.revoke_topic("bob", "/", "amq.topic", by="root")
    access.revoke_topic("bob", "/", by="root")
    assert told.brief("configure", "exchange", "write", "read") == [
        ("permission.created", "a", None, "", "c", "root"),
        ("permission.deleted", None, None, None, None, "root"),
        ("topic.permission.created", None, "amq.topic", "w", "r", "root"),
        ("permission.deleted", None, None, None, None, "root"),
        ("topic.permission.deleted", None, None, None, None, "root"),
    ]


def test_each_resource_has_its_own_alarm(world: World, told: Told) -> None:
    """A second source of one that is short already says nothing."""
    alarms = world.broker.alarms
    alarms.set(MEMORY, "a", short=True)
    alarms.set(MEMORY, "b", short=True)
    alarms.set(DISK, "a", short=True)
    alarms.set(MEMORY, "a", short=False)
    alarms.set(MEMORY, "b", short=False)
    events = told.take()
    assert [(each.name, each.fields["source"]) for each in events] == [
        ("alarm.set", MEMORY),
        ("alarm.set", DISK),
        ("alarm.cleared", MEMORY),
    ]
    assert events[0].fields["node"] == world.broker.name


# -- policies


def test_a_policy_is_told_after_the_queues_that_it_changes(world: World, told: Told) -> None:
    """Each of them says the policy's rule; a queue that it doesn't match says nothing."""
    declare(world)
    world.queue("other")
    told.take()
    set_policy(world.broker, world.vhost, "p", "^q", {"max-length": 5}, priority=3, apply_to="queues", by="root")
    updated, was_set = told.take()
    rule = {"pattern": "^q", "definition": {"max-length": 5}, "priority": 3, "apply-to": "queues"}
    assert updated.name == "queue.policy.updated"
    assert updated.fields == {"name": "q", "vhost": "/", "type": "rabbit_classic_queue", BY: "root"} | rule
    assert was_set.name == "policy.set"
    assert was_set.fields == {"name": "p", "vhost": "/", BY: "root"} | rule
    clear_policy(world.broker, world.vhost, "p", by="root")
    assert told.brief("name") == [("queue.policy.cleared", "q", "root"), ("policy.cleared", "p", "root")]


def test_an_operator_policy_is_a_parameter_too(world: World, told: Told) -> None:
    """Its value is the rule; clearing it has a name of its own."""
    set_policy(world.broker, world.vhost, "p", "^q", {"max-length": 5}, operator=True, by="root")
    parameter, was_set = told.take()
    assert (parameter.name, parameter.fields["component"]) == ("parameter.set", "operator_policy")
    assert list(parameter.fields["value"]) == ["apply-to", "priority", "definition", "pattern"]  # type: ignore[arg-type]
    assert was_set.name == "policy.set"
    clear_policy(world.broker, world.vhost, "p", operator=True, by="root")
    assert [name for name, _ in told.brief()] == ["parameter.cleared", "operator.policy.cleared"]
