"""The event exchange: what it says of every change, with wire types and in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.channel import Channel
    from conformance.client import Connection
    from conformance.operator_hands import Operator
    from conformance.received import Received
    from conformance.targets import Pairs, Target

pytestmark = pytest.mark.slow

EVENTS = True
"""The broker of these tests has the event exchange: see the fixture `operator`."""

EXCHANGE = "amq.rabbitmq.event"
NOBODY = ("user_who_performed_action", "rmq-internal")
GUEST = ("user_who_performed_action", "guest")
OPERATOR = ("user_who_performed_action", "rmq-cli")
NEWER = {"leader", "members", "type"}
"""What 4.x says of a new classic queue besides, and amqpd does not: spec/decisions/0034-newer-rabbitmq.md."""
PID = re.compile(r"<.+\.\d+\.\d+\.\d+>")


@pytest.fixture
def connection(operator: Operator) -> Iterator[Connection]:
    connection = operator.connect()
    yield connection
    connection.close()


@pytest.fixture
def channel(connection: Connection) -> Channel:
    return connection.channel()


class Watcher:
    """A consumer of events, on a connection of its own."""

    def __init__(self, channel: Channel, *keys: str) -> None:
        self.channel = channel
        queue = channel.declare_queue(exclusive=True)["queue"]
        for key in keys:
            channel.bind(queue, EXCHANGE, key)
        channel.consume(queue, no_ack=True)

    def next(self) -> Received:
        """Return the next event."""
        return self.channel.expect("basic.deliver")

    def take(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return name and plain headers of the next events."""
        return [(event["routing_key"], event.message.headers) for event in (self.next() for _ in range(count))]

    def brief(self, count: int, *keys: str) -> list[tuple[str, ...]]:
        """Return name and some headers of the next events; a header that isn't there is left out."""
        events = self.take(count)
        return [(name, *(headers[key] for key in keys if key in headers)) for name, headers in events]


@pytest.fixture
def watch(operator: Operator) -> Iterator[Callable[..., Watcher]]:
    """Give watchers of events by routing key, set up before anything else in the test."""
    connection = operator.connect()
    yield lambda *keys: Watcher(connection.channel(), *keys)
    connection.close()


def headers_of(event: Received) -> Pairs:
    """Return the headers but the time, in wire order; text, switches and whole numbers in their usual wire types."""
    pairs: Pairs = []
    for name, (tag, value) in event.message.properties["headers"].items():
        usual = {"S": str, "t": bool, "l": int}.get(tag)
        if isinstance(value, list):
            value = [item.value if item.tag == "S" else item for item in value]  # noqa: PLW2901
            usual = list if tag == "A" else None
        pairs.append((name, value if usual is not None and type(value) is usual else Typed(tag, value)))
    return [pair for pair in pairs if pair[0] != "timestamp_in_ms"]


# -- the message


