"""The backend `http`: what the service is asked, and what becomes of its answers, on AMQP and over HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

import attrs
import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ProbableAccessDeniedError, ProbableAuthenticationError

import amqpd
from amqpd.app import SystemRandomness
from amqpd.auth_http.backend import HttpBackend
from amqpd.broker.authentication.port import Login
from amqpd.broker.broker import Broker
from amqpd.broker.ports import Inline
from amqpd.broker.timers import Timers
from amqpd.clock import ManualClock
from amqpd.config import load
from amqpd.testing.broker import EmbeddedBroker

Asked = dict[str, str]
Rule = Callable[[str, Asked], str]
PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Service:
    """Answers by a rule; keeps what it was asked. A rule may raise to make it fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Asked]] = []
        self.methods: set[str] = set()
        self.rule: Rule = lambda path, asked: "allow"
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(urlsplit(self.path).query)

            def do_POST(self) -> None:
                assert self.headers["content-type"] == "application/x-www-form-urlencoded"
                self.answer(self.rfile.read(int(self.headers["content-length"])).decode())

            def answer(self, query: str) -> None:
                path, asked = urlsplit(self.path).path, dict(parse_qsl(query, keep_blank_values=True))
                service.methods.add(self.command)
                service.asked.append((path, asked))
                try:
                    status, body = 200, service.rule(path, asked).encode()
                except RuntimeError as error:
                    status, body = 500, str(error).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(0.01), daemon=True)
        self.thread.start()

    def settings(self, **further: object) -> dict[str, object]:
        url = f"http://127.0.0.1:{self.server.server_port}/auth"
        paths = {f"auth_http_{each}_path": f"{url}/{each}" for each in ("user", "vhost", "resource", "topic")}
        return {"auth_backends": ("http",), **paths, **further}

    def about(self, path: str) -> list[Asked]:
        return [asked for each, asked in self.asked if each == f"/auth/{path}"]


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def service(running: Service) -> Service:
    running.asked.clear()
    running.methods.clear()
    running.rule = lambda path, asked: "allow"
    return running


@contextmanager
def started(service: Service, **further: object) -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread(None, **service.settings(**further)) as broker:  # type: ignore[arg-type]  # settings are checked as they are loaded
        yield broker


@pytest.fixture
def broker(service: Service) -> Iterator[EmbeddedBroker]:
    with started(service) as broker:
        yield broker


@contextmanager
def connected(broker: EmbeddedBroker, password: str = "wonder land&=") -> Iterator[pika.BlockingConnection]:
    login = pika.PlainCredentials("ann", password)
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port, "/", login))
    try:
        yield connection
    finally:
        with suppress(pika.exceptions.AMQPError):
            connection.close()


def test_it_is_asked_as_by_rabbitmq(service: Service, broker: EmbeddedBroker) -> None:
    service.rule = lambda path, _: "Allow administrator management\n" if path == "/auth/user" else "allow"
    with connected(broker) as connection:
        channel = connection.channel()
        channel.exchange_declare("x", "topic")
        channel.queue_declare("q")
        channel.queue_bind("q", "x", "a.*")
        channel.confirm_delivery()
        channel.basic_publish("x", "a.b", b"hello")
        assert channel.basic_get("q", auto_ack=True)[2] == b"hello"
    ann, tags = {"username": "ann"}, {"tags": "administrator management"}
    assert service.about("user") == [{**ann, "password": "wonder land&="}]
    assert service.about("vhost") == [{**ann, "vhost": "/", "ip": "127.0.0.1", **tags}]

    def resource(kind: str, name: str, permission: str) -> Asked:
        return {**ann, "vhost": "/", "resource": kind, "name": name, "permission": permission, **tags}

    assert service.about("resource") == [
        resource("exchange", "x", "configure"),
        resource("queue", "q", "configure"),
        resource("queue", "q", "write"),
        resource("exchange", "x", "read"),
        resource("exchange", "x", "write"),
        resource("queue", "q", "read"),
    ]
    variables = {"variable_map.username": "ann", "variable_map.vhost": "/"}
    assert service.about("topic") == [
        {**resource("topic", "x", "read"), "routing_key": "a.*", **variables},
        {**resource("topic", "x", "write"), "routing_key": "a.b", **variables},
    ]
    assert service.methods == {"GET"}


