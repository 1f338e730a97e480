"""What makes sense next: methods that can succeed, and fields that name what is there.

Most steps of a session keep to this, so that conversations go on and messages arrive; `vocabulary` has everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.fuzz import vocabulary
from conformance.fuzz.steps import ServerNamed, ServerTag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from conformance.fuzz.line import Line
    from conformance.fuzz.steps import Binding

BUILT_IN = ("amq.direct", "amq.fanout", "amq.topic", "amq.headers")
MOST_CONSUMERS = 3
Fields = dict[str, Any]


class Known(NamedTuple):
    """Names that exist and are of use to one connection now."""

    queues: tuple[str | ServerNamed, ...] = ()
    exchanges: tuple[str, ...] = ()
    internal: frozenset[str] = frozenset()
    """Those of the exchanges that nobody may publish to."""
    by_headers: frozenset[str] = frozenset()
    """Those that look at headers."""
    bindings: tuple[Binding, ...] = ()


def makes_sense(method: str, line: Line, known: Known) -> bool:
    """Say whether a method can succeed on a channel now."""
    match method:
        case "basic.consume":
            return bool(known.queues) and len(line.consumers) < MOST_CONSUMERS
        case "queue.bind" | "queue.unbind" | "queue.purge" | "queue.delete" | "basic.get":
            return bool(known.queues)
        case "basic.ack" | "basic.nack" | "basic.reject":
            return bool(line.unsettled)
        case "basic.cancel":
            return bool(line.consumers)
        case "exchange.delete":
            return bool(known.exchanges)
        case "tx.commit" | "tx.rollback":
            return line.state == "tx"
        case "tx.select":
            return line.state != "confirm"
        case "confirm.select":
            return line.state != "tx"
        case _:
            return True


def sensible(random: Random, method: str, line: Line, known: Known) -> Fields:
    """Return the fields of a method that have to be right for it to succeed; `makes_sense` was asked before."""
    fill = _FILLS.get(method)
    return {} if fill is None else fill(random, line, known)


def _declare_queue(random: Random, _: Line, known: Known) -> Fields:
    unused = [each for each in vocabulary.QUEUES if each not in known.queues]
    if known.queues and (not unused or random.random() < 0.1):
        return {"queue": random.choice(known.queues), "passive": True}
    return {"queue": random.choice(unused) if unused and random.random() < 0.9 else "", "passive": False}


def _declare_exchange(random: Random, _: Line, known: Known) -> Fields:
    unused = [each for each in vocabulary.EXCHANGES if each not in known.exchanges]
    fields = {"type": random.choice(vocabulary.TYPES)}
    if not unused or (known.exchanges and random.random() < 0.1):
        return {**fields, "exchange": random.choice(known.exchanges), "passive": True}
    return {**fields, "exchange": random.choice(unused), "passive": False}


def _key(random: Random, known: Known) -> Any:
    """Return a binding key, often one that another binding has: messages come further where keys agree."""
    if known.bindings and random.random() < 0.35:
        return random.choice(known.bindings).key
    return random.choice(vocabulary.KEYS)


def _bind_queue(random: Random, _: Line, known: Known) -> Fields:
    alike = [each for each in known.bindings if each.kind == "queue"]
    if alike and random.random() < 0.3:
        return {**random.choice(alike).fields(), "queue": random.choice(known.queues)}
    exchange = random.choice((*known.exchanges, *known.exchanges, *BUILT_IN))
    pattern = _pattern(random, exchange, known)
    return {"queue": random.choice(known.queues), "exchange": exchange, "routing_key": _key(random, known), **pattern}


def _bind_exchange(random: Random, _: Line, known: Known) -> Fields:
    names = (*known.exchanges, *known.exchanges, *BUILT_IN)
    source, destination = random.choice(names), random.choice(names)
    pattern = _pattern(random, source, known)
    return {"source": source, "destination": destination, "routing_key": _key(random, known), **pattern}


def _pattern(random: Random, exchange: str, known: Known) -> Fields:
    """Return the arguments of a binding to an exchange that looks at headers."""
    if exchange != "amq.headers" and exchange not in known.by_headers:
        return {}
    keys = random.sample(("colour", "size", "x-colour"), random.randint(1, 3))
    wanted = {key: vocabulary.choose(random, vocabulary.HEADER_VALUES)[1] for key in keys}
    return {"arguments": {"x-match": random.choice(("all", "any", "all-with-x", "any-with-x")), **wanted}}


def _unbind(kind: str, otherwise: Callable[[Random, Line, Known], Fields]) -> Callable[[Random, Line, Known], Fields]:
    def fill(random: Random, line: Line, known: Known) -> Fields:
        bindings = [each for each in known.bindings if each.kind == kind]
        if bindings and random.random() < 0.8:
            return random.choice(bindings).fields()
        return otherwise(random, line, known)

    return fill


def _publish(random: Random, _: Line, known: Known) -> Fields:
    roll = random.random()
    bindings = [each for each in known.bindings if each.source not in known.internal]
    if bindings and roll < 0.55:
        binding = random.choice(bindings)
        return {"exchange": binding.source, "routing_key": _along(random, binding.key), "immediate": False}
    if known.queues and roll < 0.9:
        return {"exchange": "", "routing_key": random.choice(known.queues), "immediate": False}
    exchanges = [each for each in (*known.exchanges, *BUILT_IN, "") if each not in known.internal]
    key = random.choice((*known.queues, *vocabulary.KEYS[:4]))
    return {"exchange": random.choice(exchanges), "routing_key": key, "immediate": False}


def _along(random: Random, key: Any) -> Any:
    """Return a routing key that a binding key matches; what a pattern is made of matches itself, too."""
    if not isinstance(key, str):
        return key
    return key.replace("*", "x").replace("#", random.choice(("y.z", "y")))


def headers_along(random: Random, fields: Fields, known: Known) -> Fields:
    """Return headers for a message that is published with these fields: some or all that a binding asks for."""
    asked = [each.arguments for each in known.bindings if each.arguments and each.source == fields["exchange"]]
    if not asked:
        return {}
    wanted = [(name, value) for name, value in random.choice(asked).items() if name != "x-match"]
    return dict(random.sample(wanted, len(wanted) if random.random() < 0.5 else random.randint(0, len(wanted))))


def _consume(random: Random, line: Line, known: Known) -> Fields:
    taken = {each for each in line.consumers if not isinstance(each, ServerTag)}
    free = [each for each in vocabulary.CONSUMERS if each not in taken]
    return {"queue": random.choice(known.queues), "consumer_tag": random.choice((*free, ""))}


def _queue(random: Random, _: Line, known: Known) -> Fields:
    return {"queue": random.choice(known.queues)}


def _settle(random: Random, line: Line, _: Known) -> Fields:
    return {"delivery_tag": line.unsettled[-1] if random.random() < 0.3 else random.choice(line.unsettled)}


_FILLS: Mapping[str, Callable[[Random, Line, Known], Fields]] = {
    "queue.declare": _declare_queue,
    "exchange.declare": _declare_exchange,
    "queue.bind": _bind_queue,
    "queue.unbind": _unbind("queue", _bind_queue),
    "queue.purge": _queue,
    "queue.delete": _queue,
    "exchange.bind": _bind_exchange,
    "exchange.unbind": _unbind("exchange", _bind_exchange),
    "exchange.delete": lambda random, _, known: {"exchange": random.choice(known.exchanges)},
    "basic.publish": _publish,
    "basic.consume": _consume,
    "basic.get": _queue,
    "basic.cancel": lambda random, line, _: {"consumer_tag": random.choice(line.consumers)},
    "basic.ack": _settle,
    "basic.nack": _settle,
    "basic.reject": _settle,
    "basic.recover": lambda *_: {"requeue": True},
    "basic.recover-async": lambda *_: {"requeue": True},
    "basic.qos": lambda *_: {"prefetch_size": 0},
    "channel.flow": lambda *_: {"active": True},
}
