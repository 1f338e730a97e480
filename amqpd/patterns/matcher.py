"""Matching: a pattern becomes a program of states, and a search moves sets of text positions through it.

Decides whether a text has a match, nothing else. Per state one integer holds the text positions (bit i = before
character i) at which the state was reached; what a state passes on is a shift and a mask, for all positions at once.

Invariants:

* A position enters a state at most once, so a search makes at most (states) x (positions) steps; there is no
  backtracking and no recursion over the text.
* What lookaround asserts is worked out once per search for all positions: its body runs through the whole text, in the
  opposite direction for lookahead, and the positions where it ends are those where the assertion holds.
* Patterns of the usual shapes (a literal, anchored or not, with or without ``.*``) have no program; they are string
  comparisons.
"""

from __future__ import annotations

from enum import Enum
from heapq import heappop, heappush
from typing import Final

from amqpd.patterns.charsets import NOT_NEWLINE, WORD
from amqpd.patterns.parser import parse
from amqpd.patterns.syntax import Assertion, CharSet, Choice, Look, Node, Place, Repeat, Sequence

_NOWHERE: Final = -1

# What a state does with its positions before it passes them on.
_FORK: Final = 0  # nothing
_HOLD: Final = 1  # keeps those where the test holds
_STEP: Final = 2  # moves over one character of the set
_STEP_BACK: Final = 3  # the same, towards the start of the text
_RUN: Final = 4  # moves over any number of characters of the set, none included


class _Program:
    """States in the order of the pattern, or against it for a body that runs from the end of the text to its start.

    State i does `kind[i]` with the test `tests[test[i]]` and goes on to `first[i]` and `second[i]`. The last state is
    the match.
    """

    __slots__ = ("backward", "first", "kind", "second", "shared", "test", "tests")

    def __init__(self, root: Node, backward: bool) -> None:
        self.backward: Final[bool] = backward
        self.kind: Final[list[int]] = []
        self.test: Final[list[int]] = []
        self.first: Final[list[int]] = []
        self.second: Final[list[int]] = []
        self.tests: Final[list[CharSet | Assertion | _Around]] = []
        # parts of the tree that a repetition writes out many times make one test
        self.shared: Final[dict[Node, int]] = {}
        self._emit(root)
        self._fork()

    def _state(self, kind: int, first: int, second: int, test: int) -> int:
        self.kind.append(kind)
        self.first.append(first)
        self.second.append(second)
        self.test.append(test)
        return len(self.first) - 1

    def _fork(self, first: int = _NOWHERE, second: int = _NOWHERE) -> int:
        return self._state(_FORK, first, second, _NOWHERE)

    def _leaf(self, kind: int, node: Node) -> None:
        self._state(kind, len(self.first) + 1, _NOWHERE, self._test_of(node))

    def _emit(self, node: Node) -> None:
        if isinstance(node, Sequence):
            for item in reversed(node.items) if self.backward else node.items:
                self._emit(item)
        elif isinstance(node, Choice):
            self._emit_choice(node)
        elif isinstance(node, Repeat):
            self._emit_repeat(node)
        elif isinstance(node, CharSet):
            self._leaf(_STEP_BACK if self.backward else _STEP, node)
        else:
            self._leaf(_HOLD, node)

    def _emit_choice(self, node: Choice) -> None:
        ends: list[int] = []
        for branch in node.branches[:-1]:
            fork = self._fork(len(self.first) + 1)
            self._emit(branch)
            ends.append(self._fork())
            self.second[fork] = len(self.first)
        self._emit(node.branches[-1])
        for end in ends:
            self.first[end] = len(self.first)

    def _emit_repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self._emit(node.body)
        if node.most is None:
            self._emit_loop(node.body)
            return
        skips: list[int] = []
        for _ in range(node.most - node.least):
            skips.append(self._fork(len(self.first) + 1))
            self._emit(node.body)
        for skip in skips:
            self.second[skip] = len(self.first)

    def _emit_loop(self, body: Node) -> None:
        if isinstance(body, CharSet) and not self.backward:
            self._leaf(_RUN, body)
            return
        start = self._fork(len(self.first) + 1)
        self._emit(body)
        self._fork(start)
        self.second[start] = len(self.first)

    def _test_of(self, node: Node) -> int:
        number = self.shared.get(node)
        if number is None:
            number = self.shared[node] = len(self.tests)
            if isinstance(node, Look):
                self.tests.append(_Around(node))
            else:
                assert isinstance(node, CharSet | Assertion)
                self.tests.append(node)
        return number


class _Around:
    """A lookahead or lookbehind with the program of its body."""

    __slots__ = ("negated", "program")

    def __init__(self, look: Look) -> None:
        self.negated: Final[bool] = look.negated
        self.program: Final[_Program] = _Program(look.body, backward=look.ahead)


class _Text:
    """One text, indexed by character, and the positions that satisfy a test on it."""

    __slots__ = ("everywhere", "length", "places", "text")

    def __init__(self, text: str) -> None:
        self.text: Final[str] = text
        self.length: Final[int] = len(text)
        self.everywhere: Final[int] = (2 << len(text)) - 1
        # character -> the positions before which it stands
        self.places: Final[dict[str, int]] = {}
        bit = 1
        for char in text:
            self.places[char] = self.places.get(char, 0) | bit
            bit <<= 1

    def where(self, test: CharSet | Assertion | _Around) -> int:
        """Return the positions at which the assertion holds, or before which a character of the set stands."""
        if isinstance(test, CharSet):
            return self._where_char(test)
        if isinstance(test, Assertion):
            return self._where_place(test.place)
        found = _run(test.program, self, to_the_end=True)
        return self.everywhere & ~found if test.negated else found

    def _where_char(self, chars: CharSet) -> int:
        found = 0
        if not (chars.ranges or chars.parts or chars.ignore_case):
            for char in chars.chars:
                found |= self.places.get(char, 0)
            return (self.everywhere >> 1) & ~found if chars.negated else found
        for char, bits in self.places.items():
            if chars.contains(char):
                found |= bits
        return found

    def _where_place(self, place: Place) -> int:
        end = 1 << self.length
        newlines = self.places.get("\n", 0)
        if place is Place.START:
            return 1
        if place is Place.END:
            return end
        if place is Place.END_OR_FINAL_NEWLINE:
            return end | (newlines & (end >> 1))
        if place is Place.LINE_START:
            # not after a newline that ends the text
            return 1 | ((newlines << 1) & ~end)
        if place is Place.LINE_END:
            return end | newlines
        words = self.where(WORD)
        edges = words ^ (words << 1)
        return edges if place is Place.WORD_EDGE else self.everywhere & ~edges


