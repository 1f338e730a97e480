"""Parsing: a pattern in PCRE's syntax becomes a tree of `syntax` nodes, or a `PatternError`.

Decides what the characters of a pattern mean and what is refused. Refuses to know how a tree is matched. Lazy
repetition equals greedy repetition for a yes or no, and a possessive one of a single character is that repetition
followed by "none further"; so neither exists in the tree.

Bounds: `MAX_SIZE` characters of pattern and states of program, `MAX_DEPTH` groups within groups, `MAX_COUNT` as a
number of repetitions.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from amqpd.patterns import escapes
from amqpd.patterns.charsets import ANY, ESCAPED_SETS, NOT_NEWLINE, POSIX, negation
from amqpd.patterns.syntax import Assertion, CharSet, Choice, Look, Node, PatternError, Place, Repeat, Sequence

MAX_SIZE: Final = 5_000
MAX_DEPTH: Final = 50
MAX_COUNT: Final = 65_535

# None of these expressions can backtrack more than its own length.
_QUANTIFIER: Final = re.compile(r"[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\}")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(-[imsU]*)?([:)])")
_NAME: Final = re.compile(r"\((?:\?P?<([A-Za-z_][A-Za-z0-9_]*)>|\?'([A-Za-z_][A-Za-z0-9_]*)')")
_OCTAL: Final = re.compile(r"\\[0-3][0-7]{2}")
_POSIX: Final = re.compile(r"\[([:.=])(\^?)([A-Za-z0-9]*)\1\]")

_LOOKS: Final = (("(?=", True, False), ("(?!", True, True), ("(?<=", False, False), ("(?<!", False, True))
_REFUSED_GROUPS: Final = (
    ("(*", "verbs such as (*UTF8) are not supported: leave it out"),
    ("(?>", "atomic groups are not supported: use (?:...)"),
    ("(?P=", "back-references cannot be matched in bounded time: write out the alternatives"),
    ("(?(", "conditions are not supported: write out the alternatives"),
    ("(?#", "missing ) after the comment"),
    ("(?<", "malformed group name: use letters, digits and _, not a digit first, and close it with >"),
    ("(?P<", "malformed group name: use letters, digits and _, not a digit first, and close it with >"),
    ("(?'", "malformed group name: use letters, digits and _, not a digit first, and close it with '"),
    ("(?", "unknown or unsupported group: use (?:...), (?=...), (?!...), (?<=...), (?<!...), (?i) or (?<name>...)"),
)


def parse(source: str) -> Node:
    """Return the tree of the pattern.

    Raises:
        PatternError: the pattern is malformed, too large, or asks for what cannot be matched in bounded time.
    """
    if len(source) > MAX_SIZE:
        raise PatternError(f"{len(source)} characters are too many: {MAX_SIZE} at most", source, MAX_SIZE)
    return _Parser(source).parse()


class _Parser:
    __slots__ = ("_at", "_depth", "_flags", "_names", "_origins", "_source", "_text")

    def __init__(self, source: str) -> None:
        self._source: Final[str] = source
        self._text, self._origins = escapes.unquote(source)
        self._at: int = 0
        self._depth: int = 0
        self._flags: frozenset[str] = frozenset()
        self._names: Final[set[str]] = set()

    def parse(self) -> Node:
        root = self._choice()
        if self._at < len(self._text):
            self._fail("unmatched ): open a group before it, or write \\)", self._at, "unmatched parentheses")
        return root

    def _fail(self, reason: str, at: int, pcre: str = "", pcre_at: int | None = None) -> NoReturn:
        """`pcre`: what PCRE says, about the same place unless `pcre_at` names another; -1 is the pattern's end."""
        theirs = at if pcre_at is None else pcre_at
        place = len(self._source) if theirs < 0 else self._origins[theirs]
        raise PatternError(reason, self._source, self._origins[at], (pcre, place) if pcre else None)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _sized(self, node: Node, at: int) -> Node:
        if node.size > MAX_SIZE:
            self._fail(f"{node.size} states with repetitions written out are too many: {MAX_SIZE} at most", at)
        return node

    def _choice(self) -> Node:
        start = self._at
        branches = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            branches.append(self._sequence())
        return self._sized(Choice(branches), start) if len(branches) > 1 else branches[0]

    def _sequence(self) -> Node:
        start = self._at
        items: list[Node] = []
        while self._at < len(self._text) and self._next() not in "|)":
            at = self._at
            atom = self._atom()
            if atom is None:
                continue
            item = self._quantified(atom, at)
            if isinstance(item, Sequence):
                items.extend(item.items)
            else:
                items.append(item)
        return items[0] if len(items) == 1 else self._sized(Sequence(items), start)

    def _atom(self) -> Node | None:
        """Read one part without its quantifier; None for what sets flags or comments."""
        at, char = self._at, self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "*+?{" and _QUANTIFIER.match(self._text, at):
            self._fail(
                f"nothing to repeat before {char}: put a character or group before it, or write \\{char}",
                at,
                "nothing to repeat",
            )
        self._at += 1
        if char == ".":
            return ANY if "s" in self._flags else NOT_NEWLINE
        if char == "^":
            return Assertion(Place.LINE_START if "m" in self._flags else Place.START)
        if char == "$":
            return Assertion(Place.LINE_END if "m" in self._flags else Place.END_OR_FINAL_NEWLINE)
        return self._literal(char)

    def _literal(self, char: str) -> CharSet:
        return CharSet(char, ignore_case="i" in self._flags and char.lower() != char.upper())

    def _quantified(self, atom: Node, start: int) -> Node:
        at = self._at
        found = _QUANTIFIER.match(self._text, at)
        if found is None:
            return atom
        if isinstance(atom, Assertion) and self._text[start] != "(":
            self._fail("an anchor cannot be repeated: leave the quantifier out", at)
        least, most = self._counts(found, at)
        self._at = found.end()
        possessive = self._next() == "+"
        if possessive or self._next() == "?":
            self._at += 1
        if not possessive:
            return self._sized(Repeat(atom, least, most), at)
        if not isinstance(atom, CharSet):
            self._fail("possessive repetition is supported for single characters only: leave the second + out", at)
        return self._sized(_possessive(atom, least, most), at)

    def _counts(self, found: re.Match[str], at: int) -> tuple[int, int | None]:
        if found[1] is None:
            return (1 if found[0] == "+" else 0), (1 if found[0] == "?" else None)
        if max(len(found[1]), len(found[3] or "")) > 5:
            self._fail(f"number too large in {found[0][:20]}: {MAX_COUNT} at most", at)
        least = int(found[1])
        most = int(found[3]) if found[3] else (None if found[2] else least)
        if max(least, most or 0) > MAX_COUNT:
            self._fail(f"number too large in {found[0]}: {MAX_COUNT} at most", at)
        if most is not None and most < least:
            self._fail(
                f"numbers out of order in {found[0]}: the smaller one comes first",
                at,
                "numbers out of order in {} quantifier",
                at + len(found[0]) - 1,
            )
        return least, most

    def _group(self) -> Node | None:
        text, at = self._text, self._at
        for opening, ahead, negated in _LOOKS:
            if text.startswith(opening, at):
                body = self._body(len(opening))
                if not ahead and body.width is None:
                    self._fail("a lookbehind of unlimited length: use {0,n} in place of * and {1,n} in place of +", at)
                return Look(body, ahead, negated)
        if text.startswith(("(?:", "(?|"), at):
            return self._body(3)
        if text.startswith("(?#", at) and ")" in text[at:]:
            self._at = text.index(")", at) + 1
            return None
        name = _NAME.match(text, at)
        if name is not None:
            return self._named(name)
        flags = _FLAGS.match(text, at)
        if flags is not None:
            return self._flagged(flags)
        for opening, reason in _REFUSED_GROUPS:
            if text.startswith(opening, at):
                self._fail(reason, at)
        return self._body(1)

    def _named(self, found: re.Match[str]) -> Node:
        name = found[1] or found[2]
        if name in self._names:
            self._fail(f"two groups have the name {name}: give each its own", self._at)
        self._names.add(name)
        return self._body(len(found[0]))

    def _flagged(self, found: re.Match[str]) -> Node | None:
        before = self._flags
        flags = before.union(found[1]).difference(found[2] or "")
        if found[3] == ")":
            # holds up to the end of the enclosing group, in its later alternatives too
            self._flags = flags
            self._at = found.end()
            return None
        self._flags = flags
        body = self._body(len(found[0]))
        self._flags = before
        return body

    def _body(self, opening: int) -> Node:
        """Read a group from its opening, which has this many characters, to its closing parenthesis."""
        start, flags = self._at, self._flags
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"groups are nested too deep: {MAX_DEPTH} levels at most", start)
        self._at += opening
        body = self._choice()
        if self._next() != ")":
            self._fail("missing ) for the group that opens here: close it, or write \\(", start, "missing )", -1)
        self._at += 1
        self._depth -= 1
        self._flags = flags
        return body

    def _escape(self) -> Node:
        at, letter = self._at, self._text[self._at + 1 : self._at + 2]
        reason = escapes.REFUSED.get(letter)
        if reason is not None and not _OCTAL.match(self._text, at):
            self._fail(reason, at)
        named = ESCAPED_SETS.get(letter, NOT_NEWLINE if letter == "N" else None)
        if named is not None:
            self._at += 2
            return named
        place = escapes.PLACES.get(letter)
        if place is not None:
            self._at += 2
            return Assertion(place)
        return self._literal(self._escaped_char())

    def _escaped_char(self) -> str:
        if self._at + 1 == len(self._text):
            self._fail(
                "a pattern cannot end in a backslash: write \\\\ for the character itself",
                self._at,
                "\\ at end of pattern",
                -1,
            )
        try:
            char, self._at = escapes.read_char(self._text, self._at)
        except ValueError as error:
            self._fail(str(error), self._at)
        return char

    def _class(self) -> CharSet:
        start = self._at
        if _POSIX.match(self._text, start):
            self._fail("a POSIX class outside brackets: write it as in [[:alpha:]]", start)
        self._at += 1
        negated = self._next() == "^"
        if negated:
            self._at += 1
        chars: list[str] = []
        ranges: list[tuple[str, str]] = []
        parts: list[CharSet] = []
        first = self._at
        while self._next() != "]" or self._at == first:
            if not self._next():
                self._fail(
                    "missing ] for the class that opens here: close it, or write \\[",
                    start,
                    "missing terminating ] for character class",
                    -1,
                )
            at, member = self._at, self._member()
            if isinstance(member, CharSet):
                parts.append(member)
            elif self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                ranges.append((member, self._range_end(member, at)))
            else:
                chars.append(member)
        self._at += 1
        return CharSet("".join(chars), tuple(ranges), tuple(parts), negated, "i" in self._flags)

    def _range_end(self, low: str, at: int) -> str:
        high = self._member()
        if isinstance(high, CharSet):
            self._fail("a range cannot end in a class: write the hyphen last, or as \\-", at)
        if high < low:
            self._fail(
                f"range out of order, {low!r} to {high!r}: the lower character comes first",
                at,
                "range out of order in character class",
                self._at - 1,
            )
        return high

    def _member(self) -> str | CharSet:
        at, char = self._at, self._next()
        if char == "\\":
            return self._escaped_member()
        posix = _POSIX.match(self._text, at) if char == "[" else None
        if posix is None:
            self._at += 1
            return char
        named = POSIX.get(posix[3]) if posix[1] == ":" else None
        if named is None:
            self._fail(f"unknown class {posix[0][:40]}: known are {', '.join(POSIX)}, written as in [:alpha:]", at)
        self._at = posix.end()
        return negation(named) if posix[2] else named

    def _escaped_member(self) -> str | CharSet:
        at, letter = self._at, self._text[self._at + 1 : self._at + 2]
        if letter in ESCAPED_SETS:
            self._at += 2
            return ESCAPED_SETS[letter]
        if letter == "b":
            self._at += 2
            return "\b"
        if letter in escapes.REFUSED and not (letter.isdigit() or letter in "gk"):
            self._fail(escapes.REFUSED[letter], at)
        if letter == "N":
            self._fail("\\N is not supported in a class: use [^\\n]", at)
        return self._escaped_char()


def _possessive(atom: CharSet, least: int, most: int | None) -> Node:
    """Take as many as there are and never give one back: either all that are allowed, or none is left behind."""
    if most == least:
        return Repeat(atom, least, most)
    none_left = Look(atom, ahead=True, negated=True)
    if most is None:
        return Sequence([Repeat(atom, least, None), none_left])
    return Choice([Repeat(atom, most, most), Sequence([Repeat(atom, least, most - 1), none_left])])
