"""The command, run as people run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.catalogue.load import ROOT, load
from conformance.catalogue.outcomes import Outcome, write
from tests.forms import once

pytestmark = once


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance.catalogue", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("came_to", "status"), [("passed", 0), ("failed", 1)])
def test_a_report_of_a_run_made_before(tmp_path: Path, came_to: str, status: int) -> None:
    ids, results = ("queue.purge.02",), []
    for target in ("amqpd", "rabbitmq"):
        results.append(str(tmp_path / target))
        write(tmp_path / target, [Outcome(target, "test_a.py::test_b", target, came_to, "why", ids)])
    finished = _command("report", "--results", *results)
    assert finished.returncode == status, finished.stderr
    line = next(line for line in finished.stdout.splitlines() if line.startswith("queue.purge.02 "))
    assert line.split()[-2:] == (["proven"] * 2 if came_to == "passed" else ["FAILS"] * 2)
    assert ("  queue.purge.02: why" in finished.stdout) is (came_to == "failed")
    assert finished.stdout.splitlines()[-1].split()[:2] == ["all", str(len(load().entries))]


def test_the_new_entries_are_listed() -> None:
    assert _command("new").returncode == 0


def test_without_a_command_it_says_which_there_are() -> None:
    finished = _command()
    assert finished.returncode == 2
    assert "check,write,new,report" in finished.stderr.replace(" ", "").replace("{", "")
