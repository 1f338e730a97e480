"""What a backslash means in a pattern, for escapes that are one character, one place, or refused.

Letters that mean nothing are the letters themselves, as in PCRE without its EXTRA option.
"""

from __future__ import annotations

import re
from typing import Final

from amqpd.patterns.syntax import Place

PLACES: Final[dict[str, Place]] = {
    "A": Place.START,
    "G": Place.START,
    "Z": Place.END_OR_FINAL_NEWLINE,
    "z": Place.END,
    "b": Place.WORD_EDGE,
    "B": Place.NO_WORD_EDGE,
}

_BACK_REFERENCE: Final = "back-references cannot be matched in bounded time: write out the alternatives"
_UNICODE: Final = "Unicode properties are not supported: list the characters in [...]"
_CASE: Final = "\\L, \\l, \\U and \\u are not supported: write the characters themselves, or \\x{...}"

# escape letter -> why it is refused
REFUSED: Final[dict[str, str]] = {
    **dict.fromkeys("123456789gk", _BACK_REFERENCE),
    **dict.fromkeys("pPX", _UNICODE),
    **dict.fromkeys("LlUu", _CASE),
    "C": "\\C is not supported, text is matched by character: use (?s:.)",
    "K": "\\K is not supported: a search reports no position, so leave it out",
    "R": "\\R is not supported: use (?:\\r\\n|\\v)",
}

_CONTROL: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "a": "\x07", "e": "\x1b"}
_HEX: Final = re.compile(r"\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{0,2})")
_BRACED_OCTAL: Final = re.compile(r"\{([0-7]{1,11})\}")
_OCTAL: Final = re.compile(r"[0-7]{1,3}")


def unquote(source: str) -> tuple[str, list[int]]:
    r"""Write ``\Q...\E`` out with a backslash before each special character.

    Returns the text and, for each of its characters and for its end, the position in the source.
    """
    text: list[str] = []
    origins: list[int] = []
    quoting = False
    at = 0
    while at < len(source):
        pair = source[at : at + 2]
        if pair == "\\E" or (pair == "\\Q" and not quoting):
            quoting = pair == "\\Q"
            at += 2
            continue
        if quoting:
            piece, taken = (source[at] if source[at].isalnum() else "\\" + source[at]), 1
        else:
            piece = pair if pair[0] == "\\" else pair[0]
            taken = len(piece)
        for index, char in enumerate(piece):
            text.append(char)
            origins.append(at + min(index, taken - 1))
        at += taken
    origins.append(len(source))
    return "".join(text), origins


def read_char(text: str, at: int) -> tuple[str, int]:
    r"""Return the character that the escape at this position stands for, and the position after it.

    Raises:
        ValueError: the escape is incomplete or no character; the text says what would be right.
    """
    letter = text[at + 1 : at + 2]
    at += 2
    if letter in _CONTROL:
        return _CONTROL[letter], at
    if letter == "x":
        return _hexadecimal(text, at)
    if letter == "c":
        char = text[at : at + 1]
        if not char or not char.isascii():
            raise ValueError("\\c needs an ASCII character after it")
        return chr(ord(char.upper()) ^ 0x40), at + 1
    if letter == "o":
        braced = _BRACED_OCTAL.match(text, at)
        if braced is None:
            raise ValueError("malformed octal escape: write it as \\o{...}")
        return _char(int(braced[1], 8)), braced.end()
    octal = _OCTAL.match(text, at - 1)
    if octal is not None:
        return chr(int(octal[0], 8)), octal.end()
    return letter, at


def _hexadecimal(text: str, at: int) -> tuple[str, int]:
    found = _HEX.match(text, at)
    if found is None or (found[1] is None and text[at : at + 1] == "{"):
        raise ValueError("malformed hexadecimal escape: write it as \\xHH or \\x{H...}")
    return _char(int(found[1] or found[2] or "0", 16)), found.end()


def _char(number: int) -> str:
    if number > 0x10FFFF:
        raise ValueError(f"no character has the number {number:#x}: 0x10ffff is the last")
    return chr(number)
