"""The integer types of field tables: which have a sign, and how wide they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

LIMIT = "x-max-length"
SIGNED = {"b": 8, "s": 16, "I": 32, "l": 64, "L": 64}
UNSIGNED = {"B": 8, "u": 16, "i": 32}


@pytest.mark.parametrize(
    "tag", [pytest.param(tag, marks=pytest.mark.proves(f"table.{tag}", "deviation.table.types")) for tag in SIGNED]
)
def test_a_signed_integer(channel: Channel, names: Names, tag: str) -> None:
    queue, least = names("q"), -(2 ** (SIGNED[tag] - 1))
    channel.declare_queue(names("largest"), {LIMIT: Typed(tag, -least - 1)})
    text = f"PRECONDITION_FAILED - invalid arg '{LIMIT}' for queue '{queue}' in vhost '/': {{value_negative,{least}}}"
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {LIMIT: Typed(tag, least)})


@pytest.mark.parametrize("tag", [pytest.param(tag, marks=pytest.mark.proves(f"table.{tag}")) for tag in UNSIGNED])
def test_an_unsigned_integer(channel: Channel, names: Names, tag: str) -> None:
    """Another limit is told by the value of this one."""
    queue, largest = names("q"), 2 ** UNSIGNED[tag] - 1
    channel.declare_queue(queue, {LIMIT: Typed(tag, largest)})
    text = (
        f"PRECONDITION_FAILED - inequivalent arg '{LIMIT}' for queue '{queue}' in vhost '/': "
        f"received '1' but current is '{largest}'"
    )
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {LIMIT: 1})
