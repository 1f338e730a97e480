"""Definitions and messages move from one broker to another, and nothing is lost or doubled on the way."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pika
import pytest
from click.testing import CliRunner, Result

import amqpd
from amqpd.cli.ctl.client import Client
from amqpd.cli.main import main
from amqpd.testing.broker import EmbeddedBroker
from conformance.rabbitmq import Unavailable, controlled_node, free_ports

MESSAGES = 700
LARGE = 300_000


class Both(NamedTuple):
    source: str
    management: str
    target: EmbeddedBroker
    socket: Path

    def move(self, *options: str) -> Result:
        words = ["import", self.source, "--management", self.management, "--to", self.target.url]
        return CliRunner().invoke(main, [*words, "--socket", str(self.socket), *options])


@pytest.fixture(params=["amqpd", "rabbitmq"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Both]:
    with ExitStack() as stack:
        target = stack.enter_context(amqpd.run_in_thread(control_socket=tmp_path / "c.sock"))
        if request.param == "amqpd":
            source = stack.enter_context(amqpd.run_in_thread(management_port=0))
            where = source.url, source.management_url.replace("//", "//guest:guest@")
        else:
            (port,) = free_ports(1)
            try:
                node = stack.enter_context(
                    controlled_node(("rabbitmq_management",), f"management.tcp.port = {port}\n")
                )
            except Unavailable as error:
                pytest.skip(str(error))
            where = f"amqp://guest:guest@127.0.0.1:{node.port}", f"http://guest:guest@127.0.0.1:{port}"
        yield Both(*where, target, tmp_path / "c.sock")


def connected(url: str) -> pika.BlockingConnection:
    parts = urlsplit(url)
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", parts.port))


def bodies(url: str, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
    with connected(url) as connection:
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append((got[1], got[2]))
        return found


def fill(url: str) -> None:
    with connected(url) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("orders", durable=True)
        channel.queue_declare("quorum", durable=True, arguments={"x-queue-type": "quorum"})
        for number in range(MESSAGES):
            headers = {"n": number, "t": True}
            properties = pika.BasicProperties(headers=headers, delivery_mode=1 + number % 2, priority=3)
            channel.basic_publish("", "orders", str(number).encode(), properties)
        channel.basic_publish("", "quorum", os.urandom(LARGE), pika.BasicProperties(type="large"))
        channel.basic_publish("", "quorum", b"")


@pytest.mark.timeout(180)
def test_messages_arrive_in_order_with_their_properties_and_leave_their_source(both: Both) -> None:
    fill(both.source)
    dry = both.move("--dry-run")
    assert dry.exit_code == 0
    assert "queue 'orders' of vhost '/'" in dry.output
    assert both.target.queues() == []
    done = both.move()
    assert done.exit_code == 0, done.output
    assert f"queue 'orders' of vhost '/': {MESSAGES} messages moved" in done.output
    found = bodies(both.target.url, "orders")
    assert [body for _, body in found] == [str(number).encode() for number in range(MESSAGES)]
    assert [properties.headers for properties, _ in found] == [{"n": number, "t": True} for number in range(MESSAGES)]
    assert {properties.priority for properties, _ in found} == {3}
    large, empty = bodies(both.target.url, "quorum")
    assert (len(large[1]), large[0].type, empty[1]) == (LARGE, "large", b"")
    assert bodies(both.source, "orders") == bodies(both.source, "quorum") == []


@pytest.mark.timeout(180)
def test_keys_in_cc_take_no_copies_to_queues_that_have_theirs_already(both: Both) -> None:
    with connected(both.source) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for name in ("a", "b"):
            channel.queue_declare(name, durable=True)
        for number in range(3):
            headers = {"CC": ["b"]} if number == 1 else {}
            channel.basic_publish("", "a", str(number).encode(), pika.BasicProperties(headers=headers))
    assert both.move().exit_code == 0
    assert [(body, properties.headers) for properties, body in bodies(both.target.url, "a")] == [
        (b"0", {}), (b"1", {"CC": ["b"]}), (b"2", {}),
    ]  # fmt: skip
    assert [body for _, body in bodies(both.target.url, "b")] == [b"1"]
    assert not [each for each in both.target.exchanges() if each.startswith("amqpd.")]


@pytest.mark.parametrize("both", ["amqpd"], indirect=True)
def test_what_the_target_refuses_stays_where_it_was(both: Both) -> None:
    with connected(both.source) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        for number in range(10):
            channel.basic_publish("", "q", str(number).encode())
    with connected(both.target.url) as connection:
        connection.channel().queue_declare(
            "q", durable=True, arguments={"x-max-length": 3, "x-overflow": "reject-publish"}
        )
    refused = both.move("--no-definitions")
    assert refused.exit_code == 1
    assert "the target did not take 7 messages of 'q'" in refused.output
    assert len(bodies(both.target.url, "q")) == 3
    assert [body for _, body in bodies(both.source, "q")] == [b"3", b"4", b"5", b"6", b"7", b"8", b"9"]


@pytest.mark.parametrize("both", ["amqpd"], indirect=True)
def test_what_cannot_move_is_named_with_the_reason(both: Both) -> None:
    with connected(both.source) as connection:
        channel = connection.channel()
        channel.queue_declare("mine", exclusive=True)
        channel.queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
        channel.queue_declare("unknown", durable=True)
        said = both.move("--no-definitions").output
    for name, reason in (("mine", "it is exclusive"), ("log", "it is a stream"), ("unknown", "no such queue")):
        assert f"queue '{name}' of vhost '/' stays: " in said
        assert reason in said


@pytest.mark.parametrize("both", ["amqpd"], indirect=True)
def test_what_its_queue_does_not_give_is_named(both: Both) -> None:
    with connected(both.source) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        pauses = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 600_000}
        channel.queue_declare("q", durable=True, arguments=pauses)
        for body in (b"delayed", b"held", b"ready"):
            channel.basic_publish("", "q", body)
        method, _, _ = channel.basic_get("q")
        channel.basic_nack(method.delivery_tag)
        channel.basic_get("q")
        channel.queue_declare("shut", durable=True)
        Client.of_url(both.management).post("queues", "/", "shut", "pause", body={})
        said = both.move().output
    assert "queue 'shut' of vhost '/' stays: it is paused" in said
    assert "queue 'q' of vhost '/': 1 message moved" in said
    assert "1 message held by consumers and 1 waiting for the next try stay" in said
    assert [body for _, body in bodies(both.target.url, "q")] == [b"ready"]


@pytest.mark.parametrize("both", ["amqpd"], indirect=True)
def test_patterns_choose_queues(both: Both) -> None:
    with connected(both.source) as connection:
        channel = connection.channel()
        for name in ("a.1", "a.2", "b.1"):
            channel.queue_declare(name, durable=True)
            channel.basic_publish("", name, b"x")
    assert both.move("--queue", "a.*", "--vhost", "/").exit_code == 0
    assert [len(bodies(both.target.url, name)) for name in ("a.1", "a.2", "b.1")] == [1, 1, 0]


def test_a_broker_is_not_imported_into_itself() -> None:
    result = CliRunner().invoke(main, ["import", "amqp://app:secret@localhost/shop", "--dry-run"])
    assert result.exit_code == 1
    assert "messages of localhost:5672 would go to localhost:5672, where they are: say with --to" in result.output


def test_a_refused_login_and_another_protocol_are_told_in_words() -> None:
    with amqpd.run_in_thread(management_port=0) as broker:
        wrong = broker.management_url.replace("//", "//guest:wrong@")
        for management, words in ((wrong, "refuses this login"), (f"http://127.0.0.1:{broker.port}", "not speak HTTP")):
            options = ["--management", management, "--dry-run"]
            result = CliRunner().invoke(main, ["import", f"amqp://127.0.0.1:{broker.port}", *options])
            assert result.exit_code == 1
            assert words in result.output


def test_a_source_that_is_not_there_is_one_line() -> None:
    (port,) = free_ports(1)
    result = CliRunner().invoke(main, ["import", f"amqp://127.0.0.1:{port}", "--management", f"http://127.0.0.1:{port}"])
    assert result.exit_code == 1
    assert "Connection refused" in result.output or "no broker" in result.output
    assert CliRunner().invoke(main, ["import", "http://x"]).exit_code == 1


def test_messages_come_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme = pytest.importorskip("trustme")
    authority, pem = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with (
        amqpd.run_in_thread(tls_port=0, tls_certificate=pem, management_port=0) as source,
        amqpd.run_in_thread(control_socket=tmp_path / "c.sock") as target,
    ):
        fill(source.url)
        words = ["--management", source.management_url, "--to", target.url, "--socket", str(tmp_path / "c.sock")]
        result = CliRunner().invoke(main, ["import", f"amqps://guest:guest@localhost:{source.tls_port}", *words])
        assert result.exit_code == 0, result.output
        assert f"{MESSAGES + 2} messages of 2 queues moved" in result.output
        assert len(bodies(target.url, "orders")) == MESSAGES
