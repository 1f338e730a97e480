"""TLS handshakes are computed in threads, a few at a time; places take turns."""

from __future__ import annotations

import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from amqpd.server.handshakes import OF_ONE, Crowded, Handshakes


class Steps:
    """Steps that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end = threading.Semaphore(0)

    async def one(self, handshakes: Handshakes, name: str) -> None:
        def step() -> None:
            self.begun.append(name)
            self.may_end.acquire()

        await handshakes.compute(name[0], step)


async def test_few_are_computed_at_a_time_and_places_take_turns() -> None:
    handshakes, steps = Handshakes(1), Steps()
    async with trio.open_nursery() as nursery:
        for name in ("a1", "a2", "a3", "b1", "b2"):
            nursery.start_soon(steps.one, handshakes, name)
            await wait_all_tasks_blocked()
        for _ in range(5):
            steps.may_end.release()
    assert steps.begun == ["a1", "a2", "b1", "a3", "b2"]


async def test_who_gives_up_loses_its_place_in_the_line_and_what_runs_is_waited_for() -> None:
    handshakes, steps = Handshakes(1), Steps()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(steps.one, handshakes, "a1")
        await wait_all_tasks_blocked()
        with trio.CancelScope() as given_up:
            async with trio.open_nursery() as waiting:
                waiting.start_soon(steps.one, handshakes, "a2")
                await wait_all_tasks_blocked()
                given_up.cancel()
        nursery.start_soon(steps.one, handshakes, "a3")
        await wait_all_tasks_blocked()
        steps.may_end.release(2)
    assert steps.begun == ["a1", "a3"]


async def test_a_full_line_turns_the_next_one_of_that_place_away() -> None:
    handshakes, steps = Handshakes(1), Steps()
    async with trio.open_nursery() as nursery:
        for number in range(OF_ONE + 1):
            nursery.start_soon(steps.one, handshakes, f"a{number}")
        await wait_all_tasks_blocked()
        with pytest.raises(Crowded, match=f"too many TLS handshakes wait: {OF_ONE}"):
            await steps.one(handshakes, "a")
        nursery.start_soon(steps.one, handshakes, "b")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        steps.may_end.release()


async def test_a_handshake_that_fails_lets_the_next_one_in() -> None:
    handshakes = Handshakes(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await handshakes.compute("a", lambda: 1 // 0)
