"""The named sets of characters: escapes such as ``\\d``, and POSIX names such as ``[:alpha:]``.

All of them are ASCII, as PCRE reads them without its Unicode property option.
"""

from __future__ import annotations

from typing import Final

from amqpd.patterns.syntax import CharSet

_UPPER: Final = ("A", "Z")
_LOWER: Final = ("a", "z")
_DIGIT: Final = ("0", "9")

WORD: Final = CharSet("_", (_UPPER, _LOWER, _DIGIT))
NOT_NEWLINE: Final = CharSet("\n", negated=True)
ANY: Final = CharSet(negated=True)

POSIX: Final[dict[str, CharSet]] = {
    "alnum": CharSet("", (_UPPER, _LOWER, _DIGIT)),
    "alpha": CharSet("", (_UPPER, _LOWER)),
    "ascii": CharSet("", (("\x00", "\x7f"),)),
    "blank": CharSet("\t "),
    "cntrl": CharSet("\x7f", (("\x00", "\x1f"),)),
    "digit": CharSet("", (_DIGIT,)),
    "graph": CharSet("", (("!", "~"),)),
    "lower": CharSet("", (_LOWER,)),
    "print": CharSet("", ((" ", "~"),)),
    "punct": CharSet("", (("!", "/"), (":", "@"), ("[", "`"), ("{", "~"))),
    "space": CharSet(" ", (("\t", "\r"),)),
    "upper": CharSet("", (_UPPER,)),
    "word": WORD,
    "xdigit": CharSet("", (_DIGIT, ("A", "F"), ("a", "f"))),
}

_HORIZONTAL: Final = CharSet("\t \xa0\u1680\u180e\u202f\u205f\u3000", (("\u2000", "\u200a"),))
_VERTICAL: Final = CharSet("\x85\u2028\u2029", (("\n", "\r"),))


def negation(of: CharSet) -> CharSet:
    """Return the set of all other characters."""
    return CharSet(parts=(of,), negated=True)


# \v is any vertical white space in PCRE, the vertical tab among them.
ESCAPED_SETS: Final[dict[str, CharSet]] = {
    "d": POSIX["digit"],
    "D": negation(POSIX["digit"]),
    "h": _HORIZONTAL,
    "H": negation(_HORIZONTAL),
    "s": POSIX["space"],
    "S": negation(POSIX["space"]),
    "v": _VERTICAL,
    "V": negation(_VERTICAL),
    "w": WORD,
    "W": negation(WORD),
}
