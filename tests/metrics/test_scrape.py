"""What a scrape says, as Prometheus' own parser reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from pamqp import commands
from prometheus_client.parser import text_string_to_metric_families

from amqpd.broker.alarms import MEMORY
from amqpd.broker.login_sources import LoginSources, Source
from amqpd.broker.packed_run import RUN
from amqpd.broker.queue_counts import QueueCounts
from amqpd.clock import ManualClock
from amqpd.fields import EMPTY
from amqpd.metrics.machine import Machine
from amqpd.metrics.requests import answer
from amqpd.metrics.scrape import SUMMED, TABLES
from amqpd.metrics.survey import RUNS, SAMPLES, SLICE, Survey
from amqpd.metrics.text import labels
from tests.protocol.harness import World, publish

OVERVIEW = [
    "rabbitmq_build_info", "rabbitmq_identity_info", "rabbitmq_queue_messages_ready",
    "rabbitmq_queue_messages_unacked", "rabbitmq_queues", "rabbitmq_queues_created_total",
    "rabbitmq_queues_declared_total", "rabbitmq_queues_deleted_total", "rabbitmq_channels",
    "rabbitmq_channels_opened_total", "rabbitmq_channels_closed_total", "rabbitmq_connections",
    "rabbitmq_connections_opened_total", "rabbitmq_connections_closed_total", "rabbitmq_global_consumers",
    "rabbitmq_global_publishers", "rabbitmq_global_messages_received_total",
    "rabbitmq_global_messages_received_confirm_total", "rabbitmq_global_messages_routed_total",
    "rabbitmq_global_messages_confirmed_total", "rabbitmq_global_messages_unroutable_dropped_total",
    "rabbitmq_global_messages_unroutable_returned_total", "rabbitmq_global_messages_delivered_total",
    "rabbitmq_global_messages_delivered_consume_auto_ack_total",
    "rabbitmq_global_messages_delivered_consume_manual_ack_total",
    "rabbitmq_global_messages_delivered_get_auto_ack_total",
    "rabbitmq_global_messages_delivered_get_manual_ack_total", "rabbitmq_global_messages_get_empty_total",
    "rabbitmq_global_messages_redelivered_total", "rabbitmq_global_messages_acknowledged_total",
    "rabbitmq_process_open_fds", "rabbitmq_process_max_fds", "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_resident_memory_limit_bytes", "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes", "rabbitmq_erlang_uptime_seconds",
]
"""What the dashboard RabbitMQ-Overview needs, but for the sizes of messages (decision 0024)."""

SINGLE = {"rabbitmq_queue_info", "rabbitmq_queue_consumer_capacity", "rabbitmq_queue_head_message_timestamp"}
"""What is told of each queue alone."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def machine(world: World) -> Machine:
    return Machine(
        clock=world.clock,
        started=world.clock.monotonic() - 7,
        resident=lambda: 1000,
        memory_limit=lambda: 2000,
        disk_free=lambda: 3000,
        disk_limit=lambda: 4000,
    )


def read(world: World, target: str = "/metrics") -> Samples:
    """All samples of a scrape; none may come twice."""
    found = answer(target, world.node, machine(world))
    assert found.status == 200
    text = "".join(found.pieces)
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def value(samples: Samples, name: str, **labelled: str) -> float:
    return samples[name, frozenset(labelled.items())]


@pytest.fixture
def world() -> World:
    """Two queues, one with a fan-out and a consumer; a channel that is over, and a queue that is gone."""
    world = World()
    client = world.open(channels=(1, 2, 3))
    for name in ("a", "b", "gone"):
        client.declare(name)
    client.ask(commands.Queue.Bind(queue="a", exchange="amq.fanout"), commands.Queue.BindOk)
    client.ask(commands.Queue.Bind(queue="b", exchange="amq.fanout"), commands.Queue.BindOk)
    client.call(commands.Confirm.Select(), 2)
    client.send(*[publish("", b"x", "amq.fanout", channel=2)] * 3, publish("nowhere", b"x"))
    client.send(publish("nowhere", b"x", mandatory=True), publish("gone", b"x"), publish("gone", b"x"))
    client.read()
    client.get("gone", no_ack=True)
    client.call(commands.Queue.Delete(queue="gone"))
    client.call(commands.Basic.Qos(prefetch_count=2), 3)
    client.consume("a", channel=3)
    client.call(commands.Basic.Ack(1), 3)
    client.call(commands.Basic.Nack(2, requeue=True), 3)
    client.call(commands.Channel.Close(200, "", 0, 0), 2)
    return world


