"""Regular expressions that users supply, matched in bounded time.

Permissions, policies and filters of the HTTP API are PCRE-like patterns searched for, unanchored, in names of up to
255 octets. `re` would try every way to match while holding the interpreter lock; here a search costs at most
O(len(pattern, repeats written out) x len(text)) whatever pattern and text are, and programs are bounded in size.

Only yes or no is decided, never where or what: groups group and capture nothing. That RabbitMQ reads an empty
permission pattern as ``^$`` is the caller's business: here the empty pattern is found in every text.

The syntax and its meaning are those of pcrepattern(3), checked against the PCRE that RabbitMQ runs on. It differs in
this: text is matched by character, not by octet of UTF-8, and ``\\d \\w \\s`` and POSIX classes mean ASCII. Refused
with a `PatternError`: back-references, recursion, conditions, verbs, ``\\p{..}``, ``\\R``, extended mode ``(?x)``, and
possessive or atomic repetition of more than one character.
"""

from __future__ import annotations

from amqpd.patterns.matcher import Pattern, compile  # noqa: A004 - the name that `re` gives this function
from amqpd.patterns.syntax import PatternError

__all__ = ["Pattern", "PatternError", "compile"]
