"""The x-arguments of queues: which values are refused, with which text, and in which order."""

from __future__ import annotations

import pytest

from amqpd.broker.compat import PROFILES, Compat
from amqpd.broker.queue_arguments import check_server_named, locate, validate
from amqpd.broker.queue_types import BUILT_IN
from amqpd.broker.queue_types.classic import Classic
from amqpd.broker.queue_types.port import QueueType
from amqpd.broker.queue_types.quorum import Quorum
from amqpd.errors import AmqpError, InternalError, PreconditionFailed
from amqpd.fields import Field, Table, boolean, double, from_python, long, longstr, signedint, timestamp, void
from tests.unit.broker.world import World

ALL = tuple(PROFILES)
TTL_MAXIMUM = 315_360_000_000


def type_of(arguments: Table) -> type[QueueType] | None:
    """The type that the arguments ask for."""
    field = arguments.get("x-queue-type")
    if field is None:
        return Classic
    return next((each for each in BUILT_IN if field == longstr(each.name)), None)


def refusal(arguments: Table, profile: str = "4.2", *, strict: bool = True) -> str | None:
    """The text with which arguments are refused for queue q in vhost /, or None."""
    try:
        validate("q", "/", arguments, Compat.of(profile, strict=strict), type_of(arguments))
    except PreconditionFailed as error:
        return error.text
    return None


def reason(name: str, value: Field, profile: str = "4.2", **others: object) -> str | None:
    """What follows `invalid arg ... for queue 'q' in vhost '/': `."""
    text = refusal(Table.of([*from_python(others).items(), (name, value)]), profile)
    if text is None:
        return None
    prefix = f"invalid arg '{name}' for queue 'q' in vhost '/': "
    assert text.startswith(prefix)
    return text.removeprefix(prefix)


# -- numbers -----------------------------------------------------------------------------------------------------------

INTEGERS = ("x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority", "x-queue-version")


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (longstr("1"), "longstr"),
        (double(1.0), "double"),
        (boolean(True), "bool"),
        (timestamp(1), "timestamp"),
        (void(), "void"),
        (Field("D", (0, 1), b"D\x00\x00\x00\x00\x01"), "decimal"),
        (Field("x", b"1", b"x\x00\x00\x00\x011"), "binary"),
    ],
)
def test_only_integers_are_numbers(profile: str, name: str, value: Field, type_name: str) -> None:
    assert reason(name, value, profile) == f'"expected integer, got {type_name}"'


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    "value",
    [
        signedint(2),
        long(2),
        Field("b", 2, b"b\x02"),
        Field("B", 2, b"B\x02"),
        Field("s", 2, b"s\x00\x02"),
        Field("u", 2, b"u\x00\x02"),
        Field("i", 2, b"i\x00\x00\x00\x02"),
    ],
)
def test_every_width_of_integer_is_taken(name: str, value: Field) -> None:
    assert reason(name, value) is None


@pytest.mark.parametrize("name", INTEGERS[:-1])
def test_negative_numbers_are_refused(name: str) -> None:
    assert reason(name, signedint(-1)) == "{value_negative,-1}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x-message-ttl", 0, None),
        ("x-message-ttl", TTL_MAXIMUM, None),
        ("x-message-ttl", TTL_MAXIMUM + 1, "{value_too_large,315360000001}"),
        ("x-expires", 0, "{value_zero,0}"),
        ("x-expires", 1, None),
        ("x-expires", TTL_MAXIMUM, None),
        ("x-expires", TTL_MAXIMUM + 1, "{value_too_large,315360000001}"),
        ("x-max-length", 0, None),
        ("x-max-length", 2**62, None),
        ("x-max-length-bytes", 0, None),
        ("x-max-length-bytes", 2**62, None),
        ("x-max-priority", 0, None),
        ("x-max-priority", 255, None),
        ("x-max-priority", 256, "{max_value_exceeded,256}"),
        ("x-max-priority", 300, "{max_value_exceeded,300}"),
    ],
)
def test_numbers_have_limits(name: str, value: int, expected: str | None) -> None:
    assert reason(name, long(value)) == expected


@pytest.mark.parametrize(
    ("profile", "version", "expected"),
    [
        ("3.10", 1, None),
        ("3.10", 2, None),
        ("3.10", 3, "\"unsupported queue version '3'\""),
        ("4.2", 1, None),
        ("4.2", 0, "\"unsupported queue version '0'\""),
        ("4.3", 2, None),
        ("4.3", 1, "\"unsupported queue version '1'\""),
    ],
)
def test_queue_versions(profile: str, version: int, expected: str | None) -> None:
    assert reason("x-queue-version", signedint(version), profile) == expected


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["drop-head", "reject-publish", "reject-publish-dlx"])
def test_overflow_modes(value: str) -> None:
    assert reason("x-overflow", longstr(value)) is None


