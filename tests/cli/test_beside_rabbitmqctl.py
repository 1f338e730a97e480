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
from conformance.rabbitmq_batch import Ended, Line, Said, run_all
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
    channel.queue_declare("ss", durable=True, arguments={"x-queue-type": "stream"})
    channel.exchange_declare("ch", "x-consistent-hash", durable=True)
    channel.queue_bind("q two", "ch", "2")
    channel.exchange_declare("x1", "topic", durable=True, arguments={"alternate-exchange": "amq.fanout"})
    channel.queue_bind("q1", "x1", "a.#")
    channel.queue_bind("q1", "amq.headers", "", {"x-match": "all", "k": 1, "l": "t", "b": True})
    channel.basic_qos(prefetch_count=7)
    channel.basic_consume("q two", lambda *_: None, consumer_tag="t", arguments={"x-priority": 3})
    channel.confirm_delivery()
    for _ in range(3):
        channel.basic_publish("", "q1", b"hi", mandatory=True)
    try:
        yield
    finally:
        with contextlib.suppress(pika.exceptions.AMQPError):
            connection.close()


def parted(line: str) -> Line:
    words = shlex.split(line)
    tool = words.pop(0) if words[0].startswith("rabbitmq-") else "rabbitmqctl"
    return Line(tool, tuple(words))


def ours(tmp_path: Path) -> Generator[Outcome, None, None]:
    socket = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=socket, compat="3.10") as broker, furnished(broker.port):
        for line in map(parted, LINES):
            yield answer(line, socket)


def answer(line: Line, socket: Path) -> Outcome:
    """What amqpctl says."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(line.words, line.tool, find=lambda _: Client.of_socket(socket), stdin=io.StringIO())
    return Outcome(code, out.getvalue(), err.getvalue())


def theirs(node: Node) -> list[Outcome]:
    """What RabbitMQ says, after all that the node was furnished with has gone."""
    vhosts, users = run_all(node, [parted("list_vhosts -s"), parted("list_users -s")])
    others = [("delete_vhost", vhost) for vhost in vhosts.out.splitlines() if vhost != "/"]
    others += [("delete_user", name) for name in re.findall("^(?!guest\t)(.+)\t", users.out, re.MULTILINE)]
    run_all(node, [Line("rabbitmqctl", words) for words in others])
    with furnished(node.port):
        return [Outcome(said.code, said.out, said.err) for said in run_all(node, [parted(line) for line in LINES])]


@pytest.fixture(scope="module")
def asked() -> Generator[tuple[Node, list[Outcome]]]:
    """A RabbitMQ, and what its tools said: of a second node where they lost the first, which Erlang may disconnect."""
    with ExitStack() as stack:
        try:
            asked = _asked(stack)
        except Ended:
            stack.close()
            asked = _asked(stack)
        yield asked


def _asked(stack: ExitStack) -> tuple[Node, list[Outcome]]:
    try:
        node = stack.enter_context(controlled_node(("rabbitmq_consistent_hash_exchange",)))
    except Unavailable as error:
        pytest.skip(str(error))
    return node, theirs(node)


@pytest.fixture(scope="module")
def node(asked: tuple[Node, list[Outcome]]) -> Node:
    return asked[0]


@pytest.fixture(scope="module")
def outcomes(
    asked: tuple[Node, list[Outcome]], tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[Outcome, Outcome]]:
    both = zip(ours(tmp_path_factory.mktemp("beside")), asked[1], strict=True)
    return dict(enumerate(both))


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
@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", range(len(LINES)), ids=[f"{place}: {line}" for place, line in enumerate(LINES)])
def test_both_say_the_same(outcomes: dict[int, tuple[Outcome, Outcome]], place: int) -> None:
    amqpctl, rabbitmqctl = outcomes[place]
    assert amqpctl.code == rabbitmqctl.code, (amqpctl, rabbitmqctl)
    same = rows(amqpctl.out) == rows(rabbitmqctl.out) and normal(amqpctl.err) == normal(rabbitmqctl.err)
    if LINES[place] in DIFFERENCES:
        assert not same, "it differs no more: its reason can go"
    else:
        assert (rows(amqpctl.out), normal(amqpctl.err)) == (rows(rabbitmqctl.out), normal(rabbitmqctl.err))


@once
def test_lines_in_one_vm_come_to_what_they_do_alone(node: Node) -> None:
    lines = [parted("list_vhosts --formatter json"), parted("list_qeues")]
    alone = [node.run(line.tool, *line.words) for line in lines]
    assert run_all(node, lines) == [Said(each.returncode, each.stdout, each.stderr) for each in alone]


@once
def test_both_show_the_same_of_a_message(node: Node, tmp_path: Path) -> None:
    headers = {"z": 1, "a": "two", "t": {"k": "v"}, "b": True}
    full = pika.BasicProperties("text/plain", "utf-8", headers, 2, 3, "c", "r", "60000000", "m", 1700000000, "t")
    lines = ["rabbitmq-queues peek seen 1", "rabbitmq-queues peek seen 2", "rabbitmq-queues peek seen 3"]
    lines += ["rabbitmq-queues peek seen 1 --formatter json"]

    def publish(port: int) -> None:
        with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, heartbeat=0)) as connection:
            channel = connection.channel()
            channel.queue_declare("seen", durable=True, arguments={"x-queue-type": "quorum"})
            channel.confirm_delivery()
            channel.basic_publish("", "seen", b"x" * 100, full)
            channel.basic_publish("", "seen", b"\xff\x00")

    publish(node.port)
    theirs_ = run_all(node, [parted(line) for line in lines])
    socket = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=socket, compat="3.10") as broker:
        publish(broker.port)
        for line, said in zip(map(parted, lines), theirs_, strict=True):
            out = answer(line, socket)
            assert (out.code, rows(out.out), normal(out.err)) == (said.code, rows(said.out), normal(said.err))


def test_every_difference_is_one_of_the_script() -> None:
    assert DIFFERENCES.keys() <= {*LINES}
