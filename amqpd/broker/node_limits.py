"""How many of a kind a broker takes in all; None is no limit. Those of one virtual host or user are theirs.

The names are those of RabbitMQ's settings vhost_max, cluster_queue_limit, cluster_exchange_limit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

import attrs

from amqpd.broker.operations.invalid import Invalid
from amqpd.errors import PreconditionFailed


@attrs.frozen(kw_only=True)
class NodeLimits:
    """Checked before something new is made."""

    max_vhosts: int | None = None
    max_queues: int | None = None
    max_exchanges: int | None = None
    """Beside those that every virtual host has."""

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
