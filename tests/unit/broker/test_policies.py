"""Which policy a queue or an exchange has, and what it does there while it is set."""

from __future__ import annotations

import pytest

from amqpd.broker.operations.policies import AT_ONCE, clear_policy, set_policy
from amqpd.broker.queue import ACCEPTED, REJECTED
from tests.unit.broker.world import RecordingConsumer, World, message, numbered, publish


def policy(
    world: World, name: str, definition: dict[str, object], pattern: str = "", *, operator: bool = False, **more: object
) -> None:
    set_policy(world.broker, world.vhost, name, pattern, definition, operator=operator, **more)  # type: ignore[arg-type]


def bodies(world: World, queue: str = "q") -> list[bytes]:
    return [each.body for each in world.vhost.queues[queue].browse(1000)]


# -- which one ---------------------------------------------------------------------------------------------------------


def limit_of(world: World, queue: str = "q") -> int | None:
    return world.vhost.queues[queue].settings.max_length


def test_a_pattern_is_searched_for_in_the_name(world: World) -> None:
    for name in ("orders.eu", "eu.orders", "other"):
        world.queue(name)
    policy(world, "p", {"max-length": 5}, "orders")
    assert [limit_of(world, each) for each in ("orders.eu", "eu.orders", "other")] == [5, 5, None]


def test_the_highest_priority_wins_alone(world: World) -> None:
    """Policies are not merged with one another."""
    world.queue()
    policy(world, "low", {"max-length": 1, "expires": 1000}, priority=1)
    policy(world, "high", {"max-length": 2}, priority=2)
    settings = world.vhost.queues["q"].settings
    assert (settings.max_length, settings.expires) == (2, None)


def test_a_queue_that_is_declared_later_has_it_from_the_start(world: World) -> None:
    policy(world, "p", {"max-length": 5})
    world.queue()
    assert limit_of(world) == 5


@pytest.mark.parametrize(
    ("target", "classic", "quorum"),
    [
        ("all", 5, 5),
        ("queues", 5, 5),
        ("classic_queues", 5, None),
        ("quorum_queues", None, 5),
        ("exchanges", None, None),
    ],
)
def test_a_policy_applies_to_its_target(world: World, target: str, classic: int | None, quorum: int | None) -> None:
    world.queue("c")
    world.queue("q", {"x-queue-type": "quorum"})
    policy(world, "p", {"max-length": 5}, apply_to=target)
    assert (limit_of(world, "c"), limit_of(world, "q")) == (classic, quorum)


def test_a_policy_with_a_key_that_the_queue_type_lacks_is_passed_over(world: World) -> None:
    """The next one by priority counts instead."""
    world.queue("q", {"x-queue-type": "quorum"})
    world.queue("c")
    policy(world, "modes", {"max-length": 1, "queue-mode": "lazy"}, priority=2)
    policy(world, "plain", {"max-length": 2}, priority=1)
    assert (limit_of(world, "q"), limit_of(world, "c")) == (2, 1)


def test_another_vhost_is_left_alone(world: World) -> None:
    other = world.broker.add_vhost("other")
    set_policy(world.broker, other, "p", "", {"max-length": 5})
    world.queue()
    assert limit_of(world) is None


def test_a_policy_of_an_unknown_name_cannot_be_cleared(world: World) -> None:
    with pytest.raises(KeyError):
        clear_policy(world.broker, world.vhost, "p")


# -- together with arguments and operators -----------------------------------------------------------------------------

NUMBERS = {"message-ttl": "message_ttl", "expires": "expires", "max-length": "max_length"}


@pytest.mark.parametrize("key", [*NUMBERS, "max-length-bytes"])
@pytest.mark.parametrize(("argument", "asked", "result"), [(5000, 9000, 5000), (9000, 5000, 5000), (None, 7000, 7000)])
def test_of_two_limits_the_lower_counts(world: World, key: str, argument: int | None, asked: int, result: int) -> None:
    queue = world.queue("q", {} if argument is None else {f"x-{key}": argument})
    policy(world, "p", {key: asked})
    assert getattr(queue.settings, key.replace("-", "_")) == result


