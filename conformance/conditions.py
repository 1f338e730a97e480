"""Error conditions as the catalogue tells them (`spec/errors/`), and what a broker has to do when one arises.

Decide what is checked of every close, the same for all: code, whole text, class and method id; that nothing is answered
between the broker's close and the client's close-ok; and how it goes on afterwards. Know no condition by name: the
entry says what is to come, the test what to send and what the entry leaves open (`%name` in its `reply`).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from conformance.catalogue.load import Entry, load
from conformance.frames import BODY
from conformance.methods import METHODS, ids
from conformance.received import ChannelClosed, ConnectionClosed, Refusal, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.channel import Channel
    from conformance.client import Connection

PLACE = re.compile(r"%([a-z]+)")
NAMES_THE_RIGHT: Final = (3, 12)
"""Since this version a refused access says which permission is missing."""
BYSTANDER: Final = 4711


@cache
def _entries() -> dict[str, Entry]:
    return load().by_id()


class Condition:
    """One entry of the kind `error`, for a broker that answers like a version of RabbitMQ."""

    def __init__(self, id: str, version: tuple[int, ...]) -> None:
        entry = _entries()[id]
        assert entry.kind == "error", f"{id} is of kind {entry.kind}, and only errors close anything"
        self.entry = entry
        self.version = version

    def refusal(self, sent: str = "", right: str = "", **values: object) -> Refusal:
        """Return the close: `sent` is the method it names where that varies, `right` the permission that is missing."""
        keys = self.entry.keys
        access = f"{right} access" if right and self.version >= NAMES_THE_RIGHT else "access"
        given = {"vhost": "/", "user": "guest", "access": access, **values}
        text = PLACE.sub(lambda match: str(given[match[1]]), keys["reply"])
        method = sent if keys["method"] == "sent" else keys["method"]
        assert bool(sent) == (keys["method"] == "sent"), f"{self.entry.id} names {keys['method']}, not {sent!r}"
        return Refusal(keys["code"], text, *ids(method if method in METHODS else None))

    @contextmanager
    def closes_channel(self, channel: Channel, sent: str = "", right: str = "", **values: object) -> Iterator[None]:
        """Expect the channel's close for what happens inside; then a number that is free again, and peace elsewhere."""
        assert self.entry.keys["closes"] == "channel", f"{self.entry.id} closes the {self.entry.keys['closes']}"
        bystander = type(channel)(channel.connection, BYSTANDER).open()
        try:
            yield
            while True:
                channel.next()
        except ChannelClosed as closed:
            compare(closed.refusal, self.refusal(sent, right, **values))
        channel.connection.taken(channel.number)
        _chatter(channel)
        bystander.call("basic.qos")
        channel.send("channel.close-ok")
        channel.open().call("basic.qos")
        assert channel.connection.taken(channel.number) == [], "something was answered between close and close-ok"
        bystander.call("basic.qos")
        bystander.close()
        assert channel.connection.taken(BYSTANDER) == [], "another channel heard of it"

    @contextmanager
    def closes_connection(
        self, connection: Connection, sent: str = "", right: str = "", *, at_once: bool = True, **values: object
    ) -> Iterator[None]:
        """Expect the connection's close for what happens inside; with `at_once`, the end of TCP with close-ok."""
        assert self.entry.keys["closes"] == "connection", f"{self.entry.id} closes the {self.entry.keys['closes']}"
        try:
            yield
            while True:
                connection.next(-1)
        except ConnectionClosed as closed:
            compare(closed.refusal, self.refusal(sent, right, **values))
        connection.send_method(7, "channel.open")
        connection.send_method(1, "queue.declare", queue="nobody reads this", passive=True)
        connection.send_frame(BODY, 0, b"nor this")
        connection.send_method(0, "connection.close-ok")
        if at_once:
            assert connection.read_until_dropped() == b"", "something was answered after the connection's close"
        connection.abort()

    @contextmanager
    def ends_tcp(self, connection: Connection) -> Iterator[None]:
        """Expect the end of TCP, without a word, for what happens inside."""
        assert self.entry.keys["closes"] == "socket", f"{self.entry.id} closes the {self.entry.keys['closes']}"
        yield
        assert connection.read_until_dropped() == b""
        connection.abort()


def _chatter(channel: Channel) -> None:
    """Send what an open channel would answer, return or be closed for. (A channel.open would be refused even so.)"""
    channel.send("tx.select")
    channel.publish("", "nobody reads this", b"x", mandatory=True)
    channel.send("queue.declare", queue="nobody reads this", passive=True)
