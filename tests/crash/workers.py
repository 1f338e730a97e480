"""The clients: each plays one part until its broker is killed, and begins anew with the next one.

A part is a function of a session and a source of chance. Publishers pause now and then, so that both single messages
and batches are on their way when the end comes; whatever waits, the end of the broker ends it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from random import Random
from threading import Condition, Event, Thread
from typing import Final

from tests.crash.log import Failed, How, Log
from tests.crash.operator import operate
from tests.crash.pika_session import PikaSession
from tests.crash.raw_session import RawSession
from tests.crash.sessions import Delivery, Gone, Life, Session
from tests.crash.topology import BARRIER, FANNED, FULL, MANAGED, MORTAL, OWN, STREAM, TARGETS, WORK

FAN_OUT: Final = tuple(queue.name for queue in FANNED)
SINGLE: Final = tuple((queue.name,) for queue in (*WORK, *MORTAL, *MANAGED) if not queue.delayed)
DELAYED: Final = tuple((queue.name,) for queue in WORK if queue.delayed)
"""No transaction publishes there: what is delayed comes whatever becomes of it."""
REFUSING: Final = (FULL.name,)
"""Nor there: a refusal would end it halfway."""
READ: Final = (
    *(queue.name for queue in (*WORK, *FANNED, *MORTAL, *TARGETS, FULL) if not queue.stream),
    BARRIER,
)

Part = Callable[[Log, Life, str, Random], None]


class Lives:
    """Tells the workers of each broker that is ready."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._life: Life | None = None
        self._over = False

    def begin(self, life: Life) -> None:
        """A broker is ready."""
        with self._changed:
            self._life = life
            self._changed.notify_all()

    def finish(self) -> None:
        """There will be no other."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def after(self, number: int) -> Life | None:
        """Wait for a life with a higher number; None: there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._life is not None and self._life.number > number))
            return None if self._over else self._life


def start(log: Log, lives: Lives, prefix: str, random: Random) -> list[Thread]:
    """Start all parts; a thread ends when there are no lives any more."""
    parts: list[Part] = [
        publish, publish, consume, settle_many, transact, own, own, publish_by_pika, consume_by_pika, read_stream,
        operate,
    ]  # fmt: skip
    threads = []
    for number, part in enumerate(parts):
        own_random = Random(random.random())
        arguments = (part, log, lives, f"{prefix}.{number}", own_random)
        threads.append(Thread(target=_play, args=arguments, daemon=True))
        threads[-1].start()
    return threads


def _play(part: Part, log: Log, lives: Lives, worker: str, random: Random) -> None:
    number = 0
    while (life := lives.after(number)) is not None:
        number = life.number
        try:
            part(log, life, worker, random)
        except Gone:
            pass
        except Exception:  # noqa: BLE001  # a thread that died unseen would make the test weaker
            log.add(Failed(f"{worker}: {traceback.format_exc()}"))


# -- chance --------------------------------------------------------------------------------------------------------


def _size(random: Random) -> int:
    """Mostly small, now and then of several frames."""
    kind = random.random()
    if kind < 0.8:
        return random.randint(1, 1000)
    return random.randint(1000, 20_000) if kind < 0.98 else random.randint(20_000, 300_000)


def _targets(random: Random, *further: tuple[str, ...]) -> tuple[str, ...]:
    return FAN_OUT if random.random() < 0.4 else random.choice((*SINGLE, *further))


def _how(random: Random) -> How:
    return random.choices(list(How), (8, 2, 1, 1))[0]


def _pause(random: Random) -> None:
    """Sometimes a moment in which nobody publishes."""
    if random.random() < 0.1:
        Event().wait(random.uniform(0, 0.05))


# -- parts ---------------------------------------------------------------------------------------------------------


def publish(log: Log, life: Life, worker: str, random: Random) -> None:
    """Publish with many confirms outstanding, or few."""
    session = RawSession(log, life, worker).confirm()
    try:
        while True:
            window = random.choice((0, 1, 10, 100))
            for _ in range(random.randint(1, 60)):
                session.publish(worker, _targets(random, REFUSING, *DELAYED), _size(random))
                session.await_confirms(window)
            _pause(random)
    finally:
        session.close()


