"""Default queue types from the settings, the access file and the handle, down to what a client declares."""

from __future__ import annotations

from pathlib import Path

import pika
import pytest

from amqpd.config import ConfigError
from amqpd.embedded import run_in_thread
from amqpd.testing.broker import EmbeddedBroker


def declared(broker: EmbeddedBroker, vhost: str) -> object:
    """The type of a queue that asks for none."""
    with pika.BlockingConnection(pika.URLParameters(broker.url_of(vhost))) as connection:
        connection.channel().queue_declare("q", durable=True)
    return broker.queue("q", vhost).arguments["x-queue-type"]


def test_a_default_type_of_queues_comes_from_the_node_a_vhost_or_the_access_file(tmp_path: Path) -> None:
    access = tmp_path / "access.toml"
    access.write_text(
        "[[vhosts]]\nname = 'v'\ndefault_queue_type = 'classic'\n"
        "[[permissions]]\nuser = 'guest'\nvhost = 'v'\nconfigure = '.*'\nwrite = '.*'\nread = '.*'\n",
        encoding="utf-8",
    )
    with run_in_thread(queues_default_type="quorum", access_file=access) as broker:
        broker.add_vhost("w", default_queue_type="classic")
        assert [declared(broker, vhost) for vhost in ("/", "v", "w")] == ["quorum", "classic", "classic"]
        with pytest.raises(ValueError, match="unknown queue type 'tree'"):
            broker.add_vhost("x", default_queue_type="tree")


def test_a_type_that_is_none_is_named_with_its_place(tmp_path: Path) -> None:
    access = tmp_path / "access.toml"
    access.write_text("[[vhosts]]\nname = 'v'\ndefault_queue_type = 'tree'\n", encoding="utf-8")
    wrong_setting, wrong_file = run_in_thread(queues_default_type="tree"), run_in_thread(access_file=access)
    with pytest.raises(ConfigError, match=r"queues\.default_type.*'tree'.*one of 'classic', 'quorum'"), wrong_setting:
        pass
    place = r"vhosts\['v'\]\.default_queue_type.*in .*access\.toml.*one of 'classic'"
    with pytest.raises(ConfigError, match=place), wrong_file:
        pass


def test_a_quorum_queue_is_redeclared_as_a_classic_one_where_that_is_relaxed() -> None:
    with run_in_thread(queues_relaxed_redeclare=True) as broker:
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            channel = connection.channel()
            channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_declare("q", durable=True, arguments={"x-queue-type": "classic"})
        assert broker.queue("q").arguments["x-queue-type"] == "quorum"
