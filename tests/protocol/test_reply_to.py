"""Direct reply-to: a name instead of a queue, good as long as the requester's channel."""

from __future__ import annotations

import pytest
from pamqp import commands

from tests.protocol.harness import Client, MakeWorld, World, publish

PSEUDO = "amq.rabbitmq.reply-to"
QUESTION = commands.Basic.Properties(reply_to=PSEUDO, correlation_id="7")


def requester(world: World) -> Client:
    client = world.open()
    client.declare("requests")
    assert client.consume(PSEUDO, "r", no_ack=True) == []
    return client


def asked(client: Client, responder: Client) -> str:
    """Send a request; return the name that the responder answers to."""
    client.send(publish("requests", b"?", properties=QUESTION))
    question = responder.get("requests", no_ack=True)
    assert question.properties is not None
    assert question.properties.correlation_id == "7"
    name = question.properties.reply_to
    assert name is not None
    assert name.startswith(PSEUDO + ".")
    return name


def test_a_reply_reaches_the_requesters_channel(world: World) -> None:
    client, responder = requester(world), world.open()
    name = asked(client, responder)
    responder.send(publish(name, b"!", mandatory=True))
    assert responder.read() == []
    (reply,) = client.read()
    assert isinstance(reply.method, commands.Basic.Deliver)
    assert (reply.method.consumer_tag, reply.method.exchange, reply.method.routing_key) == ("r", "", name)
    assert (reply.method.delivery_tag, reply.method.redelivered, reply.body) == (1, False, b"!")


def test_before_3_13_a_mandatory_reply_is_returned_as_well(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10")
    client, responder = requester(world), world.open()
    name = asked(client, responder)
    responder.send(publish(name, b"!", mandatory=True))
    assert [each.name for each in responder.read()] == ["Basic.Return"]
    assert client.bodies(commands.Basic.Deliver) == [b"!"]


def test_a_reply_is_confirmed_at_once(world: World) -> None:
    client, responder = requester(world), world.open()
    name = asked(client, responder)
    responder.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    responder.send(publish(name, b"!"))
    responder.only(commands.Basic.Ack)


@pytest.mark.parametrize("end", ["cancel", "channel", "error", "connection"])
def test_a_reply_to_nobody_is_unroutable(world: World, end: str) -> None:
    client, responder = requester(world), world.open()
    name = asked(client, responder)
    if end == "cancel":
        client.ask(commands.Basic.Cancel("r"), commands.Basic.CancelOk)
    elif end == "channel":
        client.ask(commands.Channel.Close(200, "", 0, 0), commands.Channel.CloseOk)
    elif end == "error":
        client.call(commands.Queue.Declare(queue="nope", passive=True))
    else:
        client.vanish()
    responder.send(publish(name, b"!", mandatory=True))
    assert [each.name for each in responder.read()] == ["Basic.Return"]
    assert client.take() == b""
    assert world.broker.reply_consumers == {}


def test_it_must_not_be_acknowledged(world: World) -> None:
    client = world.open()
    replies = client.call(commands.Basic.Consume(queue=PSEUDO, no_ack=False))
    text = "PRECONDITION_FAILED - reply consumer cannot acknowledge"
    assert client.channel_close(replies) == (406, text, 60, 20)


def test_a_channel_has_one_at_most(world: World) -> None:
    client = requester(world)
    replies = client.call(commands.Basic.Consume(queue=PSEUDO, no_ack=True))
    text = "PRECONDITION_FAILED - reply consumer already set"
    assert client.channel_close(replies) == (406, text, 60, 20)


def test_its_tag_is_none_that_the_channel_has(world: World) -> None:
    client = world.open()
    client.declare("requests")
    client.consume("requests", "t", no_ack=True)
    replies = client.call(commands.Basic.Consume(queue=PSEUDO, consumer_tag="t", no_ack=True))
    assert client.connection_close(replies) == (530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", 60, 20)


def test_another_consumer_may_share_its_tag_and_is_cancelled_after_it(world: World) -> None:
    client = requester(world)
    client.declare("q")
    client.consume("q", "r")
    client.call(commands.Basic.Cancel("r"))
    assert client.declare("q").consumer_count == 1
    client.call(commands.Basic.Cancel("r"))
    assert client.declare("q").consumer_count == 0


def test_after_a_cancel_there_may_be_another(world: World) -> None:
    client, responder = requester(world), world.open()
    client.call(commands.Basic.Cancel("r"))
    client.consume(PSEUDO, "r", no_ack=True)
    responder.send(publish(asked(client, responder), b"!"))
    assert client.bodies(commands.Basic.Deliver) == [b"!"]


def test_declaring_the_name_asks_whether_the_requester_is_there(world: World) -> None:
    client, responder = requester(world), world.open()
    name = asked(client, responder)
    for passive in (False, True):
        ok = responder.declare(name, passive=passive)
        assert (ok.queue, ok.message_count, ok.consumer_count) == (name, 0, 1)
    assert responder.declare(PSEUDO).queue == PSEUDO
    client.vanish()
    code, text, _, _ = responder.channel_close(responder.call(commands.Queue.Declare(queue=name)))
    assert (code, text) == (404, f"NOT_FOUND - no queue '{name}' in vhost '/'")


def test_getting_from_a_consumer_of_replies_is_540_and_was_404(make_world: MakeWorld) -> None:
    for profile in ("3.10", "4.2"):
        world = make_world(profile=profile)
        client = world.open()
        client.consume(PSEUDO, no_ack=True)
        (name,) = world.broker.reply_consumers
        replies = client.call(commands.Basic.Get(queue=name))
        if profile == "3.10":
            text = f"NOT_FOUND - no queue '{name}' in vhost '/'"
            assert client.channel_close(replies) == (404, text, 60, 70)
        else:
            text = f"NOT_IMPLEMENTED - basic.get not supported by volatile queue '{name}' in vhost '/'"
            assert client.connection_close(replies) == (540, text, 60, 70)


def test_its_own_name_is_no_queue(make_world: MakeWorld) -> None:
    client = make_world().open()
    text = f"NOT_FOUND - no queue '{PSEUDO}' in vhost '/'"
    assert client.channel_close(client.call(commands.Basic.Get(queue=PSEUDO))) == (404, text, 60, 70)


def test_it_can_not_be_bound(make_world: MakeWorld) -> None:
    client = make_world().open()
    replies = client.call(commands.Queue.Bind(queue=f"{PSEUDO}.name", exchange="amq.fanout"))
    text = "ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue"
    assert client.channel_close(replies) == (403, text, 50, 20)


def test_it_needs_no_permission(world: World) -> None:
    world.add_user("alice", "^$", "^amq.default$", "^$")
    client = world.open("alice")
    assert client.consume(PSEUDO, no_ack=True) == []