def test_everything_that_the_overview_dashboard_needs_is_there(world: World) -> None:
    for target in ("/metrics", "/metrics/per-object"):
        names = {name for name, _ in read(world, target)}
        assert set(OVERVIEW) - names == set()


def test_identity_can_be_joined_with_everything_else(world: World) -> None:
    for target, endpoint in (
        ("/metrics", "aggregated"),
        ("/metrics/per-object", "per-object"),
        ("/metrics/detailed", "detailed"),
    ):
        found = [dict(each) for name, each in read(world, target) if name == "rabbitmq_identity_info"]
        assert [each["rabbitmq_endpoint"] for each in found] == [endpoint]
        assert found[0]["rabbitmq_node"] == world.broker.name
        assert found[0]["rabbitmq_cluster"] == world.node.settings.cluster_name
        assert found[0]["rabbitmq_cluster_permanent_id"].startswith("rabbitmq-cluster-id-")


def test_global_counters_keep_what_has_ended(world: World) -> None:
    samples = read(world)
    protocol = {"protocol": "amqp091"}
    for name, expected in (
        ("received", 7), ("received_confirm", 3), ("routed", 8), ("confirmed", 3), ("unroutable_dropped", 1),
        ("unroutable_returned", 1),
    ):  # fmt: skip
        assert value(samples, f"rabbitmq_global_messages_{name}_total", **protocol) == expected, name
    classic = {**protocol, "queue_type": "rabbit_classic_queue"}
    for name, expected in (
        ("delivered", 5), ("delivered_consume_auto_ack", 0), ("delivered_consume_manual_ack", 4),
        ("delivered_get_auto_ack", 1), ("delivered_get_manual_ack", 0), ("get_empty", 0), ("redelivered", 1),
        ("acknowledged", 1),
    ):  # fmt: skip
        assert value(samples, f"rabbitmq_global_messages_{name}_total", **classic) == expected, name
    for name, expected in (("queues", 2), ("channels", 2), ("connections", 1), ("consumers", 1)):
        assert value(samples, f"rabbitmq_{name}") == expected
    assert value(samples, "rabbitmq_global_publishers", **protocol) == 1
    assert value(samples, "rabbitmq_queues_deleted_total") == 1
    assert value(samples, "rabbitmq_channels_closed_total") == 1


def test_queues_have_their_vhost_and_name_as_labels_and_no_others(world: World) -> None:
    samples = read(world, "/metrics/per-object")
    a, b = {"vhost": "/", "queue": "a"}, {"vhost": "/", "queue": "b"}
    for name, of_a, of_b in (
        ("messages_ready", 0, 3), ("messages_unacked", 2, 0), ("messages", 2, 3), ("consumers", 1, 0),
        ("messages_published_total", 3, 3), ("messages_delivered_ack_total", 4, 0), ("messages_delivered_total", 0, 0),
        ("messages_redelivered_total", 1, 0), ("messages_acked_total", 1, 0), ("get_ack_total", 0, 0),
    ):  # fmt: skip
        assert value(samples, f"rabbitmq_queue_{name}", **a) == of_a, name
        assert value(samples, f"rabbitmq_queue_{name}", **b) == of_b, name
    kind = {"queue_type": "rabbit_classic_queue", "membership": "leader"}
    assert value(samples, "rabbitmq_queue_info", **a, **kind) == 1
    assert {frozenset(dict(each)) for name, each in samples if name.startswith("rabbitmq_queue_messages")} == {
        frozenset({"vhost", "queue"})
    }


def test_aggregated_metrics_are_the_sums_and_what_has_ended(world: World) -> None:
    each, summed = read(world, "/metrics/per-object"), read(world)
    sums: dict[str, float] = {}
    for (name, labelled), number in each.items():
        if dict(labelled).keys() & {"queue", "channel"} and name not in SINGLE:
            sums[name] = sums.get(name, 0) + number
    told = {name: value(summed, name) for name in sums}
    ended = {
        "rabbitmq_queue_messages_published_total": 2,
        "rabbitmq_queue_get_total": 1,
        "rabbitmq_channel_messages_published_total": 3,
        "rabbitmq_channel_messages_confirmed_total": 3,
    }
    assert told == {name: number + ended.get(name, 0) for name, number in sums.items()}


