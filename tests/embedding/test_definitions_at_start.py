"""A file of definitions that is imported before anybody can connect."""

from __future__ import annotations

import json
from pathlib import Path

import pika
import pytest

import amqpd
from amqpd.config import ConfigError

DOCUMENT = {
    "rabbit_version": "3.10.8",
    "users": [{"name": "app", "password": "secret", "tags": ["administrator"]}],
    "vhosts": [{"name": "shop"}],
    "permissions": [{"user": "app", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [
        {"vhost": "shop", "name": "p", "pattern": "^o", "apply-to": "queues", "definition": {"max-length": 2}}
    ],
    "queues": [{"name": "orders", "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}],
    "exchanges": [{"name": "x", "vhost": "shop", "type": "topic", "durable": True, "auto_delete": False}],
    "bindings": [
        {"source": "x", "vhost": "shop", "destination": "orders", "destination_type": "queue", "routing_key": "#"}
    ],
}


def publish(port: int) -> int:
    login = pika.PlainCredentials("app", "secret")
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, "shop", login)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(3):
            channel.basic_publish("x", "k", b"", pika.BasicProperties(delivery_mode=2))
        count: int = channel.queue_declare("orders", passive=True).method.message_count
        return count


def test_all_of_it_is_there_when_the_first_client_comes(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(DOCUMENT))
    with amqpd.run_in_thread(definitions=tmp_path / "d.json") as broker:
        assert publish(broker.port) == 2  # the policy is in force


def test_the_same_file_at_each_start_leaves_messages_alone(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(DOCUMENT))
    for _ in range(2):
        with amqpd.run_in_thread(definitions=tmp_path / "d.json", data_dir=tmp_path / "data") as broker:
            assert publish(broker.port) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "it is no JSON"),
        ("[]", "expected an object of definitions"),
        ('{"vhosts": 5}', "'vhosts' is 5: expected an array"),
        ('{"queues": [{"name": "q", "vhost": "nowhere"}]}', "nowhere"),
    ],
)
def test_a_wrong_file_keeps_the_broker_from_starting(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(ConfigError, match=said), amqpd.run_in_thread(definitions=tmp_path / "d.json"):
        pass


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"), amqpd.run_in_thread(definitions=tmp_path / "none.json"):
        pass


def test_a_large_file_is_imported_whole(tmp_path: Path) -> None:
    queues = [
        {"name": f"q{number}", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
        for number in range(3000)
    ]
    (tmp_path / "d.json").write_text(json.dumps({"queues": queues}))
    with amqpd.run_in_thread(definitions=tmp_path / "d.json", data_dir=tmp_path / "data") as broker:
        assert len(broker.queues()) == 3000
