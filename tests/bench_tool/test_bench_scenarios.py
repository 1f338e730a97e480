"""Every scenario of ``amqpd bench`` with tiny numbers against a running broker, through its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.command import bench
from amqpd.cli.bench.failures import BrokerClosedError
from amqpd.cli.bench.topology import lay
from amqpd.cli.bench.url import parse_url


def run_bench(*arguments: str) -> Result:
    return CliRunner().invoke(bench, arguments)


def measure(broker_url: str, *arguments: str) -> dict[str, Any]:
    result = run_bench(*arguments, "--url", broker_url, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--size", "0"),
        ("--size", "300000"),
        ("--confirm", "7"),
        ("--ack", "--prefetch", "10"),
        ("--ack", "--prefetch", "0"),
        ("--multi-ack-every", "3", "-q", "10"),
        ("--confirm", "--ack", "--persistent", "--durable"),
        ("-x", "3", "--queues", "2"),
        ("-x", "2", "--queues", "3", "-y", "4", "--processes", "3"),
        ("--pattern", "1:3"),
        ("--pattern", "1:3", "--queues", "1", "--ack"),
        ("--pattern", "3:1"),
        ("--pattern", "3:3", "--queues", "3"),
        ("--rate", "5000"),
        ("--exchange-type", "direct", "--routing-keys", "5"),
        ("--exchange-type", "fanout"),
        ("--exchange-type", "topic", "--routing-keys", "200", "--ack"),
        ("--exchange-type", "headers", "--persistent", "--queues", "2"),
        ("--exchange-type", "topic", "--exchange", "amq.topic"),
        ("--headers", "kind=bench", "--headers", "number=7"),
        ("--queue-type", "quorum", "--durable", "--confirm", "--ack"),
        ("--lag", "20", "--confirm", "10", "--ack-every", "2"),
    ],
    ids=" ".join,
)
def test_throughput_counts_every_message_in_and_out(broker_url: str, options: tuple[str, ...]) -> None:
    figures = measure(broker_url, "throughput", "--messages", "50", *options)["figures"]

    assert {"publish_per_s", "consume_per_s"} <= set(figures)
    assert all(rate > 0 for rate in figures.values())


def test_throughput_without_consumers_reports_publishing_alone(broker_url: str) -> None:
    answer = measure(broker_url, "throughput", "--messages", "50", "--consumers", "0", "--confirm")

    assert set(answer["figures"]) == {"publish_per_s"}


def test_throughput_for_a_time_tells_how_even_it_was(broker_url: str) -> None:
    figures = measure(broker_url, "throughput", "--time", "0.2", "--pattern", "2:2", "--rate", "200")["figures"]

    assert figures["slowest_publisher_per_s"] <= figures["fastest_publisher_per_s"]
    assert figures["slowest_consumer_per_s"] <= figures["fastest_consumer_per_s"]


def test_large_messages_are_told_in_octets_too(broker_url: str) -> None:
    figures = measure(broker_url, "throughput", "--messages", "5", "--size", "1000000")["figures"]

    assert figures["publish_mb_per_s"] == pytest.approx(figures["publish_per_s"], rel=0.1)
    assert "consume_mb_per_s" in figures


def test_throughput_leaves_nothing_behind(broker_url: str) -> None:
    with Connection(parse_url(broker_url)) as control, ExitStack() as stack:
        topology = lay(
            control, stack, queues=2, exchange_type="topic", routing_keys=1, queue_type="", durable=False
        )
        exchange = topology.routes[0][0].exchange

    for gone in (*topology.queues, exchange):
        with Connection(parse_url(broker_url)) as another, pytest.raises(BrokerClosedError, match="404 NOT_FOUND"):
            another.bind(gone, exchange, "")


def test_the_closed_loop_reports_percentiles_in_ascending_order(broker_url: str) -> None:
    figures = measure(broker_url, "latency", "--messages", "100")["figures"]

    assert list(figures) == ["p50_us", "p90_us", "p99_us", "p99.9_us", "p99.99_us", "max_us"]
    assert list(figures.values()) == sorted(figures.values())


def test_the_open_loop_also_reports_how_late_the_client_was(broker_url: str) -> None:
    figures = measure(broker_url, "latency", "--messages", "100", "--rate", "2000")["figures"]

    assert {"p50_us", "p99.99_us", "send_lag_p99_us", "sent_per_s"} <= set(figures)


@pytest.mark.parametrize("options", [("--messages", "100"), ("--messages", "100", "--rate", "5000")], ids=" ".join)
def test_the_histogram_holds_every_message(broker_url: str, options: tuple[str, ...]) -> None:
    histogram = measure(broker_url, "latency", *options)["histogram"]

    assert sum(count for _, count in histogram) == 100
    assert [upper for upper, _ in histogram] == sorted(upper for upper, _ in histogram)


@pytest.mark.parametrize("options", [(), ("--rate", "500")], ids=" ".join)
def test_latency_can_be_measured_for_a_time(broker_url: str, options: tuple[str, ...]) -> None:
    answer = measure(broker_url, "latency", "--time", "0.2", "--queue-type", "classic", *options)

    assert answer["figures"]["p50_us"] > 0
    assert answer["options"]["messages"] is None


def test_an_open_loop_beyond_any_broker_still_times_every_message(broker_url: str) -> None:
    answer = measure(broker_url, "latency", "--messages", "3000", "--rate", "1e9")

    assert sum(count for _, count in answer["histogram"]) == 3000


@pytest.mark.parametrize(
    ("what", "made", "removed"),
    [
        ("connections", "opens", "closes"),
        ("channels", "opens", "closes"),
        ("queues", "declares", "deletes"),
        ("bindings", "binds", "unbinds"),
        ("consumers", "consumes", "cancels"),
    ],
)
@pytest.mark.parametrize("alive", ["1", "4"])
def test_churn_reports_making_and_removing(broker_url: str, what: str, made: str, removed: str, alive: str) -> None:
    figures = measure(broker_url, "churn", what, "--count", "10", "--alive", alive)["figures"]

    assert list(figures) == [f"{made}_per_s", f"{removed}_per_s", "churned_per_s"]
    assert all(rate > 0 for rate in figures.values())


def test_churn_can_be_shared_by_processes(broker_url: str) -> None:
    answer = measure(broker_url, "churn", "queues", "--count", "7", "--processes", "2", "--durable")

    assert answer["options"]["processes"] == 2
    assert answer["figures"]["declares_per_s"] > 0


def test_idle_reports_the_rate_of_opening(broker_url: str) -> None:
    assert measure(broker_url, "idle", "--connections", "5", "--time", "0.01")["figures"]["opens_per_s"] > 0


@pytest.mark.parametrize(
    ("options", "figure"),
    [
        ((), "drain_per_s"),
        (("--confirm", "10", "--persistent", "--durable"), "drain_per_s"),
        (("--delete",), "delete_seconds"),
    ],
    ids=str,
)
def test_backlog_reports_filling_and_emptying(broker_url: str, options: tuple[str, ...], figure: str) -> None:
    figures = measure(broker_url, "backlog", "--messages", "100", *options)["figures"]

    assert figures["publish_per_s"] > 0
    assert figures[figure] >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="the broker's memory is read under Linux's /proc")
@pytest.mark.parametrize(("scenario", "figure"), [("idle", "bytes_per_connection"), ("backlog", "bytes_per_message")])
def test_memory_is_reported_for_a_local_broker(broker_url: str, scenario: str, figure: str) -> None:
    figures = measure(broker_url, scenario, "-C", "5")["figures"]

    assert figure in figures
    assert figures["rss_bytes"] > 0


def test_the_answer_names_the_broker_and_all_that_is_needed_to_measure_again(broker_url: str) -> None:
    answer = measure(broker_url, "latency", "--messages", "10", "--size", "33")

    assert answer["scenario"] == "latency"
    assert answer["broker"]
    assert answer["url"].startswith("amqp://")
    assert answer["options"] == {
        "messages": 10,
        "time": None,
        "size": 33,
        "rate": 0.0,
        "persistent": False,
        "durable": False,
        "queue_type": "",
        "headers": {},
    }


def test_the_answer_tells_processor_time_by_role(broker_url: str) -> None:
    answer = measure(broker_url, "throughput", "--messages", "10")

    assert {"publisher", "consumer"} <= set(answer["cpu"])
    assert isinstance(answer["client_was_bottleneck"], bool)


def test_a_pid_that_is_given_is_the_one_that_is_looked_at(broker_url: str) -> None:
    result = run_bench("idle", "--connections", "1", "--url", broker_url, "--pid", str(2**30))

    assert result.exit_code == 1
    assert f"/proc/{2**30}/status cannot be read; is --pid right" in result.stderr


def test_json_can_go_to_a_file_beside_the_text(broker_url: str, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    result = run_bench("churn", "--count", "2", "--url", broker_url, "--json", str(path))

    assert result.stdout.startswith("churn: ")
    assert json.loads(path.read_text())["options"]["count"] == 2


def test_text_for_people_holds_one_line_per_figure(broker_url: str) -> None:
    result = run_bench("churn", "queues", "--count", "5", "--url", broker_url)

    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert heading.startswith("churn: ")
    assert [line.split()[0] for line in lines[:2]] == ["declares_per_s", "deletes_per_s"]


def test_text_for_people_draws_the_histogram(broker_url: str) -> None:
    result = run_bench("latency", "--messages", "20", "--url", broker_url)

    assert any(line.lstrip().startswith("<=") and line.endswith("#") for line in result.stdout.splitlines())


def test_the_url_is_reported_without_its_password(broker_url: str) -> None:
    assert "guest:guest" not in measure(broker_url, "churn", "--count", "1")["url"]


def test_compare_prints_medians_and_ratios_to_the_first_target(broker_url: str) -> None:
    targets = ("--target", f"one={broker_url}", "--target", f"two={broker_url}")
    result = run_bench("compare", *targets, "--rounds", "2", "--json", "-", "churn", "queues", "--count", "3")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["rounds"] == 2
    assert answer["options"]["what"] == "queues"
    assert answer["options"]["count"] == 3
    assert list(answer["targets"]) == ["one", "two"]
    assert answer["targets"]["one"]["ratios"]["declares_per_s"] == 1.0
    lowest, median, highest = (
        answer["targets"]["one"][kind]["declares_per_s"] for kind in ("lowest", "medians", "highest")
    )
    assert lowest <= median <= highest


def test_compare_alternates_between_the_targets(broker_url: str) -> None:
    targets = ("--target", f"one={broker_url}", "--target", f"two={broker_url}")
    result = run_bench("compare", *targets, "--rounds", "2", "churn", "--count", "1")

    assert result.stderr.splitlines() == ["round 1/2: one", "round 1/2: two", "round 2/2: one", "round 2/2: two"]


def test_the_tool_runs_as_a_module_of_its_own(broker_url: str) -> None:
    """Client processes are spawned from a real main module here, not from the test runner's."""
    command = [sys.executable, "-m", "amqpd.cli.bench", "throughput", "--messages", "20", "--url", broker_url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(done.stdout)["figures"]["consume_per_s"] > 0
