"""Ask real clients for the scenarios and print the matrix: `python -m interop --help`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from conformance import rabbitmq
from interop.matrix import clients, drive, install, scenarios, schedule, table, targets
from interop.matrix.results import Place, Results
from interop.matrix.suites import SUITES, Suite

if TYPE_CHECKING:
    from interop.matrix.clients import Client
    from interop.matrix.drive import Outcome
    from interop.matrix.targets import Target

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 1 when the run is not good enough, 2 when it cannot begin."""
    options = _parser().parse_args(arguments)
    suite = SUITES[options.suite]
    known = scenarios.load(suite.contract)
    try:
        chosen = clients.load_all(suite.folder, [each.name for each in known], options.clients)
        wanted = _chosen("scenario", options.scenarios, {each.name: each for each in known})
        required = [each.key for each in _chosen("client", options.require or [], {each.key: each for each in chosen})]
        brokers = _target_names(options.targets)
    except (clients.ClientError, ValueError, rabbitmq.Unavailable) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.clients is None:
        chosen = tuple(each for each in chosen if _is_asked_for(each, options.require or []))
    started = time.monotonic()
    missing = _install(chosen, options.jobs, fresh=options.fresh)
    rows = [row for each in chosen if each.key not in missing for row in each.rows()]
    results = Results(brokers, wanted, rows, missing)
    _run(results, suite, options.jobs, again=options.again)
    results.seconds = time.monotonic() - started
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")
    problems = results.problems(required)
    sys.stdout.write("\n".join(["", table.rendered(results), *(f"PROBLEM: {each}" for each in problems), ""]))
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m interop", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, default="clients", help="clients over AMQP, or tools of operators")
    parser.add_argument("--clients", type=_words, metavar="A,B", help="folders of clients; default: all")
    parser.add_argument("--scenarios", type=_words, metavar="A,B", help="default: all")
    parser.add_argument(
        "--targets", type=_words, metavar="A,B", help="amqpd, rabbitmq; default: both where RabbitMQ can run"
    )
    parser.add_argument("--require", type=_words, metavar="A,B", help="fail when one of these cannot be installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many drivers run at a time (default 2)")
    again = "try a cell that failed once more, alone: real clients have races of their own"
    parser.add_argument("--again", action="store_true", help=again)
    parser.add_argument("--fresh", action="store_true", help="install again what is installed already")
    return parser


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _chosen(what: str, names: list[str] | None, known: dict[str, T]) -> list[T]:
    if names is None:
        return list(known.values())
    for name in names:
        if name not in known:
            raise ValueError(f"no {what} {name!r}: expected one of {', '.join(known)}")
    return [each for name, each in known.items() if name in names]


def _is_asked_for(client: Client, required: Sequence[str]) -> bool:
    """Whether it takes part where nobody names the clients."""
    return not client.on_request or client.key in required or install.is_current(client)


def _target_names(given: list[str] | None) -> list[str]:
    if given is not None:
        if targets.RABBITMQ in given:
            rabbitmq.require()
        return _chosen("target", given, {name: name for name in targets.NAMES})
    try:
        rabbitmq.require()
    except rabbitmq.Unavailable as error:
        _say(f"amqpd alone: {error}")
        return [targets.AMQPD]
    return list(targets.NAMES)


def _install(chosen: Sequence[Client], jobs: int, *, fresh: bool) -> dict[str, str]:
    """Install them, some at a time; return why not, by key."""

    def attempt(client: Client) -> str | None:
        started = time.monotonic()
        try:
            install.install(client, fresh=fresh)
        except install.NotInstallable as error:
            _say(f"not installable: {client.key}: {error}")
            return str(error)
        _say(f"installed: {client.key} ({time.monotonic() - started:.1f} s)")
        return None

    with ThreadPoolExecutor(jobs) as pool:
        outcomes = zip(chosen, pool.map(attempt, chosen), strict=True)
        return {client.key: why for client, why in outcomes if why is not None}


def _run(results: Results, suite: Suite, jobs: int, *, again: bool) -> None:
    def tell(target: str, place: Place, outcome: Outcome) -> None:
        results.outcomes[target, place] = outcome
        _say(f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.seconds:5.1f} s  {target:8} {place}")

    with suite.running(results.targets) as brokers:
        schedule.run(results.rows, results.scenarios, brokers, jobs, tell)
        if again:
            _run_again(results, brokers, tell)


def _run_again(results: Results, brokers: Sequence[Target], tell: schedule.Told) -> None:
    """Give every cell that failed a second try; what it said at first stays in the output."""
    for broker in brokers:
        for row in results.rows:
            for scenario in results.scenarios:
                place = Place(row.label, scenario.name)
                first = results.outcomes.get((broker.name, place))
                if first is not None and not first.ok:
                    _say(f"again: {place} on {broker.name}, after:\n{first.reason}")
                    tell(broker.name, place, drive.run(row, scenario, broker))


def _say(line: str) -> None:
    """Write a whole line in one go: several threads speak."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the brokers end in order
    sys.exit(main())
