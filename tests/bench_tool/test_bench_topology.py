"""Where publishers send: every queue has a publisher, every publisher a queue, and the routes lead there."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.loop import deal
from amqpd.cli.bench.publishing import Message
from amqpd.cli.bench.topology import Route, Topology, lay
from amqpd.cli.bench.url import parse_url


@given(st.integers(1, 30), st.integers(1, 30))
def test_connections_are_dealt_evenly(count: int, processes: int) -> None:
    shares = deal(count, processes)

    assert sorted(number for share in shares for number in share) == list(range(count))
    assert len(shares) <= processes
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(queues=st.integers(1, 8), publishers=st.integers(1, 8), keys=st.integers(1, 3))
def test_all_queues_are_published_to_and_all_publishers_publish(queues: int, publishers: int, keys: int) -> None:
    routes = [[Route("x", f"{queue}.{key}") for key in range(keys)] for queue in range(queues)]
    topology = Topology([str(i) for i in range(queues)], routes, 1)

    sent = [topology.routes_of(i, publishers) for i in range(publishers)]

    assert all(sent)
    assert {route.routing_key for one in sent for route in one} == {key.routing_key for one in routes for key in one}


@pytest.mark.parametrize("kind", ["", "direct", "topic", "headers", "fanout"])
@pytest.mark.parametrize("queues", [1, 3])
def test_every_route_leads_to_its_queue_alone_or_through_a_fanout_to_all(
    broker_url: str, kind: str, queues: int
) -> None:
    keys = 4 if kind else 1
    with Connection(parse_url(broker_url)) as control, ExitStack() as stack:
        topology = lay(
            control,
            stack,
            queues=queues,
            exchange_type=kind,
            routing_keys=keys,
            queue_type="",
            durable=False,
        )
        for routes in topology.routes:
            octets, count = Message().supply(routes, control.frame_max).take(keys)
            assert count == keys
            control.send(octets)
        control.prefetch(0)

        depths = [control.declare_queue(name, passive=True) for name in topology.queues]

    assert depths == [keys] * queues
    assert topology.copies == (queues if kind == "fanout" else 1)
