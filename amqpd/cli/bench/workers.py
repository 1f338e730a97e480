"""Client processes: start them, let them go at one moment, collect what they measured, end them whatever happens.

A job is a picklable value with a ``run(gate)``; it prepares, waits at the gate, measures. Processes are spawned, never
forked, so that the tool behaves alike on Linux, macOS and Windows. Knows nothing of AMQP.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Protocol

from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.stopwatch import Measurement, now, wait_until

# The start lies this many seconds after the last process was ready, so that all of them know it in time.
_LEAD = 0.02


class Gate:
    """Where a job waits until all others are ready too."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def wait(self) -> float:
        """Say that this job is ready and return at the common start; the result is that moment, the same for all."""
        self._pipe.send(None)
        moment: float = self._pipe.recv()
        wait_until(moment)
        return moment


class Job(Protocol):
    """The work of one client process."""

    def run(self, gate: Gate) -> Measurement:
        """Prepare, call ``gate.wait()`` once, measure; raises BenchError."""


class Watcher(Protocol):
    """Somebody who wants to know how a load gets on."""

    interval: float
    """Seconds between two calls of ``tick``."""

    def begin(self, moment: float) -> None:
        """The load starts at `moment`, a few milliseconds from now."""

    def tick(self) -> None:
        """The load goes on."""

    def end(self) -> None:
        """All jobs have measured."""


def run_jobs(jobs: Sequence[Job], timeout: float, watcher: Watcher | None = None) -> list[Measurement]:
    """Run each job in a process of its own and return their measurements in the order of `jobs`.

    A measurement's role is the name of its job's class in lower case. Raises the first BenchError of any job, or one of
    its own if a process dies or `timeout` (seconds) passes; the other processes are ended.
    """
    deadline = now() + timeout
    workers = [_Worker(job) for job in jobs]
    try:
        for worker in workers:
            worker.start()
        _gather(workers, deadline, lambda worker, _: worker.arrive())
        moment = now() + _LEAD
        if watcher:
            watcher.begin(moment)
        for worker in workers:
            worker.pipe.send(moment)
        _gather(workers, deadline, _Worker.finish, watcher)
        if watcher:
            watcher.end()
        return [worker.measurement for worker in workers if worker.measurement]
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    def __init__(self, job: Job) -> None:
        context = get_context("spawn")
        self.role = type(job).__name__
        self.pipe, self._far_end = context.Pipe()
        self._process = context.Process(target=_main, args=(job, self._far_end), daemon=True)
        self.measurement: Measurement | None = None

    def start(self) -> None:
        self._process.start()
        # Only the child holds the far end now, so that its death ends the pipe.
        self._far_end.close()

    def arrive(self) -> None:
        """Nothing to keep: the message said that the job waits at the gate."""

    def finish(self, message: object) -> None:
        """Keep the measurement, the only thing a job sends after the gate."""
        if isinstance(message, Measurement):
            self.measurement = replace(message, role=self.role.lower())

    def take(self) -> object:
        """Return the next message; raises what the job raised."""
        try:
            message = self.pipe.recv()
        except EOFError:
            self._process.join(1)
            code = self._process.exitcode
            raise BenchError(f"a {self.role} process ended with exit code {code} before it had measured") from None
        if isinstance(message, BenchError):
            raise message
        return message

    def end(self) -> None:
        self.pipe.close()
        if self._process.pid is None:
            return
        if self.measurement is None:
            self._process.terminate()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _gather(
    workers: Sequence[_Worker],
    deadline: float,
    keep: Callable[[_Worker, object], None],
    watcher: Watcher | None = None,
) -> None:
    waiting = {worker.pipe: worker for worker in workers}
    while waiting:
        left = deadline - now()
        if left <= 0:
            roles = ", ".join(sorted({worker.role for worker in waiting.values()}))
            raise BenchError(f"not done in time: {roles}; was a message lost, or is the broker slow? (see --timeout)")
        ready = wait(list(waiting), min(left, watcher.interval) if watcher else left)
        if watcher and not ready:
            watcher.tick()
        for worker in [worker for pipe, worker in waiting.items() if pipe in ready]:
            del waiting[worker.pipe]
            keep(worker, worker.take())


def _main(job: Job, pipe: Pipe) -> None:
    gc.disable()  # a collection would show up as the broker's latency
    with suppress(KeyboardInterrupt, BrokenPipeError):
        try:
            pipe.send(job.run(Gate(pipe)))
        except BenchError as error:
            pipe.send(error)
