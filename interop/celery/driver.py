"""The scenarios that Celery can do, each with real workers: `python -m interop.celery.driver SCENARIO`."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
import threading
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, NotFound, PreconditionFailed, ResourceLocked
from celery import Celery, chain, chord, group
from kombu.exceptions import KombuError

from interop.celery.application import Application
from interop.celery.entities import Exchange, Queue
from interop.celery.gate import Gate
from interop.frameworks import scenario
from interop.matrix.driver import PATIENCE, Run, ask, main, same
from interop.matrix.python import headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


CONFIRMING = {"broker_transport_options": {"confirm_publish": True}}
"""Sends return when the task is in its queue, so that it is counted there."""


def refusal(client: Celery, queue: Any) -> str:
    """Return what Celery reports when it cannot send a task."""
    try:
        client.send_task("add", (1, 1), queue=queue, retry=False)
    except (AMQPError, KombuError, OSError) as error:
        return f"{error!r} {error.__cause__!r}"
    raise AssertionError("a task was sent")


def stranger(url: str, **settings: Any) -> Celery:
    """Return a client that has only this URL and gives up soon."""
    client = Celery(set_as_current=False)
    client.conf.update(broker_url=url, broker_transport_options={"max_retries": 1}, **settings)
    return client


@contextmanager
def refused(error: type[AMQPError], code: int) -> Iterator[None]:
    """Expect the broker to close a channel with that code."""
    try:
        yield
    except error as seen:
        same("the reply code", seen.reply_code, code)
    else:
        raise AssertionError(f"not refused: expected {code}")


def literal(text: str) -> Any:
    """Return the value that a worker has written as Python does."""
    return eval(text, {"datetime": dt, "Decimal": Decimal})  # noqa: S307  # our own worker's words


def there(name: str) -> Any:
    """Return a queue that a task is sent to but that is not declared for it."""
    return Queue(name, Exchange(""), no_declare=True)


def connect_options(run: Run) -> None:
    """Connect a client and a worker with every option; be told about a wrong password and a missing virtual host."""
    options = {"frame_max": 65536, "channel_max": 100, "client_properties": {"connection_name": run.prefix}}
    settings = {"broker_heartbeat": 30, "broker_transport_options": options}
    with Application(run, settings, made=(run.name("seen"),)) as application:
        application.start_worker()
        assert application.call("add", 1, 2) == 3
        with application.client.connection_for_write() as connection:
            first, second = connection.channel(), connection.channel()
            Queue(run.name("seen"), Exchange(""), channel=first).declare()
            assert second.queue_declare(run.name("seen"), passive=True).message_count == 0
    password, host = scenario.refused_urls(run)
    assert "403" in refusal(stranger(password), there(run.name("nowhere")))
    assert "530" in refusal(stranger(host), there(run.name("nowhere")))


def declare_bind(run: Run) -> None:
    """Have a worker declare queues behind each type of exchange; tasks reach it by key, pattern and headers."""
    made = tuple(map(run.name, ("by-key", "by-nothing", "by-pattern", "by-headers")))
    exchanges = tuple(map(run.name, ("direct", "fanout", "topic", "headers-exchange")))
    with Application(run, CONFIRMING, made=(*made, *exchanges)) as application:
        application.start_worker(INTEROP_CELERY_TOPOLOGY="exchanges")
        ways: list[tuple[str, str, dict[str, Any]]] = [
            ("direct", "key", {}),
            ("fanout", "any", {}),
            ("topic", "a.b.c.d", {}),
            ("headers-exchange", "any", {"colour": "red", "size": 4}),
        ]
        for exchange, key, values in ways:
            told = application.call("describe", exchange=run.name(exchange), routing_key=key, headers=values)
            assert told["delivery"]["exchange"] == run.name(exchange)
        application.stop_workers()
        astray: list[tuple[str, str, dict[str, Any]]] = [
            ("direct", "other", {}),
            ("topic", "a", {}),
            ("headers-exchange", "any", {"colour": "blue", "size": 4}),
        ]
        for exchange, key, values in astray:
            application.send("describe", exchange=run.name(exchange), routing_key=key, headers=values)
        assert [application.ready(queue) for queue in made] == [0, 0, 0, 0]
        # Celery takes queues as kombu's objects, and they do the rest.
        application.send("describe", exchange=run.name("direct"), routing_key="key")
        with application.client.connection_for_write() as connection:
            queue = Queue(run.name("by-key"), Exchange(run.name("direct")), channel=connection.channel())
            assert application.ready(queue.name) == 1
            assert queue.purge() == 1
            queue.unbind_from(Exchange(run.name("direct")), routing_key="key")
            source = Exchange(run.name("fanout"))
            Exchange(run.name("topic"), channel=connection.channel()).bind_to(source, routing_key="")
        application.send("describe", exchange=run.name("direct"), routing_key="key")
        application.send("describe", exchange=run.name("fanout"), routing_key="a.b")
        assert [application.ready(queue) for queue in made] == [0, 1, 1, 0]
        with application.client.connection_for_write() as connection:
            other = Queue(run.name("by-key"), Exchange(""), queue_arguments={"x-max-length": 5}, channel=connection)
            with refused(PreconditionFailed, 406):
                other.declare()
        with refused(NotFound, 404):
            application.ready(run.name("missing"))


def publish_consume(run: Run) -> None:
    """Send tasks by priority, with every property, with none, and with text beyond ASCII; see what the worker got."""
    with Application(run, {"task_queue_max_priority": 9, **CONFIRMING}) as application:
        waiting = [application.send("add", 1, number, priority=number) for number in (1, 9, 5)]
        worker = application.start_worker()
        received = [worker.written(f"[{waiting[at].id}] received") for at in (1, 2, 0)]
        same("the order of receipt", sorted(received, key=worker.log.index), received)
        properties = {
            "priority": 5,
            "message_id": "message",
            "timestamp": 1577836800,
            "type": "kind",
            "user_id": "guest",
            "app_id": "application",
        }
        foreign = {"größe": "über"}
        sent = application.send("describe", scenario.EVERY_OCTET, expiration=60, headers=foreign, **properties)
        told = sent.get(timeout=PATIENCE)
        assert told["arguments"] == [scenario.EVERY_OCTET]
        expected = {
            **properties,
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "delivery_mode": 2,
            "correlation_id": sent.id,
            "reply_to": application.client.thread_oid,
            "expiration": "60000",
        }
        assert told["properties"] == expected, told["properties"]
        assert told["delivery"]["redelivered"] is False
        told = application.call("describe", delivery_mode=1)
        assert told["arguments"] == []
        assert set(told["properties"]) == {
            *("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to"),
        }, told["properties"]
        assert application.call("echo", "größer als ∞") == "größer als ∞"
        results = [application.send("add", number, number) for number in range(100)]
        assert [result.get(timeout=PATIENCE) for result in results] == [2 * number for number in range(100)]
        application.stop_workers()
        assert application.ready() == 0


def as_decoded(tag: str, value: Any) -> Any:
    """Return a value as py-amqp decodes it: times have no zone, and decimals a sign."""
    if tag == "D" and value == 2**32 - 1:
        return Decimal(-1)
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


def header_types(run: Run) -> None:
    """Send a task with every type that Celery's transport encodes; have a worker read the runner's message."""
    with Application(run) as application:
        worker = application.start_worker(INTEROP_CELERY_STEP="yes")
        decoded = literal(application.call("headers", headers={"values": headers.EVERY}))
        headers.compare(decoded, {key: as_decoded("", value) for key, value in headers.EVERY.items()})
        line = worker.written("HEADERS")
        headers.compare(literal(line.partition("HEADERS ")[2]), headers.listed(as_decoded))


def confirms(run: Run) -> None:
    """Send 200 tasks, each confirmed before the next; see one refused by a queue that takes none."""
    full = Queue(run.name("full"), Exchange(""), queue_arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    with Application(run, CONFIRMING, made=(run.name("full"),)) as application:
        for number in range(200):
            application.send("add", number, 0)
        assert application.ready() == 200
        reason = refusal(application.client, full)
        assert "MessageNacked" in reason, reason


def mandatory(run: Run) -> None:
    """Send tasks as mandatory: the one that no queue takes comes back, the other does not."""
    returned: list[tuple[Any, ...]] = []
    with Application(run, CONFIRMING) as application:
        with application.client.connection_for_write() as connection:
            producer = application.client.amqp.Producer(connection, on_return=lambda *each: returned.append(each))
            sent = application.send("add", 1, 2, queue=there(run.name("nowhere")), mandatory=True, producer=producer)
            application.send("add", 3, 4, mandatory=True, producer=producer)
        [(error, exchange, key, message)] = returned
        assert (error.reply_code, error.reply_text) == (312, "NO_ROUTE")
        assert (exchange, key) == ("", run.name("nowhere"))
        assert message.properties["correlation_id"] == sent.id
        assert message.headers["task"] == "add"
        assert message.body.startswith("[[1, 2]")
        assert application.ready() == 1


def requeue(run: Run) -> None:
    """Tasks that reject, requeue and retry; what is rejected is run from the dead-letter queue."""
    made = (run.name("work"), run.name("dead"))
    with Application(run, {"worker_prefetch_multiplier": 5}, made=made) as application:
        worker = application.start_worker("--concurrency", "1", INTEROP_CELERY_TOPOLOGY="requeue")
        for number in range(1, 6):
            application.send("settle", number, queue=there(run.name("work")), ignore_result=True)
        settled = sorted(literal(worker.wait_for("SETTLED").partition("SETTLED ")[2]) for _ in range(5))
        dead = [("rejected", run.name("work"), 1)]
        expected = [(1, False, dead), (2, False, dead), (3, True, []), (4, True, []), (5, False, [])]
        same("the tasks that were done", settled, expected)
        assert application.call("flaky", 3, queue=there(run.name("work"))) == 3
        assert application.ready(run.name("work")) == application.ready(run.name("dead")) == 0


def prefetch(run: Run) -> None:
    """Of ten late acknowledged tasks a worker with three threads takes three, and one for each that is done."""
    settings = {"worker_prefetch_multiplier": 1, "task_acks_late": True}
    with Application(run, settings) as application, Gate() as gate:
        application.start_worker("--pool", "threads", "--concurrency", "3")
        results = [application.send("hold", gate.port) for _ in range(10)]
        gate.admit(3)
        for left in range(7, 0, -1):
            scenario.wait_until(lambda left=left: application.ready() == left, f"{left} tasks wait")  # type: ignore[misc]
            gate.release(1)
            gate.admit(1)
        assert application.ready() == 0
        gate.release(3)
        assert [result.get(timeout=PATIENCE) for result in results] == ["released"] * 10


def exclusive(run: Run) -> None:
    """A worker's exclusive queue takes tasks, is closed to other connections and goes with the worker."""
    with Application(run) as application:
        application.start_worker(INTEROP_CELERY_TOPOLOGY="exclusive")
        assert application.call("add", 2, 3, queue=there(run.name("exclusive"))) == 5
        with refused(ResourceLocked, 405):
            application.ready(run.name("exclusive"))
        application.stop_workers()
        with refused(NotFound, 404):
            application.ready(run.name("exclusive"))


