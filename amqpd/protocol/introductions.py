"""What clients say of themselves: those of one library say the same octets, so one reading of them serves all."""

from __future__ import annotations

from typing import Final

import attrs

from amqpd.broker.interning import KEPT, Interned
from amqpd.fields import Table

CAPABILITIES: Final = "capabilities"
LARGEST: Final = 1024
"""Octets of client properties up to which they are remembered; a client can say any number of different ones."""


@attrs.frozen
class Introduction:
    """The client properties, and the names of the capabilities in them that are true."""

    properties: Table
    capabilities: frozenset[str]


class Introductions:
    """Those that were heard lately, by their octets."""

    __slots__ = ("_capabilities", "_known")

    def __init__(self) -> None:
        self._known: dict[bytes, Introduction] = {}
        self._capabilities: Interned[frozenset[str]] = Interned()

    def of(self, properties: Table) -> Introduction:
        """Read what a client says of itself in connection.start-ok."""
        raw = properties.raw
        known = self._known.get(raw)
        if known is None:
            # Octets again, until somebody asks for what they say.
            known = Introduction(Table(raw), self._capabilities.one(_true_ones(properties)))
            if len(raw) <= LARGEST:
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[raw] = known
        return known


def _true_ones(properties: Table) -> frozenset[str]:
    said = properties.get(CAPABILITIES)
    if said is None or not isinstance(said.value, Table):
        return frozenset()
    return frozenset([name for name, field in said.value.items() if field.tag == "t" and field.value])
