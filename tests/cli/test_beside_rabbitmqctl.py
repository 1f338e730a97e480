"""The same command lines, one after the other, for rabbitmqctl with a RabbitMQ and for amqpctl with amqpd.

Exit code, output and errors are compared, except for addresses, names of nodes and the order of rows.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pika
import pika.exceptions
import pytest

import amqpd
from amqpd.cli.ctl.client import Client
from amqpd.cli.ctl.run import run
from conformance.rabbitmq import Node, Unavailable, controlled_node
from tests.cli.beside import DIFFERENCES, SCRIPT
from tests.cli.conftest import Outcome
from tests.forms import once

LINES = [line for line in SCRIPT.splitlines() if line]


@contextmanager
def furnished(port: int) -> Iterator[None]:
    """A topology, and a client that stays."""
    parameters = pika.ConnectionParameters("127.0.0.1", port, heartbeat=0, client_properties={"connection_name": "c"})
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.queue_declare("q1", durable=True)
    channel.queue_declare("q two", auto_delete=True, arguments={"x-max-length": 5, "x-message-ttl": 60000})
    channel.queue_declare("qq", durable=True, arguments={"x-queue-type": "quorum"})
    channel.exchange_declare("x1", "topic", durable=True, arguments={"alternate-exchange": "amq.fanout"})
    channel.queue_bind("q1", "x1", "a.#")
    channel.queue_bind("q1", "amq.headers", "", {"x-match": "all", "k": 1, "l": "t", "b": True})
    channel.basic_qos(prefetch_count=7)
    channel.basic_consume("q two", lambda *_: None, consumer_tag="t", arguments={"x-priority": 3})
    channel.confirm_delivery()
    for _ in range(3):
        channel.basic_publish("", "q1", b"hi", mandatory=True)
    yield
    with contextlib.suppress(pika.exceptions.AMQPError):
        connection.close()


def tool_and_words(line: str) -> tuple[str, list[str]]:
    words = shlex.split(line)
    return (words[0], words[1:]) if words[0].startswith("rabbitmq-") else ("rabbitmqctl", words)


def ours(tmp_path: Path) -> Generator[Outcome, None, None]:
    socket = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=socket, compat="3.10") as broker, furnished(broker.port):
        for line in LINES:
            tool, words = tool_and_words(line)
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(words, tool, find=lambda _: Client.of_socket(socket), stdin=io.StringIO())
            yield Outcome(code, out.getvalue(), err.getvalue())


def theirs(node: Node) -> Generator[Outcome, None, None]:
    for vhost in ("second", "three-queues", "shut", "one-connection", "käse [日本] {x} 'y' /z ~p"):
        node.control("delete_vhost", vhost)
    users = [line.partition("\t")[0] for line in node.control("list_users", "-s").splitlines()]
    for user in users:
        if user != "guest":
            node.control("delete_user", user)
    with furnished(node.port):
        for line in LINES:
            tool, words = tool_and_words(line)
            done = node.run(tool, *words)
            yield Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[int, tuple[Outcome, Outcome]]]:
    with ExitStack() as stack:
        try:
            node = stack.enter_context(controlled_node())
        except Unavailable as error:
            pytest.skip(str(error))
        both = zip(ours(tmp_path_factory.mktemp("beside")), theirs(node), strict=True)
        yield dict(enumerate(both))


def normal(text: str) -> str:
    """A text without what differs between two brokers of the same kind, and without rabbitmqctl's own log."""
    text = re.sub(r"\n\d\d:\d\d:\d\d\.\d{3} \[\w+\] [^\n]*\n", "", text)
    text = re.sub(r"(oracle\d+@localhost|amqpd@[\w-]+(?:\.[\w-]+)*)", "NODE", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    return re.sub(r'\{"platform","[^"]*"\}', "PLATFORM", text)


def rows(text: str) -> list[str]:
    """Lines in one order, JSON's separators apart."""
    return sorted(line.removeprefix(",") for line in normal(text).splitlines())


@once
@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", range(len(LINES)), ids=[f"{place}: {line}" for place, line in enumerate(LINES)])
def test_both_say_the_same(outcomes: dict[int, tuple[Outcome, Outcome]], place: int) -> None:
    amqpctl, rabbitmqctl = outcomes[place]
    assert amqpctl.code == rabbitmqctl.code, (amqpctl, rabbitmqctl)
    same = rows(amqpctl.out) == rows(rabbitmqctl.out) and normal(amqpctl.err) == normal(rabbitmqctl.err)
    if LINES[place] in DIFFERENCES:
        assert not same, "it differs no more: its reason can go"
    else:
        assert (rows(amqpctl.out), normal(amqpctl.err)) == (rows(rabbitmqctl.out), normal(rabbitmqctl.err))


def test_every_difference_is_one_of_the_script() -> None:
    assert DIFFERENCES.keys() <= {*LINES}
