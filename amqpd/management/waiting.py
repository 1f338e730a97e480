"""Waiting for what the model does later: a Pending becomes an await."""

from __future__ import annotations

from typing import TypeVar, overload

import trio

from amqpd.broker.pending import Pending

T = TypeVar("T")


@overload
async def settled(result: Pending[T]) -> T: ...
@overload
async def settled(result: T | Pending[T]) -> T: ...
async def settled(result: T | Pending[T]) -> T:
    """The result, once it is there; raises what it fails with."""
    if not isinstance(result, Pending):
        return result
    if not result.done:
        event = trio.Event()
        result.when_done(lambda _: event.set())
        await event.wait()
    return result.result()
