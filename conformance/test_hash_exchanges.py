"""x-consistent-hash and x-modulus-hash: shares and stability; which key goes where is each broker's own affair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Names
    from conformance.fields import Table, Value

proves = pytest.mark.proves
HASH = "x-consistent-hash"


def _bound(channel: Channel, names: Names, type: str, keys: list[str], arguments: Table = b"") -> list[str]:
    """Declare the exchange e and one queue for each binding key; return the queues."""
    channel.declare_exchange(names("e"), type, arguments)
    queues = [names(f"q{place}") for place in range(len(keys))]
    for queue, key in zip(queues, keys, strict=True):
        channel.declare_queue(queue)
        channel.bind(queue, names("e"), key)
    return queues


def _taken(channel: Channel, queues: list[str]) -> list[int]:
    """Return how many messages each queue had; they have none then."""
    channel.fence(*queues)
    return [channel.purge(queue) for queue in queues]


# -- x-consistent-hash


@proves("consistent-hash.share")
def test_a_queue_gets_its_weights_share(channel: Channel, names: Names) -> None:
    queues = _bound(channel, names, HASH, ["1", "2", "+1"])
    for number in range(4000):
        channel.publish(names("e"), f"key{number}")
    taken = _taken(channel, queues)
    assert sum(taken) == 4000
    for count, expected in zip(taken, (1000, 2000, 1000), strict=True):
        assert abs(count - expected) < 200, taken


@proves("consistent-hash.stable")
@pytest.mark.parametrize("copies", [False, True])
def test_a_key_stays_with_its_queue(channel: Channel, names: Names, copies: bool) -> None:
    queues = _bound(channel, names, HASH, ["1"] * 5)
    for number in range(50):
        properties = {"headers": {"CC": [f"copy{number}"], "BCC": [f"hidden{number}"]}} if copies else {}
        channel.publish(names("e"), "same", b"x", properties)
    assert sorted(_taken(channel, queues)) == [0, 0, 0, 0, 50]


@proves("consistent-hash.value")
@pytest.mark.parametrize(
    ("arguments", "varying", "constant"),
    [
        ({"hash-header": "h"}, [{"headers": {"h": f"v{n}"}} for n in range(100)], {"headers": {"other": 1}}),
        ({"hash-header": "h"}, [{"headers": {"h": n}} for n in range(100)], {}),
        ({"hash-property": "message_id"}, [{"message_id": f"v{n}"} for n in range(100)], {}),
        ({"hash-property": "correlation_id"}, [{"correlation_id": f"v{n}"} for n in range(100)], {"message_id": "x"}),
        ({"hash-property": "timestamp"}, [{"timestamp": n} for n in range(100)], {}),
    ],
    ids=["header", "integer header", "message-id", "correlation-id", "timestamp"],
)
def test_a_header_or_property_is_hashed(
    channel: Channel, names: Names, arguments: Table, varying: list[dict[str, object]], constant: dict[str, object]
) -> None:
    queues = _bound(channel, names, HASH, ["1"] * 4, arguments)
    for properties in varying:
        channel.publish(names("e"), "same", b"x", properties)
    assert min(_taken(channel, queues)) > 5
    for number in range(20):
        channel.publish(names("e"), f"key{number}", b"x", constant)
    assert sorted(_taken(channel, queues)) == [0, 0, 0, 20]
    for number in range(20):
        channel.publish(names("e"), f"key{number}", b"x", varying[7])
    assert sorted(_taken(channel, queues)) == [0, 0, 0, 20]


@proves("consistent-hash.unbind")
def test_a_queue_that_is_unbound_leaves_its_keys_to_the_others(channel: Channel, names: Names) -> None:
    queues = _bound(channel, names, HASH, ["1", "1"])
    for queue in queues:
        channel.unbind(queue, names("e"), "1")
        for number in range(20):
            channel.publish(names("e"), f"key{number}")
        assert sum(_taken(channel, queues)) == (20 if queue == queues[0] else 0)
    channel.publish(names("e"), "k", mandatory=True)
    assert channel.expect("basic.return")["reply_code"] == 312


@proves("error.queue.bind.hash-weight-integer")
@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("", "<<>>"),
        ("abc", '<<"abc">>'),
        ("1.5", '<<"1.5">>'),
        (" 1", '<<" 1">>'),
        ("1 ", '<<"1 ">>'),
        ("1_0", '<<"1_0">>'),
        ("ä", '<<"ä">>'),
    ],
)
def test_a_weight_that_is_no_integer(
    condition: Condition, channel: Channel, names: Names, key: str, shown: str
) -> None:
    channel.declare_exchange(names("e"), HASH)
    channel.declare_queue(names("q"))
    with condition.closes_channel(channel, value=shown):
        channel.bind(names("q"), names("e"), key)


@proves("error.queue.bind.hash-weight-positive")
@pytest.mark.parametrize("key", ["0", "-1", "-0", "00"])
def test_a_weight_that_is_not_positive(condition: Condition, channel: Channel, names: Names, key: str) -> None:
    channel.declare_exchange(names("e"), HASH)
    channel.declare_queue(names("q"))
    with condition.closes_channel(channel):
        channel.bind(names("q"), names("e"), key)


@proves("error.exchange.declare.hash-property")
@pytest.mark.parametrize("property", ["app_id", "", "Message_Id", "message-id"])
def test_a_property_that_cannot_be_hashed(
    condition: Condition, channel: Channel, names: Names, property: str
) -> None:
    with condition.closes_channel(channel, property=property):
        channel.declare_exchange(names("e"), HASH, {"hash-property": property})


@proves("error.exchange.declare.hash-twice")
def test_a_header_and_a_property(condition: Condition, channel: Channel, names: Names) -> None:
    with condition.closes_channel(channel):
        channel.declare_exchange(names("e"), HASH, {"hash-header": "a", "hash-property": "nonsense"})


@proves("error.exchange.declare.hash-argument-crash")
@pytest.mark.parametrize("name", ["hash-header", "hash-property"])
@pytest.mark.parametrize("value", [5, True, None, ["a"], Typed("x", b"a")])
def test_what_to_hash_is_no_string(
    condition: Condition, channel: Channel, names: Names, name: str, value: Value
) -> None:
    with condition.closes_connection(channel.connection):
        channel.declare_exchange(names("e"), HASH, {name: value})


# -- x-modulus-hash


@proves("modulus-hash.one")
def test_all_keys_together_choose_one_binding(channel: Channel, names: Names) -> None:
    queues = _bound(channel, names, "x-modulus-hash", ["ignored", "", "3"])
    for number in range(300):
        channel.publish(names("e"), f"key{number}")
    taken = _taken(channel, queues)
    assert sum(taken) == 300
    assert min(taken) > 50
    for number in range(30):
        channel.publish(names("e"), "same", b"x", {"headers": {"CC": [f"copy{number}"]}})
    taken = _taken(channel, queues)
    assert sum(taken) == 30
    assert min(taken) > 0
    for _ in range(30):
        channel.publish(names("e"), "same", b"x", {"headers": {"CC": ["copy"]}})
    assert sorted(_taken(channel, queues)) == [0, 0, 30]


@proves("modulus-hash.one")
def test_without_bindings_there_is_none_to_choose(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), "x-modulus-hash")
    channel.publish(names("e"), "k", mandatory=True)
    assert channel.expect("basic.return")["reply_code"] == 312


# -- all of them


@proves("plugin-exchanges.redeclare")
@pytest.mark.parametrize(
    ("type", "arguments", "others"),
    [
        (HASH, {"hash-header": "a"}, {"hash-header": "b"}),
        (HASH, {}, {"hash-header": "a", "hash-property": "x"}),
        ("x-modulus-hash", {}, {"any": 1}),
        ("x-random", {}, {"any": 1}),
        ("x-recent-history", {"x-recent-history-length": 2}, {"x-recent-history-length": 3}),
        ("x-recent-history", {}, {"x-recent-history-length": 0}),
    ],
)
def test_other_arguments_are_the_same_exchange(
    channel: Channel, names: Names, type: str, arguments: Table, others: Table
) -> None:
    """Even those that a new exchange could not have."""
    channel.declare_exchange(names("e"), type, arguments)
    channel.declare_exchange(names("e"), type, others)
