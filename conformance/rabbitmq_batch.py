"""Many command lines of RabbitMQ's tools in few Erlang VMs: a line takes 0.05 s, where the start of a VM takes 0.6 s.

The tools' scripts start the VM, in their environment, and `rabbitmq_batch.erl` calls in it what they would call.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import attrs

from conformance.rabbitmq import SERVER, USER, Node

DRIVER: Final = Path(__file__).with_suffix(".erl")
LIMIT: Final = 300.0
"""Seconds for all lines of one VM."""


class Ended(RuntimeError):
    """A VM ended before its lines did: the tool was disconnected from its node, say."""


@attrs.frozen
class Line:
    """One command line."""

    tool: str
    words: tuple[str, ...]


@attrs.frozen
class Said:
    """What came of it."""

    code: int
    out: str
    err: str


def run_all(node: Node, lines: Sequence[Line]) -> list[Said]:
    """Run lines in their order, with nothing on standard input. Raises Ended if a VM ends too early."""
    folder = node.folder / "batch"
    _furnish(folder)
    said: list[Said] = []
    for tool, group in groupby(lines, lambda line: line.tool):
        said += _run(node, folder, tool, [line.words for line in group])
    return said


def _furnish(folder: Path) -> None:
    """Put the tools' code, which is an archive behind a line of text, and the driver where a VM finds them."""
    if folder.exists():
        return
    folder.mkdir()
    with zipfile.ZipFile(SERVER.resolve().parents[1] / "escript" / "rabbitmqctl") as archive:
        archive.extractall(folder)
    subprocess.run(["erlc", "-o", str(folder), str(DRIVER)], check=True, timeout=LIMIT)
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)


def _run(node: Node, folder: Path, tool: str, lines: Sequence[Sequence[str]]) -> Iterator[Said]:
    terms = ("[" + ", ".join(_binary(word) for word in words) + "].\n" for words in lines)
    (folder / "lines").write_text("".join(terms), encoding="utf-8")
    environment = {
        "RABBITMQ_CTL_ERL_ARGS": f"-pa {folder} -run {DRIVER.stem} main",
        "LINES": str(folder / "lines"),
    }
    done = node.run(tool, environment=environment, limit=LIMIT)
    for number, words in enumerate(lines):
        parts = {suffix: folder / f"{number}.{suffix}" for suffix in ("code", "out", "err")}
        if not parts["code"].exists():
            raise Ended(f"{tool} {' '.join(words)} ended its VM:\n{(done.stdout + done.stderr)[-2000:]}")
        out, err = (parts[suffix].read_text(encoding="utf-8") for suffix in ("out", "err"))
        yield Said(int(parts["code"].read_text()), out, err)
        for path in parts.values():
            path.unlink()


def _binary(word: str) -> str:
    return "<<" + ",".join(map(str, word.encode("utf-8"))) + ">>"
