"""Publish/subscribe and routing through every built-in exchange type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
import pytest

pytestmark = pytest.mark.timeout(60)

Connect = Callable[[], Any]
Declare = Callable[..., str]
Pump = Callable[..., None]
Drain = Callable[[Any, str], list[bytes]]


def test_every_subscriber_of_a_fanout_gets_every_message(
    connect: Connect, channel: Any, declare_exchange: Declare, pump: Pump
) -> None:
    news = declare_exchange(channel, "fanout")
    subscribers = [connect(), connect()]
    received: list[list[bytes]] = [[], []]
    for connection, inbox in zip(subscribers, received, strict=True):
        subscription = connection.channel()
        queue = subscription.queue_declare("", exclusive=True).method.queue
        assert queue.startswith("amq.gen-")
        subscription.queue_bind(queue, news)
        subscription.basic_consume(queue, lambda _c, _m, _p, body, inbox=inbox: inbox.append(body), auto_ack=True)
    for number in range(3):
        channel.basic_publish(news, "ignored", str(number).encode())
    pump(lambda: all(len(inbox) == 3 for inbox in received), *subscribers)
    assert received == [[b"0", b"1", b"2"]] * 2


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("kern.*", [b"kern.critical", b"kern.info"]),
        ("*.critical", [b"kern.critical", b"cron.critical"]),
        ("#", [b"kern.critical", b"kern.info", b"cron.critical", b"kern.critical.disk"]),
        ("kern.#", [b"kern.critical", b"kern.info", b"kern.critical.disk"]),
        ("kern.*.disk", [b"kern.critical.disk"]),
        ("nothing", []),
    ],
)
def test_a_topic_pattern_selects_its_keys(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain, pattern: str, expected: list[bytes]
) -> None:
    logs = declare_exchange(channel, "topic")
    queue = declare_queue(channel)
    channel.queue_bind(queue, logs, pattern)
    for key in ("kern.critical", "kern.info", "cron.critical", "kern.critical.disk"):
        channel.basic_publish(logs, key, key.encode())
    assert drain(channel, queue) == expected


def test_a_queue_bound_by_two_matching_patterns_gets_one_copy(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain
) -> None:
    logs = declare_exchange(channel, "topic")
    queue = declare_queue(channel)
    channel.queue_bind(queue, logs, "a.*")
    channel.queue_bind(queue, logs, "#")
    channel.basic_publish(logs, "a.b", b"once")
    assert drain(channel, queue) == [b"once"]


def test_a_direct_exchange_routes_by_key_until_unbound(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain
) -> None:
    severities = declare_exchange(channel, "direct", durable=True)
    queue = declare_queue(channel)
    for key in ("error", "warning"):
        channel.queue_bind(queue, severities, key)
    for key in ("error", "info", "warning"):
        channel.basic_publish(severities, key, key.encode())
    assert drain(channel, queue) == [b"error", b"warning"]
    channel.queue_unbind(queue, severities, "error")
    channel.basic_publish(severities, "error", b"late")
    assert drain(channel, queue) == []


def test_a_headers_exchange_matches_all_or_any(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain
) -> None:
    reports = declare_exchange(channel, "headers")
    every, some = declare_queue(channel), declare_queue(channel)
    wanted = {"format": "pdf", "pages": 3}
    channel.queue_bind(every, reports, arguments={"x-match": "all", **wanted})
    channel.queue_bind(some, reports, arguments={"x-match": "any", **wanted})
    for body, headers in (
        (b"both", {"format": "pdf", "pages": 3, "extra": True}),
        (b"one", {"format": "pdf", "pages": 4}),
        (b"none", {"format": "zip"}),
    ):
        channel.basic_publish(reports, "", body, pika.BasicProperties(headers=headers))
    assert drain(channel, every) == [b"both"]
    assert drain(channel, some) == [b"both", b"one"]


def test_exchanges_bound_to_each_other_route_through_and_stop_when_unbound(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain
) -> None:
    source = declare_exchange(channel, "topic")
    destination = declare_exchange(channel, "fanout")
    queue = declare_queue(channel)
    channel.queue_bind(queue, destination)
    channel.exchange_bind(destination, source, "orders.#")
    channel.basic_publish(source, "orders.new", b"through")
    channel.basic_publish(source, "other", b"not for us")
    method, _, body = channel.basic_get(queue, auto_ack=True)
    assert (method.exchange, method.routing_key, body) == (source, "orders.new", b"through")
    channel.exchange_unbind(destination, source, "orders.#")
    channel.basic_publish(source, "orders.new", b"late")
    assert drain(channel, queue) == []


def test_an_alternate_exchange_takes_what_nothing_else_wants(
    channel: Any, declare_queue: Declare, declare_exchange: Declare, drain: Drain
) -> None:
    unrouted = declare_exchange(channel, "fanout")
    queue = declare_queue(channel)
    channel.queue_bind(queue, unrouted)
    main = declare_exchange(channel, "direct", arguments={"alternate-exchange": unrouted})
    channel.basic_publish(main, "nobody", b"stray")
    assert drain(channel, queue) == [b"stray"]


def test_names_and_keys_may_be_any_utf_8(
    channel: Any,
    connection: Any,
    declare_queue: Declare,
    declare_exchange: Declare,
    pump: Pump,
    unique: Callable[[str], str],
) -> None:
    exchange = declare_exchange(channel, "direct", unique("обмен [{<日本>}]"))
    queue = declare_queue(channel, unique("очередь ☕ 'q'"))
    key = "ключ.キー %/&?"
    deliveries: list[Any] = []
    channel.queue_bind(queue, exchange, key)
    tag = channel.basic_consume(
        queue, lambda _c, method, _p, body: deliveries.append((method, body)), auto_ack=True, consumer_tag="étiquette"
    )
    channel.basic_publish(exchange, key, "größer".encode())
    pump(lambda: bool(deliveries), connection)
    method, body = deliveries[0]
    assert (method.exchange, method.routing_key, method.consumer_tag) == (exchange, key, "étiquette")
    assert (tag, body.decode()) == ("étiquette", "größer")
    assert channel.queue_declare(queue, passive=True).method.queue == queue
