"""What the matrix shows, and which runs are good enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from interop.matrix.clients import Client, Row
from interop.matrix.drive import Outcome
from interop.matrix.results import Place, Results
from interop.matrix.scenarios import Scenario
from interop.matrix.table import rendered

GET, TLS = Scenario("get", "get"), Scenario("tls", "with TLS")
OK, FAILED = Outcome(True, 0.1), Outcome(False, 0.2, "exit status 1\nit broke")
BOTH = ("amqpd", "rabbitmq")


def client(**changes: object) -> Client:
    about: dict[str, object] = {"key": "key", "folder": Path(), "name": "client", "language": "Python"}
    return Client(**{**about, "version": "1.0", "run": ("run",), **changes})  # type: ignore[arg-type]  # any of them


def results(cells: dict[tuple[str, str], Outcome], targets: tuple[str, ...] = BOTH, **changes: object) -> Results:
    found = Results(targets, (GET, TLS), [Row(client(**changes))])
    found.outcomes = {(target, Place("client", scenario)): each for (target, scenario), each in cells.items()}
    return found


@pytest.mark.parametrize(
    ("amqpd", "rabbitmq", "problems"),
    [
        (OK, OK, []),
        (FAILED, OK, ["client: get fails on amqpd"]),
        (FAILED, FAILED, []),
        (OK, FAILED, []),
        (FAILED, None, []),
    ],
)
def test_rabbitmq_is_the_measure(amqpd: Outcome, rabbitmq: Outcome | None, problems: list[str]) -> None:
    """A cell that RabbitMQ did not get to is none that is green there."""
    cells = {("amqpd", "get"): amqpd} | ({("rabbitmq", "get"): rabbitmq} if rabbitmq else {})
    assert results(cells).problems() == problems


@pytest.mark.parametrize("target", BOTH)
def test_every_failure_counts_where_one_broker_runs(target: str) -> None:
    found = results({(target, "get"): FAILED, (target, "tls"): OK}, (target,))
    assert found.problems() == [f"client: get fails on {target}"]


def test_a_client_that_cannot_be_installed_is_a_problem_only_if_it_is_required() -> None:
    found = results({("amqpd", "get"): OK})
    found.not_installable = {"go": "no go on PATH"}
    assert found.problems() == []
    assert found.problems(["key", "go"]) == ["required, but not installable here: go: no go on PATH"]


def test_a_cell_has_a_word_for_each_broker() -> None:
    found = results({("amqpd", "get"): FAILED, ("rabbitmq", "get"): OK}, unsupported={"tls": "it has no TLS"})
    head, row, *_ = rendered(found).splitlines()
    assert head.split() == ["client", "version", "1", "2"]
    assert row.split() == ["client", "1.0", "FAIL", "ok", "-", "-"]


def test_a_cell_that_was_not_run_shows_as_such() -> None:
    _, row, *_ = rendered(results({("amqpd", "get"): OK})).splitlines()
    assert row.split() == ["client", "1.0", "ok", ".", ".", "."]


def test_below_the_matrix_are_the_reasons() -> None:
    found = results({("amqpd", "get"): FAILED}, unsupported={"tls": "it has no TLS"})
    found.not_installable = {"go": "no go on PATH"}
    text = rendered(found)
    assert "client: tls: it has no TLS" in text
    assert "go: no go on PATH" in text
    assert "client: get on amqpd (0.2 s): exit status 1\n      it broke" in text
    assert "amqpd: 0 ok, 1 failed" in text


def test_a_reason_that_all_variants_share_is_listed_once() -> None:
    both = client(variants=("a", "b"), unsupported={"tls": "never"}, unsupported_variants={"b": {"get": "not b"}})
    text = rendered(Results(BOTH, (GET, TLS), both.rows()))
    assert "  client b: get: not b\n  client: tls: never" in text


def test_a_long_reason_is_cut_in_its_middle() -> None:
    reason = "\n".join(f"line {number}" for number in range(100))
    text = rendered(results({("amqpd", "get"): Outcome(False, 1.0, reason)}))
    assert "line 0\n" in text
    assert "line 99" in text
    assert "line 50" not in text


def test_the_json_has_every_cell_with_its_whole_reason() -> None:
    found = results({("amqpd", "get"): FAILED, ("rabbitmq", "get"): OK}, unsupported={"tls": "it has no TLS"})
    (row,) = found.as_json()["rows"]
    assert row["scenarios"]["tls"] == {"unsupported": "it has no TLS"}
    assert row["scenarios"]["get"] == {
        "amqpd": {"ok": False, "seconds": 0.2, "reason": "exit status 1\nit broke"},
        "rabbitmq": {"ok": True, "seconds": 0.1, "reason": ""},
    }
