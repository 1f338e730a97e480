"""Which queue gets a message: direct, fanout, topic, bindings between exchanges, alternate exchanges, CC and BCC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

Headers = dict[str, Value]


def _routed(channel: Channel, exchange: str, key: str, *queues: str, **properties: Any) -> list[int]:
    """Publish once and return how many copies each queue got."""
    channel.publish(exchange, key, b"x", properties)
    channel.fence(*queues)
    return [channel.purge(queue) for queue in queues]


@pytest.mark.proves(
    "exchange.default-exchange",
    "queue.declare.default-binding",
    "basic.publish.exchange.default-exchange",
    "basic.publish.exchange",
)
def test_the_default_exchange_knows_every_queue_by_its_name(channel: Channel, names: Names) -> None:
    queue, other = names("q"), names("r")
    channel.declare_queue(queue)
    channel.declare_queue(other)
    assert _routed(channel, "", queue, queue, other) == [1, 0]


@pytest.mark.proves(
    "exchange.required-types",
    "queue.bind.routing-key.direct-exchange-key-matching",
    "queue.bind.routing-key",
    "basic.publish.routing-key",
)
def test_a_direct_exchange_takes_every_binding_of_the_key(channel: Channel, names: Names) -> None:
    exchange, one, two, three = names("e"), names("q1"), names("q2"), names("q3")
    channel.declare_exchange(exchange)
    for queue, key in [(one, "k"), (two, "k"), (three, "K")]:
        channel.declare_queue(queue)
        channel.bind(queue, exchange, key)
    assert _routed(channel, exchange, "k", one, two, three) == [1, 1, 0]
    assert _routed(channel, exchange, "K", one, two, three) == [0, 0, 1]
    assert _routed(channel, exchange, "", one, two, three) == [0, 0, 0]


@pytest.mark.proves("exchange.required-types")
def test_a_fanout_exchange_ignores_the_key(channel: Channel, names: Names) -> None:
    exchange, one, two = names("e"), names("q1"), names("q2")
    channel.declare_exchange(exchange, "fanout")
    for queue in (one, two):
        channel.declare_queue(queue)
        channel.bind(queue, exchange, queue)
    assert _routed(channel, exchange, "anything", one, two) == [1, 1]


TOPICS = [
    ("a.#.b", ["a.b", "a.x.b", "a.x.y.b", "a..b"], ["a.b.", "a", "b", "xa.b", ".a.b", "a.bb"]),
    ("#", ["", ".", "a", "a.b.c", "..."], []),
    ("*", ["a", "ab"], [".", "a.b", "a."]),
    ("", [""], [".", "a"]),
    ("a", ["a"], ["A", "", "a.", ".a", "a.a"]),
    ("a*", ["a*"], ["ab", "a.b", "a"]),
    ("a.*", ["a.b", "a.", "a.*", "a.#"], ["a", "a.b.c"]),
    ("*.a", [".a", "b.a"], ["a", "b.b.a"]),
    ("#.a", ["a", "b.a", "b.c.a", ".a"], ["a.b", "ab"]),
    ("a.#", ["a", "a.b", "a.b.c", "a."], ["b.a", "ab"]),
    ("#.#", ["", "a", "a.b"], []),
    ("*.#", ["a", "a.b", "a.b.c", "."], []),
    ("#.*", ["a", "a.b", "."], []),
    ("*.*", ["a.b", "."], ["a", "a.b.c", ""]),
    ("#.a.#", ["a", "a.a", "x.a.y", "x.y.a"], ["", "b", "x.ab.y"]),
    ("a.*.#.b", ["a.x.b", "a.x.y.b", "a.b.b"], ["a.b"]),
    ("*.stock.#", ["usd.stock", "eur.stock.db"], ["stock.nasdaq", "stock"]),
    ("a..b", ["a..b"], ["a.b", "a.x.b"]),
    ("ä.*", ["ä.ö"], ["a.ö"]),
    ("x" * 255, ["x" * 255], ["x" * 254]),
]


@pytest.mark.proves("exchange.recommended-types", "topic.words")
@pytest.mark.parametrize(("pattern", "matching", "others"), TOPICS, ids=[repr(topic[0])[:20] for topic in TOPICS])
def test_vector_60_topic_matching(
    channel: Channel, names: Names, pattern: str, matching: list[str], others: list[str]
) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, "topic")
    channel.declare_queue(queue)
    channel.bind(queue, exchange, pattern)
    for key in matching + others:
        channel.publish(exchange, key, key.encode())
    channel.fence(queue)
    assert channel.drain(queue) == [key.encode() for key in matching]


@pytest.mark.proves("queue.bind.unique", "queue.unbind", "queue.unbind.routing-key", "topic.words")
def test_a_topic_queue_gets_one_copy_whatever_number_of_patterns_match(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, "topic")
    channel.declare_queue(queue)
    for pattern in ("#", "*.b", "a.*", "a.b", "a.#"):
        channel.bind(queue, exchange, pattern)
    assert _routed(channel, exchange, "a.b", queue) == [1]
    for pattern in ("#", "*.b", "a.*", "a.b"):
        channel.unbind(queue, exchange, pattern)
    assert _routed(channel, exchange, "a", queue) == [1]
    channel.unbind(queue, exchange, "a.#")
    assert _routed(channel, exchange, "a.b", queue) == [0]


# -- exchange to exchange


@pytest.mark.proves(
    "exchange-bindings.route",
    "exchange.bind",
    "exchange.bind.destination",
    "exchange.bind.source",
    "exchange.bind.routing-key",
    "exchange.unbind",
    "exchange.unbind.destination",
    "exchange.unbind.source",
    "exchange.unbind.routing-key",
)
def test_a_bound_exchange_routes_on_with_its_own_type(channel: Channel, names: Names) -> None:
    topic, direct, queue = names("t"), names("d"), names("q")
    channel.declare_exchange(topic, "topic")
    channel.declare_exchange(direct)
    channel.declare_queue(queue)
    channel.bind_exchange(direct, topic, "a.*")
    channel.bind(queue, direct, "a.b")
    assert _routed(channel, topic, "a.b", queue) == [1]
    assert _routed(channel, topic, "a.c", queue) == [0]
    channel.unbind_exchange(direct, topic, "a.*")
    assert _routed(channel, topic, "a.b", queue) == [0]


@pytest.mark.proves("exchange-bindings.cycle", "exchange.bind.cyclical")
def test_vector_70_a_cycle_of_exchanges_ends(channel: Channel, names: Names) -> None:
    one, two, queue = names("e1"), names("e2"), names("q")
    for exchange in (one, two):
        channel.declare_exchange(exchange, "fanout")
    channel.bind_exchange(two, one)
    channel.bind_exchange(one, two)
    channel.declare_queue(queue)
    channel.bind(queue, two)
    assert _routed(channel, one, "", queue) == [1]
    assert _routed(channel, two, "", queue) == [1]


@pytest.mark.proves("exchange-bindings.cycle", "exchange.bind.cyclical")
def test_an_exchange_may_be_bound_to_itself(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, "fanout")
    channel.bind_exchange(exchange, exchange)
    channel.declare_queue(queue)
    channel.bind(queue, exchange)
    assert _routed(channel, exchange, "", queue) == [1]


@pytest.mark.proves("exchange-bindings.once", "basic.get-ok.exchange")
def test_a_queue_reached_by_two_paths_gets_one_copy_from_the_first_exchange(channel: Channel, names: Names) -> None:
    source, left, right, queue = names("e"), names("l"), names("r"), names("q")
    for exchange in (source, left, right):
        channel.declare_exchange(exchange, "fanout")
    channel.declare_queue(queue)
    for exchange in (left, right):
        channel.bind_exchange(exchange, source)
        channel.bind(queue, exchange)
    channel.publish(source, "k", b"x")
    channel.fence(queue)
    delivered = channel.must_get(queue)
    assert (delivered["exchange"], delivered["routing_key"], delivered["message_count"]) == (source, "k", 0)


# -- alternate exchanges


@pytest.mark.proves("alternate-exchange.unrouted", "alternate-exchange.mandatory", "exchange.declare.arguments")
def test_vector_69_an_alternate_exchange_takes_what_has_no_route(channel: Channel, names: Names) -> None:
    exchange, alternate, queue = names("e"), names("ae"), names("q")
    channel.declare_exchange(alternate, "fanout")
    channel.declare_exchange(exchange, arguments={"alternate-exchange": alternate})
    channel.declare_queue(queue)
    channel.bind(queue, alternate)
    channel.publish(exchange, "k", b"x", mandatory=True)
    assert channel.quiet(queue) == []
    delivered = channel.must_get(queue)
    assert (delivered["exchange"], delivered["routing_key"]) == (exchange, "k")


@pytest.mark.proves("alternate-exchange.chain", "alternate-exchange.mandatory")
def test_alternate_exchanges_chain_and_may_be_missing(channel: Channel, names: Names) -> None:
    first, second, queue = names("e1"), names("e2"), names("q")
    channel.declare_exchange(first, arguments={"alternate-exchange": second})
    channel.publish(first, "k", b"lost")
    channel.publish(first, "k", b"returned", mandatory=True)
    assert channel.expect("basic.return").body == b"returned"
    channel.declare_exchange(names("e3"), "fanout")
    channel.declare_exchange(second, arguments={"alternate-exchange": names("e3")})
    channel.declare_queue(queue)
    channel.bind(queue, names("e3"))
    assert _routed(channel, first, "k", queue) == [1]


@pytest.mark.proves("alternate-exchange.chain")
def test_a_cycle_of_alternate_exchanges_ends(channel: Channel, names: Names) -> None:
    first, second = names("e1"), names("e2")
    channel.declare_exchange(first, arguments={"alternate-exchange": second})
    channel.declare_exchange(second, arguments={"alternate-exchange": first})
    channel.publish(first, "k", b"x", mandatory=True)
    assert channel.expect("basic.return")["exchange"] == first


@pytest.mark.proves("alternate-exchange.unrouted")
def test_an_exchange_destination_that_leads_nowhere_still_counts_as_a_match(channel: Channel, names: Names) -> None:
    exchange, dead_end, queue = names("e"), names("f"), names("q")
    channel.declare_exchange(dead_end)
    channel.declare_exchange(names("ae"), "fanout")
    channel.declare_exchange(exchange, "fanout", {"alternate-exchange": names("ae")})
    channel.bind_exchange(dead_end, exchange)
    channel.declare_queue(queue)
    channel.bind(queue, names("ae"))
    assert _routed(channel, exchange, "k", queue) == [0]


# -- CC and BCC


@pytest.mark.proves("sender-selected.cc", "sender-selected.bcc", "basic.properties.headers")
def test_vector_41_cc_and_bcc_are_further_routing_keys(channel: Channel, names: Names) -> None:
    a, b, c = names("a"), names("b"), names("c")
    for queue in (a, b, c):
        channel.declare_queue(queue)
    channel.publish("", a, b"x", {"headers": {"CC": [b], "BCC": [c], "other": 1}})
    channel.fence(a, b, c)
    for queue in (a, b, c):
        delivered = channel.must_get(queue)
        assert delivered["routing_key"] == a
        assert delivered.message.headers == {"CC": [b], "other": 1}
        assert delivered["message_count"] == 0


@pytest.mark.proves("sender-selected.cc", "sender-selected.bcc")
def test_cc_counts_for_every_exchange_type_and_duplicates_do_not(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, "topic")
    channel.declare_queue(queue)
    channel.bind(queue, exchange, "a.*")
    headers: Headers = {"CC": ["a.b", "a.c", "a.b"], "BCC": ["a.b"]}
    assert _routed(channel, exchange, "nowhere", queue, headers=headers) == [1]


@pytest.mark.proves("sender-selected.array")
def test_members_of_cc_that_are_no_strings_are_ignored(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    assert _routed(channel, "", "nowhere", queue, headers={"CC": [5, None, queue, {"a": 1}]}) == [1]
    assert _routed(channel, "", queue, queue, headers={"CC": [], "BCC": []}) == [1]


@pytest.mark.proves("sender-selected.array")
@pytest.mark.parametrize("header", ["CC", "BCC"])
@pytest.mark.parametrize(
    ("value", "type"), [("q", "longstr"), (5, "signedint"), ({}, "table"), (Typed("V", None), "void")]
)
@pytest.mark.proves("error.basic.publish.copies-no-array")
def test_cc_and_bcc_must_be_arrays(channel: Channel, header: str, value: Value, type: str) -> None:
    text = f'PRECONDITION_FAILED - invalid message: {{unacceptable_type_in_header,"{header}",{type}}}'
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", "nowhere", b"", {"headers": {header: value}})


@pytest.mark.proves("basic.publish.mandatory")
def test_an_unroutable_message_goes_nowhere_silently(channel: Channel) -> None:
    channel.publish("", "nowhere", b"x")
    channel.publish("amq.direct", "nowhere", b"x")
    assert channel.quiet() == []


@pytest.mark.proves(
    "basic.publish.mandatory",
    "basic.publish.mandatory.01",
    "basic.return",
    "basic.return.reply-code",
    "basic.return.reply-text",
    "basic.return.exchange",
    "basic.return.routing-key",
    "reply-code.no-route",
)
def test_mandatory_unroutable_comes_back_as_it_went(channel: Channel) -> None:
    channel.publish("", "nowhere", b"x", {"content_type": "", "priority": 3}, mandatory=True)
    returned = channel.expect("basic.return")
    assert dict(returned.fields) == {
        "reply_code": 312, "reply_text": "NO_ROUTE", "exchange": "", "routing_key": "nowhere",
    }  # fmt: skip
    assert returned.message.raw_properties == b"\x88\x00\x00\x03"
    assert returned.body == b"x"


@pytest.mark.proves("exchange-bindings.internal", "exchange.declare.internal", "basic.publish.exchange.02")
@pytest.mark.proves("error.basic.publish.internal")
def test_an_exchange_that_is_internal_takes_messages_only_from_exchanges(channel: Channel, names: Names) -> None:
    inner, outer, queue = names("i"), names("o"), names("q")
    channel.declare_exchange(inner, "fanout", internal=True)
    channel.declare_exchange(outer, "fanout")
    channel.bind_exchange(inner, outer)
    channel.declare_queue(queue)
    channel.bind(queue, inner)
    assert _routed(channel, outer, "", queue) == [1]
    text = f"ACCESS_REFUSED - cannot publish to internal exchange '{inner}' in vhost '/'"
    with channel.refused(403, text, "basic.publish"):
        channel.publish(inner, "", b"x")
