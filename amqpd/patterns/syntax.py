"""The parts a pattern consists of, as a tree of immutable nodes, and the error for what is none.

Decides how large a program a part makes (`size`), how many characters it can take at most (`width`, None where there
is no limit) and whether it matches the empty text everywhere (`nullable`). Refuses to know how parts are written and
how they are matched. All three numbers are known at construction, so nothing has to walk the tree for them.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class PatternError(ValueError):
    """A pattern is malformed, too large, or asks for what cannot be matched in bounded time.

    `position` is the index in `source` where the trouble starts; `reason` says what is wrong and what would be right.
    `pcre` is what PCRE says and where, as far as it refuses the pattern too: texts of RabbitMQ's quote it.
    """

    def __init__(self, reason: str, source: str, position: int, pcre: tuple[str, int] | None = None) -> None:
        shown = source if len(source) <= 80 else source[:77] + "..."
        super().__init__(f"{reason}, at position {position} of the pattern {shown!r}")
        self.reason: Final[str] = reason
        self.source: Final[str] = source
        self.position: Final[int] = position
        self.pcre: Final[tuple[str, int]] = pcre or (reason, position)


class Node:
    """One part of a pattern."""

    __slots__ = ("nullable", "size", "width")

    def __init__(self, size: int, width: int | None, nullable: bool) -> None:
        self.size: Final[int] = size
        self.width: Final[int | None] = width
        self.nullable: Final[bool] = nullable


class CharSet(Node):
    """One character out of a set; a literal is a set of one."""

    __slots__ = ("chars", "ignore_case", "negated", "parts", "ranges")

    def __init__(
        self,
        chars: str = "",
        ranges: tuple[tuple[str, str], ...] = (),
        parts: tuple[CharSet, ...] = (),
        negated: bool = False,
        ignore_case: bool = False,
    ) -> None:
        super().__init__(1, 1, nullable=False)
        self.chars: Final[frozenset[str]] = frozenset(chars)
        self.ranges: Final[tuple[tuple[str, str], ...]] = ranges
        self.parts: Final[tuple[CharSet, ...]] = parts
        self.negated: Final[bool] = negated
        self.ignore_case: Final[bool] = ignore_case

    def contains(self, char: str) -> bool:
        """Tell whether the set has this character, or with `ignore_case` one of its other cases."""
        if self.ignore_case:
            return any(map(self._has, {char, char.lower(), char.upper()})) is not self.negated
        return self._has(char) is not self.negated

    def literal(self) -> str | None:
        """Return the only character of the set, None for any other set."""
        if self.negated or self.ignore_case or self.ranges or self.parts or len(self.chars) != 1:
            return None
        return next(iter(self.chars))

    def _has(self, char: str) -> bool:
        return (
            char in self.chars
            or any(low <= char <= high for low, high in self.ranges)
            or any(part.contains(char) for part in self.parts)
        )


class Place(Enum):
    """What a simple assertion says about a position of the text."""

    START = "start of the text"
    END = "end of the text"
    END_OR_FINAL_NEWLINE = "end of the text, or before a newline that ends it"
    LINE_START = "start of a line"
    LINE_END = "end of a line"
    WORD_EDGE = "between a word character and something else"
    NO_WORD_EDGE = "anywhere else"


class Assertion(Node):
    """A condition on the position that takes no character."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        super().__init__(1, 0, nullable=False)
        self.place: Final[Place] = place


class Look(Node):
    """A condition on what follows (`ahead`) or precedes the position; takes no character."""

    __slots__ = ("ahead", "body", "negated")

    def __init__(self, body: Node, ahead: bool, negated: bool) -> None:
        super().__init__(body.size + 2, 0, nullable=False)
        self.body: Final[Node] = body
        self.ahead: Final[bool] = ahead
        self.negated: Final[bool] = negated


class Sequence(Node):
    """One part after the other; no parts at all is the empty text."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node]) -> None:
        width: int | None = 0
        for item in items:
            width = None if width is None or item.width is None else width + item.width
        super().__init__(sum(item.size for item in items), width, all(item.nullable for item in items))
        self.items: Final[list[Node]] = items


class Choice(Node):
    """One of several parts."""

    __slots__ = ("branches",)

    def __init__(self, branches: list[Node]) -> None:
        width: int | None = 0
        for branch in branches:
            width = None if width is None or branch.width is None else max(width, branch.width)
        size = sum(branch.size + 2 for branch in branches)
        super().__init__(size, width, any(branch.nullable for branch in branches))
        self.branches: Final[list[Node]] = branches


class Repeat(Node):
    """A part `least` to `most` times, with `most` None any number of times."""

    __slots__ = ("body", "least", "most")

    def __init__(self, body: Node, least: int, most: int | None) -> None:
        # An empty body counts too: writing it out takes time.
        copy = max(body.size, 1)
        size = copy * least + (copy + 2 if most is None else (copy + 1) * (most - least))
        width = 0 if body.width == 0 or most == 0 else None
        if body.width and most:
            width = body.width * most
        super().__init__(size, width, least == 0 or body.nullable)
        self.body: Final[Node] = body
        self.least: Final[int] = least
        self.most: Final[int | None] = most
