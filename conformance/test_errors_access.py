"""Access that is refused: what the close says for every operation, and that nothing else comes of it.

The user `lettered` may do with an entity what the letters after the last dot of its name say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import LETTERED, TOPICAL

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect, Names

proves = pytest.mark.proves
REPLY_TO = "amq.rabbitmq.reply-to"


# -- exchanges


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("method", "fields", "denied", "right"),
    [
        pytest.param(f"exchange.{method}", fields, denied, right, marks=proves(f"error.exchange.{method}.{word}"))
        for method, word, fields, denied, right in [
            ("declare", "refused", {"exchange": "e.wr", "type": "direct"}, "e.wr", "configure"),
            ("delete", "refused", {"exchange": "e.wr"}, "e.wr", "configure"),
            ("bind", "write-refused", {"destination": "e.cr", "source": "f."}, "e.cr", "write"),
            ("bind", "read-refused", {"destination": "e.w", "source": "f.cw"}, "f.cw", "read"),
            ("unbind", "write-refused", {"destination": "e.cr", "source": "f."}, "e.cr", "write"),
            ("unbind", "read-refused", {"destination": "e.w", "source": "f.cw"}, "f.cw", "read"),
        ]
    ],
)
def test_a_permission_on_an_exchange_that_is_missing(
    condition: Condition,
    connect_as: Connect,
    channel: Channel,
    names: Names,
    method: str,
    fields: dict[str, str],
    denied: str,
    right: str,
    exists: bool,
) -> None:
    """Whether anything exists makes no difference."""
    entities = {key: names(name) for key, name in fields.items() if key != "type"}
    if exists:
        for name in entities.values():
            channel.declare_exchange(name)
    lettered = connect_as(LETTERED).channel()
    with condition.closes_channel(lettered, right=right, exchange=names(denied), user=LETTERED):
        lettered.call(method, **fields | entities)


@pytest.mark.parametrize(
    ("own", "other", "denied", "right"),
    [
        pytest.param(*values, marks=proves(f"error.exchange.declare.alternate-{word}-refused"))
        for word, *values in [("read", "e.cw", "f.w", "e.cw", "read"), ("write", "e.cr", "f.cr", "f.cr", "write")]
    ],
)
def test_an_alternate_exchange_needs_permissions(
    condition: Condition, connect_as: Connect, names: Names, own: str, other: str, denied: str, right: str
) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right=right, exchange=names(denied), user=LETTERED):
        channel.declare_exchange(names(own), arguments={"alternate-exchange": names(other)})


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(f"exchange.{verb}", marks=proves(f"error.exchange.{verb}.topic-refused"))
        for verb in ("bind", "unbind")
    ],
)
def test_a_key_between_exchanges_that_may_not_be_read(condition: Condition, connect_as: Connect, method: str) -> None:
    channel = connect_as(TOPICAL).channel()
    with condition.closes_channel(channel, right="read", key="secret", exchange="amq.topic", user=TOPICAL):
        channel.call(method, destination="amq.fanout", source="amq.topic", routing_key="secret")


@pytest.mark.versions(since="4.2", otherwise="before 4.2.6 a passive declaration needs no permission")
@proves("error.exchange.declare.passive-refused")
def test_a_passive_declaration_of_an_exchange_needs_some_permission(
    condition: Condition, connect_as: Connect, names: Names
) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right="configure", exchange=names("e."), user=LETTERED):
        channel.declare_exchange(names("e."), passive=True)


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(f"exchange.{verb}", marks=proves(f"error.exchange.{verb}.write-refused"))
        for verb in ("bind", "unbind")
    ],
)
def test_writing_to_the_default_exchange_is_asked_about_before_it_is_refused(
    condition: Condition, connect_as: Connect, method: str
) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right="write", exchange="amq.default", user=LETTERED):
        channel.call(method, destination="", source="")


# -- queues


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("method", "fields", "denied", "right"),
    [
        pytest.param(method, fields, denied, right, marks=proves(f"error.{method}.{word}"))
        for method, word, fields, denied, right in [
            ("queue.declare", "refused", {"queue": "q.wr"}, "queue", "configure"),
            ("queue.delete", "refused", {"queue": "q.wr"}, "queue", "configure"),
            ("queue.purge", "refused", {"queue": "q.cw"}, "queue", "read"),
            ("basic.get", "refused", {"queue": "q.cw"}, "queue", "read"),
            ("basic.consume", "refused", {"queue": "q.cw"}, "queue", "read"),
            ("queue.bind", "write-refused", {"queue": "q.cr", "exchange": "e."}, "queue", "write"),
            ("queue.bind", "read-refused", {"queue": "q.w", "exchange": "e.cw"}, "exchange", "read"),
            ("queue.unbind", "write-refused", {"queue": "q.cr", "exchange": "e."}, "queue", "write"),
            ("queue.unbind", "read-refused", {"queue": "q.w", "exchange": "e.cw"}, "exchange", "read"),
        ]
    ],
)
def test_a_permission_on_a_queue_that_is_missing(
    condition: Condition,
    connect_as: Connect,
    channel: Channel,
    names: Names,
    method: str,
    fields: dict[str, str],
    denied: str,
    right: str,
    exists: bool,
) -> None:
    """Whether anything exists makes no difference."""
    entities = {key: names(name) for key, name in fields.items()}
    if exists:
        channel.declare_queue(entities["queue"], durable=True)
        channel.declare_exchange(entities.get("exchange", names("other")))
    lettered = connect_as(LETTERED).channel()
    with condition.closes_channel(lettered, right=right, user=LETTERED, **{denied: entities[denied]}):
        lettered.send(method, **entities)


@pytest.mark.parametrize(
    ("queue", "exchange", "denied", "right"),
    [
        pytest.param(*values, marks=proves(f"error.queue.declare.dlx-{word}-refused"))
        for word, *values in [("read", "q.cw", "e.w", "q.cw", "read"), ("write", "q.cr", "e.cr", "e.cr", "write")]
    ],
)
def test_a_dead_letter_exchange_needs_permissions(
    condition: Condition, connect_as: Connect, names: Names, queue: str, exchange: str, denied: str, right: str
) -> None:
    channel = connect_as(LETTERED).channel()
    entity = {"queue" if denied == queue else "exchange": names(denied)}
    with condition.closes_channel(channel, right=right, user=LETTERED, **entity):
        channel.declare_queue(names(queue), {"x-dead-letter-exchange": names(exchange)})


@pytest.mark.parametrize(
    "method",
    [pytest.param(f"queue.{verb}", marks=proves(f"error.queue.{verb}.topic-refused")) for verb in ("bind", "unbind")],
)
def test_a_key_of_a_queue_that_may_not_be_read(
    condition: Condition, connect_as: Connect, names: Names, method: str
) -> None:
    channel = connect_as(TOPICAL).channel()
    channel.declare_queue(names("q"), durable=True)
    with condition.closes_channel(channel, right="read", key="secret", exchange="amq.topic", user=TOPICAL):
        channel.call(method, queue=names("q"), exchange="amq.topic", routing_key="secret")


@pytest.mark.versions(since="4.2", otherwise="before 4.2.6 a passive declaration needs no permission")
@proves("error.queue.declare.passive-refused")
def test_a_passive_declaration_of_a_queue_needs_some_permission(
    condition: Condition, connect_as: Connect, names: Names
) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right="configure", queue=names("q."), user=LETTERED):
        channel.declare_queue(names("q."), passive=True)


@proves("error.queue.declare.dlx-write-refused")
def test_the_dead_letter_exchange_is_asked_about_before_the_arguments_are_checked(
    condition: Condition, connect_as: Connect, names: Names
) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right="write", exchange=names("e.cr"), user=LETTERED):
        channel.declare_queue(
            names("q.cr"), {"x-dead-letter-exchange": names("e.cr"), "x-queue-type": "foo", "x-expires": 0}
        )


# -- messages


@proves("error.basic.publish.refused")
@pytest.mark.parametrize("exists", [True, False])
def test_an_exchange_that_may_not_be_written_to(
    condition: Condition, connect_as: Connect, channel: Channel, names: Names, exists: bool
) -> None:
    if exists:
        channel.declare_exchange(names("e.cr"))
    lettered = connect_as(LETTERED).channel()
    with condition.closes_channel(lettered, right="write", exchange=names("e.cr"), user=LETTERED):
        lettered.publish(names("e.cr"), "k", b"x")


@proves("error.basic.publish.refused")
def test_the_default_exchange_has_a_name_for_permissions(
    condition: Condition, connect_as: Connect, names: Names
) -> None:
    lettered = connect_as(LETTERED).channel()
    with condition.closes_channel(lettered, right="write", exchange="amq.default", user=LETTERED):
        lettered.publish("", names("q.crw"), b"x")


@proves("error.basic.publish.topic-refused")
def test_a_routing_key_that_may_not_be_written(condition: Condition, connect_as: Connect) -> None:
    channel = connect_as(TOPICAL).channel()
    with condition.closes_channel(channel, right="write", key="secret", exchange="amq.topic", user=TOPICAL):
        channel.publish("amq.topic", "secret", b"x")


@pytest.mark.versions(since="4.0", otherwise="before 4.0 only the routing key is asked about")
@proves("error.basic.publish.topic-refused-for-copy")
@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_a_key_of_a_copy_that_may_not_be_written(condition: Condition, connect_as: Connect, header: str) -> None:
    channel = connect_as(TOPICAL).channel()
    with condition.closes_channel(channel, right="write", key="secret", exchange="amq.topic", user=TOPICAL):
        channel.publish("amq.topic", "open", b"x", {"headers": {header: ["open", "secret"]}})


@pytest.mark.versions(before="3.13", otherwise="later a 540 on the connection")
@proves("error.basic.get.refused")
def test_the_pseudo_queue_of_replies_may_not_be_read_either(condition: Condition, connect_as: Connect) -> None:
    channel = connect_as(LETTERED).channel()
    with condition.closes_channel(channel, right="read", queue=REPLY_TO, user=LETTERED):
        channel.get(REPLY_TO)
