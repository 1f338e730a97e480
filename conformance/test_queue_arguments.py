"""x-arguments of queue.declare: which values are refused, in which words, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

Arguments = dict[str, Value]
CLASSIC, QUORUM, STREAM = "classic", "quorum", "stream"
TOO_LARGE = 315360000001
REFUSALS = {CLASSIC: "arguments.other-type", QUORUM: "quorum.refusals", STREAM: "stream.refusals"}
REPLICATED_TYPES = [pytest.param(each, marks=pytest.mark.proves(REFUSALS[each])) for each in (QUORUM, STREAM)]


def _refused(channel: Channel, names: Names, key: str, reason: str, arguments: Arguments, **bits: bool) -> None:
    queue = names("q")
    text = f"PRECONDITION_FAILED - invalid arg '{key}' for queue '{queue}' in vhost '/'{reason}"
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, arguments, **bits)
    with channel.open().refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "queue.declare"):
        channel.declare_queue(queue, passive=True)


EXPECTED_INTEGER: list[tuple[str, Value, str]] = [
    ("S", "1", "longstr"), ("t", True, "bool"), ("d", 1.5, "double"), ("f", Typed("f", 1.0), "float"),
    ("V", None, "void"), ("T", Typed("T", 5), "timestamp"), ("D", Typed("D", [0, 5]), "decimal"), ("F", {}, "table"),
    ("A", [], "array"), ("x", Typed("x", b"1"), "binary"),
]  # fmt: skip


@pytest.mark.proves("arguments.checked", "queue.declare.arguments")
@pytest.mark.parametrize(
    ("value", "type"),
    [pytest.param(value, name, marks=pytest.mark.proves(f"table.{tag}")) for tag, value, name in EXPECTED_INTEGER],
)
@pytest.mark.proves("error.queue.declare.not-an-integer")
def test_an_integer_is_expected(channel: Channel, names: Names, value: Value, type: str) -> None:
    _refused(channel, names, "x-message-ttl", f': "expected integer, got {type}"', {"x-message-ttl": value})


INTEGER_ARGUMENTS = [
    "x-message-ttl",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-queue-version",
]


@pytest.mark.proves("arguments.checked")
@pytest.mark.parametrize("key", INTEGER_ARGUMENTS)
@pytest.mark.proves("error.queue.declare.not-an-integer")
def test_a_string_is_no_integer(channel: Channel, names: Names, key: str) -> None:
    _refused(channel, names, key, ': "expected integer, got longstr"', {key: "5"})


WRONG_VALUES: list[tuple[str, Value, str]] = [
    ("x-message-ttl", -1, "{value_negative,-1}"),
    ("x-message-ttl", TOO_LARGE, f"{{value_too_large,{TOO_LARGE}}}"),
    ("x-expires", -1, "{value_negative,-1}"),
    ("x-expires", 0, "{value_zero,0}"),
    ("x-expires", TOO_LARGE, f"{{value_too_large,{TOO_LARGE}}}"),
    ("x-max-length", -1, "{value_negative,-1}"),
    ("x-max-length-bytes", -5, "{value_negative,-5}"),
    ("x-max-priority", -1, "{value_negative,-1}"),
    ("x-max-priority", 256, "{max_value_exceeded,256}"),
    ("x-overflow", "foo", "invalid_overflow"),
    ("x-overflow", 5, "{unacceptable_type,signedint}"),
    ("x-queue-type", "foo", "\"unsupported queue type 'foo'\""),
    ("x-queue-type", 5, "{unacceptable_type,signedint}"),
    ("x-dead-letter-routing-key", "k", "routing_key_but_no_dlx_defined"),
    ("x-dead-letter-routing-key", 5, "{unacceptable_type,signedint}"),
    ("x-single-active-consumer", "true", "{unacceptable_type,longstr}"),
    ("x-single-active-consumer", 1, "{unacceptable_type,signedint}"),
]


@pytest.mark.proves("arguments.checked")
@pytest.mark.parametrize(("key", "value", "reason"), WRONG_VALUES)
@pytest.mark.proves(
    "error.queue.declare.negative",
    "error.queue.declare.zero",
    "error.queue.declare.too-large",
    "error.queue.declare.over-the-maximum",
    "error.queue.declare.wrong-type",
    "error.queue.declare.unknown-overflow",
    "error.queue.declare.unknown-type",
    "error.queue.declare.key-without-dlx",
)
def test_a_wrong_value_is_refused(channel: Channel, names: Names, key: str, value: Value, reason: str) -> None:
    _refused(channel, names, key, f": {reason}", {key: value})


ON_3_10: list[tuple[str, Value, str]] = [
    ("x-queue-mode", "foo", "\"unsupported queue mode 'foo'\""),
    ("x-queue-mode", 5, "{unacceptable_type,signedint}"),
    ("x-queue-version", 3, "\"unsupported queue version '3'\""),
    ("x-queue-version", 0, "\"unsupported queue version '0'\""),
]


@pytest.mark.proves("arguments.checked")
@pytest.mark.versions(before="4.3", otherwise="since 4.3 any x-queue-mode is accepted, and of x-queue-version only 2")
@pytest.mark.parametrize(("key", "value", "reason"), ON_3_10)
@pytest.mark.proves("error.queue.declare.unknown-mode", "error.queue.declare.unknown-version")
def test_queue_modes_and_versions(channel: Channel, names: Names, key: str, value: Value, reason: str) -> None:
    _refused(channel, names, key, f": {reason}", {key: value})


@pytest.mark.proves("arguments.checked")
@pytest.mark.parametrize(
    ("value", "type"), [(5, "signedint"), (True, "bool"), (None, "void"), ([], "array"), (Typed("l", 1), "long")]
)
@pytest.mark.parametrize("queue_type", [None, QUORUM, STREAM])
@pytest.mark.proves("error.queue.declare.dlx-type")
def test_the_dead_letter_exchange_must_be_a_string(
    channel: Channel, names: Names, value: Value, type: str, queue_type: str | None
) -> None:
    queue = names("q")
    arguments: Arguments = {"x-dead-letter-exchange": value}
    if queue_type:
        arguments["x-queue-type"] = queue_type
    text = (
        f"PRECONDITION_FAILED - invalid type '{type}' for arg 'x-dead-letter-exchange' in queue '{queue}' in vhost '/'"
    )
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, arguments, durable=True)


OF_OTHER_TYPES = [
    (CLASSIC, "x-delivery-limit"), (CLASSIC, "x-quorum-initial-group-size"), (CLASSIC, "x-dead-letter-strategy"),
    (CLASSIC, "x-max-in-memory-length"), (CLASSIC, "x-max-in-memory-bytes"), (CLASSIC, "x-max-age"),
    (CLASSIC, "x-stream-max-segment-size-bytes"), (CLASSIC, "x-initial-cluster-size"),
    (CLASSIC, "x-queue-leader-locator"),
    (QUORUM, "x-max-priority"), (QUORUM, "x-queue-mode"), (QUORUM, "x-max-age"), (QUORUM, "x-initial-cluster-size"),
    (STREAM, "x-message-ttl"), (STREAM, "x-expires"), (STREAM, "x-max-length"), (STREAM, "x-overflow"),
    (STREAM, "x-max-priority"), (STREAM, "x-single-active-consumer"), (STREAM, "x-delivery-limit"),
]  # fmt: skip
LEGAL: Arguments = {
    "x-dead-letter-strategy": "at-most-once",
    "x-max-age": "1D",
    "x-queue-leader-locator": "client-local",
    "x-queue-mode": "lazy",
    "x-overflow": "drop-head",
    "x-single-active-consumer": True,
}


@pytest.mark.versions(before="4.0", otherwise="since 4.0 x-queue-leader-locator is an argument of classic queues too")
@pytest.mark.parametrize(
    ("queue_type", "key"),
    [pytest.param(each, key, marks=pytest.mark.proves(REFUSALS[each])) for each, key in OF_OTHER_TYPES],
)
@pytest.mark.proves("error.queue.declare.argument-of-another-type")
def test_an_argument_of_another_queue_type_is_refused(
    channel: Channel, names: Names, queue_type: str, key: str
) -> None:
    arguments: Arguments = {"x-queue-type": queue_type, key: LEGAL.get(key, 1)}
    _refused(channel, names, key, f" of queue type rabbit_{queue_type}_queue", arguments, durable=True)


MASTER_LOCATOR = pytest.mark.versions(before="4.3", otherwise="541 on the connection: the feature is deprecated")


@pytest.mark.proves("arguments.checked")
@pytest.mark.versions(before="4.0", otherwise="since 4.0 any is taken; since 4.3 none is")
@pytest.mark.parametrize("value", ["nonesuch", 5])
@pytest.mark.proves("error.queue.declare.unknown-master-locator")
def test_an_unknown_master_locator_is_an_internal_error(channel: Channel, names: Names, value: Value) -> None:
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.declare_queue(names("q"), {"x-queue-master-locator": value})


@pytest.mark.proves("arguments.checked")
@MASTER_LOCATOR
@pytest.mark.parametrize("value", ["client-local", "min-masters", "random"])
def test_master_locators(channel: Channel, names: Names, value: str) -> None:
    channel.declare_queue(names("q"), {"x-queue-master-locator": value})


@pytest.mark.proves("stream.refusals")
@pytest.mark.versions(before="4.2", otherwise="later versions refuse it like any wrong x-max-age")
@pytest.mark.parametrize("age", ["abc", "-1D"])
@pytest.mark.proves("error.queue.declare.unreadable-age")
def test_an_age_that_starts_without_a_digit_is_an_internal_error(channel: Channel, names: Names, age: str) -> None:
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.declare_queue(names("q"), {"x-queue-type": STREAM, "x-max-age": age}, durable=True)


UNTIL_4_2_ANYTHING = pytest.mark.versions(before="4.3", otherwise="since 4.3 it is an argument of quorum queues alone")
ACCEPTED = [
    {"x-message-ttl": 0},
    {"x-message-ttl": TOO_LARGE - 1},
    {"x-expires": TOO_LARGE - 1},
    {"x-max-length": 0},
    {"x-max-length-bytes": Typed("l", 2**62)},
    {"x-max-priority": 0},
    {"x-max-priority": 255},
    {"x-overflow": "reject-publish-dlx"},
    {"x-dead-letter-exchange": ""},
    {"x-dead-letter-exchange": "does-not-exist-yet", "x-dead-letter-routing-key": ""},
    {"x-queue-mode": "default"},
    {"x-queue-version": 2},
    {"x-queue-type": "classic"},
    pytest.param({"x-consumer-timeout": 5000}, marks=UNTIL_4_2_ANYTHING),
    {"x-match": "all", "anything": [1, {"a": None}]},
]


@pytest.mark.proves("arguments.checked", "arguments.unknown", "arguments.equivalence")
@pytest.mark.parametrize("arguments", ACCEPTED)
def test_accepted_arguments(channel: Channel, names: Names, arguments: Arguments) -> None:
    channel.declare_queue(names("q"), arguments)
    channel.declare_queue(names("q"), arguments)


@pytest.mark.proves("arguments.integers")
def test_every_integer_wire_type_is_an_integer(channel: Channel, names: Names) -> None:
    for tag in "bBsuIilL":
        channel.declare_queue(names(tag), {"x-message-ttl": Typed(tag, 100)})


@pytest.mark.versions(before="4.3", otherwise="since 4.3 any x-queue-mode is accepted")
@pytest.mark.proves("arguments.checked")
def test_arguments_are_checked_in_a_fixed_order(channel: Channel, names: Names) -> None:
    """Not in the order sent: each of these is wrong, and the first of the remaining ones is named."""
    wrong: list[tuple[str, Value, str]] = [
        ("x-expires", 0, ": {value_zero,0}"),
        ("x-message-ttl", -1, ": {value_negative,-1}"),
        ("x-dead-letter-routing-key", "k", ": routing_key_but_no_dlx_defined"),
        ("x-max-length", -1, ": {value_negative,-1}"),
        ("x-max-length-bytes", -1, ": {value_negative,-1}"),
        ("x-max-priority", 256, ": {max_value_exceeded,256}"),
        ("x-overflow", "foo", ": invalid_overflow"),
        ("x-queue-mode", "foo", ": \"unsupported queue mode 'foo'\""),
        ("x-single-active-consumer", 1, ": {unacceptable_type,signedint}"),
        ("x-delivery-limit", 1, " of queue type rabbit_classic_queue"),
    ]
    while wrong:
        key, _, reason = wrong[0]
        _refused(channel, names, key, reason, {key: value for key, value, _ in reversed(wrong)})
        channel.open()
        del wrong[0]


@pytest.mark.proves("arguments.checked")
def test_the_queue_type_is_checked_before_the_values(channel: Channel, names: Names) -> None:
    arguments: Arguments = {"x-expires": 0, "x-queue-type": "foo"}
    _refused(channel, names, "x-queue-type", ": \"unsupported queue type 'foo'\"", arguments)


@pytest.mark.parametrize(
    ("bits", "property"),
    [
        ({"durable": True, "auto_delete": True}, "auto-delete"),
        ({"exclusive": True, "auto_delete": True}, "auto-delete"),
        ({"durable": True, "exclusive": True}, "exclusive-owner"),
        ({"exclusive": True}, "exclusive-owner"),
        ({}, "non-durable"),
    ],
)
@pytest.mark.parametrize("queue_type", REPLICATED_TYPES)
@pytest.mark.proves(
    "error.queue.declare.auto-delete-unsupported",
    "error.queue.declare.exclusive-unsupported",
    "error.queue.declare.non-durable-unsupported",
)
def test_properties_a_replicated_queue_cannot_have(
    channel: Channel, names: Names, queue_type: str, bits: dict[str, bool], property: str
) -> None:
    queue = names("q")
    text = f"PRECONDITION_FAILED - invalid property '{property}' for queue '{queue}' in vhost '/'"
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {"x-queue-type": queue_type}, **bits)


@pytest.mark.parametrize("queue_type", REPLICATED_TYPES)
@pytest.mark.proves("error.queue.declare.server-named-replicated")
def test_only_classic_queues_are_server_named(channel: Channel, queue_type: str) -> None:
    text = f"PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_{queue_type}_queue"
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue("", {"x-queue-type": queue_type}, durable=True)


REPLICATED: list[tuple[str, str, Value, str]] = [
    (QUORUM, "x-dead-letter-strategy", "foo", "invalid_dlx_strategy"),
    (QUORUM, "x-dead-letter-strategy", 5, "{unacceptable_type,signedint}"),
    (QUORUM, "x-quorum-initial-group-size", 0, "{value_zero,0}"),
    (QUORUM, "x-max-in-memory-length", -1, "{value_negative,-1}"),
    (QUORUM, "x-queue-leader-locator", "foo", "invalid_queue_locator_arg"),
    (QUORUM, "x-queue-leader-locator", 5, "{unacceptable_type,signedint}"),
    (STREAM, "x-max-age", 5, "{unacceptable_type,signedint}"),
    (STREAM, "x-max-age", "5x", "invalid_max_age"),
    (STREAM, "x-max-age", "0D", "invalid_max_age"),
    (STREAM, "x-initial-cluster-size", 0, "{value_zero,0}"),
    (STREAM, "x-stream-max-segment-size-bytes", -1, "{value_negative,-1}"),
]


@pytest.mark.parametrize(
    ("queue_type", "key", "value", "reason"),
    [pytest.param(*each, marks=pytest.mark.proves(REFUSALS[each[0]])) for each in REPLICATED],
)
@pytest.mark.proves(
    "error.queue.declare.unknown-strategy",
    "error.queue.declare.unknown-locator",
    "error.queue.declare.unknown-age",
)
def test_wrong_values_for_replicated_queues(
    channel: Channel, names: Names, queue_type: str, key: str, value: Value, reason: str
) -> None:
    arguments: Arguments = {"x-queue-type": queue_type, key: value}
    _refused(channel, names, key, f": {reason}", arguments, durable=True)


@pytest.mark.proves("stream.refusals")
@pytest.mark.proves("error.queue.declare.segment-size")
def test_a_segment_size_that_is_too_large(channel: Channel, names: Names) -> None:
    key = "x-stream-max-segment-size-bytes"
    arguments: Arguments = {"x-queue-type": STREAM, key: 3_000_000_001}
    with channel.refused(406, f"PRECONDITION_FAILED - Exceeded max value for {key}", "queue.declare"):
        channel.declare_queue(names("q"), arguments, durable=True)


@pytest.mark.proves("table.unknown-type")
@pytest.mark.parametrize("tag", "ZvNz\0")
@pytest.mark.proves("error.connection.frame.undecodable-table")
def test_an_unknown_field_type_drops_the_tcp_connection(channel: Channel, names: Names, tag: str) -> None:
    """No client depends on it, yet it is what the broker does: nothing is said, TCP ends."""
    channel.send("queue.declare", queue=names("q"), arguments=b"\x01a" + tag.encode())
    assert channel.connection.read_until_dropped() == b""


@pytest.mark.proves("frame.method")
@pytest.mark.parametrize("table", [b"\x05ab", b"\x01aS\0\0\0\x09x", b"\x01aI\0", b"\x01aF\0\0\0\x03\x01"])
@pytest.mark.proves("error.connection.frame.undecodable-table")
def test_a_truncated_table_drops_the_tcp_connection(channel: Channel, names: Names, table: bytes) -> None:
    channel.send("queue.declare", queue=names("q"), arguments=table)
    assert channel.connection.read_until_dropped() == b""


@pytest.mark.proves("table.keys")
def test_of_a_repeated_key_the_first_counts(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), [("x-max-length", 1), ("x-max-length", 2)])
    channel.declare_queue(names("q"), {"x-max-length": 1})
