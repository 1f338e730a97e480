"""The scenarios that dramatiq can do, with its own worker in this process: `driver.py SCENARIO`."""

from __future__ import annotations

import queue
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from pika.exceptions import AMQPChannelError, AMQPError

from interop.frameworks import scenario
from interop.matrix.driver import PATIENCE, Run, ask, main, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Application:
    """A broker, its actors on one queue, and what they were called with."""

    def __init__(self, broker: RabbitmqBroker, name: str) -> None:
        self.broker = broker
        self.queue = name
        self.seen: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def actor(self, name: str, function: Callable[..., Any], **options: Any) -> Any:
        """Make an actor of a function."""
        return dramatiq.actor(actor_name=name, queue_name=self.queue, broker=self.broker, **options)(function)

    def recorder(self, **options: Any) -> Any:
        """Return an actor that notes what it is called with."""
        return self.actor("record", self.seen.put, **options)

    def next(self) -> Any:
        """Return what an actor noted next."""
        return self.seen.get(timeout=PATIENCE)

    def counts(self) -> tuple[int, int, int]:
        """Tell how many messages wait: due, delayed, dead."""
        counts: tuple[int, int, int] = self.broker.get_queue_message_counts(self.queue)
        return counts

    @contextmanager
    def working(self, threads: int = 1) -> Iterator[Any]:
        """Run a worker."""
        worker = dramatiq.Worker(self.broker, worker_threads=threads, worker_timeout=100)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


@contextmanager
def application(run: Run, url: str = "", **options: Any) -> Iterator[Application]:
    """Yield an application; delete its queues afterwards."""
    if not options or "parameters" not in options:
        options["url"] = url or run.url
    broker = RabbitmqBroker(**options)
    opened = Application(broker, run.name("actors"))
    broker.declare_queue(opened.queue)
    try:
        yield opened
    finally:
        broker.close()
        with pika.BlockingConnection(pika.URLParameters(run.url)) as connection:
            for name in (opened.queue, f"{opened.queue}.DQ", f"{opened.queue}.XQ"):
                connection.channel().queue_delete(name)


def refusal(url: str, **options: Any) -> str:
    """Return what dramatiq reports when it cannot send."""
    broker = RabbitmqBroker(url=url, **options)
    try:
        broker.declare_queue("nowhere", ensure=True)
    except (ConnectionClosed, AMQPError, OSError) as error:
        return f"{error!r} {error.__cause__!r} {error.__context__!r}"
    finally:
        broker.close()
    raise AssertionError("not refused")


def connect_options(run: Run) -> None:
    properties = {"connection_name": run.prefix}
    options = urlencode({"heartbeat": 30, "frame_max": 65536, "channel_max": 100, "client_properties": properties})
    with application(run, f"{run.url}?{options}") as opened:
        record = opened.recorder()
        with opened.working():
            record.send("with options")
            same("the message", opened.next(), "with options")
        first, second = opened.broker.channel, opened.broker.connection.channel()
        first.queue_declare(run.name("seen"))
        same("messages", second.queue_declare(run.name("seen"), passive=True).method.message_count, 0)
        second.queue_delete(run.name("seen"))
        second.close()
    password, host = scenario.refused_urls(run)
    reason = refusal(password)
    assert "403" in reason, reason
    reason = refusal(host)
    assert "530" in reason, reason


def declare_bind(run: Run) -> None:
    """Declare the three queues; see counts, purge them, and see them refused to a broker with other arguments."""
    with application(run, confirm_delivery=True) as opened:
        record = opened.recorder()
        record.send("due")
        record.send_with_options(args=("delayed",), delay=60_000)
        same("due, delayed, dead", opened.counts(), (1, 1, 0))
        opened.broker.flush_all()
        same("due, delayed, dead", opened.counts(), (0, 0, 0))
        other = RabbitmqBroker(url=run.url, max_priority=10)
        try:
            other.declare_queue(opened.queue, ensure=True)
        except ConnectionClosed as error:
            reason = repr(error)
        else:
            reason = "not refused"
        finally:
            other.close()
        assert "406" in reason, reason
        channel = opened.broker.connection.channel()
        try:
            channel.queue_declare(run.name("missing"), passive=True)
        except AMQPChannelError as refused:
            same("the reply code", refused.args[0], 404)
        else:
            raise AssertionError("a queue is there that was never declared")


