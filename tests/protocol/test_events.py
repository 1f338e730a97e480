"""Events of connections, logins, channels and consumers."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from pamqp import commands, frame

from amqpd.broker.events import INTERNAL, Event
from amqpd.fields import Table

from .harness import HEADER, MakeWorld, World, shortstr

BY = "user_who_performed_action"


class Told:
    """Keeps the events of a world."""

    def __init__(self, world: World) -> None:
        self.events: list[Event] = []
        world.broker.events.subscribe(self.events.append)

    def take(self, *names: str) -> list[Event]:
        """Events of these names (all, if none is given) since the last look."""
        events = [each for each in self.events if not names or each.name in names]
        self.events.clear()
        return events

    def brief(self, *keys: str) -> list[tuple[object, ...]]:
        """Name and some fields of each event since the last look."""
        return [(each.name, *(each.fields.get(key) for key in keys)) for each in self.take()]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(profile="3.10")


@pytest.fixture
def told(world: World) -> Told:
    return Told(world)


def test_a_login_is_told_before_its_connection(world: World, told: Told) -> None:
    """Both say where it came from; the connection has what was negotiated."""
    client = world.open(channels=(), channel_max=100, heartbeat=30)
    login, created = told.take()
    assert (login.name, list(login.fields)) == (
        "user.authentication.success",
        [
            "connection_type",
            "name",
            "host",
            "connection_name",
            "peer_host",
            "peer_port",
            "protocol",
            "auth_mechanism",
            "ssl",
        ],
    )
    assert created.name == "connection.created"
    fields = created.fields
    assert fields["peer_host"] == IPv4Address("127.0.0.1")
    assert (fields["timeout"], fields["channel_max"], fields["frame_max"]) == (30, 100, 131_072)
    assert (fields["user"], fields["vhost"], fields[BY]) == ("guest", "/", "guest")
    assert fields["connected_at"] == int(world.clock.wall() * 1000)
    assert isinstance(fields["client_properties"], Table)
    pid = fields["pid"]
    client.vanish()
    assert told.brief("pid") == [("connection.closed", pid)]


def test_a_connection_says_what_its_client_calls_it(world: World, told: Told) -> None:
    """The client property connection_name, in both events, in front of all else."""
    client = world.connect()
    client.send(HEADER)
    properties = shortstr("connection_name") + b"S\0\0\0\4mine"
    arguments = bytes((0, 0, 0, len(properties))) + properties + shortstr("PLAIN") + b"\0\0\0\x0c\0guest\0guest"
    client.send(b"\1\0\0" + (4 + len(arguments) + 6).to_bytes(4, "big") + b"\0\x0a\0\x0b" + arguments + b"\5en_US\xce")
    client.tune_ok()
    client.open()
    client.vanish()
    events = told.take("connection.created", "connection.closed")
    assert [next(iter(each.fields.items())) for each in events] == [("user_provided_name", "mine")] * 2


@pytest.mark.parametrize(
    ("response", "user", "error"),
    [
        (b"\0guest\0wrong", "guest", "user 'guest' - invalid credentials"),
        (b"\0nobody\0x", "nobody", "user 'nobody' - invalid credentials"),
        (b"garbage", None, "response of 7 octets invalid"),
    ],
)
def test_a_refused_login_is_told(world: World, told: Told, response: bytes, user: str | None, error: str) -> None:
    """With the user it was for, if the answer names one, and why."""
    client = world.connect()
    client.send(HEADER)
    client.start_ok(response=response)
    assert told.brief("name", "error") == [("user.authentication.failure", user, error)]


def test_a_connection_that_never_opened_is_told_to_have_closed(world: World, told: Told) -> None:
    """RabbitMQ tells of every accepted socket."""
    world.connect().vanish()
    assert [name for (name,) in told.brief()] == ["connection.closed"]


def test_a_channel_is_told_from_open_to_close(world: World, told: Told) -> None:
    """The same name for it in both, another one for the next channel of that number."""
    client = world.open(channels=())
    told.take()
    client.open_channel(1)
    created = told.take()[0]
    assert created.name == "channel.created"
    assert created.fields["name"] == f"{client.connection.name} (1)"
    assert created.fields["connection"] == client.connection.pid
    client.call(commands.Channel.Close(200, "", 0, 0))
    assert told.brief("pid") == [("channel.closed", created.fields["pid"])]
    client.open_channel(1)
    assert told.take()[0].fields["pid"] != created.fields["pid"]


def test_a_failed_channel_closes_when_its_client_has_answered(world: World, told: Told) -> None:
    """Its consumers are gone before."""
    client = world.open()
    client.declare("q")
    client.consume("q")
    told.take()
    client.call(commands.Queue.Declare(queue="unknown", passive=True))
    assert told.brief(BY) == [("consumer.deleted", INTERNAL)]
    client.send(frame.marshal(commands.Channel.CloseOk(), 1))
    assert told.brief(BY) == [("channel.closed", "guest")]


def test_a_connection_closes_after_its_channels_and_exclusive_queues(world: World, told: Told) -> None:
    """Nobody deletes them."""
    client = world.open()
    client.declare("mine", exclusive=True)
    created = told.take("queue.created")[0]
    assert (created.fields["owner_pid"], created.fields["exclusive"]) == (client.connection.pid, True)
    client.consume("mine")
    told.take()
    client.vanish()
    assert told.brief(BY) == [
        ("consumer.deleted", INTERNAL),
        ("channel.closed", "guest"),
        ("queue.deleted", INTERNAL),
        ("connection.closed", None),
    ]


def test_a_consumer_says_what_it_is(world: World, told: Told) -> None:
    """With the window that it got, and its channel as the channel's own event names it."""
    client = world.open()
    channel = told.take("channel.created")[0].fields["pid"]
    client.declare("q")
    client.call(commands.Basic.Qos(0, 7, False))
    told.take()
    client.consume("q", "tag")
    (event,) = told.take()
    assert event.name == "consumer.created"
    assert list(event.fields.items())[:7] == [
        ("consumer_tag", "tag"),
        ("exclusive", False),
        ("ack_required", True),
        ("channel", channel),
        ("vhost", "/"),
        ("queue", "q"),
        ("prefetch_count", 7),
    ]
    client.call(commands.Basic.Cancel("tag"))
    assert told.brief("consumer_tag", BY) == [("consumer.deleted", "tag", "guest")]


def test_the_end_of_an_auto_delete_queue_follows_that_of_its_consumer(world: World, told: Told) -> None:
    """The client cancelled, the broker deleted."""
    client = world.open()
    client.declare("q", auto_delete=True)
    client.consume("q", "tag")
    told.take()
    client.call(commands.Basic.Cancel("tag"))
    assert told.brief(BY) == [("consumer.deleted", "guest"), ("queue.deleted", INTERNAL)]


def test_the_consumers_of_a_deleted_queue_are_told_twice(world: World, told: Told) -> None:
    """Once by the queue, with who deleted it, and once by the channel, with nobody."""
    client = world.open()
    client.declare("q")
    client.consume("q", "tag")
    told.take()
    client.call(commands.Queue.Delete(queue="q"))
    assert told.brief(BY) == [("consumer.deleted", "guest"), ("queue.deleted", "guest"), ("consumer.deleted", None)]
