"""Policies: what they may say, whom they match, and what they do to queues and exchanges that live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.channel import Channel
    from conformance.fields import Value
    from conformance.operator_hands import Operator
    from conformance.targets import Target

pytestmark = pytest.mark.slow


@pytest.fixture
def channel(operator: Operator) -> Iterator[Channel]:
    """Open a channel whose exclusive queues are gone after the test."""
    connection = operator.connect()
    yield connection.channel()
    connection.close()


def ready(channel: Channel, queue: str) -> int:
    return channel.counts(queue)[0]


# -- what they may say

FAULTY: Final[dict[str, dict[str, object]]] = {
    "-1 is not a valid message TTL": {"message-ttl": -1},
    '<<"5">> is not a valid message TTL': {"message-ttl": "5"},
    "1.5 is not a valid maximum length": {"max-length": 1.5},
    "true is not a valid maximum length": {"max-length": True},
    "null is not a valid maximum length": {"max-length": None},
    '[1,<<"a">>] is not a valid maximum length': {"max-length": [1, "a"]},
    '#{<<"a">> => 1} is not a valid maximum length': {"max-length": {"a": 1}},
    "-1 is not a valid maximum length": {"max-length": -1},
    "-1 is not a valid maximum length in bytes": {"max-length-bytes": -1},
    "0 is not a valid queue expiry": {"expires": 0},
    '<<"x">> is not a valid overflow value': {"overflow": "x"},
    "1 is not a valid dead letter exchange name": {"dead-letter-exchange": 1},
    "1 is not a valid dead letter routing key": {"dead-letter-routing-key": 1},
    '<<"x">> is not a valid dead letter strategy': {"dead-letter-strategy": "x"},
    "-1 is not a valid delivery limit": {"delivery-limit": -1},
    '<<"x">> is not a valid maximum memory in bytes': {"max-in-memory-length": "x"},
    "-1 is not a valid maximum memory in bytes": {"max-in-memory-bytes": -1},
    '<<"x">> is not a valid queue-mode value': {"queue-mode": "x"},
    "3 is not a valid queue-version value": {"queue-version": 3},
    '<<"x">> is not a valid queue leader locator value': {"queue-leader-locator": "x"},
    "5 is not a valid alternate exchange name": {"alternate-exchange": 5},
    '<<"x">> is not a valid ha-mode value': {"ha-mode": "x"},
    'ha-mode="exactly" takes an integer, none given': {"ha-mode": "exactly"},
    "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown": {
        "ha-sync-mode": "automatic"
    },
    '[{<<"max-priority">>,5}] are not recognised policy settings': {"max-priority": 5},
    '[{<<"delayed-retry-min">>,5}] are not recognised policy settings': {"delayed-retry-min": 5},
    '<<"y">> is not a valid message TTL': {"foo": 1, "message-ttl": "y"},
    "no policy provided": {},
}


@pytest.mark.proves("policies.definition-is-checked")
def test_what_is_wrong_with_a_definition(operator: Operator, target: Target) -> None:
    """Since 4.0 a negative delivery limit is none, and no queue is mirrored; 4.3 knows delayed retries."""
    faulty = FAULTY
    if target.version >= (4, 0):
        gone = {"delivery-limit", "ha-mode", "ha-sync-mode"}
        gone |= {"delayed-retry-min"} if target.version >= (4, 3) else set()
        faulty = {text: definition for text, definition in FAULTY.items() if not gone & definition.keys()}
    found = operator.faults([("", definition, "all") for definition in faulty.values()])
    assert found == [f"Validation failed\n\n{text}\n" for text in faulty]


@pytest.mark.proves("policies.pattern-is-checked")
def test_what_is_wrong_with_a_pattern(operator: Operator) -> None:
    begin = "Validation failed\n\npattern should be regular expression but is invalid: "
    reasons = {
        "(": '{"missing )",1}',
        "*": '{"nothing to repeat",0}',
        ")": '{"unmatched parentheses",\n' + " " * 54 + "0}",
        "\\": '{"\\\\ at end of pattern",\n' + " " * 54 + "1}",
        "a[": '{"missing terminating ] for character class",\n' + " " * 54 + "2}",
        "a{2,1}": '{"numbers out of order in {} quantifier",\n' + " " * 54 + "5}",
        "[b-a]": '{"range out of order in character class",\n' + " " * 54 + "3}",
    }
    found = operator.faults([(pattern, {"max-length": 1}, "all") for pattern in reasons])
    assert found == [f"{begin}{reason}\n" for reason in reasons.values()]


@pytest.mark.proves("policies.all-faults-at-once")
def test_all_faults_are_told_at_once(operator: Operator, target: Target) -> None:
    known = "'queues', 'exchanges' or 'all'"
    if target.version >= (4, 0):
        known = "one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'"
    [text] = operator.faults([("(", {"max-length": "x"}, "foo")])
    assert text == (
        'Validation failed\n\n<<"x">> is not a valid maximum length\n'
        f"apply-to 'foo' unrecognised; should be {known}\n"
        'pattern should be regular expression but is invalid: {"missing )",1}\n'
    )


@pytest.mark.proves("policies.operator-keys")
def test_an_operator_policy_has_fewer_keys(operator: Operator) -> None:
    few = {"max-length": 1, "expires": 1, "message-ttl": 1, "max-length-bytes": 1, "delivery-limit": 1}
    found = operator.faults(
        [("", few, "all"), ("", {"dead-letter-exchange": "x", "max-length": 1}, "all")], operator=True
    )
    unknown = '[{<<"dead-letter-exchange">>,<<"x">>}] are not recognised policy settings'
    assert found == ["", f"Validation failed\n\n{unknown}\n"]


# -- what they do


@pytest.mark.proves("policies.take-effect-at-once", "policies.are-undone")
def test_a_length_limit_drops_heads_of_a_live_queue_and_ends_with_the_policy(
    operator: Operator, channel: Channel
) -> None:
    channel.declare_queue("lengths.a", exclusive=True)
    channel.fill("lengths.a", b"1", b"2", b"3")
    operator.set_policy("lengths", "^lengths", {"max-length": 2})
    assert channel.drain("lengths.a") == [b"2", b"3"]
    operator.clear_policy("lengths")
    channel.fill("lengths.a", b"4", b"5", b"6")
    assert ready(channel, "lengths.a") == 3


@pytest.mark.proves("policies.apply-to-later-declarations", "policies.priority")
def test_the_policy_of_the_highest_priority_applies_alone(operator: Operator, channel: Channel) -> None:
    operator.set_policy("low", "^ranked", {"max-length": 1, "overflow": "reject-publish"}, priority=1)
    operator.set_policy("high", "ked$", {"max-length": 2}, priority=2)
    channel.declare_queue("ranked", exclusive=True)
    channel.fill("ranked", b"1", b"2", b"3")
    assert channel.drain("ranked") == [b"2", b"3"]
    operator.clear_policy("high")
    channel.confirm()
    channel.publish("", "ranked", b"1")
    channel.expect("basic.ack")
    channel.publish("", "ranked", b"2")
    channel.expect("basic.nack")
    operator.clear_policy("low")


@pytest.mark.proves("policies.lower-limit-counts", "policies.operator-lowers")
def test_the_lowest_of_argument_policy_and_operator_policy_counts(operator: Operator, channel: Channel) -> None:
    channel.declare_queue("lowest.4", {"x-max-length": 4}, exclusive=True)
    operator.set_policy("lowest", "^lowest", {"max-length": 9})
    channel.fill("lowest.4", *[b"x"] * 10)
    assert ready(channel, "lowest.4") == 4
    operator.set_policy("lowest", "^lowest", {"max-length": 3})
    assert ready(channel, "lowest.4") == 3
    operator.set_policy("lowest", "^lowest", {"max-length": 2}, operator=True)
    assert ready(channel, "lowest.4") == 2
    operator.clear_policy("lowest", operator=True)
    operator.clear_policy("lowest")
    channel.fill("lowest.4", *[b"x"] * 10)
    assert ready(channel, "lowest.4") == 4


@pytest.mark.proves("policies.unsuited-key")
def test_a_policy_with_a_key_of_another_queue_type_is_passed_over(operator: Operator, channel: Channel) -> None:
    operator.set_policy("unsuited", "^unsuited", {"max-length": 1, "delivery-limit": 3})
    channel.declare_queue("unsuited", exclusive=True)
    channel.fill("unsuited", b"1", b"2", b"3")
    assert ready(channel, "unsuited") == 3
    operator.clear_policy("unsuited")


@pytest.mark.proves("policies.target")
def test_a_policy_for_exchanges_leaves_queues_alone(operator: Operator, channel: Channel) -> None:
    operator.set_policy("target", "^target", {"max-length": 1}, apply_to="exchanges")
    channel.declare_queue("target", exclusive=True)
    channel.fill("target", b"1", b"2")
    assert ready(channel, "target") == 2
    operator.set_policy("target", "^target", {"max-length": 1}, apply_to="queues")
    assert ready(channel, "target") == 1
    operator.clear_policy("target")


@pytest.mark.proves("policies.message-ttl")
def test_a_message_ttl_is_for_messages_that_come_later(operator: Operator, channel: Channel) -> None:
    channel.declare_queue("ttl", exclusive=True)
    channel.fill("ttl", b"before")
    operator.set_policy("ttl", "^ttl$", {"message-ttl": 0})
    channel.publish("", "ttl", b"after")
    channel.fence()
    assert channel.drain("ttl") == [b"before"]
    operator.clear_policy("ttl")


@pytest.mark.proves("policies.dead-lettering")
def test_arguments_win_over_a_policy_for_dead_letters(operator: Operator, channel: Channel) -> None:
    for name in ("dead.mine", "dead.theirs"):
        channel.declare_queue(name, exclusive=True)
    mine = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead.mine"}
    channel.declare_queue("source.argument", mine, exclusive=True)
    channel.declare_queue("source.policy", exclusive=True)
    theirs = {"dead-letter-exchange": "", "dead-letter-routing-key": "dead.theirs"}
    operator.set_policy("dead", "^source", theirs)
    for name in ("source.argument", "source.policy"):
        channel.fill(name, name.encode())
        channel.reject(channel.must_get(name)["delivery_tag"], requeue=False)
    channel.fence("dead.mine", "dead.theirs")
    assert channel.must_get("dead.mine", no_ack=True).body == b"source.argument"
    assert channel.must_get("dead.theirs", no_ack=True).body == b"source.policy"
    operator.clear_policy("dead")


@pytest.mark.proves("policies.overflow")
def test_the_argument_decides_on_the_overflow_of_a_classic_queue(operator: Operator, channel: Channel) -> None:
    channel.declare_queue("over", {"x-overflow": "drop-head"}, exclusive=True)
    operator.set_policy("over", "^over$", {"max-length": 1, "overflow": "reject-publish"})
    channel.fill("over", b"1", b"2")
    assert channel.drain("over") == [b"2"]
    operator.clear_policy("over")


@pytest.mark.proves("policies.not-in-equivalence")
def test_a_redeclare_compares_arguments_not_policies(operator: Operator, channel: Channel) -> None:
    operator.set_policy("same", "^same$", {"max-length": 1})
    channel.declare_queue("same", exclusive=True)
    channel.declare_queue("same", exclusive=True)
    with channel.refused(
        406,
        "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'same' in vhost '/': received the value "
        "'1' of type 'signedint' but current is none",
        "queue.declare",
    ):
        channel.declare_queue("same", {"x-max-length": 1}, exclusive=True)
    operator.clear_policy("same")


@pytest.mark.proves("policies.alternate-exchange")
def test_an_alternate_exchange_comes_and_goes_with_a_policy(operator: Operator, channel: Channel) -> None:
    channel.declare_exchange("alternate.e", auto_delete=True)
    channel.declare_queue("alternate.q", exclusive=True)
    channel.bind("alternate.q", "amq.fanout")
    channel.declare_queue("bound", exclusive=True)
    channel.bind("bound", "alternate.e", "another key")
    operator.set_policy("alternate", r"^alternate\.e$", {"alternate-exchange": "amq.fanout"})
    channel.publish("alternate.e", "k", b"saved")
    channel.fence("alternate.q")
    operator.clear_policy("alternate")
    channel.publish("alternate.e", "k", b"lost")
    channel.fence("alternate.q")
    assert channel.drain("alternate.q") == [b"saved"]


@pytest.mark.proves("policies.lower-limit-counts", "policies.operator-lowers")
def test_the_lowest_limit_in_octets_counts(operator: Operator, channel: Channel) -> None:
    channel.declare_queue("octets", {"x-max-length-bytes": 40}, exclusive=True)
    channel.fill("octets", *[b"0123456789"] * 5)
    assert ready(channel, "octets") == 4
    operator.set_policy("octets", "^octets", {"max-length-bytes": 30})
    assert ready(channel, "octets") == 3
    operator.set_policy("octets", "^octets", {"max-length-bytes": 15}, operator=True)
    assert ready(channel, "octets") == 1
    operator.clear_policy("octets", operator=True)
    operator.clear_policy("octets")


@pytest.mark.proves("policies.delivery-limit")
def test_the_lowest_delivery_limit_counts(operator: Operator, channel: Channel) -> None:
    operator.set_policy("failures", "^failures", {"delivery-limit": 1})
    channel.declare_queue("failures", {"x-queue-type": "quorum", "x-delivery-limit": 5}, durable=True)
    channel.fill("failures", b"poison")
    for _ in range(2):
        channel.reject(channel.must_get("failures")["delivery_tag"])
        channel.fence("failures")
    assert channel.get("failures") is None
    channel.delete_queue("failures")
    operator.clear_policy("failures")


@pytest.mark.proves("policies.overflow-of-quorum-queues")
def test_the_policy_decides_on_the_overflow_of_a_quorum_queue(operator: Operator, channel: Channel) -> None:
    operator.set_policy("full", "^full$", {"overflow": "drop-head"})
    refusing: dict[str, Value] = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": 1}
    channel.declare_queue("full", refusing, durable=True)
    channel.fill("full", b"1", b"2", b"3")
    assert channel.drain("full") == [b"3"]
    channel.delete_queue("full")
    operator.clear_policy("full")


@pytest.mark.proves("policies.dead-lettering")
def test_a_routing_key_by_policy_goes_with_an_exchange_by_argument(operator: Operator, channel: Channel) -> None:
    channel.declare_queue("mixed.dead", exclusive=True)
    channel.declare_queue("mixed", {"x-dead-letter-exchange": ""}, exclusive=True)
    operator.set_policy("mixed", "^mixed$", {"dead-letter-routing-key": "mixed.dead"})
    channel.fill("mixed", b"m")
    channel.reject(channel.must_get("mixed")["delivery_tag"], requeue=False)
    channel.fence("mixed.dead")
    assert channel.drain("mixed.dead") == [b"m"]
    operator.clear_policy("mixed")
