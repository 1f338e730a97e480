"""basic.qos as RabbitMQ means it: a window per consumer, and with `global` one per channel on top of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names
    from conformance.received import Received

GLOBAL = pytest.mark.versions(before="4.3", otherwise="since 4.3 global=true is treated like global=false")


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    channel.fill(names("q"), *[b"%d" % number for number in range(10)])
    return names("q")


def _arrived(channel: Channel, *queues: str) -> list[tuple[str, int]]:
    """Return (consumer tag, delivery tag) of what the windows let through."""
    return [(received["consumer_tag"], received["delivery_tag"]) for received in channel.quiet(*queues)]


def _tags(deliveries: list[Received]) -> list[int]:
    return [delivery["delivery_tag"] for delivery in deliveries]


@pytest.mark.proves(
    "basic.qos.prefetch-size",
    "basic.qos.prefetch-size.01",
    "deviation.basic.prefetch-size",
    "reply-code.not-implemented",
)
@pytest.mark.parametrize("globally", [False, True])
@pytest.mark.proves("error.basic.qos.prefetch-size")
def test_vector_38_a_prefetch_size_is_not_implemented(channel: Channel, globally: bool) -> None:
    with channel.connection.refused(540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", "basic.qos"):
        channel.qos(1, globally, size=1)


@pytest.mark.proves("basic.qos", "basic.qos.prefetch-count", "basic.qos.prefetch-count.01")
def test_vector_22_one_at_a_time(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "c")
    assert _tags(channel.deliveries(1)) == [1]
    assert _arrived(channel, queue) == []
    channel.ack(1)
    assert _tags(channel.deliveries(1)) == [2]
    assert _arrived(channel, queue) == []


@pytest.mark.proves("per-consumer-qos.unlimited", "basic.qos.prefetch-count")
def test_without_a_limit_everything_comes(channel: Channel, queue: str) -> None:
    channel.qos(3)
    channel.qos(0)
    channel.consume(queue)
    assert _tags(channel.deliveries(10)) == list(range(1, 11))


@pytest.mark.proves("per-consumer-qos.own-window", "basic.qos.global", "basic.qos.prefetch-count.01")
def test_each_consumer_has_its_own_window(channel: Channel, queue: str) -> None:
    channel.qos(2)
    channel.consume(queue, "a")
    channel.consume(queue, "b")
    assert sorted(_arrived(channel, queue)) == [("a", 1), ("a", 2), ("b", 3), ("b", 4)]


@pytest.mark.proves("per-consumer-qos.new-consumers")
def test_the_limit_is_for_consumers_started_afterwards(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "a")
    channel.qos(3)
    channel.consume(queue, "b")
    assert _arrived(channel, queue) == [("a", 1), ("b", 2), ("b", 3), ("b", 4)]
    channel.ack(1)
    assert _arrived(channel, queue) == [("a", 5)]


@pytest.mark.proves("basic.qos.prefetch-count", "basic.reject.requeue.01")
def test_a_nack_opens_the_window_too(channel: Channel, queue: str) -> None:
    channel.qos(2)
    channel.consume(queue, "c")
    assert channel.bodies(2) == [b"0", b"1"]
    channel.nack(2, requeue=False)
    assert channel.bodies(1) == [b"2"]
    channel.reject(1)
    assert channel.bodies(1) == [b"0"]


@pytest.mark.proves("basic.qos.prefetch-count.01", "basic.ack.multiple")
def test_acks_of_many_open_the_window_by_as_many(channel: Channel, queue: str) -> None:
    channel.qos(3)
    channel.consume(queue, "c")
    assert channel.bodies(3) == [b"0", b"1", b"2"]
    channel.ack(2, multiple=True)
    assert channel.bodies(2) == [b"3", b"4"]
    assert _arrived(channel, queue) == []


@pytest.mark.proves("per-consumer-qos.no-ack", "basic.consume.no-ack")
def test_a_consumer_that_needs_no_ack_has_no_window(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, no_ack=True)
    assert len(channel.deliveries(10)) == 10


@pytest.mark.proves("per-consumer-qos.get")
def test_get_needs_no_window(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "c")
    assert channel.bodies(1) == [b"0"]
    assert channel.must_get(queue).body == b"1"
    channel.ack(1)
    assert channel.bodies(1) == [b"2"]


@pytest.mark.proves("basic.qos.prefetch-count.01")
def test_a_full_consumer_is_passed_over(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "small")
    channel.qos(4)
    channel.consume(queue, "large")
    tags = [tag for tag, _ in _arrived(channel, queue)]
    assert tags == ["small", "large", "large", "large", "large"]


@pytest.mark.proves("per-consumer-qos.global", "basic.qos.global", "deviation.basic.global")
@GLOBAL
def test_a_global_limit_is_shared_by_the_channel(channel: Channel, queue: str) -> None:
    channel.qos(3, globally=True)
    channel.consume(queue, "a")
    channel.consume(queue, "b")
    assert [delivery for _, delivery in _arrived(channel, queue)] == [1, 2, 3]
    channel.ack(2, multiple=True)
    assert _tags(channel.deliveries(2)) == [4, 5]
    assert _arrived(channel, queue) == []


@pytest.mark.proves("per-consumer-qos.both")
@GLOBAL
def test_both_limits_apply(channel: Channel, queue: str) -> None:
    channel.qos(2)
    channel.qos(3, globally=True)
    channel.consume(queue, "a")
    assert _arrived(channel, queue) == [("a", 1), ("a", 2)]
    channel.consume(queue, "b")
    assert _arrived(channel, queue) == [("b", 3)]


@pytest.mark.proves("per-consumer-qos.global")
@GLOBAL
def test_a_global_limit_counts_what_is_unacked_already(channel: Channel, queue: str) -> None:
    channel.qos(2)
    channel.consume(queue, "a")
    assert channel.bodies(2) == [b"0", b"1"]
    channel.qos(3, globally=True)
    channel.consume(queue, "b")
    assert _arrived(channel, queue) == [("b", 3)]


@pytest.mark.proves("per-consumer-qos.global", "per-consumer-qos.unlimited")
@GLOBAL
def test_removing_the_global_limit_lets_everything_come(channel: Channel, queue: str) -> None:
    channel.qos(1, globally=True)
    channel.consume(queue, "a")
    assert _tags(channel.deliveries(1)) == [1]
    assert _arrived(channel, queue) == []
    channel.qos(0, globally=True)
    assert _tags(channel.deliveries(9)) == list(range(2, 11))


@pytest.mark.proves("per-consumer-qos.new-consumers")
@GLOBAL
def test_a_limit_per_consumer_does_not_remove_or_change_the_windows_that_exist(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "a")
    assert _tags(channel.deliveries(1)) == [1]
    channel.qos(0)
    assert _arrived(channel, queue) == []


@pytest.mark.proves("per-consumer-qos.global")
@GLOBAL
def test_raising_the_global_limit_lets_more_come(channel: Channel, queue: str) -> None:
    channel.qos(1, globally=True)
    channel.consume(queue, "a")
    assert _tags(channel.deliveries(1)) == [1]
    channel.qos(3, globally=True)
    assert _tags(channel.deliveries(2)) == [2, 3]
    assert _arrived(channel, queue) == []


@pytest.mark.proves("per-consumer-qos.no-ack", "per-consumer-qos.global", "beyond.qos.no-ack-in-a-full-window")
@GLOBAL
def test_a_global_limit_does_not_count_consumers_without_ack_but_stops_them_when_full(
    channel: Channel, queue: str, names: Names
) -> None:
    channel.qos(1, globally=True)
    channel.consume(queue, "a", no_ack=True)
    assert len(channel.deliveries(10)) == 10
    channel.declare_queue(names("other"))
    channel.fill(names("other"), b"x", b"y")
    channel.consume(names("other"), "b")
    assert _arrived(channel, names("other")) == [("b", 11)]
    channel.fill(queue, b"late")
    assert _arrived(channel, queue) == []
    channel.cancel("b")
    channel.ack(11)
    assert _arrived(channel, queue) == [("a", 12)]


@pytest.mark.proves("per-consumer-qos.global")
@GLOBAL
def test_what_get_took_before_a_global_limit_counts_and_acking_it_frees_nothing(channel: Channel, queue: str) -> None:
    for _ in range(2):
        channel.must_get(queue)
    channel.qos(3, globally=True)
    channel.consume(queue, "c")
    assert _arrived(channel, queue) == [("c", 3)]
    channel.ack(2, multiple=True)
    assert _arrived(channel, queue) == []
    channel.ack(3)
    assert _tags(channel.deliveries(1)) == [4]


@pytest.mark.proves("per-consumer-qos.global", "per-consumer-qos.get")
@GLOBAL
def test_what_get_took_after_a_global_limit_does_not_count(channel: Channel, queue: str) -> None:
    channel.qos(2, globally=True)
    channel.must_get(queue)
    channel.consume(queue, "c")
    assert _arrived(channel, queue) == [("c", 2), ("c", 3)]