@pytest.mark.parametrize("name", ["x-overflow", "x-queue-type", "x-queue-leader-locator", "x-queue-mode"])
@pytest.mark.parametrize(
    ("value", "type_name"), [(signedint(1), "signedint"), (boolean(True), "bool"), (void(), "void")]
)
def test_words_must_be_texts(name: str, value: Field, type_name: str) -> None:
    assert reason(name, value) == f"{{unacceptable_type,{type_name}}}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x-overflow", "drop-tail", "invalid_overflow"),
        ("x-overflow", "", "invalid_overflow"),
        ("x-queue-type", "classic", None),
        ("x-queue-type", "foo", "\"unsupported queue type 'foo'\""),
        ("x-queue-type", "", "\"unsupported queue type ''\""),
        ("x-queue-mode", "default", None),
        ("x-queue-mode", "lazy", None),
        ("x-queue-mode", "foo", "\"unsupported queue mode 'foo'\""),
        ("x-queue-leader-locator", "client-local", None),
        ("x-queue-leader-locator", "balanced", None),
        ("x-queue-leader-locator", "random", None),
        ("x-queue-leader-locator", "least-leaders", None),
        ("x-queue-leader-locator", "foo", "invalid_queue_locator_arg"),
    ],
)
def test_words_come_from_a_list(name: str, value: str, expected: str | None) -> None:
    assert reason(name, longstr(value)) == expected


@pytest.mark.parametrize("value", [longstr("foo"), signedint(1)])
def test_any_queue_mode_is_taken_and_ignored_since_4_3(value: Field) -> None:
    assert reason("x-queue-mode", value, "4.3") is None


def test_a_single_active_consumer_is_asked_for_with_a_bool() -> None:
    assert reason("x-single-active-consumer", boolean(False)) is None
    assert reason("x-single-active-consumer", longstr("true")) == "{unacceptable_type,longstr}"
    assert reason("x-single-active-consumer", signedint(1)) == "{unacceptable_type,signedint}"


# -- dead letters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize(
    ("value", "type_name"), [(signedint(1), "signedint"), (boolean(True), "bool"), (long(1), "long")]
)
def test_a_dead_letter_exchange_of_another_type_has_a_text_of_its_own(
    profile: str, value: Field, type_name: str
) -> None:
    assert refusal(Table.of({"x-dead-letter-exchange": value}), profile) == (
        f"invalid type '{type_name}' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"
    )


def test_a_dead_letter_routing_key_needs_an_exchange() -> None:
    name = "x-dead-letter-routing-key"
    assert reason(name, longstr("k")) == "routing_key_but_no_dlx_defined"
    assert reason(name, signedint(1)) == "{unacceptable_type,signedint}"
    assert reason(name, longstr("k"), **{"x-dead-letter-exchange": ""}) is None


# -- other types' arguments --------------------------------------------------------------------------------------------

FOREIGN = (
    "x-dead-letter-strategy",
    "x-quorum-initial-group-size",
    "x-initial-cluster-size",
    "x-delivery-limit",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-max-age",
    "x-stream-max-segment-size-bytes",
)


def foreign(name: str) -> str:
    return f"invalid arg '{name}' for queue 'q' in vhost '/' of queue type rabbit_classic_queue"


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("name", FOREIGN)
def test_arguments_of_other_queue_types_are_refused(profile: str, name: str) -> None:
    assert refusal(from_python({name: 1}), profile) == foreign(name)


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("x-stream-filter-size-bytes", "3.13"),
        ("x-consumer-timeout", "4.3"),
        ("x-consumer-disconnected-timeout", "4.3"),
        ("x-delayed-retry-type", "4.3"),
        ("x-delayed-retry-min", "4.3"),
        ("x-delayed-retry-max", "4.3"),
    ],
)
@pytest.mark.parametrize("profile", ALL)
def test_newer_arguments_of_other_queue_types_are_unknown_before(profile: str, name: str, since: str) -> None:
    expected = foreign(name) if ALL.index(profile) >= ALL.index(since) else None
    assert refusal(from_python({name: 16}), profile) == expected


def test_a_leader_locator_belongs_to_other_types_in_3_10() -> None:
    assert refusal(from_python({"x-queue-leader-locator": "balanced"}), "3.10") == foreign("x-queue-leader-locator")


@pytest.mark.parametrize("profile", ALL)
def test_unknown_arguments_are_taken(profile: str) -> None:
    assert refusal(from_python({"x-foo": -1, "anything": None}), profile) is None