def cancel(run: Run) -> None:
    """Drop a queue by remote control and take it up again; delete it under the worker, which recovers."""
    with Application(run, CONFIRMING) as application:
        worker = application.start_worker()
        control = application.client.control
        [dropped] = control.cancel_consumer(application.queue, reply=True, timeout=PATIENCE, limit=1)
        assert "ok" in dropped[worker.hostname], dropped  # it is said before it is done
        scenario.wait_until(lambda: application.consumers() == 0, "the consumer is cancelled")
        result = application.send("add", 1, 1)
        same("tasks in the queue", application.ready(), 1)
        [added] = control.add_consumer(application.queue, reply=True, timeout=PATIENCE, limit=1)
        assert "ok" in added[worker.hostname], added
        assert result.get(timeout=PATIENCE) == 2
        with application.client.connection_for_write() as connection, connection.channel() as channel:
            channel.queue_delete(application.queue)
        worker.wait_for("Connection to broker lost")
        scenario.wait_until(lambda: application.consumers() == 1, "the worker has come back")
        assert application.call("add", 2, 2) == 4


def reply_to(run: Run) -> None:
    """Ten results of ten tasks over the `rpc://` backend, in order; groups, chains, a failure and a chord."""
    with Application(run) as application:
        application.start_worker()
        results = [application.send("add", number, 100) for number in range(10)]
        assert [result.get(timeout=PATIENCE) for result in results] == list(range(100, 110))
        add, app = partial(application.client.signature, "add"), application.client
        many = group([add((number, number)) for number in range(10)], app=app)()
        assert many.get(timeout=PATIENCE) == list(range(0, 20, 2))
        assert chain(add((1, 2)), add((3,)), add((4,)), app=app)().get(timeout=PATIENCE) == 10
        failed = application.send("fail", "on purpose")
        assert isinstance(failed.get(timeout=PATIENCE, propagate=False), ValueError)
    # A chord is refused by `rpc://`: its results are files, and the messages that count them go over the broker.
    with tempfile.TemporaryDirectory() as folder:
        files = {"result_backend": f"file://{folder}", "result_chord_retry_interval": 0.1}
        with Application(run, files) as application:
            application.start_worker()
            app = application.client
            header = [app.signature("add", (number, 1)) for number in range(10)]
            assert chord(header, app=app)(app.signature("total")).get(timeout=PATIENCE) == 55


