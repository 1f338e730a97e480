"""The shortest conversation that still shows a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.fuzz.steps import Program


def shrink(program: Program, differs: Callable[[Program], bool], most_tries: int = 400) -> Program:
    """Leave out steps, in runs that become shorter, as long as `differs` holds for the rest (delta debugging)."""
    size, tries = max(1, len(program) // 2), 0
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
