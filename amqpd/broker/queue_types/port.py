"""What a queue type decides: its names, the arguments it knows, what it refuses, and the queues it makes.

A type keeps no state: it is a class that nobody instantiates, and `Queue.type` leads from a queue to it. New types
register under the entry-point group `amqpd.queue_types`; the built-in ones come through the same door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from amqpd.broker.events import Telling
from amqpd.broker.queue import Declaration, Means, Queue
from amqpd.broker.queue_arguments import TABLE, Argument
from amqpd.errors import AmqpError, PreconditionFailed
from amqpd.fields import EMPTY, Table

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.policy_keys import Key
    from amqpd.broker.settings import Settings


@attrs.frozen(kw_only=True)
class Request:
    """What a basic.consume asks for."""

    no_ack: bool = False
    exclusive: bool = False
    prefetch: int = 0
    """The window that it would have; 0: it asked for none."""
    windowed: bool = False
    """Its channel has a window for all consumers."""
    arguments: Table = EMPTY


def refuse_what_is_not_replicated(what: str, *, durable: bool, exclusive: bool, auto_delete: bool) -> None:
    """Raise PreconditionFailed for properties that queues with replicas cannot have, in RabbitMQ's order."""
    for wrong, name in ((auto_delete, "auto-delete"), (exclusive, "exclusive-owner"), (not durable, "non-durable")):
        if wrong:
            raise PreconditionFailed(f"invalid property '{name}' for {what}")


class QueueType:
    """One queue type. `what` in its checks is the queue as texts name it: `queue 'q' in vhost '/'`."""

    name: ClassVar[str]
    """The value of x-queue-type."""
    module: ClassVar[str]
    """What RabbitMQ's error texts call the type."""
    letter: ClassVar[str]
    """Which arguments of queue_arguments.TABLE and consumer_arguments.TABLE it knows: those whose `types` contain
    this letter.
    """
    policy_target: ClassVar[str]
    """What a policy's apply-to calls queues of this type."""
    server_named: ClassVar[bool] = False
    """Whether the broker makes up names for such queues."""
    journaled: ClassVar[bool] = True
    """Whether its messages go to the journal as they come and go, by way of the queue's account."""
    persists_all: ClassVar[bool] = False
    """Whether it keeps every message over a restart, whatever its delivery mode."""
    inherits_failures: ClassVar[bool] = False
    """Whether its queues go on counting the failures of dead letters that come from one another, where the version
    does that.
    """
    default_prefetch: ClassVar[int] = 0
    """The window of a consumer that asked for none; 0: unlimited."""
    obeys_channel_window: ClassVar[bool] = True
    """Whether the window of a whole channel (basic.qos, global) holds its deliveries back."""
    returns_before_close: ClassVar[bool] = True
    """Whether a failed channel gives its deliveries back before it says so, else after the client's close-ok."""
    tells_offsets: ClassVar[bool] = False
    """Whether deliveries carry the header x-stream-offset: the number of the message."""
    telling: ClassVar[Telling] = Telling()
    """What events say of its queues."""
    keeps_what_is_settled: ClassVar[bool] = False
    """Whether a message stays when its deliveries are settled."""
    fails_transactions: ClassVar[bool] = True
    """Whether a commit fails when such a queue refuses a message."""

    @classmethod
    def knows(cls, argument: Argument, compat: Compat) -> bool:
        """Whether it knows an argument of queue.declare; others' are refused."""
        if argument.name == "x-consumer-timeout" and cls.letter in compat.profile.timed_queue_types:
            return True
        newer = argument.newer and argument.name not in compat.profile.newer_arguments
        if cls.letter in argument.types and not newer:
            return True
        return bool(argument.extension) and cls.letter in argument.extended_to and compat.extends(argument.extension)

    @classmethod
    def accepts_key(cls, key: Key, compat: Compat) -> bool:
        """Whether a policy with this key may apply to such a queue; a policy with any other key is passed over."""
        if cls.letter in key.types:
            return True
        return bool(key.extension) and cls.letter in key.extended_to and compat.extends(key.extension)

    @classmethod
    def compared(cls, compat: Compat) -> list[str]:
        """The arguments that a redeclare must repeat, in RabbitMQ's order: the type late. Unknown ones are ignored."""
        known = [each for each in TABLE if each.compared and cls.knows(each, compat)]
        names = [each.name for each in known if each.name != "x-queue-type"]
        late = names.index("x-single-active-consumer") + 1 if "x-single-active-consumer" in names else len(names)
        return [*names[:late], "x-queue-type", *names[late:]]

    @classmethod
    def check_new(cls, what: str, *, durable: bool, exclusive: bool, auto_delete: bool) -> None:
        """Raise an AmqpError for properties that such a queue cannot have."""

    @classmethod
    def suits(cls, *, durable: bool, exclusive: bool, auto_delete: bool) -> bool:
        """Whether such a queue can have these properties."""
        try:
            cls.check_new("", durable=durable, exclusive=exclusive, auto_delete=auto_delete)
        except AmqpError:
            return False
        return True

    @classmethod
    def check_purge(cls, what: str) -> None:
        """Raise an AmqpError where queue.purge isn't possible."""

    @classmethod
    def check_delete(cls, what: str, queue: Queue, *, if_unused: bool, if_empty: bool) -> None:
        """Raise an AmqpError where a queue.delete has to leave the queue alone."""

    @classmethod
    def check_consume(cls, what: str, queue: Queue, request: Request, compat: Compat) -> None:
        """Raise an AmqpError for a consumer that it cannot have; its arguments are valid."""

    @classmethod
    def check_get(cls, what: str, queue: Queue) -> None:
        """Raise an AmqpError where basic.get isn't possible."""

    @classmethod
    def check_refusal(cls, what: str, compat: Compat) -> None:
        """Raise an AmqpError where basic.nack and basic.reject aren't possible."""

    @classmethod
    def check_recover(cls, compat: Compat) -> None:
        """Raise an AmqpError where basic.recover isn't possible."""

    @classmethod
    def create(cls, declared: Declaration, settings: Settings, means: Means) -> Queue:
        """Make a queue of this type; its arguments are valid."""
        raise NotImplementedError
