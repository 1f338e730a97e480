"""Heartbeats of both sides, at an interval of one second. All cases run at the same time, each on its connections.

No clock is read: the broker's own heartbeats, two in each interval, are what time is counted in. Nobody waits longer
for a silent peer than three intervals, so eight heartbeats are a proof of patience.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, Frame, encode_frame, encode_header
from conformance.methods import encode_method
from conformance.received import Dropped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.client import Connection
    from conformance.targets import Target

pytestmark = pytest.mark.slow

BEAT = encode_frame(HEARTBEAT, 0, b"")
EIGHT = 8


class Clients:
    """Connections to the broker under test, all let go of in the end."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._opened: list[Connection] = []

    def open(self, heartbeat: int = 1) -> Connection:
        """Log in and agree on heartbeats."""
        connection = self._target.connect(timeout=30)
        self._opened.append(connection)
        return connection.handshake(heartbeat=heartbeat)

    def let_go(self) -> None:
        """End all of them without a word."""
        for connection in self._opened:
            connection.abort()


def _beats(connection: Connection, count: int) -> Iterator[None]:
    """Read heartbeats and nothing else; what is to be sent in between is the caller's matter."""
    for _ in range(count):
        assert connection.read_frame() == Frame(HEARTBEAT, 0, b"")
        yield


def _metronome(clients: Clients, count: int = EIGHT) -> Iterator[None]:
    """Count time on a connection of its own, whose heartbeats are answered."""
    connection = clients.open()
    for _ in _beats(connection, count):
        connection.send(BEAT)
        yield
    connection.close()


def _usable(connection: Connection) -> bool:
    connection.call(1, "channel.open", "channel.open-ok")
    return connection.call(0, "connection.close", "connection.close-ok").name == "connection.close-ok"


def _silent(clients: Clients, heartbeat: int = 1) -> int:
    """Say nothing; return how many heartbeats came before the broker ended TCP."""
    connection = clients.open(heartbeat)
    octets = connection.read_until_dropped()
    assert octets == BEAT * (len(octets) // len(BEAT))
    return len(octets) // len(BEAT)


def _silent_at_2(clients: Clients) -> int:
    return _silent(clients, 2)


def _beating(clients: Clients) -> bool:
    connection = clients.open()
    for _ in _beats(connection, EIGHT):
        connection.send(BEAT)
    return _usable(connection)


def _beating_twice_as_slowly(clients: Clients) -> bool:
    connection = clients.open()
    for number, _ in enumerate(_beats(connection, EIGHT)):
        if number % 2:
            connection.send(BEAT)
    return _usable(connection)


def _with_methods_that_have_no_answer(clients: Clients) -> bool:
    connection = clients.open()
    connection.call(1, "channel.open", "channel.open-ok")
    for _ in _beats(connection, EIGHT):
        connection.send_method(1, "basic.ack", delivery_tag=0, multiple=True)
    return connection.call(1, "channel.close", "channel.close-ok").name == "channel.close-ok"


def _with_single_octets(clients: Clients) -> bool:
    """The octets of one body frame, which is never complete."""
    connection = clients.open()
    connection.call(1, "channel.open", "channel.open-ok")
    connection.send_frame(METHOD, 1, encode_method("basic.publish", exchange="amq.fanout"))
    connection.send_frame(HEADER, 1, encode_header(EIGHT))
    frame = encode_frame(BODY, 1, bytes(EIGHT))
    connection.send(frame[:-EIGHT])
    for number, _ in enumerate(_beats(connection, EIGHT)):
        connection.send(frame[-EIGHT:][number : number + 1])
    return _usable_channel(connection)


def _usable_channel(connection: Connection) -> bool:
    return connection.call(1, "tx.select", "tx.select-ok").name == "tx.select-ok"


def _without(clients: Clients) -> int:
    """Agree on no heartbeats; return how many came all the same."""
    connection = clients.open(heartbeat=0)
    for _ in _metronome(clients):
        pass
    assert _usable(connection)
    return connection.heartbeats


def _of_a_busy_broker(clients: Clients) -> int:
    """Make the broker answer all the time; return how many heartbeats came in between."""
    connection = clients.open()
    connection.call(1, "channel.open", "channel.open-ok")
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(lambda: list(_metronome(clients)))
        while not end.done():
            connection.call(1, "basic.qos", "basic.qos-ok")
        end.result()
    connection.close()
    return connection.heartbeats


def _of_a_silent_consumer(clients: Clients) -> bool:
    """Take deliveries and say nothing: the broker's own traffic keeps nobody alive."""
    publisher = clients.open(heartbeat=0).channel()
    queue = publisher.declare_queue("", auto_delete=True)["queue"]
    connection = clients.open()
    connection.channel().consume(queue)
    for number, _ in enumerate(_metronome(clients)):
        publisher.publish("", queue, b"%d" % number)
    for number in range(1000):
        try:
            assert connection.read().name == "basic.deliver"
        except Dropped:
            return number > 0
    return False


def _of_a_lost_holder(clients: Clients) -> bool:
    """Hold a message and say nothing: it comes back when the broker gives the client up."""
    watch = clients.open(heartbeat=0).channel()
    queue = watch.declare_queue("", exclusive=False, auto_delete=True)["queue"]
    watch.fill(queue, b"held")
    holder = clients.open().channel()
    assert holder.must_get(queue).body == b"held"
    watch.consume(queue)
    delivery = watch.expect("basic.deliver")
    assert holder.connection.read_until_dropped().replace(BEAT, b"") == b""
    return bool(delivery["redelivered"])


CASES: dict[str, tuple[Callable[[Clients], int], range]] = {
    "drops-the-silent": (_silent, range(3, 7)),
    "interval": (_silent_at_2, range(3, 7)),
    "beats": (_beating, range(1, 2)),
    "once-an-interval": (_beating_twice_as_slowly, range(1, 2)),
    "methods": (_with_methods_that_have_no_answer, range(1, 2)),
    "octets": (_with_single_octets, range(1, 2)),
    "none": (_without, range(1)),
    "busy-broker": (_of_a_busy_broker, range(2)),
    "silent-consumer": (_of_a_silent_consumer, range(1, 2)),
    "lost-holder": (_of_a_lost_holder, range(1, 2)),
}


@pytest.fixture(scope="module")
def played(target: Target) -> Iterator[dict[str, Future[int]]]:
    """Play all cases at once."""
    clients = Clients(target)
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {name: pool.submit(play, clients) for name, (play, _) in CASES.items()}
    clients.let_go()


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=pytest.mark.proves(f"beyond.heartbeats.{name}")) for name in CASES]
)
def test_heartbeats(played: dict[str, Future[int]], case: str) -> None:
    """Each case returns a number, which must be within its range."""
    assert played[case].result() in CASES[case][1]