def consume(log: Log, life: Life, worker: str, random: Random) -> None:
    """Consume from a few queues, settle in different ways and orders, and see now and then that it is durable."""
    while True:
        session = RawSession(log, life, worker).confirm()
        try:
            for queue in random.sample(READ, 3):
                session.consume(queue, random.choice((1, 5, 50)))
            held: list[Delivery] = []
            for _ in range(random.randint(50, 2000)):
                held.append(session.next_delivery())
                if random.random() < 0.9:
                    session.settle(held.pop(random.randrange(len(held))), _how(random))
                if held and random.random() < 0.01:
                    session.settle_all(held, random.choice((How.ACK, How.RETURN)))
                    held = []
                if random.random() < 0.05:
                    session.barrier(worker)
        finally:
            session.close()  # what is held comes back


def settle_many(log: Log, life: Life, worker: str, random: Random) -> None:
    """Take many, settle them with one frame, and see that it is durable."""
    session = RawSession(log, life, worker).confirm()
    try:
        while True:
            taken = session.take(random.choice(READ), random.choice((100, 1500)))
            if taken:
                session.settle_all(taken, random.choice((How.ACK, How.RETURN, How.REJECT)))
            session.barrier(worker)
            Event().wait(random.uniform(0, 0.5))
    finally:
        session.close()


def read_stream(log: Log, life: Life, worker: str, random: Random) -> None:
    """Read a stream from different offsets."""
    while True:
        session = RawSession(log, life, worker)
        try:
            offset = random.choice(("first", "last", "next", random.randint(0, 2000)))
            session.consume(STREAM, random.choice((1, 20)), offset)
            for _ in range(random.randint(20, 500)):
                session.read_on()
        finally:
            session.close()


def transact(log: Log, life: Life, worker: str, random: Random) -> None:
    """Take, publish and settle in transactions."""
    session = RawSession(log, life, worker).select()
    try:
        while True:
            taken = [session.get(random.choice(READ)) for _ in range(random.randint(0, 4))]
            for _ in range(random.randint(1, 5)):
                session.publish(worker, _targets(random), _size(random))
            for delivery in taken:
                if delivery is not None:
                    session.settle(delivery, _how(random))
            if random.random() < 0.8:
                session.commit()
            else:
                session.roll_back()
                session.close()
                session = RawSession(log, life, worker).select()
    finally:
        session.close()


def own(log: Log, life: Life, worker: str, random: Random) -> None:
    """Fill a queue of its own, take from it, empty it, delete it and declare it anew."""
    queue = OWN[int(worker[-1]) % len(OWN)].name
    session = RawSession(log, life, worker).confirm()
    try:
        session.look(queue)
        session.declare(queue)
        while True:
            many = random.random() < 0.05
            for _ in range(random.randint(500, 1500) if many else random.randint(1, 20)):
                session.publish(worker, (queue,), random.randint(1, 100) if many else _size(random))
                session.await_confirms(random.choice((0, 20)) if not many else 100)
            session.await_confirms(0)
            for _ in range(random.randint(0, 3)):
                delivery = session.get(queue)
                if delivery is not None:
                    session.settle(delivery, random.choice((How.ACK, How.REFUSE, How.RETURN)))
            choice = random.random()
            if choice < 0.6:
                session.empty(queue, delete=choice < 0.3)
            if choice < 0.3:
                session.look(queue)
                session.declare(queue)
    finally:
        session.close()


def publish_by_pika(log: Log, life: Life, worker: str, random: Random) -> None:
    """Publish one at a time."""
    session = PikaSession(log, life, worker)
    try:
        while True:
            session.publish(worker, _targets(random, REFUSING, *DELAYED), _size(random))
            _pause(random)
    finally:
        session.close()


def consume_by_pika(log: Log, life: Life, worker: str, random: Random) -> None:
    """Take single messages, and see now and then that what was settled is durable."""
    session: Session = PikaSession(log, life, worker)
    try:
        while True:
            delivery = session.get(random.choice(READ))
            if delivery is not None:
                session.settle(delivery, _how(random))
            if random.random() < 0.1:
                session.barrier(worker)
    finally:
        session.close()
