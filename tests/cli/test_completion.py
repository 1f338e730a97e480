"""Completion in shells, and the manual page: both say what the commands say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from amqpd.cli.ctl.tools import OPERATING
from amqpd.cli.main import main
from amqpd.cli.manual import page
from tests.forms import with_sources

ROOT = Path(__file__).resolve().parents[2]


def script(shell: str) -> str:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_verb_and_command_can_be_completed(shell: str) -> None:
    written = script(shell)
    for name in (*OPERATING, "serve", "convert", "--formatter".strip("-"), "rabbitmq-diagnostics"):
        assert name in written


def test_an_unknown_shell_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("amqpctl list_qu", "list_queues"),
        ("amqpctl -q list_qu", "list_queues"),
        ("amqpctl delete_queue --if-e", "--if-empty"),
        ("amqpctl help delete_q", "delete_queue"),
        ("rabbitmq-plugins is_", "is_enabled"),
        ("amqpd ser", "serve"),
        ("amqpd ctl list_qu", "list_queues"),
        ("amqpd config conv", "convert"),
        ("amqpd serve --management-pat", "--management-path-prefix"),
    ],
)
def test_bash_completes(words: str, completed: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    program, *rest = words.split()
    call = f"COMP_WORDS=({words}); COMP_CWORD={len(rest)}; _{program.replace('-', '_')}; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash"], input=script("bash") + call, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted(completed.split())


@with_sources
def test_the_manual_page_says_what_the_commands_say() -> None:
    """`python -m amqpd.cli.manual packaging/amqpd.1` writes it."""
    assert (ROOT / "packaging" / "amqpd.1").read_text(encoding="utf-8") == page()


@with_sources
def test_man_has_nothing_to_complain_about() -> None:
    if shutil.which("groff") is None:
        pytest.skip("there is no groff")
    command = ["groff", "-man", "-Tutf8", "-ww", "-z", str(ROOT / "packaging" / "amqpd.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
