"""Exchanges, queues and bindings over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

MISSING = {"error": "Object Not Found", "reason": "Not Found"}


def test_a_queue_is_declared_shown_and_deleted(api: Any) -> None:
    body = {"durable": True, "arguments": {"x-max-length": 3}}
    assert api("PUT", "/queues/%2F/orders", body).status == 201
    assert api("PUT", "/queues/%2F/orders", body).status == 204
    queue = api.get("/queues/%2F/orders")
    assert queue["arguments"] == {"x-max-length": 3, "x-queue-type": "classic"}
    assert (queue["type"], queue["state"], queue["durable"], queue["exclusive"]) == ("classic", "running", True, False)
    assert (queue["messages"], queue["messages_details"]) == (0, {"rate": 0.0})
    assert queue["consumer_details"] == queue["incoming"] == queue["deliveries"] == []
    assert api("DELETE", "/queues/%2F/orders").status == 204
    assert api("DELETE", "/queues/%2F/orders").json == MISSING


@pytest.mark.parametrize("word", ["durable", "auto_delete"])
def test_booleans_may_be_texts(api: Any, word: str) -> None:
    api.made("/queues/%2F/q", {word: "true"})
    assert api.get("/queues/%2F/q")[word] is True
    assert api("PUT", "/queues/%2F/r", {word: "maybe"}).json["reason"] == ["not_boolean", "maybe"]


def test_a_queue_that_differs_is_a_400_with_rabbitmqs_text(api: Any) -> None:
    api.made("/queues/%2F/q", {"durable": True})
    reason = "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"
    answer = api("PUT", "/queues/%2F/q", {"durable": False})
    assert (answer.status, answer.json) == (400, {"error": "bad_request", "reason": reason})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"arguments": {"x-max-length": "a"}}, 400),
        ({"arguments": 5}, 400),
        ({"arguments": []}, 201),
        ({"arguments": None}, 201),
        ({"arguments": {"a": {"b": [1, 2.5, True, "c"]}}}, 201),
        ({"arguments": {"a": {"b": [1, None]}}}, 400),
        (b'{"arguments":{"a":' + b"[" * 400 + b"null" + b"]" * 400 + b"}}", 400),
        ({"arguments": {"a": 2**63}}, 400),
        ({"arguments": {"a" * 256: 1}}, 400),
        ({"node": "elsewhere"}, 400),
        ({"node": 5}, 400),
        ({"unknown": 1}, 201),
    ],
)
def test_bodies_of_queues(api: Any, body: object, status: int) -> None:
    answer = api("PUT", "/queues/%2F/q", body)
    assert answer.status == status, answer
    if status == 400:
        assert answer.json["error"] == "bad_request"


def test_names_that_no_client_could_say_are_refused(api: Any) -> None:
    assert api("PUT", f"/queues/%2F/{'q' * 255}").status == 201
    for path in (f"/queues/%2F/{'q' * 256}", f"/exchanges/%2F/{'x' * 256}", f"/vhosts/{'v' * 256}"):
        assert "at most 255" in api("PUT", path, {}).json["reason"]
    assert api("POST", "/bindings/%2F/e/amq.topic/e/amq.fanout", {"routing_key": "k" * 256}).status == 400


def test_reserved_names_are_refused(api: Any) -> None:
    refused = {"error": "not_authorised", "reason": "Access refused."}
    for method, path in (
        ("PUT", "/queues/%2F/amq.q"),
        ("PUT", "/exchanges/%2F/amq.x"),
        ("DELETE", "/exchanges/%2F/amq.direct"),
        ("PUT", "/exchanges/%2F/amq.default"),
        ("POST", "/bindings/%2F/e/amq.default/e/amq.topic"),
    ):
        answer = api(method, path, {} if method != "DELETE" else None)
        assert (answer.status, answer.json) == (401, refused), path


def test_nothing_is_made_in_a_vhost_that_is_not_there(api: Any) -> None:
    for path in ("/queues/nope/q", "/exchanges/nope/x", "/policies/nope/p"):
        answer = api("PUT", path, {"pattern": "", "definition": {}})
        assert (answer.status, answer.json) == (404, {"error": "not_found", "reason": "vhost_not_found"})


def test_conditions_of_a_delete(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q", durable=True)
    channel.basic_publish("", "q", b"x")
    channel.basic_consume("q", lambda *_: None)
    answer = api("DELETE", "/queues/%2F/q?if-unused=true")
    assert answer.json["reason"] == "queue 'q' in vhost '/' in use"
    api.made("/queues/%2F/full", {"durable": True})
    channel.basic_publish("", "full", b"x")
    assert api("DELETE", "/queues/%2F/full?if-empty=true").json["reason"] == "queue 'full' in vhost '/' not empty"
    assert api("DELETE", "/queues/%2F/full?if-empty=false").status == 204
    api.made("/queues/%2F/full", {"durable": True})
    assert api("DELETE", "/queues/%2F/full?if-empty=&if-unused=True").status == 204


def test_another_ones_exclusive_queue_is_shown_and_locked(api: Any, connected: Any) -> None:
    connected.channel().queue_declare("mine", exclusive=True)
    queue = api.get("/queues/%2F/mine")
    assert queue["exclusive"] is True
    assert queue["owner_pid_details"]["peer_host"] == "127.0.0.1"
    for method, path, body in (
        ("DELETE", "/queues/%2F/mine", None),
        ("DELETE", "/queues/%2F/mine/contents", None),
        ("PUT", "/queues/%2F/mine", {}),
        ("POST", "/queues/%2F/mine/get", {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}),
    ):
        answer = api(method, path, body)
        assert answer.status == 400
        assert "locked queue 'mine'" in answer.json["reason"]


def test_purging(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q", durable=True)
    channel.basic_publish("", "q", b"x")
    assert api.get("/queues/%2F/q")["messages_ready"] == 1
    assert api("DELETE", "/queues/%2F/q/contents").status == 204
    assert api.get("/queues/%2F/q")["messages"] == 0
    assert api("DELETE", "/queues/%2F/nope/contents").json == MISSING


def test_types_of_queues_show_what_is_theirs(api: Any) -> None:
    for name, kind in (("a", "quorum"), ("b", "stream")):
        api.made(f"/queues/%2F/{name}", {"durable": True, "arguments": {"x-queue-type": kind}})
        queue = api.get(f"/queues/%2F/{name}")
        assert (queue["type"], queue["members"], queue["online"]) == (kind, [queue["node"]], [queue["node"]])
    assert api("DELETE", "/queues/%2F/b/contents").status == 400


def test_an_exchange_is_declared_shown_and_deleted(api: Any) -> None:
    body = {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "amq.fanout"}}
    assert api("PUT", "/exchanges/%2F/news", body).status == 201
    assert api("PUT", "/exchanges/%2F/news", body).status == 204
    assert api.get("/exchanges/%2F/news") == {
        "name": "news",
        "vhost": "/",
        "type": "topic",
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {"alternate-exchange": "amq.fanout"},
        "user_who_performed_action": "guest",
        "policy": None,
        "incoming": [],
        "outgoing": [],
    }
    assert api("DELETE", "/exchanges/%2F/news").status == 204
    assert api("DELETE", "/exchanges/%2F/news").json == MISSING


def test_the_default_exchange_is_called_amq_default_in_paths(api: Any) -> None:
    assert api.get("/exchanges/%2F/amq.default")["name"] == ""
    assert api.get("/exchanges/%2F//")["name"] == ""
    assert api.get("/exchanges/%2F")[0]["name"] == ""


def test_an_exchange_of_an_unknown_type(api: Any) -> None:
    answer = api("PUT", "/exchanges/%2F/x", {"type": "nope"})
    assert answer.status == 400
    assert "nope" in answer.json["reason"]
    assert api("PUT", "/exchanges/%2F/x", {"type": 5}).status == 400


def test_an_exchange_in_use_is_left(api: Any) -> None:
    api.made("/exchanges/%2F/x", {})
    assert api("POST", "/bindings/%2F/e/x/e/amq.topic", {}).status == 201
    assert api("DELETE", "/exchanges/%2F/x?if-unused=true").json["reason"] == "exchange 'x' in vhost '/' in use"
    assert api("DELETE", "/exchanges/%2F/x").status == 204


# -- bindings --------------------------------------------------------------------------------------------------------

KEYS: list[tuple[str, dict[str, object], str, str]] = [
    ("", {}, "~", "q/~"),
    ("a.#", {}, "a.%23", "q/a.%2523"),
    ("x y~z/ä*#!()", {}, "x+y%7Ez%2F%C3%A4%2A%23%21%28%29", "q/x%2By%257Ez%252F%25C3%25A4%252A%2523%2521%2528%2529"),
    ("", {"a": 1}, "~Ajat_Q", "q/~Ajat_Q"),
    ("rk", {"b": 2, "a": 1}, "rk~9JXBgw", "q/rk~9JXBgw"),
    ("rk", {"x-match": "all", "h": 1}, "rk~O4i2WA", "q/rk~O4i2WA"),
    ("rk", {"l": [1, "x"]}, "rk~BX2YyQ", "q/rk~BX2YyQ"),
    ("rk", {"t": {"z": 1, "y": 2}}, "rk~OO-C6A", "q/rk~OO-C6A"),
    ("rk", {"f": 1.5}, "rk~fF0G0A", "q/rk~fF0G0A"),
    ("rk", {"t": True}, "rk~TLB3xQ", "q/rk~TLB3xQ"),
    ("rk", {"big": 2**40}, "rk~PAtzfA", "q/rk~PAtzfA"),
]
"""Routing key, arguments, properties_key and Location; the last two as RabbitMQ 3.10.8 gave them."""


@pytest.mark.parametrize(("key", "arguments", "properties", "location"), KEYS)
def test_a_binding_is_made_found_and_removed_by_its_key(
    api: Any, key: str, arguments: object, properties: str, location: str
) -> None:
    api.made("/queues/%2F/q")
    answer = api("POST", "/bindings/%2F/e/amq.topic/q/q", {"routing_key": key, "arguments": arguments})
    assert (answer.status, answer.headers["location"]) == (201, location)
    path = f"/bindings/%2F/e/amq.topic/q/{location}"
    shown = api.get(path)
    assert shown == {
        "source": "amq.topic",
        "vhost": "/",
        "destination": "q",
        "destination_type": "queue",
        "routing_key": key,
        "arguments": arguments,
        "properties_key": properties,
    }
    assert api.get("/bindings/%2F/e/amq.topic/q/q") == [shown]
    assert api("DELETE", path).status == 204
    assert api("DELETE", path).json == MISSING


def test_arguments_make_another_binding_of_the_same_key(api: Any) -> None:
    api.made("/queues/%2F/q")
    for arguments in ({}, {"a": 1, "b": "c"}, {"a": 2}):
        api("POST", "/bindings/%2F/e/amq.headers/q/q", {"routing_key": "k", "arguments": arguments})
    again = api("POST", "/bindings/%2F/e/amq.headers/q/q", {"routing_key": "k", "arguments": {"b": "c", "a": 1}})
    keys = [each["properties_key"] for each in api.get("/bindings/%2F/e/amq.headers/q/q")]
    assert len({*keys}) == 3
    assert "k" in keys
    assert all(each == "k" or each.startswith("k~") for each in keys)
    assert again.headers["location"].removeprefix("q/") in keys
    for key in keys:
        assert api("DELETE", f"/bindings/%2F/e/amq.headers/q/q/{key}").status == 204
    assert api.get("/bindings/%2F/e/amq.headers/q/q") == []


def test_lists_of_bindings_from_every_side(api: Any) -> None:
    api.made("/queues/%2F/q")
    api("POST", "/bindings/%2F/e/amq.topic/q/q", {"routing_key": "a"})
    api("POST", "/bindings/%2F/e/amq.topic/e/amq.fanout", {"routing_key": "b"})

    def ends(path: str) -> list[tuple[str, str]]:
        return [(each["source"], each["destination"]) for each in api.get(path)]

    everything = [("", "q"), ("amq.topic", "q"), ("amq.topic", "amq.fanout")]
    assert ends("/bindings") == ends("/bindings/%2F") == everything
    assert ends("/queues/%2F/q/bindings") == [("", "q"), ("amq.topic", "q")]
    assert ends("/exchanges/%2F/amq.topic/bindings/source") == everything[1:]
    assert ends("/exchanges/%2F/amq.fanout/bindings/destination") == [("amq.topic", "amq.fanout")]
    assert ends("/exchanges/%2F/amq.default/bindings/source") == [("", "q")]
    assert ends("/bindings/%2F/e/amq.topic/e/amq.fanout") == [("amq.topic", "amq.fanout")]
    assert ends("/bindings/%2F/e/amq.default/q/q") == [("", "q")]
    assert ends("/bindings/%2F/e/nope/q/q") == []


def test_a_binding_to_nothing(api: Any) -> None:
    answer = api("POST", "/bindings/%2F/e/amq.topic/q/nope", {"routing_key": "z"})
    assert (answer.status, answer.json) == (404, {"error": "not_found", "reason": "no queue 'nope' in vhost '/'"})
    answer = api("POST", "/bindings/%2F/e/nope/e/amq.topic", {"routing_key": "z"})
    assert answer.json["reason"] == "no exchange 'nope' in vhost '/'"
    assert api("GET", "/bindings/%2F/e/amq.topic/z/q").status == 404
    assert api("POST", "/bindings/%2F/e/amq.topic/e/amq.fanout", {"routing_key": 5}).status == 400


def test_the_binding_to_the_default_exchange_stays(api: Any) -> None:
    api.made("/queues/%2F/q")
    assert api("DELETE", "/bindings/%2F/e/amq.default/q/q/q").status == 401