@pytest.mark.proves("event-exchange.message", "event-exchange.queue")
def test_an_event_is_a_message_without_a_body(target: Target, watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("queue.created")
    channel.declare_queue("q1", {"x-max-length": 5, "x-expires": 100_000}, durable=True)
    event = events.next()
    assert (event["exchange"], event["routing_key"], event["redelivered"]) == (EXCHANGE, "queue.created", False)
    assert event.body == b""
    properties = event.message.properties
    milliseconds = properties["headers"]["timestamp_in_ms"]
    assert milliseconds.tag == "l"
    assert properties == {
        "headers": properties["headers"],
        "delivery_mode": 2,
        "timestamp": milliseconds.value // 1000,
    }
    timed = ("timestamp_in_ms", milliseconds)
    others = [pair for pair in properties["headers"].items() if pair != timed]
    assert list(properties["headers"].items()) == target.in_order([*others, timed])
    arguments = ['{<<"x-max-length">>,signedint,5}', '{<<"x-expires">>,signedint,100000}']
    if target.version >= (4, 0):  # which type it has is added, and then they are sorted
        arguments = [*reversed(arguments), '{<<"x-queue-type">>,longstr,<<"classic">>}']
    assert [pair for pair in headers_of(event) if pair[0] not in NEWER] == target.in_order([
        GUEST,
        ("exclusive", False),
        ("owner_pid", ""),
        ("arguments", arguments),
        ("auto_delete", False),
        ("durable", True),
        ("name", "q1"),
        ("vhost", "/"),
    ])
    channel.delete_queue("q1")


@pytest.mark.proves("event-exchange.terms")
def test_arguments_are_printed_as_erlang_terms(watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("exchange.created")
    arguments: Any = {
        "arr": [1, "a"],
        "t": {"k": True},
        "f": 2.5,
        "ü": "ä€",
        "bin": Typed("x", b"\1\2"),
        "ts": Typed("T", 5),
        "dec": Typed("D", [2, 5]),
        "v": None,
        "ctl": 'a\nb"c',
        "long": "y" * 100,
    }
    channel.declare_exchange("printed", "fanout", arguments)
    assert dict(headers_of(events.next()))["arguments"] == [
        '{<<"arr">>,array,[{signedint,1},{longstr,<<"a">>}]}',
        '{<<"t">>,table,[{<<"k">>,bool,true}]}',
        '{<<"f">>,double,2.5}',
        '{<<"ü">>,longstr,<<195,164,226,130,172>>}',
        '{<<"bin">>,binary,<<1,2>>}',
        '{<<"ts">>,timestamp,5}',
        '{<<"dec">>,decimal,{2,5}}',
        '{<<"v">>,void,undefined}',
        '{<<"ctl">>,longstr,<<"a\\nb\\"c">>}',
        f'{{<<"long">>,longstr,<<"{"y" * 100}">>}}',
    ]
    channel.delete_exchange("printed")


@pytest.mark.proves("event-exchange.exchange")
def test_the_exchange_is_internal_and_durable(channel: Channel) -> None:
    channel.declare_exchange(EXCHANGE, "topic", durable=True, internal=True)
    text = f"ACCESS_REFUSED - cannot publish to internal exchange '{EXCHANGE}' in vhost '/'"
    with channel.refused(403, text, "basic.publish"):
        channel.publish(EXCHANGE, "queue.created", b"x")


@pytest.mark.proves("event-exchange.binding")
def test_its_own_bindings_are_events(channel: Channel) -> None:
    queue = channel.declare_queue(exclusive=True)["queue"]
    channel.bind(queue, EXCHANGE, "binding.#")
    channel.consume(queue, no_ack=True)
    assert dict(headers_of(channel.expect("basic.deliver")))["source_name"] == EXCHANGE


# -- queues


@pytest.mark.proves("event-exchange.queue")
def test_a_quorum_queue_says_its_type(target: Target, watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("queue.created")
    channel.declare_queue("quorum", {"x-queue-type": "quorum"}, durable=True)
    assert headers_of(events.next()) == target.in_order([
        GUEST,
        ("arguments", ['{<<"x-queue-type">>,longstr,<<"quorum">>}']),
        ("type", "rabbit_quorum_queue"),
        ("exclusive", False),
        ("auto_delete", False),
        ("durable", True),
        ("name", "quorum"),
        ("vhost", "/"),
    ])
    channel.delete_queue("quorum")


@pytest.mark.proves("event-exchange.queue")
def test_a_stream_says_its_type(target: Target, watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("queue.created")
    channel.declare_queue("stream", {"x-queue-type": "stream"}, durable=True)
    assert headers_of(events.next()) == target.in_order([
        GUEST,
        ("type", "rabbit_stream_queue"),
        ("arguments", ['{<<"x-queue-type">>,longstr,<<"stream">>}']),
        ("auto_delete", False),
        ("durable", True),
        ("name", "stream"),
        ("vhost", "/"),
    ])
    channel.delete_queue("stream")


@pytest.mark.proves("event-exchange.queue")
def test_an_exclusive_queue_names_its_connection(operator: Operator, watch: Callable[..., Watcher]) -> None:
    events = watch("queue.created", "connection.created")
    connection = operator.connect()
    owner = events.take(1)[0][1]["pid"]
    assert PID.fullmatch(owner)
    connection.channel().declare_queue("mine", exclusive=True)
    created = events.take(1)[0][1]
    assert (created["owner_pid"], created["exclusive"], created["durable"]) == (owner, True, False)
    connection.close()


@pytest.mark.proves("event-exchange.queue", "event-exchange.actor")
def test_a_deleted_queue_names_who_did_it(target: Target, watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("queue.deleted")
    type_: Pairs = [("type", "rabbit_classic_queue")] if target.version > (3, 10) else []
    channel.declare_queue("deleted")
    channel.delete_queue("deleted")
    assert headers_of(events.next()) == target.in_order([GUEST, *type_, ("name", "deleted"), ("vhost", "/")])
    channel.declare_queue("unused", auto_delete=True)
    channel.cancel(channel.consume("unused"))
    assert headers_of(events.next()) == target.in_order([NOBODY, *type_, ("name", "unused"), ("vhost", "/")])
    channel.declare_queue("expires", {"x-expires": 20})
    assert headers_of(events.next()) == target.in_order([NOBODY, *type_, ("name", "expires"), ("vhost", "/")])


@pytest.mark.proves("event-exchange.queue", "event-exchange.consumer")
def test_what_goes_with_a_queue_is_told_before_it(watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("queue.deleted", "binding.deleted", "consumer.deleted", "exchange.deleted")
    channel.declare_queue("full")
    channel.declare_exchange("unused", auto_delete=True)
    channel.bind("full", "amq.direct", "k")
    channel.bind("full", "unused", "u")
    channel.consume("full", "tag")
    channel.delete_queue("full")
    told = events.brief(6, "routing_key", "name", "consumer_tag", "user_who_performed_action")
    assert told[0] == ("consumer.deleted", "tag", "guest")
    assert sorted(told[1:4]) == [
        ("binding.deleted", "k", "rmq-internal"),
        ("binding.deleted", "u", "rmq-internal"),
        ("exchange.deleted", "unused", "rmq-internal"),
    ]
    assert told[4:] == [("queue.deleted", "full", "guest"), ("consumer.deleted", "tag")]


# -- exchanges and bindings


@pytest.mark.proves("event-exchange.exchange")
def test_an_exchange_is_told_from_declare_to_delete(
    target: Target, watch: Callable[..., Watcher], channel: Channel
) -> None:
    events = watch("exchange.#", "parameter.#")
    channel.declare_exchange("e", "topic", {"alternate-exchange": "amq.direct"}, auto_delete=True)
    channel.declare_exchange("e", "topic", {"alternate-exchange": "amq.direct"}, auto_delete=True)
    channel.delete_exchange("e")
    assert headers_of(events.next()) == target.in_order([
        GUEST,
        ("policy", ""),
        ("arguments", ['{<<"alternate-exchange">>,longstr,<<"amq.direct">>}']),
        ("internal", False),
        ("auto_delete", True),
        ("durable", False),
        ("type", "topic"),
        ("name", "e"),
        ("vhost", "/"),
    ])
    parameter: Pairs = [("name", "e"), ("component", "exchange-delete-in-progress"), ("vhost", "/")]
    told = [(event["routing_key"], headers_of(event)) for event in (events.next() for _ in range(3))]
    assert told == [
        ("parameter.set", target.in_order([GUEST, ("value", True), *parameter])),
        ("exchange.deleted", target.in_order([GUEST, ("name", "e"), ("vhost", "/")])),
        ("parameter.cleared", target.in_order([GUEST, *parameter])),
    ]


@pytest.mark.parametrize("kind", ["queue", "exchange"])
@pytest.mark.proves("event-exchange.binding")
def test_a_binding_is_told_once(target: Target, watch: Callable[..., Watcher], channel: Channel, kind: str) -> None:
    channel.declare_queue("bound", exclusive=True)
    channel.declare_exchange("source")
    channel.declare_exchange("bound")
    events = watch("binding.*")
    events.next()  # its own
    binds = (channel.bind, channel.unbind) if kind == "queue" else (channel.bind_exchange, channel.unbind_exchange)
    for act in (binds[0], binds[0], binds[1], binds[1]):
        act("bound", "source", "k", {"z": 1, "a": "b"})
    expected: Pairs = [
        GUEST,
        ("vhost", "/"),
        ("arguments", ['{<<"a">>,longstr,<<"b">>}', '{<<"z">>,signedint,1}']),
        ("routing_key", "k"),
        ("destination_kind", kind),
        ("destination_name", "bound"),
        ("source_kind", "exchange"),
        ("source_name", "source"),
    ]
    for name in ("binding.created", "binding.deleted"):
        event = events.next()
        assert (event["routing_key"], headers_of(event)) == (name, target.in_order(expected))
    channel.delete_exchange("source")
    channel.delete_exchange("bound")


@pytest.mark.proves("event-exchange.binding", "event-exchange.actor")
def test_an_auto_delete_exchange_goes_by_who_took_its_last_binding(
    watch: Callable[..., Watcher], channel: Channel
) -> None:
    channel.declare_queue("bound", exclusive=True)
    channel.declare_exchange("auto", auto_delete=True)
    channel.bind("bound", "auto", "k")
    events = watch("exchange.deleted", "binding.deleted")
    channel.unbind("bound", "auto", "k")
    told = events.brief(2, "user_who_performed_action")
    assert told == [("exchange.deleted", "guest"), ("binding.deleted", "guest")]


# -- consumers, channels, connections


@pytest.mark.proves("event-exchange.consumer", "event-exchange.channel")
def test_a_consumer_names_its_channel(target: Target, watch: Callable[..., Watcher], connection: Connection) -> None:
    events = watch("channel.created", "consumer.*")
    events.next()  # its own
    channel = connection.channel(7)
    pid = events.take(1)[0][1]["pid"]
    channel.declare_queue("q", exclusive=True)
    channel.qos(9)
    channel.consume("q", "tag", {"x-priority": 3}, exclusive=True)
    channel.cancel("tag")
    assert headers_of(events.next()) == target.in_order([
        GUEST,
        ("arguments", ['{<<"x-priority">>,signedint,3}']),
        ("prefetch_count", 9),
        ("queue", "q"),
        ("vhost", "/"),
        ("channel", pid),
        ("ack_required", True),
        ("exclusive", True),
        ("consumer_tag", "tag"),
    ])
    assert headers_of(events.next()) == target.in_order([
        GUEST,
        ("queue", "q"),
        ("vhost", "/"),
        ("channel", pid),
        ("consumer_tag", "tag"),
    ])


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        ("quorum", [("consumer.created", "guest", "a"), ("consumer.deleted", "rmq-internal", "a")]),
        ("stream", [("consumer.deleted", "guest", "a")]),
    ],
)
@pytest.mark.proves("event-exchange.consumer", "event-exchange.actor")
def test_consumers_of_other_queue_types(
    channel: Channel, type_: str, told: list[tuple[str, ...]]
) -> None:
    channel.declare_queue(type_, {"x-queue-type": type_}, durable=True)
    channel.qos(10)
    queue = channel.declare_queue(exclusive=True)["queue"]
    for key in ("consumer.*", "queue.deleted"):
        channel.bind(queue, EXCHANGE, key)
    channel.consume(type_, "a")
    channel.cancel("a")
    channel.consume(type_, "b")
    channel.delete_queue(type_)
    count = len(told) + (3 if type_ == "quorum" else 2)
    seen: list[tuple[str, ...]] = []
    while len(seen) < count:
        if (event := channel.get(queue, no_ack=True)) is not None:
            headers = event.message.headers
            keys = ("user_who_performed_action", "consumer_tag")
            seen.append((event["routing_key"], *(headers[key] for key in keys if key in headers)))
    started = [("consumer.created", "guest", "b")] if type_ == "quorum" else []
    assert seen == [*told, *started, ("queue.deleted", "guest"), ("consumer.deleted", "b")]


@pytest.mark.proves("event-exchange.channel", "event-exchange.actor")
def test_a_channel_is_told_from_open_to_close(
    target: Target, watch: Callable[..., Watcher], operator: Operator
) -> None:
    events = watch("channel.*", "connection.created", "consumer.deleted")
    connection = operator.connect()
    opened = events.take(1)[0][1]
    channel = connection.channel(3)
    created = events.next()
    headers = dict(headers_of(created))
    assert headers_of(created) == target.in_order([
        GUEST,
        ("vhost", "/"),
        ("user", "guest"),
        ("number", 3),
        ("connection", opened["pid"]),
        ("name", f"{opened['name']} (3)"),
        ("pid", headers["pid"]),
    ])
    channel.declare_queue("q", exclusive=True)
    channel.consume("q", "tag")
    channel.close()
    assert events.brief(2, "user_who_performed_action", "pid") == [
        ("consumer.deleted", "rmq-internal"),
        ("channel.closed", "guest", headers["pid"]),
    ]
    connection.close()


@pytest.mark.proves("event-exchange.channel")
def test_a_failed_channel_is_closed_by_close_ok(watch: Callable[..., Watcher], channel: Channel) -> None:
    events = watch("channel.closed", "consumer.deleted")
    channel.declare_queue("q", exclusive=True)
    channel.consume("q", "tag")
    with channel.refused(404, "NOT_FOUND - no queue 'none' in vhost '/'", "queue.declare"):
        channel.declare_queue("none", passive=True)
    told = events.brief(2, "user_who_performed_action")
    assert told == [("consumer.deleted", "rmq-internal"), ("channel.closed", "guest")]


@pytest.mark.proves("event-exchange.connection", "event-exchange.login")
def test_a_connection_is_told_from_login_to_end(
    target: Target, watch: Callable[..., Watcher], operator: Operator
) -> None:
    events = watch("connection.*", "user.authentication.*")
    connection = operator.dial()
    connection.tune(channel_max=100, heartbeat=30)
    connection.call(0, "connection.open", "connection.open-ok", virtual_host="/")
    login, created = events.next(), events.next()
    known = dict(headers_of(created))
    assert (login["routing_key"], headers_of(login)) == (
        "user.authentication.success",
        target.in_order([
            ("ssl", False),
            ("auth_mechanism", "PLAIN"),
            ("protocol", "{0,9,1}"),
            ("peer_port", known["peer_port"]),
            ("peer_host", "{127,0,0,1}"),
            ("connection_name", known["name"]),
            ("host", "{127,0,0,1}"),
            ("name", "guest"),
            ("connection_type", "network"),
        ]),
    )
    assert known["name"] == f"127.0.0.1:{known['peer_port']} -> 127.0.0.1:{operator.port}"
    capabilities = ",".join(
        f'{{<<"{name}">>,bool,true}}'
        for name in (
            "authentication_failure_close",
            "basic.nack",
            "connection.blocked",
            "consumer_cancel_notify",
            "exchange_exchange_bindings",
            "publisher_confirms",
        )
    )
    client = [
        '{<<"product">>,longstr,<<"conformance">>}',
        f'{{<<"capabilities">>,table,[{capabilities}]}}',
    ]
    assert (created["routing_key"], headers_of(created)) == (
        "connection.created",
        target.in_order([
            GUEST,
            ("node", known["node"]),
            ("connected_at", known["connected_at"]),
            ("client_properties", client),
            ("channel_max", 100),
            ("frame_max", 131072),
            ("timeout", 30),
            ("vhost", "/"),
            ("user", "guest"),
            ("protocol", "{0,9,1}"),
            ("ssl_hash", ""),
            ("ssl_cipher", ""),
            ("ssl_key_exchange", ""),
            ("ssl_protocol", ""),
            ("auth_mechanism", "PLAIN"),
            ("peer_cert_validity", ""),
            ("peer_cert_issuer", ""),
            ("peer_cert_subject", ""),
            ("ssl", False),
            ("peer_host", "{127,0,0,1}"),
            ("host", "{127,0,0,1}"),
            ("peer_port", known["peer_port"]),
            ("port", operator.port),
            ("name", known["name"]),
            ("pid", known["pid"]),
            ("type", "network"),
        ]),
    )
    assert PID.fullmatch(known["pid"])
    connection.close()
    closed = events.next()
    assert (closed["routing_key"], headers_of(closed)) == (
        "connection.closed",
        target.in_order([
            ("client_properties", client),
            ("node", known["node"]),
            ("pid", known["pid"]),
            ("name", known["name"]),
        ]),
    )


@pytest.mark.proves("event-exchange.connection")
def test_a_connection_says_what_its_client_calls_it(
    target: Target, watch: Callable[..., Watcher], operator: Operator
) -> None:
    events = watch("connection.*")
    connection = operator.dial()
    connection.start()
    connection.send_method(
        0,
        "connection.start-ok",
        client_properties={"connection_name": "mine"},
        mechanism="PLAIN",
        response=b"\0guest\0guest",
        locale="en_US",
    )
    connection.wait_for(0, "connection.tune")
    connection.send_method(0, "connection.tune-ok", channel_max=2047, frame_max=131072, heartbeat=0)
    connection.call(0, "connection.open", "connection.open-ok", virtual_host="/")
    connection.close()
    for _ in range(2):
        headers = headers_of(events.next())
        told = ("user_provided_name", "mine")
        assert target.in_order([*(pair for pair in headers if pair != told), told]) == headers


@pytest.mark.proves("event-exchange.login")
def test_a_refused_login_says_why_in_characters(watch: Callable[..., Watcher], operator: Operator) -> None:
    events = watch("user.authentication.failure", "connection.*")
    connection = operator.dial()
    connection.start()
    connection.start_ok(b"\0guest\0wrong")
    event = events.next()
    headers = dict(headers_of(event))
    assert event["routing_key"] == "user.authentication.failure"
    assert headers["error"] == [Typed("l", ord(each)) for each in "user 'guest' - invalid credentials"]
    assert headers["name"] == "guest"
    connection.abort()
    assert events.next()["routing_key"] == "connection.closed"


# -- what an operator does


@pytest.mark.proves("event-exchange.user", "event-exchange.permission", "event-exchange.actor")
def test_users_and_their_permissions(target: Target, watch: Callable[..., Watcher], operator: Operator) -> None:
    events = watch("user.*", "user.*.*", "permission.*")
    operator.add_user("bob", "secret")
    operator.set_permissions("bob", "/", "a", "", "c")
    operator.clear_permissions("bob", "/")
    operator.delete_user("bob")
    told = [(event["routing_key"], headers_of(event)) for event in (events.next() for _ in range(4))]
    assert told == [
        (name, target.in_order([OPERATOR, *headers]))
        for name, headers in [
            ("user.created", [("name", "bob")]),
            (
                "permission.created",
                [("read", "c"), ("write", ""), ("configure", "a"), ("vhost", "/"), ("user", "bob")],
            ),
            ("permission.deleted", [("vhost", "/"), ("user", "bob")]),
            ("user.deleted", [("name", "bob")]),
        ]
    ]


@pytest.mark.proves("event-exchange.vhost")
def test_a_vhost_comes_after_its_exchanges(target: Target, watch: Callable[..., Watcher], operator: Operator) -> None:
    events = watch("vhost.created", "exchange.created")
    operator.add_vhost("made")
    names = ["", "amq.direct", "amq.topic", "amq.match", "amq.headers", "amq.fanout", "amq.rabbitmq.trace"]
    assert events.brief(7, "name") == [("exchange.created", name) for name in names]
    event = events.next()
    headers = headers_of(event)
    node = dict(headers)["cluster_state"].value
    assert headers == target.in_order([
        ("tags", ""),
        ("description", ""),
        OPERATOR,
        ("cluster_state", Typed("F", {name: Typed("S", "running") for name in node})),
        ("tracing", False),
        ("metadata", "#{description => <<>>,tags => <<>>}"),
        ("default_queue_type", "undefined"),
        ("name", "made"),
    ])
    operator.delete_vhost("made")


@pytest.mark.proves("event-exchange.vhost")
def test_a_vhost_goes_after_all_in_it(watch: Callable[..., Watcher], operator: Operator) -> None:
    operator.add_vhost("gone")
    operator.set_permissions("guest", "gone", ".*", ".*", ".*")
    connection = operator.connect(virtual_host="gone")
    connection.channel().declare_queue("q")
    connection.close()
    events = watch("vhost.deleted", "exchange.deleted", "queue.deleted", "permission.deleted")
    operator.delete_vhost("gone")
    told = events.take(10)
    assert [name for name, _ in told] == [
        "permission.deleted",
        "queue.deleted",
        *["exchange.deleted"] * 7,
        "vhost.deleted",
    ]
    assert {headers["user_who_performed_action"] for _, headers in told} == {"rmq-cli"}


@pytest.mark.proves("event-exchange.alarm")
def test_an_alarm_names_its_resource(watch: Callable[..., Watcher], operator: Operator) -> None:
    events = watch("alarm.*")
    operator.block()
    operator.unblock()
    told = [(event["routing_key"], headers_of(event)) for event in (events.next() for _ in range(2))]
    node = dict(told[0][1])["node"]
    assert told == [(name, [("node", node), ("source", "memory")]) for name in ("alarm.set", "alarm.cleared")]
