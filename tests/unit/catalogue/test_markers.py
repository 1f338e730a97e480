"""Markers are collected without a broker, and a run's outcomes recorded; each time pytest runs in a process apart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from conformance.catalogue.load import CONFORMANCE, ROOT
from conformance.catalogue.outcomes import read
from tests.forms import once

pytestmark = once

COLLECT = """
import json, sys
from pathlib import Path
from conformance.catalogue.markers import collect
suite = collect(Path(sys.argv[1]))
print(json.dumps([{test: sorted(ids) for test, ids in suite.proves.items()}, sorted(suite.versioned), suite.items]))
"""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_whole_suite_is_collected() -> None:
    finished = _python("-c", COLLECT, str(CONFORMANCE))
    proves, versioned, items = json.loads(finished.stdout)
    assert "queue.purge.02" in proves["test_queue_bind.py::test_vector_68_purge_takes_ready_messages_only"]
    assert {"table.S", "table.V"} < set(proves["test_queue_arguments.py::test_an_integer_is_expected"])
    assert "test_handshake.py::test_0_8_is_spoken" in versioned
    assert "test_quorum.py::test_conditional_deletes_are_not_implemented[if_unused]" in items
    assert not any("amqpd" in item.partition("[")[2] for item in items if item.startswith("test_get.py"))


def test_tests_of_other_suites_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text("def test_plain() -> None: ...\n")
    assert _python("-c", COLLECT, str(tmp_path)).stdout == "[{}, [], []]\n"


def test_what_cannot_be_collected_is_told_in_pytests_words(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text("import no_such_module\n")
    finished = _python("-c", COLLECT, str(tmp_path))
    assert finished.returncode == 1
    assert "Unreadable" in finished.stderr
    assert "No module named 'no_such_module'" in finished.stderr


def test_outcomes_of_a_run_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.json"
    one = "test_frames.py::test_f16_vector_61_a_channel_is_opened_once"
    other = "test_exchange.py::test_vector_10_an_unknown_type_closes_the_channel"
    third = "test_handshake.py::test_0_8_is_spoken"
    tests = [f"conformance/{each}" for each in (one, other, third)]
    finished = _python("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--outcomes={path}", *tests)
    assert finished.returncode == 0, finished.stdout
    seen = {(each.test, each.target): (each.outcome, each.reason) for each in read(path)}
    assert seen[one, "amqpd"] == ("passed", "")
    assert seen[other, "amqpd"][0] == "skipped"
    assert seen[other, "amqpd"][1].startswith("Skipped: other versions: 3.10")
    assert seen[third, "amqpd"][0] == "expected"
    assert seen[third, "amqpd"][1].startswith("version: AMQP 0-8 is not spoken")
    assert "differences between the targets: version 2" in finished.stdout
