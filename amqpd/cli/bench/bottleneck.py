"""Who limited a measurement: the broker, as it should be, or the client, or the machine that both run on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amqpd.cli.bench.stopwatch import Measurement

BUSY = 0.9
"""A process that computes for more than this share of its time waits for nobody."""

_FULL_MACHINE = 0.95


@dataclass(frozen=True)
class Shares:
    """Processor time over wall time: 1.0 is one core, kept busy; of the busiest client process of each role.

    `broker` is None where its process is not known or the load was too short to tell; `clients` is the sum over all
    client processes.
    """

    by_role: Mapping[str, float]
    clients: float
    broker: float | None

    @property
    def client_was_bottleneck(self) -> bool:
        """Return whether a client process was busy while the broker was not, or may not have been."""
        return bool(self._busy()) and (self.broker is None or self.broker < BUSY)

    def notes(self, cores: int | None = None) -> list[str]:
        """Return sentences for the user: what beside the broker limited the figures; empty if nothing did."""
        cores = cores or os.cpu_count() or 1
        who = ", ".join(f"{role} at {share * 100:.0f} % of a core" for role, share in self._busy().items())
        if self.broker is None and who:
            unknown = "the broker's share is not known; give its --pid, or measure for longer"
            return [f"the client was the bottleneck, or as busy as the broker: {who} ({unknown})"]
        if self.broker is not None and self.client_was_bottleneck:
            return [f"the client was the bottleneck: {who}, the broker at {self.broker * 100:.0f} %; it can do more"]
        if self.broker is not None and who:
            return [f"the client was as busy as the broker: {who}, the broker at {self.broker * 100:.0f} %"]
        if self.broker is not None and self.broker + self.clients > _FULL_MACHINE * cores:
            split = f"broker {self.broker * 100:.0f} %, client {self.clients * 100:.0f} %"
            return [f"broker and client filled the {cores} cores of this machine ({split} of a core)"]
        return []

    def _busy(self) -> dict[str, float]:
        return {role: share for role, share in self.by_role.items() if share > BUSY}


def shares(measurements: Sequence[Measurement], broker: float | None) -> Shares:
    """Sum up what client processes measured of themselves beside the broker's share."""
    by_role: dict[str, float] = {}
    for one in measurements:
        by_role[one.role] = max(by_role.get(one.role, 0.0), one.load)
    return Shares(by_role, sum(one.load for one in measurements), broker)
