"""Octets from hell: whatever a client sends, process() returns, the end is a defined one, and others notice nothing."""

from __future__ import annotations

import itertools
import logging
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pamqp import commands, frame

from amqpd.testing.delayed import DelayedJournal
from tests.protocol.harness import HEADER, HEARTBEAT, Client, World, content_header, publish, raw, raw_method

DEFINED = {320, 403, 404, 405, 406, 501, 502, 503, 504, 505, 506, 530, 540, 541}

VALID = [
    frame.marshal(method, 1)
    for method in (
        commands.Queue.Declare(queue="q"),
        commands.Queue.Declare(queue="x", exclusive=True, arguments={"x-max-length": 5, "x-message-ttl": 1000}),
        commands.Exchange.Declare(exchange="e", exchange_type="topic", arguments={"alternate-exchange": "amq.fanout"}),
        commands.Queue.Bind(queue="q", exchange="e", routing_key="#.a.*"),
        commands.Queue.Unbind(queue="q", exchange="e", routing_key="#.a.*"),
        commands.Exchange.Bind(destination="e", source="amq.headers", arguments={"x-match": "any", "a": 1}),
        commands.Basic.Qos(prefetch_count=2),
        commands.Basic.Consume(queue="q", consumer_tag="c"),
        commands.Basic.Consume(queue="amq.rabbitmq.reply-to", no_ack=True),
        commands.Basic.Cancel(consumer_tag="c"),
        commands.Basic.Get(queue="q"),
        commands.Basic.Ack(1, multiple=True),
        commands.Basic.Nack(0, multiple=True),
        commands.Basic.Reject(1),
        commands.Basic.Recover(requeue=True),
        commands.Confirm.Select(),
        commands.Tx.Select(),
        commands.Tx.Commit(),
        commands.Tx.Rollback(),
        commands.Queue.Purge(queue="q"),
        commands.Queue.Delete(queue="q"),
        commands.Exchange.Delete(exchange="e"),
        commands.Channel.Close(200, "", 0, 0),
        commands.Channel.CloseOk(),
        commands.Channel.Open(),
        commands.Channel.Flow(active=True),
    )
] + [
    publish("q", b"body"),
    publish("q", b"a longer body", mandatory=True, chunk=4),
    publish("a.b", b"", "e", properties=commands.Basic.Properties(headers={"CC": ["q"], "a": 1}, expiration="5")),
    publish("q", properties=commands.Basic.Properties(reply_to="amq.rabbitmq.reply-to", user_id="guest")),
    publish("q", b"x", channel=2),
    raw_method(2, 20, 10, b"\x00"),
    raw_method(0, 10, 70, b"\x00\x00\x00\x01s\x00"),
    raw_method(0, 10, 50, b"\x00\xc8\x00\x00\x00\x00\x00"),
    raw_method(0, 10, 51),
    HEARTBEAT,
    content_header(1, 3),
    raw(3, 1, b"abc"),
]


def survives(world: World, client: Client, other: Client, caplog: pytest.LogCaptureFixture) -> None:
    """What must hold after whatever was sent: a defined end or none, no defect, and an undisturbed neighbour."""
    for each in client.read():
        if isinstance(each.method, commands.Connection.Close | commands.Channel.Close):
            assert each.method.reply_code in DEFINED, each
    assert other.call(commands.Queue.Declare(queue="neighbour"))[-1].name == "Queue.DeclareOk"
    other.fill("neighbour", b"m")
    assert other.get("neighbour", no_ack=True).body == b"m"
    if not client.gone:
        client.vanish()
    assert world.node.unfinished_content == 0
    assert list(world.broker.sessions) == [other.connection.session]
    assert not [each for each in caplog.records if "internal error" in each.getMessage()], caplog.text
    for queue in list(world.broker.vhosts["/"].queues):
        name = queue.encode("utf-8", "surrogateescape")
        other.send(raw_method(1, 50, 40, b"\0\0" + bytes([len(name)]) + name + b"\0"))  # pamqp refuses some names
        other.only(commands.Queue.DeleteOk)
    other.vanish()
    world.advance(5000)
    assert world.broker.account.octets == 0
    assert len(world.broker.timers) == 0


