"""Definitions that are pipelined on a channel share a commit: they are made at once and told in order, once durable."""

from __future__ import annotations

import pytest
from pamqp import base, commands
from pamqp import frame as frames

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from tests.protocol.harness import Client, World, publish


class HeldJournal(Journal):
    """Nothing is durable before `commit`."""

    immediate = False

    def __init__(self) -> None:
        self._open: Pending[None] | None = None
        self.held = False

    def definitions_durable(self) -> Pending[None] | None:
        if not self.held:
            return None
        if self._open is None:
            self._open = Pending()
        return self._open

    def messages_durable(self) -> Pending[None] | None:
        return None

    def commit(self, error: Exception | None = None) -> None:
        """Make everything so far durable, or fail."""
        pending, self._open = self._open, None
        assert pending is not None
        if error is None:
            pending.settle(None)
        else:
            pending.fail(error)


@pytest.fixture
def journal() -> HeldJournal:
    return HeldJournal()


@pytest.fixture
def client(journal: HeldJournal) -> Client:
    client = World(journal=journal).open()
    journal.held = True
    return client


def methods(client: Client) -> list[str]:
    return [type(reply.method).__name__ for reply in client.read()]


def declare(name: str, *, durable: bool = True, passive: bool = False) -> bytes:
    return frame(commands.Queue.Declare(queue=name, durable=durable, passive=passive))


def frame(method: base.Frame) -> bytes:
    return frames.marshal(method, 1)


def test_they_are_made_at_once_and_told_together(client: Client, journal: HeldJournal) -> None:
    client.send(
        declare("a"),
        frame(commands.Exchange.Declare(exchange="x", durable=True)),
        declare("b"),
        frame(commands.Queue.Bind(queue="", exchange="x", routing_key="")),
        frame(commands.Queue.Delete(queue="a")),
    )
    vhost = client.world.broker.vhosts["/"]
    assert ("a" in vhost.queues, "b" in vhost.queues, "x" in vhost.exchanges) == (False, True, True)
    assert [each.routing_key for each in vhost.queues["b"].bindings if each.source.name == "x"] == ["b"]
    assert methods(client) == []
    journal.commit()
    client.world.settle()
    assert methods(client) == ["DeclareOk", "DeclareOk", "DeclareOk", "BindOk", "DeleteOk"]


def test_what_is_no_definition_waits_in_its_place(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"), frame(commands.Basic.Get(queue="b")), declare("b"))
    assert "b" not in client.world.broker.vhosts["/"].queues
    journal.commit()
    client.world.settle()
    [declared, closed] = client.read()
    assert isinstance(declared.method, commands.Queue.DeclareOk)
    assert isinstance(closed.method, commands.Channel.Close)
    assert closed.method.reply_code == 404


def test_a_reply_that_need_not_wait_keeps_its_place(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"), declare("t", durable=False), declare("a", passive=True))
    assert methods(client) == []
    journal.commit()
    client.world.settle()
    told = [reply.method for reply in client.read()]
    assert [each.queue for each in told if isinstance(each, commands.Queue.DeclareOk)] == ["a", "t", "a"]


def test_an_error_comes_after_the_replies_before_it(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"), declare("missing", passive=True), declare("never"))
    assert methods(client) == []
    journal.commit()
    client.world.settle()
    [declared, closed] = client.read()
    assert isinstance(declared.method, commands.Queue.DeclareOk)
    assert isinstance(closed.method, commands.Channel.Close)
    assert (closed.method.reply_code, closed.method.class_id, closed.method.method_id) == (404, 50, 10)
    assert "never" not in client.world.broker.vhosts["/"].queues


def test_publishes_go_on_once_all_is_told(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"), publish("a", b"body"))
    assert client.world.broker.vhosts["/"].queues["a"].message_count == 0
    journal.commit()
    client.world.settle()
    client.send(publish("a", b"body"))
    assert client.world.broker.vhosts["/"].queues["a"].message_count == 2


def test_a_disk_that_fails_costs_the_connection(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"), declare("b"))
    journal.commit(OSError("an error of the disk"))
    client.world.settle()
    [closed] = client.read()
    assert isinstance(closed.method, commands.Connection.Close)
    assert closed.method.reply_code == 541


def test_a_channel_that_ends_tells_nothing_more(client: Client, journal: HeldJournal) -> None:
    client.send(declare("a"))
    client.vanish()
    journal.commit()
    client.world.settle()
    assert "a" in client.world.broker.vhosts["/"].queues