@pytest.mark.parametrize("key", [*NUMBERS, "max-length-bytes"])
def test_an_operator_can_only_lower_a_limit(world: World, key: str) -> None:
    queue = world.queue()
    policy(world, "p", {key: 5000})
    policy(world, "o", {key: 9000}, operator=True)
    assert getattr(queue.settings, key.replace("-", "_")) == 5000
    policy(world, "o", {key: 3000}, operator=True)
    assert getattr(queue.settings, key.replace("-", "_")) == 3000
    clear_policy(world.broker, world.vhost, "o", operator=True)
    assert getattr(queue.settings, key.replace("-", "_")) == 5000


@pytest.mark.parametrize(("type_", "result"), [("classic", "reject-publish"), ("quorum", "drop-head")])
def test_who_decides_on_overflow_depends_on_the_queue_type(world: World, type_: str, result: str) -> None:
    queue = world.queue("q", {"x-queue-type": type_, "x-overflow": "reject-publish"})
    policy(world, "p", {"overflow": "drop-head"})
    assert queue.settings.overflow == result


def test_arguments_decide_on_dead_lettering(world: World) -> None:
    queue = world.queue("q", {"x-dead-letter-exchange": "mine"})
    policy(world, "p", {"dead-letter-exchange": "theirs", "dead-letter-routing-key": "dead"})
    assert (queue.settings.dead_letter_exchange, queue.settings.dead_letter_routing_key) == ("mine", "dead")


@pytest.mark.parametrize(
    ("argument", "asked", "result"), [(5, 3, 3), (3, 5, 3), (-1, 5, 5), (5, -1, 5), (None, -1, -1), (7, None, 7)]
)
def test_a_negative_delivery_limit_is_none_at_all(
    world: World, argument: int | None, asked: int | None, result: int
) -> None:
    arguments: dict[str, object] = {"x-queue-type": "quorum"}
    queue = world.queue("q", arguments if argument is None else {**arguments, "x-delivery-limit": argument})
    if asked is not None:
        policy(world, "p", {"delivery-limit": asked})
    assert queue.settings.delivery_limit == result


# -- on a live queue ---------------------------------------------------------------------------------------------------


def test_a_lower_limit_drops_heads_at_once(world: World) -> None:
    publish(world.queue(), *numbered(10))
    policy(world, "p", {"max-length": 3})
    assert bodies(world) == [b"7", b"8", b"9"]
    assert world.vhost.queues["q"].publish(message(b"10")) == ACCEPTED
    assert bodies(world) == [b"8", b"9", b"10"]


def test_a_limit_in_octets_counts_what_waits_already(world: World) -> None:
    queue = world.queue()
    publish(queue, *[b"12345"] * 5000)
    policy(world, "p", {"max-length-bytes": 52})
    world.drain()
    assert len(bodies(world)) == 10
    clear_policy(world.broker, world.vhost, "p")
    publish(queue, b"x")
    assert len(bodies(world)) == 11


def test_dropped_heads_are_dead_lettered_as_the_same_policy_says(world: World) -> None:
    publish(world.queue(), b"old", b"new")
    world.queue("dead")
    policy(world, "p", {"max-length": 1, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}, "^q$")
    assert bodies(world, "dead") == [b"old"]


def test_publishers_are_refused_while_the_policy_is_set(world: World) -> None:
    queue = world.queue()
    policy(world, "p", {"max-length": 0, "overflow": "reject-publish"})
    assert queue.publish(message()) == REJECTED
    clear_policy(world.broker, world.vhost, "p")
    assert queue.publish(message()) == ACCEPTED


def test_a_message_ttl_is_for_what_comes_later(world: World) -> None:
    queue = world.queue()
    policy(world, "p", {"message-ttl": 1000})
    publish(queue, b"expires")
    clear_policy(world.broker, world.vhost, "p")
    publish(queue, b"stays")
    world.advance(2)
    assert bodies(world) == [b"stays"]


