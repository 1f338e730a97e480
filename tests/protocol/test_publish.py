"""basic.publish: the checks in RabbitMQ's order, its texts, and basic.return."""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd.broker.permissions import TopicPermissions
from amqpd.broker.users import User
from amqpd.fields import Table, array, longstr, signedint
from amqpd.properties import Properties
from amqpd.protocol.node import Settings
from tests.protocol.harness import Client, MakeWorld, World, publish, raw_method, shortstr

IDS = (60, 40)


def properties(**values: object) -> bytes:
    """Flags and property list."""
    return Properties.of(**values).raw  # type: ignore[arg-type]  # names and types are those of the test's own values


def refused(client: Client, sent: bytes) -> tuple[int, str]:
    """The channel.close that a publish brings; the channel is open again afterwards."""
    client.send(sent)
    code, text, class_id, method_id = client.channel_close()
    assert (class_id, method_id) == IDS
    client.reopen()
    return code, text


def test_an_unknown_exchange_is_404(world: World) -> None:
    client = world.open()
    assert refused(client, publish("q", b"x", "nope")) == (404, "NOT_FOUND - no exchange 'nope' in vhost '/'")


def test_what_follows_a_refused_publish_is_discarded(world: World) -> None:
    client = world.open()
    client.declare("q")
    assert refused(client, publish("q", b"x", "nope") + publish("q", b"y"))[0] == 404
    assert client.count("q") == 0


def test_an_internal_exchange_is_403(world: World) -> None:
    client = world.open()
    client.call(commands.Exchange.Declare(exchange="inner", exchange_type="fanout", internal=True))
    text = "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'"
    assert refused(client, publish("q", b"x", "inner")) == (403, text)


def test_immediate_closes_the_connection(world: World) -> None:
    client = world.open()
    client.send(publish("q", b"x", immediate=True))
    assert client.connection_close() == (540, "NOT_IMPLEMENTED - immediate=true", *IDS)


def test_a_body_over_the_limit_is_406(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_message_size=100))
    client = world.open()
    client.declare("q")
    client.fill("q", b"x" * 100)
    text = "PRECONDITION_FAILED - message size 101 is larger than configured max size 100"
    assert refused(client, publish("q", b"x" * 101)) == (406, text)
    assert refused(client, publish("q", b"x" * 101, chunk=10)) == (406, text)
    assert client.count("q") == 1


EXPIRATIONS = [
    ("abc", "no_integer"),
    ("", "no_integer"),
    (" 1", "no_integer"),
    ("+", "no_integer"),
    ("-", "no_integer"),
    ("--1", "no_integer"),
    ("\u0661", "no_integer"),
    ("1x", '{leftover_string,"x"}'),
    ("1.5", '{leftover_string,".5"}'),
    ("1 ", '{leftover_string," "}'),
    ("1_000", '{leftover_string,"_000"}'),
    ("-1", "{value_negative,-1}"),
    ("315360000001", "{value_too_large,315360000001}"),
    ("99999999999999999999", "{value_too_large,\n" + " " * 44 + "99999999999999999999}"),
]


@pytest.mark.parametrize(("expiration", "reason"), EXPIRATIONS)
def test_an_expiration_that_is_no_duration_is_406(world: World, expiration: str, reason: str) -> None:
    client = world.open()
    text = f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}"
    assert refused(client, publish("q", b"x", properties=properties(expiration=expiration))) == (406, text)


@pytest.mark.parametrize("expiration", ["0", "+5", "007", "315360000000"])
def test_an_expiration_in_milliseconds_is_taken(world: World, expiration: str) -> None:
    client = world.open()
    client.declare("q")
    client.send(publish("q", b"x", properties=properties(expiration=expiration)))
    assert client.take() == b""


@pytest.mark.parametrize("name", ["CC", "BCC"])
def test_copies_that_are_no_array_are_406(world: World, name: str) -> None:
    client = world.open()
    headers = Table.of({name: longstr("b")})
    text = f'PRECONDITION_FAILED - invalid message: {{unacceptable_type_in_header,"{name}",longstr}}'
    assert refused(client, publish("q", b"x", properties=properties(headers=headers))) == (406, text)


def test_another_users_id_is_406(world: World) -> None:
    client = world.open()
    text = "PRECONDITION_FAILED - user_id property set to 'x' but authenticated user was 'guest'"
    assert refused(client, publish("q", b"x", properties=properties(user_id="x"))) == (406, text)


