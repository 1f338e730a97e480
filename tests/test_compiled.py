"""Which form amqpd runs in, and what becomes of compiled code that is not that of the source beside it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import amqpd
from amqpd import compiled
from amqpd.compiled import Record
from tests.forms import IS_COMPILED

SOURCE = b"ANSWER = 42\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of one module, with no record yet."""
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "hot.py").write_bytes(SOURCE)
    return tmp_path


def record(package: Path, text: str) -> Record:
    (package / compiled.RECORD).write_text(text, encoding="utf-8")
    return compiled.read(package)


def test_a_package_without_a_record_is_interpreted(package: Path) -> None:
    assert compiled.read(package) == Record()
    assert compiled.stale(Record(), package) == []


def test_a_module_whose_source_is_another_one_by_now_is_named(package: Path) -> None:
    digest = hashlib.sha256(SOURCE).hexdigest()
    known = record(package, json.dumps({"compiler": "Cython 3.3.1", "modules": {"amqpd.wire.hot": digest}}))
    assert compiled.stale(known, package) == []
    (package / "wire" / "hot.py").write_bytes(b"ANSWER = 43\n")
    assert compiled.stale(known, package) == ["amqpd.wire.hot"]


@pytest.mark.parametrize("text", ["{", "[]", '{"other": 1}'])
def test_a_record_that_cannot_be_read_is_told_with_what_to_do(package: Path, text: str) -> None:
    with pytest.raises(ImportError, match=r"compiled.json can't be read: .* Install amqpd again, or set AMQPD_PURE=1"):
        record(package, text)


def test_sources_are_found_before_compiled_modules(package: Path) -> None:
    finder = compiled.Interpreted(package, ["amqpd.wire.hot"])
    found = finder.find_spec("amqpd.wire.hot", None)
    assert found is not None
    assert found.origin == str(package / "wire" / "hot.py")
    assert finder.find_spec("amqpd.wire.frames", None) is None


@pytest.mark.parametrize("value", ["", "0"])
def test_a_variable_without_a_meaning_forces_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(compiled.VARIABLE, value)
    assert not compiled.is_forced()


def test_the_command_says_which_form_runs() -> None:
    said = version()
    assert said.startswith(f"amqpd, version {amqpd.__version__} (")
    assert ("compiled by Cython" in said) is IS_COMPILED


def test_the_interpreted_form_can_be_asked_for() -> None:
    assert version(AMQPD_PURE="1") == f"amqpd, version {amqpd.__version__} (interpreted: AMQPD_PURE is set)\n"
    program = "import amqpd.wire.hot as hot; print(hot.__file__)"
    assert run("-c", program, AMQPD_PURE="1").rstrip().endswith("hot.py")
    assert run("-c", program).rstrip().endswith("hot.py") is not IS_COMPILED


def version(**environment: str) -> str:
    return run("-m", "amqpd", "--version", **environment)


def run(*arguments: str, **environment: str) -> str:
    """What another interpreter prints that finds the amqpd that is tested."""
    inherited = {**os.environ, "AMQPD_PURE": "", "PYTHONPATH": str(Path(amqpd.__file__).parent.parent), **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=inherited, capture_output=True, text=True, check=True).stdout
