"""A client that is slow, silent or loud is held back alone; the others go on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import trio

from amqpd.app import make_node, serve_node
from amqpd.config import Config, load
from amqpd.protocol.connection import UNREAD_REPLIES, Connection
from amqpd.protocol.node import Node
from amqpd.server.offload import Threads
from conformance.client import Connection as Client
from conformance.frames import METHOD, encode_frame
from conformance.methods import encode_method

Connect = Callable[[int], Client]
WaitUntil = Callable[[Callable[[], bool]], None]

KIB = 1024
HIGH, LOW = 64 * KIB, 16 * KIB
BODY = bytes(64 * KIB)
MESSAGES = 400
BUDGET = 16


def small() -> tuple[Node, Config]:
    """A node with low marks, so that few messages are many."""
    marks = {"memory_outbox_high_water": HIGH, "memory_outbox_low_water": LOW, "limits_turn_budget": BUDGET}
    config = load(None, {}, {"port": 0, "shutdown_timeout": 0, **marks})
    return make_node(config, offload=Threads()), config


def oldest(node: Node) -> Connection:
    return next(iter(node.connections))


async def test_a_slow_consumer_holds_back_itself_alone(connect: Connect, wait_until: WaitUntil) -> None:
    """Its outbox stays near the mark, the rest waits in its queue, and another consumer gets everything meanwhile."""
    node, config = small()
    async with serve_node(node, config) as server:
        port = server.addresses[0][1]

        def converse() -> Client:
            slow, fast, publisher = connect(port).handshake(), connect(port).handshake(), connect(port).handshake()
            for client, queue in ((slow, "slow"), (fast, "fast")):
                client.channel()
                client.call(1, "queue.declare", "queue.declare-ok", queue=queue)
                client.call(1, "queue.bind", "queue.bind-ok", queue=queue, exchange="amq.fanout")
                client.call(1, "basic.consume", "basic.consume-ok", queue=queue, consumer_tag=queue, no_ack=True)
            publisher.channel()
            for _ in range(MESSAGES):
                publisher.send(publisher.publish_frames(1, "amq.fanout", "", BODY))
                fast.wait_for(1, "basic.deliver")
            return slow

        slow = await trio.to_thread.run_sync(converse)
        waiting = node.broker.vhosts["/"].queues["slow"].message_count
        assert 0 < waiting < MESSAGES
        assert LOW < oldest(node).outbox.size <= HIGH + 2 * len(BODY)

        await trio.to_thread.run_sync(lambda: [slow.wait_for(1, "basic.deliver") for _ in range(MESSAGES)])
        assert node.broker.vhosts["/"].queues["slow"].message_count == 0


async def test_a_client_that_reads_no_replies_is_not_read_until_it_does(
    connect: Connect, wait_until: WaitUntil
) -> None:
    node, config = small()
    async with serve_node(node, config) as server:
        port = server.addresses[0][1]

        def prepare() -> Client:
            client = connect(port).handshake()
            client.channel()
            client.call(1, "queue.declare", "queue.declare-ok", queue="replies")
            for _ in range(MESSAGES):
                client.send(client.publish_frames(1, "", "replies", BODY))
            client.call(1, "queue.declare", "queue.declare-ok", queue="replies", passive=True)
            get = encode_frame(METHOD, 1, encode_method("basic.get", queue="replies", no_ack=True))
            client.send(get * MESSAGES)
            wait_until(lambda: not oldest(node).reading)
            return client

        client = await trio.to_thread.run_sync(prepare)
        asked = oldest(node)
        assert node.broker.vhosts["/"].queues["replies"].message_count > 0
        assert asked.outbox.size <= UNREAD_REPLIES * HIGH + 2 * BUDGET * (len(BODY) + 200)

        await trio.to_thread.run_sync(lambda: [client.wait_for(1, "basic.get-ok") for _ in range(MESSAGES)])
        assert asked.reading


async def test_a_flood_leaves_every_other_connection_its_turn(connect: Connect) -> None:
    """While 1,000 publishes wait on one socket, another connection sees the queue grow by about a turn at a time."""
    node, config = small()
    async with serve_node(node, config) as server:
        port = server.addresses[0][1]

        def prepare() -> tuple[Client, Client]:
            flood, other = connect(port).handshake(), connect(port).handshake()
            flood.channel()
            other.channel()
            flood.call(1, "queue.declare", "queue.declare-ok", queue="f")
            return flood, other

        flood, other = await trio.to_thread.run_sync(prepare)
        # Both are sent before the server's tasks run again: this is their thread.
        flood.send(flood.publish_frames(1, "", "f") * 1000)
        questions = 20 * BUDGET
        other.send(encode_frame(METHOD, 1, encode_method("queue.declare", queue="f", passive=True)) * questions)

        def counts() -> list[int]:
            return [other.wait_for(1, "queue.declare-ok").fields["message_count"] for _ in range(questions)]

        seen = await trio.to_thread.run_sync(counts)
        steps = [after - before for before, after in pairwise(seen)]
        assert len(set(seen)) >= 10
        assert max(steps) <= 4 * BUDGET


@pytest.mark.parametrize("ending", ["the client vanishes", "the server cuts it off"])
async def test_a_stalled_consumer_leaves_no_task_behind(connect: Connect, wait_until: WaitUntil, ending: str) -> None:
    """Not even the one that waited for room in its socket."""
    node, config = small()
    async with serve_node(node, config) as server:
        port = server.addresses[0][1]
        before = len(server.nursery.child_tasks)

        def stall() -> Client:
            client = connect(port).handshake()
            client.channel()
            client.call(1, "queue.declare", "queue.declare-ok", queue="q")
            for _ in range(MESSAGES):
                client.send(client.publish_frames(1, "", "q", BODY))
            client.call(1, "queue.declare", "queue.declare-ok", queue="q", passive=True)
            client.send_method(1, "basic.consume", queue="q")
            wait_until(lambda: oldest(node).outbox.over and len(server.nursery.child_tasks) == before + 2)
            return client

        client = await trio.to_thread.run_sync(stall)
        if ending == "the client vanishes":
            client.abort()
        else:
            oldest(node).abort()
        await trio.to_thread.run_sync(wait_until, lambda: len(server.nursery.child_tasks) == before)
        assert node.broker.vhosts["/"].queues["q"].message_count == MESSAGES
