"""Slow functions run in worker threads; what became of them is told on the broker's thread, in a turn."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from amqpd.server.offload import Threads


async def test_results_and_errors_come_back_in_a_turn() -> None:
    here = threading.get_ident()
    told: list[object] = []
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        threads = Threads()
        threads.start(nursery, lambda: told.append("turn"))
        threads.run(lambda: threading.get_ident() == here).when_done(lambda each: told.append(each.result()))
        while len(told) < 2:
            await trio.lowlevel.checkpoint()

        def failed(each: object) -> None:
            told.append(threading.get_ident() == here)
            done.set()

        failing = threads.run(lambda: 1 // 0)
        failing.when_done(failed)
        await done.wait()
        with pytest.raises(ZeroDivisionError):
            failing.result()
        nursery.cancel_scope.cancel()
    assert told == [False, "turn", True, "turn"]


async def test_many_run_at_once() -> None:
    count = 8
    meeting = threading.Barrier(count)
    async with trio.open_nursery() as nursery:
        threads = Threads()
        threads.start(nursery, lambda: None)
        met = [threads.run(meeting.wait) for _ in range(count)]
        while not all(each.done for each in met):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert sorted(each.result() for each in met) == list(range(count))


async def test_the_end_waits_for_what_runs_and_nothing_runs_after_it() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def slow() -> int:
        may_end.wait()
        ended.set()
        return 3

    async with trio.open_nursery() as nursery:
        threads = Threads()
        threads.start(nursery, lambda: None)
        running = threads.run(slow)
        after = running.then(lambda _: threads.run(lambda: None))
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_all_tasks_blocked()  # the end has begun
        may_end.set()
    assert ended.is_set()
    assert running.result() == 3
    assert not after.result().done


async def test_a_defect_in_what_follows_a_result_costs_nobody_else_anything(caplog: pytest.LogCaptureFixture) -> None:
    async with trio.open_nursery() as nursery:
        threads = Threads()
        threads.start(nursery, lambda: None)
        threads.run(lambda: 0).then(lambda _: None).when_done(lambda _: 1 // 0)  # type: ignore[arg-type]
        following = threads.run(lambda: 1)
        while not following.done:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert "internal error in what follows a result" in caplog.text


def test_before_the_start_work_is_done_at_once() -> None:
    """Nobody is served yet whom it could hold up."""
    assert Threads().run(lambda: 3).result() == 3
