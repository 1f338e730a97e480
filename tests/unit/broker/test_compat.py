"""The table of versions: what each profile answers, checked against the release that changed it."""

from __future__ import annotations

import attrs
import pytest

from amqpd.broker.compat import DEFAULT, EXTENSIONS, MIB, PROFILES, Compat

NAMES = ("3.10", "3.13", "4.0", "4.2", "4.3")


def test_the_profiles_are_in_the_order_of_their_versions() -> None:
    assert tuple(PROFILES) == NAMES
    for name, profile in PROFILES.items():
        assert profile.version.startswith(name + ".")


def test_the_default_is_4_2() -> None:
    assert DEFAULT == "4.2"
    assert Compat.of().profile is PROFILES["4.2"]


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    known = r"3\.10, 3\.13, 4\.0, 4\.2, 4\.3"
    with pytest.raises(ValueError, match=rf"unknown compat profile '3\.9': expected one of {known}"):
        Compat.of("3.9")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_extensions_are_on_in_every_profile_and_off_when_strict(name: str, extension: str) -> None:
    assert Compat.of(name).extends(extension)
    assert not Compat.of(name, strict=True).extends(extension)


@pytest.mark.parametrize("strict", [True, False])
def test_an_extension_that_is_not_listed_is_a_mistake(strict: bool) -> None:
    with pytest.raises(KeyError):
        Compat.of(strict=strict).extends("time-travel")


@pytest.mark.parametrize(
    ("field", "answers"),
    [
        ("frame_max_minimum", (4096, 4096, 4096, 8192, 8192)),
        ("initial_frame_max", (4096, 4096, 4096, 8192, 8192)),
        ("max_message_size", (128 * MIB, 128 * MIB, 16 * MIB, 16 * MIB, 16 * MIB)),
        ("refusals_name_permission", (False, True, True, True, True)),
        ("unknown_exchange_type_closes_connection", (True, False, False, False, False)),
        ("sorts_later_deaths", (True, False, False, False, False)),
        ("has_default_queue_types", (False, True, True, True, True)),
        ("injects_queue_type", (False, False, True, True, True)),
        ("refuses_reply_to_binding", (False, False, False, True, True)),
        ("volatile_get_is_refused", (False, False, False, True, True)),
        ("crashes_on_unknown_master_locator", (True, True, False, False, False)),
        ("crashes_on_unreadable_age", (True, True, True, False, False)),
        ("tells_acquired_count", (False, False, False, True, True)),
        ("passive_needs_any_permission", (False, False, False, True, True)),
        ("honours_global_qos", (True, True, True, True, False)),
        ("accepts_cancel_ok", (False, False, False, False, True)),
        ("topic_permission_covers_copies", (False, False, True, True, True)),
        ("refuses_unknown_delivery_mode", (True, False, False, False, False)),
        ("headers_match_across_types", (True, False, False, False, False)),
        ("user_channel_limit_in_brackets", (True, True, True, False, False)),
        ("user_channel_limit_names_node", (False, False, True, False, False)),
        ("topic_wildcards_maximum", (None, None, None, None, 2)),
        ("queue_versions", ((1, 2), (1, 2), (1, 2), (1, 2), (2,))),
        ("validates_queue_mode", (True, True, True, True, False)),
        ("refuses_master_locator", (False, False, False, False, True)),
        ("classic_takes_leader_locator", (False, True, True, True, True)),
        ("quorum_priorities", (1, 1, 2, 2, 32)),
        ("single_active_follows_priority", (False, False, True, True, True)),
        ("timed_queue_types", ("", "CQ", "CQ", "CQ", "Q")),
        ("counts_every_return", (True, True, True, True, False)),
        ("times_out_every_queue_type", (True, True, True, True, False)),
        ("repeats_timeout_close", (True, False, False, False, False)),
    ],
)
def test_each_behaviour_changes_with_the_release_that_changed_it(field: str, answers: tuple[object, ...]) -> None:
    assert tuple(attrs.asdict(PROFILES[name], recurse=False)[field] for name in NAMES) == answers
