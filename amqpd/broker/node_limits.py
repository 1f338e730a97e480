"""How many of a kind a broker takes in all, and the limits that new virtual hosts get; None is no limit.

The names are those of RabbitMQ's settings vhost_max, cluster_queue_limit, cluster_exchange_limit and
default_limits.vhosts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

import attrs

from amqpd.broker.operations.invalid import Invalid
from amqpd.errors import PreconditionFailed
from amqpd.patterns import Pattern


@attrs.frozen
class DefaultLimits:
    """What a new virtual host may have if the pattern is found in its name."""

    pattern: Pattern
    max_connections: int | None
    max_queues: int | None


@attrs.frozen(kw_only=True)
class NodeLimits:
    """Checked before something new is made."""

    max_vhosts: int | None = None
    max_queues: int | None = None
    max_exchanges: int | None = None
    """Beside those that every virtual host has."""
    vhosts: tuple[DefaultLimits, ...] = ()
    """The first one that fits counts."""

    def of_new_vhost(self, name: str) -> DefaultLimits | None:
        """The limits that a virtual host starts with, if any."""
        return next((each for each in self.vhosts if each.pattern.search(name)), None)

    def require_vhost(self, name: str, vhosts: Collection[object]) -> None:
        """Raises Invalid."""
        if self.max_vhosts is not None and len(vhosts) >= self.max_vhosts:
            raise Invalid(f"cannot create vhost '{name}': vhost limit of {self.max_vhosts} is reached")

    def require_queue(self, name: str, queues: Iterable[Collection[object]]) -> None:
        """`queues` are those of each virtual host. Raises PreconditionFailed."""
        if self.max_queues is not None and sum(map(len, queues)) >= self.max_queues:
            raise PreconditionFailed(
                f"cannot declare queue '{name}': queue limit in cluster ({self.max_queues}) is reached"
            )

    def require_exchange(self, name: str, exchanges: Iterable[Collection[str]]) -> None:
        """`exchanges` are the names of each virtual host's. Raises PreconditionFailed."""
        limit = self.max_exchanges
        if limit is None:
            return
        count = sum(bool(each) and not each.startswith("amq.") for each in chain.from_iterable(exchanges))
        if count >= limit:
            raise PreconditionFailed(
                f"cannot declare exchange '{name}': exchange limit in cluster ({limit}) is reached"
            )
