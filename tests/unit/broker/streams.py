"""Short ways to a stream and its consumers for the tests of streams."""

from __future__ import annotations

from amqpd.broker.consumers import Consumer
from amqpd.broker.queue import Queue
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.fields import Field, Table, from_python, longstr
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, message


def stream(world: World, name: str = "q", **arguments: object) -> StreamQueue:
    """A stream; underscores in the names of arguments stand for hyphens."""
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    made = world.queue(name, {"x-queue-type": "stream", **named})
    assert isinstance(made, StreamQueue)
    return made


def batch(world: World, queue: Queue, *bodies: bytes, value: bytes | None = None) -> None:
    """Publish bodies in one turn, with a filter value."""
    properties = filtered(value)
    for body in bodies:
        queue.publish(message(body, key=queue.name, properties=properties))
    world.drain()


def filtered(value: bytes | None) -> Properties:
    """Properties with a filter value."""
    if value is None:
        return Properties.of()
    return Properties.of(headers=Table.of({"x-stream-filter-value": longstr(value)}))


def arguments(offset: Field | object = None, **others: object) -> Table:
    """Arguments of a consumer; underscores stand for hyphens."""
    table = from_python({key.replace("_", "-"): value for key, value in others.items()})
    if isinstance(offset, Field):
        return table.with_field("x-stream-offset", offset)
    return table if offset is None else Table.of([*from_python({"x-stream-offset": offset}).items(), *table.items()])


def reading(
    world: World, queue: Queue, offset: Field | object = "first", *, tag: str = "c", window: int = 0, **others: object
) -> RecordingConsumer:
    """A consumer that has been added and got what it could."""
    consumer = RecordingConsumer(queue, tag, window=window, arguments=arguments(offset, **others))
    queue.add_consumer(consumer)
    queue.resume()
    world.drain()
    return consumer


def offsets(consumer: RecordingConsumer) -> list[int]:
    """The offsets that it got."""
    return [each.number for each in consumer.delivered]


def left(queue: Queue, consumer: Consumer) -> None:
    """The consumer is over."""
    consumer.able = False
    queue.remove_consumer(consumer)