def publish_consume(run: Run) -> None:
    """Actors with priorities, delays and pipelines; every message is done once, and nothing is left."""
    with application(run, max_priority=5, confirm_delivery=True) as opened:
        record = opened.recorder()
        for priority in range(6):
            record.send_with_options(args=(priority,), broker_priority=priority)
        same("due, delayed, dead", opened.counts(), (6, 0, 0))
        with opened.working():
            same("by priority", [opened.next() for _ in range(6)], [5, 4, 3, 2, 1, 0])
            octets = scenario.EVERY_OCTET.decode("latin-1")
            for body in (octets, "", "größer als ∞"):
                record.send(body)
                same("the argument", opened.next(), body)
            double = opened.actor("double", lambda number: 2 * number)
            dramatiq.pipeline([double.message(4), double.message(), record.message()], broker=opened.broker).run()
            same("the end of the pipeline", opened.next(), 16)
            record.send_with_options(args=("later",), delay=300)
            record.send("now")
            same("the order", [opened.next(), opened.next()], ["now", "later"])
            for number in range(100):
                record.send(number)
            same("a hundred", sorted(opened.next() for _ in range(100)), list(range(100)))
        same("due, delayed, dead", opened.counts(), (0, 0, 0))


def confirms(run: Run) -> None:
    """Send 200 messages, each confirmed before the next; dramatiq cannot declare a queue that refuses any."""
    with application(run, confirm_delivery=True) as opened:
        record = opened.recorder()
        for number in range(200):
            record.send(number)
        same("due, delayed, dead", opened.counts(), (200, 0, 0))


def mandatory(run: Run) -> None:
    """A queue is deleted behind the broker's back: the return tells, and the queue is declared again."""
    with application(run, confirm_delivery=True) as opened:
        record = opened.recorder()
        record.send("first")
        with pika.BlockingConnection(pika.URLParameters(run.url)) as connection:
            connection.channel().queue_delete(opened.queue)
        record.send("second")
        same("due, delayed, dead", opened.counts(), (1, 0, 0))
        with opened.working():
            same("what is left", opened.next(), "second")


def requeue(run: Run) -> None:
    """Actors that fail are tried again, through Q.DQ; what fails for good lies in Q.XQ, dead-lettered from Q."""
    with application(run) as opened:
        attempts: list[int] = []

        def fail(number: int, failures: int) -> None:
            attempts.append(number)
            if attempts.count(number) <= failures:
                raise ValueError(number)
            opened.seen.put(number)

        flaky = opened.actor("flaky", fail, max_retries=2, min_backoff=10, max_backoff=50)
        with opened.working():
            flaky.send(1, 2)
            same("done at the third attempt", (opened.next(), attempts), (1, [1, 1, 1]))
            flaky.send(2, 9)
            scenario.wait_until(lambda: opened.counts() == (0, 0, 1), "the message is dead")
            same("attempts", attempts, [1, 1, 1, 2, 2, 2])
        # What another consumer has taken and left behind is done by the worker.
        with pika.BlockingConnection(pika.URLParameters(run.url)) as connection:
            channel = connection.channel()
            _method, properties, body = channel.basic_get(f"{opened.queue}.XQ", auto_ack=True)
            assert b'"args":[2,9]' in body, body
            [death] = properties.headers["x-death"]
            same("the death", (death["reason"], death["queue"]), ("rejected", opened.queue))
            flaky.send(3, 0)
            scenario.wait_until(lambda: opened.counts() == (1, 0, 0), "the message is there")
            method, _properties, _body = channel.basic_get(opened.queue)
            same("redelivered", method.redelivered, False)
        with opened.working():
            same("the message that came back", opened.next(), 3)


def prefetch(run: Run) -> None:
    """With a prefetch of 3 (dramatiq_queue_prefetch) a worker takes three of ten, and one for each that is done."""
    with application(run) as opened:
        gate = threading.Semaphore(0)

        def hold(number: int) -> None:
            opened.seen.put(number)
            assert gate.acquire(timeout=PATIENCE)

        held = opened.actor("hold", hold)
        for number in range(10):
            held.send(number)
        with opened.working(threads=3):
            for _ in range(3):
                opened.next()
            for left in range(7, 0, -1):
                same("messages that wait", opened.counts(), (left, 0, 0))
                gate.release()
                opened.next()
            same("messages that wait", opened.counts(), (0, 0, 0))
            gate.release(3)


