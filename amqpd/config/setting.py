"""What a field of the settings is made of."""

from __future__ import annotations

from typing import Any

import attrs

from amqpd.config.checks import Check


def setting(default: Any, help: str, check: Check | None = None, *, secret: bool = False) -> Any:
    """A field with its default, its line in the reference and its check; a `secret` one is not shown."""
    metadata = {"help": help, "secret": secret}
    return attrs.field(default=default, validator=check, repr=not secret, metadata=metadata)
