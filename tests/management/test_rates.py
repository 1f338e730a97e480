"""Rates and samples: what counters were before, looked at every five seconds of the broker's clock."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from typing import Any

import pika
import pytest

from amqpd.management.rates import sampler
from amqpd.management.rates.history import DETAILED, GLOBAL, History

STATS = {"publish", "confirm", "return_unroutable", "drop_unroutable"}
"""Shown together."""


@pytest.fixture
def still(api: Any) -> Any:
    """A broker whose time moves by `tick` alone, and stands in the middle between two looks."""
    api.broker.clock.freeze()
    api.broker.clock.advance(7.5 - time.time() % 5)  # looks come at multiples of five seconds of the wall's clock
    return api


def tick(api: Any, count: int = 1) -> None:
    for _ in range(count):
        api.broker.clock.advance(5)


@pytest.fixture
def channel(still: Any) -> Generator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(still.broker.url))
    channel = connection.channel()
    channel.queue_declare("q", durable=True)
    yield channel
    connection.close()


def publish(channel: Any, count: int, exchange: str = "", key: str = "q") -> None:
    for _ in range(count):
        channel.basic_publish(exchange, key, b"x")
    channel.queue_declare("q", passive=True)  # what was sent before it has arrived


def test_a_rate_is_what_came_between_the_last_two_looks(still: Any, channel: Any) -> None:
    tick(still)
    publish(channel, 10)
    assert rate(still, "/queues/%2F/q") == 0.0
    tick(still)
    assert rate(still, "/queues/%2F/q") == 2.0
    assert rate(still, "/queues/%2F/q", "messages_details") == 2.0
    publish(channel, 5)
    tick(still)
    assert rate(still, "/queues/%2F/q") == 1.0
    channel.queue_purge("q")
    tick(still)
    assert rate(still, "/queues/%2F/q") == 0.0
    assert rate(still, "/queues/%2F/q", "messages_details") == -3.0


def rate(api: Any, path: str, *names: str) -> Any:
    found = api.get(path)
    for name in names or ("message_stats", "publish_details"):
        found = found[name]
    return found["rate"]


def test_what_is_new_had_nothing_before(still: Any, channel: Any) -> None:
    tick(still)
    channel.queue_declare("new")
    publish(channel, 20, key="new")
    tick(still)
    assert rate(still, "/queues/%2F/new") == 4.0


def test_channels_connections_exchanges_vhosts_and_the_overview_have_rates_too(still: Any, channel: Any) -> None:
    channel.exchange_declare("x", "fanout")
    for name in ("a", "b"):
        channel.queue_declare(name)
        channel.queue_bind(name, "x")
    tick(still)
    publish(channel, 15, "x")
    tick(still)
    (of_channel,) = still.get("/channels")
    (connection,) = still.get("/connections")
    assert of_channel["message_stats"]["publish_details"]["rate"] == 3.0
    assert connection["recv_oct_details"]["rate"] > 15 * 20 / 5
    assert connection["send_oct_details"]["rate"] > 0
    (vhost,) = still.get("/vhosts")
    assert vhost["message_stats"]["publish_details"]["rate"] == 3.0
    assert vhost["messages_details"]["rate"] == 6.0
    assert vhost["recv_oct_details"] == connection["recv_oct_details"]
    stats = still.get("/exchanges/%2F/x")["message_stats"]
    assert (stats["publish_in"], stats["publish_in_details"]) == (15, {"rate": 3.0})
    assert (stats["publish_out"], stats["publish_out_details"]) == (30, {"rate": 6.0})
    assert "message_stats" not in still.get("/exchanges/%2F/amq.topic")
    overview = still.get("/overview")
    assert overview["message_stats"]["publish_details"]["rate"] == 3.0
    assert overview["queue_totals"]["messages_ready_details"]["rate"] == 6.0
    assert overview["message_stats"].keys() == STATS | {f"{name}_details" for name in STATS}


def test_what_came_and_went_has_rates(still: Any, channel: Any) -> None:
    tick(still)
    for number in range(10):
        channel.queue_declare(f"q{number}")
    tick(still)
    assert rate(still, "/overview", "churn_rates", "queue_created_details") == 2.0


def test_what_has_ended_stays_in_the_sums_of_its_vhost(still: Any, channel: Any) -> None:
    other = pika.BlockingConnection(pika.URLParameters(still.broker.url))
    publish(other.channel(), 7)
    before = still.get("/vhosts/%2F")
    other.close()
    after = still.get("/vhosts/%2F")
    assert after["message_stats"]["publish"] == 7
    assert after["recv_oct"] >= before["recv_oct"]


def test_a_user_sees_the_rates_of_its_own_vhosts(still: Any, channel: Any) -> None:
    still.broker.add_vhost("own")
    still.broker.add_user("somebody", "secret", ("management",))
    still.broker.grant("somebody", "own")
    tick(still)
    publish(channel, 10)
    tick(still)
    assert still.get("/overview", login="somebody:secret")["message_stats"] == {}
    still.broker.grant("somebody", "/")
    stats = still.get("/overview", login="somebody:secret")["message_stats"]
    assert (stats["publish"], stats["publish_details"]) == (10, {"rate": 2.0})


def test_samples_come_newest_first_with_their_mean_and_the_rate_over_all_of_them(still: Any, channel: Any) -> None:
    tick(still)
    for _ in range(3):
        publish(channel, 10)
        tick(still)
    query = "lengths_age=15&lengths_incr=5&msg_rates_age=10&msg_rates_incr=10"
    queue = still.get(f"/queues/%2F/q?{query}")
    details = queue["messages_details"]
    assert [each["sample"] for each in details["samples"]] == [30, 20, 10, 0]
    times = [each["timestamp"] for each in details["samples"]]
    assert times == [times[0] - 5000 * back for back in range(4)]
    assert times[0] % 5000 == 0
    assert (details["rate"], details["avg"], details["avg_rate"]) == (2.0, 15.0, 2.0)
    assert [each["sample"] for each in queue["message_stats"]["publish_details"]["samples"]] == [30, 10]
    overview = still.get(f"/overview?{query}")
    assert overview["queue_totals"]["messages_details"]["samples"] == details["samples"]


def test_nodes_have_samples(still: Any) -> None:
    tick(still, 2)
    (node,) = still.get("/nodes?node_stats_age=5&node_stats_incr=5")
    assert len(node["mem_used_details"]["samples"]) == 2
    assert len(node["fd_used_details"]["samples"]) == 2


@pytest.mark.parametrize("query", ["lengths_age=600&lengths_incr=1", "data_rates_age=5&data_rates_incr=0"])
def test_ranges_that_make_no_sense_are_refused_everywhere(api: Any, query: str) -> None:
    for path in ("/overview", "/queues", "/nodes", "/connections"):
        answer = api("GET", f"{path}?{query}")
        assert (answer.status, answer.json["error"]) == (400, "invalid_range_parameters")


def test_of_many_objects_those_are_looked_at_that_somebody_asks_for(still: Any, channel: Any) -> None:
    for number in range(sampler.SMALL):
        channel.queue_declare(f"q{number}")
    tick(still)
    publish(channel, 10)
    tick(still)
    assert rate(still, "/queues/%2F/q") == 0.0
    assert rate(still, "/overview") == 0.0
    tick(still)
    publish(channel, 10)
    tick(still)
    assert rate(still, "/queues/%2F/q") == 2.0
    assert rate(still, "/overview") == 2.0
    tick(still, sampler.INTEREST // 5 + 1)
    publish(channel, 10)
    tick(still)
    assert rate(still, "/queues/%2F/q") == 0.0


def test_what_is_idle_says_since_when(still: Any, channel: Any) -> None:
    publish(channel, 1)
    tick(still)
    assert "idle_since" not in still.get("/queues/%2F/q")
    tick(still, 2)
    since = still.get("/queues/%2F/q")["idle_since"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d[05]\.000\+00:00", since)
    (shown,) = still.get("/channels")
    assert shown["idle_since"] == since
    tick(still)
    assert still.get("/queues/%2F/q")["idle_since"] == since
    publish(channel, 1)
    tick(still)
    assert "idle_since" not in still.get("/queues/%2F/q")


def test_what_is_deleted_is_forgotten(still: Any, channel: Any) -> None:
    publish(channel, 10)
    tick(still)
    channel.queue_delete("q")
    channel.queue_declare("q")
    tick(still)
    assert rate(still, "/queues/%2F/q", "messages_details") == 0.0


# -- histories ---------------------------------------------------------------------------------------------------------


def test_a_history_keeps_ten_minutes_and_an_hour_of_minutes() -> None:
    history = History(DETAILED)
    for number in range(2000):
        history.record(1000 + number, (number,), 1000)
    newest = 2999
    assert history.at(newest) == (1999,)
    assert history.at(newest - 119) == (1880,)
    for back in (121, 400, 700):
        at = history.at(newest - back)
        assert at is not None
        assert 1999 - back - 12 <= at[0] <= 1999 - back
    oldest = history.at(0)
    assert oldest is not None
    assert oldest[0] >= 1999 - 61 * 12


def test_a_history_of_what_does_not_change_is_one_sample() -> None:
    history = History(GLOBAL)
    for number in range(1, 30_000):
        history.record(number, (5,), 1000)
    assert history.last == 29_999
    assert history.at(29_999) == history.at(1) == (5,)


@pytest.mark.parametrize("room", [2, 10])
def test_a_history_takes_no_more_than_its_room(room: int) -> None:
    history = History(DETAILED)
    for number in range(1, 500):
        history.record(number, (number,), room)
    assert history.at(499) == (499,)
    assert history.at(498) == (498,)
    oldest = history.at(1)
    assert oldest is not None
    assert oldest[0] > 499 - 12 * (room + 1)


def test_before_the_first_look_nothing_is_known() -> None:
    assert History(DETAILED).at(5) is None
