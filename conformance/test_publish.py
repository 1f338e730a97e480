"""What basic.publish refuses, and in which order it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


@pytest.mark.proves(
    "basic.publish", "basic.publish.exchange", "basic.publish.exchange.must-exist", "channel.close.stability"
)
@pytest.mark.proves("error.basic.publish.no-exchange")
def test_vector_30_a_missing_exchange_closes_the_channel_and_what_follows_is_lost(
    channel: Channel, names: Names, queue: str
) -> None:
    text = f"NOT_FOUND - no exchange '{names('none')}' in vhost '/'"
    with channel.refused(404, text, "basic.publish"):
        channel.publish(names("none"), "k", b"x")
        channel.publish("", queue, b"y")
    assert channel.open().counts(queue) == (0, 0)


@pytest.mark.proves(
    "basic.publish.immediate", "basic.publish.immediate.01", "deviation.basic.immediate", "reply-code.not-implemented"
)
@pytest.mark.proves("error.basic.publish.immediate")
def test_vector_37_immediate_is_not_implemented(channel: Channel, queue: str) -> None:
    with channel.connection.refused(540, "NOT_IMPLEMENTED - immediate=true", "basic.publish"):
        channel.publish("", queue, b"x", immediate=True)


@pytest.mark.proves("publish.order-of-checks", "basic.publish.immediate")
@pytest.mark.proves("error.basic.publish.immediate")
def test_immediate_is_looked_at_before_the_exchange(channel: Channel, names: Names) -> None:
    with channel.connection.refused(540, "NOT_IMPLEMENTED - immediate=true", "basic.publish"):
        channel.publish(names("none"), "", b"x", immediate=True, mandatory=True)


@pytest.mark.proves("user-id.checked", "basic.properties.user-id")
@pytest.mark.proves("error.basic.publish.user-id")
def test_vector_39_user_id_must_be_the_user(channel: Channel, queue: str) -> None:
    text = "PRECONDITION_FAILED - user_id property set to 'x' but authenticated user was 'guest'"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", queue, b"x", {"user_id": "x"})


@pytest.mark.proves("user-id.checked", "basic.properties.user-id")
@pytest.mark.proves("error.basic.publish.user-id")
def test_an_empty_user_id_is_not_the_user(channel: Channel, queue: str) -> None:
    text = "PRECONDITION_FAILED - user_id property set to '' but authenticated user was 'guest'"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", queue, b"x", {"user_id": ""})


@pytest.mark.proves("user-id.checked", "basic.properties.user-id")
def test_ones_own_user_id_passes(channel: Channel, queue: str) -> None:
    channel.publish("", queue, b"x", {"user_id": "guest"})
    channel.fence(queue)
    assert channel.must_get(queue).message.properties == {"user_id": "guest"}


@pytest.mark.proves("ttl.format", "basic.properties.expiration")
@pytest.mark.parametrize(
    ("expiration", "reason"),
    [
        ("abc", "no_integer"),
        ("", "no_integer"),
        (" 5", "no_integer"),
        ("5 ", '{leftover_string," "}'),
        ("5x", '{leftover_string,"x"}'),
        ("5.5", '{leftover_string,".5"}'),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
        ("99999999999999999999", "{value_too_large,\n" + " " * 44 + "99999999999999999999}"),
    ],
)
@pytest.mark.proves(
    "error.basic.publish.expiration-no-integer",
    "error.basic.publish.expiration-leftover",
    "error.basic.publish.expiration-negative",
    "error.basic.publish.expiration-too-large",
)
def test_vector_40_expiration_is_a_decimal_integer(channel: Channel, queue: str, expiration: str, reason: str) -> None:
    text = f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", queue, b"x", {"expiration": expiration})


@pytest.mark.proves("ttl.format", "basic.properties.expiration")
@pytest.mark.parametrize("expiration", ["60000", "+60000", "0060000", "315360000000"])
def test_expirations_that_pass(channel: Channel, queue: str, expiration: str) -> None:
    channel.publish("", queue, b"x", {"expiration": expiration})
    channel.fence(queue)
    assert channel.must_get(queue).message.properties == {"expiration": expiration}


LATER_MODE = "since 3.13 any delivery mode but 2 is transient"


@pytest.mark.proves("delivery-mode.values", "basic.properties.delivery-mode")
@pytest.mark.versions(before="3.13", otherwise=LATER_MODE)
@pytest.mark.parametrize("mode", [0, 3, 5, 255])
@pytest.mark.proves("error.basic.publish.delivery-mode")
def test_delivery_modes_are_1_and_2(channel: Channel, queue: str, mode: int) -> None:
    text = f"PRECONDITION_FAILED - invalid message: {{delivery_mode_unknown,{mode}}}"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("", queue, b"x", {"delivery_mode": mode})


@pytest.mark.proves("publish.order-of-checks")
def test_the_exchange_is_looked_up_before_the_properties_are_checked(channel: Channel, names: Names) -> None:
    text = f"NOT_FOUND - no exchange '{names('none')}' in vhost '/'"
    with channel.refused(404, text, "basic.publish"):
        channel.publish(names("none"), "", b"x", {"expiration": "abc", "user_id": "x"})


LATER_ORDER = "later: reply-to, expiration, CC and BCC, then user-id"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "user_id": ({"user_id": "x"}, "user_id property set to 'x' but authenticated user was 'guest'"),
    "expiration": ({"expiration": "abc"}, "invalid expiration 'abc': no_integer"),
    "CC": ({"headers": {"CC": 5}}, 'invalid message: {unacceptable_type_in_header,"CC",signedint}'),
}


@pytest.mark.proves("publish.order-of-checks")
@pytest.mark.versions(before="3.13", otherwise=LATER_ORDER)
@pytest.mark.parametrize("first", range(len(WRONG)))
def test_properties_are_checked_in_a_fixed_order(channel: Channel, first: int) -> None:
    """Also when the message goes nowhere."""
    wrong = list(WRONG.values())[first:]
    properties = {name: value for part, _ in reversed(wrong) for name, value in part.items()}
    with channel.refused(406, f"PRECONDITION_FAILED - {wrong[0][1]}", "basic.publish"):
        channel.publish("", "nowhere", b"x", properties)


@pytest.mark.proves("confirms.error")
def test_a_publish_error_in_confirm_mode_settles_nothing(channel: Channel, names: Names) -> None:
    channel.confirm()
    text = f"NOT_FOUND - no exchange '{names('none')}' in vhost '/'"
    with channel.refused(404, text, "basic.publish"):
        channel.publish(names("none"), "", b"x")


@pytest.mark.proves("names.line-breaks", "basic.publish.exchange")
def test_line_breaks_in_the_exchange_name_stay(channel: Channel) -> None:
    with channel.refused(404, "NOT_FOUND - no exchange 'amq.direct\n' in vhost '/'", "basic.publish"):
        channel.publish("amq.direct\n", "k", b"x")


@pytest.mark.proves("basic.publish.routing-key", "basic.return.routing-key")
def test_a_routing_key_of_255_octets(channel: Channel, queue: str) -> None:
    channel.publish("", "k" * 255, b"x", mandatory=True)
    assert channel.expect("basic.return")["routing_key"] == "k" * 255