def test_a_master_locator_is_taken_until_4_2_and_closes_the_connection_since_4_3() -> None:
    arguments = from_python({"x-queue-master-locator": "client-local"})
    for profile in ("3.10", "3.13", "4.0", "4.2"):
        assert refusal(arguments, profile) is None
    with pytest.raises(InternalError) as refused:
        validate("q", "/", arguments, Compat.of("4.3"), Classic)
    assert "deprecated" in refused.value.text


@pytest.mark.parametrize("value", [longstr("nowhere"), signedint(1)])
def test_an_unknown_master_locator_is_an_internal_error_in_3_10(value: Field) -> None:
    validate("q", "/", Table.of({"x-queue-master-locator": value}), Compat.of("3.10"), Classic)
    with pytest.raises(InternalError) as refused:
        locate(Table.of({"x-queue-master-locator": value}), PROFILES["3.10"])
    assert (refused.value.reply_text, refused.value.method) == ("INTERNAL_ERROR", (0, 0))


def test_an_unknown_type_of_a_server_named_queue_is_an_internal_error_in_3_10() -> None:
    check_server_named(None, PROFILES["3.13"])
    check_server_named(Classic, PROFILES["3.10"])
    with pytest.raises(InternalError):
        check_server_named(None, PROFILES["3.10"])


@pytest.mark.parametrize("profile", ALL)
def test_quorum_queues_are_not_server_named(profile: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_server_named(Quorum, PROFILES[profile])
    assert refused.value.text == "Cannot declare a server-named queue for type rabbit_quorum_queue"


# -- order -------------------------------------------------------------------------------------------------------------

BAD: list[tuple[str, object]] = [
    ("x-dead-letter-exchange", 1),
    ("x-queue-type", "foo"),
    ("x-expires", 0),
    ("x-message-ttl", -1),
    ("x-dead-letter-routing-key", 1),
    ("x-max-length", -1),
    ("x-max-length-bytes", -1),
    ("x-max-priority", 256),
    ("x-overflow", "foo"),
    ("x-queue-mode", "foo"),
    ("x-queue-version", 9),
    ("x-single-active-consumer", 1),
    ("x-queue-leader-locator", "foo"),
    ("x-delivery-limit", 1),
]


@pytest.mark.parametrize("first", range(len(BAD)))
@pytest.mark.parametrize("backwards", [True, False])
def test_bad_values_are_reported_in_a_fixed_order_whatever_the_order_sent(first: int, backwards: bool) -> None:
    """Other types' arguments come last of all."""
    sent = BAD[first:]
    text = refusal(from_python(dict(sent[::-1] if backwards else sent)))
    assert text is not None
    assert f"'{BAD[first][0]}'" in text


def test_nested_names_stand_in_the_text_as_they_are() -> None:
    with pytest.raises(AmqpError) as refused:
        validate("a'b", "v h", from_python({"x-expires": 0}), Compat.of("4.2"), Classic)
    assert refused.value.text == "invalid arg 'x-expires' for queue 'a'b' in vhost 'v h': {value_zero,0}"


# -- equivalence and effect --------------------------------------------------------------------------------------------


def test_a_redeclare_compares_what_classic_queues_know() -> None:
    known = set(Classic.compared(Compat.of("4.2", strict=True)))
    assert {"x-queue-type", "x-message-ttl", "x-expires", "x-max-length", "x-overflow", "x-queue-mode"} <= known
    assert not known & {*FOREIGN, "x-foo"}
    assert "x-queue-leader-locator" in known
    assert "x-queue-leader-locator" not in Classic.compared(Compat.of("3.10"))


EXTENDED = (
    ("x-delivery-limit", 3),
    ("x-delayed-retry-type", "all"),
    ("x-delayed-retry-min", 1),
    ("x-delayed-retry-max", 1),
)


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize(("name", "value"), EXTENDED)
def test_extensions_give_arguments_to_every_type_and_profile(
    profile: str, queue_type: str, name: str, value: object
) -> None:
    known = BUILT_IN[0] if queue_type == "classic" else BUILT_IN[1]
    assert refusal(from_python({"x-queue-type": queue_type, name: value}), profile, strict=False) is None
    assert name in known.compared(Compat.of(profile))


def test_a_queue_has_the_settings_of_its_arguments(world: World) -> None:
    settings = world.queue(arguments={"x-message-ttl": 1500, "x-expires": 250}).settings
    assert (settings.message_ttl, settings.expires) == (1500, 250)


def test_equal_settings_are_one_object(world: World) -> None:
    """A hundred thousand queues have few different ones."""
    assert world.queue("a", {"x-max-length": 5}).settings is world.queue("b", {"x-max-length": 5}).settings
    assert world.queue("c").settings is world.queue("d").settings