def test_a_queue_expiry_begins_when_the_policy_is_set_and_ends_with_it(world: World) -> None:
    world.queue()
    world.advance(10)
    policy(world, "p", {"expires": 5000})
    world.advance(4)
    clear_policy(world.broker, world.vhost, "p")
    world.advance(10)
    assert "q" in world.vhost.queues
    policy(world, "p", {"expires": 5000})
    world.advance(6)
    assert "q" not in world.vhost.queues


def test_a_queue_in_use_does_not_expire_by_policy(world: World) -> None:
    queue = world.queue()
    queue.add_consumer(RecordingConsumer(queue))
    policy(world, "p", {"expires": 5000})
    world.advance(10)
    assert "q" in world.vhost.queues


def test_an_unchanged_setting_leaves_the_lease_alone(world: World) -> None:
    world.queue()
    policy(world, "p", {"expires": 5000})
    world.advance(4)
    policy(world, "p", {"expires": 5000, "max-length": 5})
    world.advance(2)
    assert "q" not in world.vhost.queues


def test_a_delivery_limit_changes_for_the_next_failure(world: World) -> None:
    queue = world.queue("q", {"x-queue-type": "quorum"})
    publish(queue, b"m")
    policy(world, "p", {"delivery-limit": 0})
    got = queue.get()
    assert got is not None
    queue.put_back(got)
    assert queue.message_count == 0


@pytest.mark.parametrize("strict", [False, True])
def test_retries_of_classic_queues_are_an_extension_in_policies_too(strict: bool) -> None:
    world = World(strict=strict)
    queue = world.queue()
    policy(world, "p", {"delivery-limit": 3, "max-length": 5})
    assert queue.settings.delivery_limit == (None if strict else 3)
    assert queue.settings.max_length == (None if strict else 5)


def test_very_many_queues_are_configured_in_slices(world: World) -> None:
    for number in range(AT_ONCE + 5):
        world.queue(str(number))
    policy(world, "p", {"max-length": 5})
    assert limit_of(world, "0") == 5
    assert limit_of(world, str(AT_ONCE + 1)) is None
    world.queue("later")
    assert limit_of(world, "later") == 5
    world.drain()
    assert limit_of(world, str(AT_ONCE + 1)) == 5


# -- exchanges ---------------------------------------------------------------------------------------------------------


def test_an_alternate_exchange_comes_and_goes_with_the_policy(world: World) -> None:
    world.exchange("e")
    world.bind(world.exchange("spare", "fanout"), world.queue())
    assert world.route("e", "k") == []
    policy(world, "p", {"alternate-exchange": "spare"}, "^e$")
    assert world.route("e", "k") == ["q"]
    clear_policy(world.broker, world.vhost, "p")
    assert world.route("e", "k") == []


def test_an_exchange_that_is_declared_later_has_its_alternate(world: World) -> None:
    policy(world, "p", {"alternate-exchange": "spare"}, "^e$")
    world.bind(world.exchange("spare", "fanout"), world.queue())
    world.exchange("e")
    assert world.route("e", "k") == ["q"]


def test_the_argument_of_an_exchange_wins(world: World) -> None:
    world.exchange("e", alternate="spare")
    world.bind(world.exchange("spare", "fanout"), world.queue("mine"))
    world.bind(world.exchange("other", "fanout"), world.queue("theirs"))
    policy(world, "p", {"alternate-exchange": "other"}, "^e$")
    assert world.route("e", "k") == ["mine"]


def test_the_default_exchange_has_no_policy(world: World) -> None:
    world.bind(world.exchange("spare", "fanout"), world.queue())
    policy(world, "p", {"alternate-exchange": "spare"})
    assert world.route("", "nowhere") == []


def test_remembered_routes_know_of_a_changed_alternate(world: World) -> None:
    world.exchange("e")
    before = world.vhost.generation
    policy(world, "p", {"alternate-exchange": "spare"})
    assert world.vhost.generation > before
