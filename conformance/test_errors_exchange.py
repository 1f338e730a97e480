"""What exchange.declare, delete, bind and unbind refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Names
    from conformance.fields import Value

proves = pytest.mark.proves


# -- declare

BEFORE_3_13 = pytest.mark.versions(before="3.13", otherwise="since 3.13 a 406 on the channel")
SINCE_3_13 = pytest.mark.versions(since="3.13", otherwise="3.10: a 503 on the connection")
NO_TYPES = {"unknown": ["nope", "Direct", "x-delayed-message"], "invalid": ["quorum", "rabbit", "ok", ""]}


@BEFORE_3_13
@pytest.mark.parametrize(
    "type",
    [
        pytest.param(word, marks=proves(f"error.exchange.declare.{kind}-type-closes-connection"))
        for kind, words in NO_TYPES.items()
        for word in words
    ],
)
@pytest.mark.parametrize("exchange", ["new", "amq.direct", ""])
def test_a_type_that_is_none(condition: Condition, channel: Channel, names: Names, exchange: str, type: str) -> None:
    with condition.closes_connection(channel.connection, type=type):
        channel.declare_exchange(names("e") if exchange == "new" else exchange, type, durable=True)


@SINCE_3_13
@pytest.mark.parametrize(
    "type",
    [
        pytest.param(word, marks=proves(f"error.exchange.declare.{kind}-type"))
        for kind, words in NO_TYPES.items()
        for word in words
    ],
)
@pytest.mark.parametrize("exchange", ["new", "amq.direct", ""])
def test_a_type_that_is_none_closes_the_channel(
    condition: Condition, channel: Channel, names: Names, exchange: str, type: str
) -> None:
    with condition.closes_channel(channel, type=type):
        channel.declare_exchange(names("e") if exchange == "new" else exchange, type, durable=True)


@proves("error.exchange.declare.default")
@pytest.mark.parametrize("passive", [False, True])
def test_the_default_exchange_cannot_be_declared(condition: Condition, channel: Channel, passive: bool) -> None:
    with condition.closes_channel(channel):
        channel.declare_exchange("", passive=passive)


@proves("error.exchange.declare.reserved")
@pytest.mark.parametrize("exchange", ["amq.mine", "amq.", "amq.\r\nmine"])
def test_reserved_names(condition: Condition, channel: Channel, exchange: str) -> None:
    with condition.closes_channel(channel, exchange=exchange.replace("\r\n", "")):
        channel.declare_exchange(exchange)


@proves("error.exchange.declare.alternate-type")
@pytest.mark.parametrize(("value", "type"), [(5, "signedint"), (True, "bool"), (None, "void"), (["x"], "array")])
def test_an_alternate_exchange_that_is_no_string(
    condition: Condition, channel: Channel, names: Names, value: Value, type: str
) -> None:
    with condition.closes_channel(channel, type=type, exchange=names("e")):
        channel.declare_exchange(names("e"), arguments={"alternate-exchange": value})


@pytest.mark.parametrize(
    ("field", "first", "then", "current", "received"),
    [
        pytest.param(*values, marks=proves(f"error.exchange.declare.other-{word}"))
        for word, *values in [
            ("type", "type", {}, {"type": "topic"}, "'direct'", "'topic'"),
            ("durable", "durable", {}, {"durable": True}, "'false'", "'true'"),
            ("durable", "durable", {"durable": True}, {}, "'true'", "'false'"),
            ("auto-delete", "auto_delete", {"auto_delete": True}, {}, "'true'", "'false'"),
            ("internal", "internal", {}, {"internal": True}, "'false'", "'true'"),
        ]
    ],
)
def test_declaring_again_differently(
    condition: Condition,
    channel: Channel,
    names: Names,
    field: str,
    first: dict[str, bool | str],
    then: dict[str, bool | str],
    current: str,
    received: str,
) -> None:
    channel.call("exchange.declare", exchange=names("e"), **{"type": "direct", **first})
    with condition.closes_channel(channel, exchange=names("e"), received=received, current=current):
        channel.call("exchange.declare", exchange=names("e"), **{"type": "direct", **then})
    assert f"'{field}'" in condition.entry.keys["reply"]


AE = "alternate-exchange"
OTHER_ALTERNATES: list[tuple[dict[str, Value], dict[str, Value], str, str]] = [
    ({AE: "one"}, {}, "the value 'one' of type 'longstr'", "none"),
    ({}, {AE: "one"}, "none", "the value 'one' of type 'longstr'"),
    ({AE: "one"}, {AE: "two"}, "'one'", "'two'"),
    ({}, {AE: 1}, "none", "the value '1' of type 'signedint'"),
]


@proves("error.exchange.declare.other-alternate")
@pytest.mark.parametrize(("first", "then", "current", "received"), OTHER_ALTERNATES)
def test_declaring_again_with_another_alternate_exchange(
    condition: Condition,
    channel: Channel,
    names: Names,
    first: dict[str, Value],
    then: dict[str, Value],
    current: str,
    received: str,
) -> None:
    channel.declare_exchange(names("e"), arguments=first)
    with condition.closes_channel(channel, exchange=names("e"), received=received, current=current):
        channel.declare_exchange(names("e"), arguments=then)


@proves("error.exchange.declare.missing")
def test_a_passive_declaration_of_nothing(condition: Condition, channel: Channel, names: Names) -> None:
    with condition.closes_channel(channel, exchange=names("e")):
        channel.declare_exchange(names("e"), "no type at all", passive=True)


# -- delete


@proves("error.exchange.delete.default")
def test_the_default_exchange_cannot_be_deleted(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel):
        channel.delete_exchange("")


@proves("error.exchange.delete.reserved")
@pytest.mark.parametrize("exchange", ["amq.fanout", "amq.rabbitmq.trace", "amq.missing"])
def test_system_exchanges_cannot_be_deleted(condition: Condition, channel: Channel, exchange: str) -> None:
    with condition.closes_channel(channel, exchange=exchange):
        channel.delete_exchange(exchange, if_unused=True)


@proves("error.exchange.delete.in-use")
@pytest.mark.parametrize("kind", ["queue", "exchange"])
def test_an_exchange_in_use(condition: Condition, channel: Channel, names: Names, kind: str) -> None:
    channel.declare_exchange(names("e"))
    channel.declare_queue(names("q"), durable=True)
    if kind == "queue":
        channel.bind(names("q"), names("e"))
    else:
        channel.bind_exchange("amq.fanout", names("e"))
    with condition.closes_channel(channel, exchange=names("e")):
        channel.delete_exchange(names("e"), if_unused=True)
    channel.delete_exchange(names("e"))


# -- bind and unbind


@pytest.mark.parametrize(
    "method",
    [pytest.param(f"exchange.{verb}", marks=proves(f"error.exchange.{verb}.default")) for verb in ("bind", "unbind")],
)
@pytest.mark.parametrize(("destination", "source"), [("", "amq.direct"), ("amq.direct", ""), ("", "missing")])
def test_the_default_exchange_cannot_be_bound(
    condition: Condition, channel: Channel, method: str, destination: str, source: str
) -> None:
    with condition.closes_channel(channel):
        channel.call(method, destination=destination, source=source)


@proves("error.exchange.bind.no-source")
@pytest.mark.parametrize("destination", ["amq.direct", "missing too"])
def test_a_source_that_is_missing(condition: Condition, channel: Channel, names: Names, destination: str) -> None:
    with condition.closes_channel(channel, exchange=names("e")):
        channel.bind_exchange(destination, names("e"))


@proves("error.exchange.bind.no-destination")
def test_a_destination_that_is_missing(condition: Condition, channel: Channel, names: Names) -> None:
    with condition.closes_channel(channel, exchange=names("e")):
        channel.bind_exchange(names("e"), "amq.direct")


@proves("error.exchange.bind.x-match-value")
@pytest.mark.parametrize(("value", "shown"), [("foo", '<<"foo">>'), ("", "<<>>")])
def test_an_x_match_that_is_none(condition: Condition, channel: Channel, value: str, shown: str) -> None:
    with condition.closes_channel(channel, value=shown):
        channel.bind_exchange("amq.direct", "amq.headers", "", {"x-match": value})


@proves("error.exchange.bind.x-match-type")
def test_an_x_match_that_is_no_string(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel, type="signedint", value=5):
        channel.bind_exchange("amq.direct", "amq.headers", "", {"x-match": 5})


@pytest.mark.versions(since="4.3", otherwise="before 4.3 a key may have any number of them")
@proves("error.exchange.bind.topic-wildcards")
def test_a_topic_key_with_three_hashes(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel, key="#.a.#.b.#", count=3, limit=2):
        channel.bind_exchange("amq.direct", "amq.topic", "#.a.#.b.#")