def _run(program: _Program, text: _Text, to_the_end: bool) -> int:
    """Return the positions where a match that starts anywhere ends; without `to_the_end`, some of them suffice.

    The state of the lowest number goes first, so that loops are done before what follows them sees their results.
    """
    kind, first, second, test = program.kind, program.first, program.second, program.test
    masks = [_NOWHERE] * len(program.tests)
    match = len(first) - 1
    reached = [0] * len(first)
    fresh = [0] * len(first)
    reached[0] = fresh[0] = text.everywhere
    waiting = [0]
    while waiting:
        state = heappop(waiting)
        bits = fresh[state]
        fresh[state] = 0
        step = kind[state]
        if step != _FORK:
            number = test[state]
            mask = masks[number]
            if mask == _NOWHERE:
                mask = masks[number] = text.where(program.tests[number])
            if step == _STEP:
                bits = (bits & mask) << 1
            elif step == _RUN:
                # The carry of the addition runs from each position through the characters of the set behind it.
                bits |= ((bits & mask) + mask) ^ mask
            elif step == _HOLD:
                bits &= mask
            else:
                bits = (bits >> 1) & mask
        for follower in (first[state], second[state]):
            if follower != _NOWHERE:
                new = bits & ~reached[follower]
                if new:
                    if follower == match and not to_the_end:
                        return new
                    reached[follower] |= new
                    if not fresh[follower]:
                        heappush(waiting, follower)
                    fresh[follower] |= new
    return reached[match]


class _Shape(Enum):
    """The patterns that are string comparisons with one literal."""

    CONTAINS = "literal"
    STARTS = "^literal"
    ENDS = "literal$"
    EQUALS = "^literal$"
    STARTS_ONE_LINE = "^literal.*$"


class Pattern:
    """A compiled pattern. `source` is the text that it was compiled from."""

    __slots__ = ("_literal", "_program", "_shape", "source")

    def __init__(self, source: str) -> None:
        self.source: Final[str] = source
        items = _needed(parse(source))
        shape = _shape_of(items)
        self._shape: Final[_Shape | None] = None if shape is None else shape[0]
        self._literal: Final[str] = "" if shape is None else shape[1]
        self._program: Final[_Program | None] = _Program(Sequence(items), backward=False) if shape is None else None

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"

    def search(self, text: str) -> bool:
        """Tell whether the pattern matches anywhere in the text."""
        shape = self._shape
        literal = self._literal
        if shape is _Shape.CONTAINS:
            return literal in text
        if shape is _Shape.STARTS:
            return text.startswith(literal)
        if shape is _Shape.EQUALS:
            # $ also stands before a newline that ends the text
            return text == literal or (len(text) == len(literal) + 1 and text == literal + "\n")
        if shape is _Shape.ENDS:
            return text.endswith((literal, literal + "\n"))
        if shape is _Shape.STARTS_ONE_LINE:
            return text.startswith(literal) and text.find("\n", len(literal), -1) < 0
        assert self._program is not None
        return _run(self._program, _Text(text), to_the_end=False) != 0


def compile(pattern: str) -> Pattern:  # noqa: A001 - the name that `re` gives this function
    """Compile a pattern for any number of searches.

    Raises:
        PatternError: the pattern is malformed, too large, or not matchable in bounded time.
    """
    return Pattern(pattern)


def _needed(root: Node) -> list[Node]:
    """Return the parts of the pattern without those at its ends that match the empty text: a search needs none."""
    items = root.items if isinstance(root, Sequence) else [root]
    start, end = 0, len(items)
    while start < end and items[start].nullable:
        start += 1
    while start < end and items[end - 1].nullable:
        end -= 1
    return items[start:end]


def _shape_of(items: list[Node]) -> tuple[_Shape, str] | None:
    start, end = 0, len(items)
    from_start = end > 0 and _is_place(items[0], Place.START)
    if from_start:
        start = 1
    to_end = end > start and _is_place(items[-1], Place.END_OR_FINAL_NEWLINE)
    if to_end:
        end -= 1
    one_line = from_start and to_end and end > start and _is_rest_of_line(items[end - 1])
    if one_line:
        end -= 1
    literal = ""
    for item in items[start:end]:
        char = item.literal() if isinstance(item, CharSet) else None
        if char is None:
            return None
        literal += char
    if one_line:
        return _Shape.STARTS_ONE_LINE, literal
    if from_start:
        return (_Shape.EQUALS if to_end else _Shape.STARTS), literal
    return (_Shape.ENDS if to_end else _Shape.CONTAINS), literal


def _is_place(node: Node, place: Place) -> bool:
    return isinstance(node, Assertion) and node.place is place


def _is_rest_of_line(node: Node) -> bool:
    return isinstance(node, Repeat) and node.body is NOT_NEWLINE and node.least == 0 and node.most is None
