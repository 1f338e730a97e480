"""Streams on a disk: messages, offsets, times, filter values, segments and positions after a restart; memory."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.message import Message
from amqpd.broker.stream.cache import LIMIT
from amqpd.broker.stream.chunk import CHUNK
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.fields import Field, timestamp
from amqpd.properties import Properties
from tests.unit.broker.streams import arguments, filtered, offsets
from tests.unit.broker.world import RecordingConsumer
from tests.unit.storage.disk import Disk
from tests.unit.storage.durable import Durable

TRANSIENT = Properties.of()


@pytest.fixture
def durable() -> Durable:
    return Durable()


def stream(durable: Durable, name: str = "s", **others: object) -> StreamQueue:
    named = {key.replace("_", "-"): value for key, value in others.items()}
    made = durable.queue(name, {"x-queue-type": "stream", **named})
    assert isinstance(made, StreamQueue)
    return made


def batch(durable: Durable, *bodies: bytes, name: str = "s", properties: Properties = TRANSIENT) -> None:
    """Publish bodies in one turn, which ends with a commit."""
    durable.publish(*bodies, queue=name, properties=properties)
    durable.drain()


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


def reading(
    durable: Durable, offset: Field | object = "first", *, window: int = 0, name: str = "s", **others: object
) -> RecordingConsumer:
    queue = durable.vhost.queues[name]
    consumer = RecordingConsumer(queue, "c", window=window, arguments=arguments(offset, **others))
    queue.add_consumer(consumer)
    queue.resume()
    durable.drain()
    return consumer


def octets(durable: Durable) -> int:
    return sum(map(len, durable.disk.contents().values()))


# -- messages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [[1] * 7, [300, 1, 1, 300], [CHUNK + 5], [3 * CHUNK, 2], [1] * 600])
def test_messages_and_offsets_are_there_again_however_they_came(durable: Durable, batches: list[int]) -> None:
    stream(durable)
    count = 0
    for each in batches:
        batch(durable, *numbered(each, count))
        count += each
    again = durable.restarted()
    assert again.bodies("s") == numbered(count)
    batch(again, b"later")
    third = again.restarted()
    assert third.bodies("s") == [*numbered(count), b"later"]
    assert offsets(reading(third)) == list(range(count + 1))


def test_persistent_and_transient_messages_are_kept_as_they_came(durable: Durable) -> None:
    stream(durable)
    headers = [Properties.of(message_id=str(number), delivery_mode=1 + number % 2) for number in range(600)]
    for number, properties in enumerate(headers):
        durable.vhost.publish(
            Message("x\udcff", f"k{number % 300}", properties, b"%d" % number), (durable.vhost.queues["s"],)
        )
    durable.drain()
    found = durable.restarted().vhost.queues["s"].browse(1000)
    assert [each.properties for each in found] == headers
    assert [each.properties.persistent for each in found] == [each.persistent for each in headers]
    assert [each.routing_key for each in found] == [f"k{number % 300}" for number in range(600)]
    assert {each.exchange for each in found} == {"x\udcff"}


def test_a_confirm_waits_for_the_disk(durable: Durable) -> None:
    stream(durable)
    durable.drain()
    durable.publish(b"m", queue="s", properties=TRANSIENT)
    pending = durable.journal.messages_durable()
    assert pending is not None
    told: list[list[bytes]] = []
    pending.when_done(lambda _: told.append(durable.restarted().bodies("s")))
    assert (told, durable.restarted().bodies("s")) == ([], [])
    durable.drain()
    assert told == [[b"m"]]


def test_times_and_filter_values_come_back(durable: Durable) -> None:
    stream(durable)
    start = durable.clock.wall()
    for number in range(6):
        batch(durable, *numbered(100, 100 * number), properties=filtered(b"even" if number % 2 == 0 else None))
        durable.clock.advance(60)
    again = durable.restarted()
    assert offsets(reading(again, timestamp(int(start) + 180)))[0] == 300
    assert offsets(reading(again, "last")) == list(range(500, 600))
    matching = reading(again, x_stream_filter="even")
    assert {each // 100 for each in offsets(matching)} == {0, 2, 4}
    assert len(offsets(matching)) == 300


def test_a_message_to_a_stream_and_a_queue_is_in_both_or_in_none(durable: Durable) -> None:
    queues = (durable.queue("q"), stream(durable))
    durable.drain()
    for lost in range(40):
        durable.vhost.publish(Message("", "", Properties.of(delivery_mode=2), b"%d" % lost), queues)
        after = Durable(durable.disk.lose_power(Random(lost)), durable.clock)
        assert after.bodies("q") == after.bodies("s")
        durable.drain()
    assert durable.restarted().bodies("q") == durable.restarted().bodies("s") == numbered(40)


def test_a_new_stream_of_an_old_name_has_nothing_of_it_and_the_space_comes_back(durable: Durable) -> None:
    stream(durable)
    for _ in range(40):
        batch(durable, b"x" * 10_000)
    durable.vhost.delete_queue(durable.vhost.queues["s"])
    durable.drain()
    assert octets(durable) < 50_000
    stream(durable)
    batch(durable, b"new")
    assert durable.restarted().bodies("s") == [b"new"]


def test_chunks_of_a_stream_that_was_deleted_just_before_the_end_go_at_the_start(durable: Durable) -> None:
    stream(durable)
    batch(durable, b"x" * 100_000)
    disk = durable.disk.contents()
    durable.vhost.delete_queue(durable.vhost.queues["s"])
    durable.drain()
    # The definition is gone, the chunks are there again.
    left = {path: data for path, data in disk.items() if "streams" in path.parts}
    again = Durable(Disk({**durable.disk.contents(), **left}), durable.clock)
    assert again.vhost.queues == {}
    assert octets(again) < 50_000


# -- retention ---------------------------------------------------------------------------------------------------------


def test_segments_come_back_and_retention_goes_on(durable: Durable) -> None:
    stream(durable, x_stream_max_segment_size_bytes=1000, x_max_length_bytes=3000, x_max_age="1h")
    for number in range(7):
        batch(durable, *[b"%d" % number + b"x" * 97] * 5)  # half a segment each
    first = durable.vhost.queues["s"].browse(1)[0].number
    again = durable.restarted()
    assert again.vhost.queues["s"].browse(1)[0].number == first
    assert again.bodies("s") == durable.bodies("s")
    batch(again, *[b"x" * 98] * 15)
    batch(durable, *[b"x" * 98] * 15)
    assert again.vhost.queues["s"].browse(1)[0].number == durable.vhost.queues["s"].browse(1)[0].number > first
    again.advance(3600)
    assert again.vhost.queues["s"].message_count <= 10
    assert again.restarted().bodies("s")[-5:] == [b"x" * 98] * 5


def test_what_became_too_old_while_the_broker_was_down_goes_at_the_start(durable: Durable) -> None:
    stream(durable, x_stream_max_segment_size_bytes=1000, x_max_age="1h")
    batch(durable, *[b"x" * 998] * 5)
    durable.clock.advance(3600)
    assert durable.restarted().vhost.queues["s"].message_count == 1


def test_what_retention_drops_is_given_back(durable: Durable) -> None:
    stream(durable, x_stream_max_segment_size_bytes=50_000, x_max_length_bytes=100_000)
    for _ in range(100):
        batch(durable, b"x" * 20_000)
    assert octets(durable) < 300_000


# -- positions ---------------------------------------------------------------------------------------------------------


def test_a_named_consumer_goes_on_after_a_restart(durable: Durable) -> None:
    stream(durable)
    batch(durable, *numbered(20))
    consumer = reading(durable, x_stream_name="billing")
    for message in consumer.unsettled[:7]:
        consumer.ack(message)
    durable.drain()
    again = durable.restarted()
    queue = again.vhost.queues["s"]
    assert isinstance(queue, StreamQueue)
    assert queue.positions == {"billing": 7}
    consumer = reading(again, x_stream_name="billing")
    assert offsets(consumer)[0] == 7
    for message in list(consumer.unsettled):
        consumer.ack(message)
    again.drain()
    third = again.restarted().vhost.queues["s"]
    assert isinstance(third, StreamQueue)
    assert third.positions == {"billing": 20}


def test_a_position_is_kept_with_what_was_published_after_it(durable: Durable) -> None:
    """Whatever waits its turn meanwhile: here a commit that the consumer itself asked for."""
    stream(durable)
    batch(durable, *numbered(3))
    queue = durable.vhost.queues["s"]
    consumer = RecordingConsumer(queue, "c", arguments=arguments("first", x_stream_name="n"))
    queue.add_consumer(consumer)
    queue.resume()
    durable.broker.work.run(100)
    consumer.ack(consumer.unsettled[0])
    durable.publish(b"later", queue="s", properties=TRANSIENT)
    pending = durable.journal.messages_durable()
    while pending is not None and not pending.done:
        durable.broker.work.run(1)
    again = durable.restarted().vhost.queues["s"]
    assert isinstance(again, StreamQueue)
    assert (again.message_count, again.positions) == (4, {"n": 1})


def test_positions_that_change_often_take_little_room(durable: Durable) -> None:
    stream(durable)
    batch(durable, *numbered(3000))
    size = octets(durable)
    consumer = reading(durable, x_stream_name="billing")
    for message in list(consumer.unsettled):
        consumer.ack(message)
        durable.drain()
    assert octets(durable) < size + 20_000


# -- memory ------------------------------------------------------------------------------------------------------------


def test_what_is_on_the_disk_leaves_memory_and_is_read_again(durable: Durable) -> None:
    stream(durable)
    count = 3 * LIMIT // 1_000_000
    for number in range(count):
        batch(durable, *[b"%d" % number * 500_000] * 2)
    assert LIMIT // 2 < durable.broker.account.octets < LIMIT + 5_000_000
    consumer = RecordingConsumer(durable.vhost.queues["s"], "c", window=1, arguments=arguments("first"))
    consumer.queue.add_consumer(consumer)
    for number in range(2 * count):
        consumer.queue.resume()
        durable.drain()
        assert consumer.unsettled[0].body[:2] == (b"%d" % (number // 2) * 2)[:2]
        consumer.ack(consumer.unsettled[0])
        consumer.delivered[-1].body = b""
    assert durable.broker.account.octets < LIMIT + 5_000_000
    durable.vhost.delete_queue(consumer.queue)
    durable.drain()
    assert durable.broker.account.octets == 0


def test_a_restart_reads_no_contents(durable: Durable) -> None:
    stream(durable)
    for _ in range(20):
        batch(durable, b"x" * 1_000_000)
    assert durable.restarted().broker.account.octets < 10_000


# -- errors ------------------------------------------------------------------------------------------------------------


def damaged(durable: Durable, body: bytes) -> Durable:
    """After a restart, with another octet in a message."""
    contents = durable.disk.contents()
    [path] = [path for path, data in contents.items() if body in data]
    contents[path] = contents[path].replace(body, b"?" + body[1:])
    return Durable(Disk(contents), durable.clock)


def test_damaged_messages_are_passed_over_and_the_others_keep_their_offsets(durable: Durable) -> None:
    stream(durable)
    for number in range(5):
        batch(durable, b"%d" % number * 70_000)
    again = damaged(durable, b"2" * 70_000)
    consumer = reading(again)
    assert offsets(consumer) == [0, 1, 3, 4]
    assert again.vhost.queues["s"].message_count == 5
    batch(again, b"5")
    assert offsets(consumer) == [0, 1, 3, 4, 5]


class Failing(Disk):
    """A disk that reads no stream any more."""

    def read(self, path: Path) -> bytes:
        if "streams" in path.parts and self.sync_fails:
            raise OSError("input/output error")
        return super().read(path)


def test_a_consumer_that_a_failing_disk_stops_is_cancelled() -> None:
    durable = Durable(Failing())
    stream(durable)
    batch(durable, b"m")
    again = Durable(Failing(durable.disk.contents()), durable.clock)
    again.disk.sync_fails = True
    consumer = reading(again)
    assert (consumer.was_cancelled, consumer.delivered) == (True, [])
    again.disk.sync_fails = False
    assert offsets(reading(again)) == [0]


def test_what_finds_no_room_comes_when_there_is_some_with_what_came_meanwhile() -> None:
    durable = Durable(reserve=2000)
    queue = stream(durable)
    batch(durable, *numbered(5))
    consumer = reading(durable, x_stream_name="n")
    durable.disk.room = 100
    batch(durable, *numbered(300, 5))
    batch(durable, b"x" * 3000)
    consumer.ack(consumer.unsettled[0])
    batch(durable, b"last")
    pending = durable.journal.messages_durable()
    assert pending is not None
    told: list[bool] = []
    pending.when_done(lambda _: told.append(True))
    assert told == []
    durable.disk.room = 10**6
    durable.advance(10)
    assert told == [True]
    again = durable.restarted().vhost.queues["s"]
    assert isinstance(again, StreamQueue)
    assert [each.body for each in again.browse(1000)] == [each.body for each in queue.browse(1000)]
    assert (again.message_count, again.positions) == (307, {"n": 1})


# -- any history -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_a_power_loss_at_any_moment_loses_nothing_that_was_committed(seed: int) -> None:
    """Batches of all sizes to two streams and a queue, retention, and a consumer with a name."""
    random = Random(seed)
    durable = Durable()
    stream(durable, "a", x_stream_max_segment_size_bytes=3000, x_max_length_bytes=10_000)
    stream(durable, "b")
    durable.queue("q")
    durable.drain()
    expected: dict[str, list[bytes]] = {"a": [], "b": [], "q": []}
    position = 0
    for _ in range(3):
        for _ in range(random.randint(1, 8)):
            for _ in range(random.choice((1, 2, 50, 300))):
                names = random.sample("abq", random.randint(1, 3))
                body = random.randbytes(random.choice((1, 10, 200)))
                route = tuple(durable.vhost.queues[name] for name in names)
                durable.vhost.publish(Message("", "", Properties.of(delivery_mode=2), body), route)
                for name in names:
                    expected[name].append(body)
            durable.drain()
        consumer = reading(durable, name="b", window=random.randint(1, 20), x_stream_name="n")
        assert offsets(consumer)[:1] in ([], [position])
        for message in list(consumer.unsettled):
            consumer.ack(message)
            position = message.number + 1
        durable.drain()
        durable.publish(b"never committed", queue=random.choice("ab"))
        durable = Durable(durable.disk.lose_power(random), durable.clock)
        kept = durable.vhost.queues["a"].browse(10_000)
        assert kept[-1].number == len(expected["a"]) - 1 if kept else not expected["a"]
        assert [each.body for each in kept] == (expected["a"][kept[0].number :] if kept else [])
        assert durable.bodies("b") == expected["b"]
        assert durable.bodies("q") == expected["q"]
