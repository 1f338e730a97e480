"""When each cell runs: several at a time on a broker, those that want it alone one after the other.

Brokers are independent of one another, so each has its own line of work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from interop.matrix import drive
from interop.matrix.results import Place

if TYPE_CHECKING:
    from interop.matrix.clients import Row
    from interop.matrix.drive import Outcome
    from interop.matrix.scenarios import Scenario
    from interop.matrix.targets import Target

Job = tuple["Row", "Scenario"]
Told = Callable[[str, Place, "Outcome"], None]


def run(rows: Sequence[Row], scenarios: Sequence[Scenario], targets: Sequence[Target], jobs: int, tell: Told) -> None:
    """Run every cell that its client supports on every target, `jobs` drivers at a time in all.

    `tell` hears of each cell as it ends, from one thread at a time of each target.
    """
    lines: list[Future[None]] = []
    with ThreadPoolExecutor(jobs) as drivers, ThreadPoolExecutor(max(1, len(targets))) as overseers:
        for target in targets:
            todo = [(row, each) for row in rows for each in scenarios if row.is_asked(each)]
            lines.append(overseers.submit(_run_on, target, todo, drivers, tell))
        try:
            for line in as_completed(lines):
                line.result()
        except BaseException:
            drivers.shutdown(wait=False, cancel_futures=True)  # whoever interrupts does not want the rest of the cells
            raise


def _run_on(target: Target, todo: Sequence[Job], drivers: ThreadPoolExecutor, tell: Told) -> None:
    together = [job for job in todo if not job[1].alone]
    alone = [job for job in todo if job[1].alone]
    _run_all(target, together, drivers, tell)
    for job in alone:
        _run_all(target, [job], drivers, tell)


def _run_all(target: Target, todo: Sequence[Job], drivers: ThreadPoolExecutor, tell: Told) -> None:
    running = {drivers.submit(drive.run, row, scenario, target): (row, scenario) for row, scenario in todo}
    for done in as_completed(running):
        row, scenario = running[done]
        tell(target.name, Place(row.label, scenario.name), done.result())
