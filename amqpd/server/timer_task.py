"""The one task that runs when nobody's bytes do: due timers and long work, each in turns of bounded length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from amqpd.broker.timers import Timers

if TYPE_CHECKING:
    from amqpd.server.server import Server


TIMER_COST: Final = 64
"""Units of the turn's budget that one timer counts as."""


async def run_timers(server: Server) -> None:
    """Sleep until a timer is due or work is there, do a share of it, and let the others go on."""
    timers = server.timers
    # One timer may expire a slice of a queue's heads: so many timers are a turn's worth of work.
    budget = max(1, server.node.settings.turn_budget // TIMER_COST)
    while True:
        busy = [each.run_due(budget) for each in timers]
        more = server.end_turn()
        if more or any(busy):
            await trio.lowlevel.checkpoint()
            continue
        server.wake = trio.Event()
        with trio.move_on_after(_seconds_to_sleep(server, timers)):
            await server.wake.wait()


def _seconds_to_sleep(server: Server, timers: tuple[Timers, ...]) -> float:
    """Until the next deadline; a clock that stands still lets it sleep until it is woken."""
    waits = [each.seconds_to_next() for each in timers]
    return min(waits)
