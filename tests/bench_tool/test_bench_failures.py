"""What ``amqpd bench`` says when a measurement cannot be made."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from amqpd.cli.bench import frames
from amqpd.cli.bench.board import Board
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.command import bench
from amqpd.cli.bench.consuming import CONSUMED, Appetite, Consumer
from amqpd.cli.bench.failures import BenchError, BrokerClosedError, ConnectionLostError
from amqpd.cli.bench.scenario import fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement
from amqpd.cli.bench.url import BrokerUrl, parse_url
from amqpd.cli.bench.workers import Gate, run_jobs


def test_a_refused_connection_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = CliRunner().invoke(bench, ["churn", "--url", f"amqp://127.0.0.1:{port}"])

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: cannot connect to 127.0.0.1:{port}: ")
    assert len(result.stderr.splitlines()) == 1


def test_an_unknown_vhost_is_told_with_the_brokers_code_and_text(broker_url: str) -> None:
    url = urlsplit(broker_url)._replace(path="/no-such-vhost").geturl()
    result = CliRunner().invoke(bench, ["throughput", "--url", url, "--json"])

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: the broker closed the connection: 530 NOT_ALLOWED - ")


def test_a_refused_login_is_told_with_the_brokers_code_and_text(broker_url: str) -> None:
    url = urlsplit(broker_url)
    wrong = url._replace(netloc=f"guest:wrong-password@{url.hostname}:{url.port}").geturl()
    result = CliRunner().invoke(bench, ["churn", "--url", wrong])

    assert result.exit_code == 1
    assert "403 ACCESS_REFUSED - " in result.stderr


def test_a_queue_is_removed_although_the_broker_closed_its_connection(broker_url: str) -> None:
    url, name = parse_url(broker_url), fresh_name()
    refusal = pytest.raises(BrokerClosedError, match="503 COMMAND_INVALID")
    with Connection(url) as control, refusal, queue(control, name):
        control.declare_exchange("bench.x", "no-such-type")

    with Connection(url) as another, pytest.raises(BrokerClosedError, match="404 NOT_FOUND"):
        another.declare_queue(name, passive=True)


def test_after_a_close_by_the_broker_the_next_call_fails_at_once(broker_url: str) -> None:
    with Connection(parse_url(broker_url)) as connection:
        with pytest.raises(BrokerClosedError, match="404 NOT_FOUND"):
            connection.declare_queue("no-such-queue", passive=True)
        with pytest.raises(ConnectionLostError):
            connection.declare_queue("no-such-queue", passive=True)


def consumer_of(url: BrokerUrl, name: str) -> Consumer:
    return Consumer(url, [name], [Board({CONSUMED: 1}).tally(CONSUMED)], Appetite(total=1))


def test_a_close_that_a_client_process_hears_reaches_the_caller(broker_url: str) -> None:
    consumer = consumer_of(parse_url(broker_url), "no-such-queue")

    with pytest.raises(BrokerClosedError, match="closed the channel: 404 NOT_FOUND") as caught:
        run_jobs([consumer], timeout=60)
    assert caught.value.code == 404


def test_a_message_that_never_comes_ends_at_the_timeout(broker_url: str) -> None:
    url, name = parse_url(broker_url), fresh_name()
    with (
        Connection(url) as control,
        queue(control, name),
        pytest.raises(BenchError, match="not done in time: Consumer"),
    ):
        run_jobs([consumer_of(url, name)], timeout=2)


class Dying:
    """A job whose process ends as soon as it reads the job."""

    def run(self, gate: Gate) -> Measurement:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (3,)


def test_a_client_process_that_dies_is_reported_with_its_exit_code() -> None:
    with pytest.raises(BenchError, match="a Dying process ended with exit code 3"):
        run_jobs([Dying()], timeout=60)


def closing_broker(server: socket.socket) -> None:
    """Accept one client, answer its handshake blindly, close with 320 and hang up."""
    table = frames.longstr(b"")
    answers = [
        frames.method(0, 10, 10, b"\x00\x09" + table + frames.longstr(b"PLAIN") + frames.longstr(b"en_US")),
        frames.method(0, 10, 30, b"\x07\xff" + (131072).to_bytes(4, "big") + b"\x00\x3c"),
        frames.method(0, 10, 41, frames.shortstr("")),
        frames.method(1, 20, 11, frames.longstr(b"")),
    ]
    client, _ = server.accept()
    with client:
        for answer in answers:
            client.recv(4096)
            client.sendall(answer)
        text = frames.shortstr("CONNECTION_FORCED - enough")
        client.sendall(frames.method(0, 10, 50, (320).to_bytes(2, "big") + text + b"\x00" * 4))
        client.shutdown(socket.SHUT_WR)
        client.recv(4096)


def send_until_refused(connection: Connection) -> None:
    for _ in range(1000):
        connection.send(b"x")


def test_a_publisher_hears_why_the_broker_hung_up_although_its_send_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        broker = pool.submit(closing_broker, server)
        with Connection(parse_url(f"amqp://127.0.0.1:{server.getsockname()[1]}")) as connection:
            connection.send(b"x")
            broker.result(timeout=10)
            with pytest.raises(BrokerClosedError, match="320 CONNECTION_FORCED - enough"):
                send_until_refused(connection)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["throughput", "--messages", "0"], "0 is not in the range x>=1"),
        (["idle", "--connections", "0"], "0 is not in the range x>=1"),
        (["throughput", "--messages", "5", "--time", "2"], "--messages 5 and --time 2.0"),
        (["throughput", "--queues", "3", "--consumers", "2"], "2 consumers for 3 queues leave some without"),
        (["throughput", "--lag", "10"], "--lag 10 holds back acks"),
        (["throughput", "--ack-every", "20", "--prefetch", "10"], "--ack-every 20 never comes with --prefetch 10"),
        (["throughput", "--routing-keys", "10"], "needs an --exchange-type"),
        (["throughput", "--exchange", "amq.topic"], "--exchange amq.topic needs its --exchange-type"),
        (["throughput", "--pattern", "1:3", "--publishers", "2"], "--pattern 1:3 says how many --publishers"),
        (["throughput", "--pattern", "1to3"], "'1to3' is not PUBLISHERS:CONSUMERS"),
        (["throughput", "--headers", "novalue"], "'novalue' is not KEY=VALUE"),
        (["latency", "--rate", "10", "--time", "0.01"], "less than one message"),
        (["churn", "channels", "--alive", "3000"], "more than the 2046 of one connection"),
        (["churn", "dances"], "'dances' is not one of"),
    ],
)
def test_a_wrong_option_is_a_usage_error(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(bench, arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_a_file_for_json_that_cannot_be_written_is_named(broker_url: str, tmp_path: Path) -> None:
    path = str(tmp_path / "no-such-folder" / "out.json")
    result = CliRunner().invoke(bench, ["churn", "--count", "1", "--url", broker_url, "--json", path])

    assert result.exit_code == 1
    assert f"--json {path} cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--target", "one=amqp://a", "churn"], "two or more"),
        (["--target", "one=amqp://a", "--target", "one=amqp://b", "churn"], "different names"),
        (["--target", "amqp://a", "churn"], "is not NAME=URL"),
        (["--target", "one=amqp://a", "--target", "two=amqp://b", "churn", "--url", "amqp://c"], "No such option"),
        (["--target", "one=amqp://a", "--target", "two=amqp://b", "dance"], "'dance'"),
    ],
)
def test_compare_says_what_is_wrong_with_its_targets(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(bench, ["compare", *arguments])

    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("text", ["http://a", "127.0.0.1:5672", "amqp://a:99999", "amqp://a/b/c"])
def test_a_url_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an amqp|no valid port|bare slash"):
        parse_url(text)


def test_missing_parts_of_a_url_have_amqps_defaults() -> None:
    url = parse_url("amqp://")

    assert (url.host, url.port, url.user, url.password, url.vhost) == ("127.0.0.1", 5672, "guest", "guest", "/")


def test_a_url_is_percent_decoded_and_shown_encoded_without_the_password() -> None:
    url = parse_url("amqp://a%40b:p%3A%2F@[::1]:5699/my%2Fhost")

    assert (url.host, url.port, url.user, url.password, url.vhost) == ("::1", 5699, "a@b", "p:/", "my/host")
    assert str(url) == "amqp://a%40b@[::1]:5699/my%2Fhost"
    assert parse_url(str(url)) == replace(url, password="guest")
