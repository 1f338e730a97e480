"""The same requests to amqpd and a real RabbitMQ, one after the other: the same status, and the same error or JSON."""

from __future__ import annotations

import base64
import html
import http.client
import json
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import pytest

import amqpd
from conformance.rabbitmq import Unavailable, controlled_node, free_ports
from tests.forms import once

pytestmark = once

PLUGINS = ("rabbitmq_management", "rabbitmq_random_exchange")
LONG = "aGVsbG8g" * 10 + "\n" + "aGVsbG8=" + "\n"
GET = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
PUBLISH = {"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"}
PERMISSION = {"configure": "", "write": "", "read": ""}
OPERATOR_POLICY = {
    "vhost": "v",
    "component": "operator_policy",
    "name": "p",
    "value": {"pattern": "", "definition": {"max-length": 5}, "priority": 0, "apply-to": "queues"},
}
TOPIC = {"exchange": "amq.topic", "write": "", "read": ""}
Request = tuple[str, str, object]
"""With `name:password@` before its path if it isn't guest's."""


def policies(*definitions: dict[str, object], kind: str = "policies") -> list[Request]:
    return [("PUT", f"/{kind}/v/p", {"pattern": "q", "definition": each}) for each in definitions]


SEQUENCES: dict[str, list[Request]] = {
    "policies": [
        *policies(
            {"queue-master-locator": "min-masters"},
            {"queue-master-locator": "x", "max-length": -1},
            {"overflow": "x", "max-length": -1, "alternate-exchange": 5},
            {"zz": 1, "aa": "x", "max-length": 5},
            {"ha-mode": "x", "max-length": -1},
            {"ha-sync-mode": "x"},
            {"ha-mode": "all", "ha-params": 5},
            {"ha-mode": "exactly", "ha-params": 0},
            {"ha-mode": "nodes", "ha-params": []},
            {"ha-mode": "nodes", "ha-params": ["a", 5]},
            {"ha-mode": "nodes", "ha-params": 5},
            {"ha-mode": "all", "ha-sync-mode": "x", "ha-sync-batch-size": 0},
            {"ha-mode": "all", "ha-sync-batch-size": 0, "ha-promote-on-shutdown": "x"},
            {"ha-mode": "all", "ha-promote-on-shutdown": "x", "ha-promote-on-failure": "x"},
        ),
        *policies({"overflow": "drop-head"}, {"queue-version": 1}, {"max-length": 5}, kind="operator-policies"),
        ("PUT", "/policies/v/p", {"pattern": 5, "definition": {"max-length": 5}}),
        ("PUT", "/policies/nope/p", {}),
        ("GET", "/policies/v", None),
        ("GET", "/policies/v/p?columns=name,definition.queue-master-locator", None),
        ("GET", "/operator-policies/v/p?columns=name,odd", None),
        ("GET", "/vhosts/v/permissions?columns=vhost.x,user", None),
        ("GET", "/whoami?columns=name", None),
    ],
    "declarations": [
        ("PUT", "/exchanges/v/x", {"type": "x-random"}),
        ("PUT", "/exchanges/v/x", {"type": "direct"}),
        ("PUT", "/exchanges/v/amq.direct", {"type": "x-random"}),
        ("PUT", "/exchanges/v/y", {"durable": 4, "auto_delete": 5, "internal": 6}),
        ("PUT", "/exchanges/v/y", {"arguments": {"a": None}}),
        ("PUT", "/queues/v/q", {"durable": 4, "auto_delete": 5}),
        ("PUT", "/queues/v/q", {"arguments": {"a": [1, {"b": None}]}}),
        ("PUT", "/queues/nope/q", b"no JSON"),
        ("PUT", "/exchanges/nope/x", b"no JSON"),
        ("PUT", "/queues/v/q", {}),
        ("DELETE", "/queues/v/q?if-unused=&if-empty=True", None),
        ("DELETE", "/exchanges/v/x?if-unused=no", None),
        ("DELETE", "/exchanges/v/x?if-unused=no", None),
    ],
    "messages": [
        ("PUT", "/queues/v/q", {}),
        ("POST", "/exchanges/v/amq.default/publish", {**PUBLISH, "payload": LONG, "payload_encoding": "base64"}),
        ("POST", "/queues/v/q/get", {**GET, "ackmode": "ack_requeue_false"}),
        ("POST", "/exchanges/v/amq.default/publish", {}),
        ("POST", "/exchanges/v/amq.default/publish", {"routing_key": ""}),
        ("POST", "/exchanges/v/x/publish", {**PUBLISH, "properties": {"headers": {"a": None}}}),
        ("POST", "/exchanges/v/x/publish", {**PUBLISH, "properties": {"priority": "5"}}),
        ("POST", "/exchanges/v/x/publish", {**PUBLISH, "properties": {"type": None}}),
        ("POST", "/exchanges/nope/x/publish", {**PUBLISH, "payload": 5, "properties": {"type": 5}}),
        ("POST", "/exchanges/nope/x/publish", PUBLISH),
        ("POST", "/queues/nope/q/get", GET),
        ("POST", "/queues/nope/q/get", {}),
        ("POST", "/queues/v/q/get", {**GET, "count": "x", "ackmode": "x", "encoding": "x"}),
        ("POST", "/queues/v/q/get", {**GET, "ackmode": "x", "encoding": "x"}),
        ("POST", "/queues/v/q/get", {**GET, "encoding": 5}),
        ("PUT", "/queues/v/s", {"durable": True, "arguments": {"x-queue-type": "stream"}}),
        ("POST", "/queues/v/s/get", GET),
        ("POST", "/queues/v/q/get", {**GET, "encoding": "x", "truncate": "x"}),
        ("POST", "/queues/v/q/get", {**GET, "ackmode": "x", "truncate": "x"}),
        ("PUT", "/users/other", {"password": "x", "tags": "administrator"}),
        ("POST", "other:x@/queues/v/q/get", GET),
        ("POST", "other:x@/exchanges/v/amq.default/publish", {**PUBLISH, "properties": {"type": 5}}),
        ("PUT", "/permissions/v/other", PERMISSION),
        ("POST", "other:x@/queues/v/q/get", GET),
        ("POST", "other:x@/queues/v/s/get", GET),
        ("POST", "other:x@/exchanges/v/amq.default/publish", PUBLISH),
        ("DELETE", "/users/other", None),
    ],
    "access": [
        ("PUT", "/permissions/v/nobody", {}),
        ("PUT", "/permissions/v/nobody", {**PERMISSION, "configure": "("}),
        ("PUT", "/permissions/v/guest", {**PERMISSION, "configure": "("}),
        ("PUT", "/topic-permissions/v/nobody", {**TOPIC, "write": "("}),
        ("PUT", "/topic-permissions/v/guest/amq.topic", {"write": ""}),
        ("PUT", "/topic-permissions/v/guest/amq.topic", TOPIC),
        ("GET", "/topic-permissions/v/guest", None),
        ("PUT", "/user-limits/nobody/odd", {"value": 5}),
        ("PUT", "/user-limits/nobody/max-channels", {"value": "x"}),
        ("PUT", "/user-limits/nobody/max-channels", {"value": 5}),
        ("PUT", "/vhosts/v", {"description": None, "tags": None}),
        ("POST", "/definitions", {"parameters": [OPERATOR_POLICY, {**OPERATOR_POLICY, "value": 5}]}),
        ("DELETE", "/parameters/policy/v/nope", None),
        ("GET", "/definitions/nope", None),
        ("GET", "/queues/v?page_size=x", None),
        ("GET", "/queues/v?page_size=0", None),
        ("PUT", "/users/looker", {"password": "x", "tags": "monitoring"}),
        ("GET", "looker:x@/connections/username/nobody", None),
        ("DELETE", "/users/looker", None),
    ],
}


def ask(port: int, request: Request) -> tuple[int, Any]:
    method, path, body = request
    login, _, path = path.rpartition("@")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        authorization = "Basic " + base64.b64encode(login.encode() or b"guest:guest").decode()
        headers = {"authorization": authorization, "content-type": "application/json"}
        connection.request(method, f"/api{path}", octets, headers)
        response = connection.getresponse()
        found = response.read()
        return response.status, json.loads(html.unescape(found.decode())) if found else None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def ports() -> Generator[tuple[int, int]]:
    (port,) = free_ports(1)
    lines = f"management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n"
    try:
        with controlled_node(PLUGINS, lines), amqpd.run_in_thread(
            management_port=0, compat="3.10", strict=True
        ) as embedded:
            yield urlsplit(embedded.management_url).port or 0, port
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", SEQUENCES)
def test_answers_are_the_same(ports: tuple[int, int], name: str) -> None:
    asked: list[Request] = [("PUT", "/vhosts/v", {}), *SEQUENCES[name], ("DELETE", "/vhosts/v", None)]
    ours, theirs = ([ask(port, each) for each in asked] for port in ports)
    differing = [(request, one, other) for request, one, other in zip(asked, ours, theirs, strict=True) if one != other]
    assert differing == []