def test_channels_and_connections_are_labelled_by_their_process(world: World) -> None:
    samples = read(world, "/metrics/per-object")
    connection = next(iter(world.node.connections))
    channel = {"channel": connection.channels[3].pid}
    assert value(samples, "rabbitmq_channel_messages_delivered_ack_total", **channel) == 4
    assert value(samples, "rabbitmq_channel_messages_acked_total", **channel) == 1
    assert value(samples, "rabbitmq_channel_messages_unacked", **channel) == 2
    assert value(samples, "rabbitmq_consumer_prefetch", **channel) == 2
    of_connection = {"channel": connection.pid}
    assert value(samples, "rabbitmq_connection_channels", **of_connection) == 2
    assert value(samples, "rabbitmq_connection_incoming_bytes_total", **of_connection) == connection.received
    assert value(samples, "rabbitmq_connection_outgoing_bytes_total", **of_connection) == connection.outbox.sent


def test_the_machine_and_the_alarms_are_told(world: World) -> None:
    world.broker.alarms.set(MEMORY, "test", True)
    samples = read(world)
    assert value(samples, "rabbitmq_process_resident_memory_bytes") == 1000
    assert value(samples, "rabbitmq_resident_memory_limit_bytes") == 2000
    assert value(samples, "rabbitmq_disk_space_available_bytes") == 3000
    assert value(samples, "rabbitmq_disk_space_available_limit_bytes") == 4000
    assert value(samples, "rabbitmq_erlang_uptime_seconds") == 7
    assert value(samples, "rabbitmq_alarms_memory_used_watermark") == 1
    assert value(samples, "rabbitmq_alarms_free_disk_space_watermark") == 0
    assert value(samples, "amqpd_account_messages_bytes") == world.broker.account.octets


def test_what_the_platform_does_not_tell_is_left_out() -> None:
    world = World()
    text = "".join(answer("/metrics", world.node, Machine(clock=ManualClock(), started=0)).pieces)
    assert "rabbitmq_resident_memory_limit_bytes" not in text
    assert "rabbitmq_erlang_uptime_seconds" in text


def test_dead_letters_are_counted_by_reason_and_strategy() -> None:
    world = World()
    client = world.open()
    arguments: dict[str, int | str] = {"x-max-length": 1, "x-dead-letter-exchange": "amq.fanout"}
    client.ask(commands.Queue.Declare(queue="q", arguments={**arguments}), commands.Queue.DeclareOk)
    client.declare("plain")
    client.fill("q", b"a", b"b", b"c")
    client.fill("plain", b"a")
    client.call(commands.Basic.Reject(client.get("plain").method.delivery_tag, False))  # type: ignore[attr-defined]
    samples = read(world)
    classic = {"queue_type": "rabbit_classic_queue"}
    name = "rabbitmq_global_messages_dead_lettered_{}_total"
    assert value(samples, name.format("maxlen"), **classic, dead_letter_strategy="at_most_once") == 2
    assert value(samples, name.format("rejected"), **classic, dead_letter_strategy="disabled") == 1
    assert value(samples, name.format("expired"), **classic, dead_letter_strategy="disabled") == 0
    expired = [dict(labelled) for each, labelled in samples if each == name.format("expired")]
    assert {(each["queue_type"], each["dead_letter_strategy"]) for each in expired} == {
        ("rabbit_classic_queue", "disabled"), ("rabbit_classic_queue", "at_most_once"),
        ("rabbit_quorum_queue", "disabled"), ("rabbit_quorum_queue", "at_most_once"),
        ("rabbit_quorum_queue", "at_least_once"),
    }, "as RabbitMQ has them"  # fmt: skip
    client.call(commands.Queue.Delete(queue="q"))
    samples = read(world)
    assert value(samples, name.format("maxlen"), **classic, dead_letter_strategy="at_most_once") == 2


