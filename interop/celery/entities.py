"""kombu's queues, exchanges and consumers, which Celery is configured with.

kombu is typed in part, and a checked program may not call the other part: these have no types at all.
"""

from __future__ import annotations

from typing import Any

from kombu import entity, messaging

Consumer: Any = messaging.Consumer
Exchange: Any = entity.Exchange
Queue: Any = entity.Queue
