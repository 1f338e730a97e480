"""What is wrong with a policy, to the letter."""

from __future__ import annotations

import pytest

from amqpd.broker.compat import PROFILES, Compat
from amqpd.broker.policy_validation import InvalidPolicy, check_policy
from amqpd.broker.queue_arguments import KEYS


def faults(
    definition: object,
    *,
    pattern: object = "",
    priority: object = 0,
    apply_to: object = "all",
    profile: str = "4.3",
    operator: bool = False,
    strict: bool = False,
) -> list[str]:
    try:
        check_policy(pattern, definition, priority, apply_to, Compat.of(profile, strict=strict), operator=operator)
    except InvalidPolicy as error:
        head, _, rest = str(error).partition("\n\n")
        assert head == "Validation failed"
        assert rest.endswith("\n")
        return rest.splitlines()
    return []


WRONG = [
    ({"message-ttl": -1}, "-1 is not a valid message TTL"),
    ({"message-ttl": "5"}, '<<"5">> is not a valid message TTL'),
    ({"message-ttl": 1.5}, "1.5 is not a valid message TTL"),
    ({"message-ttl": True}, "true is not a valid message TTL"),
    ({"message-ttl": None}, "null is not a valid message TTL"),
    ({"message-ttl": [1, "a"]}, '[1,<<"a">>] is not a valid message TTL'),
    ({"message-ttl": {"a": 1}}, '#{<<"a">> => 1} is not a valid message TTL'),
    ({"expires": 0}, "0 is not a valid queue expiry"),
    ({"max-length": -1}, "-1 is not a valid maximum length"),
    ({"max-length-bytes": -1}, "-1 is not a valid maximum length in bytes"),
    ({"overflow": "x"}, '<<"x">> is not a valid overflow value'),
    ({"dead-letter-exchange": 1}, "1 is not a valid dead letter exchange name"),
    ({"dead-letter-routing-key": 1}, "1 is not a valid dead letter routing key"),
    ({"dead-letter-routing-key": "k" * 256}, f'<<"{"k" * 256}">> is not a valid dead letter routing key'),
    ({"dead-letter-strategy": "x"}, '<<"x">> is not a valid dead letter strategy'),
    ({"delivery-limit": "x"}, '<<"x">> is not a valid delivery limit'),
    ({"max-in-memory-length": "x"}, '<<"x">> is not a valid maximum memory in bytes'),
    ({"max-in-memory-bytes": -1}, "-1 is not a valid maximum memory in bytes"),
    ({"queue-mode": "x"}, '<<"x">> is not a valid queue-mode value'),
    ({"queue-version": 3}, "3 is not a valid queue-version value"),
    ({"queue-leader-locator": "x"}, '<<"x">> is not a valid queue leader locator value'),
    ({"target-group-size": 0}, "0 is not a valid qq target count value"),
    ({"alternate-exchange": 5}, "5 is not a valid alternate exchange name"),
    ({"max-priority": 5}, '[{<<"max-priority">>,5}] are not recognised policy settings'),
    ({"foo": 1, "max-length": 1, "bar": "x"}, '[{<<"bar">>,<<"x">>},{<<"foo">>,1}] are not recognised policy settings'),
    ({"foo": 1, "max-length": "y", "expires": 0}, "0 is not a valid queue expiry"),
    ({}, "no policy provided"),
    (5, "definition must be a dictionary: 5"),
]


@pytest.mark.parametrize(("definition", "text"), WRONG)
def test_a_wrong_definition(definition: object, text: str) -> None:
    assert faults(definition) == [text]


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_refuses_some_value(key: str) -> None:
    assert faults({key: {}}, profile="4.3") or faults({key: {}}, profile="3.13")


BREAK = "\n" + " " * 54
NO_TARGET = (
    "apply-to 'foo' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', "
    "'exchanges', or 'all'"
)


def test_all_faults_are_told_at_once() -> None:
    assert faults({"max-length": "x"}, pattern="(", priority="high", apply_to="foo") == [
        '<<"x">> is not a valid maximum length',
        NO_TARGET,
        'pattern should be regular expression but is invalid: {"missing )",1}',
        'priority should be a number, actually was <<"high">>',
    ]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", '{"missing )",1}'),
        ("a[", '{"missing terminating ] for character class",' + BREAK + '2}'),
        ("*", '{"nothing to repeat",0}'),
        (
            "a{2,1}",
            '{"numbers out of order in {} quantifier",' + BREAK + '5}',
        ),
        ("\\", '{"\\\\ at end of pattern",' + BREAK + "1}"),
        (")", '{"unmatched parentheses",' + BREAK + "0}"),
        ("[b-a]", '{"range out of order in character class",' + BREAK + '3}'),
    ],
)
def test_a_wrong_pattern_is_told_in_the_words_of_pcre(pattern: str, reason: str) -> None:
    text = "\n".join(faults({"max-length": 1}, pattern=pattern))
    assert text == f"pattern should be regular expression but is invalid: {reason}"


