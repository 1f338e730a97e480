"""The shortest conversation that still shows a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.fuzz.steps import Raw, Send

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.fuzz.steps import Program, Step


def shrink(program: Program, differs: Callable[[Program], bool], most_tries: int = 400) -> Program:
    """Leave out steps as long as `differs` holds for the rest: whole connections and channels, then runs of steps that
    become shorter (delta debugging).
    """
    size, tries = max(1, len(program) // 2), 0
    for group in _groups(program):
        rest = [step for step in program if _place(step)[: len(group)] != group]
        tries += 1
        if rest and differs(rest):
            program = rest
    while tries < most_tries:
        at, shorter = len(program), False
        while at > 0 and tries < most_tries:
            start = max(0, at - size)
            rest = program[:start] + program[at:]
            tries += 1
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
