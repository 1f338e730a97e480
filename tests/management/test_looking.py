"""Overview, node, connections, channels, consumers and health checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pika
import pytest

MISSING = {"error": "Object Not Found", "reason": "Not Found"}


def test_the_overview_counts_what_there_is(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q", durable=True)
    channel.basic_publish("", "q", b"x")
    channel.basic_get("q")
    channel.basic_publish("", "q", b"y")
    channel.queue_declare("q", durable=True, passive=True)
    overview = api.get("/overview")
    assert overview["object_totals"] == {"channels": 1, "connections": 1, "consumers": 0, "exchanges": 8, "queues": 1}
    totals = overview["queue_totals"]
    assert (totals["messages"], totals["messages_ready"], totals["messages_unacknowledged"]) == (2, 1, 1)
    assert overview["rabbitmq_version"] == overview["management_version"] == "4.2.9"
    assert {each["protocol"] for each in overview["listeners"]} == {"amqp", "http"}
    assert overview["contexts"][0]["port"] == str(api.port)
    assert {each["name"] for each in overview["exchange_types"]} >= {"direct", "fanout", "headers", "topic"}
    assert "queue_totals" not in api.get("/overview?disable_stats=true")
    assert api.get("/overview?columns=node,object_totals.queues")["object_totals"] == {"queues": 1}


def test_what_went_through_is_counted_for_queues_channels_and_the_broker(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    for _ in range(3):
        channel.basic_publish("", "q", b"x")
    channel.basic_publish("", "nowhere", b"x")
    method, _, _ = channel.basic_get("q")
    channel.basic_ack(method.delivery_tag)
    channel.basic_get("q", auto_ack=True)
    channel.queue_declare("q", passive=True)
    went = {"get": 1, "get_no_ack": 1, "deliver_get": 2, "ack": 1}
    assert counted(api.get("/queues/%2F/q")) == {"publish": 3, **went}
    (shown,) = api.get("/channels")
    assert counted(shown) == {"publish": 4, "confirm": 4, "drop_unroutable": 1, **went}
    assert counted(api.get("/overview")) == counted(shown)
    channel.close()
    assert counted(api.get("/overview")) == {"publish": 4, "confirm": 4, "drop_unroutable": 1, **went}
    churn = api.get("/overview")["churn_rates"]
    assert (churn["channel_closed"], churn["queue_declared"], churn["queue_created"]) == (1, 1, 1)
    assert churn["queue_created_details"] == {"rate": 0.0}


def counted(view: dict[str, Any]) -> dict[str, int]:
    """The counts of message_stats that are not 0; each has a rate beside it."""
    stats = view["message_stats"]
    counts = {name: value for name, value in stats.items() if not name.endswith("_details")}
    assert stats.keys() == {*counts, *(f"{name}_details" for name in counts)}
    return {name: value for name, value in counts.items() if value}


def test_where_the_broker_listens_is_for_monitoring(api: Any) -> None:
    api.broker.add_user("m", "secret", ("management",))
    overview = api.get("/overview", login="m:secret")
    assert "listeners" not in overview
    assert overview["object_totals"]["exchanges"] == 0


def test_a_classic_queue_says_what_it_has_in_memory(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q")
    for _ in range(3):
        channel.basic_publish("", "q", b"x")
    channel.basic_get("q")
    shown = api.get("/queues/%2F/q")
    assert (shown["messages_ram"], shown["messages_ready_ram"], shown["messages_unacknowledged_ram"]) == (3, 2, 1)
    assert shown["messages_paged_out"] == 0


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_queue_says_how_large_its_messages_are(api: Any, connected: Any, kind: str) -> None:
    channel = connected.channel()
    channel.queue_declare("q", durable=True, arguments={"x-queue-type": kind})
    for size, mode in ((1, 2), (10, 1), (100, 2)):
        channel.basic_publish("", "q", b"x" * size, pika.BasicProperties(delivery_mode=mode, timestamp=size))
    channel.basic_get("q")
    shown = api.get("/queues/%2F/q")
    sizes = {name: value for name, value in shown.items() if name.startswith("message_bytes")}
    of_kind = {"message_bytes_paged_out": 0} if kind == "classic" else {"message_bytes_dlx": 0}
    assert sizes == of_kind | {
        "message_bytes": 111,
        "message_bytes_ready": 110,
        "message_bytes_unacknowledged": 1,
        "message_bytes_ram": 111,
        "message_bytes_persistent": 101 if kind == "classic" else 111,
    }
    assert shown["messages_persistent"] == (2 if kind == "classic" else 3)
    assert shown.get("head_message_timestamp") == (1 if kind == "classic" else None)
    assert (shown["consumer_capacity"], shown["consumer_utilisation"]) == (0, 0)
    if kind == "classic":
        columns = "head_message_timestamp"
        assert api.get(f"/queues?columns={columns}&sort={columns}") == [{columns: 1}]
    by_size = api.get("/queues?columns=name,message_bytes&sort=message_bytes_ready")
    assert by_size == [{"name": "q", "message_bytes": 111}]
    channel.tx_select()
    channel.basic_ack(1)
    assert api.get("/queues/%2F/q?columns=message_bytes_unacknowledged") == {"message_bytes_unacknowledged": 1}
    channel.tx_commit()
    assert api.get("/queues?columns=message_bytes")[0] == {"message_bytes": 110}


def test_sizes_are_not_counted_where_nobody_asks(api: Any) -> None:
    api.made("/queues/%2F/q", {"durable": True})
    assert not [name for name in api.get("/queues/%2F/q?disable_stats=true") if "bytes" in name]
    assert api.get("/queues/%2F/q?columns=messages") == {"messages": 0}


def test_the_node(api: Any) -> None:
    (node,) = api.get("/nodes")
    assert (node["running"], node["type"], node["mem_alarm"], node["disk_free_alarm"]) == (True, "disc", False, False)
    assert node["mem_used"] > 1_000_000
    assert node["fd_used"] > 3
    assert node["proc_used"] > 3
    assert node["uptime"] >= 0
    assert api.get(f"/nodes/{node['name']}")["name"] == node["name"]
    memory = api.get(f"/nodes/{node['name']}/memory")["memory"]
    assert memory["total"]["rss"] > 1_000_000
    for path in ("/nodes/nope", "/nodes/nope/memory", "/healthchecks/node/nope"):
        assert api("GET", path).json == MISSING


def test_the_name_of_the_cluster(api: Any) -> None:
    assert api("PUT", "/cluster-name", {"name": "ours"}).status == 204
    assert api.get("/cluster-name") == {"name": "ours"}
    assert api.get("/overview")["cluster_name"] == "ours"
    assert api("PUT", "/cluster-name", {}).json["reason"] == "[{key_missing,name}]"
    assert api("PUT", "/cluster-name", {"name": 5}).status == 400


def test_what_tools_ask_to_know_the_broker(api: Any) -> None:
    assert api.get("/extensions") == [{"javascript": "dispatcher.js"}]
    assert api.get("/whoami") == {"name": "guest", "tags": ["administrator"], "is_internal_user": True}
    assert api.get("/auth", login=None) == {"oauth_enabled": False}
    assert api.get("/version", login=None) == "4.2.9"
    assert {each["state"] for each in api.get("/feature-flags")} == {"enabled"}
    assert api("PUT", "/feature-flags/quorum_queue/enable").status == 204
    assert api("PUT", "/feature-flags/nope/enable").json == {"error": "bad_request", "reason": "unsupported"}
    assert api.get("/deprecated-features") == api.get("/deprecated-features/used") == []
    assert api("DELETE", "/reset").status == api("POST", "/rebalance/queues").status == 204


def test_a_connection_with_its_channels_and_consumers(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=7)
    channel.queue_declare("q", durable=True)
    channel.basic_consume("q", lambda *_: None, consumer_tag="c", arguments={"x-priority": 3})
    (connection,) = api.get("/connections")
    assert connection["user_provided_name"] == connection["client_properties"]["connection_name"] == "shop"
    assert (connection["user"], connection["vhost"], connection["state"]) == ("guest", "/", "running")
    assert (connection["channels"], connection["protocol"], connection["ssl"]) == (1, "AMQP 0-9-1", False)
    assert connection["recv_oct"] > 100 < connection["send_oct"]
    path = quote(connection["name"], safe="")
    assert api.get(f"/connections/{path}")["name"] == connection["name"]
    assert api.get("/vhosts/%2F/connections") == api.get("/connections/username/guest") == [connection]
    (shown,) = api.get("/channels")
    assert shown["name"] == f"{connection['name']} (1)"
    assert (shown["number"], shown["confirm"], shown["transactional"], shown["prefetch_count"]) == (1, True, False, 7)
    assert (shown["consumer_count"], shown["messages_unacknowledged"], shown["messages_unconfirmed"]) == (1, 0, 0)
    assert shown["connection_details"]["name"] == connection["name"]
    assert api.get(f"/connections/{path}/channels") == api.get("/vhosts/%2F/channels") == [shown]
    (consumer,) = api.get("/consumers")
    assert consumer["queue"] == {"name": "q", "vhost": "/"}
    assert (consumer["consumer_tag"], consumer["ack_required"], consumer["prefetch_count"]) == ("c", True, 7)
    assert (consumer["active"], consumer["activity_status"]) == (True, "up")
    assert (consumer["arguments"], consumer["consumer_timeout"]) == ({"x-priority": 3}, 0)
    assert consumer["channel_details"]["connection_name"] == connection["name"]
    assert api.get("/consumers/%2F") == api.get("/queues/%2F/q")["consumer_details"] == [consumer]
    single = api.get(f"/channels/{quote(shown['name'], safe='')}")
    assert single["consumer_details"] == [consumer]


def test_a_consumer_shows_how_long_its_deliveries_may_stay(started: Any) -> None:
    with started(limits_consumer_timeout=90) as api:
        api("PUT", "/policies/%2F/p", {"pattern": "^own", "definition": {"consumer-timeout": 60000}})
        with pika.BlockingConnection(pika.URLParameters(api.broker.url)) as connection:
            channel = connection.channel()
            for name in ("own", "others"):
                channel.queue_declare(name, durable=True)
                channel.basic_consume(name, lambda *_: None)
            shown = {each["queue"]["name"]: each["consumer_timeout"] for each in api.get("/consumers")}
    assert shown == {"own": 60000, "others": 90000}


def test_what_waits_for_a_single_active_consumer(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("q", durable=True, arguments={"x-single-active-consumer": True})
    for tag in ("one", "two"):
        channel.basic_consume("q", lambda *_: None, consumer_tag=tag)
    assert api.get("/queues/%2F/q")["single_active_consumer_tag"] == "one"
    states = {each["consumer_tag"]: each["activity_status"] for each in api.get("/consumers")}
    assert states == {"one": "single_active", "two": "waiting"}


def test_a_connection_is_closed_with_a_reason(api: Any, connected: Any) -> None:
    path = quote(api.get("/connections")[0]["name"], safe="")
    assert api("DELETE", f"/connections/{path}", headers={"x-reason": "bye"}).status == 204
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="bye") as closed:
        connected.process_data_events(time_limit=20)
    assert closed.value.reply_code == 320
    assert api("DELETE", f"/connections/{path}").status in {204, 404}  # its end may still be under way
    for path in ("/connections/nope", "/channels/nope", "/channels/x%20(1)", "/connections/nope/channels"):
        assert api("GET", path).json == MISSING


def test_all_connections_of_a_user_are_closed(api: Any, connected: Any) -> None:
    assert api("DELETE", "/connections/username/guest").status == 204
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="Closed via management plugin"):
        connected.process_data_events(time_limit=20)


def test_connections_of_others_are_not_shown_to_everybody(api: Any, connected: Any) -> None:
    api.broker.add_user("m", "secret", ("management",))
    api.broker.add_user("o", "secret", ("monitoring",))
    path = "/connections/" + quote(api.get("/connections")[0]["name"], safe="")
    assert api.get("/connections", login="m:secret") == api.get("/channels", login="m:secret") == []
    for method, login in (("GET", "m:secret"), ("DELETE", "m:secret"), ("DELETE", "o:secret")):
        answer = api(method, path, login=login)
        assert (answer.status, answer.json["reason"]) == (401, "User not authorised to access object")
    assert api.get(path, login="o:secret")["user"] == "guest"
    assert connected.is_open


# -- health ----------------------------------------------------------------------------------------------------------

FINE = (
    "virtual-hosts",
    "node-is-quorum-critical",
    "node-is-mirror-sync-critical",
    "is-in-service",
    "below-node-connection-limit",
    "ready-to-serve-clients",
    "reached-target-cluster-size",
    "metadata-store/initialized",
    "metadata-store/initialized/with-data",
    "quorum-queues-without-elected-leaders/all-vhosts",
    "certificate-expiration/1/days",
    "alarms",
    "local-alarms",
)


def test_health_checks_of_a_healthy_broker(api: Any) -> None:
    for check in FINE:
        assert api.get(f"/health/checks/{check}")["status"] == "ok", check
    for path in ("/aliveness-test/%2F", "/healthchecks/node"):
        assert api.get(path) == {"status": "ok"}
    assert api("GET", "/aliveness-test/nope").json == MISSING


def test_alarms_fail_the_check(started: Callable[..., Any]) -> None:
    with started(memory_limit=0) as api:
        answer = api("GET", "/health/checks/alarms")
        assert answer.status == 503
        assert answer.json["reason"] == "There are alarms in effect in the cluster"
        assert [each["resource"] for each in answer.json["alarms"]] == ["memory"]
        assert api.get("/nodes")[0]["mem_alarm"] is True
        assert api.get("/healthchecks/node")["status"] == "failed"


def test_listeners_are_checked(api: Any) -> None:
    assert api.get(f"/health/checks/port-listener/{api.port}") == {"status": "ok", "port": api.port}
    answer = api("GET", "/health/checks/port-listener/1")
    assert answer.status == 503
    ports = sorted([api.port, api.broker.port])
    assert answer.json == {"status": "failed", "reason": "No active listener", "missing": 1, "ports": ports}
    for port in ("abc", "-1", "9" * 5000):
        assert api("GET", f"/health/checks/port-listener/{port}").json["reason"] == "Invalid port"
    assert api.get("/health/checks/protocol-listener/mqtt,amqp091") == {"status": "ok", "protocol": "amqp091"}
    answer = api("GET", "/health/checks/protocol-listener/mqtt")
    assert (answer.status, answer.json["missing"], answer.json["protocols"]) == (503, "mqtt", ["amqp", "http"])
    assert api("GET", "/health/checks/certificate-expiration/x/days").status == 400
    assert api("GET", "/health/checks/certificate-expiration/1/fortnights").status == 400


def test_a_stream_says_how_far_it_goes_and_who_reads_it(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("s", durable=True, arguments={"x-queue-type": "stream"})
    node = api.get("/overview")["node"]
    shown = api.get("/queues/%2F/s")
    assert (shown["committed_offset"], shown["segments"], shown["readers"]) == (-1, 1, {node: 0})
    channel.basic_publish("", "s", b"x")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("s", lambda *_: None)
    shown = api.get("/queues/%2F/s")
    assert (shown["committed_offset"], shown["readers"]) == (0, {node: 1})
    assert (shown["consumers"], len(api.get("/consumers"))) == (1, 1)
    assert "consumer_capacity" not in shown


def test_the_node_counts_what_came_and_went(api: Any, connected: Any) -> None:
    connected.channel().queue_declare("q", exclusive=True)
    (node,) = api.get("/nodes")
    assert (node["connection_created"], node["channel_created"], node["queue_created"]) == (1, 1, 1)
    assert node["queue_deleted_details"] == {"rate": 0.0}
