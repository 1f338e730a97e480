"""A crowd of newcomers goes through in small groups, one in each pass of the event loop."""

from __future__ import annotations

import itertools

import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from amqpd.server.turnstile import Turnstile


async def test_of_a_crowd_a_few_go_in_each_pass_while_others_run() -> None:
    turnstile = Turnstile(3)
    entered: list[int] = []
    seen: list[int] = []

    async def newcomer(number: int) -> None:
        await turnstile.enter()
        entered.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turnstile.run)
        for number in range(3):
            await turnstile.enter()  # alone they need not wait
            entered.append(number)
        for number in range(3, 20):
            nursery.start_soon(newcomer, number)
        while len(entered) < 20:
            await trio.lowlevel.checkpoint()
            seen.append(len(entered))
        nursery.cancel_scope.cancel()
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 2 * 3
    assert sorted(entered) == list(range(20))


async def test_who_gives_up_is_not_waited_for() -> None:
    turnstile = Turnstile(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turnstile.run)
        await turnstile.enter()
        with trio.CancelScope() as scope:
            scope.cancel()
            await turnstile.enter()
        assert scope.cancelled_caught
        await turnstile.enter()
        await wait_all_tasks_blocked()  # with nobody in front of it, it sleeps
        nursery.cancel_scope.cancel()