def test_older_versions_know_fewer_targets() -> None:
    text = "apply-to 'streams' unrecognised; should be 'queues', 'exchanges' or 'all'"
    assert faults({"max-length": 1}, apply_to="streams", profile="3.10") == [text]
    assert faults({"max-length": 1}, apply_to="streams", profile="3.13") == []


@pytest.mark.parametrize("key", ["dead-letter-exchange", "dead-letter-routing-key", "queue-mode", "alternate-exchange"])
def test_what_operators_cannot_decide(key: str) -> None:
    assert faults({key: "lazy"}, operator=True) == [f'[{{<<"{key}">>,<<"lazy">>}}] are not recognised policy settings']


def test_a_delivery_limit_can_be_lifted_since_4_0() -> None:
    assert faults({"delivery-limit": -1}, profile="4.0") == []
    assert faults({"delivery-limit": -1}, profile="3.13") == ["-1 is not a valid delivery limit"]


@pytest.mark.parametrize("definition", [{"delayed-retry-type": "disabled"}, {"delayed-retry-min": 5}])
@pytest.mark.parametrize("profile", PROFILES)
def test_delayed_retry_is_known_in_every_profile_unless_strict(profile: str, definition: dict[str, object]) -> None:
    assert faults(definition, profile=profile) == []
    assert bool(faults(definition, profile=profile, strict=True)) == (profile != "4.3")


MIRRORING = [
    ({"ha-mode": "all"}, []),
    ({"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"}, []),
    ({"ha-mode": "x"}, ['<<"x">> is not a valid ha-mode value']),
    ({"ha-mode": "exactly"}, ['ha-mode="exactly" takes an integer, none given']),
    ({"ha-mode": "exactly", "ha-params": 0}, ['ha-mode="exactly" takes an integer, 0 given']),
    ({"ha-mode": "all", "ha-params": 1}, ['ha-mode="all" does not take parameters']),
    ({"ha-mode": "nodes"}, ['ha-mode="nodes" takes a list, none given']),
    ({"ha-mode": "nodes", "ha-params": []}, ['ha-mode="nodes" list must be non-empty']),
    ({"ha-mode": "nodes", "ha-params": [1, "a"]}, ['ha-mode="nodes" takes a list of strings, [1] was not a string']),
    ({"ha-mode": "all", "ha-sync-mode": "x"}, ['ha-sync-mode must be "manual" or "automatic", got <<"x">>']),
    ({"ha-mode": "all", "ha-sync-batch-size": 0}, ["ha-sync-batch-size takes an integer greater than 0, 0 given"]),
    (
        {"ha-mode": "all", "ha-promote-on-failure": "x"},
        ['ha-promote-on-failure must be "always" or "when-synced", got <<"x">>'],
    ),
    (
        {"ha-sync-mode": "automatic"},
        ["ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"],
    ),
]


def test_mirroring_is_looked_at_after_all_else() -> None:
    assert faults({"ha-mode": "x", "max-length": -1}, profile="3.13") == ["-1 is not a valid maximum length"]


def test_the_master_locator_is_known_as_long_as_its_argument_is() -> None:
    assert faults({"queue-master-locator": "min-masters"}, profile="3.10") == []
    wrong = {"max-length": -1, "queue-master-locator": "x"}
    assert faults(wrong, profile="4.2") == ['<<"x">> invalid queue-master-locator value']
    assert faults({"queue-master-locator": "x"}, profile="4.3") == [
        '[{<<"queue-master-locator">>,<<"x">>}] are not recognised policy settings'
    ]


@pytest.mark.parametrize("definition", [{"overflow": "drop-head"}, {"queue-version": 1}])
def test_operators_have_newer_keys_after_3_10(definition: dict[str, object]) -> None:
    assert faults(definition, profile="3.13", operator=True) == []
    assert "are not recognised" in faults(definition, profile="3.10", operator=True)[0]
    assert faults(definition, profile="3.10") == []


@pytest.mark.parametrize(("definition", "text"), MIRRORING)
def test_mirroring_is_known_until_3_13(definition: dict[str, object], text: list[str]) -> None:
    assert faults(definition, profile="3.13") == text
    assert "are not recognised policy settings" in faults(definition, profile="4.0")[0]
