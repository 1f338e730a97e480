"""Rounds of conversations, until time, rounds or differences are enough.

A round has a seed of its own, and is some long sessions, probes of what was played least, and handshakes beside them.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from conformance.fuzz import handshakes, steps, vocabulary
from conformance.fuzz.coverage import CHANNEL_STATES, Coverage
from conformance.fuzz.probes import class_probe, probe
from conformance.fuzz.sessions import Composer, Session
from conformance.fuzz.shrink import shrink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conformance.fuzz.duel import Difference, Duel
    from conformance.fuzz.steps import Program

SESSION_STEPS = 250
HANDSHAKE_FIELDS = ("mechanism", "response", "virtual_host", "channel_max", "frame_max", "heartbeat", *vocabulary.BITS)
"""What has classes of its own, but no probes: handshakes play them, and bits are set or not anyway."""


class Mix(NamedTuple):
    """What a round consists of."""

    sessions: int = 1
    probes: int = 120
    class_probes: int = 40
    handshakes: int = 80


EVEN = Mix()


class Campaign:
    """What is played, and what came of it. Differences are shortened and printed; with a judge, those that it does not
    let pass are as if they were not there, and nothing is printed.
    """

    def __init__(
        self,
        duel: Duel,
        seed: int,
        folder: Path | None = None,
        *,
        mix: Mix = EVEN,
        judge: Callable[[Difference], bool] | None = None,
    ) -> None:
        self.duel = duel
        self.first_seed = self.seed = seed
        self.folder = folder
        self.mix = mix
        self.judge = judge
        self.coverage = Coverage()
        self.coverage.expected_classes = vocabulary.all_classes()
        self.steps = self.differences = 0
        self.kinds: set[str] = set()
        self._handshakes = handshakes.made_up(Composer(Random(seed), self.coverage))

    def run(self, rounds: int | None, minutes: float | None, kinds: int) -> None:
        """Play rounds, at most so many, at most so long, until so many kinds of differences were seen."""
        until = time.monotonic() + minutes * 60 if minutes else float("inf")
        last = self.seed + rounds if rounds else None
        while self.seed != last and time.monotonic() < until and len(self.kinds) < kinds:
            self._round(Random(self.seed))
            self.seed += 1

    def _round(self, random: Random) -> None:
        players = self.duel.first, self.duel.second
        with handshakes.compared(*players, islice(self._handshakes, self.mix.handshakes)) as differences:
            for _ in range(self.mix.sessions):
                self._session(random)
            self._probes(random)
        self.steps += self.mix.handshakes
        for each in differences:
            self.differences += 1
            if each.kind() not in self.kinds:
                self.kinds.add(each.kind())
                print(f"seed {self.seed}: {each}", flush=True)

    def _session(self, random: Random) -> None:
        session = Session(random, self.coverage)
        difference = self.duel.play_all(session.next(self.duel.first) for _ in range(SESSION_STEPS))
        self.steps += session.steps
        if difference:
            self._found(difference, self.duel.play_all)

    def _probes(self, random: Random) -> None:
        compose = Composer(random, self.coverage)
        rare = self.coverage.rarest_pairs(CHANNEL_STATES)[: self.mix.probes]
        programs = [partial(probe, compose, method, state) for _, method, state in rare]
        classes = [name for name in self.coverage.rarest_classes() if name.partition(":")[0] not in HANDSHAKE_FIELDS]
        programs += [partial(class_probe, compose, name) for name in classes[: self.mix.class_probes]]
        for program in programs:
            self.steps += 1
            difference = self.duel.probe(program())
            if difference:
                self._found(difference, self.duel.probe)

    def _found(self, difference: Difference, play: Callable[[Program], Difference | None]) -> None:
        """Tell a difference of a kind that wasn't seen yet, as short as it can be made."""
        if self.judge is not None and not self.judge(difference):
            return
        self.differences += 1
        kind = difference.kind()
        if kind in self.kinds:
            return
        self.kinds.add(kind)
        if self.judge is not None:
            return
        print(f"seed {self.seed}: {difference}", flush=True)
        shown = difference

        def differs(program: Program) -> bool:
            nonlocal shown
            again = play(list(program))
            if again is None or again.kind() != kind:
                return False
            shown = again
            return True

        program = list(difference.program)
        short = shrink(program, differs) if differs(program) else program
        print(f"shortened: {shown}\nthe whole conversation:")
        print("\n".join(f"    {step!r}," for step in short), flush=True)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            steps.write(short, self.folder / f"seed-{self.seed}.program", str(shown))

    def summary(self, floor: int) -> str:
        """Return what was played and found."""
        return "\n".join([
            *self.coverage.report(floor),
            f"seeds {self.first_seed} to {self.seed - 1}: {self.steps} steps",
            *(f"{count} conversations ended undecided: {race}" for race, count in self.duel.undecided.items()),
            f"{self.differences} differences of {len(self.kinds)} kinds",
        ])
