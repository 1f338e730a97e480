"""Passwords in RabbitMQ's hash format."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.users import ALGORITHMS, AcceptedPasswords, User, hash_password
from tests.unit.broker.world import World

CHECK_VALUE = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
"""https://www.rabbitmq.com/docs/passwords: `test12` with the salt 90 8D C6 0A."""


def test_the_check_value_of_the_documentation_comes_out() -> None:
    assert hash_password("test12", salt=bytes.fromhex("908DC60A")) == CHECK_VALUE


def test_the_check_value_accepts_its_password_only() -> None:
    user = User("u", CHECK_VALUE)
    assert user.accepts(b"test12")
    assert not user.accepts(b"test13")


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_accepts_what_it_hashed(algorithm: str) -> None:
    user = User("u", hash_password("sésame", algorithm=algorithm), hashing_algorithm=algorithm)
    assert user.accepts("sésame".encode())
    assert not user.accepts(b"sesame")


def test_an_unknown_algorithm_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown hashing algorithm 'rot13': expected one of rabbit_password"):
        hash_password("x", algorithm="rot13")


@pytest.mark.parametrize("stored", ["", CHECK_VALUE, hash_password("", salt=b"salt")])
def test_the_empty_password_is_refused_always(stored: str) -> None:
    """Even where its very hash is stored."""
    assert not User("u", stored).accepts(b"")


def test_a_user_without_a_hash_cannot_log_in() -> None:
    assert not User("u").accepts(b"anything")


@pytest.mark.parametrize("stored", ["not base64!", "AAAA", base64.b64encode(b"abc").decode()])
def test_a_damaged_hash_accepts_nothing(stored: str) -> None:
    assert not User("u", stored).accepts(b"password")


def test_each_password_has_a_salt_of_its_own() -> None:
    first, second = User.with_password("u", "same"), User.with_password("u", "same")
    assert first.password_hash != second.password_hash
    assert first.accepts(b"same")
    assert second.accepts(b"same")


def test_a_hash_is_not_printed() -> None:
    assert CHECK_VALUE not in repr(User("u", CHECK_VALUE))


@given(st.text(min_size=1, max_size=20), st.binary(max_size=20))
@settings(deadline=None)
def test_a_password_is_accepted_exactly_when_it_is_the_same(password: str, other: bytes) -> None:
    user = User.with_password("u", password)
    assert user.accepts(password.encode())
    assert user.accepts(other) is (other == password.encode())


def test_the_broker_answers_none_for_an_unknown_user_and_a_wrong_password(world: World) -> None:
    user = User.with_password("u", "right")
    world.broker.add_user(user)
    assert world.broker.check_password("u", b"right").result() == user
    assert world.broker.check_password("u", b"wrong").result() is None
    assert world.broker.check_password("nobody", b"right").result() is None


def test_an_accepted_password_is_known_again_and_no_other_is() -> None:
    accepted, user = AcceptedPasswords(), User.with_password("app", "secret")
    assert not accepted.knows(user, b"secret")
    assert accepted.remember(user, b"secret") is user
    assert accepted.knows(user, b"secret")
    assert not accepted.knows(user, b"Secret")


def test_a_user_that_was_replaced_is_checked_anew() -> None:
    accepted, user = AcceptedPasswords(), User.with_password("app", "secret")
    accepted.remember(user, b"secret")
    assert not accepted.knows(User.with_password("app", "secret"), b"secret")


def test_a_refused_login_is_not_remembered() -> None:
    accepted = AcceptedPasswords()
    assert accepted.remember(None, b"secret") is None