def cancel(run: Run) -> None:
    """A stopped worker takes nothing; one whose queue is deleted says so, declares it again and goes on."""
    with application(run, confirm_delivery=True) as opened:
        record = opened.recorder()
        with opened.working():
            record.send("first")
            same("the message", opened.next(), "first")
        record.send("second")
        same("due, delayed, dead", opened.counts(), (1, 0, 0))
        with opened.working():
            same("the message", opened.next(), "second")
            with pika.BlockingConnection(pika.URLParameters(run.url)) as connection:
                connection.channel().queue_delete(opened.queue)
            record.send("third")
            same("the message", opened.next(), "third")


def large_message(run: Run) -> None:
    """Texts of 10 MB: dramatiq sends JSON."""
    with application(run) as opened:
        record = opened.recorder()
        texts = [scenario.large_body(seed).decode("latin-1") for seed in (1, 2)]
        with opened.working():
            for text in texts:
                record.send(text)
                assert opened.next() == text, "10 MB differ"


def heartbeats(run: Run) -> None:
    """A worker with a heartbeat of 1 s is idle for 4 s and goes on."""
    with application(run, f"{run.url}?heartbeat=1") as opened:
        record = opened.recorder()
        with opened.working() as worker:
            record.send("before")
            same("the message", opened.next(), "before")
            connection = worker.consumers[opened.queue].consumer.connection
            threading.Event().wait(4)
            assert connection.is_open, "the worker's connection is gone"
            record.send("after")  # this thread's connection had nobody to answer for it: it is opened again
            same("the message", opened.next(), "after")
            assert worker.consumers[opened.queue].consumer.connection is connection, "the worker has connected again"


def reconnect(run: Run) -> None:
    """All connections are closed: worker and sender come back by themselves."""
    with application(run) as opened:
        record = opened.recorder()
        with opened.working() as worker:
            record.send("before")
            same("the message", opened.next(), "before")
            before = worker.consumers[opened.queue].consumer
            ask("close-connections")
            record.send("after")
            seen = opened.next()
            if seen == "before":  # its acknowledgement was overtaken
                seen = opened.next()
            same("the message", seen, "after")
            assert worker.consumers[opened.queue].consumer is not before, "the worker has kept a closed connection"


def blocked(run: Run) -> None:
    """The sender's connection tells of the alarm and of its end; then the message is in the queue."""
    heard: list[str] = []
    with application(run) as opened:
        record = opened.recorder()
        record.send("before")
        connection = opened.broker.connection
        connection.add_on_connection_blocked_callback(lambda *_: heard.append("blocked"))
        connection.add_on_connection_unblocked_callback(lambda *_: heard.append("unblocked"))

        def hear(word: str) -> None:
            scenario.wait_until(lambda: connection.process_data_events(0) or word in heard, f"connection.{word}")

        ask("block")
        record.send("while blocked")
        hear("blocked")
        ask("unblock")
        hear("unblocked")
        same("what was heard", heard, ["blocked", "unblocked"])
        scenario.wait_until(lambda: opened.counts() == (2, 0, 0), "both messages are in the queue")


def tls(run: Run) -> None:
    """Over TLS, with the authority and without it."""

    def parameters(context: ssl.SSLContext) -> list[dict[str, Any]]:
        options = pika.SSLOptions(context, run.tls.host)
        return [{"host": run.tls.host, "port": run.tls.port, "ssl_options": options}]

    trusting = ssl.create_default_context(cafile=run.ca_file)
    with application(run, parameters=parameters(trusting)) as opened:
        record = opened.recorder()
        text = scenario.large_body(3)[:100_000].decode("latin-1")
        with opened.working():
            record.send(text)
            assert opened.next() == text, "100,000 octets differ"
    broker = RabbitmqBroker(parameters=parameters(ssl.create_default_context()))
    try:
        with suppress(ConnectionClosed):
            broker.declare_queue(run.name("nowhere"), ensure=True)
            raise AssertionError("the certificate of an unknown authority was taken")
    except (ssl.SSLCertVerificationError, AMQPError) as error:
        assert "CERTIFICATE_VERIFY_FAILED" in repr(error), repr(error)  # noqa: PT017  # no pytest here


SCENARIOS: dict[str, Callable[[Run], None]] = {
    "connect-options": connect_options,
    "declare-bind": declare_bind,
    "publish-consume": publish_consume,
    "confirms": confirms,
    "mandatory": mandatory,
    "requeue": requeue,
    "prefetch": prefetch,
    "cancel": cancel,
    "large-message": large_message,
    "heartbeats": heartbeats,
    "reconnect": reconnect,
    "blocked": blocked,
    "tls": tls,
}

if __name__ == "__main__":
    main(SCENARIOS)
