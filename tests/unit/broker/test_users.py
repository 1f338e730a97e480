"""Passwords in RabbitMQ's hash format."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.authentication.internal import FOR, REMEMBERED, AcceptedPasswords
from amqpd.broker.operations.access import put_user
from amqpd.broker.operations.exporting import all_sections
from amqpd.broker.operations.importing import import_definitions
from amqpd.broker.passwords import ALGORITHMS, ARGON2, SHA256, hash_password
from amqpd.broker.users import User
from amqpd.clock import ManualClock
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


def accepted() -> tuple[AcceptedPasswords, ManualClock]:
    clock = ManualClock()
    return AcceptedPasswords(clock), clock


def test_an_accepted_password_is_known_again_and_no_other_is() -> None:
    passwords, user = accepted()[0], User.with_password("app", "secret")
    assert not passwords.knows(user, b"secret")
    passwords.remember(user, b"secret")
    assert passwords.knows(user, b"secret")
    assert not passwords.knows(user, b"Secret")


def test_it_is_forgotten_after_a_minute() -> None:
    (passwords, clock), user = accepted(), User.with_password("app", "secret")
    passwords.remember(user, b"secret")
    clock.advance(FOR - 1)
    assert passwords.knows(user, b"secret")
    clock.advance(1)
    assert not passwords.knows(user, b"secret")


def test_a_user_that_was_replaced_is_checked_anew() -> None:
    passwords, user = accepted()[0], User.with_password("app", "secret")
    passwords.remember(user, b"secret")
    assert not passwords.knows(User.with_password("app", "secret"), b"secret")


def test_no_more_than_a_bounded_number_is_remembered() -> None:
    passwords = accepted()[0]
    users = [User(f"u{number}") for number in range(REMEMBERED + 1)]
    for user in users:
        passwords.remember(user, b"secret")
    assert not passwords.knows(users[0], b"secret")
    assert passwords.knows(users[1], b"secret")
    assert passwords.knows(users[-1], b"secret")


# -- argon2id ---------------------------------------------------------------------------------------------------------


def test_an_argon2_hash_is_base64_of_the_usual_text() -> None:
    assert base64.b64decode(hash_password("x", algorithm=ARGON2)).startswith(b"$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    "text",
    [
        "$argon2id$v=19$m=1048576,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=19456,t=1000,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$",
        "",
    ],
)
def test_a_hash_that_asks_for_too_much_or_is_none_accepts_nothing(text: str) -> None:
    assert not User("u", base64.b64encode(text.encode()).decode(), ARGON2).accepts(b"password")


def test_new_passwords_are_stored_as_the_broker_is_told(world: World) -> None:
    put_user(world.broker, "before", tags=(), password="secret")
    world.broker.hash_new_passwords(ARGON2)
    put_user(world.broker, "after", tags=(), password="secret", algorithm="rabbit_password_hashing_md5")
    users = world.broker.access.users
    assert (users["before"].hashing_algorithm, users["after"].hashing_algorithm) == (SHA256, ARGON2)
    for name in ("before", "after"):
        assert world.broker.check_password(name, b"secret").result() == users[name]
        assert world.broker.check_password(name, b"Secret").result() is None


def test_clear_passwords_of_definitions_are_stored_so_too_and_permissions_follow_them(world: World) -> None:
    world.broker.hash_new_passwords(ARGON2)
    document = {
        "users": [{"name": name, "password": "secret", "tags": ""} for name in ("a", "b")],
        "permissions": [{"user": "b", "vhost": "/", "configure": "", "write": "", "read": ""}],
    }
    import_definitions(world.broker, document, by="test")
    assert world.broker.access.users["a"].hashing_algorithm == ARGON2
    assert ("b", "/") in world.broker.access.permissions


def test_a_hash_comes_out_of_definitions_as_it_went_in(world: World) -> None:
    stored = hash_password("secret", algorithm=ARGON2)
    user = {"name": "a", "password_hash": stored, "hashing_algorithm": ARGON2, "tags": ["monitoring"], "limits": {}}
    import_definitions(world.broker, {"users": [user]}, by="test")
    assert user in [*all_sections(world.broker)["users"]()]


WITHOUT_ARGON2 = """
import sys
sys.modules["argon2"] = None  # as if it were not installed
from amqpd.app import make_node
from amqpd.broker.passwords import ARGON2
from amqpd.broker.users import User
from amqpd.config import Config, ConfigError, load
from amqpd.errors import LoginRefused
broker = make_node(Config()).broker
assert broker.check_password("guest", b"guest").result()
broker.add_user(User("moved", "JGFyZ29uMmlkJA==", ARGON2))
try:
    broker.check_password("moved", b"secret").result()
except LoginRefused as refused:
    print(refused.text)
try:
    make_node(load(None, {}, {"auth_password_hashing": ARGON2}))
except ConfigError as error:
    print(error)
"""


def test_without_the_library_everything_else_goes_on_and_it_is_said_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_ARGON2], capture_output=True, text=True, check=True)
    refused, wrong = done.stdout.splitlines()
    assert refused == "the password of 'moved' is an argon2id hash, which amqpd[server] can check"
    assert wrong.startswith("'auth.password_hashing' is argon2id, but argon2-cffi is not installed: pip install")
