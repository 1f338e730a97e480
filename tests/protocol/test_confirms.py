"""Publisher confirms: every publish is settled once, never before it is safe, and after its basic.return."""

from __future__ import annotations

import pytest
from pamqp import commands
from pamqp.common import FieldTable

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from tests.protocol.harness import Client, MakeWorld, World, publish


class HeldJournal(Journal):
    """Durable only when the test says so."""

    immediate = False

    def __init__(self) -> None:
        self.held: list[Pending[None]] = []

    def definitions_durable(self) -> Pending[None] | None:
        return None

    def messages_durable(self) -> Pending[None] | None:
        pending: Pending[None] = Pending()
        self.held.append(pending)
        return pending

    def fail(self, at: int = 0) -> None:
        """The write of one publish fails."""
        self.held.pop(at).fail(OSError("no space left on device"))


def confirming(world: World) -> Client:
    client = world.open()
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    return client


def settled(client: Client) -> list[tuple[str, int, bool]]:
    """What arrived: acks and nacks, with tag and multiple."""
    found = []
    for each in client.read():
        assert isinstance(each.method, commands.Basic.Ack | commands.Basic.Nack), each
        found.append((each.name.removeprefix("Basic."), each.method.delivery_tag, each.method.multiple))
    return found


def covered(confirmations: list[tuple[str, int, bool]], last: int) -> list[int]:
    """The numbers that confirmations settle, cumulative ones taken apart."""
    numbers: list[int] = []
    for _, tag, multiple in sorted(confirmations, key=lambda each: each[1]):
        numbers += [each for each in range(1, tag + 1) if each not in numbers] if multiple else [tag]
    assert max(numbers, default=0) <= last
    return sorted(numbers)


def test_every_publish_is_acked_once(world: World) -> None:
    client = confirming(world)
    client.declare("q")
    for _ in range(3):
        client.send(*(publish("q", b"x") for _ in range(5)))
    assert covered(settled(client), 15) == list(range(1, 16))


def test_numbers_begin_with_the_select(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.fill("q", b"before")
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    client.send(publish("q", b"x"))
    assert settled(client) == [("Ack", 1, False)]


def test_a_second_select_changes_nothing(world: World) -> None:
    client = confirming(world)
    client.send(publish("q", b"x"))
    client.read()
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    client.send(publish("q", b"x"))
    assert settled(client) == [("Ack", 2, False)]


def test_the_unroutable_is_acked_after_its_return(world: World) -> None:
    client = confirming(world)
    client.send(publish("nope", b"x", mandatory=True))
    assert [each.name for each in client.read()] == ["Basic.Return", "Basic.Ack"]


def test_returns_come_before_confirms_in_a_batch_too(world: World) -> None:
    client = confirming(world)
    client.declare("q")
    client.send(publish("q", b"1"), publish("nope", b"2", mandatory=True), publish("q", b"3"))
    names = [each.name for each in client.read()]
    assert names[0] == "Basic.Return"
    assert set(names[1:]) == {"Basic.Ack"}


def test_each_channel_counts_for_itself(world: World) -> None:
    client = world.open(channels=(1, 2))
    for channel in (1, 2):
        client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk, channel)
    client.send(publish("q", channel=1), publish("q", channel=2))
    assert {(each.channel, each.method.delivery_tag) for each in client.read()} == {  # type: ignore[attr-defined]  # acks
        (1, 1),
        (2, 1),
    }


def test_a_refused_publish_closes_the_channel_and_confirms_end(world: World) -> None:
    client = confirming(world)
    client.send(publish("q", b"x", "nope"))
    assert client.channel_close()[0] == 404
    client.reopen()
    client.send(publish("q", b"x"))
    assert client.take() == b""


def test_confirm_and_tx_exclude_each_other(world: World) -> None:
    client = confirming(world)
    text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode"
    assert client.channel_close(client.call(commands.Tx.Select())) == (406, text, 90, 10)
    client.reopen()
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode"
    assert client.channel_close(client.call(commands.Confirm.Select())) == (406, text, 85, 10)


def test_overflow_is_a_nack_with_requeue_set(world: World) -> None:
    client = confirming(world)
    arguments: FieldTable = {"x-max-length": 1, "x-overflow": "reject-publish"}
    client.ask(commands.Queue.Declare(queue="full", arguments=arguments), commands.Queue.DeclareOk)
    client.send(publish("full", b"a"), publish("full", b"b"))
    replies = {each.name: each.method for each in client.read()}
    nack, ack = replies["Basic.Nack"], replies["Basic.Ack"]
    assert isinstance(nack, commands.Basic.Nack)
    assert isinstance(ack, commands.Basic.Ack)
    assert (ack.delivery_tag, nack.delivery_tag, nack.requeue) == (1, 2, True)
    assert client.get("full").body == b"a"


# -- a journal that takes its time ---------------------------------------------------------------------------------


def held(make_world: MakeWorld) -> tuple[Client, HeldJournal]:
    journal = HeldJournal()
    client = confirming(make_world(journal=journal))
    client.declare("q")
    return client, journal


def test_nothing_is_confirmed_before_it_is_durable(make_world: MakeWorld) -> None:
    client, journal = held(make_world)
    client.fill("q", b"a", b"b", b"c")
    assert settled(client) == []
    for pending in journal.held:
        pending.settle(None)
    client.world.settle()
    assert settled(client) == [("Ack", 3, True)]


def test_a_cumulative_ack_stops_below_what_waits(make_world: MakeWorld) -> None:
    client, journal = held(make_world)
    client.fill("q", *(b"x" for _ in range(5)))
    first, second, third, fourth, fifth = journal.held
    for pending in (first, second, fourth):
        pending.settle(None)
    client.world.settle()
    assert settled(client) == [("Ack", 2, True), ("Ack", 4, False)]
    third.settle(None)
    fifth.settle(None)
    client.world.settle()
    assert covered([("Ack", 2, True), ("Ack", 4, False), *settled(client)], 5) == [1, 2, 3, 4, 5]


def test_a_failed_write_is_a_nack_that_no_ack_covers(make_world: MakeWorld) -> None:
    client, journal = held(make_world)
    client.fill("q", b"a", b"b", b"c")
    journal.fail(1)
    for pending in journal.held:
        pending.settle(None)
    client.world.settle()
    confirmations = settled(client)
    assert ("Nack", 2, False) in confirmations
    assert all(not multiple or tag < 2 for verdict, tag, multiple in confirmations if verdict == "Ack")
    assert covered(confirmations, 3) == [1, 2, 3]


def test_a_closed_channel_hears_no_late_confirm(make_world: MakeWorld) -> None:
    client, journal = held(make_world)
    client.fill("q", b"a")
    client.call(commands.Channel.Close(200, "", 0, 0))
    client.open_channel()
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    journal.held[0].settle(None)
    client.world.settle()
    assert client.take() == b""


@pytest.mark.parametrize("fails", [False, True])
def test_a_commit_waits_until_it_is_durable_or_fails_with_406(make_world: MakeWorld, fails: bool) -> None:
    journal = HeldJournal()
    client = make_world(journal=journal).open()
    client.declare("q")
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    client.send(publish("q", b"x"))
    assert client.call(commands.Tx.Commit()) == []
    if fails:
        journal.fail()
        client.world.settle()
        assert client.channel_close() == (406, "PRECONDITION_FAILED - partial tx completion", 90, 20)
    else:
        journal.held[0].settle(None)
        client.world.settle()
        client.only(commands.Tx.CommitOk)