def worlds(delayed: bool) -> tuple[World, Client, Client]:
    world = World(journal=DelayedJournal() if delayed else None)
    other = world.open()
    client = world.open()
    return world, client, other


PIECES = st.lists(st.integers(0, 4000), max_size=6)
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def send_in_pieces(client: Client, stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        client.send(stream[start:end])


@SETTINGS
@given(st.binary(max_size=200), PIECES, st.booleans())
def test_random_octets_instead_of_a_handshake(
    caplog: pytest.LogCaptureFixture, stream: bytes, cuts: list[int], header: bool
) -> None:
    caplog.clear()
    world = World()
    other, client = world.open(), world.connect()
    send_in_pieces(client, HEADER * header + stream, cuts)
    survives(world, client, other, caplog)


@SETTINGS
@given(st.lists(st.binary(max_size=40) | st.sampled_from(VALID), max_size=12), PIECES, st.booleans())
def test_random_octets_between_frames(
    caplog: pytest.LogCaptureFixture, parts: list[bytes], cuts: list[int], delayed: bool
) -> None:
    caplog.clear()
    world, client, other = worlds(delayed)
    send_in_pieces(client, b"".join(parts), cuts)
    survives(world, client, other, caplog)


RAW_FRAMES = st.builds(
    raw,
    st.sampled_from([1, 1, 1, 2, 3, 8, 0, 4, 255]),
    st.sampled_from([0, 1, 1, 2, 65535]),
    st.one_of(
        st.binary(max_size=40),
        st.builds(
            lambda ids, rest: ids + rest,
            st.sampled_from([each[7:11] for each in VALID if each[0] == 1]),
            st.binary(max_size=30),
        ),
    ),
)


@SETTINGS
@given(st.lists(RAW_FRAMES | st.sampled_from(VALID), max_size=20), st.booleans())
def test_random_frames(caplog: pytest.LogCaptureFixture, frames: list[bytes], delayed: bool) -> None:
    caplog.clear()
    world, client, other = worlds(delayed)
    send_in_pieces(client, b"".join(frames), [])
    survives(world, client, other, caplog)


@SETTINGS
@given(st.lists(st.sampled_from(VALID), min_size=1, max_size=30), PIECES, st.integers(0, 2**32), st.booleans())
def test_mutated_frames(
    caplog: pytest.LogCaptureFixture, frames: list[bytes], cuts: list[int], seed: int, delayed: bool
) -> None:
    """Sizes and ends are mended, so that what is wrong lies inside the frames."""
    caplog.clear()
    world, client, other = worlds(delayed)
    dice = random.Random(seed)
    stream = b""
    for each in frames:
        octets = bytearray(each[7:-1])
        for _ in range(dice.randrange(3)):
            if octets:
                octets[dice.randrange(len(octets))] = dice.choice([0, 1, 2, 60, 128, 255, dice.randrange(256)])
        if dice.random() < 0.1:
            del octets[dice.randrange(len(octets) + 1) :]
        damaged = dice.random() < 0.4 and each.count(b"\xce") == 1
        stream += raw(each[0], each[2], bytes(octets)) if damaged else each
    send_in_pieces(client, stream, cuts)
    survives(world, client, other, caplog)


@SETTINGS
@given(st.lists(st.sampled_from(VALID) | RAW_FRAMES, max_size=25), PIECES)
def test_the_answer_does_not_depend_on_how_octets_arrive(frames: list[bytes], cuts: list[int]) -> None:
    """The same stream in one read and octet by octet, within one turn: every octet of the answer is the same."""
    answers = []
    stream = b"".join(frames)
    for step in (len(stream) or 1, 1, 7):
        world = World()
        client = world.open()
        for at in range(0, len(stream), step):
            client.feed(stream[at : at + step])
        world.settle()
        answers.append(client.take())
    assert answers[0] == answers[1] == answers[2]


def test_a_long_fuzz_with_a_fixed_seed_ends(caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(20)
    caplog.set_level(logging.ERROR, "amqpd")
    for round_ in range(60):
        world, client, other = worlds(delayed=bool(round_ % 2))
        for _ in range(40):
            client.send(*dice.choices(VALID, k=dice.randrange(1, 5)))
            if client.gone:
                break
        survives(world, client, other, caplog)
