"""What a quorum queue's messages are counted as: ready, delayed, or dead and still there; and at which priority."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pika
import pytest


def declared(connection: pika.BlockingConnection, **arguments: object) -> Any:
    """A channel on which the quorum queue `q` was declared."""
    channel = connection.channel()
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum", **named})
    channel.confirm_delivery()
    return channel


def counts(shown: Mapping[str, Any]) -> tuple[int, ...]:
    names = ("messages", "messages_ready", "messages_unacknowledged", "messages_delayed", "messages_dlx")
    return tuple(shown[name] for name in names)


def test_what_is_dead_stays_until_its_dead_letter_has_arrived(api: Any, connected: Any) -> None:
    kept = {"x_dead_letter_strategy": "at-least-once", "x_dead_letter_exchange": "nowhere"}
    channel = declared(connected, x_overflow="reject-publish", **kept)
    channel.basic_publish("", "q", b"12345")
    channel.basic_publish("", "q", b"1")
    method, _, _ = channel.basic_get("q")
    channel.basic_reject(method.delivery_tag, requeue=False)
    assert channel.queue_declare("q", passive=True).method.message_count == 1
    shown = api.get("/queues/%2F/q")
    assert counts(shown) == (2, 1, 0, 0, 1)
    assert (shown["message_bytes"], shown["message_bytes_ready"], shown["message_bytes_dlx"]) == (6, 1, 5)
    assert (shown["messages_persistent"], shown["message_bytes_persistent"]) == (2, 6)
    for totals in (api.get("/overview")["queue_totals"], api.get("/vhosts/%2F")):
        assert (totals["messages"], totals["messages_ready"]) == (2, 1)


def test_what_waits_for_its_next_try_is_not_ready(api: Any, connected: Any) -> None:
    channel = declared(connected, x_delayed_retry_type="all", x_delayed_retry_min=1000)
    for body in (b"a", b"b"):
        channel.basic_publish("", "q", body)
    method, _, _ = channel.basic_get("q")
    channel.basic_nack(method.delivery_tag)
    assert channel.queue_declare("q", passive=True).method.message_count == 1
    assert counts(api.get("/queues/%2F/q")) == (2, 1, 0, 1, 0)
    assert channel.queue_purge("q").method.message_count == 2


def test_a_classic_queue_whose_messages_wait_is_not_empty(api: Any, connected: Any) -> None:
    channel = connected.channel()
    pauses = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 1000}
    channel.queue_declare("c", durable=True, arguments=pauses)
    channel.basic_publish("", "c", b"a")
    method, _, _ = channel.basic_get("c")
    channel.basic_nack(method.delivery_tag)
    assert channel.queue_declare("c", passive=True).method.message_count == 0
    assert counts({**api.get("/queues/%2F/c"), "messages_dlx": 0}) == (1, 0, 0, 1, 0)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="not empty"):
        channel.queue_delete("c", if_empty=True)


@pytest.mark.parametrize(
    ("version", "limit", "by_priority"),
    [
        ("3.10", "unlimited", {}),
        ("4.2", 20, {"messages_ready_high": 1, "messages_ready_normal": 3, "messages_ready_returned": 1}),
        (
            "4.3",
            20,
            {
                "messages_by_priority": {"0": 1, "4": 2, "5": 1},
                "messages_active_priorities": 3,
                "messages_ready_returned": 1,
            },
        ),
    ],
)
def test_limit_and_priorities_are_those_of_the_version(
    started: Callable[..., Any], version: str, limit: object, by_priority: Mapping[str, object]
) -> None:
    with started(compat=version) as api, pika.BlockingConnection(pika.URLParameters(api.broker.url)) as connection:
        channel = declared(connection)
        for priority in (255, None, 0, 4, 5):
            channel.basic_publish("", "q", b"x", pika.BasicProperties(priority=priority))
        method, _, _ = channel.basic_get("q")
        channel.basic_reject(method.delivery_tag)
        shown = api.get("/queues/%2F/q")
        assert shown["delivery_limit"] == limit
        assert {name: value for name, value in shown.items() if "priorit" in name or "ready_" in name} == {
            "messages_ready_details": {"rate": 0.0},
            **by_priority,
        }
