"""The command line, as far as it goes without a broker that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from amqpd import __version__
from amqpd.broker.compat import PROFILES, Profile
from amqpd.cli.compat import meanings
from amqpd.cli.main import main
from amqpd.compiled import description
from amqpd.config import settings

ROOT = Path(__file__).resolve().parents[1]


def amqpd(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_version_is_that_of_the_package() -> None:
    result = amqpd("--version")
    assert (result.exit_code, result.output) == (0, f"amqpd, version {__version__} ({description()})\n")


def test_it_runs_as_a_module_too() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "amqpd", "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"amqpd, version {__version__} ({description()})\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(flag: str) -> None:
    result = amqpd(flag)
    assert result.exit_code == 0
    for command in ("serve", "ping", "bench", "compat"):
        assert command in result.output


def test_help_of_serve_lists_every_setting_with_its_meaning() -> None:
    result = amqpd("serve", "--help")
    assert result.exit_code == 0
    said = "".join(result.output.split())  # however its lines were folded
    for setting in settings():
        assert setting.flag in said
        assert "".join(setting.help.split()) in said
        if setting.is_switch:
            assert f"--no-{setting.flag[2:]}" in said
    assert "--config" in said


def test_an_unknown_option_is_a_usage_error() -> None:
    result = amqpd("serve", "--prot", "1")
    assert result.exit_code == 2
    assert "--prot" in result.output


def test_compat_lists_the_profiles_and_the_extensions() -> None:
    result = amqpd("compat")
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "profiles: " + ", ".join(PROFILES)
    assert "extension " in result.output


def test_compat_shows_what_changes_between_two_versions_in_the_words_of_the_table() -> None:
    result = amqpd("compat", "4.2", "4.3")
    assert result.exit_code == 0
    heading, _, *rows = result.output.splitlines()
    assert heading.split() == ["4.2", "4.3"]
    text = "\n".join(rows)
    assert re.search(r"^x-queue-master-locator is a deprecated feature that is denied .* +no +yes$", text, re.MULTILINE)
    assert re.search(r"^What connection.start announces. +4.2.9 +4.3.6$", text, re.MULTILINE)
    assert "max_message_size" not in text
    assert "Default limit of one body" not in text  # it is the same


def test_compat_shows_all_that_one_version_answers() -> None:
    result = amqpd("compat", "3.10")
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    for meaning in meanings().values():
        assert meaning.split()[0] in said
    assert re.search(r"^Default limit of one body \(lowered in 4.0\). +134217728$", result.output, re.MULTILINE)


def test_compat_says_so_where_nothing_changes() -> None:
    assert amqpd("compat", "4.0", "4.0").output == "nothing changes from 4.0 to 4.0\n"


def test_every_answer_of_a_profile_has_its_meaning_beside_it() -> None:
    assert list(meanings()) == [field.name for field in attrs.fields(Profile)]
    assert all(meaning.endswith(".") for meaning in meanings().values())


@pytest.mark.parametrize("versions", [("2.0",), ("2.0", "4.0"), ("4.0", "2.0")])
def test_compat_refuses_a_version_that_is_not_there(versions: tuple[str, ...]) -> None:
    result = amqpd("compat", *versions)
    assert result.exit_code == 2
    assert "'2.0' is not one of '3.10', '3.13', '4.0', '4.2', '4.3'" in result.output


def test_the_load_tool_is_one_of_the_commands() -> None:
    result = amqpd("bench", "--help")
    assert result.exit_code == 0
    for scenario in ("throughput", "latency"):
        assert scenario in result.output
