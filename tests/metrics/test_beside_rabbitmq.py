"""Every metric that a real RabbitMQ serves is served with the same labels, or stands here with the reason why not."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from threading import Event

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conformance.rabbitmq import Unavailable
from interop.matrix import operated, watched
from interop.matrix.targets import AMQPD, RABBITMQ
from tests.forms import once

pytestmark = once

LACKING: Mapping[str, str] = {
    r"erlang_(vm|mnesia)_.*|telemetry_.*|process_start_time_seconds": "of Erlang's and its library's",
    r"(channel|connection|queue)_process_.*": "there is no process for each",
    r"erlang_(gc_reclaimed|net|processes|scheduler)_.*": "of Erlang's machine",
    r"(io|msg_store|queue_index|queue_disk|schema_db|raft)_.*": "operations of RabbitMQ's own storage",
    r"channel_messages_redelivered_total": "not kept by channel (decision 0024)",
}
DIFFERENT: Mapping[str, str] = {
    r"(build|identity)_info": "more labels, of later versions",
    r"channel_(get|messages)_.*": "by channel alone, not by its queue or exchange (decision 0024)",
    r"queue_messages_published_total": "by queue alone: every channel and exchange would be a series of its own",
    r"alarms_.*": "gauges, as in later versions",
}
FURTHER: Mapping[str, str] = {
    r"amqpd_.*": "amqpd's own",
    r"alarms_.*|queue_(info|messages_persistent_bytes)": "of later versions, or there in sums alone",
    r"queue_(get|messages)_(ack|acked|empty|total|delivered|delivered_ack|redelivered)(_total)?": "of later versions",
}
FAMILIES = (
    "queue_coarse_metrics queue_consumer_count queue_metrics channel_metrics connection_metrics "
    "connection_coarse_metrics connection_churn_metrics node_metrics node_coarse_metrics auth_attempt_metrics "
    "channel_exchange_metrics"
)
DETAILED = "/metrics/detailed?" + "&".join(f"family={each}" for each in FAMILIES.split())
PATHS = ("/metrics", "/metrics/per-object", DETAILED)
PREFIX = re.compile("rabbitmq_(detailed_)?")
READY = 15.0

Shapes = dict[str, set[tuple[str, frozenset[str]]]]


def shapes(url: str, path: str) -> Shapes:
    """Kind and labels of each metric, by name without prefix."""
    found: Shapes = {}
    with urllib.request.urlopen(url + path, timeout=20) as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            for sample in family.samples:
                name = PREFIX.sub("", sample.name)
                found.setdefault(name, set()).add((family.type, frozenset(sample.labels)))
    return found


def unexplained(names: set[str], reasons: Mapping[str, str]) -> list[str]:
    return sorted(name for name in names if not any(re.fullmatch(pattern, name) for pattern in reasons))


@pytest.fixture(scope="module")
def urls() -> Generator[tuple[str, str]]:
    """Where amqpd and RabbitMQ serve their metrics, each with a client that consumes."""
    try:
        with ExitStack() as stack:
            ours, theirs = stack.enter_context(operated.running((AMQPD, RABBITMQ)))
            for each in (ours, theirs):
                stack.enter_context(watched.connected(each, "metrics"))
            where = [each.environment()["METRICS_URL"] for each in (ours, theirs)]
            settle(where[1])
            yield where[0], where[1]
    except Unavailable as error:
        pytest.skip(str(error))


def settle(url: str) -> None:
    """Wait until RabbitMQ has collected what there is of its client."""
    pause, give_up = Event(), time.monotonic() + READY
    while not {"channel_consumers", "queue_consumers", "channel_messages_acked_total"} <= shapes(url, PATHS[1]).keys():
        assert time.monotonic() < give_up, "RabbitMQ did not collect its statistics"
        pause.wait(0.1)


@pytest.mark.parametrize("path", PATHS)
def test_every_metric_is_there_with_its_labels(urls: tuple[str, str], path: str) -> None:
    ours, theirs = (shapes(url, path) for url in urls)
    assert unexplained(theirs.keys() - ours.keys(), LACKING) == []
    assert unexplained(ours.keys() - theirs.keys(), FURTHER) == []
    assert unexplained({name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}, DIFFERENT) == []