def large_message(run: Run) -> None:
    """Send 10 MB to a task, twice, and get them back as results."""
    with Application(run) as application:
        application.start_worker()
        for seed in (1, 2):
            octets = scenario.large_body(seed)
            assert application.call("echo", octets) == octets


def heartbeats(run: Run) -> None:
    """A worker and a client with a heartbeat of 1 s are idle for 4 s and go on."""
    with Application(run, {"broker_heartbeat": 1}) as application:
        # Mingle waits until nothing has come for a second: with heartbeats twice a second it would wait for ever.
        worker = application.start_worker("--pool", "prefork", "--concurrency", "1", "--without-mingle")
        assert application.call("add", 1, 1) == 2
        threading.Event().wait(4)
        assert application.call("add", 2, 2) == 4
        application.stop_workers()
        assert not [line for line in worker.log if "lost" in line], "".join(worker.log)


def reconnect(run: Run) -> None:
    """All connections are closed: worker and client come back by themselves."""
    with Application(run) as application:
        worker = application.start_worker()
        assert application.call("add", 1, 1) == 2
        ask("close-connections")
        worker.wait_for("Connection to broker lost")
        scenario.wait_until(lambda: application.consumers() == 1, "the worker has come back")
        assert application.call("add", 2, 2) == 4


def blocked(run: Run) -> None:
    """A task that is sent during an alarm: the transport tells that it is blocked, and when it no longer is."""
    heard: list[str] = []
    told = threading.Event()

    def on_blocked(_reason: str) -> None:
        heard.append("blocked")
        told.set()

    with Application(run) as application:
        application.client.conf.broker_transport_options = {
            "confirm_publish": True,
            "on_blocked": on_blocked,
            "on_unblocked": lambda: heard.append("unblocked"),
        }
        application.send("add", 1, 1)
        ask("block")
        sending = threading.Thread(target=application.send, args=("add", 2, 2), kwargs={"ignore_result": True})
        sending.start()
        assert told.wait(PATIENCE), "nothing told that the connection is blocked"
        ask("unblock")
        sending.join(PATIENCE)
        assert heard == ["blocked", "unblocked"], heard
        assert application.ready() == 2


