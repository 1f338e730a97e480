"""Endpoints about replicas and the stream protocol, on one node that speaks AMQP."""

from __future__ import annotations

from typing import Any

import pika
import pytest


@pytest.fixture
def quorum(api: Any) -> Any:
    api.made("/queues/%2F/q", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    api.made("/queues/%2F/c", {"durable": True})
    return api


def test_a_quorum_queue_has_one_replica_that_leads(quorum: Any) -> None:
    node = quorum.get("/overview")["node"]
    (replica,) = quorum.get("/queues/quorum/%2F/q/status")
    assert (replica["Node Name"], replica["Raft State"]) == (node, "leader")
    assert quorum("GET", "/queues/quorum/%2F/c/status").status == 400
    assert quorum("GET", "/queues/quorum/%2F/nope/status").status == 404


def test_its_replica_is_where_it_can_be_and_is_not_deleted(quorum: Any) -> None:
    node = quorum.get("/overview")["node"]
    assert quorum("POST", "/queues/quorum/%2F/q/replicas/add", {"node": node}).status == 204
    assert "is not part" in quorum("POST", "/queues/quorum/%2F/q/replicas/add", {"node": "x"}).json["reason"]
    assert quorum("POST", "/queues/quorum/%2F/q/replicas/add", {}).json["reason"] == "[{key_missing,node}]"
    answer = quorum("DELETE", "/queues/quorum/%2F/q/replicas/delete", {"node": node})
    assert (answer.status, answer.json["reason"]) == (400, "the only replica of queue 'q' cannot be deleted")
    on_node = f"/queues/quorum/replicas/on/{node}"
    assert quorum("POST", f"{on_node}/grow", {"strategy": "all"}).status == 204
    assert quorum("POST", f"{on_node}/grow", {"strategy": "some"}).status == 400
    assert quorum("DELETE", f"{on_node}/shrink").status == 400
    assert quorum("DELETE", "/queues/quorum/replicas/on/x/shrink").status == 404


def test_nobody_speaks_the_stream_protocol(api: Any) -> None:
    for kind in ("connections", "consumers", "publishers"):
        assert api.get(f"/stream/{kind}") == api.get(f"/stream/{kind}/%2F") == []
        assert api("GET", f"/stream/{kind}/nope").status == 404
    assert api("GET", "/stream/connections/%2F/x").status == 404


def test_a_stream_shows_where_its_named_consumers_go_on(api: Any, connected: Any) -> None:
    api.made("/queues/%2F/s", {"durable": True, "arguments": {"x-queue-type": "stream"}})
    assert api.get("/stream/%2F/s/tracking") == {"offsets": {}, "writers": {}}
    channel = connected.channel()
    for _ in range(3):
        channel.basic_publish("", "s", b"x", pika.BasicProperties(delivery_mode=2))
    channel.basic_qos(prefetch_count=10)
    arguments = {"x-stream-offset": "first", "x-stream-name": "mine"}
    for method, _, _ in channel.consume("s", arguments=arguments, inactivity_timeout=10):
        channel.basic_ack(method.delivery_tag)
        if method.delivery_tag == 3:
            break
    channel.close()
    assert api.get("/stream/%2F/s/tracking")["offsets"].keys() == {"mine"}
    assert api("GET", "/stream/%2F/nope/tracking").status == 404
    api.made("/queues/%2F/c")
    assert api("GET", "/stream/%2F/c/tracking").status == 404
