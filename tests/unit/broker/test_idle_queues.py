"""What an idle queue costs in memory."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from amqpd.broker import accepted_arguments, settings
from amqpd.broker.interning import KEPT, Interned
from amqpd.broker.vhost import QUEUE_OCTETS
from tests.bench.idle_queues import declare
from tests.unit.broker.world import World

COUNT = 2000


@pytest.mark.parametrize("same", [True, False])
def test_an_idle_queue_with_ttls_costs_no_more_than_is_accounted_for(
    same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_known", Interned())  # the process's own table may be about to grow
    monkeypatch.setattr(accepted_arguments, "KEPT", 16)  # what is kept of arguments does not grow with the queues
    world = World()
    session = world.session()
    declare(world.broker, session, 10, first=COUNT)  # what is made once
    gc.collect()
    tracemalloc.start()
    try:
        declare(world.broker, session, COUNT, same=same)
        gc.collect()
        octets, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert octets / COUNT < QUEUE_OCTETS


def test_equal_arguments_are_one_object_and_so_are_equal_settings(world: World) -> None:
    one, two = (world.queue(name, {"x-message-ttl": 5}) for name in "ab")
    assert one.arguments is two.arguments
    assert one.settings is two.settings


def test_values_without_end_are_not_remembered_without_end() -> None:
    interned: Interned[str] = Interned()
    first = str(1.5)
    assert interned.one(first) is first
    assert interned.one(str(1.5)) is first
    for number in range(KEPT):
        interned.one(str(number))
    assert interned.one(str(1.5)) is not first
