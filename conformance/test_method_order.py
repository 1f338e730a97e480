"""Every method of the protocol, client's and server's, at every moment when it may not come.

The cases are made from the table of methods; all fields are zero or empty unless a test says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.frames import HEADER, METHOD, encode_header
from conformance.methods import CONTENT_BEARING, METHODS, encode_method, ids
from conformance.received import ChannelClosed, ConnectionClosed, Dropped, Refusal

if TYPE_CHECKING:
    from conformance.client import Connection
    from conformance.conftest import Connect
    from conformance.targets import Target

NAMES_A_QUEUE = {"queue.bind", "queue.purge", "queue.delete", "queue.unbind", "basic.consume", "basic.get"}
"""An empty queue name means the one declared last, which RabbitMQ looks for before it looks at anything else."""
_WITHOUT_REQUEST = {"basic.get-empty", "basic.return", "basic.deliver"}
CANCEL_OK = pytest.mark.versions(before="4.3", otherwise="4.3 answers with 541; amqpd takes it silently")
REFUSED_ON_A_CHANNEL = [
    pytest.param(name, marks=CANCEL_OK) if name == "basic.cancel-ok" else name
    for name in METHODS
    if name.endswith("-ok") or name.startswith("connection.") or name in _WITHOUT_REQUEST
]
EXPECTED_OPEN = "CHANNEL_ERROR - expected 'channel.open'"
SECOND_OPEN = "CHANNEL_ERROR - second 'channel.open' seen"
NO_QUEUE = "NOT_FOUND - no previously declared queue"


def _all_but(*names: str) -> list[str]:
    return [name for name in METHODS if name not in names]


def _send(connection: Connection, channel: int, method: str) -> None:
    """Send a method, and the header of an empty content after one that bears content."""
    connection.send_method(channel, method)
    if method in CONTENT_BEARING:
        connection.send_frame(HEADER, channel, encode_header(0))


def _answers(connection: Connection) -> list[str]:
    """Ask the broker to close and return what it says until the answer to that, or until it ends TCP."""
    connection.send_method(0, "connection.close")
    heard: list[str] = []
    try:
        while not heard or heard[-1] != "connection.close-ok":
            heard.append(connection.read().name)
    except Dropped:
        heard.append("end of TCP")
    return heard


# -- before the connection is open

BEFORE_OPEN = "CHANNEL_ERROR - unexpected method in connection state opening"


@pytest.mark.parametrize("method", _all_but("connection.open"))
@pytest.mark.proves("beyond.method-order.before-open")
def test_before_open_no_other_method_is_taken_on_channel_0(dial: Connect, method: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(504, BEFORE_OPEN, method):
        connection.send_method(0, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.proves("beyond.method-order.before-open")
def test_before_open_no_method_is_taken_on_another_channel(dial: Connect, method: str) -> None:
    connection = dial()
    connection.tune()
    payload = encode_method(method)
    which = "all" if len(payload) <= 16 else "first 16"
    octets = ",".join(map(str, payload[:16]))
    with connection.refused(505, f"UNEXPECTED_FRAME - type 1, {which} octets = <<{octets}>>"):
        connection.send_frame(METHOD, 1, payload)


def _reach(connection: Connection, state: str) -> None:
    connection.start()
    if state == "tune":
        connection.start_ok()
        connection.wait_for(0, "connection.tune")


MUTE = [(state, channel) for state in ("start", "tune") for channel in (0, 1)]


@pytest.fixture(scope="module")
def last_words(target: Target) -> dict[tuple[str, int, str], bytes]:
    """Send every method too early, each on a connection of its own and all at once; collect what is still said."""
    connections = {(*place, method): target.connect(timeout=40) for place in MUTE for method in METHODS}
    try:
        for (state, channel, method), connection in connections.items():
            _reach(connection, state)
            connection.send_method(channel, method)
        return {case: connection.read_until_dropped() for case, connection in connections.items()}
    finally:
        for connection in connections.values():
            connection.abort()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "channel"),
    [pytest.param(*place, marks=pytest.mark.proves(f"beyond.method-order.before-{place[0]}-ok")) for place in MUTE],
)
@pytest.mark.parametrize("method", METHODS)
def test_before_tune_ok_any_method_is_met_with_silence_and_the_end_of_tcp(
    last_words: dict[tuple[str, int, str], bytes], state: str, channel: int, method: str
) -> None:
    """With empty fields start-ok and tune-ok are refused as well."""
    assert last_words[state, channel, method] == b""


# -- on an open connection


@pytest.mark.parametrize("method", _all_but("connection.close", "connection.update-secret"))
@pytest.mark.proves("beyond.method-order.on-channel-zero")
def test_channel_0_takes_nothing_else_once_the_connection_is_open(connect: Connect, method: str) -> None:
    connection = connect()
    with connection.refused(504, "CHANNEL_ERROR - unexpected method in connection state running", method):
        connection.send_method(0, method)


@pytest.mark.parametrize("before", ["never opened", "closed by the client", "closed by the broker"])
@pytest.mark.parametrize("method", _all_but("channel.open"))
@pytest.mark.proves("beyond.method-order.on-an-unopened-channel")
def test_a_channel_that_is_not_open_takes_only_open(connect: Connect, before: str, method: str) -> None:
    connection = connect()
    if before == "closed by the client":
        connection.channel(5).close()
    elif before == "closed by the broker":
        channel = connection.channel(5)
        with channel.refused(406, "PRECONDITION_FAILED - unknown delivery tag 0", "basic.ack"):
            channel.ack(0)
    if method in NAMES_A_QUEUE:
        _no_queue(connection, 5, method)
        return
    with connection.refused(504, EXPECTED_OPEN, method):
        _send(connection, 5, method)


def _no_queue(connection: Connection, number: int, method: str) -> None:
    """Send a method without a queue's name: the broker closes a channel that may not even be open."""
    connection.send_method(number, method)
    with pytest.raises(ChannelClosed) as caught:
        connection.next(number)
    assert caught.value.refusal == Refusal(404, NO_QUEUE, *ids(method))
    connection.send_method(number, "channel.close-ok")
    connection.channel(number).close()


