"""Transactions: nothing before the commit, everything in one turn with it, and settlements that a rollback undoes."""

from __future__ import annotations

import pytest
from pamqp import base, commands, frame
from pamqp.common import FieldTable

from tests.protocol.harness import Client, MakeWorld, Reply, World, publish


def transactional(world: World, *bodies: bytes) -> Client:
    """A client in a transaction, with a queue that held some messages before."""
    client = world.open()
    client.declare("q")
    client.fill("q", *bodies)
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    return client


def commit(client: Client) -> None:
    client.ask(commands.Tx.Commit(), commands.Tx.CommitOk)


def rollback(client: Client) -> None:
    client.ask(commands.Tx.Rollback(), commands.Tx.RollbackOk)


@pytest.mark.parametrize("method", [commands.Tx.Commit(), commands.Tx.Rollback()])
def test_without_a_select_there_is_no_transaction(world: World, method: base.Frame) -> None:
    client = world.open()
    code, text, _, method_id = client.channel_close(client.call(method))
    assert (code, text) == (406, "PRECONDITION_FAILED - channel is not transactional")
    assert method_id == method.frame_id


def test_publishes_appear_with_the_commit(world: World) -> None:
    client, other = transactional(world), world.open()
    client.send(publish("q", b"a"), publish("q", b"b"))
    assert other.count("q") == 0
    commit(client)
    assert [other.get("q").body for _ in range(2)] == [b"a", b"b"]


def test_a_new_transaction_begins_after_each_end(world: World) -> None:
    client, other = transactional(world), world.open()
    client.send(publish("q", b"a"))
    commit(client)
    client.send(publish("q", b"b"))
    rollback(client)
    client.send(publish("q", b"c"))
    commit(client)
    assert [other.get("q").body for _ in range(2)] == [b"a", b"c"]
    assert other.count("q") == 0


def test_nobody_sees_half_a_commit(world: World) -> None:
    """All deliveries of a commit reach a consumer in the turn of the commit."""
    client, other = transactional(world), world.open()
    other.consume("q", no_ack=True)
    client.send(*(publish("q", bytes((each,))) for each in range(100)))
    assert other.take() == b""
    commit(client)
    assert other.bodies(commands.Basic.Deliver) == [bytes((each,)) for each in range(100)]


def test_returns_come_with_the_commit(world: World) -> None:
    client = transactional(world)
    client.send(publish("nope", b"x", mandatory=True))
    assert client.take() == b""
    assert [each.name for each in client.call(commands.Tx.Commit())] == ["Basic.Return", "Tx.CommitOk"]
    client.send(publish("nope", b"x", mandatory=True))
    rollback(client)


def test_a_refused_publish_is_told_at_once(world: World) -> None:
    client = transactional(world)
    client.send(publish("q", b"x", "nope"))
    assert client.channel_close()[:1] == (404,)


def test_settlements_take_effect_with_the_commit(world: World) -> None:
    client, other = transactional(world, b"a", b"b", b"c"), world.open()
    for _ in range(3):
        client.get("q")
    client.call(commands.Basic.Ack(1))
    client.call(commands.Basic.Nack(2, requeue=True))
    client.call(commands.Basic.Reject(3, requeue=False))
    assert other.count("q") == 0
    commit(client)
    assert other.get("q").body == b"b"
    assert other.count("q") == 0


def test_a_rollback_makes_settled_tags_outstanding_again(world: World) -> None:
    client, other = transactional(world, b"a", b"b"), world.open()
    client.get("q")
    client.get("q")
    client.call(commands.Basic.Ack(1))
    client.call(commands.Basic.Reject(2, requeue=True))
    rollback(client)
    assert other.count("q") == 0
    assert client.call(commands.Basic.Ack(2, multiple=True)) == []
    commit(client)
    assert other.count("q") == 0


def test_what_a_transaction_has_settled_can_not_be_settled_again(world: World) -> None:
    client = transactional(world, b"a")
    client.get("q")
    client.call(commands.Basic.Ack(1))
    replies = client.call(commands.Basic.Ack(1))
    assert client.channel_close(replies) == (406, "PRECONDITION_FAILED - unknown delivery tag 1", 60, 80)


def test_a_closed_channel_drops_its_transaction(world: World) -> None:
    client, other = transactional(world, b"a"), world.open()
    client.get("q")
    client.call(commands.Basic.Ack(1))
    client.send(publish("q", b"never"))
    client.call(commands.Channel.Close(200, "", 0, 0))
    got = other.get("q")
    assert got.body == b"a"
    assert isinstance(got.method, commands.Basic.GetOk)
    assert got.method.redelivered
    assert other.count("q") == 0


