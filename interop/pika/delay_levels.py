"""Delays out of TTLs and dead-letter exchanges, as NServiceBus lays them out on RabbitMQ.

There is a queue for each power of two seconds. A delay in binary, its digits the words of a routing key, says where a
message waits: level N keeps what has a 1 at that digit for 2**N seconds and passes the rest on to level N-1 at once. A
message leaves its queue through the exchange of the next level, and the last level through the delivery exchange, where
each endpoint is bound by its address, the last word of the key.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import pika

LEVELS: Final = 28
MAX_DELAY: Final = 2**LEVELS - 1
"""Seconds: eight and a half years."""


@attrs.frozen
class DelayLevels:
    """The topology with these names and this type of queue."""

    prefix: str
    queue_arguments: dict[str, object] = attrs.field(factory=dict)

    @property
    def delivery(self) -> str:
        """The exchange at which delays have ended."""
        return f"{self.prefix}delay-delivery"

    def level(self, number: int) -> str:
        """Return the name of the queue and exchange of a level."""
        return f"{self.prefix}delay-level-{number:02}"

    def names(self) -> list[str]:
        """Return the names of all exchanges; all but the last are names of queues as well."""
        return [*(self.level(number) for number in range(LEVELS)), self.delivery]

    def declare(self, channel: Any) -> None:
        """Declare all levels and how they hang together, as any sender and receiver may do again."""
        channel.exchange_declare(self.delivery, "topic", durable=True)
        below = self.delivery
        for number in range(LEVELS):
            level, skipped = self.level(number), "*." * (LEVELS - 1 - number)
            arguments = {**self.queue_arguments, "x-message-ttl": 1000 * 2**number, "x-dead-letter-exchange": below}
            channel.exchange_declare(level, "topic", durable=True)
            channel.queue_declare(level, durable=True, arguments=arguments)
            channel.queue_bind(level, level, f"{skipped}1.#")
            channel.exchange_bind(below, level, f"{skipped}0.#")
            below = level

    def bind_endpoint(self, channel: Any, address: str) -> None:
        """Declare the exchange and queue of an endpoint, and let delayed messages come to it."""
        channel.exchange_declare(address, "fanout", durable=True)
        channel.queue_declare(address, durable=True)
        channel.queue_bind(address, address)
        channel.exchange_bind(address, self.delivery, f"#.{address}")

    def send(self, channel: Any, address: str, body: bytes, delay: int) -> None:
        """Have an endpoint get a message after so many seconds. Raises ValueError for none and for over MAX_DELAY."""
        if not 1 <= delay <= MAX_DELAY:
            raise ValueError(f"cannot delay by {delay} s: expected 1 to {MAX_DELAY}")
        properties = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish(self.level(delay.bit_length() - 1), routing_key(delay, address), body, properties)


CLASSIC: Final = DelayLevels("nsb.")
QUORUM: Final = DelayLevels(
    "nsb.v2.",
    {"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"},
)


def routing_key(delay: int, address: str) -> str:
    """Return the digits of a delay and the address behind them, as words."""
    return f"{'.'.join(f'{delay:0{LEVELS}b}')}.{address}"