@pytest.mark.parametrize("method", sorted(NAMES_A_QUEUE))
@pytest.mark.proves("beyond.method-order.on-an-unopened-channel")
def test_with_a_queue_name_a_channel_must_be_open_first(connect: Connect, method: str) -> None:
    connection = connect()
    with connection.refused(504, EXPECTED_OPEN, method):
        connection.send_method(5, method, queue="q")


@pytest.mark.parametrize("method", REFUSED_ON_A_CHANNEL)
@pytest.mark.proves("beyond.method-order.methods-of-the-server")
def test_an_open_channel_takes_no_method_that_only_a_server_sends(connect: Connect, method: str) -> None:
    connection = connect()
    connection.channel()
    with connection.refused(503, "COMMAND_INVALID - unimplemented method", method):
        _send(connection, 1, method)


@pytest.mark.parametrize("mode", ["confirm.select", "tx.select"])
@pytest.mark.proves("beyond.method-order.second-open")
def test_a_channel_is_opened_once_whatever_its_mode(connect: Connect, mode: str) -> None:
    channel = connect().channel()
    channel.call(mode)
    with channel.connection.refused(504, SECOND_OPEN, "channel.open"):
        channel.send("channel.open")


NO_HEADER = "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
NO_BODY = "UNEXPECTED_FRAME - expected content body, got non content body frame instead"


@pytest.mark.parametrize("announced", [False, True], ids=["header", "body"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.proves("beyond.method-order.during-content")
def test_no_method_may_come_amid_a_content(connect: Connect, method: str, announced: bool) -> None:
    connection = connect()
    connection.channel()
    with connection.refused(505, NO_BODY if announced else NO_HEADER, "basic.publish"):
        connection.send_method(1, "basic.publish")
        if announced:
            connection.send_frame(HEADER, 1, encode_header(4))
        connection.send_method(1, method)


@pytest.mark.proves("beyond.method-order.during-content")
def test_other_channels_may_do_anything_amid_a_content(connect: Connect) -> None:
    connection = connect()
    one, two = connection.channel(1), connection.channel(2)
    one.send("basic.publish", exchange="amq.fanout")
    two.call("tx.select")
    connection.send_frame(HEADER, 1, encode_header(4))
    two.close()
    connection.send_frame(3, 1, b"body")
    assert one.quiet() == []


# -- while something closes


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.proves("beyond.method-order.channel-closing")
def test_a_channel_that_the_broker_closes_drops_all_but_close_and_close_ok(connect: Connect, method: str) -> None:
    connection = connect()
    connection.channel()
    connection.send_method(1, "basic.ack")
    assert connection.read().name == "channel.close"
    if method == "channel.open":
        with connection.refused(504, SECOND_OPEN, method):
            connection.send_method(1, method)
        return
    _send(connection, 1, method)
    expected = ["connection.close-ok"]
    if method == "channel.close":
        expected.insert(0, "channel.close-ok")
    elif method in NAMES_A_QUEUE:
        expected.insert(0, "channel.close")
    assert _answers(connection) == expected


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.proves("beyond.method-order.connection-closed")
def test_after_the_clients_close_only_another_is_answered(connect: Connect, method: str, channel: int) -> None:
    """A close-ok, which nobody asked for, ends TCP."""
    connection = connect()
    connection.channel()
    connection.call(0, "connection.close", "connection.close-ok")
    _send(connection, channel, method)
    if (method, channel) == ("connection.close-ok", 0):
        assert connection.read_until_dropped() == b""
        return
    if (method, channel) == ("connection.close", 0):
        assert connection.read().name == "connection.close-ok"
    assert _answers(connection) == ["connection.close-ok"]


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.proves("beyond.method-order.connection-closing")
def test_after_the_brokers_close_only_close_and_close_ok_are_taken(connect: Connect, method: str, channel: int) -> None:
    connection = connect()
    connection.channel()
    connection.send_method(0, "channel.open")
    with pytest.raises(ConnectionClosed):
        connection.next(0)
    _send(connection, channel, method)
    if (method, channel) == ("connection.close-ok", 0):
        assert connection.read_until_dropped() == b""
        return
    if (method, channel) == ("connection.close", 0):
        assert connection.read().name == "connection.close-ok"
    assert _answers(connection) == ["connection.close-ok"]
