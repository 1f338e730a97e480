"""Whether a user may do something that somebody else has to be asked about first.

Who checks permissions gets an answer at once, on the broker's thread, or Undecided. Checks come before all effects: so
whatever met it waits for the answer, and is done again from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from amqpd.broker.pending import Pending, following

T = TypeVar("T")


class Undecided(Exception):
    """`answer` is done when the same question has an answer; it never fails."""

    def __init__(self, answer: Pending[None]) -> None:
        super().__init__("a permission is not decided yet")
        self.answer = answer


def once_decided(function: Callable[[], T | Pending[T]]) -> T | Pending[T]:
    """What a function returns, as soon as all that it asks is decided."""
    try:
        return function()
    except Undecided as undecided:
        return following(undecided.answer, lambda _: once_decided(function))
