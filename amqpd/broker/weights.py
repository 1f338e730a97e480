"""How much messages are: their body octets, how many are persistent, and what of them is on disk alone.

The way of a message adds nothing up. A run of packed ones knows its weight once somebody has asked, so that a look at a
deep queue costs a little for each thousand messages; those at its ends are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from amqpd.broker.message import Message


@attrs.frozen
class Weight:
    """Of messages in one place. Sizes are octets of bodies."""

    octets: int = 0
    persistent: int = 0
    """Messages."""
    persistent_octets: int = 0
    paged: int = 0
    """Octets that are not in memory."""

    def __add__(self, other: Weight) -> Weight:
        return Weight(
            self.octets + other.octets,
            self.persistent + other.persistent,
            self.persistent_octets + other.persistent_octets,
            self.paged + other.paged,
        )


NOTHING = Weight()


def of_messages(messages: Iterable[Message]) -> Weight:
    """What these are together."""
    sizes = [(len(each.body), each.properties.persistent) for each in messages]
    lasting = [size for size, persistent in sizes if persistent]
    return Weight(sum([size for size, _ in sizes]), len(lasting), sum(lasting))
