"""`python -m conformance.catalogue check | write | new | report`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance import differences
from conformance.catalogue import check, outcomes, readme, report
from conformance.catalogue import load as catalogue
from conformance.catalogue import write as lists
from conformance.catalogue.markers import Unreadable, collect
from conformance.rabbitmq import SERVER

README = catalogue.ROOT / "README.md"


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _check() -> int:
    loaded, suite, known = catalogue.load(), collect(), differences.load()
    found = [*check.findings(loaded, suite), *differences.findings(known, suite)]
    text = README.read_text(encoding="utf-8")
    if readme.with_table(text, readme.totals(loaded, known.counts(suite))) != text:
        found.append("README.md shows other totals than the catalogue: `python -m conformance.catalogue write`")
    _say(*found)
    if found:
        return 1
    _say(f"the catalogue is complete: {len(loaded.entries)} entries, {len(suite.proves)} tests")
    return 0


def _write(paths: Sequence[Path]) -> int:
    suite = collect()
    for path in lists.write(suite.by_entry(), only=[path.resolve() for path in paths]):
        _say(f"wrote {path.relative_to(catalogue.ROOT)}")
    text = README.read_text(encoding="utf-8")
    after = readme.with_table(text, readme.totals(catalogue.load(), differences.load().counts(suite)))
    if after != text:
        README.write_text(after, encoding="utf-8")
        _say("wrote README.md")
    return 0


def _new() -> int:
    proving = collect().by_entry()
    entries = [each for each in catalogue.load().entries if not each.untested and each.id not in proving]
    _say(*(f"{each.id}: {each.text}" for each in entries))
    return 0


def _report(results: Sequence[Path]) -> int:
    if results:
        return _show(*results)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcomes.json"
        targets = "amqpd,rabbitmq" if SERVER.exists() else "amqpd"
        arguments = [str(catalogue.CONFORMANCE), "-q", "--no-header", f"--targets={targets}", f"--outcomes={path}"]
        subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=catalogue.ROOT, check=False)
        return _show(path) if path.exists() else 2


def _show(*paths: Path) -> int:
    seen = [outcome for path in paths for outcome in outcomes.read(path)]
    loaded, verdicts = catalogue.load(), report.Verdicts(seen)
    _say(*report.table(loaded, verdicts))
    return int(any(verdicts.of(entry) == "failing" for entry in loaded.entries))


def main() -> int:
    """Run one of the four commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m conformance.catalogue", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="say what is wrong with the catalogue")
    writing = commands.add_parser("write", help="write the lists of tests from the markers, and the README's table")
    writing.add_argument("files", nargs="*", type=Path, help="only these files of the catalogue")
    commands.add_parser("new", help="list the entries that have neither test nor reason yet")
    reporting = commands.add_parser("report", help="print every entry with its outcome on amqpd and RabbitMQ")
    results = "outcomes of runs with --outcomes; without any the suite runs"
    reporting.add_argument("--results", nargs="+", default=(), type=Path, metavar="FILE", help=results)
    given = parser.parse_args()
    try:
        if given.command == "report":
            return _report(given.results)
        return {"check": _check, "new": _new}.get(given.command, lambda: _write(given.files))()
    except (catalogue.Malformed, Unreadable) as reason:
        _say(str(reason))
        return 2


if __name__ == "__main__":
    sys.exit(main())
