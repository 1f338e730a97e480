"""The shortest conversation that still shows a difference."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from conformance.fuzz.steps import Raw, Send

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.fuzz.steps import Program, Step


PATIENCE = 90.0
"""Seconds after which a conversation is as short as it gets."""


def shrink(program: Program, differs: Callable[[Program], bool]) -> Program:
    """Leave out steps as long as `differs` holds for the rest: whole connections and channels, then runs of steps that
    become shorter (delta debugging).
    """
    size, give_up = max(1, len(program) // 2), time.monotonic() + PATIENCE
    for group in _groups(program):
        rest = [step for step in program if _place(step)[: len(group)] != group]
        if rest and differs(rest):
            program = rest
    while time.monotonic() < give_up:
        at, shorter = len(program), False
        while at > 0 and time.monotonic() < give_up:
            start = max(0, at - size)
            rest = program[:start] + program[at:]
            if rest and differs(rest):
                program, shorter = rest, True
            at = start
        if size == 1 and not shorter:
            break
        size = size if shorter and size == 1 else max(1, size // 2)
    return program


def _place(step: Step) -> tuple[int, ...]:
    return (step.connection, step.channel) if isinstance(step, Send | Raw) else (step.connection,)


def _groups(program: Program) -> list[tuple[int, ...]]:
    """Return the connections, then the channels of a program."""
    places = {_place(step) for step in program}
    return sorted({place[:1] for place in places} | places, key=lambda place: (len(place), place))
