"""What a client may take of an HTTP server: time, octets, connections."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Limits:
    """Of one server. Sizes in octets, times in seconds."""

    connections: int = 512
    """More than any number of dashboards. Of so many, the one that has waited longest for a request gives way."""
    body: int = 20_000_000
    """Of a request; RabbitMQ's management.http.max_body_size."""
    head: int = 64 * 1024
    idle: float = 75.0
    """For the next request's head."""
    patience: float = 30.0
    """Without progress: for a part of a request's body, for a part of a response to be taken."""