def test_detailed_has_what_was_asked_for_of_whom_it_was_asked_for(world: World) -> None:
    assert {name for name, _ in read(world, "/metrics/detailed")} == {"rabbitmq_build_info", "rabbitmq_identity_info"}
    world.broker.add_vhost("other").add_queue("b2", False, False, None, EMPTY)
    target = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count&queue=%5Eb"
    name = "rabbitmq_detailed_queue_messages_ready"
    found = {labelled for each, labelled in read(world, target) if each == name}
    assert found == {
        frozenset({("vhost", "/"), ("queue", "b")}),
        frozenset({("vhost", "other"), ("queue", "b2")}),
    }
    found = {labelled for each, labelled in read(world, target + "&vhost=other") if each == name}
    assert found == {frozenset({("vhost", "other"), ("queue", "b2")})}
    samples = read(world, "/metrics/detailed?family=exchange_metrics&family=exchange_names&family=vhost_status")
    fanout = {"vhost": "/", "exchange": "amq.fanout"}
    assert value(samples, "rabbitmq_detailed_exchange_messages_published_total", **fanout) == 3
    assert value(samples, "rabbitmq_cluster_exchange_name", **fanout, type="fanout") == 1
    assert value(samples, "rabbitmq_cluster_vhost_status", vhost="other") == 1
    samples = read(world, "/metrics/detailed?family=exchange_bindings")
    assert value(samples, "rabbitmq_cluster_exchange_bindings", **fanout, type="fanout") == 2


def test_sizes_of_messages_are_told_by_queue_and_together(world: World) -> None:
    client = world.open()
    client.declare("heavy")
    client.fill("heavy", b"a" * 100, b"b" * 10)
    client.get("heavy")
    of = {"vhost": "/", "queue": "heavy"}
    for target, prefix in (
        ("/metrics/per-object", "rabbitmq_queue"),
        ("/metrics/detailed?family=queue_metrics&family=queue_consumer_count", "rabbitmq_detailed_queue"),
    ):
        samples = read(world, target)
        assert value(samples, f"{prefix}_messages_bytes", **of) == 110
        assert value(samples, f"{prefix}_messages_ready_bytes", **of) == 10
        assert value(samples, f"{prefix}_messages_unacked_bytes", **of) == 100
        assert value(samples, f"{prefix}_messages_ram", **of) == 2
        assert value(samples, f"{prefix}_messages_persistent", **of) == 0
        assert value(samples, f"{prefix}_consumers", **of) == 0
    samples = read(world)
    assert value(samples, "rabbitmq_queue_messages_bytes") >= 110
    assert value(samples, "rabbitmq_queue_messages_paged_out_bytes") == 0


def test_capacities_and_first_messages_are_told_by_queue(world: World) -> None:
    """Queue c holds a message that is out and was sent at 5, and one that is ready and was sent at 3."""
    client = world.open()
    client.declare("c")
    for sent in (5, 3):
        client.send(publish("c", properties=commands.Basic.Properties(timestamp=datetime.fromtimestamp(sent, UTC))))
    client.get("c")
    samples = read(world, "/metrics/per-object")
    assert value(samples, "rabbitmq_queue_head_message_timestamp", vhost="/", queue="c") == 3
    client.call(commands.Queue.Purge(queue="c"))
    samples = read(world, "/metrics/per-object")
    assert value(samples, "rabbitmq_queue_head_message_timestamp", vhost="/", queue="c") == 5
    assert [name for name, _ in samples].count("rabbitmq_queue_head_message_timestamp") == 1, "of others it is unknown"
    for name in ("capacity", "utilisation"):
        assert value(samples, f"rabbitmq_queue_consumer_{name}", vhost="/", queue="a") == 1
        assert value(samples, f"rabbitmq_queue_consumer_{name}", vhost="/", queue="b") == 0
    names = {name for name, _ in read(world)}
    assert "rabbitmq_queue_consumer_utilisation" in names
    assert not SINGLE & names


def test_the_memory_has_an_endpoint_of_its_own(world: World) -> None:
    samples = read(world, "/metrics/memory-breakdown")
    assert value(samples, "rabbitmq_process_resident_memory_bytes") == 1000
    endpoints = [dict(each)["rabbitmq_endpoint"] for name, each in samples if name == "rabbitmq_identity_info"]
    assert endpoints == ["memory-breakdown"]


def test_logins_by_source_are_there_once_they_are_counted(world: World) -> None:
    target = "/metrics/detailed?family=auth_attempt_detailed_metrics"
    assert not [name for name, _ in read(world, target) if "auth" in name]
    sources = world.broker.statistics.login_sources = LoginSources()
    sources.count(Source("http", "::1", 'o"dd'), accepted=False)
    samples, of = read(world, target), {"remote_address": "::1", "username": 'o"dd', "protocol": "http"}
    assert value(samples, "rabbitmq_detailed_auth_attempts_detailed_total", **of) == 1
    assert value(samples, "rabbitmq_detailed_auth_attempts_detailed_succeeded_total", **of) == 0
    assert value(samples, "rabbitmq_detailed_auth_attempts_detailed_failed_total", **of) == 1