def test_a_post_carries_the_same_in_its_body(service: Service) -> None:
    with started(service, auth_http_http_method="post") as broker, connected(broker) as connection:
        connection.channel().queue_declare("q")
    assert service.methods == {"POST"}
    assert service.about("user") == [{"username": "ann", "password": "wonder land&="}]


@pytest.mark.parametrize("answer", ["deny", "nonsense", "", "allowance"])
def test_who_is_not_allowed_is_refused(service: Service, broker: EmbeddedBroker, answer: str) -> None:
    service.rule = lambda path, asked: answer
    with pytest.raises(ProbableAuthenticationError), connected(broker):
        pass


def test_a_service_that_fails_lets_nobody_in_and_no_password_gets_into_the_log(
    service: Service, broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: str, asked: Asked) -> str:
        raise RuntimeError("out of order")

    service.rule = fail
    with pytest.raises(ProbableAuthenticationError), connected(broker, password="s3cret"):
        pass
    assert "the HTTP service gave no answer: the answer has the status 500" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_service_that_is_not_there_lets_nobody_in(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = {f"auth_http_{each}_path": "http://127.0.0.1:1/auth" for each in ("user", "vhost", "resource", "topic")}
    denied = pytest.raises(ProbableAuthenticationError)
    with started(service, **nowhere) as broker, denied, connected(broker, password="s3cret"):
        pass
    assert "refused" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("answer", ["deny", "allowance"])
def test_a_refused_virtual_host_ends_the_connection(service: Service, broker: EmbeddedBroker, answer: str) -> None:
    service.rule = lambda path, asked: answer if path == "/auth/vhost" else "allow"
    denied = pytest.raises(ProbableAccessDeniedError, match="access to vhost '/' refused for user 'ann'")
    with denied, connected(broker):
        pass


def test_a_refused_resource_ends_the_channel_and_nothing_happens(service: Service, broker: EmbeddedBroker) -> None:
    service.rule = lambda path, asked: "deny" if asked.get("name") == "q" and asked["resource"] == "queue" else "allow"
    with connected(broker) as connection:
        channel = connection.channel()
        channel.exchange_declare("q")  # an exchange of the same name is another resource
        with pytest.raises(ChannelClosedByBroker, match="access to queue 'q' in vhost '/' refused for user 'ann'"):
            channel.queue_declare("q")
        assert broker.queues() == []


def test_a_refused_publish_ends_the_channel(service: Service, broker: EmbeddedBroker) -> None:
    service.rule = lambda path, asked: "deny" if asked.get("permission") == "write" else "allow"
    with connected(broker) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="access to exchange 'amq\\.default'"):
            channel.basic_publish("", "q", b"")
    assert service.about("resource")[0]["name"] == "amq.default"


def test_what_is_sent_behind_a_question_keeps_its_order(service: Service, broker: EmbeddedBroker) -> None:
    """Nobody waits for an answer: publishes, a purge and a last publish stand in line behind the permission."""
    with connected(broker) as connection:
        channel = connection.channel()
        channel.queue_declare("q")
        for number in range(100):
            channel.basic_publish("", "q", str(number).encode())
        assert channel.queue_purge("q").method.message_count == 100
        channel.basic_publish("", "q", b"last")
        assert channel.basic_get("q", auto_ack=True)[2] == b"last"


def test_a_server_named_queue_is_asked_about_once(service: Service, broker: EmbeddedBroker) -> None:
    with connected(broker) as connection:
        name = connection.channel().queue_declare("", exclusive=True).method.queue
    assert [each["name"] for each in service.about("resource")] == [name]


def test_answers_are_remembered_until_their_time_is_over(service: Service, broker: EmbeddedBroker) -> None:
    def use() -> None:
        with connected(broker) as connection:
            connection.channel().queue_declare("q")

    use()
    count = len(service.asked)
    assert count == 3
    use()
    assert len(service.asked) == count
    service.rule = lambda path, asked: "deny"
    use()
    with pytest.raises(ProbableAuthenticationError), connected(broker, password="other"):
        pass
    broker.clock.advance(15)
    with pytest.raises(ProbableAuthenticationError):
        use()


