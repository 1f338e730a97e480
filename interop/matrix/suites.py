"""What `python -m interop` can be asked for: clients over AMQP, or tools that administer and watch a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import attrs

from interop.matrix import operated, targets
from interop.matrix.scenarios import FOLDER


@attrs.frozen
class Suite:
    """A folder with `scenarios.toml` and a folder for each client, and how the brokers for it are run."""

    folder: Path
    running: Callable[[Sequence[str]], AbstractContextManager[list[targets.Target]]]

    @property
    def contract(self) -> Path:
        """The file with its scenarios."""
        return self.folder / "scenarios.toml"


SUITES: Final = {
    "clients": Suite(FOLDER, targets.running),
    "tools": Suite(FOLDER / "tools", operated.running),
}