def test_ones_own_id_and_an_impersonators_are_taken(world: World) -> None:
    world.broker.add_user(User.with_password("mask", "mask", ("impersonator",)))
    world.broker.access.grant("mask", "/")
    guest, mask = world.open(), world.open("mask")
    guest.send(publish("q", b"x", properties=properties(user_id="guest")))
    mask.send(publish("q", b"x", properties=properties(user_id="anyone")))
    assert guest.take() == mask.take() == b""


@pytest.mark.parametrize("mode", [0, 3, 5, 255])
def test_an_unknown_delivery_mode_is_406_in_3_10_alone(make_world: MakeWorld, mode: int) -> None:
    client = make_world(profile="3.10").open()
    text = f"PRECONDITION_FAILED - invalid message: {{delivery_mode_unknown,{mode}}}"
    assert refused(client, publish("q", b"x", properties=properties(delivery_mode=mode))) == (406, text)
    client = make_world(profile="3.13").open()
    client.send(publish("q", b"x", properties=properties(delivery_mode=mode)))
    assert client.take() == b""


def test_reply_to_without_a_reply_consumer_is_406(world: World) -> None:
    client = world.open()
    sent = publish("q", b"x", properties=properties(reply_to="amq.rabbitmq.reply-to"))
    assert refused(client, sent) == (406, "PRECONDITION_FAILED - fast reply consumer does not exist")


EVERYTHING_WRONG = {
    "reply_to": "amq.rabbitmq.reply-to",
    "expiration": "abc",
    "headers": Table.of({"CC": signedint(5)}),
    "user_id": "x",
}


def test_the_checks_come_in_rabbitmqs_order(make_world: MakeWorld) -> None:
    """A publish with everything wrong: each refusal in turn, mended one after the other."""
    world = make_world(settings=Settings(max_message_size=10))
    world.add_user("alice", write="^(topic|inner|nope)$")
    client, guest = world.open("alice"), world.open()
    for name, kind, internal in (("topic", "topic", False), ("inner", "fanout", True), ("closed", "fanout", False)):
        guest.call(commands.Exchange.Declare(exchange=name, exchange_type=kind, internal=internal))
    world.broker.access.topic_permissions["alice", "/", "topic"] = TopicPermissions("^ok$", "")
    world.broker.access.changed()
    wrong: dict[str, object] = dict(EVERYTHING_WRONG)
    raw = properties(**wrong)

    client.send(publish("bad", b"x" * 11, "closed", immediate=True, properties=raw))
    assert client.connection_close()[0] == 540
    client = world.open("alice")
    assert refused(client, publish("bad", b"x" * 11, "closed", properties=raw))[1].startswith(
        "PRECONDITION_FAILED - message size"
    )
    assert refused(client, publish("bad", b"x", "closed", properties=raw))[0] == 403
    assert refused(client, publish("bad", b"x", "nope", properties=raw))[0] == 404
    assert "internal exchange" in refused(client, publish("bad", b"x", "inner", properties=raw))[1]
    texts = []
    for mended in wrong:
        texts.append(refused(client, publish("bad", b"x", "topic", properties=properties(**wrong)))[1])
        wrong[mended] = None
        if mended == "headers":
            texts.append(refused(client, publish("bad", b"x", "topic", properties=properties(**wrong)))[1])
            texts.append(refused(client, publish("ok", b"x", "topic", properties=properties(**wrong)))[1])
            break
    assert [each.split(" - ")[1].split(" '")[0] for each in texts] == [
        "fast reply consumer does not exist",
        "invalid expiration",
        'invalid message: {unacceptable_type_in_header,"CC",signedint}',
        "write access to topic",
        "user_id property set to",
    ]
    client.send(publish("ok", b"x", "topic"))
    assert client.take() == b""


def test_topic_permissions_cover_copies(world: World) -> None:
    world.add_user("alice")
    client = world.open("alice")
    world.broker.access.topic_permissions["alice", "/", "amq.topic"] = TopicPermissions("^ok", "")
    world.broker.access.changed()
    for name in ("CC", "BCC"):
        headers = Table.of({name: array([longstr("ok.too"), longstr("bad")])})
        text = "write access to topic 'bad' in exchange 'amq.topic' in vhost '/' refused for user 'alice'"
        sent = publish("ok", b"x", "amq.topic", properties=properties(headers=headers))
        assert refused(client, sent) == (403, f"ACCESS_REFUSED - {text}")


