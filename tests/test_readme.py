"""Every command and snippet of the README runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import amqpd as package
from tests.forms import with_sources

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.partition("#")[0].strip() for block in SHELL for line in block.splitlines()]
SMALL = {"--messages": "500", "--rounds": "1", "--connections": "5", "--count": "5"}


def test_the_readme_has_what_these_tests_look_for() -> None:
    assert len(PYTHON) == 3
    assert {"make serve", "make test", "make check"} <= set(COMMANDS)


def test_the_first_snippet_publishes_and_consumes(capsys: pytest.CaptureFixture[str]) -> None:
    with package.run_in_thread() as broker:
        exec(PYTHON[0].replace("127.0.0.1:5672", f"{broker.host}:{broker.port}"), {})  # noqa: S102
    assert capsys.readouterr().out == "b'Hello, broker'\n"


def test_the_fixture_snippet_passes_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(PYTHON[1])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "1 passed" in finished.stdout


def test_the_last_snippet_starts_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    exec(PYTHON[2], {})  # noqa: S102
    assert capsys.readouterr().out.startswith("amqp://guest:guest@127.0.0.1:")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
@with_sources
@pytest.mark.parametrize("target", ["test", "test-compiled", "check", "bench"])
def test_the_make_targets_are_there(target: str) -> None:
    finished = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="make would install a virtual environment")
def test_make_serve_starts_a_broker_and_stops_it_on_a_signal() -> None:
    with subprocess.Popen(
        ["make", "serve", "ARGS=--port 0 --transient"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Server startup complete" in line:
                os.killpg(process.pid, signal.SIGINT)
    assert any("Server startup complete" in line for line in lines), "".join(lines)


def small(command: str, url: str) -> list[str]:
    """A bench command of the README with small numbers, against one broker instead of others."""
    words = shlex.split(command)
    words = [sys.executable, "-m", "amqpd", *words[1:]]
    for at, word in enumerate(words):
        if words[at - 1] in SMALL:
            words[at] = SMALL[words[at - 1]]
        elif words[at - 1] == "--target":
            words[at] = f"{word.partition('=')[0]}={url}"
    return words if "--target" in words else [*words, "--url", url]


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("amqpd bench")])
def test_the_commands_behind_the_figures_run(command: str) -> None:
    with package.run_in_thread() as broker:
        words = small(command, broker.url)
        finished = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
