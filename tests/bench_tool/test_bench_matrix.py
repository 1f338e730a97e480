"""The standard matrix: its rows and targets, its table and plot, and a tiny run of it with brokers of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amqpd.cli.bench import scenario
from amqpd.cli.bench.bottleneck import Shares
from tests.bench.matrix import cores
from tests.bench.matrix.__main__ import main
from tests.bench.matrix.brokers import COMPILED, INTERPRETED, RABBITMQ
from tests.bench.matrix.growth import QUESTIONS
from tests.bench.matrix.measuring import Outcome
from tests.bench.matrix.plot import draw, gains_of
from tests.bench.matrix.rows import Row, Sense, standard
from tests.bench.matrix.table import cores_markdown, markdown, significant
from tests.forms import once

pytestmark = once


def outcome(**factors: float) -> Outcome:
    """All rows with RabbitMQ at 100 and each other broker at a factor of that, in two rounds with a third far off."""
    measurements = standard()
    made = Outcome({name: f"{name} 1.0" for name in (RABBITMQ, *factors)}, 3, measurements)
    for measurement in measurements:
        results = {}
        for name, factor in {RABBITMQ: 1.0, **factors}.items():
            rounds = [{row.figure: 100 * factor * spread for row in measurement.rows} for spread in (1, 1, 50)]
            results[name] = [
                scenario.Result("", "", "", figures, Shares({}, 0.0, None), None, []) for figures in rounds
            ]
        made.results.append(results)
    return made


def run_matrix(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_rows_are_those_of_the_standard_matrix_with_their_targets() -> None:
    rows = [row for measurement in standard() for row in measurement.rows]

    assert [(row.targets[COMPILED], row.targets[INTERPRETED]) for row in rows] == [
        (4, 2),
        (2.5, 1.8),
        (5, 3),
        (4, 2),
        (6, 3),
        (5, 2.5),
        (3, 2),
        (3, 2),
        (3, 2),
        (0.6, 0.7),
        (0.9, 1.0),
        (0.7, 1.0),
        (6, 4),
        (15, 12),
        (10_000, 14_000),
        (350, 400),
    ]
    assert [measurement.durable for measurement in standard()].count(True) == 1
    assert [measurement.fresh for measurement in standard()].count(True) == 2


@pytest.mark.parametrize(
    ("sense", "target", "value", "ratio", "reached"),
    [
        (Sense.RATIO_AT_LEAST, 2, 100, 2.0, True),
        (Sense.RATIO_AT_LEAST, 2, 100, 1.9, False),
        (Sense.RATIO_AT_MOST, 0.7, 100, 0.7, True),
        (Sense.RATIO_AT_MOST, 0.7, 100, 0.8, False),
        (Sense.RATIO_AT_MOST, 0.7, 100, None, None),
        (Sense.VALUE_AT_MOST, 100, 100, None, True),
        (Sense.VALUE_AT_MOST, 100, 101, 0.1, False),
    ],
)
def test_a_target_is_reached_missed_or_unknown(
    sense: Sense, target: float, value: float, ratio: float | None, reached: bool | None
) -> None:
    row = Row("t", "f", "u", sense, {COMPILED: target})

    assert row.reached(COMPILED, value, ratio) is reached
    assert row.reached("another", value, ratio) is None


def test_the_table_has_medians_ratios_and_verdicts() -> None:
    lines = markdown(outcome(compiled=4.0, interpreted=0.5)).splitlines()

    assert lines[0].startswith("Medians of 3 alternating rounds. RabbitMQ: RabbitMQ 1.0; compiled: compiled 1.0; ")
    assert lines[4] == (
        "| 1 publisher, 1 consumer, no ack, 16 B (msg/s) | 100 | 400 | 4.0 x | >= 4 x: reached "
        "| 50.0 | 0.50 x | >= 2 x: missed |"
    )
    (latency,) = [line for line in lines if line.startswith("| latency, closed loop, p50 (us) |")]
    assert latency.endswith("| 100 | 400 | 4.0 x | <= 0.6 x: missed | 50.0 | 0.50 x | <= 0.7 x: reached |")
    assert lines[-1].endswith("of 32 targets are reached.")


def test_a_second_table_has_the_brokers_on_more_cores() -> None:
    lines = cores_markdown({4: outcome(compiled=4.0), 8: outcome(compiled=2.0)}).splitlines()

    assert lines[1] == "| | RabbitMQ, 4 cores | compiled, 4 cores | RabbitMQ, 8 cores | compiled, 8 cores |"
    assert lines[3] == "| 1 publisher, 1 consumer, no ack, 16 B (msg/s) | 100 | 400 (4.0 x) | 100 | 200 (2.0 x) |"


@pytest.mark.skipif(sys.platform != "linux", reason="a process can't be confined to some cores")
def test_brokers_and_clients_are_confined_to_so_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: set[int] = set(range(16))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed))

    def confine(_: int, to: Iterable[int]) -> None:
        allowed.clear()
        allowed.update(to)

    monkeypatch.setattr(os, "sched_setaffinity", confine)

    assert cores.default_counts() == [2, 4, 8]
    with cores.confined(4):
        assert allowed == {0, 1, 2, 3}
        assert cores.default_counts() == [2, 4]
        with pytest.raises(ValueError, match="8 cores are asked for, and there are 4"), cores.confined(8):
            pass
    assert len(allowed) == 16


@pytest.mark.parametrize(
    ("value", "shown"), [(123_456, "123,000"), (12.345, "12.3"), (0.04567, "0.0457"), (0, "0"), (9_999, "10,000")]
)
def test_figures_have_three_significant_digits(value: float, shown: str) -> None:
    assert significant(value) == shown


def test_the_plot_shows_less_time_and_memory_as_better() -> None:
    titles, gains = gains_of(outcome(compiled=4.0), ["compiled"])

    assert len(titles) == len(gains["compiled"]) == 16
    assert gains["compiled"][0] == 4.0
    assert gains["compiled"][titles.index("latency, closed loop, p50")] == 0.25


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    draw(outcome(compiled=4.0, interpreted=2.0), tmp_path / "matrix.png")

    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")


def test_there_is_no_plot_without_rabbitmq(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ratios to RabbitMQ"):
        draw(Outcome({"compiled": "1.0"}, 1, []), tmp_path / "matrix.png")


def test_a_tiny_matrix_measures_two_brokers_in_turn_and_writes_it_down(tmp_path: Path) -> None:
    amqpds = ("--amqpd", f"one={sys.executable}", "--amqpd", f"interpreted={sys.executable}")
    only = "16 B|5,000 behind|10:10|idle connection"
    result = run_matrix(
        *amqpds, "--no-rabbitmq", "--rounds", "1", "--scale", "0.0001", "--only", only, "--output", str(tmp_path)
    )

    assert result.exit_code == 0, result.output
    assert result.stdout == (tmp_path / "matrix.md").read_text()
    turns = [line.rpartition(", ")[2] for line in result.stderr.splitlines() if "round" in line]
    assert turns == ["one", "interpreted"] * 4
    written = json.loads((tmp_path / "matrix.json").read_text())
    assert list(written["brokers"]) == ["one", "interpreted"]
    assert [measurement["scenario"] for measurement in written["measurements"]] == [
        "throughput",
        "throughput",
        "throughput",
        "idle",
    ]
    assert all(
        measurement["rows"][0]["medians"]["one"] is not None for measurement in written["measurements"]
    )


def test_a_tiny_matrix_is_measured_again_on_more_cores(tmp_path: Path) -> None:
    amqpd = ("--amqpd", f"one={sys.executable}", "--no-rabbitmq")
    sizes = ("--rounds", "1", "--scale", "0.0001", "--cores", "1,1")
    result = run_matrix(*amqpd, *sizes, "--only", "publish only", "--output", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert "| | one, 1 cores |" in result.stdout
    written = json.loads((tmp_path / "matrix.json").read_text())
    assert written["cores"] == 1
    assert written["more"]["1"]["measurements"][0]["rows"][0]["medians"]["one"] is not None


def test_tiny_growth_answers_every_question(tmp_path: Path) -> None:
    sizes = ("--idle", "3", "--queues", "3", "--bindings", "3", "--waiting", "100", "--busy", "2", "--seconds", "0.2")
    result = run_matrix(
        *("--growth", "--amqpd", f"one={sys.executable}", "--rounds", "1", "--scale", "0.0001"),
        *sizes,
        *("--output", str(tmp_path)),
    )

    assert result.exit_code == 0, result.output
    assert result.stdout == (tmp_path / "growth.md").read_text()
    written = json.loads((tmp_path / "growth.json").read_text())
    assert list(written["answers"]) == [question.title for question in QUESTIONS]
    assert all(len(answers["one"][0]) == 2 for answers in written["answers"].values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--amqpd", "nothing"), "'nothing' is not NAME=PYTHON"),
        (("--cores", "two"), "'two' is not one or more numbers of cores"),
        (("--cores", "0"), "is not within the"),
        (("--only", "no such row"), "matches no row"),
        (("--growth", "--only", "no such question"), "matches no question"),
    ],
)
def test_a_wrong_option_of_the_matrix_is_a_usage_error(arguments: tuple[str, ...], complaint: str) -> None:
    result = run_matrix("--no-rabbitmq", *arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr


def test_an_interpreter_without_amqpd_is_told(tmp_path: Path) -> None:
    missing = run_matrix("--no-rabbitmq", "--amqpd", f"gone={tmp_path}/python", "--output", str(tmp_path))

    assert missing.exit_code == 1
    assert "cannot be started" in missing.stderr
