"""amqpd: a RabbitMQ-compatible AMQP 0-9-1 broker that runs as a server, in a trio program, or inside a test.

    with amqpd.run_in_thread() as broker:      # any program
        pika.BlockingConnection(pika.URLParameters(broker.url))

    async with amqpd.serve(port=0) as broker:  # a trio program
        ...

Importing this package starts nothing, configures no logging and loads neither trio nor pamqp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd import compiled
from amqpd.version import __version__

if TYPE_CHECKING:
    from amqpd.config import Config
    from amqpd.embedded import run_in_thread, serve

compiled.choose()

__all__ = ["Config", "__version__", "run_in_thread", "serve"]


def __getattr__(name: str) -> object:
    if name == "Config":
        from amqpd.config import Config

        return Config
    if name in ("run_in_thread", "serve"):
        from amqpd import embedded

        return getattr(embedded, name)
    raise AttributeError(f"module 'amqpd' has no attribute {name!r}")