def test_an_open_connection_loses_what_it_may_when_the_time_is_over(service: Service, broker: EmbeddedBroker) -> None:
    with connected(broker) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"", PERSISTENT)
        service.rule = lambda path, asked: "deny"
        channel.basic_publish("", "q", b"", PERSISTENT)
        broker.clock.advance(15)
        with pytest.raises(ChannelClosedByBroker, match="refused for user 'ann'"):
            channel.basic_publish("", "q", b"", PERSISTENT)


def test_a_refusal_counts_for_a_moment(service: Service, broker: EmbeddedBroker) -> None:
    with connected(broker) as connection:
        service.rule = lambda path, asked: "deny"
        with pytest.raises(ChannelClosedByBroker):
            connection.channel().queue_declare("q")
        service.rule = lambda path, asked: "allow"
        broker.clock.advance(1)
        connection.channel().queue_declare("q")


def test_a_login_from_another_address_is_another_login(service: Service) -> None:
    """What was allowed from one address says nothing about what is from another one: the service is told it."""
    settings, clock = load(None, {}, service.settings()).auth_http, ManualClock()
    backend = HttpBackend(settings, Inline(), Timers(clock), clock, Broker(clock, SystemRandomness()).access)
    near = Login("ann", b"secret", "192.0.2.1")
    user = backend.check(near)()
    assert user is not None
    backend.accepted(near, user)
    assert backend.remembered(near) is user
    assert backend.remembered(attrs.evolve(near, origin="198.51.100.1")) is None
    backend.close()


def test_one_backend_may_check_the_password_and_the_service_say_what_a_user_may_do(service: Service) -> None:
    with started(service, auth_backends=("internal:http",)) as broker:
        broker.add_user("ann", "wonder land&=", ("management",))
        service.rule = lambda path, asked: "allow policymaker" if path == "/auth/user" else "allow"
        with connected(broker) as connection:
            connection.channel().queue_declare("q")
        assert service.about("user") == [{"username": "ann"}]
        assert {asked["ip"] for asked in service.about("vhost")} == {"127.0.0.1"}
        service.rule = lambda path, asked: "deny"
        broker.clock.advance(15)
        with pytest.raises(ProbableAuthenticationError), connected(broker):
            pass


def test_the_service_may_check_the_password_and_the_broker_say_what_a_user_may_do(service: Service) -> None:
    with started(service, auth_backends=("http:internal",)) as broker:
        with pytest.raises(ProbableAuthenticationError), connected(broker):
            pass
        broker.add_user("ann", "another password")
        broker.grant("ann", "/", configure="^other$")
        with connected(broker) as connection:
            channel = connection.channel()
            with pytest.raises(ChannelClosedByBroker, match="access to queue 'q'"):
                channel.queue_declare("q")
    assert {path for path, _ in service.asked} == {"/auth/user"}


def api(broker: EmbeddedBroker, method: str, path: str, body: object = None) -> object:
    login = base64.b64encode(b"ann:wonder land&=").decode()
    headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{broker.management_url}/api{path}", data, headers, method=method)
    with urlopen(request, timeout=20) as answer:
        said = answer.read()
    return json.loads(said) if said else None


def test_the_api_waits_for_what_the_service_says(service: Service) -> None:
    def rule(path: str, asked: Asked) -> str:
        if path == "/auth/user":
            return "allow management"
        return "deny" if "hidden" in (asked["vhost"], asked.get("name")) else "allow"

    service.rule = rule
    with started(service, management_port=0) as broker:
        for name in ("hidden", "shown"):
            broker.add_vhost(name)
        vhosts = api(broker, "GET", "/vhosts")
        assert isinstance(vhosts, list)
        assert sorted(each["name"] for each in vhosts) == ["/", "shown"]
        api(broker, "PUT", "/queues/shown/q", {"durable": True})
        with pytest.raises(HTTPError) as refused:
            api(broker, "PUT", "/queues/shown/hidden", {"durable": True})
        with refused.value as error:
            assert error.code == 401
        assert [each.name for each in broker.queues("shown")] == ["q"]
