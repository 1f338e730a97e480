"""Dead-lettering: causes, target, the x-death record, cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names
    from conformance.received import Received
    from conformance.targets import Target

Arguments = dict[str, Value]


@pytest.fixture
def dead(channel: Channel, names: Names) -> str:
    """A queue that gets everything from the fanout exchange `dlx`."""
    channel.declare_exchange(names("dlx"), "fanout")
    channel.declare_queue(names("dead"))
    channel.bind(names("dead"), names("dlx"))
    return names("dead")


def _source(channel: Channel, names: Names, arguments: Arguments | None = None) -> str:
    channel.declare_queue(names("source"), {"x-dead-letter-exchange": names("dlx"), **(arguments or {})})
    return names("source")


def _reject(channel: Channel, queue: str) -> None:
    channel.reject(channel.must_get(queue)["delivery_tag"], requeue=False)


def _deaths(message: Received) -> list[dict[str, Any]]:
    headers: Any = message.message.headers["x-death"]
    deaths: list[dict[str, Any]] = headers
    return deaths


@pytest.mark.proves("dead-letter.rejected", "dead-letter.x-death", "dead-letter.first-death", "dead-letter.expiration")
def test_a_rejected_message_is_recorded(channel: Channel, names: Names, dead: str) -> None:
    source = _source(channel, names)
    properties = {
        "content_type": "t",
        "headers": {"z": 1, "CC": ["cc"], "BCC": ["bcc"]},
        "expiration": "60000",
        "priority": 1,
    }
    channel.publish("", source, b"x", properties)
    channel.fence(source)
    _reject(channel, source)
    channel.fence(source, dead)
    letter = channel.must_get(dead)
    assert (letter["exchange"], letter["routing_key"], letter["redelivered"]) == (names("dlx"), source, False)
    assert letter.body == b"x"
    assert {key: letter.message.properties.get(key) for key in ("content_type", "expiration", "priority")} == {
        "content_type": "t", "expiration": None, "priority": 1,
    }  # fmt: skip
    typed = letter.message.properties["headers"]
    assert list(typed) == sorted(typed)
    time = typed["x-death"].value[0].value["time"]
    assert time.tag == "T"
    assert typed["x-death"] == Typed("A", [Typed("F", {
        "count": Typed("l", 1), "reason": Typed("S", "rejected"), "queue": Typed("S", source), "time": time,
        "exchange": Typed("S", ""), "routing-keys": Typed("A", [Typed("S", source), Typed("S", "cc")]),
        "original-expiration": Typed("S", "60000"),
    })])  # fmt: skip
    assert letter.message.headers["z"] == 1
    assert letter.message.headers["x-first-death-reason"] == "rejected"
    assert letter.message.headers["x-first-death-queue"] == source
    assert letter.message.headers["x-first-death-exchange"] == ""


@pytest.mark.proves("dead-letter.x-death")
def test_the_fields_of_a_new_record_have_an_order(channel: Channel, names: Names, dead: str, target: Target) -> None:
    """Since 3.13 the one that is seldom there comes first."""
    source = _source(channel, names)
    channel.publish("", source, b"x", {"expiration": "60000"})
    channel.fence(source)
    _reject(channel, source)
    channel.fence(source, dead)
    (death,) = _deaths(channel.must_get(dead))
    order = ["count", "reason", "queue", "time", "exchange", "routing-keys"]
    order.insert(0 if target.version >= (3, 13) else len(order), "original-expiration")
    assert list(death) == order


@pytest.mark.proves("dead-letter.x-death")
def test_the_fields_of_a_later_record_have_an_order(channel: Channel, names: Names, dead: str, target: Target) -> None:
    """Before 3.13 that of their names; the record behind it stays as it was."""
    source, last = _source(channel, names), names("last")
    channel.declare_queue(last)
    channel.declare_queue(names("next"), {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": last})
    channel.bind(names("next"), names("dlx"))
    channel.publish("", source, b"x", {"expiration": "60000"})
    channel.fence(source)
    _reject(channel, source)
    channel.fence(source, dead, names("next"))
    (first,) = _deaths(channel.must_get(dead))
    _reject(channel, names("next"))
    channel.fence(names("next"), last)
    later, earlier = _deaths(channel.must_get(last))
    order = ["count", "reason", "queue", "time", "exchange", "routing-keys"]
    assert list(later) == (order if target.version >= (3, 13) else sorted(order))
    assert list(earlier) == list(first)


@pytest.mark.proves("dead-letter.x-death")
def test_the_fields_of_a_record_that_is_counted_again_have_an_order(
    channel: Channel, names: Names, target: Target
) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
    channel.publish("", queue, b"x", {"expiration": "60000"})
    for _ in range(2):
        channel.fence(queue)
        _reject(channel, queue)
    channel.fence(queue)
    (death,) = _deaths(channel.must_get(queue))
    assert death["count"] == 2
    order = ["original-expiration", "count", "reason", "queue", "time", "exchange", "routing-keys"]
    assert list(death) == (order if target.version >= (3, 13) else sorted(order))


@pytest.mark.proves("dead-letter.expired", "ttl.zero", "ttl.queue")
def test_vector_53_a_message_that_expires_at_once_is_dead_lettered(channel: Channel, names: Names, dead: str) -> None:
    source = _source(channel, names, {"x-message-ttl": 0})
    channel.publish("", source, b"x")
    channel.fence(source, dead)
    assert _deaths(channel.must_get(dead))[0]["reason"] == "expired"


@pytest.mark.proves("dead-letter.maxlen", "max-length.drop-head")
def test_a_dropped_head_is_dead_lettered_in_order(channel: Channel, names: Names, dead: str) -> None:
    source = _source(channel, names, {"x-max-length": 1})
    channel.fill(source, b"a", b"b", b"c")
    channel.fence(dead)
    letters = [channel.must_get(dead) for _ in range(2)]
    assert [(letter.body, _deaths(letter)[0]["reason"]) for letter in letters] == [(b"a", "maxlen"), (b"b", "maxlen")]


@pytest.mark.proves("dead-letter.not", "queue.delete.01")
def test_purging_and_deleting_do_not_dead_letter(channel: Channel, names: Names, dead: str) -> None:
    source = _source(channel, names)
    channel.fill(source, b"a")
    channel.purge(source)
    channel.fill(source, b"b")
    channel.delete_queue(source)
    channel.fence(dead)
    assert channel.get(dead) is None


@pytest.mark.proves("dead-letter.routing-key")
def test_a_dead_letter_routing_key_replaces_all_keys(channel: Channel, names: Names) -> None:
    dead, copied = names("dead"), names("copied")
    channel.declare_queue(dead)
    channel.declare_queue(copied)
    channel.declare_queue(names("s"), {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.publish("", names("s"), b"x", {"headers": {"CC": [copied]}})
    channel.fence(names("s"), copied)
    channel.purge(copied)
    _reject(channel, names("s"))
    channel.fence(names("s"), dead, copied)
    assert channel.must_get(dead)["routing_key"] == dead
    assert channel.get(copied) is None


@pytest.mark.proves("dead-letter.routing-key")
def test_without_one_all_the_original_keys_are_used(channel: Channel, names: Names) -> None:
    exchange, one, two = names("e"), names("one"), names("two")
    channel.declare_exchange(exchange)
    channel.declare_queue(one)
    channel.declare_queue(two)
    channel.bind(one, exchange, "cc")
    channel.bind(two, exchange, "bcc")
    channel.declare_queue(names("s"), {"x-dead-letter-exchange": exchange})
    channel.publish("", names("s"), b"x", {"headers": {"CC": ["cc"], "BCC": ["bcc"]}})
    channel.fence(names("s"))
    _reject(channel, names("s"))
    channel.fence(names("s"), one, two)
    assert channel.must_get(one).body == b"x"
    assert channel.must_get(two).body == b"x"


@pytest.mark.proves("dead-letter.target")
def test_a_missing_dead_letter_exchange_loses_the_message(channel: Channel, names: Names) -> None:
    source = _source(channel, names)
    channel.fill(source, b"x")
    _reject(channel, source)
    assert channel.counts(source) == (0, 0)


@pytest.mark.proves("dead-letter.target")
def test_an_internal_exchange_and_an_alternate_exchange_take_dead_letters(channel: Channel, names: Names) -> None:
    dlx, alternate, dead = names("dlx"), names("ae"), names("dead")
    channel.declare_exchange(alternate, "fanout")
    channel.declare_exchange(dlx, "direct", {"alternate-exchange": alternate}, internal=True)
    channel.declare_queue(dead)
    channel.bind(dead, alternate)
    source = _source(channel, names)
    channel.fill(source, b"x")
    _reject(channel, source)
    channel.fence(source, dead)
    assert channel.must_get(dead)["exchange"] == dlx


@pytest.mark.proves("dead-letter.x-death", "dead-letter.cycle")
def test_vector_54_a_loop_of_rejects_counts_in_one_record(channel: Channel, names: Names) -> None:
    source = names("s")
    channel.declare_queue(source, {"x-dead-letter-exchange": ""})
    channel.fill(source, b"x")
    _reject(channel, source)
    channel.fence(source)
    first = channel.must_get(source)
    channel.reject(first["delivery_tag"], requeue=False)
    channel.fence(source)
    (death,) = _deaths(channel.must_get(source))
    assert (death["count"], death["reason"], death["queue"]) == (2, "rejected", source)
    assert death["time"] == _deaths(first)[0]["time"]


@pytest.mark.proves("dead-letter.x-death", "dead-letter.first-death")
def test_the_latest_death_comes_first(channel: Channel, names: Names) -> None:
    one, two, three = names("1"), names("2"), names("3")
    channel.declare_queue(three)
    channel.declare_queue(two, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": three})
    channel.declare_queue(one, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": two})
    channel.fill(one, b"x")
    _reject(channel, one)
    channel.fence(one, two)
    _reject(channel, two)
    channel.fence(two, three)
    letter = channel.must_get(three)
    assert [death["queue"] for death in _deaths(letter)] == [two, one]
    assert letter.message.headers["x-first-death-queue"] == one


@pytest.mark.proves("dead-letter.cycle")
def test_vector_55_a_loop_of_expiry_alone_drops_the_message(channel: Channel, names: Names) -> None:
    one, two = names("1"), names("2")
    channel.declare_queue(one, {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": two})
    channel.declare_queue(two, {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": one})
    channel.publish("", one, b"x")
    channel.fence(one, two, one, two)
    assert (channel.counts(one), channel.counts(two)) == ((0, 0), (0, 0))


@pytest.mark.proves("dead-letter.routing-key")
@pytest.mark.versions(before="3.13", otherwise="since 3.13 the CC header is kept")
def test_a_dead_letter_routing_key_removes_the_cc_header(channel: Channel, names: Names) -> None:
    dead = names("dead")
    channel.declare_queue(dead)
    channel.declare_queue(names("s"), {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.publish("", names("s"), b"x", {"headers": {"CC": ["nowhere"]}})
    channel.fence(names("s"))
    _reject(channel, names("s"))
    channel.fence(names("s"), dead)
    assert "CC" not in channel.must_get(dead).message.headers


@pytest.mark.proves("dead-letter.client-record")
@pytest.mark.versions(
    before="3.13", otherwise="since 4.0 a record from the client is replaced, and x-last-death-* are set"
)
def test_a_record_that_a_client_sent_is_continued(channel: Channel, names: Names, dead: str) -> None:
    source = _source(channel, names)
    channel.fill(source, b"x")
    _reject(channel, source)
    channel.fence(source, dead)
    letter = channel.must_get(dead)
    channel.publish("", source, b"again", letter.message.raw_properties)
    channel.fence(source)
    _reject(channel, source)
    channel.fence(source, dead)
    (death,) = _deaths(channel.must_get(dead))
    assert death["count"] == 2
    assert "x-last-death-queue" not in letter.message.headers
