"""Whatever a client sends, the answer is never a 500, and the broker goes on."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Generator
from typing import Any

import pytest

import amqpd
from amqpd.management.routes import ROUTES
from tests.management.conftest import Client

SEED = 20261129
ROUNDS = 6
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "(",
    "q",
    "ä" * 300,
    "amq.topic",
    [],
    [1, "a", None],
    {},
    {"a": {"b": [1]}},
    {"max-length": -1},
    {"max-queues": "x"},
    [{"name": "q", "vhost": "/"}],
    [{"name": 5}],
]
WORDS = (
    "name value tags password password_hash hashing_algorithm limits configure write read exchange pattern definition "
    "priority apply-to durable auto_delete internal type arguments node routing_key properties payload "
    "payload_encoding count ackmode encoding truncate users vhosts permissions queues exchanges bindings policies "
    "parameters description default_queue_type tracing protected_from_deletion metadata action to limit numbers"
)
KEYS = WORDS.split()
PARTS = ["%2F", "q", "x", "amq.topic", "amq.default", "guest", "e", "1", "~", "%00", "%FF", "%F0%9F%90%87"]
PARTS += ["a" * 300, "9" * 40]
QUERIES = [
    "page=1&sort=name",
    "page=999999999999999999999999",
    "columns=.,a..b,name.x",
    "sort=.&sort_reverse=true",
    "name=(&use_regex=true&page=1",
    "if-unused=maybe",
    "count=-1",
    "download=%0d%0aX:1",
    "lengths_age=1&lengths_incr=0",
    "%FF=%00",
    "disable_stats=true",
]


@pytest.fixture(scope="module")
def api() -> Generator[Client]:
    with amqpd.run_in_thread(management_port=0) as broker:
        client = Client(broker)
        client.made("/queues/%2F/q", {"durable": True})
        client.made("/users/root", {"tags": "administrator", "password": "secret"})
        client.made("/permissions/%2F/root", {"configure": ".*", "write": ".*", "read": ".*"})
        yield client


def body(chance: random.Random) -> dict[str, object]:
    return {key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randint(0, len(KEYS)))}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_random_requests_get_an_answer(api: Client, route: Any) -> None:
    chance = random.Random(f"{SEED} {route.method} {route.path}")
    for _ in range(ROUNDS):
        path = re.sub(r"{(\w+)}", lambda _: chance.choice(PARTS), route.path)
        if route.method == "DELETE" and re.match(r"/(users|permissions)/.*(root|guest)$|/vhosts/%2F$", path):
            continue
        query = chance.choice(["", "?" + chance.choice(QUERIES)])
        sent = body(chance) if route.method in {"PUT", "POST"} else None
        answer = api(route.method, path + query, sent, login="root:secret")
        assert answer.status < 500 or (answer.status == 503 and "/health/" in path), (path, sent, answer)
        if answer.status >= 400:
            assert {"error", "reason"} <= answer.json.keys() or answer.json["status"] == "failed"
    assert api.get("/whoami", login="root:secret")["name"] == "root"


def test_before_the_login_a_body_is_short(api: Client) -> None:
    """Who takes a long one apart has no time for anybody else."""
    answer = api("POST", "/login", {"username": "guest", "password": "x" * 100_000})
    assert answer.status == 400
    assert answer.json["reason"] == "Exceeded HTTP request body size limit"


def test_a_body_has_a_bounded_number_of_values(api: Client) -> None:
    """Reading them is one turn, in which nobody else has one. A long text is one value, whatever it looks like."""
    names = {f"{each}": each for each in range(30_000)}
    for name, value in (("arrays", [[]] * 60_000), ("numbers", [1] * 60_000), ("names", names)):
        answer = api("PUT", f"/global-parameters/{name}", {"value": value})
        assert answer.status == 400
        assert answer.json["reason"].startswith("the body has more than 50000 values")
    api.made("/global-parameters/long", {"value": '[{,"\\' * 60_000})
    api.made("/global-parameters/many", {"value": [1] * 40_000})
    assert api("POST", "/definitions", {"global_parameters": [{"name": "g", "value": [1] * 60_000}]}).status == 204


def test_a_query_has_few_parameters(api: Client) -> None:
    answer = api("GET", "/overview?" + "a&" * 20_000)
    assert answer.status == 400
    assert answer.json["reason"] == "there are 20001 parameters: at most 100 are taken"


@pytest.mark.parametrize("levels", [100, 400, 900])
def test_a_body_may_be_nested_deeply_but_is_no_defect(api: Client, levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    policy = b'{"vhost":"/","name":"deep","pattern":"","definition":{"max-length":' + nested + b"}}"
    for method, path, body in (
        ("PUT", "/global-parameters/deep", b'{"value":' + nested + b"}"),
        ("PUT", "/policies/%2F/deep", policy),
        ("PUT", "/parameters/operator_policy/%2F/deep", b'{"value":' + nested + b"}"),
        ("PUT", "/vhost-limits/%2F/max-queues", b'{"value":' + nested + b"}"),
        ("POST", "/definitions", b'{"policies":[' + policy + b"]}"),
        ("GET", "/global-parameters?sort=value&columns=value.a", None),
    ):
        answer = api(method, path, body, login="root:secret")
        assert answer.status < 500, (path, answer)
    brackets = json.dumps("[" * 5000)
    assert api("PUT", "/global-parameters/text", b'{"value":' + brackets.encode() + b"}").status in (201, 204)
