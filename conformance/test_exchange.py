"""Declaring, deleting and binding exchanges: every answer and every refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value
from conformance.received import Closed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names
    from conformance.received import Received

PREDECLARED = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.topic": "topic",
    "amq.headers": "headers",
    "amq.match": "headers",
}
DEFAULT = "ACCESS_REFUSED - operation not permitted on the default exchange"


def _inequivalent(field: str, exchange: str, received: str, current: str) -> str:
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{field}' for exchange '{exchange}' in vhost '/': "
        f"received {received} but current is {current}"
    )


# -- declare


@pytest.mark.proves(
    "exchange.required-instances",
    "exchange.declare.exchange.reserved",
    "exchange.declare.durable",
    "exchanges.predeclared",
)
@pytest.mark.parametrize(("exchange", "type"), PREDECLARED.items())
def test_vector_8_predeclared_exchanges_may_be_declared_as_they_are(channel: Channel, exchange: str, type: str) -> None:
    channel.declare_exchange(exchange, type, durable=True)
    with channel.refused(406, _inequivalent("durable", exchange, "'false'", "'true'"), "exchange.declare"):
        channel.declare_exchange(exchange, type)


@pytest.mark.proves("exchanges.predeclared", "exchange.declare.internal")
def test_the_trace_exchange_is_internal(channel: Channel) -> None:
    channel.declare_exchange("amq.rabbitmq.trace", "topic", durable=True, internal=True)


@pytest.mark.proves("exchange.declare.passive")
def test_a_passive_declare_ignores_everything_but_the_name(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), "fanout")
    arguments: dict[str, Value] = {"alternate-exchange": 5}
    channel.declare_exchange(
        names("e"), "nonesuch", arguments, passive=True, durable=True, auto_delete=True, internal=True
    )


@pytest.mark.proves("exchange.declare.passive", "exchange.declare.passive.not-found")
@pytest.mark.proves("error.exchange.declare.missing")
def test_a_passive_declare_of_a_missing_exchange(channel: Channel, names: Names) -> None:
    text = f"NOT_FOUND - no exchange '{names('e')}' in vhost '/'"
    with channel.refused(404, text, "exchange.declare"):
        channel.declare_exchange(names("e"), passive=True)


LATER_TYPE = "since 3.13 channel.close 406 `PRECONDITION_FAILED - {} exchange type '...'`"


@pytest.mark.proves(
    "exchange.declare.type",
    "exchange.declare.type.support",
    "deviation.exchange.unknown-type",
    "reply-code.command-invalid",
)
@pytest.mark.versions(before="3.13", otherwise=LATER_TYPE)
@pytest.mark.parametrize("type", ["nope", "x-delayed-message", "Direct", "käse"])
@pytest.mark.proves("error.exchange.declare.unknown-type-closes-connection")
def test_vector_10_an_unknown_type_closes_the_connection(channel: Channel, names: Names, type: str) -> None:
    text = f"COMMAND_INVALID - unknown exchange type '{type}'"
    with channel.connection.refused(503, text, "exchange.declare"):
        channel.declare_exchange(names("e"), type)


@pytest.mark.proves("exchange.declare.type", "exchange.declare.type.support", "deviation.exchange.unknown-type")
@pytest.mark.versions(before="3.13", otherwise=LATER_TYPE)
@pytest.mark.proves("error.exchange.declare.unknown-type-closes-connection")
def test_an_unknown_type_is_refused_for_an_exchange_that_exists(channel: Channel) -> None:
    with channel.connection.refused(503, "COMMAND_INVALID - unknown exchange type 'nope'", "exchange.declare"):
        channel.declare_exchange("amq.direct", "nope", durable=True)


@pytest.mark.proves("exchange.declare.type", "exchange.declare.type.support", "deviation.exchange.unknown-type")
@pytest.mark.versions(before="3.13", otherwise=LATER_TYPE)
@pytest.mark.parametrize("type", ["quorum", "rabbit", "ok", ""])
@pytest.mark.proves("error.exchange.declare.invalid-type-closes-connection")
def test_a_word_the_node_knows_is_an_invalid_type(channel: Channel, names: Names, type: str) -> None:
    text = f"COMMAND_INVALID - invalid exchange type '{type}'"
    with channel.connection.refused(503, text, "exchange.declare"):
        channel.declare_exchange(names("e"), type)


@pytest.mark.proves("deviation.exchange.unknown-type")
@pytest.mark.versions(
    since="3.13", otherwise="3.10: connection.close 503 `COMMAND_INVALID - unknown exchange type 'nope'`"
)
@pytest.mark.proves("error.exchange.declare.unknown-type")
def test_vector_10_an_unknown_type_closes_the_channel(channel: Channel, names: Names) -> None:
    with channel.refused(406, "PRECONDITION_FAILED - unknown exchange type 'nope'", "exchange.declare"):
        channel.declare_exchange(names("e"), "nope")


@pytest.mark.proves("exchange.default-access")
@pytest.mark.parametrize("passive", [False, True])
@pytest.mark.proves("error.exchange.declare.default")
def test_vector_9_the_default_exchange_cannot_be_declared(channel: Channel, passive: bool) -> None:
    with channel.refused(403, DEFAULT, "exchange.declare"):
        channel.declare_exchange("", passive=passive, durable=True)


@pytest.mark.proves("exchange.declare.type.support")
def test_the_type_is_looked_at_before_the_default_exchange(channel: Channel) -> None:
    with pytest.raises(Closed, match="exchange type 'nope'"):
        channel.declare_exchange("", "nope")
    channel.connection.abort()


@pytest.mark.proves("exchange.declare.exchange.reserved")
@pytest.mark.proves("error.exchange.declare.reserved")
def test_reserved_names(channel: Channel) -> None:
    text = "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'"
    with channel.refused(403, text, "exchange.declare"):
        channel.declare_exchange("amq.mine")


ALTERNATES: list[tuple[Value, str]] = [(5, "signedint"), (True, "bool"), (Typed("l", 5), "long"), ({}, "table")]


@pytest.mark.proves("alternate-exchange.equivalence", "exchange.declare.arguments")
@pytest.mark.parametrize(("value", "tag"), ALTERNATES)
@pytest.mark.proves("error.exchange.declare.alternate-type")
def test_the_type_of_the_alternate_exchange_argument(channel: Channel, names: Names, value: Value, tag: str) -> None:
    text = f"PRECONDITION_FAILED - invalid type '{tag}' for arg 'alternate-exchange' in "
    text += f"exchange '{names('e')}' in vhost '/'"
    with channel.refused(406, text, "exchange.declare"):
        channel.declare_exchange(names("e"), arguments={"alternate-exchange": value})


@pytest.mark.proves(
    "exchange.declare.passive.equivalent",
    "exchange.declare.type.typed",
    "exchange.declare.type",
    "exchange.declare.durable",
    "exchange.declare.auto-delete",
    "exchange.declare.auto-delete.amq_exchange_25",
    "exchange.declare.internal",
)
@pytest.mark.parametrize(
    ("field", "current", "received"),
    [
        ("type", {}, {"type": "fanout"}),
        ("durable", {}, {"durable": True}),
        ("auto_delete", {}, {"auto_delete": True}),
        ("internal", {}, {"internal": True}),
        ("durable", {"durable": True}, {}),
        ("type", {"durable": True}, {"type": "topic"}),
        ("durable", {"auto_delete": True}, {"durable": True, "internal": True}),
        ("auto_delete", {"internal": True}, {"auto_delete": True}),
    ],
)
@pytest.mark.proves(
    "error.exchange.declare.other-type",
    "error.exchange.declare.other-durable",
    "error.exchange.declare.other-auto-delete",
    "error.exchange.declare.other-internal",
)
def test_vector_2_redeclaring_differently(
    channel: Channel, names: Names, field: str, current: dict[str, str | bool], received: dict[str, str | bool]
) -> None:
    """The first difference in the order type, durable, auto_delete, internal is named."""
    exchange = names("e")

    def declare(**given: str | bool) -> Received:
        return channel.call("exchange.declare", exchange=exchange, **{"type": "direct", **given})

    def shown(given: dict[str, str | bool]) -> str:
        return f"'{str(given.get(field, 'direct' if field == 'type' else False)).lower()}'"

    declare(**current)
    with channel.refused(406, _inequivalent(field, exchange, shown(received), shown(current)), "exchange.declare"):
        declare(**received)


@pytest.mark.proves(
    "alternate-exchange.equivalence", "exchange.declare.passive.equivalent", "exchange.declare.arguments"
)
@pytest.mark.parametrize(
    ("current", "received", "shown", "was"),
    [
        ({"alternate-exchange": "ae"}, {}, "none", "the value 'ae' of type 'longstr'"),
        ({}, {"alternate-exchange": "ae"}, "the value 'ae' of type 'longstr'", "none"),
        ({"alternate-exchange": "ae"}, {"alternate-exchange": "ae2"}, "'ae2'", "'ae'"),
        ({"alternate-exchange": "5"}, {"alternate-exchange": 5}, "'5'", "'5'"),
        ({}, {"alternate-exchange": 5}, "the value '5' of type 'signedint'", "none"),
    ],
)
@pytest.mark.proves("error.exchange.declare.other-alternate")
def test_redeclaring_with_another_alternate_exchange(
    channel: Channel, names: Names, current: dict[str, Value], received: dict[str, Value], shown: str, was: str
) -> None:
    exchange = names("e")
    channel.declare_exchange(exchange, arguments=current)
    with channel.refused(406, _inequivalent("alternate-exchange", exchange, shown, was), "exchange.declare"):
        channel.declare_exchange(exchange, arguments=received)


@pytest.mark.proves("exchange.declare.passive.equivalent")
def test_other_arguments_are_not_compared(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), arguments={"x-foo": 1})
    channel.declare_exchange(names("e"), arguments={"x-foo": "two", "x-bar": None})


# -- delete


@pytest.mark.proves("exchange.delete.exchange.exists", "deviation.exchange.delete-missing", "exchanges.idempotent")
def test_vector_11_deleting_a_missing_exchange(channel: Channel, names: Names) -> None:
    channel.delete_exchange(names("e"))
    channel.delete_exchange(names("e"), if_unused=True)


@pytest.mark.proves("exchange.default-access")
@pytest.mark.proves("error.exchange.delete.default")
def test_the_default_exchange_cannot_be_deleted(channel: Channel) -> None:
    with channel.refused(403, DEFAULT, "exchange.delete"):
        channel.delete_exchange("")


@pytest.mark.proves("exchanges.protected")
@pytest.mark.parametrize("exchange", ["amq.topic", "amq.missing"])
@pytest.mark.proves("error.exchange.delete.reserved")
def test_system_exchanges_cannot_be_deleted(channel: Channel, exchange: str) -> None:
    text = f"ACCESS_REFUSED - deletion of system exchange '{exchange}' in vhost '/' not allowed"
    with channel.refused(403, text, "exchange.delete"):
        channel.delete_exchange(exchange)


@pytest.mark.proves("exchange.delete", "exchange.delete.if-unused", "exchange.delete.if-unused.in-use")
@pytest.mark.proves("error.exchange.delete.in-use")
def test_vector_46_an_exchange_with_bindings_is_in_use(channel: Channel, names: Names) -> None:
    exchange, other = names("e"), names("f")
    channel.declare_exchange(exchange)
    channel.declare_exchange(other)
    channel.bind_exchange(other, exchange)
    text = f"PRECONDITION_FAILED - exchange '{exchange}' in vhost '/' in use"
    with channel.refused(406, text, "exchange.delete"):
        channel.delete_exchange(exchange, if_unused=True)
    channel.open().delete_exchange(other, if_unused=True)
    channel.delete_exchange(exchange, if_unused=True)


# -- bind and unbind exchanges


@pytest.mark.proves(
    "exchange.default-access",
    "exchange.bind.destination.default-exchange",
    "exchange.bind.source.default-exchange",
    "exchange.unbind.destination.default-exchange",
    "exchange.unbind.source.default-exchange",
    "exchange.unbind.01",
)
@pytest.mark.parametrize("method", ["exchange.bind", "exchange.unbind"])
@pytest.mark.parametrize(("destination", "source"), [("", "amq.direct"), ("amq.direct", ""), ("", "")])
@pytest.mark.proves("error.exchange.bind.default", "error.exchange.unbind.default")
def test_the_default_exchange_cannot_be_bound(channel: Channel, method: str, destination: str, source: str) -> None:
    with channel.refused(403, DEFAULT, method):
        channel.call(method, destination=destination, source=source)


@pytest.mark.proves(
    "exchange.bind.destination.exchange-existence",
    "exchange.bind.source.exchange-existence",
    "exchange.bind.destination",
    "exchange.bind.source",
)
@pytest.mark.proves("error.exchange.bind.no-source", "error.exchange.bind.no-destination")
def test_binding_missing_exchanges(channel: Channel, names: Names) -> None:
    """The source is reported first."""
    none, other = names("none"), names("other")
    for destination, source, missing in [("amq.direct", none, none), (none, "amq.direct", none), (other, none, none)]:
        text = f"NOT_FOUND - no exchange '{missing}' in vhost '/'"
        with channel.refused(404, text, "exchange.bind"):
            channel.bind_exchange(destination, source)
        channel.open()


@pytest.mark.proves(
    "exchange.unbind.destination.must-exist", "exchange.unbind.source.must-exist", "exchanges.idempotent"
)
def test_unbinding_what_is_not_there(channel: Channel, names: Names) -> None:
    channel.unbind_exchange("amq.direct", "amq.topic", names("k"))
    channel.unbind_exchange(names("none"), "amq.topic")
    channel.unbind_exchange("amq.direct", names("none"))


@pytest.mark.proves("exchange.unbind", "exchange.unbind-ok")
def test_unbind_ok_is_method_51(channel: Channel) -> None:
    assert channel.unbind_exchange("amq.direct", "amq.topic").payload == b"\0\x28\0\x33"


# -- auto-delete


@pytest.mark.proves("exchange.declare.auto-delete", "exchange.declare.auto-delete.amq_exchange_02")
def test_vector_48_an_auto_delete_exchange_goes_with_its_last_binding(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, auto_delete=True)
    channel.declare_queue(queue)
    channel.bind(queue, exchange, "a")
    channel.bind(queue, exchange, "b")
    channel.unbind(queue, exchange, "a")
    channel.declare_exchange(exchange, passive=True)
    channel.unbind(queue, exchange, "b")
    with channel.refused(404, f"NOT_FOUND - no exchange '{exchange}' in vhost '/'", "exchange.declare"):
        channel.declare_exchange(exchange, passive=True)


@pytest.mark.proves("exchange.declare.auto-delete.amq_exchange_02")
def test_vector_48_an_auto_delete_exchange_never_bound_stays(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), auto_delete=True)
    channel.unbind_exchange("amq.direct", names("e"))
    channel.declare_exchange(names("e"), passive=True)


@pytest.mark.proves("exchange-bindings.auto-delete")
def test_being_bound_to_another_exchange_does_not_keep_an_auto_delete_exchange(channel: Channel, names: Names) -> None:
    exchange, queue = names("e"), names("q")
    channel.declare_exchange(exchange, auto_delete=True)
    channel.bind_exchange(exchange, "amq.fanout")
    channel.declare_queue(queue)
    channel.bind(queue, exchange)
    channel.delete_queue(queue)
    with channel.refused(404, f"NOT_FOUND - no exchange '{exchange}' in vhost '/'", "exchange.declare"):
        channel.declare_exchange(exchange, passive=True)


@pytest.mark.proves("exchange-bindings.auto-delete")
def test_auto_delete_exchanges_go_in_a_chain(channel: Channel, names: Names) -> None:
    first, second, queue = names("e1"), names("e2"), names("q")
    channel.declare_exchange(first, auto_delete=True)
    channel.declare_exchange(second, auto_delete=True)
    channel.declare_queue(queue)
    channel.bind_exchange(second, first)
    channel.bind(queue, second)
    channel.delete_queue(queue)
    with channel.refused(404, f"NOT_FOUND - no exchange '{first}' in vhost '/'", "exchange.declare"):
        channel.declare_exchange(first, passive=True)


@pytest.mark.proves("exchange-bindings.auto-delete")
def test_deleting_an_exchange_ends_the_auto_delete_exchange_that_fed_it(channel: Channel, names: Names) -> None:
    source, destination = names("e1"), names("e2")
    channel.declare_exchange(source, auto_delete=True)
    channel.declare_exchange(destination)
    channel.bind_exchange(destination, source)
    channel.delete_exchange(destination)
    with channel.refused(404, f"NOT_FOUND - no exchange '{source}' in vhost '/'", "exchange.declare"):
        channel.declare_exchange(source, passive=True)
