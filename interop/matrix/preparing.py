"""What the runner has ready before a driver starts, by the names that scenarios give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from interop.matrix import headers, watched

if TYPE_CHECKING:
    from interop.matrix.targets import Target

PREPARATIONS: Final[Mapping[str, Callable[[Target, str], AbstractContextManager[None]]]] = {
    "headers": headers.waiting,
    "client": watched.connected,
}


def prepared(name: str, target: Target, prefix: str) -> AbstractContextManager[None]:
    """Have it ready while the block runs. Raises KeyError for a name that no preparation has."""
    return PREPARATIONS[name](target, prefix) if name else nullcontext()