def test_before_4_0_topic_permissions_cover_the_key_alone_and_come_first(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10")
    world.add_user("alice")
    client = world.open("alice")
    world.broker.access.topic_permissions["alice", "/", "amq.topic"] = TopicPermissions("^ok$", "")
    world.broker.access.changed()
    copies = properties(headers=Table.of({"CC": array([longstr("bad")])}))
    client.send(publish("ok", b"x", "amq.topic", properties=copies))
    assert client.take() == b""
    text = "ACCESS_REFUSED - access to topic 'bad' in exchange 'amq.topic' in vhost '/' refused for user 'alice'"
    sent = publish("bad", b"x", "amq.topic", properties=properties(**EVERYTHING_WRONG))
    assert refused(client, sent) == (403, text)


def test_an_unroutable_mandatory_message_comes_back_whole(world: World) -> None:
    client = world.open()
    for body, chunk in ((b"", 100), (b"x" * 50, 7)):
        client.send(publish("nope", body, mandatory=True, properties=properties(message_id="m"), chunk=chunk))
        (reply,) = client.read()
        assert isinstance(reply.method, commands.Basic.Return)
        assert (reply.method.reply_code, reply.method.reply_text) == (312, "NO_ROUTE")
        assert (reply.method.exchange, reply.method.routing_key) == ("", "nope")
        assert reply.properties is not None
        assert (reply.properties.message_id, reply.body) == ("m", body)


def test_a_returned_body_is_cut_to_the_negotiated_size(world: World) -> None:
    client = world.open(frame_max=8192)
    client.send(publish("nope", b"x" * 20_000, mandatory=True, chunk=8000))
    frames = client.frames()
    assert len(frames) == 2 + 3


def test_unroutable_is_silence_without_mandatory(world: World) -> None:
    client = world.open()
    client.send(publish("nope", b"x"), publish("", b"x", "amq.fanout"))
    assert client.take() == b""


def test_an_alternate_exchange_satisfies_mandatory(world: World) -> None:
    client = world.open()
    client.call(
        commands.Exchange.Declare(
            exchange="x", exchange_type="direct", arguments={"alternate-exchange": "amq.fanout"}
        )
    )
    client.declare("q")
    client.call(commands.Queue.Bind(queue="q", exchange="amq.fanout"))
    client.send(publish("nope", b"x", "x", mandatory=True))
    got = client.get("q")
    assert isinstance(got.method, commands.Basic.GetOk)
    assert (got.method.exchange, got.method.routing_key) == ("x", "nope")


def test_octets_of_names_and_properties_pass_through_unchanged(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.call(commands.Queue.Bind(queue="q", exchange="amq.fanout"))
    raw = properties(headers=Table.of({"a": signedint(1)}), content_type="t")
    client.send(publish("\u00fc[0]", b"x", "amq.fanout", properties=raw))
    client.send(raw_method(1, 60, 70, b"\0\0" + shortstr("q") + b"\x01"))
    octets = client.take()
    assert shortstr("\u00fc[0]") in octets
    assert raw in octets


def test_a_change_of_permissions_is_seen_by_the_next_publish(world: World) -> None:
    """What a connection remembers of its publishes goes stale with every change."""
    world.add_user("alice")
    client = world.open("alice")
    client.declare("q")
    client.fill("q", b"a")
    world.broker.access.grant("alice", "/", ".*", "^$", ".*")
    text = "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'alice'"
    assert refused(client, publish("q", b"b")) == (403, text)
    world.broker.access.grant("alice", "/")
    client.fill("q", b"c")
    assert client.count("q") == 2


def test_a_change_of_the_graph_is_seen_by_the_next_publish(world: World) -> None:
    client = world.open()
    client.send(publish("q", b"a", mandatory=True))
    assert [each.name for each in client.read()] == ["Basic.Return"]
    client.declare("q")
    client.send(publish("q", b"b", mandatory=True))
    assert client.read() == []
    client.call(commands.Queue.Delete(queue="q"))
    client.send(publish("q", b"c", mandatory=True))
    assert [each.name for each in client.read()] == ["Basic.Return"]
    client.call(commands.Exchange.Declare(exchange="x", exchange_type="fanout"))
    client.send(publish("q", b"d", "x"))
    client.call(commands.Exchange.Delete(exchange="x"))
    assert refused(client, publish("q", b"e", "x"))[0] == 404
