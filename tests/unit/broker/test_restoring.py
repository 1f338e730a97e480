"""A broker that is made from the rows of another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amqpd.broker.broker import Broker
from amqpd.broker.compat import Compat
from amqpd.broker.definitions import (
    BINDINGS,
    COUNTERS,
    EXCHANGES,
    PERMISSIONS,
    POLICIES,
    QUEUES,
    USERS,
    VHOSTS,
    Kind,
)
from amqpd.broker.event_exchange import EventExchange
from amqpd.broker.operations import bindings, policies, queues
from amqpd.broker.restoring import REMEDY, Restored, restore_access, restore_graph
from amqpd.broker.session import QUEUE
from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.fields import EMPTY, Field, Table, from_python, longstr, signedint, timestamp
from tests.unit.broker.rows import Kept, Key, RowJournal, durable
from tests.unit.broker.world import SeededRandomness, World

NAMES = ["plain", "ä€😀", "with 'quotes\" and \\", "nul\x00inside", "\ue000\uffff", "*", "a" * 255]


@pytest.fixture
def kept() -> Kept:
    return Kept.new()


def fill(world: World) -> None:
    """Something of everything."""
    broker, vhost = world.broker, world.vhost
    broker.add_user(User.with_password("ü", "secret", ("administrator",)))
    broker.add_user(User("x", max_connections=1, max_channels=2**70))
    broker.access.grant("ü", "/", "^a", "", ".*")
    broker.access.grant_topic("ü", "/", "amq.topic", "{username}", "(")
    broker.add_vhost("other", default_queue_type="quorum")
    broker.limit_vhost(vhost, max_connections=7, max_queues=-1)
    policies.set_policy(broker, vhost, "p", "^q", {"max-length": 5, "dead-letter-exchange": "ö"}, priority=2**65)
    policies.set_policy(broker, vhost, "alternate", "^x", {"alternate-exchange": "amq.fanout"}, apply_to="exchanges")
    policies.set_policy(broker, vhost, "p", "", {"max-length": 3, "expires": 5000}, priority=0.5, operator=True)
    types = ("direct", "fanout", "topic", "headers")
    direct, fanout, _, headers = [world.exchange(f"x-{each}", each) for each in types]
    chosen = world.exchange("weights", "x-consistent-hash", auto_delete=True)
    world.exchange("later", "x-delayed-message", {"x-delayed-type": "topic"})
    unsorted = Table.of([("b", signedint(1)), ("a", timestamp(1)), ("a", longstr(b"\xff"))])
    for name in NAMES:
        queue = world.queue(name, {"x-message-ttl": 1000, "x-dead-letter-exchange": name})
        world.bind(direct, queue, name)
        world.bind(headers, queue, "", unsorted)
        world.bind(chosen, queue, "3")
    world.queue("q-quorum", {"x-queue-type": "quorum"})
    world.queue("stream", {"x-queue-type": "stream", "x-max-age": "1D"})
    world.bind(direct, fanout, "k")
    world.bind(fanout, vhost.queues["q-quorum"])
    world.bind(vhost.exchanges["amq.topic"], vhost.queues["stream"], "\udcff.#")
    world.bind(fanout, fanout)


def test_everything_is_as_it_was(kept: Kept) -> None:
    fill(kept.world)
    again = kept.again()
    assert durable(again.world.broker) == durable(kept.world.broker)
    assert again.world.route("x-direct", "k") == kept.world.route("x-direct", "k") == ["q-quorum"]
    assert again.world.octets == kept.world.octets
    assert again.world.broker.account.definitions == kept.world.broker.account.definitions


def test_nothing_is_recorded_again(kept: Kept) -> None:
    fill(kept.world)
    again = kept.again()
    assert again.journal.changes == []
    assert again.again().journal.tables == kept.journal.tables


def test_users_log_in_with_their_passwords(kept: Kept) -> None:
    fill(kept.world)
    broker = kept.again().world.broker
    assert broker.check_password("ü", b"secret").result() == broker.access.users["ü"]
    assert broker.check_password("ü", b"other").result() is None


def test_transient_and_exclusive_ones_are_gone_and_their_names_are_free(kept: Kept) -> None:
    world = kept.world
    session = world.session()
    for exclusive in (True, False):
        queues.declare(
            world.broker,
            session,
            f"q{exclusive}",
            durable=exclusive,
            exclusive=exclusive,
            auto_delete=False,
            arguments=EMPTY,
        )
        bindings.bind(world.broker, session, QUEUE, f"q{exclusive}", "amq.direct", "k", EMPTY)
    again = kept.again().world
    assert (list(again.vhost.queues), again.route("amq.direct", "k")) == ([], [])


def test_leases_start_anew(kept: Kept) -> None:
    kept.world.queue(arguments={"x-expires": 1000})
    kept.world.advance(0.9)
    again = kept.again()
    again.world.advance(0.9)
    assert list(again.world.vhost.queues) == ["q"]
    again.world.advance(0.2)
    assert list(again.world.vhost.queues) == []
    assert again.journal.rows(QUEUES) == {}


def test_the_settings_of_policies_are_in_force(kept: Kept) -> None:
    fill(kept.world)
    again = kept.again().world.vhost
    assert again.queues["q-quorum"].settings.max_length == 3
    assert again.exchanges["x-topic"].alternate == "amq.fanout"


def test_no_queue_gets_the_id_of_another_one_after_any_number_of_starts(kept: Kept) -> None:
    ids = []
    for start in range(5):
        made = [kept.world.queue(f"{name}{start}") for name in "abc"]
        ids += [each.id for each in made]
        kept.world.vhost.delete_queue(made[-1])  # the highest one
        kept = kept.again()
    assert ids == sorted(set(ids))


def test_without_its_counter_ids_go_on_after_the_highest_one(kept: Kept) -> None:
    assert [kept.world.queue(name).id for name in "abc"] == [1, 2, 3]
    kept.journal.tables[COUNTERS].clear()
    assert kept.again().world.queue("d").id == 4


def test_very_many_bindings_come_back(kept: Kept) -> None:
    exchange, queue = kept.world.exchange("x", "topic"), kept.world.queue()
    for number in range(20_000):
        kept.world.bind(exchange, queue, f"a.{number}.#")
    again = kept.again().world
    assert len(again.vhost.exchanges["x"].outgoing) == len(again.vhost.queues["q"].bindings) == 20_000
    assert again.route("x", "a.19999.b") == ["q"]


def test_events_tell_nothing_of_what_was_there_before(kept: Kept) -> None:
    EventExchange(kept.world.broker.events, kept.world.vhost)
    kept.world.bind(kept.world.vhost.exchanges["amq.rabbitmq.event"], kept.world.queue(), "#")
    kept.world.bind(kept.world.vhost.exchanges["amq.direct"], kept.world.vhost.queues["q"], "after")
    broker = Broker(ManualClock(), SeededRandomness(), journal=RowJournal())
    assert restore_access(broker, kept.journal.rows)
    EventExchange(broker.events, broker.vhosts["/"])
    restore_graph(broker, kept.journal.rows)
    assert broker.vhosts["/"].queues["q"].message_count == 0
    broker.add_user(User("u"))
    assert broker.vhosts["/"].queues["q"].message_count == 1


def test_a_broker_without_rows_is_new() -> None:
    broker = Broker(ManualClock(), SeededRandomness())
    assert not restore_access(broker, RowJournal().rows)
    restored = restore_graph(broker, RowJournal().rows)
    assert (restored.holders, restored.missing) == ({}, frozenset())


# -- rows that nothing can be made of ----------------------------------------------------------------------------------


def damage(kept: Kept, kind: Kind, key: Key, column: str, cell: object) -> None:
    values = list(kept.journal.tables[kind][key])
    values[kind.values.index(column)] = cell  # type: ignore[call-overload]  # wrong on purpose
    kept.journal.tables[kind][key] = tuple(values)


DAMAGES: list[tuple[Kind, Key, str, object, str]] = [
    (EXCHANGES, ("/", "x"), "type", "x-unheard-of", "unknown exchange type 'x-unheard-of'"),
    (EXCHANGES, ("/", "x"), "durable", "yes", "durable is 'yes': expected 0 or 1"),
    (EXCHANGES, ("/", "x"), "arguments_octets", b"\x05", "arguments_octets is no field table"),
    (QUEUES, ("/", "q"), "type", "x-unheard-of", "unknown queue type 'x-unheard-of'"),
    (QUEUES, ("/", "q"), "type", "stream", "its arguments ask for another queue type than 'stream'"),
    (QUEUES, ("/", "q"), "id", None, "id is None: expected a whole number, not negative"),
    (QUEUES, ("/", "q2"), "id", 1, "id is 1: expected a number above 0 that no other queue or exchange has"),
    (EXCHANGES, ("/", "x"), "id", "3", "id is '3': expected a whole number, not negative"),
    (EXCHANGES, ("/", "x"), "id", 0, "id is 0: expected a number above 0 that no other queue or exchange has"),
    (QUEUES, ("/", "q"), "arguments_octets", "text", "arguments_octets is 'text': expected the octets of a field"),
    (USERS, ("u",), "tags", "administrator", "tags is 'administrator': expected JSON"),
    (USERS, ("u",), "tags", "{}", "tags is '{}': expected a JSON array of texts"),
    (USERS, ("u",), "hashing_algorithm", "rot13", "hashing_algorithm"),
    (USERS, ("u",), "limits", '{"max-channels":"1"}', "limits has '1' for 'max-channels': expected a whole number"),
    (PERMISSIONS, ("u", "/"), "read", "(", "("),
    (POLICIES, ("/", 0, "p"), "definition", "[]", "definition is '[]': expected a JSON object"),
    (POLICIES, ("/", 0, "p"), "definition", '{"unheard-of":1}', "not recognised policy settings"),
    (POLICIES, ("/", 0, "p"), "priority", "high", "priority is 'high': expected a number"),
    (VHOSTS, ("/",), "limits", None, "the vhost is there, but without this: limits is None: expected JSON"),
    (VHOSTS, ("/",), "default_queue_type", "x-unheard-of", "unknown queue type 'x-unheard-of'"),
]


@pytest.mark.parametrize(("kind", "key", "column", "cell", "reason"), DAMAGES)
def test_a_row_with_something_wrong_costs_what_it_defines_alone(
    kept: Kept, caplog: pytest.LogCaptureFixture, kind: Kind, key: Key, column: str, cell: object, reason: str
) -> None:
    world = kept.world
    world.broker.add_user(User("u"))
    world.broker.access.grant("u", "/")
    policies.set_policy(world.broker, world.vhost, "p", "", {"max-length": 3})
    world.bind(world.exchange("x"), world.queue(), "k")
    world.bind(world.exchange("x2"), world.queue("q2"), "k")
    damage(kept, kind, key, column, cell)
    again = kept.again()
    told = [each for each in caplog.records if "definition not restored" in each.message]
    assert len(told) == 1
    assert f"table='{kind.name}'" in told[0].message
    assert reason in told[0].message
    assert "the row stays as it is" in told[0].message
    assert again.journal.tables == kept.journal.tables
    whole = {EXCHANGES: ["x", "x2"], QUEUES: ["q", "q2"]}
    lost = key[-1]
    assert [each for each in again.world.vhost.exchanges if each.startswith("x")] == [
        each for each in whole[EXCHANGES] if (kind, each) != (EXCHANGES, lost)
    ]
    assert list(again.world.vhost.queues) == [each for each in whole[QUEUES] if (kind, each) != (QUEUES, lost)]
    assert again.world.route("x2", "k") == (["q2"] if lost != "q2" else [])
    assert ("u" in again.world.broker.access.users) is (kind is not USERS)


def test_bindings_of_what_is_missing_are_told_in_one_line(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    exchange, queue = kept.world.exchange("x"), kept.world.queue()
    for number in range(100):
        kept.world.bind(exchange, queue, str(number))
    del kept.journal.tables[EXCHANGES]["/", "x"]
    again = kept.again()
    (told,) = [each.message for each in caplog.records]
    where = "bindings not restored vhost='/' exchange='x' count=100 reason='there is no exchange of this name'"
    assert told == f"{where} hint={REMEDY!r}"
    assert len(again.journal.rows(BINDINGS)) == 100


def test_what_is_in_a_vhost_that_is_gone_is_told_and_stays(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    fill(kept.world)
    del kept.journal.tables[VHOSTS]["/",]
    again = kept.again()
    assert "reason=\"there is no vhost '/'\"" in caplog.text
    assert "bindings not restored vhost='/' count=" in caplog.text
    assert again.journal.rows(QUEUES) == kept.journal.rows(QUEUES)


def test_a_binding_that_its_exchange_refuses_is_left_out(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    kept.world.bind(kept.world.exchange("x", "x-consistent-hash"), kept.world.queue(), "1")
    row = kept.journal.tables[BINDINGS]
    row["/", "x", "queue", "q", "no weight", b""] = row.pop(("/", "x", "queue", "q", "1", b""))
    assert kept.again().world.vhost.exchanges["x"].outgoing == {}
    assert "The binding key must be an integer" in caplog.text


def test_an_exchange_of_a_type_that_is_missing_comes_back_with_the_type(kept: Kept) -> None:
    exchange = kept.world.exchange("x", "x-delayed-message", {"x-delayed-type": "direct"})
    kept.world.bind(exchange, kept.world.queue(), "k")
    without = kept.again(strict=True)
    assert "x" not in without.world.vhost.exchanges
    assert durable(without.again().world.broker) == durable(kept.world.broker)


def test_the_queues_that_are_missing_are_named_by_their_ids(kept: Kept) -> None:
    for name in "abc":
        kept.world.queue(name)
    damage(kept, QUEUES, ("/", "b"), "type", "x-unheard-of")
    broker = Broker(ManualClock(), SeededRandomness())
    restore_access(broker, kept.journal.rows)
    restored = restore_graph(broker, kept.journal.rows)
    assert {number: queue.name for number, queue in restored.holders.items()} == {1: "a", 3: "c"}
    assert restored.missing == {2}


DELAYED: dict[str, object] = {"x-delayed-type": "direct"}


def restored_from(kept: Kept, *, strict: bool = False) -> Restored:
    broker = Broker(ManualClock(), SeededRandomness(), compat=Compat.of(strict=strict))
    restore_access(broker, kept.journal.rows)
    return restore_graph(broker, kept.journal.rows)


def test_exchanges_that_keep_messages_are_found_by_their_ids(kept: Kept) -> None:
    for name in "abc":
        kept.world.exchange(name, "x-delayed-message" if name < "c" else "direct", DELAYED)
    damage(kept, EXCHANGES, ("/", "a"), "arguments_octets", b"\x05")
    restored = restored_from(kept)
    assert {number: each.name for number, each in restored.holders.items()} == {2: "b"}
    assert restored.missing == {1}
    assert restored_from(kept, strict=True).missing == {1, 2}, "what waits in them stays for a start with their type"


@pytest.mark.parametrize("counter", [True, False])
def test_an_exchange_that_was_declared_before_it_had_an_id_gets_one(kept: Kept, counter: bool) -> None:
    kept.world.exchange("x", "x-delayed-message", DELAYED)
    kept.world.exchange("y", "topic")
    kept.world.queue()
    kept.journal.tables[EXCHANGES]["/", "x"] = (*kept.journal.tables[EXCHANGES]["/", "x"][:6], None, None)
    if not counter:
        kept.journal.tables[COUNTERS].clear()
    again = kept.again()
    number = again.world.vhost.exchanges["x"].id
    assert number > kept.world.vhost.queues["q"].id
    assert [each.kind for each in again.journal.changes] == [COUNTERS, EXCHANGES]
    assert again.again().world.vhost.exchanges["x"].id == number
    assert again.again().journal.changes == []
    assert again.world.vhost.exchanges["y"].id == 0


def declare_anew(world: World) -> None:
    world.exchange("x", "fanout")


def delete_vhost(world: World) -> None:
    world.broker.delete_vhost("/")


@pytest.mark.parametrize("act", [declare_anew, delete_vhost])
def test_rows_that_were_left_never_come_back_to_somebody_elses(kept: Kept, act: Callable[[World], None]) -> None:
    kept.world.bind(kept.world.exchange("x"), kept.world.queue(), "k")
    policies.set_policy(kept.world.broker, kept.world.vhost, "p", "", {"max-length": 3})
    damage(kept, EXCHANGES, ("/", "x"), "type", "x-unheard-of")
    damage(kept, POLICIES, ("/", 0, "p"), "definition", "{")
    again = kept.again()
    assert len(again.journal.rows(BINDINGS)) == 1
    act(again.world)
    assert again.journal.rows(BINDINGS) == {}
    expected: list[Key] = [("/", "x")] if act is declare_anew else []
    assert list(again.journal.rows(EXCHANGES)) == expected
    assert len(again.journal.rows(POLICIES)) == len(expected)


def test_arguments_come_back_octet_for_octet(kept: Kept) -> None:
    widths = {"u": 1, "i": 3, "L": 7}
    fields = [Field(tag, 5, tag.encode() + bytes(width) + b"\x05") for tag, width in widths.items()]
    odd = Table.of([(f"x-odd{number}", field) for number, field in enumerate(fields)])
    arguments = Table(odd.raw + from_python({"nested": {"list": [1, None, b"\xff", 2.5]}, "x-odd0": 1}).raw)
    kept.world.exchange("x", "headers", arguments)
    kept.world.bind(kept.world.vhost.exchanges["x"], kept.world.queue(), "", arguments)
    again = kept.again().world.vhost
    assert again.exchanges["x"].arguments.raw == arguments.raw
    assert [each.arguments.raw for each in again.queues["q"].bindings] == [arguments.raw]
