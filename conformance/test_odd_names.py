"""Names of every kind: they work, and the texts of refusals quote them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import LETTERED, ODD_USER, ODD_VHOST
from conformance.denials import denial
from conformance.fields import Typed
from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.fields import Value
    from conformance.targets import Target

ODD = {
    "umlauts": "käse-größe", "cjk": "日本語", "emoji": "🐰🇩🇪", "right-to-left": "שלום", "combining": "e\u0301",
    "brackets": "a[b]{c}(d)<e>", "erlang": "<<1,2>> #{a => b} 'atom'", "quotes": "it's \"so\"",
    "format": "~p ~s %s %d {}",
    "blanks": " a  b ", "tab": "a\tb", "backslash": "a\\nb", "slash": "/a//b/", "wildcards": "a.*.#.b", "nul": "a\0b",
    "delete": "a\x7fb", "bell": "\x07", "c1": "a\x85b", "bom": "\ufeffa", "noncharacter": "a\uffff",
    "separator": "a\u2028b",
    "percent": "%00%2F", "dots": "a...b", "colon": "a:b;c,d", "long": "ä" * 50,
}  # fmt: skip
"""Line breaks are another matter: they are taken out of names (test_channel.py)."""


each_odd = pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())


@each_odd
@pytest.mark.proves("beyond.odd-names.work")
def test_a_message_takes_its_way_through_odd_names(channel: Channel, names: Names, odd: str) -> None:
    queue, exchange, other = names(f"q{odd}"), names(f"e{odd}"), names(f"f{odd}")
    assert channel.declare_queue(queue)["queue"] == queue
    channel.declare_exchange(exchange)
    channel.declare_exchange(other, "fanout")
    channel.bind_exchange(other, exchange, odd)
    channel.bind(queue, other, odd)
    assert channel.consume(queue, odd)
    channel.publish(exchange, odd, b"x", {"correlation_id": odd, "message_id": odd, "headers": {odd[:80]: odd}})
    delivery = channel.expect("basic.deliver")
    assert (delivery["consumer_tag"], delivery["exchange"], delivery["routing_key"]) == (odd, exchange, odd)
    assert delivery.message.headers == {odd[:80]: odd}
    assert (delivery.message.properties["correlation_id"], delivery.message.properties["message_id"]) == (odd, odd)
    assert channel.cancel(odd)["consumer_tag"] == odd
    channel.unbind_exchange(other, exchange, odd)
    channel.publish(exchange, odd, b"y", mandatory=True)
    returned = channel.expect("basic.return")
    assert (returned["exchange"], returned["routing_key"]) == (exchange, odd)
    assert (channel.delete_queue(queue), channel.purge(channel.declare_queue(queue)["queue"])) == (0, 0)


INEQUIVALENT = "PRECONDITION_FAILED - inequivalent arg"
INVALID = "PRECONDITION_FAILED - invalid arg"


def _cut(text: str) -> str:
    """Return a reply text as it is sent: with more than 255 octets it is cut and ends in three dots."""
    octets = text.encode()
    return text if len(octets) <= 255 else (octets[:252] + b"...").decode("utf-8", "surrogateescape")


@each_odd
@pytest.mark.proves("beyond.odd-names.refusals")
def test_refusals_quote_odd_names(channel: Channel, names: Names, odd: str) -> None:
    queue, exchange = names(odd), names(f"e{odd}")
    channel.declare_queue(queue, {"x-max-length": 5})
    channel.declare_exchange(exchange)
    channel.consume(queue, "t", exclusive=True)
    refusals: list[tuple[int, str, str, dict[str, object]]] = [
        (404, f"NOT_FOUND - no queue '{odd}' in vhost '/'", "basic.get", {"queue": odd}),
        (404, f"NOT_FOUND - no queue '{odd}' in vhost '/'", "queue.purge", {"queue": odd}),
        (404, f"NOT_FOUND - no exchange '{odd}' in vhost '/'", "exchange.declare", {"exchange": odd, "passive": True}),
        (404, f"NOT_FOUND - no exchange '{odd}' in vhost '/'", "queue.bind", {"queue": queue, "exchange": odd}),
        (
            403,
            f"ACCESS_REFUSED - queue name 'amq.{odd}' contains reserved prefix 'amq.*'",
            "queue.declare",
            {"queue": f"amq.{odd}"},
        ),
        (
            406,
            f"{INEQUIVALENT} 'durable' for queue '{queue}' in vhost '/': received 'true' but current is 'false'",
            "queue.declare",
            {"queue": queue, "durable": True, "arguments": {"x-max-length": 5}},
        ),
        (
            406,
            f"{INEQUIVALENT} 'type' for exchange '{exchange}' in vhost '/': received 'fanout' but current is 'direct'",
            "exchange.declare",
            {"exchange": exchange, "type": "fanout"},
        ),
    ]
    for code, text, method, fields in refusals:
        with channel.refused(code, _cut(text), method):
            channel.send(method, **fields)
        channel.open()
        if channel.counts(queue)[1] == 0:
            channel.consume(queue, "t", exclusive=True)
    other = channel.connection.channel(2)
    with other.refused(403, _cut(f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"), "basic.consume"):
        other.consume(queue)


@each_odd
@pytest.mark.proves("beyond.odd-names.arguments")
def test_refusals_quote_odd_values_of_arguments(channel: Channel, names: Names, odd: str) -> None:
    exchange = names("e")
    channel.declare_exchange(exchange, arguments={"alternate-exchange": odd})
    text = (
        f"{INEQUIVALENT} 'alternate-exchange' for exchange '{exchange}' in vhost '/': "
        f"received 'other' but current is '{odd}'"
    )
    with channel.refused(406, _cut(text), "exchange.declare"):
        channel.declare_exchange(exchange, arguments={"alternate-exchange": "other"})
    channel.open()
    text = (
        f"{INEQUIVALENT} 'alternate-exchange' for exchange '{exchange}' in vhost '/': "
        f"received none but current is the value '{odd}' of type 'longstr'"
    )
    with channel.refused(406, _cut(text), "exchange.declare"):
        channel.declare_exchange(exchange)


@each_odd
@pytest.mark.proves("beyond.odd-names.consumer-tags")
def test_a_refusal_quotes_an_odd_consumer_tag(channel: Channel, names: Names, odd: str) -> None:
    channel.declare_queue(names("q"))
    channel.consume(names("q"), odd)
    text = _cut(f"NOT_ALLOWED - attempt to reuse consumer tag '{odd}'")
    with channel.connection.refused(530, text, "basic.consume"):
        channel.consume(names("q"), odd)


@each_odd
@pytest.mark.proves("beyond.odd-names.exchange-types")
def test_a_refusal_quotes_an_odd_exchange_type(target: Target, channel: Channel, odd: str) -> None:
    text = f"unknown exchange type '{odd}'"
    if target.version < (3, 13):
        refused = channel.connection.refused(503, _cut(f"COMMAND_INVALID - {text}"), "exchange.declare")
    else:
        refused = channel.refused(406, _cut(f"PRECONDITION_FAILED - {text}"), "exchange.declare")
    with refused:
        channel.declare_exchange("e", odd)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("nope", 'value <<"nope">>; expected all, any, all-with-x, or any-with-x'),
        ("käse", 'value <<"käse">>; expected all, any, all-with-x, or any-with-x'),
        ("日", "value <<230,151,165>>; expected all, any, all-with-x, or any-with-x"),
        ('a"\\\t', 'value <<"a\\"\\\\\\t">>; expected all, any, all-with-x, or any-with-x'),
        ("", "value <<>>; expected all, any, all-with-x, or any-with-x"),
        (Typed("x", b"all"), 'type binary (value <<"all">>); expected longstr'),
        (Typed("x", b"\0\1"), "type binary (value <<0,1>>); expected longstr"),
        ({"ä": [None]}, 'type table (value [{<<"ä">>,array,[{void,undefined}]}]); expected longstr'),
    ],
)
@pytest.mark.proves("beyond.odd-names.x-match")
def test_a_refusal_shows_x_match_as_an_erlang_term(channel: Channel, names: Names, value: Value, shown: str) -> None:
    channel.declare_queue(names("q"))
    with channel.refused(406, f"PRECONDITION_FAILED - Invalid x-match field {shown}", "queue.bind"):
        channel.bind(names("q"), "amq.headers", "", {"x-match": value})


@each_odd
@pytest.mark.proves("beyond.odd-names.missing-vhost")
def test_a_refusal_quotes_the_odd_name_of_a_missing_virtual_host(dial: Connect, odd: str) -> None:
    connection = dial()
    with connection.refused(530, _cut(f"NOT_ALLOWED - vhost {odd} not found"), "connection.open"):
        connection.handshake(virtual_host=odd)


# -- a virtual host and a user with odd names


@pytest.mark.proves("beyond.odd-names.vhost")
def test_refusals_quote_the_odd_name_of_their_virtual_host(connect_as: Connect) -> None:
    connection = connect_as("guest", virtual_host=ODD_VHOST)
    channel, other = connection.channel(), connect_as("guest", virtual_host=ODD_VHOST).channel()
    queue = channel.declare_queue("", exclusive=True)["queue"]
    channel.fill(queue, b"x")
    refusals: list[tuple[int, str, str, dict[str, object]]] = [
        (404, f"NOT_FOUND - no queue 'q' in vhost '{ODD_VHOST}'", "basic.get", {"queue": "q"}),
        (404, f"NOT_FOUND - no exchange 'e' in vhost '{ODD_VHOST}'", "queue.bind", {"queue": queue, "exchange": "e"}),
        (
            406,
            f"PRECONDITION_FAILED - queue '{queue}' in vhost '{ODD_VHOST}' not empty",
            "queue.delete",
            {"queue": queue, "if_empty": True},
        ),
        (
            403,
            f"ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '{ODD_VHOST}' not allowed",
            "exchange.delete",
            {"exchange": "amq.topic"},
        ),
        (
            406,
            f"{INVALID} 'x-max-length' for queue 'q' in vhost '{ODD_VHOST}': {{value_negative,-1}}",
            "queue.declare",
            {"queue": "q", "arguments": {"x-max-length": Typed("l", -1)}},
        ),
    ]
    for code, text, method, fields in refusals:
        with channel.refused(code, _cut(text), method):
            channel.send(method, **fields)
        channel.open()
    text = (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '{ODD_VHOST}'. It could "
        "be originally declared on another connection or the exclusive property value does not match that of the "
        "original declaration."
    )
    with other.refused(405, _cut(text), "basic.get"):
        other.get(queue)


@each_odd
@pytest.mark.proves("beyond.odd-names.user")
def test_denials_quote_odd_users_and_virtual_hosts(target: Target, connect_as: Connect, odd: str) -> None:
    one, two = connect_as(ODD_USER).channel(), connect_as(LETTERED, virtual_host=ODD_VHOST).channel()
    with one.refused(403, _cut(denial(target, "c", f"queue '{odd}'", ODD_USER)), "queue.declare"):
        one.declare_queue(odd)
    with two.refused(403, _cut(denial(target, "c", f"exchange '{odd}'", LETTERED, ODD_VHOST)), "exchange.declare"):
        two.declare_exchange(odd)


@pytest.mark.parametrize("length", range(222, 246))
@pytest.mark.proves("beyond.odd-names.cut")
def test_a_long_text_is_cut_at_255_octets_wherever_that_is(channel: Channel, length: int) -> None:
    """Within a character RabbitMQ leaves a part of it, amqpd nothing."""
    name = "x" * (length % 3) + "日" * (length // 3)
    whole = f"NOT_FOUND - no queue '{name}' in vhost '/'".encode()
    with pytest.raises(ChannelClosed) as caught:
        channel.declare_queue(name, passive=True)
    text = caught.value.refusal.text.encode("utf-8", "surrogateescape")
    if len(whole) <= 255:
        assert text == whole
    else:
        assert text.endswith(b"...")
        assert whole.startswith(text[:-3])
        assert 253 <= len(text) <= 255
