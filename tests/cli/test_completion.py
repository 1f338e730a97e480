"""Completion in shells, and the manual page: both say what the commands say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from amqpd.cli.ctl.tools import OF_PLUGINS, OPERATING
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


CASES = {
    "amqpctl list_qu": "list_queues",
    "amqpctl -q list_qu": "list_queues",
    "amqpctl --node x list_qu": "list_queues",
    "amqpctl delete_queue --if-e": "--if-empty",
    "amqpctl delete_queue q --formatt": "--formatter",
    "amqpctl help delete_q": "delete_queue",
    "rabbitmq-upgrade dra": "drain",
    "rabbitmq-plugins is_": "is_enabled",
    "amqpd ser": "serve",
    "amqpd ctl list_qu": "list_queues",
    "amqpd config conv": "convert",
    "amqpd serve --management-pat": "--management-path-prefix",
}


def require(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")


def test_bash_completes() -> None:
    require("bash")
    calls = [script("bash")]
    for words in CASES:
        program, *rest = words.split()
        name = program if program in ("amqpd", "rabbitmq-plugins") else "amqpctl"
        calls.append(f"COMP_WORDS=({words}); COMP_CWORD={len(rest)}; _{name.replace('-', '_')}; echo ${{COMPREPLY[@]}}")
    done = subprocess.run(["bash"], input="\n".join(calls), capture_output=True, text=True, check=True)
    assert dict(zip(CASES, done.stdout.splitlines(), strict=True)) == CASES


def test_fish_completes(tmp_path: Path) -> None:
    require("fish")
    calls = [script("fish"), *(f"complete -C '{words}'" for words in CASES)]
    done = subprocess.run(
        ["fish", "--no-config"],
        input="\n".join(calls),
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(zip(CASES, done.stdout.splitlines(), strict=True)) == CASES


@pytest.mark.parametrize("place", ["evaluated", "among its functions"])
def test_zsh_completes(tmp_path: Path, place: str) -> None:
    """At a terminal, since there is no other way to its completion."""
    require("zsh")
    pty = pytest.importorskip("pty")
    (tmp_path / "_amqpd").write_text(script("zsh"), encoding="utf-8")
    begin = 'eval "$(cat _amqpd)"'
    if place != "evaluated":
        begin = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u"
    master, terminal = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as zsh:
        os.close(terminal)
        said = b""

        def wait_for(text: str) -> None:
            nonlocal said
            while text.encode() not in said:
                said += os.read(master, 4096)
            said = b""

        os.write(master, f"{begin}; echo rea''dy\n".encode())
        wait_for("ready")
        for words, completed in CASES.items():
            os.write(master, f"\x15{words}\t".encode())  # what is there is wiped out first
            wait_for(f"{words.rpartition(' ')[0]} {completed} ")
        zsh.kill()
    os.close(master)


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


def test_the_table_of_verbs_has_each_one_once() -> None:
    text = (ROOT / "docs" / "verbs.md").read_text(encoding="utf-8").partition("\n## ")[2]
    listed = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE) + re.findall(r"^(?:\*|  )[^|]+?$", text, re.MULTILINE)
    found = [name for part in listed for name in re.findall(r"`([a-z_]+)`", part)]
    assert sorted(found) == sorted({*OPERATING, *OF_PLUGINS, "help", "version", "autocomplete"})