def tls(run: Run) -> None:
    """Client and worker over TLS; without the authority the certificate is refused."""
    verified = {"ca_certs": run.ca_file, "cert_reqs": int(ssl.CERT_REQUIRED)}
    with Application(run, {"broker_url": run.tls_url, "broker_use_ssl": verified}) as application:
        application.start_worker()
        octets = scenario.large_body(3)[:100_000]
        assert application.call("echo", octets) == octets
    distrusting = stranger(run.tls_url, broker_use_ssl={"cert_reqs": int(ssl.CERT_REQUIRED)})
    reason = refusal(distrusting, there(run.name("nowhere")))
    assert "CERTIFICATE_VERIFY_FAILED" in reason, reason


SCENARIOS: dict[str, Callable[[Run], None]] = {
    "connect-options": connect_options,
    "declare-bind": declare_bind,
    "publish-consume": publish_consume,
    "header-types": header_types,
    "confirms": confirms,
    "mandatory": mandatory,
    "requeue": requeue,
    "prefetch": prefetch,
    "exclusive": exclusive,
    "cancel": cancel,
    "reply-to": reply_to,
    "large-message": large_message,
    "heartbeats": heartbeats,
    "reconnect": reconnect,
    "blocked": blocked,
    "tls": tls,
}

if __name__ == "__main__":
    main(SCENARIOS)