def test_an_error_drops_the_transaction_too(world: World) -> None:
    client, other = transactional(world, b"a"), world.open()
    client.get("q")
    client.call(commands.Basic.Ack(1))
    client.send(publish("q", b"never"), publish("q", b"x", "nope"))
    assert client.channel_close()[0] == 404
    client.reopen()
    assert other.get("q").body == b"a"
    assert other.count("q") == 0


def test_a_queue_that_refuses_makes_the_commit_fail_although_the_rest_is_done(world: World) -> None:
    client = transactional(world)
    arguments: FieldTable = {"x-max-length": 1, "x-overflow": "reject-publish"}
    client.call(commands.Queue.Declare(queue="full", arguments=arguments))
    client.send(publish("full", b"a"), publish("full", b"b"), publish("q", b"c"))
    text = "PRECONDITION_FAILED - partial tx completion"
    assert client.channel_close(client.call(commands.Tx.Commit())) == (406, text, 90, 20)
    client.reopen()
    assert client.get("q").body == b"c"


def test_a_queue_that_is_gone_by_the_commit_costs_nothing(world: World) -> None:
    """The route was chosen at publish time; what can't be delivered any more must not be held for ever."""
    client, other = transactional(world), world.open()
    client.send(publish("q", b"x" * 1000))
    other.call(commands.Queue.Delete(queue="q"))
    commit(client)
    client.vanish()
    other.vanish()
    assert world.broker.account.octets == 0


def test_a_requester_that_is_gone_by_the_commit_hears_nothing(world: World) -> None:
    requester, client = world.open(), transactional(world)
    requester.consume("amq.rabbitmq.reply-to", no_ack=True)
    sent = publish("q", b"?", properties=commands.Basic.Properties(reply_to="amq.rabbitmq.reply-to"))
    requester.send(sent)
    question = client.get("q")
    assert question.properties is not None
    assert question.properties.reply_to is not None
    client.send(publish(question.properties.reply_to, b"!"))
    requester.call(commands.Channel.Close(200, "", 0, 0))
    commit(client)
    assert requester.take() == b""


def test_consumers_go_on_inside_a_transaction(world: World) -> None:
    """Deliveries aren't transactional; a window is freed by the commit."""
    client = world.open()
    client.declare("q")
    client.fill("q", b"a", b"b")
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    client.ask(commands.Basic.Qos(prefetch_count=1), commands.Basic.QosOk)
    assert [each.body for each in client.consume("q")] == [b"a"]
    assert client.call(commands.Basic.Ack(1)) == []
    replies = client.call(commands.Tx.Commit())
    assert sorted(each.name for each in replies) == ["Basic.Deliver", "Tx.CommitOk"]


def test_what_follows_a_commit_waits_for_it_in_order(world: World) -> None:
    client = transactional(world)
    client.send(
        publish("q", b"a"),
        frame.marshal(commands.Tx.Commit(), 1),
        frame.marshal(commands.Basic.Get(queue="q"), 1),
        frame.marshal(commands.Tx.Rollback(), 1),
    )
    replies: list[Reply] = client.read()
    assert [each.name for each in replies] == ["Tx.CommitOk", "Basic.GetOk", "Tx.RollbackOk"]


def test_both_modes_survive_a_profile(make_world: MakeWorld) -> None:
    for profile in ("3.10", "4.3"):
        client = make_world(profile=profile).open()
        client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
        client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
        commit(client)


def test_what_a_commit_drives_out_comes_after_all_of_it(world: World) -> None:
    client = world.open()
    dying: FieldTable = {"x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
    client.ask(commands.Queue.Declare(queue="short", arguments=dying), commands.Queue.DeclareOk)
    client.declare("q")
    for queue in ("short", "q"):
        client.ask(commands.Queue.Bind(queue=queue, exchange="amq.fanout", routing_key=""), commands.Queue.BindOk)
    client.fill("short", b"0")
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    client.send(publish("", b"1", "amq.fanout"), publish("", b"2", "amq.fanout"))
    client.ask(commands.Tx.Commit(), commands.Tx.CommitOk)
    assert [client.get("q", no_ack=True).body for _ in range(4)] == [b"1", b"2", b"0", b"1"]