@pytest.mark.parametrize(
    "family", [*TABLES, "connection_churn_metrics", "node_coarse_metrics", "node_metrics", "auth_attempt_metrics"]
)
def test_every_family_can_be_had_alone(world: World, family: str) -> None:
    names = {name for name, _ in read(world, f"/metrics/detailed?family={family}")}
    assert names > {"rabbitmq_build_info", "rabbitmq_identity_info"}


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/", 200, "metrics are at /metrics"),
        ("/nowhere", 404, "Not Found"),
        ("/metricsx", 404, "Not Found"),
        ("/metrics/nowhere", 404, "Unknown Registry"),
        ("/metrics/aggregated", 404, "Unknown Registry"),
        ("/metrics/detailed?family=queue_metrics&queue=(", 400, "bad value for 'queue': '('"),
        ("//[", 404, "Not Found"),
        ("http://[/metrics", 404, "Not Found"),
        ("/metrics/detailed?" + "a=b&" * 2000, 400, "more than 1000 parameters"),
    ],
)
def test_paths_that_lead_elsewhere(target: str, status: int, text: str) -> None:
    world = World()
    found = answer(target, world.node, machine(world))
    assert found.status == status
    assert "".join(found.pieces).startswith(text)


def test_names_with_quotes_backslashes_and_line_feeds_come_through() -> None:
    world = World()
    odd = 'a"b\\c\nd{e="f",}'
    world.broker.vhosts["/"].add_queue(odd, False, False, None, EMPTY)
    samples = read(world, "/metrics/per-object")
    assert value(samples, "rabbitmq_queue_messages", vhost="/", queue=odd) == 0
    assert labels() == ""


# -- slices, by what they do and not by how long that takes -----------------------------------------------------------

MANY = 10 * SLICE * SAMPLES


@pytest.fixture(scope="module")
def crowded() -> World:
    world = World()
    for number in range(MANY):
        world.broker.vhosts["/"].add_queue(f"q{number}", False, False, None, EMPTY)
    return world


def test_a_survey_looks_at_no_more_than_a_slice_at_once(crowded: World) -> None:
    survey = Survey(crowded.node)
    seen = [0, *[len(survey.queues) for _ in survey.collect()]]
    assert len(survey.queues) == MANY
    assert max(after - before for before, after in pairwise(seen)) == SLICE


def longest(pieces: Iterator[str]) -> int:
    return max(piece.count("\n") for piece in pieces)


def test_no_piece_of_text_is_more_than_a_slice(crowded: World) -> None:
    once = longest(answer("/metrics", World().node, machine(crowded)).pieces)
    pieces = list(answer("/metrics/per-object", crowded.node, machine(crowded)).pieces)
    assert longest(iter(pieces)) <= max(once, SLICE * SAMPLES + 2)
    assert len(pieces) > MANY / SLICE + sum(len(TABLES[name].families) for name in SUMMED if "queue_" in name[:6])
    target = "/metrics/detailed?family=queue_coarse_metrics&queue=1"
    assert len(list(answer(target, crowded.node, machine(crowded)).pieces)) > MANY / SLICE


def test_sums_are_made_in_slices_too(crowded: World) -> None:
    pieces = list(answer("/metrics", crowded.node, machine(crowded)).pieces)
    assert pieces.count("") >= MANY / SLICE - 1 + math.ceil(MANY / (SLICE * SAMPLES))


def test_a_queue_that_goes_while_a_scrape_is_under_way_does_no_harm() -> None:
    world = World()
    vhost = world.broker.vhosts["/"]
    for number in range(3 * SLICE):
        vhost.add_queue(f"q{number}", False, False, None, EMPTY)
    pieces = answer("/metrics/per-object", world.node, machine(world)).pieces
    for piece in pieces:
        for queue in list(vhost.queues.values())[-5:]:
            vhost.delete_queue(queue)
        assert "\n\n" not in piece
    assert world.broker.statistics.gone_queues["classic"] == QueueCounts()


def test_deep_queues_are_weighed_in_slices() -> None:
    world = World()
    client = world.open()
    client.declare("deep")
    client.fill("deep", *[b"x"] * (4 * RUNS * RUN))
    pieces = list(answer("/metrics", world.node, machine(world)).pieces)
    assert f"rabbitmq_queue_messages_bytes {4 * RUNS * RUN}\n" in "".join(pieces)
    again = list(answer("/metrics", world.node, machine(world)).pieces)
    assert len(pieces) - len(again) == 4
