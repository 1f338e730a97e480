"""Where RabbitMQ leaves it to chance who gets a message: a conversation in which only that differs ends undecided.

Each race has a name, by which a campaign counts the conversations that it ended, and stands here with its reason, which
is what the modules of 3.10.8 say. Plays alike are no proof of an order: a process that nearly always comes first does
so ten times out of ten. They are counted apart, for those who look for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.fields import Typed
from conformance.fuzz.steps import Send, ServerTag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.fuzz.line import Line
    from conformance.fuzz.normal import Observation
    from conformance.fuzz.steps import Step

CONNECTION_ENDS = "a connection with several consumers ends"
"""Its channels are processes that end one after the other: one may still get, and lose or give back once more, what an
earlier one gave back, and what several give back to one queue comes in any order.
"""
CONNECTION_FAILS = "a channel with others beside it fails the connection"
"""A channel of RabbitMQ tells its queues before it tells the connection (rabbit_channel:handle_exception): the others
may still get, and lose if they take no acks, what it gives back. Seen so in 10 of 10 plays.
"""
CHANNEL_ENDS = "a channel with several consumers ends"
"""RabbitMQ tells its queues one after the other, the oldest first: what dies in one may reach another consumer of the
channel before that ends, and is lost if that takes no acks.
"""
WINDOW = "a channel has a window of its own"
"""The limiter of a channel's basic.qos is a process beside the channel, which tells queues in a random order that there
is room. A queue takes its word (priority 3 in rabbit_amqqueue_process) before the return that was sent earlier
(priority 0): with both waiting, the next message goes out and not the one that returns. Whose turn it is in a queue
depends on it from then on. A basic.recover of what two consumers hold was seen to end so in 10 of 10 plays.
"""
TAGS_INTERLEAVE = "settling up to a tag what came from several queues"
"""What several queues give to one channel arrives in any order, and so does what lies below a tag."""
NAMES_ORDER = "messages of consumers with made-up tags return together"
"""Returns go to a queue consumer by consumer, in the order of the tags."""
ACK_OVERTAKES = "a commit with acks and other things"
"""A commit sends a queue its publishes and settlements one after the other, and a queue takes acks (priority 4) before
the rest (priority 0): whether the room that they make was there before depends on how many of them it finds waiting.
"""
ACTIVE_LEAVES = "a single active consumer is cancelled"
"""3.10.8 makes the next one active and leaves it at that: what waits goes out when something else makes the queue
deliver; an ack of what the old one held does not. Seen so in 12 of 12 plays; after one more publish, who asked for the
queue was answered with 541 INTERNAL_ERROR.
"""
DEAD_LETTERS_MEET = "dead letters of several queues meet"
"""Queues are processes: what two of them send on at the same time arrives in any order, each one's own in its order."""
QUEUE_CRASHES = "a queue of RabbitMQ has crashed"
"""Its process dies of a defect and is started again, so its consumers are cancelled though it is still there, or soon
there again. In 3.10.8 a classic queue dies when it is to dead-letter what it does not know as delivered, and one with
priorities when a delivery is settled that an earlier queue of its name has made.
"""
SETTLES = ("basic.ack", "basic.nack", "basic.reject", "basic.recover", "tx.commit")
"""Beginnings of methods that settle deliveries, and delete no queue."""
DECIDED = frozenset({CONNECTION_FAILS, CHANNEL_ENDS, ACTIVE_LEAVES})
"""No chance, but what amqpd does not follow: it hands nothing to consumers of what has ended, and never stalls."""


def has_a_window(lines: Iterable[Line]) -> bool:
    """Say whether one of these channels has a window of its own and something that it counts for."""
    return any(line.windowed and (line.consumers or line.tags) for line in lines)


def returns_by_made_up_names(line: Line, step: Send) -> bool:
    """Say whether a step may return messages of several consumers, of which the broker has named one."""
    holders = {each.consumer for each in (line.tags if step.method == "tx.commit" else line.unsettled)}
    together = step.fields.get("multiple") or step.method.startswith(("basic.recover", "tx.commit"))
    return bool(together) and len(holders) > 1 and any(isinstance(each, ServerTag) for each in holders)


def commits_a_mixture(line: Line, step: Send) -> bool:
    """Say whether a step commits acks and something else."""
    return step.method == "tx.commit" and "basic.ack" in line.uncommitted and len(line.uncommitted) > 1


def ends_consuming(lines: Iterable[Line]) -> bool:
    """Say whether it is a race what becomes of the messages of these channels, which end together."""
    holding = [line for line in lines if line.consumers or line.tags]
    return len(holding) > 1 or any(several_consume(line) for line in holding)


def several_consume(line: Line) -> bool:
    """Say whether it is a race what else a channel gets when it ends."""
    return len(line.consumers) > 1 and bool(line.tags)


def has_crashed(step: Step, first: Observation, second: Observation) -> bool:
    """Say whether consumers of the first broker alone were cancelled, by a step that has left the second one's queues
    where they were.
    """

    def cancels(seen: Observation) -> bool:
        return any(key.endswith(" cancels") for key in seen)

    there, expected = set(first.get("depths", ())), set(second.get("depths", ()))
    settles = isinstance(step, Send) and step.method.startswith(SETTLES)
    return cancels(first) and not cancels(second) and (there == expected or (settles and there < expected))


def only_meet_otherwise(first: Observation, second: Observation) -> bool:
    """Say whether two brokers differ only in how the dead letters of several queues meet."""
    differing = [key for key in {*first, *second} if first.get(key) != second.get(key)]
    return all(" deliveries to " in key and _meet(first.get(key, []), second.get(key, [])) for key in differing)


def _meet(one: list[Any], other: list[Any]) -> bool:
    origins = {_died_in(each) for each in (*one, *other)} - {None}

    def without_others(deliveries: list[Any], origin: object) -> list[Any]:
        return [each for each in deliveries if _died_in(each) in (None, origin)]

    return len(origins) > 1 and all(without_others(one, each) == without_others(other, each) for each in origins)


def _died_in(delivery: list[Any]) -> object:
    """The queue that a delivered message died in last; None: in none."""
    match delivery[2].get("headers", {}).get("x-death"):
        case Typed(value=[Typed(value={"queue": queue}), *_]):
            return repr(queue)
    return None


def is_left_to_chance(first: Observation, second: Observation) -> bool:
    """Say whether two brokers differ only in who got which message."""
    differing = [key for key in {*first, *second} if first.get(key) != second.get(key)]
    return all(key == "depths" or " deliveries to " in key for key in differing)
