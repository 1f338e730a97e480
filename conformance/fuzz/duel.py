"""Two brokers side by side: every step is played to both, and what follows from it is compared."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pprint import pformat
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from conformance.fuzz.races import (
    DEAD_LETTERS_MEET,
    DECIDED,
    QUEUE_CRASHES,
    TAGS_INTERLEAVE,
    has_crashed,
    is_left_to_chance,
    only_meet_otherwise,
)
from conformance.fuzz.steps import Raw, Send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conformance.fuzz.normal import Observation
    from conformance.fuzz.player import Player
    from conformance.fuzz.steps import Program, Step

T = TypeVar("T")
PLAYS = 5
"""How many times the first broker plays a conversation again to see whether that is a matter of chance there."""
STEADY = "RabbitMQ played it alike each time"


class Difference(NamedTuple):
    """A step after which two brokers had shown different things, and what each showed."""

    program: Program
    first: Observation
    second: Observation

    def kind(self) -> str:
        """Return a word for what differs, the same for differences that look alike."""
        keys = [key for key in sorted({*self.first, *self.second}) if self.first.get(key) != self.second.get(key)]
        replies = [(key, self.first.get(key)) for key in keys if "replies" in key]
        shape = re.sub(r"[0-9]+|'[^']*'|<<.*?>>", "", str(replies))
        return f"{concerns(self.program[-1])} {re.sub('[0-9]', '', ' '.join(keys))} {shape[:300]}"

    def __str__(self) -> str:
        lines = [f"after {len(self.program)} steps, the last one {self.program[-1]!r}"]
        for key in sorted({*self.first, *self.second}):
            if self.first.get(key) != self.second.get(key):
                lines += [f"{key}:", _told(self.first.get(key), "one"), _told(self.second.get(key), "other")]
        return "\n".join(lines)


def _told(seen: object, who: str) -> str:
    text = pformat(seen, width=150)
    return "\n".join(f"    {who:5} {line}" for line in text.splitlines()[:60])


class Duel:
    """One conversation with both brokers."""

    def __init__(self, first: Player, second: Player) -> None:
        self.first, self.second = first, second
        self.program: Program = []
        self.over = False
        """The brokers have parted by chance: nothing can be compared any more."""
        self.undecided: Counter[str] = Counter()
        """How many conversations each race has ended."""
        self._beside = ThreadPoolExecutor(1)
        self.tell: Callable[[str], object] | None = None
        """Called with every step and what the first broker showed after it."""
        self.clear()

    def play(self, step: Step) -> Difference | None:
        """Play one step to both and return the difference that shows."""
        self.program.append(step)
        if _settles_up_to_a_tag(step) and self.first.outstanding(step) != self.second.outstanding(step):
            self._end_undecided(TAGS_INTERLEAVE)
            return None
        seen = self._both(lambda player: player.play(step))
        if self.tell:
            self.tell(f"{step!r}\n{_told(seen[0], '')}")
        if seen[0] == seen[1]:
            return None
        if has_crashed(step, *seen):
            self._end_undecided(QUEUE_CRASHES)
            return None
        if only_meet_otherwise(*seen):
            self._end_undecided(DEAD_LETTERS_MEET)
            return None
        difference = Difference(self.program, *seen)
        races = {*self.first.races}
        if races and is_left_to_chance(*seen):
            steady = not races & DECIDED and not self._varies(difference)
            self._end_undecided(*(f"{race} ({STEADY})" if steady else race for race in races))
            return None
        return difference

    def _varies(self, difference: Difference) -> bool:
        """Say whether the first broker, playing it again and again, ends with something else than the first time."""
        return any(self._again(difference.program) != difference.first for _ in range(PLAYS))

    def _again(self, program: Program) -> Observation:
        """Play a program to the first broker alone, from clean, and return what is seen in the end."""
        self.first.clear()
        return [self.first.play(step) for step in program][-1]

    def _end_undecided(self, *races: str) -> None:
        self.over = True
        self.undecided.update(races)

    def play_all(self, steps: Iterable[Step]) -> Difference | None:
        """Play steps until a difference shows; everything is clean before and after."""
        try:
            for step in steps:
                difference = self.play(step)
                if difference or self.over:
                    return difference
            return None
        finally:
            self.clear()

    def probe(self, program: Program) -> Difference | None:
        """Play steps of which only the last is compared, from clean to clean."""
        try:
            for step in program[:-1]:
                self._both(partial(_follow, step))
            self.program = program[:-1]
            return self.play(program[-1])
        finally:
            self.clear()

    def clear(self) -> None:
        """End the conversation and leave nothing of it on either broker."""
        self._both(lambda player: player.clear())
        self.program = []
        self.over = False

    def _both(self, act: Callable[[Player], T]) -> tuple[T, T]:
        """Let both sides act at the same time: each mostly waits for its broker."""
        second = self._beside.submit(act, self.second)
        return act(self.first), second.result()


def _follow(step: Step, player: Player) -> None:
    player.follow(step)


def _settles_up_to_a_tag(step: Step) -> bool:
    return isinstance(step, Send) and step.method in ("basic.ack", "basic.nack") and bool(step.fields.get("multiple"))


def concerns(step: Step) -> str:
    """Return a word for what a step does, by which differences are grouped."""
    if isinstance(step, Send):
        return step.method
    return "octets" if isinstance(step, Raw) else type(step).__name__.lower()
