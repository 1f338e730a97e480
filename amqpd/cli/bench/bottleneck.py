"""Who limited a measurement: the broker, as it should be, or the client, or the machine that both run on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from amqpd.cli.bench.stopwatch import Measurement

BUSY = 0.9
"""A process that computes for more than this share of its time waits for nobody."""

_FULL_MACHINE = 0.95
_NOTICEABLE = 0.25


@dataclass(frozen=True)
class Shares:
    """Processor time over wall time: 1.0 is one core, kept busy; of the busiest client process of each role.

    `broker` is None where its process is not known or the load was too short to tell; `clients` is the sum over all
    client processes; `others` is what ran on this machine beside a local broker and them, None where that is not known.
    """

    by_role: Mapping[str, float]
    clients: float
    broker: float | None
    others: float | None = None

    @property
    def client_was_bottleneck(self) -> bool:
        """Return whether a client process was busy while the broker was not, or may not have been."""
        return bool(self._busy()) and (self.broker is None or self.broker < BUSY)

    def notes(self, cores: int | None = None) -> list[str]:
        """Return sentences for the user: what beside the broker limited the figures; empty if nothing did."""
        return [*self._of_client(), *self._of_machine(cores or os.cpu_count() or 1)]

    def _of_client(self) -> Iterator[str]:
        who = ", ".join(f"{role} at {share * 100:.0f} % of a core" for role, share in self._busy().items())
        if not who:
            return
        if self.broker is None:
            unknown = "the broker's share is not known; give its --pid, or measure for longer"
            yield f"the client was the bottleneck, or as busy as the broker: {who} ({unknown})"
        elif self.client_was_bottleneck:
            yield f"the client was the bottleneck: {who}, the broker at {self.broker * 100:.0f} %; it can do more"
        else:
            yield f"the client was as busy as the broker: {who}, the broker at {self.broker * 100:.0f} %"

    def _of_machine(self, cores: int) -> Iterator[str]:
        if self.others is not None and self.others > _NOTICEABLE:
            yield f"other processes of this machine took {self.others * 100:.0f} % of a core meanwhile"
        elif not self._busy() and self.broker is not None and self.broker + self.clients > _FULL_MACHINE * cores:
            split = f"broker {self.broker * 100:.0f} %, client {self.clients * 100:.0f} %"
            yield f"broker and client filled the {cores} cores of this machine ({split} of a core)"

    def _busy(self) -> dict[str, float]:
        return {role: share for role, share in self.by_role.items() if share > BUSY}


def shares(measurements: Sequence[Measurement], broker: float | None, machine: float | None = None) -> Shares:
    """Sum up what client processes measured of themselves, beside the shares of the broker and of the whole machine."""
    by_role: dict[str, float] = {}
    for one in measurements:
        by_role[one.role] = max(by_role.get(one.role, 0.0), one.load)
    clients = sum(one.load for one in measurements)
    if machine is None or broker is None or not measurements:
        return Shares(by_role, clients, broker)
    wall = max(one.end for one in measurements) - min(one.start for one in measurements)
    own = sum(one.cpu_seconds + one.spun_seconds for one in measurements) / wall if wall > 0 else 0.0
    return Shares(by_role, clients, broker, max(0.0, machine - broker - own))
