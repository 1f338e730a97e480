"""Times the well-behaved clients before and during each attack, and prints a table.

    python -m tests.hostile [--seconds 8] [--rounds 3] [--only NAME ...] [--check] [--json FILE]

Each round starts a broker of its own. `--check` exits with 1 where somebody would have noticed: a p99 more than 20 ms
worse, a login of more than 2 s, or a broker that is gone.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread

import attrs

from amqpd.cli.bench.broker_process import resident_bytes
from tests.hostile.attacks import ATTACKS

NOTICED_P99 = 20.0
NOTICED_LOGIN = 2000.0
"""Milliseconds."""
SAMPLE = 0.05
BEGIN = 1.0
"""Seconds that an attack has before its effect is measured."""
MIB = 1024 * 1024
Figures = dict[str, float]


@attrs.frozen
class Running:
    """A broker's process and its ports."""

    process: subprocess.Popen[str]
    port: int
    http_port: int
    tls_port: int


@contextmanager
def broker(options: list[str]) -> Iterator[Running]:
    """`amqpd serve` on free ports, with as many descriptors as it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command = [sys.executable, "-m", "amqpd", "serve", "--port", "0", "--management-port", "0"]
    command += ["--metrics-port", "none", "--host", "127.0.0.1", "--management-host", "127.0.0.1"]
    with TemporaryDirectory() as folder:
        command += ["--tls-port", "0", *_certificate(Path(folder)), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield _started(process)
            finally:
                process.kill()


def _certificate(folder: Path) -> list[str]:
    """Options with a new certificate: RSA of 2048 bits, whose signatures cost a server most."""
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run([*new, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return ["--tls-certificate", certificate, "--tls-key", key]


def _started(process: subprocess.Popen[str]) -> Running:
    """Read the log until everything listens, and drop what comes later."""
    assert process.stderr is not None
    port = http_port = tls_port = 0
    for line in process.stderr:
        if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
            if "tls" in line:
                tls_port = int(found[1])
            else:
                port = int(found[1])
        if found := re.search(r"management API on 127\.0\.0\.1:(\d+)", line):
            http_port = int(found[1])
        if "Server startup complete" in line:
            break
    else:
        raise SystemExit("the broker did not start")
    rest = process.stderr
    Thread(target=lambda: [None for _ in rest], daemon=True).start()
    return Running(process, port, http_port, tls_port)


class Memory(Thread):
    """The most memory that a process has."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._process = process
        self.over = Event()

    def run(self) -> None:
        while not self.over.wait(SAMPLE):
            self.most = max(self.most, resident_bytes(self._process))


def _module(name: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.hostile.{name}", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _pair(running: Running, seconds: float) -> Figures:
    with _module("pair", running.port, seconds) as pair:
        output = pair.communicate()[0]
    figures: Figures = json.loads(output)
    return figures


def one_round(name: str, seconds: float, options: list[str]) -> tuple[Figures, Figures]:
    """What the others met before and during one attack; with the latter comes the broker's memory, in MiB."""
    with broker(options) as running:
        before = _pair(running, seconds)
        before["memory"] = resident_bytes(running.process.pid) / MIB
        memory = Memory(running.process.pid)
        memory.start()
        ports = f"{running.port},{running.http_port},{running.tls_port}"
        with _module("attacker", name, ports, seconds + 2 * BEGIN) as attacker:
            time.sleep(BEGIN)
            during = _pair(running, seconds)
            during["done"] = float(attacker.communicate()[0] or 0)
        memory.over.set()
        memory.join()
        during["memory"] = memory.most / MIB
        during["alive"] = float(running.process.poll() is None)
    return before, during


def middle(rounds: list[Figures]) -> Figures:
    """The median of each figure."""
    return {key: median(each[key] for each in rounds) for key in rounds[0]}


def noticed(before: Figures, during: Figures) -> bool:
    """Whether a user would have."""
    slower = during["p99"] - before["p99"] > NOTICED_P99
    return slower or during["login_max"] > NOTICED_LOGIN or not during["alive"]


HEADS = ("attack", "done", "p50 ms", "p99 ms", "max ms", "login ms", "memory MiB", "")
WIDTHS = (22, 9, 13, 13, 15, 22, 11, 7)


def _row(cells: tuple[str, ...]) -> str:
    first, *rest = zip(cells, WIDTHS, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])


def _cells(name: str, before: Figures, during: Figures) -> tuple[str, ...]:
    pairs = {key: f"{before[key]:.1f} {during[key]:.1f}" for key in ("p50", "p99", "max")}
    login = f"{before['login']:.0f} {during['login']:.0f} (max {during['login_max']:.0f})"
    memory = f"{before['memory']:.0f} {during['memory']:.0f}"
    verdict = "noticed" if noticed(before, during) else ""
    return (name, f"{during['done']:.0f}", pairs["p50"], pairs["p99"], pairs["max"], login, memory, verdict)


def main() -> int:
    """Attack, and print a row each."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each is timed")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS), help="these attacks alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a user would have noticed")
    parser.add_argument("--json", type=Path, help="write all figures of all rounds to a file")
    parser.add_argument("--durable", type=Path, help="keep data in this folder instead of memory alone")
    asked = parser.parse_args()
    options = ["--transient"] if asked.durable is None else ["--data-dir", str(asked.durable)]
    print("before and during, for the others: a pair at 500 messages/s, and logins\n" + _row(HEADS), flush=True)
    rows: dict[str, list[tuple[Figures, Figures]]] = {}
    bad = False
    for name in asked.only:
        rows[name] = [one_round(name, asked.seconds, options) for _ in range(asked.rounds)]
        before, during = (middle([pair[at] for pair in rows[name]]) for at in (0, 1))
        bad = bad or noticed(before, during)
        print(_row(_cells(name, before, during)), flush=True)
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=1))
    return int(bad and asked.check)


if __name__ == "__main__":
    sys.exit(main())
