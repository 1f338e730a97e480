"""The type of a queue that asks for none: the vhost's default, the node's, or classic; redeclaring it as another."""

from __future__ import annotations

import pytest

from amqpd.broker.broker import Broker
from amqpd.broker.compat import PROFILES, Compat
from amqpd.broker.operations import queues
from amqpd.clock import ManualClock
from amqpd.errors import PreconditionFailed, ResourceLocked
from amqpd.fields import Table, from_python
from tests.unit.broker.world import SeededRandomness, World

WITHOUT_DEFAULTS = ("3.10",)
WITH_DEFAULTS = tuple(each for each in PROFILES if each not in WITHOUT_DEFAULTS)


def defaulting(node: str = "classic", vhost: str | None = None, profile: str = "4.2") -> World:
    """A world with these defaults."""
    world = World(profile)
    world.broker.default_queue_type = node
    world.vhost.default_queue_type = vhost
    return world


def declare(
    world: World,
    name: str,
    arguments: dict[str, object] | None = None,
    *,
    durable: bool = True,
    exclusive: bool = False,
    auto_delete: bool = False,
) -> object:
    return queues.declare(
        world.broker,
        world.session(),
        name,
        durable=durable,
        exclusive=exclusive,
        auto_delete=auto_delete,
        arguments=from_python(arguments or {}),
    )


def declared(world: World, arguments: dict[str, object] | None = None, **properties: bool) -> tuple[str, Table]:
    """The type and the arguments of a new queue, durable unless it is said otherwise."""
    declare(world, "q", arguments, **properties)
    queue = world.vhost.queues["q"]
    return queue.type.name, queue.arguments


@pytest.mark.parametrize(
    ("argument", "vhost", "node", "expected"),
    [
        (None, None, "classic", "classic"),
        (None, None, "quorum", "quorum"),
        (None, "quorum", "classic", "quorum"),
        (None, "classic", "quorum", "classic"),
        ("classic", "quorum", "quorum", "classic"),
        ("quorum", "classic", "classic", "quorum"),
    ],
)
def test_the_argument_goes_before_the_vhosts_default_and_that_before_the_nodes(
    argument: str | None, vhost: str | None, node: str, expected: str
) -> None:
    arguments: dict[str, object] = {} if argument is None else {"x-queue-type": argument}
    assert declared(defaulting(node, vhost), arguments)[0] == expected


@pytest.mark.parametrize("properties", [{"durable": False}, {"exclusive": True}, {"auto_delete": True}])
@pytest.mark.parametrize("profile", WITH_DEFAULTS)
def test_a_queue_that_the_default_cannot_be_is_classic(profile: str, properties: dict[str, bool]) -> None:
    assert declared(defaulting("quorum", profile=profile), {}, **properties)[0] == "classic"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_default_other_than_classic_is_stored_with_the_queue(profile: str) -> None:
    """Classic, only since 4.0."""
    type_, arguments = declared(defaulting("quorum", profile=profile))
    expected = "classic" if profile in WITHOUT_DEFAULTS else "quorum"
    assert type_ == expected
    stored = arguments.to_python().get("x-queue-type")
    assert stored == (expected if PROFILES[profile].injects_queue_type or expected == "quorum" else None)


def test_a_queue_is_redeclared_without_its_type_as_long_as_the_default_is_the_same() -> None:
    world = defaulting("quorum")
    for _ in range(2):
        declare(world, "q")
    world.vhost.default_queue_type = "classic"
    with pytest.raises(PreconditionFailed, match="inequivalent arg 'x-queue-type' for queue 'q' in vhost '/'"):
        declare(world, "q")


def test_a_queue_that_the_server_is_to_name_is_refused_where_the_default_has_no_such_queues() -> None:
    world = defaulting("quorum")
    with pytest.raises(PreconditionFailed, match="Cannot declare a server-named queue for type rabbit_quorum_queue"):
        declare(world, "")


def test_a_default_that_is_no_queue_type_is_refused_with_the_known_ones() -> None:
    known = r"unknown queue type 'tree': expected one of classic, quorum"
    with pytest.raises(ValueError, match=known):
        Broker(ManualClock(), SeededRandomness(), compat=Compat.of(), default_queue_type="tree")
    with pytest.raises(ValueError, match=known):
        World().broker.add_vhost("v", default_queue_type="tree")
    assert World().broker.add_vhost("v", default_queue_type="quorum").default_queue_type == "quorum"


# -- relaxed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("arguments", [{"x-queue-type": "classic"}, {"x-queue-type": "classic", "x-max-priority": 5}])
def test_a_quorum_queue_may_be_redeclared_as_a_classic_one_where_that_is_relaxed(
    relaxed: bool, arguments: dict[str, object]
) -> None:
    """Whatever else differs; and, since 4.0, without a type."""
    world = World()
    world.broker.relaxed_redeclare = relaxed
    world.queue(arguments={"x-queue-type": "quorum"})
    for again in (arguments, {}):
        if relaxed:
            assert declare(world, "q", again, durable=False, auto_delete=True) == ("q", 0, 0)
        else:
            with pytest.raises(PreconditionFailed):
                declare(world, "q", again, durable=False, auto_delete=True)
    assert world.vhost.queues["q"].type.name == "quorum"


def test_relaxed_checks_are_for_quorum_queues_that_become_classic_alone() -> None:
    world = World()
    world.broker.relaxed_redeclare = True
    world.queue("c", {"x-queue-type": "classic"})
    world.queue("q", {"x-queue-type": "quorum"})
    changes: list[tuple[str, dict[str, object]]] = [
        ("c", {"x-queue-type": "quorum"}),
        ("c", {"x-queue-type": "classic", "x-max-length": 1}),
        ("q", {"x-queue-type": "quorum", "x-max-length": 1}),
    ]
    for name, arguments in changes:
        with pytest.raises(PreconditionFailed):
            declare(world, name, arguments)
    with pytest.raises(ResourceLocked):
        declare(world, "q", exclusive=True)
