"""A FastStream service with ordinary settings: it answers each order with its square to the queue of receipts."""

from __future__ import annotations

import asyncio
import os

from faststream import FastStream
from faststream.rabbit import RabbitBroker

broker = RabbitBroker(os.environ.get("AMQP_URL"))


async def square(number: int) -> int:
    """Be the subscriber."""
    return number * number


broker.subscriber("restart-orders")(broker.publisher("restart-receipts")(square))

if __name__ == "__main__":
    asyncio.run(FastStream(broker).run())
