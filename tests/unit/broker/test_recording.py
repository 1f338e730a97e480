"""What a change of definitions tells the journal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amqpd.broker.definitions import (
    BINDINGS,
    COUNTERS,
    EXCHANGES,
    IDS,
    KINDS,
    PERMISSIONS,
    POLICIES,
    QUEUES,
    TOPIC_PERMISSIONS,
    USERS,
    VHOSTS,
    Kind,
)
from amqpd.broker.event_exchange import EventExchange
from amqpd.broker.operations import bindings, exchanges, policies, queues
from amqpd.broker.queue import Queue
from amqpd.broker.recording import BLOCK
from amqpd.broker.session import EXCHANGE, QUEUE, Session
from amqpd.broker.users import User
from amqpd.fields import EMPTY, Table, from_python
from tests.unit.broker.rows import Kept
from tests.unit.broker.world import RecordingConsumer


@pytest.fixture
def kept() -> Kept:
    return Kept.new()


def declare(
    kept: Kept,
    session: Session,
    name: str = "q",
    arguments: dict[str, object] | None = None,
    *,
    durable: bool = True,
    exclusive: bool = False,
    auto_delete: bool = False,
) -> Queue:
    queues.declare(
        kept.world.broker,
        session,
        name,
        durable=durable,
        exclusive=exclusive,
        auto_delete=auto_delete,
        arguments=from_python(arguments or {}),
    )
    return kept.world.vhost.queues[name]


def declare_exchange(
    kept: Kept,
    session: Session,
    name: str = "x",
    type_: str = "topic",
    *,
    durable: bool = True,
    auto_delete: bool = False,
    arguments: Table = EMPTY,
) -> None:
    exchanges.declare(
        kept.world.broker,
        session,
        name,
        type_,
        durable=durable,
        auto_delete=auto_delete,
        internal=False,
        arguments=arguments,
    )


def bind(kept: Kept, session: Session, source: str, destination: str = "q", key: str = "k", kind: str = QUEUE) -> None:
    bindings.bind(kept.world.broker, session, kind, destination, source, key, EMPTY)


def names(kept: Kept, kind: Kind) -> list[object]:
    return [key[1] for key in kept.journal.rows(kind)]


def test_the_columns_say_what_was_declared(kept: Kept) -> None:
    session = kept.world.session()
    arguments = from_python({"alternate-exchange": "ä", "n": [1, 2.5, True, None, {"in": b"\xff"}]})
    declare_exchange(kept, session, arguments=arguments, auto_delete=True)
    queue = declare(kept, session, arguments={"x-queue-type": "quorum", "x-delivery-limit": 3})
    bind(kept, session, "x")
    readable = '{"alternate-exchange":"ä","n":[1,2.5,true,null,{"in":"\\udcff"}]}'
    assert kept.journal.rows(EXCHANGES) == {("/", "x"): ("topic", 1, 1, 0, readable, arguments.raw, None, "guest")}
    raw = queue.arguments.raw
    assert kept.journal.rows(QUEUES) == {
        ("/", "q"): (1, "quorum", 1, 0, '{"x-queue-type":"quorum","x-delivery-limit":3}', raw, 0)
    }
    assert kept.journal.rows(BINDINGS) == {("/", "x", "queue", "q", "k", b""): ("{}",)}


def test_declaring_and_binding_again_changes_nothing(kept: Kept) -> None:
    session = kept.world.session()
    for _ in range(2):
        declare_exchange(kept, session)
        declare(kept, session)
        bind(kept, session, "x")
    changes = [each.kind for each in kept.journal.changes if each.kind in (EXCHANGES, QUEUES, BINDINGS)]
    assert changes == [EXCHANGES, QUEUES, BINDINGS]


def test_transient_and_exclusive_queues_transient_exchanges_and_their_bindings_are_not_kept(kept: Kept) -> None:
    session = kept.world.session()
    declare(kept, session, "transient", durable=False)
    declare(kept, session, "exclusive", exclusive=True)
    declare(kept, session)
    declare_exchange(kept, session, "gone", durable=False)
    for queue in ("transient", "exclusive", "q"):
        bind(kept, session, "gone", queue)
        bind(kept, session, "amq.topic", queue)
    bind(kept, session, "gone", "amq.fanout", kind=EXCHANGE)
    bind(kept, session, "amq.fanout", "gone", kind=EXCHANGE)
    assert (names(kept, EXCHANGES), names(kept, QUEUES)) == ([], ["q"])
    assert list(kept.journal.rows(BINDINGS)) == [("/", "amq.topic", "queue", "q", "k", b"")]
    assert [kept.world.vhost.queues[name].id for name in ("transient", "exclusive", "q")] == [0, 0, 1]
    for queue in ("transient", "exclusive"):
        queues.delete(kept.world.broker, session, queue, if_unused=False, if_empty=False)
    exchanges.delete(kept.world.broker, session, "gone", if_unused=False)
    assert not [each for each in kept.journal.changes if each.values is None]


def test_durable_exchanges_that_keep_messages_have_ids_as_queues_do(kept: Kept) -> None:
    session = kept.world.session()
    arguments = from_python({"x-delayed-type": "topic"})
    declare_exchange(kept, session, "later", "x-delayed-message", arguments=arguments)
    declare_exchange(kept, session, "gone", "x-delayed-message", arguments=arguments, durable=False)
    declare(kept, session)
    declare_exchange(kept, session, "last", "x-delayed-message", arguments=arguments)
    assert [values[6] for values in kept.journal.rows(EXCHANGES).values()] == [1, 3]
    found = kept.world.vhost
    assert [found.exchanges["gone"].id, found.queues["q"].id, found.exchanges["last"].id] == [0, 2, 3]


def test_the_brokers_own_exchanges_are_not_kept_but_bindings_of_theirs_are(kept: Kept) -> None:
    session = kept.world.session()
    EventExchange(kept.world.broker.events, kept.world.vhost)
    declare(kept, session)
    bind(kept, session, "amq.rabbitmq.event", key="queue.#")
    assert (names(kept, EXCHANGES), names(kept, BINDINGS)) == ([], ["amq.rabbitmq.event"])


def delete_queue(kept: Kept, session: Session) -> None:
    queues.delete(kept.world.broker, session, "q", if_unused=False, if_empty=False)


def delete_exchange(kept: Kept, session: Session) -> None:
    exchanges.delete(kept.world.broker, session, "x", if_unused=False)


def unbind(kept: Kept, session: Session) -> None:
    bindings.unbind(kept.world.broker, session, QUEUE, "q", "x", "k", EMPTY)


def expire(kept: Kept, session: Session) -> None:
    kept.world.advance(10)


def last_consumer_goes(kept: Kept, session: Session) -> None:
    queue = kept.world.vhost.queues["q"]
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    assert queue.remove_consumer(consumer)
    kept.world.vhost.delete_unused(queue)


def test_what_goes_is_recorded_bindings_before_their_ends(kept: Kept) -> None:
    session = kept.world.session()
    declare_exchange(kept, session)
    declare(kept, session)
    bind(kept, session, "x")
    delete_queue(kept, session)
    declare(kept, session)
    bind(kept, session, "x")
    delete_exchange(kept, session)
    gone = [each.kind for each in kept.journal.changes if each.values is None]
    assert gone == [BINDINGS, QUEUES, BINDINGS, EXCHANGES]


@pytest.mark.parametrize("end", [delete_queue, unbind, expire, last_consumer_goes])
def test_auto_delete_exchanges_go_with_their_last_binding_however_it_goes(
    kept: Kept, end: Callable[[Kept, Session], None]
) -> None:
    session = kept.world.session()
    declare_exchange(kept, session, "first", auto_delete=True)
    declare_exchange(kept, session, auto_delete=True)
    declare(kept, session, arguments={"x-expires": 1000}, auto_delete=True)
    bind(kept, session, "first", "x", kind=EXCHANGE)
    bind(kept, session, "x")
    end(kept, session)
    assert names(kept, EXCHANGES) == names(kept, BINDINGS) == []
    assert names(kept, QUEUES) == ([] if end is not unbind else ["q"])


def test_an_exclusive_queue_takes_an_auto_delete_exchange_along(kept: Kept) -> None:
    session = kept.world.session()
    declare_exchange(kept, session, auto_delete=True)
    declare(kept, session, exclusive=True)
    bind(kept, session, "x")
    assert names(kept, EXCHANGES) == ["x"]
    kept.world.broker.end_session(session)
    assert names(kept, EXCHANGES) == []


def test_ids_of_queues_are_set_aside_in_blocks(kept: Kept) -> None:
    for number in range(BLOCK + 1):
        assert kept.world.queue(f"q{number}").id == number + 1
    values = [each.values for each in kept.journal.changes if each.kind is COUNTERS]
    assert values == [(BLOCK,), (2 * BLOCK,)]
    assert list(kept.journal.rows(COUNTERS)) == [(IDS,)]


def test_users_and_permissions_are_kept_until_they_are_deleted(kept: Kept) -> None:
    broker, access, rows = kept.world.broker, kept.world.broker.access, kept.journal.rows
    broker.add_user(User("u", "hash", tags=("administrator", "x"), max_connections=2**70))
    access.grant("u", "/", "c", "w", "r")
    access.grant_topic("u", "/", "x", "tw", "tr")
    assert rows(USERS) == {
        ("u",): (
            "hash",
            "rabbit_password_hashing_sha256",
            '["administrator","x"]',
            '{"max-connections":1180591620717411303424}',
        )
    }
    assert rows(PERMISSIONS) == {("u", "/"): ("c", "w", "r")}
    assert rows(TOPIC_PERMISSIONS) == {("u", "/", "x"): ("tw", "tr")}
    broker.add_user(User("u", "other"))
    assert rows(USERS)["u",][0] == "other"
    access.revoke("u", "/")
    access.revoke_topic("u", "/")
    assert rows(PERMISSIONS) == rows(TOPIC_PERMISSIONS) == {}
    access.grant("u", "/")
    access.grant_topic("u", "/", "x", "tw", "tr")
    broker.delete_user("u")
    assert rows(USERS) == rows(PERMISSIONS) == rows(TOPIC_PERMISSIONS) == {}


def test_a_virtual_host_is_kept_with_its_limits_and_goes_last_of_all_that_was_in_it(kept: Kept) -> None:
    broker = kept.world.broker
    session = kept.world.session()
    declare_exchange(kept, session, auto_delete=True)
    declare(kept, session)
    bind(kept, session, "x")
    broker.access.grant_topic("guest", "/", "x", "", "")
    for operator in (True, False):
        policies.set_policy(broker, kept.world.vhost, "p", "", {"max-length": 1}, operator=operator)
    broker.limit_vhost(kept.world.vhost, max_queues=5)
    broker.set_default_queue_type(kept.world.vhost, "quorum")
    assert kept.journal.rows(VHOSTS) == {("/",): ("quorum", '{"max-queues":5}', None)}
    broker.delete_vhost("/")
    assert {kind.name for kind in KINDS if kept.journal.rows(kind)} == {"users", "counters"}
    assert kept.journal.changes[-1].kind is VHOSTS


def test_policies_are_kept_until_they_are_cleared(kept: Kept) -> None:
    broker, vhost = kept.world.broker, kept.world.vhost
    policies.set_policy(broker, vhost, "p", "^q", {"max-length": 1}, priority=2.5, apply_to="queues")
    policies.set_policy(broker, vhost, "p", ".*", {"message-ttl": 5}, priority=-(2**70), operator=True)
    assert kept.journal.rows(POLICIES) == {
        ("/", 0, "p"): ("^q", "queues", '{"max-length":1}', 2.5),
        ("/", 1, "p"): (".*", "all", '{"message-ttl":5}', "-1180591620717411303424"),
    }
    policies.clear_policy(broker, vhost, "p", operator=True)
    assert list(kept.journal.rows(POLICIES)) == [("/", 0, "p")]


def test_text_that_is_no_utf_8_is_kept_as_its_octets(kept: Kept) -> None:
    """Routing keys may be any octets."""
    kept.world.bind(kept.world.vhost.exchanges["amq.direct"], kept.world.queue("ü\x00"), "\udcff")
    assert list(kept.journal.rows(BINDINGS)) == [("/", "amq.direct", "queue", "ü\x00", b"\xff", b"")]
