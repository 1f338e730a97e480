"""What people say about a virtual host: nothing of it changes how messages go.

https://www.rabbitmq.com/docs/vhosts#metadata
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class VHostMetadata:
    """A description, tags, and whether the vhost is kept from being deleted."""

    description: str = ""
    tags: tuple[str, ...] = ()
    protected: bool = False
    """Whoever wants to delete it has to take this away first."""


NO_METADATA: Final = VHostMetadata()
