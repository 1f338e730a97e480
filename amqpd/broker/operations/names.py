"""How long names may be: what clients call things fits into a short string, whoever made it.

AMQP 0-9-1, section 4.2.5.3: a short string has up to 255 octets.
"""

from __future__ import annotations

from typing import Final

from amqpd.broker.operations.invalid import Invalid

LONGEST: Final = 255


def short(what: str, text: str) -> str:
    """The same text. Raises Invalid where no client could ever name it."""
    octets = len(text.encode("utf-8", "surrogateescape"))
    if octets > LONGEST:
        raise Invalid(f"{what} has {octets} bytes ('{text[:40]}...'): at most {LONGEST} are possible")
    return text
