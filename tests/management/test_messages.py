"""Publishing, getting, and what operators do to queues."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pika
import pytest

PUBLISH = {"routing_key": "q", "properties": {}, "payload": "hello", "payload_encoding": "string"}
GET = {"count": 10, "ackmode": "ack_requeue_true", "encoding": "auto"}
MODES = "ack_requeue_true, ack_requeue_false, reject_requeue_true, reject_requeue_false"
DEFAULT = "/exchanges/%2F/amq.default/publish"


@pytest.fixture
def queue(api: Any) -> Any:
    api.made("/queues/%2F/q", {"durable": True})
    return api


def test_a_message_goes_in_and_is_seen(queue: Any) -> None:
    properties = {"headers": {"a": 1, "b": [True, {"c": 2.5}]}, "delivery_mode": 2, "message_id": "m", "timestamp": 7}
    answer = queue("POST", DEFAULT, {**PUBLISH, "properties": properties})
    assert (answer.status, answer.json) == (200, {"routed": True})
    expected = {
        "payload_bytes": 5,
        "redelivered": False,
        "exchange": "",
        "routing_key": "q",
        "message_count": 0,
        "properties": properties,
        "payload": "hello",
        "payload_encoding": "string",
    }
    assert queue("POST", "/queues/%2F/q/get", GET).json == [expected]
    assert queue("POST", "/queues/%2F/q/get", GET).json == [{**expected, "redelivered": True}]


def test_a_message_that_nobody_wants_is_not_routed(queue: Any) -> None:
    assert queue("POST", DEFAULT, {**PUBLISH, "routing_key": "nope"}).json == {"routed": False}


def test_messages_count_as_those_of_a_channel_that_confirms_and_gets(queue: Any) -> None:
    for key in ("q", "q", "nope"):
        queue("POST", DEFAULT, {**PUBLISH, "routing_key": key})
    for mode, count in (("ack_requeue_true", 3), ("ack_requeue_false", 1), ("reject_requeue_false", 2)):
        queue("POST", "/queues/%2F/q/get", {**GET, "ackmode": mode, "count": count})
    got = {"get": 3, "get_no_ack": 1, "get_empty": 2, "deliver": 0, "deliver_no_ack": 0, "deliver_get": 4}
    stats = queue.get("/queues/%2F/q")["message_stats"]
    assert {name: stats[name] for name in ("publish", *got)} == {"publish": 2, **got}
    published = {"publish": 3, "confirm": 3, "return_unroutable": 1, "drop_unroutable": 0}
    for path in ("/vhosts/%2F", "/overview"):
        stats = queue.get(path)["message_stats"]
        assert {name: stats[name] for name in (*published, *got)} == published | got
    stats = queue.get("/exchanges/%2F/amq.default")["message_stats"]
    assert (stats["publish_in"], stats["publish_out"]) == (3, 2)


def test_a_message_without_properties_shows_an_empty_array(queue: Any) -> None:
    queue("POST", DEFAULT, PUBLISH)
    assert queue("POST", "/queues/%2F/q/get", GET).json[0]["properties"] == []


def test_octets_go_in_and_out_as_base64(queue: Any) -> None:
    octets = base64.b64encode(b"\xff\x00").decode()
    queue("POST", DEFAULT, {**PUBLISH, "payload": octets, "payload_encoding": "base64"})
    (message,) = queue("POST", "/queues/%2F/q/get", GET).json
    assert (message["payload"], message["payload_encoding"], message["payload_bytes"]) == (octets, "base64", 2)
    (message,) = queue("POST", "/queues/%2F/q/get", {**GET, "encoding": "base64", "truncate": 1}).json
    assert (message["payload"], message["payload_bytes"]) == ("/w==", 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payload": 5}, "payload_not_string"),
        ({"payload_encoding": "strin"}, ["unsupported_encoding", "strin"]),
        ({"payload_encoding": "base64", "payload": "****"}, ["not_base64", "****"]),
        ({"properties": {"delivery_mode": "abc"}}, ["not_int", "delivery_mode"]),
        ({"properties": {"message_id": 5}}, ["not_string", "message_id"]),
        (
            {"properties": {"user_id": "abc"}},
            "406 PRECONDITION_FAILED - user_id property set to 'abc' but authenticated user was 'guest'",
        ),
        ({"properties": {"expiration": "x"}}, "406 PRECONDITION_FAILED - invalid expiration 'x': no_integer"),
        (
            {"properties": {"reply_to": "amq.rabbitmq.reply-to"}},
            "406 PRECONDITION_FAILED - fast reply consumer does not exist",
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_said(queue: Any, change: dict[str, object], reason: object) -> None:
    answer = queue("POST", DEFAULT, {**PUBLISH, **change})
    assert (answer.status, answer.json) == (400, {"error": "bad_request", "reason": reason})


@pytest.mark.parametrize("change", [{"properties": 5}, {"routing_key": 5}, {"properties": {"priority": 256}}])
def test_other_wrong_bodies_are_400(queue: Any, change: dict[str, object]) -> None:
    assert queue("POST", DEFAULT, {**PUBLISH, **change}).status == 400


def test_missing_fields_are_named(queue: Any) -> None:
    answer = queue("POST", DEFAULT, {"routing_key": "q", "payload": "x", "payload_encoding": "string"})
    assert answer.json["reason"] == "[{key_missing,properties}]"
    answer = queue("POST", "/queues/%2F/q/get", {"count": 1})
    assert answer.json["reason"] == "[{key_missing,ackmode},{key_missing,encoding}]"


def test_publishing_to_what_is_not_there(queue: Any) -> None:
    answer = queue("POST", "/exchanges/%2F/nope/publish", PUBLISH)
    assert answer.json == {"error": "bad_request", "reason": "404 NOT_FOUND - no exchange 'nope' in vhost '/'"}
    assert queue("POST", "/exchanges/nope/x/publish", PUBLISH).json["reason"] == "vhost_not_found"


def test_a_full_queue_rejects(api: Any) -> None:
    api.made("/queues/%2F/q", {"durable": True, "arguments": {"x-max-length": 0, "x-overflow": "reject-publish"}})
    answer = api("POST", DEFAULT, PUBLISH)
    reason = "Unable to publish message. Check queue limits."
    assert (answer.status, answer.json) == (400, {"error": "rejected", "reason": reason})


def test_a_message_above_the_limit_is_refused(queue: Any) -> None:
    answer = queue("POST", DEFAULT, {**PUBLISH, "payload": "x" * (16 * 1024 * 1024 + 1)})
    assert (answer.status, "larger than" in answer.json["reason"]) == (400, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count": "a"}, ["not_integer", "a"]),
        ({"encoding": "autob"}, "Unsupported encoding. Please use auto or base64."),
        (
            {"ackmode": "x"},
            f"Invalid ackmode value: x. Valid values are: {MODES}",
        ),
    ],
)
def test_what_is_wrong_with_a_get_is_said(queue: Any, change: dict[str, object], reason: object) -> None:
    answer = queue("POST", "/queues/%2F/q/get", {**GET, **change})
    assert (answer.status, answer.json) == (400, {"error": "bad_request", "reason": reason})


def test_getting_from_what_is_not_there(api: Any) -> None:
    answer = api("POST", "/queues/%2F/q/get", GET)
    assert (answer.status, answer.json["reason"]) == (404, "NOT_FOUND - no queue 'q' in vhost '/'")


@pytest.mark.parametrize(
    ("mode", "left", "dead"),
    [
        ("ack_requeue_true", 3, 0),
        ("reject_requeue_true", 3, 0),
        ("ack_requeue_false", 1, 0),
        ("reject_requeue_false", 1, 2),
    ],
)
def test_what_is_taken_is_settled_as_asked(api: Any, mode: str, left: int, dead: int) -> None:
    api.made("/queues/%2F/dead", {"durable": True})
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    api.made("/queues/%2F/q", {"durable": True, "arguments": arguments})
    for text in "abc":
        api("POST", DEFAULT, {**PUBLISH, "payload": text})
    taken = api("POST", "/queues/%2F/q/get", {**GET, "count": 2, "ackmode": mode}).json
    assert [each["payload"] for each in taken] == ["a", "b"]
    assert [each["message_count"] for each in taken] == [2, 1]
    assert len(api.broker.messages("q")) == left
    assert len(api.broker.messages("dead")) == dead
    assert api.broker.queue("q").messages_unacknowledged == 0


def test_headers_that_json_has_no_words_for_are_shown_by_their_nearest(queue: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.confirm_delivery()
    headers = {"octets": b"\xff", "price": Decimal("1.5"), "nested": [{"a": None}]}
    channel.basic_publish("", "q", b"x", pika.BasicProperties(headers=headers))
    shown = queue("POST", "/queues/%2F/q/get", GET).json[0]["properties"]["headers"]
    assert shown == {"octets": "\ufffd", "price": 1.5, "nested": [{"a": None}]}


def test_consumers_get_what_is_published_over_http(queue: Any, connected: Any) -> None:
    channel = connected.channel()
    messages = channel.consume("q", auto_ack=True, inactivity_timeout=20)
    assert queue("POST", DEFAULT, PUBLISH).status == 200
    method, _, body = next(messages)
    assert (method.routing_key, body) == ("q", b"hello")


# -- beyond RabbitMQ -------------------------------------------------------------------------------------------------


def test_peeking_changes_nothing(queue: Any) -> None:
    for text in "abc":
        queue("POST", DEFAULT, {**PUBLISH, "payload": text})
    seen = queue.get("/queues/%2F/q/peek?count=2&offset=1")
    shown = [(each["number"], each["payload"], each["redelivered"]) for each in seen]
    assert shown == [(2, "b", False), (3, "c", False)]
    assert queue("POST", "/queues/%2F/q/get", GET).json[0]["redelivered"] is False
    for query in ("count=x", "count=1001", "offset=-1", "truncate=1e3", f"count={'9' * 5000}"):
        assert queue("GET", f"/queues/%2F/q/peek?{query}").status == 400


def test_moving_to_a_queue_and_through_an_exchange(queue: Any) -> None:
    queue.made("/queues/%2F/other", {"durable": True})
    for text in "abc":
        queue("POST", DEFAULT, {**PUBLISH, "payload": text})
    assert queue("POST", "/queues/%2F/q/move", {"to": "other", "limit": 1}).json == {
        "moved": 1,
        "unroutable": 0,
        "refused": 0,
    }
    answer = queue("POST", "/queues/%2F/q/move", {"exchange": "", "routing_key": "other", "numbers": [3]})
    assert answer.json["moved"] == 1
    assert [each.body for each in queue.broker.messages("other")] == [b"a", b"c"]
    wrong: list[object] = [{}, {"to": "other", "exchange": ""}, {"to": 5}, {"to": "q", "numbers": "x"}]
    for body in (*wrong, {"to": "other", "limit": -1}):
        assert queue("POST", "/queues/%2F/q/move", body).status == 400
    assert queue("POST", "/queues/%2F/q/move", {"to": "nope"}).status == 404


def test_replaying_dead_letters(api: Any) -> None:
    api.made("/queues/%2F/dead", {"durable": True})
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    api.made("/queues/%2F/q", {"durable": True, "arguments": arguments})
    api("POST", DEFAULT, PUBLISH)
    api("POST", "/queues/%2F/q/get", {**GET, "ackmode": "reject_requeue_false"})
    assert api("POST", "/queues/%2F/dead/replay").json["moved"] == 1
    assert [each.body for each in api.broker.messages("q")] == [b"hello"]


def test_an_exclusive_queue_is_its_connections_and_administrators(api: Any, connected: Any) -> None:
    connected.channel().queue_declare("own", exclusive=True)
    api.broker.add_user("curious", "secret", ("monitoring",))
    api.broker.grant("curious", "/")
    for method, path in (
        ("GET", "peek"), ("POST", "move"), ("POST", "replay"), ("POST", "pause"), ("POST", "resume"),
        ("DELETE", "messages/1"),
    ):  # fmt: skip
        answer = api(method, f"/queues/%2F/own/{path}", {"exchange": ""}, login="curious:secret")
        assert answer.status == 400
        assert "cannot obtain exclusive access to locked queue 'own'" in answer.json["reason"]
    assert api.get("/queues/%2F/own/peek") == []


def forged_death(exchange: str, routing_key: str) -> dict[str, object]:
    """A message that says it died, as anybody can write it."""
    death = {"exchange": exchange, "routing-keys": [routing_key], "queue": "q", "reason": "expired", "count": 1}
    return {**PUBLISH, "properties": {"headers": {"x-death": [death]}}}


def test_nothing_moves_where_its_mover_may_not_publish(queue: Any) -> None:
    """Neither to the broker's own exchanges, nor with routing keys that topic permissions don't cover."""
    queue.made("/queues/%2F/told", {"durable": True})
    for exchange in ("amq.rabbitmq.trace", "amq.topic"):
        queue("POST", f"/bindings/%2F/e/{exchange}/q/told", {"routing_key": "#"})
    queue.broker.add_user("mover", "secret", ("management",))
    queue.broker.grant("mover", "/")
    topics = {"exchange": "amq.topic", "write": "^mine[.]", "read": ""}
    queue("PUT", "/topic-permissions/%2F/mover", topics)
    for exchange, key, moved in (
        ("amq.rabbitmq.trace", "publish.forged", 0),
        ("amq.topic", "yours.a", 0),
        ("amq.topic", "mine.a", 1),
    ):
        for path, sent, body in (
            ("move", PUBLISH, {"exchange": exchange, "routing_key": key}),
            ("replay", forged_death(exchange, key), {}),
        ):
            queue("POST", DEFAULT, sent)
            answer = queue("POST", f"/queues/%2F/q/{path}", body, login="mover:secret").json
            assert answer == {"moved": moved, "unroutable": 1 - moved, "refused": 0}
            queue("DELETE", "/queues/%2F/q/contents")
    assert [each.routing_key for each in queue.broker.messages("told")] == ["mine.a", "mine.a"]


def test_no_routing_key_is_made_that_fits_into_no_frame(queue: Any) -> None:
    """Whoever got such a message would lose the connection, again and again."""
    queue.made("/queues/%2F/told", {"durable": True})
    queue("POST", "/bindings/%2F/e/amq.fanout/q/told", {})
    queue("POST", DEFAULT, forged_death("amq.fanout", "k" * 256))
    assert queue("POST", "/queues/%2F/q/replay", {}).json["unroutable"] == 1
    assert queue("POST", "/queues/%2F/q/move", {"exchange": "amq.fanout", "routing_key": "k" * 256}).status == 400
    assert queue.broker.messages("told") == []


def test_pausing_and_resuming(queue: Any) -> None:
    assert queue("POST", "/queues/%2F/q/pause").json == {"changed": True}
    assert queue("POST", "/queues/%2F/q/pause").json == {"changed": False}
    assert queue.get("/queues/%2F/q")["paused"] is True
    assert queue("POST", "/queues/%2F/q/resume").json == {"changed": True}


def test_deleting_one_message(queue: Any) -> None:
    for text in "ab":
        queue("POST", DEFAULT, {**PUBLISH, "payload": text})
    assert queue("DELETE", "/queues/%2F/q/messages/1").json == {"deleted": True}
    assert queue("DELETE", "/queues/%2F/q/messages/1").json == {"deleted": False}
    assert queue("DELETE", "/queues/%2F/q/messages/x").status == 400
    assert [each.body for each in queue.broker.messages("q")] == [b"b"]


def test_operating_needs_permissions(queue: Any) -> None:
    queue.broker.add_user("reader", "secret", ("management",))
    queue.broker.grant("reader", "/", "^$", "^$", ".*")
    for method, path, body in (
        ("POST", "pause", None),
        ("POST", "resume", None),
        ("POST", "replay", {}),
        ("POST", "move", {"to": "q"}),
    ):
        answer = queue(method, f"/queues/%2F/q/{path}", body, login="reader:secret")
        assert (answer.status, answer.json["reason"]) == (401, "Access refused.")
    assert queue("GET", "/queues/%2F/q/peek", login="reader:secret").status == 200
