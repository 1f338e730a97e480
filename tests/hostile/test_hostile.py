"""The tool that measures what a hostile client costs: that it runs, and what it calls noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forms import ROOT
from tests.hostile.__main__ import NOTICED_LOGIN, NOTICED_P99, middle, noticed
from tests.hostile.attacks import ATTACKS

FIGURES = {"p50": 1.0, "p99": 2.0, "max": 3.0, "login": 4.0, "login_max": 5.0, "alive": 1.0}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_an_attack_is_a_row_with_figures_of_before_and_during(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--seconds", "0.5", "--rounds", "1", "--only", "huge-tables", "--json", str(file)]
    command = [sys.executable, "-m", "tests.hostile", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("huge-tables")
    before, during = json.loads(file.read_text())["huge-tables"][0]
    assert before.keys() >= {"p50", "p99", "max", "login", "memory"}
    assert during["done"] > 0
    assert during["alive"]


def test_every_attack_says_what_it_does() -> None:
    assert all(text and attack.__doc__ for text, attack in ATTACKS.values())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"p99": 2.0 + NOTICED_P99}, False),
        ({"p99": 2.1 + NOTICED_P99}, True),
        ({"login_max": NOTICED_LOGIN + 1}, True),
        ({"alive": 0.0}, True),
    ],
)
def test_a_user_notices_slow_messages_slow_logins_and_a_broker_that_is_gone(
    change: dict[str, float], expected: bool
) -> None:
    assert noticed(FIGURES, {**FIGURES, **change}) is expected


def test_the_median_of_each_figure_is_shown() -> None:
    assert middle([{"p99": 1.0}, {"p99": 50.0}, {"p99": 2.0}]) == {"p99": 2.0}
