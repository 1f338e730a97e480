"""Messages, clients and their queues, and whether the broker is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from interop.tools.python.port import NotFound, Shown, Tool, has
from interop.tools.python.stage import Stage, eventually, holds, matching, one, reports

CHECKS: Final = ("alarms", "local-alarms", "virtual-hosts", "protocol-listener/amqp091")


def messages(stage: Stage) -> None:
    tool, queue = stage.tool(), stage.name("queue")
    properties = {"content_type": "text/plain", "headers": {"a": 1}, "delivery_mode": 2}
    with stage.vhost(tool) as vhost:
        tool.declare_queue(vhost, queue, {})
        assert tool.publish(vhost, "amq.default", queue, "one", properties) in (True, None)
        assert tool.publish(vhost, "amq.default", queue, "zwei ä", {}) in (True, None)
        assert tool.publish(vhost, "amq.default", queue, "three", {}) in (True, None)
        assert tool.publish(vhost, "amq.default", stage.name("nowhere"), "four", {}) in (False, None)
        eventually(lambda: tool.queue(vhost, queue).get("messages") == 3, "the queue has three messages")
        (first,) = tool.get(vhost, queue, 1, requeue=True)
        holds(first, payload="one", routing_key=queue, exchange="", redelivered=False, message_count=2)
        holds(first, properties=properties, payload_bytes=3, payload_encoding="string")
        again = tool.get(vhost, queue, 2, requeue=False)
        assert [(each["payload"], each["redelivered"]) for each in again] == [("one", True), ("zwei ä", False)], again
        if has(tool.purge):
            tool.purge(vhost, queue)
            assert list(tool.get(vhost, queue, 1, requeue=False)) == []


def connections(stage: Stage) -> None:
    tool, named = stage.tool(), {"connection_name": stage.prefix}

    def own(items: Sequence[Shown]) -> list[Shown]:
        return [each for each in items if named.items() <= (each.get("client_properties") or {}).items()]

    eventually(lambda: bool(own(tool.connections())), "the client is in the list of connections")
    eventually(lambda: own(tool.connections())[0].get("channels") == 1, "its connection has one channel")
    found = own(tool.connections())[0]
    holds(found, user="guest", vhost="/", protocol="AMQP 0-9-1", state="running", ssl=False)
    if has(tool.channels):
        eventually(lambda: _channels(tool, found), "its channel is in the list, with its prefetch")
    if has(tool.consumers):
        tag = stage.name("consumer")
        eventually(lambda: bool(matching(tool.consumers(), consumer_tag=tag)), "its consumer is in the list")
        consumer = one(tool.consumers(), consumer_tag=tag)
        assert consumer["queue"]["name"] == stage.name("watched"), consumer
        holds(consumer, ack_required=True, exclusive=False, prefetch_count=2)
    if has(tool.close_connection):
        tool.close_connection(str(found["name"]), "closed by a scenario")
        eventually(lambda: not own(tool.connections()), "the connection is gone")
        with reports(NotFound):
            tool.close_connection(str(found["name"]), "closed by a scenario")


def _channels(tool: Tool, connection: Shown) -> bool:
    found = [each for each in tool.channels() if each.get("connection_details", {}).get("name") == connection["name"]]
    wanted = {"number": 1, "consumer_count": 1, "prefetch_count": 2, "messages_unacknowledged": 2, "confirm": True}
    return [{name: each.get(name) for name in wanted} for each in found] == [wanted]


def statistics(stage: Stage) -> None:
    tool, queue = stage.tool(), stage.name("watched")
    wanted = {"messages": 5, "messages_ready": 3, "messages_unacknowledged": 2, "consumers": 1}

    def shown() -> bool:
        found = one(tool.queues("/"), name=queue)
        return {name: found.get(name) for name in wanted} == wanted

    eventually(shown, f"the queue has {wanted}")
    holds(tool.queue("/", queue), state="running", node=tool.overview()["node"])

    def counted() -> bool:
        totals = tool.overview().get("queue_totals") or {}
        return all(totals.get(name, 0) >= wanted[name] for name in wanted if name != "consumers")

    eventually(counted, "the totals count them")


def health(stage: Stage) -> None:
    tool = stage.tool()
    if has(tool.alive):
        assert tool.alive("/")
    if has(tool.healthy):
        for check in (*CHECKS, f"port-listener/{stage.amqp_port}"):
            assert tool.healthy(check), check
        assert not tool.healthy("port-listener/1")
