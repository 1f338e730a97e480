"""Outcomes become verdicts, verdicts become the report; the README's table says what needs no run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.catalogue import outcomes, readme, report
from conformance.catalogue.load import Catalogue, Entry
from conformance.catalogue.outcomes import Outcome
from tests.unit.catalogue.samples import entry

ID = "beyond.a.b"
PLAIN = entry(ID, "behaviour")


def outcome(target: str, came_to: str, reason: str = "", *ids: str) -> Outcome:
    return Outcome(f"{target}-{came_to}", "test_a.py::test_one", target, came_to, reason, ids or (ID,))


@pytest.mark.parametrize(
    ("amqpd", "rabbitmq", "verdict"),
    [
        (["passed"], ["passed"], "proven on both"),
        (["passed", "skipped"], ["passed"], "proven on both"),
        (["expected"], ["passed"], "differs"),
        (["passed", "expected"], ["passed"], "differs"),
        (["passed"], ["skipped"], "differs"),
        (["failed", "passed"], ["passed"], "failing"),
        (["passed"], ["failed", "expected"], "failing"),
        (["passed"], [], "not run"),
        (["skipped"], ["skipped"], "other versions"),
        ([], [], "not run"),
    ],
)
def test_the_verdict_on_an_entry(amqpd: list[str], rabbitmq: list[str], verdict: str) -> None:
    seen = [outcome("amqpd", each) for each in amqpd] + [outcome("rabbitmq", each) for each in rabbitmq]
    assert report.Verdicts(seen).of(PLAIN) == verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (replace(PLAIN, deviates="otherwise"), "deviates as RabbitMQ does"),
        (replace(PLAIN, tests=(), untested="deviation", reason="otherwise"), "deviates as RabbitMQ does"),
        (replace(PLAIN, tests=(), untested="untestable", reason="about clients"), "untestable"),
    ],
)
def test_deviations_and_what_cannot_be_tested(given: Entry, verdict: str) -> None:
    seen = report.Verdicts([outcome("amqpd", "passed"), outcome("rabbitmq", "passed")])
    assert seen.of(given) == verdict


def test_the_report_ends_with_reasons_and_totals() -> None:
    other = entry("beyond.a.c", "behaviour")
    seen = report.Verdicts([
        outcome("amqpd", "expected", "missing: streams"),
        outcome("rabbitmq", "passed"),
        outcome("amqpd", "passed", "", "beyond.a.c"),
        outcome("rabbitmq", "passed", "", "beyond.a.c"),
    ])  # fmt: skip
    lines = list(report.table(Catalogue((PLAIN, other), ()), seen))
    assert lines[0].split() == ["entry", "text", "amqpd", "RabbitMQ"]
    assert lines[1].split() == [ID, "A", "promise.", "differs", "proven"]
    assert "  beyond.a.b: missing: streams" in lines
    assert lines[-3].split("   ")[-1].strip() == "differs"
    assert lines[-2].split() == ["behaviour", "2", "1", "1"]
    assert lines[-1].split() == ["all", "2", "1", "1"]


def test_outcomes_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = [outcome("amqpd", "passed"), outcome("", "skipped", "other versions", "a", "b")]
    outcomes.write(tmp_path / "outcomes.json", given)
    assert outcomes.read(tmp_path / "outcomes.json") == given


def test_the_readmes_table() -> None:
    deviating = replace(entry("basic.01", "rule"), deviates="otherwise")
    silent = replace(entry("basic.02", "rule"), tests=(), untested="untestable", reason="about clients")
    table = readme.totals(Catalogue((PLAIN, deviating, silent), ()), {"version": 3})
    assert "| rules of AMQP 0-9-1 | 2 | 1 | 1 | 0 | 1 |" in table
    assert "| all | 3 | 2 | 1 | 0 | 1 |" in table
    assert table.endswith("by reason: version 3.")


def test_the_table_goes_between_its_markers() -> None:
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
    assert readme.with_table(text, "new") == f"before\n{readme.BEGIN}\nnew\n{readme.END}\nafter\n"


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        readme.with_table("nothing here", "new")
