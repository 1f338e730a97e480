"""A broker with a control socket, and the command that operates it."""

from __future__ import annotations

import io
import shlex
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest

import amqpd
from amqpd.cli.ctl.client import Client
from amqpd.cli.ctl.run import run
from amqpd.testing.broker import EmbeddedBroker


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class Ctl:
    """Runs command lines in this process."""

    def __init__(self, broker: EmbeddedBroker, socket: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.broker = broker
        self.socket = socket
        self._capsys = capsys

    def __call__(self, line: str, stdin: str = "", *, tool: str = "rabbitmqctl") -> Outcome:
        """What a command line comes to, whatever that is."""
        self._capsys.readouterr()
        code = run(shlex.split(line), tool, find=lambda _: Client.of_socket(self.socket), stdin=io.StringIO(stdin))
        said = self._capsys.readouterr()
        return Outcome(code, said.out, said.err)

    def lines(self, line: str) -> list[str]:
        """What a command that works says."""
        outcome = self(line)
        assert outcome.code == 0, outcome
        return outcome.out.splitlines()


@pytest.fixture
def ctl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator[Ctl]:
    with amqpd.run_in_thread(control_socket=tmp_path / "c.sock", compat="3.10") as broker:
        yield Ctl(broker, tmp_path / "c.sock", capsys)
