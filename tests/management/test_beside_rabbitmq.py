"""The same topology on amqpd and a real RabbitMQ: the same keys of the same types, but for the list of differences."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pika
import pytest

import amqpd
from conformance.rabbitmq import Unavailable, controlled_node, free_ports
from tests.forms import once
from tests.management.differences import EITHER, FURTHER, LACKING

pytestmark = once

ENDPOINTS = (
    "/overview /cluster-name /nodes /extensions /whoami /vhosts /vhosts/cmp /vhosts/cmp/permissions "
    "/vhosts/cmp/topic-permissions /users/cu /users/cu/permissions /users/cu/topic-permissions /permissions/cmp/cu "
    "/topic-permissions /topic-permissions/cmp/cu /policies /policies/cmp /policies/cmp/p /operator-policies "
    "/operator-policies/cmp/p /parameters/policy /vhost-limits/cmp /user-limits/cu /exchanges /exchanges/cmp "
    "/exchanges/cmp/x /exchanges/cmp/x/bindings/source /exchanges/cmp/amq.fanout/bindings/destination /queues "
    "/queues/cmp /queues/cmp/qc /queues/cmp/qq /queues/cmp/qs /queues/cmp/qc/bindings /bindings /bindings/cmp "
    "/bindings/cmp/e/x/q/qc /bindings/cmp/e/x/q/qc/a.%2523 /connections /channels /consumers /consumers/cmp "
    "/vhosts/cmp/connections /vhosts/cmp/channels /definitions /definitions/cmp /health/checks/alarms "
    "/aliveness-test/cmp"
)
READY = 15.0


class Broker(NamedTuple):
    amqp: int
    http: int

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            login = base64.b64encode(b"guest:guest").decode()
            headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
            connection.request(method, f"/api{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            octets = response.read()
            return response.status, json.loads(octets) if octets else None
        finally:
            connection.close()


def build(broker: Broker) -> pika.BlockingConnection:
    """The topology; its answers are compared too."""
    policy = {"pattern": "^q", "definition": {"max-length": 9}, "apply-to": "queues"}
    made = [
        broker.ask("PUT", path, body)
        for path, body in (
            ("/vhosts/cmp", {"description": "d", "tags": "a"}),
            ("/users/cu", {"tags": "monitoring", "password": "x"}),
            ("/permissions/cmp/cu", {"configure": "a", "write": "b", "read": ""}),
            ("/topic-permissions/cmp/cu", {"exchange": "amq.topic", "write": "b", "read": ""}),
            ("/policies/cmp/p", policy),
            ("/operator-policies/cmp/p", policy),
            ("/exchanges/cmp/x", {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "y"}}),
            ("/vhost-limits/cmp/max-queues", {"value": 50}),
            ("/user-limits/cu/max-channels", {"value": 50}),
        )
    ]
    for name, kind in (("qc", "classic"), ("qq", "quorum"), ("qs", "stream")):
        made.append(broker.ask("PUT", f"/queues/cmp/{name}", {"durable": True, "arguments": {"x-queue-type": kind}}))
        made.append(broker.ask("POST", f"/bindings/cmp/e/x/q/{name}", {"routing_key": "a.#"}))
    assert [status for status, _ in made] == [201] * 7 + [204] * 2 + [201] * 6
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.amqp, "cmp"))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)
    channel.basic_publish("", "qc", b"hello", pika.BasicProperties(headers={"a": 1}, delivery_mode=2))
    channel.basic_consume("qq", lambda *_: None, consumer_tag="c")
    return connection


def settle(broker: Broker, connection: pika.BlockingConnection) -> None:
    """Wait until RabbitMQ has collected its statistics, which it does every few seconds."""
    for _ in range(int(READY * 10)):
        connection.process_data_events(0.1)
        shown = broker.ask("GET", "/queues/cmp/qc")[1], broker.ask("GET", "/queues/cmp/qq")[1]
        channels, connections = broker.ask("GET", "/channels")[1], broker.ask("GET", "/connections")[1]
        settled = shown[0].get("messages") == 1 and shown[1].get("consumer_details") and "consumers" in shown[1]
        if settled and channels and connections and "channels" in connections[0] and "state" in channels[0]:
            return
    raise AssertionError("RabbitMQ did not collect its statistics")


@pytest.fixture(scope="module")
def both() -> Generator[tuple[Broker, Broker]]:
    (port,) = free_ports(1)
    lines = f"management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n"
    try:
        with controlled_node(("rabbitmq_management",), lines) as node, amqpd.run_in_thread(
            management_port=0, compat="3.10"
        ) as embedded:
            ours = Broker(embedded.port, urlsplit(embedded.management_url).port or 0)
            theirs = Broker(node.port, port)
            with build(ours), build(theirs) as client:
                settle(theirs, client)
                yield ours, theirs
    except Unavailable as error:
        pytest.skip(str(error))


def kinds(value: object, path: str) -> dict[str, set[str]]:
    """The types that stand at each path of a body."""
    found: dict[str, set[str]] = {path: {kind(value)}}
    inner: list[tuple[str, object]] = []
    if isinstance(value, dict):
        inner = [(f"{path}.{name}", each) for name, each in value.items()]
    elif isinstance(value, list):
        inner = [(f"{path}[]", each) for each in value]
    for deeper, each in inner:
        for end, types in kinds(each, deeper).items():
            found.setdefault(end, set()).update(types)
    return found


def kind(value: object) -> str:
    for type_, name in ((bool, "boolean"), (int, "number"), (float, "number"), (str, "text"), (list, "array")):
        if isinstance(value, type_):
            return name
    return "null" if value is None else "object"


def unexplained(paths: set[str], reasons: dict[str, str]) -> list[str]:
    return sorted(each for each in paths if not any(re.fullmatch(pattern, each) for pattern in reasons))


@pytest.mark.parametrize("endpoint", ENDPOINTS.split())
def test_bodies_have_the_same_keys_and_types(both: tuple[Broker, Broker], endpoint: str) -> None:
    ours, theirs = both
    (our_status, our_body), (their_status, their_body) = ours.ask("GET", endpoint), theirs.ask("GET", endpoint)
    assert our_status == their_status == 200
    our_kinds, their_kinds = kinds(our_body, endpoint), kinds(their_body, endpoint)
    assert unexplained(their_kinds.keys() - our_kinds.keys(), LACKING | EITHER) == []
    assert unexplained(our_kinds.keys() - their_kinds.keys(), FURTHER | EITHER) == []
    shared = our_kinds.keys() & their_kinds.keys()
    null = {"null"}  # what has no value on either side may be anything on the other
    differing = [each for each in shared if our_kinds[each] - null - their_kinds[each] and their_kinds[each] != null]
    assert differing == []


def test_no_difference_is_listed_in_vain(both: tuple[Broker, Broker]) -> None:
    ours, theirs = [
        {path for endpoint in ENDPOINTS.split() for path in kinds(broker.ask("GET", endpoint)[1], endpoint)}
        for broker in both
    ]
    assert [each for each in LACKING if not any(re.fullmatch(each, path) for path in theirs - ours)] == []
    assert [each for each in FURTHER if not any(re.fullmatch(each, path) for path in ours - theirs)] == []


def test_a_binding_with_arguments_has_the_same_key(both: tuple[Broker, Broker]) -> None:
    tables: tuple[dict[str, Any], ...] = (
        {"x-match": "any", "text": "ä", "number": 5},
        {"negative": -5, "large": 2**40, "larger": -(2**62), "true": True, "nothing": None},
        {"octets": b"\x00\xff", "decimal": Decimal("3.14"), "time": datetime.fromtimestamp(1_700_000_000, UTC)},
        {"list": [1, "a", [True, None], {"b": 2}], "table": {"z": {"y": []}, "a": {}}},
    )
    found = []
    for broker in both:
        with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.amqp, "cmp")) as connection:
            channel = connection.channel()
            channel.exchange_declare("keys", "headers", auto_delete=True)
            channel.queue_declare("keys", exclusive=True)
            for number, arguments in enumerate(tables):
                channel.queue_bind("keys", "keys", str(number), arguments)
            found.append(sorted(each["properties_key"] for each in broker.ask("GET", "/bindings/cmp/e/keys/q/keys")[1]))
    assert found[0] == found[1]
    assert len({*found[0]}) == len(tables)
