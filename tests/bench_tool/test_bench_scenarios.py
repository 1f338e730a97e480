"""Every scenario of ``amqpd bench`` with tiny numbers against a running broker, through its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from amqpd.cli.bench.command import bench


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
        ("--confirm", "--window", "7"),
        ("--ack", "--prefetch", "10"),
        ("--ack", "--prefetch", "0"),
        ("--confirm", "--ack", "--persistent", "--durable"),
        ("--publishers", "3", "--queues", "2"),
        ("--exchange", "direct"),
        ("--exchange", "fanout"),
        ("--exchange", "topic"),
        ("--exchange", "headers", "--persistent"),
    ],
    ids=" ".join,
)
def test_throughput_counts_every_message_in_and_out(broker_url: str, options: tuple[str, ...]) -> None:
    answer = measure(broker_url, "throughput", "--messages", "50", *options)

    assert set(answer["figures"]) == {"publish_per_s", "consume_per_s"}
    assert all(rate > 0 for rate in answer["figures"].values())


def test_throughput_without_consumers_reports_publishing_alone(broker_url: str) -> None:
    answer = measure(broker_url, "throughput", "--messages", "50", "--consumers", "0", "--confirm")

    assert set(answer["figures"]) == {"publish_per_s"}


def test_throughput_with_fewer_publishers_than_queues_is_refused(broker_url: str) -> None:
    result = run_bench("throughput", "--queues", "2", "--url", broker_url)

    assert result.exit_code == 1
    assert "2 queues need as many publishers; there are 1" in result.stderr


def test_the_closed_loop_reports_percentiles_in_ascending_order(broker_url: str) -> None:
    figures = measure(broker_url, "latency", "--messages", "100")["figures"]

    assert list(figures) == ["p50_us", "p95_us", "p99_us", "p99.9_us", "max_us"]
    assert list(figures.values()) == sorted(figures.values())


def test_the_open_loop_also_reports_how_late_the_client_was(broker_url: str) -> None:
    figures = measure(broker_url, "latency", "--messages", "100", "--rate", "2000")["figures"]

    assert {"p50_us", "p99.9_us", "send_lag_p99_us", "sent_per_s"} <= set(figures)


def test_an_open_loop_beyond_any_broker_still_times_every_message(broker_url: str) -> None:
    figures = measure(broker_url, "latency", "--messages", "3000", "--rate", "1e9")["figures"]

    assert figures["max_us"] > 0


def test_churn_reports_connections_per_second(broker_url: str) -> None:
    assert measure(broker_url, "churn", "--connections", "5")["figures"]["connections_per_s"] > 0


def test_declares_reports_declarations_and_deletions(broker_url: str) -> None:
    figures = measure(broker_url, "declares", "--messages", "10", "--durable")["figures"]

    assert figures["declares_per_s"] > 0
    assert figures["deletes_per_s"] > 0


def test_idle_reports_the_rate_of_opening(broker_url: str) -> None:
    assert measure(broker_url, "idle", "--connections", "5")["figures"]["opens_per_s"] > 0


def test_backlog_reports_publishing_and_deleting(broker_url: str) -> None:
    figures = measure(broker_url, "backlog", "--messages", "100")["figures"]

    assert figures["publish_per_s"] > 0
    assert figures["delete_seconds"] >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="the broker's memory is read under Linux's /proc")
@pytest.mark.parametrize(("scenario", "figure"), [("idle", "bytes_per_connection"), ("backlog", "bytes_per_message")])
def test_memory_is_reported_for_a_local_broker(broker_url: str, scenario: str, figure: str) -> None:
    figures = measure(broker_url, scenario, "--messages", "5")["figures"]

    assert figure in figures
    assert figures["rss_bytes"] > 0


def test_the_answer_names_the_broker_and_all_that_is_needed_to_measure_again(broker_url: str) -> None:
    answer = measure(broker_url, "latency", "--messages", "10", "--size", "33")

    assert answer["scenario"] == "latency"
    assert answer["broker"]
    assert answer["url"].startswith("amqp://")
    assert answer["options"] == {"messages": 10, "size": 33, "rate": 0.0, "persistent": False, "durable": False}


def test_the_answer_says_whether_the_client_was_the_bottleneck(broker_url: str) -> None:
    answer = measure(broker_url, "churn", "--connections", "3")

    assert answer["client_was_bottleneck"] == (answer["client_load"] > 0.95)


def test_text_for_people_holds_one_line_per_figure(broker_url: str) -> None:
    result = run_bench("declares", "--messages", "5", "--url", broker_url)

    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert heading.startswith("declares: ")
    assert [line.split()[0] for line in lines[:2]] == ["declares_per_s", "deletes_per_s"]


def test_the_url_is_reported_without_its_password(broker_url: str) -> None:
    assert "guest:guest" not in measure(broker_url, "churn", "--connections", "1")["url"]


def test_compare_prints_medians_and_ratios_to_the_first_target(broker_url: str) -> None:
    targets = ("--target", f"one={broker_url}", "--target", f"two={broker_url}")
    result = run_bench("compare", *targets, "--rounds", "2", "--json", "churn", "--connections", "3")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["rounds"] == 2
    assert answer["options"] == {"messages": 3}
    assert list(answer["targets"]) == ["one", "two"]
    assert answer["targets"]["one"]["ratios"] == {"connections_per_s": 1.0}
    lowest, median, highest = (
        answer["targets"]["one"][kind]["connections_per_s"] for kind in ("lowest", "medians", "highest")
    )
    assert lowest <= median <= highest


def test_compare_alternates_between_the_targets(broker_url: str) -> None:
    targets = ("--target", f"one={broker_url}", "--target", f"two={broker_url}")
    result = run_bench("compare", *targets, "--rounds", "2", "churn", "--connections", "1")

    assert result.stderr.splitlines() == ["round 1/2: one", "round 1/2: two", "round 2/2: one", "round 2/2: two"]


def test_the_tool_runs_as_a_module_of_its_own(broker_url: str) -> None:
    """Client processes are spawned from a real main module here, not from the test runner's."""
    command = [sys.executable, "-m", "amqpd.cli.bench", "throughput", "--messages", "20", "--url", broker_url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(done.stdout)["figures"]["consume_per_s"] > 0
