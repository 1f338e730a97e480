"""The pytest plugin: a broker of the session, one of a test, and a vhost of a test."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pika
import pytest

from amqpd.testing.broker import EmbeddedBroker
from amqpd.testing.vhost import EmbeddedVHost

ROOT = Path(__file__).resolve().parents[2]
seen: list[object] = []


def declare(url: str, queue: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        channel.queue_bind(queue, "amq.fanout")
        channel.basic_publish("", queue, b"body")


@pytest.mark.parametrize("turn", [1, 2])
def test_the_sessions_broker_is_the_same_for_all_tests(amqpd_broker: EmbeddedBroker, turn: int) -> None:
    seen.append(amqpd_broker)
    assert len({id(each) for each in seen}) == 1
    assert len(seen) == turn


@pytest.mark.parametrize("turn", [1, 2])
def test_a_tests_own_broker_is_empty(amqpd: EmbeddedBroker, amqpd_broker: EmbeddedBroker, turn: int) -> None:
    assert amqpd.port != amqpd_broker.port
    assert amqpd.queues() == []
    declare(amqpd.url, f"kept {turn}")


@pytest.mark.parametrize("turn", [1, 2])
def test_a_tests_own_vhost_is_empty_and_gone_afterwards(
    amqpd_vhost: EmbeddedVHost, amqpd_broker: EmbeddedBroker, turn: int
) -> None:
    assert amqpd_vhost.queues() == []
    declare(amqpd_vhost.url, f"queue {turn}")
    assert amqpd_vhost.queue(f"queue {turn}").messages_ready == 1
    assert [each.body for each in amqpd_vhost.messages(f"queue {turn}")] == [b"body"]
    assert [(each.source, each.destination) for each in amqpd_vhost.bindings()] == [("amq.fanout", f"queue {turn}")]
    assert amqpd_broker.queues() == []
    seen.append(amqpd_vhost.name)
    for name in seen:
        if isinstance(name, str) and name != amqpd_vhost.name:
            with pytest.raises(KeyError):
                amqpd_broker.queues(name)


def test_a_connection_that_is_left_open_does_not_keep_the_vhost(amqpd_broker: EmbeddedBroker) -> None:
    url = amqpd_broker.add_vhost("left open")
    connection = pika.BlockingConnection(pika.URLParameters(url))
    amqpd_broker.delete_vhost("left open")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
        connection.channel()
    assert caught.value.reply_code == 320


def test_the_plugin_is_found_by_pytest_under_its_own_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"amqpd": "amqpd.testing.plugin"}
