"""A rich topology goes from RabbitMQ to amqpd and back, and nothing that both know is lost or changed on the way."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

import amqpd
from conformance.rabbitmq import EXCHANGE_PLUGINS, Unavailable, controlled_node, free_ports
from tests.forms import once

pytestmark = once

PLUGINS = ("rabbitmq_management", "rabbitmq_shovel", "rabbitmq_federation", "rabbitmq_jms_topic_exchange")
OF_A_VHOST = ("parameters", "policies", "exchanges", "queues", "bindings")
SECTIONS = ("users", "vhosts", "permissions", "topic_permissions", "global_parameters", *OF_A_VHOST)
FOREIGN = {
    ("shop", "jms", "x-jms-topic"): "shop/jms",
    ("shop", "fed", "policy"): "shop/fed",
    ("shop", "sh", "shovel"): "shovel/sh",
    ("shop", "up", "federation-upstream"): "federation-upstream/up",
}
"""What amqpd has no counterpart for, and the name under which it says so."""
POLICIES: dict[str, dict[str, Any]] = {
    "ttl": {
        "pattern": "^q\\.",
        "definition": {"message-ttl": 60000, "dead-letter-exchange": "dlx", "overflow": "reject-publish"},
        "priority": 3,
        "apply-to": "queues",
    },
    "ae": {"pattern": "^x", "definition": {"alternate-exchange": "unrouted"}, "priority": 0, "apply-to": "exchanges"},
    "ha": {"pattern": "^h", "definition": {"ha-mode": "all", "queue-mode": "lazy"}, "priority": -1, "apply-to": "all"},
    "qq": {"pattern": "^qq", "definition": {"delivery-limit": 5}, "priority": 1, "apply-to": "queues"},
    "s": {"pattern": "^s", "definition": {"max-age": "7D"}, "priority": 1, "apply-to": "queues"},
    "fed": {"pattern": "^f", "definition": {"federation-upstream-set": "all"}, "priority": 1, "apply-to": "exchanges"},
}
EXCHANGES: dict[str, dict[str, Any]] = {
    "dlx": {"type": "fanout"},
    "topic": {"type": "topic", "auto_delete": True},
    "internal": {"type": "direct", "internal": True},
    "headers": {"type": "headers", "arguments": {"alternate-exchange": "unrouted"}},
    "transient": {"type": "direct", "durable": False},
    "hash": {"type": "x-consistent-hash", "arguments": {"hash-header": "by"}},
    "random": {"type": "x-random"},
    "history": {"type": "x-recent-history", "arguments": {"x-recent-history-length": 30}},
    "modulus": {"type": "x-modulus-hash"},
    "jms": {"type": "x-jms-topic"},
    "arguments": {
        "type": "direct",
        "arguments": {"n": -5, "big": 9007199254740993, "f": 1.5, "b": True, "l": [1, "ü", {"x": []}], "t": {"a": {}}},
    },
}
QUEUES: dict[str, dict[str, Any]] = {
    "q.a": {
        "x-message-ttl": 60000,
        "x-expires": 100000000,
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-routing-key": "k",
        "x-max-length": 10,
        "x-max-length-bytes": 10000,
        "x-overflow": "drop-head",
    },
    "q.priority": {"x-max-priority": 10},
    "q.lazy": {"x-queue-mode": "lazy"},
    "q.single": {"x-single-active-consumer": True},
    "q.version": {"x-queue-version": 2},
    "q.unknown": {"mine": [1, {"a": 2.5}], "x-mine": "y", "f": 1e10},
    "q.classic": {"x-queue-type": "classic"},
    "qq": {
        "x-queue-type": "quorum",
        "x-delivery-limit": 3,
        "x-quorum-initial-group-size": 1,
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": "dlx",
        "x-overflow": "reject-publish",
    },
    "s": {"x-queue-type": "stream", "x-max-age": "1h", "x-stream-max-segment-size-bytes": 500000},
    "ü/ %name": {},
}
BINDINGS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("topic", "q/q.a", "a.#", {}),
    ("topic", "q/q.a", "a.#", {"x": 1}),
    ("headers", "q/q.lazy", "", {"x-match": "any", "colour": "red", "size": 3, "f": 2.5, "ok": True}),
    ("topic", "e/internal", "k.*", {}),
    ("internal", "e/dlx", "", {"deep": {"l": [1, {"z": "ü"}]}}),
    ("amq.fanout", "q/s", "", {}),
    ("hash", "q/q.a", "10", {}),
    ("dlx", "q/ü/ %name", "ü key", {}),
)


class Answer(NamedTuple):
    status: int
    body: bytes


class Broker(NamedTuple):
    port: int

    def ask(self, method: str, path: str, body: object = None, login: str = "guest:guest") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            authorization = "Basic " + base64.b64encode(login.encode()).decode()
            headers = {"authorization": authorization, "content-type": "application/json"}
            connection.request(method, f"/api{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def do(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.ask(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer

    def get(self, path: str) -> Any:
        return json.loads(self.do("GET", path).body)

    def lets_in(self, login: str) -> bool:
        return self.ask("GET", "/whoami", login=login).status == 200


def build(broker: Broker) -> None:
    for path, body in (
        ("/vhosts/shop", {}),
        ("/users/app", {"password": "sécret", "tags": "management,custom"}),
        ("/users/mute", {"tags": ""}),
        ("/permissions/shop/app", {"configure": "^q\\.", "write": ".*", "read": ""}),
        ("/topic-permissions/shop/app", {"exchange": "amq.topic", "write": "^{username}\\.", "read": ".*"}),
        ("/vhost-limits/shop/max-queues", {"value": 100}),
        ("/vhost-limits/shop/max-connections", {"value": -1}),
        ("/user-limits/app/max-channels", {"value": 7}),
        ("/global-parameters/team", {"value": {"a": [1, 2.5, True, None, {"b": "ü"}]}}),
        ("/operator-policies/shop/op", {"pattern": ".*", "definition": {"max-length": 5000}, "apply-to": "queues"}),
        ("/parameters/shovel/shop/sh", {"value": shovel()}),
        ("/parameters/federation-upstream/shop/up", {"value": {"uri": "amqp://localhost"}}),
        *((f"/policies/shop/{name}", policy) for name, policy in POLICIES.items()),
        *((f"/exchanges/shop/{name}", {"durable": True, **exchange}) for name, exchange in EXCHANGES.items()),
        *((f"/queues/shop/{quote(name, '')}", {"durable": True, "arguments": each}) for name, each in QUEUES.items()),
        ("/queues/shop/q.auto", {"durable": True, "auto_delete": True}),
        ("/queues/shop/q.transient", {"durable": False}),
    ):
        broker.do("PUT", path, body)
    for source, destination, key, arguments in BINDINGS:
        kind, _, name = destination.partition("/")
        path = f"/bindings/shop/e/{source}/{kind}/{quote(name, '')}"
        broker.do("POST", path, {"routing_key": key, "arguments": arguments})


def shovel() -> dict[str, str]:
    ends = {"src-uri": "amqp://", "src-queue": "q.a", "dest-uri": "amqp://", "dest-queue": "q.lazy"}
    return {"src-protocol": "amqp091", "dest-protocol": "amqp091", **ends}


def is_foreign(item: dict[str, Any]) -> bool:
    kind = item.get("type") or item.get("component") or "policy"
    return (item.get("vhost", "shop"), item.get("name"), kind) in FOREIGN


def known(document: Any, section: str) -> list[str]:
    """The items of a section that both know, in an order of their own; RabbitMQ 3.10 tells only the names of vhosts."""
    items = [each for each in document[section] if not is_foreign(each) and each.get("name") != "internal_cluster_id"]
    if section == "vhosts":
        items = [{"name": each["name"]} for each in items]
    return sorted(json.dumps(each, sort_keys=True) for each in items)


def without_vhosts(items: Iterable[dict[str, Any]]) -> list[str]:
    """Single-vhost exports of RabbitMQ 3.10 name the vhost in policies and parameters; later ones nowhere."""
    kept = ({name: value for name, value in each.items() if name != "vhost"} for each in items if not is_foreign(each))
    return sorted(json.dumps(each, sort_keys=True) for each in kept)


@pytest.fixture(scope="module")
def rabbitmq() -> Generator[Broker]:
    (port,) = free_ports(1)
    lines = f"management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n"
    try:
        with controlled_node((*PLUGINS, *EXCHANGE_PLUGINS), lines):
            build(Broker(port))
            yield Broker(port)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def ours() -> Generator[Broker]:
    with amqpd.run_in_thread(management_port=0, compat="3.10") as embedded:
        yield Broker(urlsplit(embedded.management_url).port or 0)


def test_everything_comes_over_and_goes_back(rabbitmq: Broker, ours: Broker) -> None:
    document = rabbitmq.get("/definitions")
    report = json.loads(ours.do("POST", "/definitions?report=true", document).body)
    assert sorted(each["name"] for each in report["skipped"]) == sorted(FOREIGN.values())
    copy = ours.get("/definitions")
    for section in SECTIONS:
        assert known(copy, section) == known(document, section), section
    assert ours.lets_in("app:sécret")
    assert not ours.lets_in("app:wrong")
    assert not ours.lets_in("mute:")

    ours.do("PUT", "/users/born-here", {"password": "mine", "tags": "management"})
    copy = ours.get("/definitions")
    for path in ("/vhosts/shop", "/users/app", "/users/mute", "/global-parameters/team"):
        rabbitmq.do("DELETE", path)
    rabbitmq.do("POST", "/definitions", copy)
    again = rabbitmq.get("/definitions")
    for section in SECTIONS:
        assert known(again, section) == known(copy, section), section
    assert rabbitmq.lets_in("app:sécret")
    assert rabbitmq.lets_in("born-here:mine")
    assert not rabbitmq.lets_in("born-here:wrong")


def test_one_vhost_comes_over_and_goes_back(rabbitmq: Broker, ours: Broker) -> None:
    document = rabbitmq.get("/definitions/shop")
    for broker in (ours, rabbitmq):
        broker.do("PUT", "/vhosts/copy")
        broker.do("PUT", "/permissions/copy/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    ours.do("POST", "/definitions/copy", document)
    copy = ours.get("/definitions/copy")
    rabbitmq.do("POST", "/definitions/copy", copy)
    again = rabbitmq.get("/definitions/copy")
    for section in OF_A_VHOST:
        assert without_vhosts(copy[section]) == without_vhosts(document[section]), section
        assert without_vhosts(again[section]) == without_vhosts(copy[section]), section


WRONG: tuple[dict[str, Any], ...] = (
    {"queues": [{"name": "a"}]},
    {"queues": [{"name": "a", "vhost": "missing"}]},
    {"exchanges": [{"name": "a", "vhost": "/", "type": "x-nobody-knows", "arguments": {}}]},
    {"policies": [{"vhost": "/", "name": "a", "pattern": "a", "definition": {"no-such-key": 1}}]},
    {"parameters": [{"vhost": "/", "component": "nobody", "name": "a", "value": {}}, {"vhost": "/"}]},
    {"permissions": [{"user": "missing", "vhost": "/", "configure": "", "write": "", "read": ""}]},
    {"users": [{"name": "a", "tags": "", "password_hash": "x", "hashing_algorithm": "no_such_algorithm"}]},
)


@pytest.mark.parametrize("document", WRONG, ids=str)
def test_what_rabbitmq_refuses_is_refused(rabbitmq: Broker, ours: Broker, document: dict[str, Any]) -> None:
    theirs, answer = rabbitmq.ask("POST", "/definitions", document), ours.ask("POST", "/definitions", document)
    assert (answer.status, theirs.status >= 400) == (400, True)
    assert json.loads(answer.body)["error"] == "bad_request"
