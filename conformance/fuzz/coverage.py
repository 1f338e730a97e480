"""What has been played: methods in states, and classes of arguments.

A pair or class counts when it is sent, whatever the answer was.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from conformance.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable

HANDSHAKE_STATES = ("connected", "started", "tuned", "unopened-host")
CHANNEL_STATES = (
    "channel-0", "unopened", "open", "confirm", "tx", "header-due", "body-due", "closing", "connection-closing",
)  # fmt: skip
STATES = HANDSHAKE_STATES + CHANNEL_STATES
"""connected: nothing said yet; started: after connection.start; tuned: after connection.tune; unopened-host: after
tune-ok. channel-0 is the connection itself when it is open; closing: the broker has closed the channel and waits for
close-ok.
"""


class Coverage:
    """Counts of what was played."""

    def __init__(self) -> None:
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.classes: Counter[str] = Counter()
        self.expected_classes: set[str] = set()

    def played(self, method: str, state: str, classes: Iterable[str]) -> None:
        """Count one method played in a state with these classes of arguments."""
        self.pairs[method, state] += 1
        self.classes.update(classes)

    def rarest_pairs(self, states: Iterable[str] = STATES) -> list[tuple[int, str, str]]:
        """Return every pair with its count, the rarest first."""
        return sorted((self.pairs[method, state], method, state) for method in METHODS for state in states)

    def rarest_classes(self) -> list[str]:
        """Return the names of the expected classes, the rarest first."""
        return sorted(self.expected_classes, key=lambda name: (self.classes[name], name))

    def report(self, floor: int) -> list[str]:
        """Return lines that say how much was played, and what was played less often than `floor`."""
        pairs = self.rarest_pairs()
        rare_pairs = [f"{method} in {state}: {count}" for count, method, state in pairs if count < floor]
        classes = {name: self.classes[name] for name in self.expected_classes | set(self.classes)}
        rare_classes = [f"{name}: {count}" for name, count in sorted(classes.items()) if count < floor]
        return [
            f"{len(pairs)} pairs of method and state, the rarest played {pairs[0][0]} times",
            f"{len(classes)} classes of arguments, the rarest played {min(classes.values(), default=0)} times",
            *(f"played less than {floor} times: {line}" for line in (*rare_pairs, *rare_classes)),
        ]
