"""What queue.declare refuses of the arguments and bits of a new queue, of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Names
    from conformance.fields import Value

proves = pytest.mark.proves
CLASSIC, QUORUM, STREAM = "classic", "quorum", "stream"
OVER_TEN_YEARS = 315360000001
BEFORE_3_13 = pytest.mark.versions(before="3.13", otherwise="later classic queues take it")
BEFORE_4_3 = pytest.mark.versions(before="4.3", otherwise="since 4.3 any mode is taken, and version 2 only")


def case(word: str, argument: str, value: Value, *marks: Any, on: str = CLASSIC, **left_open: Any) -> Any:
    """Return an argument with a value that queues of this type refuse, and what the entry leaves open."""
    values = {"argument": argument, "value": value, **left_open}
    marks = (*marks, proves(f"error.queue.declare.{word}"))
    return pytest.param(argument, value, on, values, id=f"{on}-{word}-{argument}-{value!r:.12}", marks=marks)


CASES = [
    *(
        case("not-an-integer", argument, "5", type="longstr")
        for argument in ("x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority")
    ),
    case("not-an-integer", "x-message-ttl", 1.5, type="double"),
    case("not-an-integer", "x-message-ttl", True, type="bool"),
    case("not-an-integer", "x-message-ttl", Typed("T", 5), type="timestamp"),
    case("not-an-integer", "x-max-length", "5", on=QUORUM, type="longstr"),
    case("not-an-integer", "x-max-length-bytes", "5", on=STREAM, type="longstr"),
    case("negative", "x-message-ttl", -1),
    case("negative", "x-expires", -1),
    case("negative", "x-max-length", -1),
    case("negative", "x-max-length-bytes", -1),
    case("negative", "x-max-priority", -1),
    case("negative", "x-max-in-memory-length", -1, on=QUORUM),
    case("negative", "x-stream-max-segment-size-bytes", -1, on=STREAM),
    case("zero", "x-expires", 0),
    case("zero", "x-quorum-initial-group-size", 0, on=QUORUM),
    case("zero", "x-initial-cluster-size", 0, on=STREAM),
    case("too-large", "x-message-ttl", OVER_TEN_YEARS),
    case("too-large", "x-expires", OVER_TEN_YEARS),
    case("over-the-maximum", "x-max-priority", 256),
    case("wrong-type", "x-overflow", 5, type="signedint"),
    case("wrong-type", "x-queue-type", 5, type="signedint"),
    case("wrong-type", "x-dead-letter-routing-key", 5, type="signedint"),
    case("wrong-type", "x-single-active-consumer", "true", type="longstr"),
    case("wrong-type", "x-queue-mode", 5, BEFORE_4_3, type="signedint"),
    case("wrong-type", "x-dead-letter-strategy", 5, on=QUORUM, type="signedint"),
    case("wrong-type", "x-max-age", 5, on=STREAM, type="signedint"),
    case("key-without-dlx", "x-dead-letter-routing-key", "k"),
    case("unknown-overflow", "x-overflow", "foo"),
    case("unknown-strategy", "x-dead-letter-strategy", "foo", on=QUORUM),
    case("unknown-age", "x-max-age", "5x", on=STREAM),
    case("unknown-age", "x-max-age", "0D", on=STREAM),
    case("unknown-locator", "x-queue-leader-locator", "foo", on=QUORUM),
    case("unknown-type", "x-queue-type", "foo"),
    case("unknown-type", "x-queue-type", "Classic"),
    case("unknown-version", "x-queue-version", 3, BEFORE_4_3),
    case("unknown-mode", "x-queue-mode", "foo", BEFORE_4_3),
    case("argument-of-another-type", "x-delivery-limit", 1, type="rabbit_classic_queue"),
    case("argument-of-another-type", "x-max-age", "1D", type="rabbit_classic_queue"),
    case(
        "argument-of-another-type", "x-queue-leader-locator", "client-local", BEFORE_3_13, type="rabbit_classic_queue"
    ),
    case("argument-of-another-type", "x-max-priority", 1, on=QUORUM, type="rabbit_quorum_queue"),
    case("argument-of-another-type", "x-message-ttl", 1, on=STREAM, type="rabbit_stream_queue"),
    case("segment-size", "x-stream-max-segment-size-bytes", 3_000_000_001, on=STREAM),
    case("dlx-type", "x-dead-letter-exchange", 5, type="signedint"),
    case("dlx-type", "x-dead-letter-exchange", None, on=QUORUM, type="void"),
    case("dlx-type", "x-dead-letter-exchange", True, on=STREAM, type="bool"),
]


@pytest.mark.parametrize(("argument", "value", "on", "values"), CASES)
def test_an_argument_that_is_refused(
    condition: Condition,
    channel: Channel,
    names: Names,
    argument: str,
    value: Value,
    on: str,
    values: dict[str, Any],
) -> None:
    arguments: dict[str, Value] = {argument: value}
    if on != CLASSIC:
        arguments["x-queue-type"] = on
    with condition.closes_channel(channel, queue=names("q"), **values):
        channel.declare_queue(names("q"), arguments, durable=True)
    channel.delete_queue(names("q"))


@pytest.mark.versions(before="4.0", otherwise="since 4.0 any is taken; since 4.3 none is")
@proves("error.queue.declare.unknown-master-locator")
@pytest.mark.parametrize("value", ["nonesuch", 5])
def test_an_unknown_master_locator_makes_the_broker_fail(
    condition: Condition, channel: Channel, names: Names, value: Value
) -> None:
    with condition.closes_connection(channel.connection):
        channel.declare_queue(names("q"), {"x-queue-master-locator": value}, durable=True)


@pytest.mark.versions(before="4.2", otherwise="after 4.0 a 406 like any wrong age")
@proves("error.queue.declare.unreadable-age")
@pytest.mark.parametrize("value", ["abc", "-1D", ""])
def test_an_unreadable_age_makes_the_broker_fail(
    condition: Condition, channel: Channel, names: Names, value: Value
) -> None:
    with condition.closes_connection(channel.connection):
        channel.declare_queue(names("q"), {"x-queue-type": STREAM, "x-max-age": value}, durable=True)


@pytest.mark.versions(since="4.3", otherwise="before 4.3 a locator that is known is taken")
@proves("error.queue.declare.master-locator")
def test_a_master_locator_is_deprecated(condition: Condition, channel: Channel, names: Names) -> None:
    reason = (
        "Feature `queue_master_locator` is deprecated.\nBy default, this feature is not permitted anymore.\n"
        "The feature will be removed from a future major RabbitMQ version, regardless of the configuration; "
        "actual version to be determined.\nTo con..."
    )
    with condition.closes_connection(channel.connection, reason=reason):
        channel.declare_queue(names("q"), {"x-queue-master-locator": "client-local"}, durable=True)


@pytest.mark.parametrize(
    "bits",
    [
        pytest.param(bits, marks=proves(f"error.queue.declare.{word}-unsupported"))
        for word, bits in [
            ("auto-delete", {"durable": True, "auto_delete": True}),
            ("auto-delete", {"exclusive": True, "auto_delete": True}),
            ("exclusive", {"durable": True, "exclusive": True}),
            ("exclusive", {"exclusive": True}),
            ("non-durable", {}),
        ]
    ],
)
@pytest.mark.parametrize("on", [QUORUM, STREAM])
def test_bits_that_replicated_queues_cannot_have(
    condition: Condition, channel: Channel, names: Names, on: str, bits: dict[str, bool]
) -> None:
    with condition.closes_channel(channel, queue=names("q")):
        channel.declare_queue(names("q"), {"x-queue-type": on}, **bits)


@proves("error.queue.declare.server-named-replicated")
@pytest.mark.parametrize("on", [QUORUM, STREAM])
def test_only_classic_queues_are_named_by_the_broker(condition: Condition, channel: Channel, on: str) -> None:
    with condition.closes_channel(channel, type=f"rabbit_{on}_queue"):
        channel.declare_queue("", {"x-queue-type": on}, durable=True)
