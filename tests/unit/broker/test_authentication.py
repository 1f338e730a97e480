"""Who is asked about a login, in which order, how many at a time, and what many failures cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import attrs
import pytest

from amqpd import patterns
from amqpd.broker.authentication.chain import Authentication, Link
from amqpd.broker.authentication.failures import FIRST, FORGOTTEN, FREE, KEPT, FailedLogins, place
from amqpd.broker.authentication.internal import InternalBackend
from amqpd.broker.authentication.port import AuthBackend, Login
from amqpd.broker.authentication.rules import PasswordRules
from amqpd.broker.passwords import ARGON2
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline, Offload
from amqpd.broker.taking_turns import OF_ALL, OF_ONE, SHARED, TakingTurns, TooManyWait
from amqpd.broker.timers import Timers
from amqpd.broker.undecided import Undecided
from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.errors import LoginRefused

T = TypeVar("T")


class Held(Offload):
    """Runs what was asked for when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        self.waiting.append(lambda: Inline().run(function).pass_on(pending))
        return pending

    def run_one(self) -> None:
        self.waiting.pop(0)()


class Known(AuthBackend):
    """Knows users and their secrets."""

    name: ClassVar[str] = "known"
    at_once: ClassVar[int] = 2

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.asked: list[str | None] = []

    def check(self, login: Login) -> Callable[[], User | None]:
        self.asked.append(login.name)
        right = self.secrets.get(login.name or "") == login.secret.decode()
        return lambda: User(login.name or "", tags=(*self.secrets,)) if right else None

    def authorise(self, name: str) -> User | None:
        return User(name, tags=("authorised",)) if name in self.secrets else None


class Refusing(Known):
    def check(self, login: Login) -> Callable[[], User | None]:
        raise LoginRefused("the moon is full")


class Broken(Known):
    def check(self, login: Login) -> Callable[[], User | None]:
        def fail() -> User | None:
            raise RuntimeError("a defect")

        return fail


def chain(*links: AuthBackend | tuple[AuthBackend, AuthBackend]) -> tuple[Authentication, Timers, ManualClock]:
    clock = ManualClock()
    timers = Timers(clock)
    made = [Link(*each) if isinstance(each, tuple) else Link(each, each) for each in links]
    return Authentication(made, Inline(), timers, clock), timers, clock


def test_the_first_backend_that_accepts_wins() -> None:
    first, second = Known(a="1"), Known(a="1", b="2")
    authentication, _, _ = chain(first, second)
    assert authentication.check(Login("a", b"1")).result() == User("a", tags=("a",))
    assert authentication.check(Login("b", b"2")).result() == User("b", tags=("a", "b"))
    assert authentication.check(Login("c", b"3")).result() is None
    assert (first.asked, second.asked) == (["a", "b", "c"], ["b", "c"])


def test_one_may_check_and_another_one_say_what_the_user_may_do() -> None:
    authentication, _, _ = chain((Known(a="1", b="2"), Known(a="other")))
    assert authentication.check(Login("a", b"1")).result() == User("a", tags=("a", "b", "authorised"))
    with pytest.raises(LoginRefused, match="'known' does not know the user 'b'"):
        authentication.check(Login("b", b"2")).result()


@pytest.mark.parametrize("broken", [Broken(), Refusing()])
def test_one_that_fails_or_refuses_does_not_keep_the_next_one_from_its_answer(broken: AuthBackend) -> None:
    authentication, _, _ = chain(broken, Known(a="1"))
    assert authentication.check(Login("a", b"1")).result() == User("a", tags=("a",))


def test_the_reason_of_a_refusal_comes_along() -> None:
    authentication, _, _ = chain(Known(), Refusing())
    with pytest.raises(LoginRefused, match="the moon is full"):
        authentication.check(Login("a", b"1")).result()


def test_a_backend_that_broke_is_not_taken_for_a_wrong_password() -> None:
    authentication, _, _ = chain(Broken())
    with pytest.raises(RuntimeError, match="a defect"):
        authentication.check(Login("a", b"1")).result()


def test_a_name_that_is_too_long_is_not_looked_up() -> None:
    known = Known()
    authentication, _, _ = chain(known)
    with pytest.raises(LoginRefused, match="a name of 100000 characters"):
        authentication.check(Login("x" * 100_000, b"1")).result()
    assert known.asked == []


def test_a_login_that_ends_still_does_where_another_one_says_what_the_user_may_do() -> None:
    class Ending(Known):
        def check(self, login: Login) -> Callable[[], User | None]:
            return lambda: User("a", expires=7.0)

    authentication, _, _ = chain((Ending(), Known(a="other")))
    assert authentication.check(Login(None, b"token")).result() == User("a", tags=("authorised",), expires=7.0)


class Asking(Known):
    """Has to ask somebody who has which rights."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Pending[None] = Pending()

    def authorise(self, name: str) -> User | None:
        if not self.answer.done:
            raise Undecided(self.answer)
        return User(name, tags=("authorised",))


def test_a_login_waits_for_who_says_what_the_user_may_do() -> None:
    asking = Asking()
    authentication, _, _ = chain((Known(a="1"), asking))
    checked, known = authentication.check(Login("a", b"1")), authentication.known("a")
    assert not checked.done
    assert not known.done
    asking.answer.settle(None)
    assert checked.result() == User("a", tags=("a", "authorised"))
    assert known.result() == User("a", tags=("authorised",))


# -- failures ---------------------------------------------------------------------------------------------------------


def test_after_some_failures_the_next_login_of_that_user_from_there_waits() -> None:
    known = Known(a="1")
    authentication, timers, clock = chain(known)
    authentication.failures.longest = 5.0
    for _ in range(FREE):
        assert authentication.check(Login("a", b"0", "192.0.2.1")).done
    waiting = authentication.check(Login("a", b"1", "192.0.2.1"))
    assert not waiting.done
    assert authentication.check(Login("a", b"1", "192.0.2.2")).done
    assert authentication.check(Login("b", b"1", "192.0.2.1")).done
    clock.advance(FIRST)
    timers.run_due()
    assert waiting.result() is not None
    assert authentication.check(Login("a", b"1", "192.0.2.1")).done


def test_each_further_failure_doubles_the_delay_up_to_the_longest() -> None:
    clock = ManualClock()
    failures = FailedLogins(clock)
    failures.longest = 1.0
    delays = []
    for _ in range(FREE + 4):
        failures.failed("192.0.2.1", "a")
        delays.append(failures.delay("192.0.2.1", "a"))
    assert delays[FREE - 1 :] == [0.25, 0.5, 1.0, 1.0, 1.0]
    clock.advance(FORGOTTEN + 1)
    assert failures.delay("192.0.2.1", "a") == 0


def test_without_a_longest_delay_there_is_none() -> None:
    failures = FailedLogins(ManualClock())
    for _ in range(2000):
        failures.failed("192.0.2.1", "a")
    assert failures.delay("192.0.2.1", "a") == 0


def test_a_bounded_number_of_pairs_is_remembered() -> None:
    failures = FailedLogins(ManualClock())
    failures.longest = 1.0
    for _ in range(FREE):
        failures.failed("192.0.2.1", "first")
    for number in range(KEPT):
        failures.failed("192.0.2.1", str(number))
    assert failures.delay("192.0.2.1", "first") == 0


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_addresses_of_one_ipv6_network_are_one_place(origin: str, expected: str) -> None:
    assert place(origin) == expected


# -- new passwords ----------------------------------------------------------------------------------------------------


def test_a_new_password_is_measured_in_characters_and_searched_for_a_pattern() -> None:
    rules = PasswordRules(4, patterns.compile("[0-9]"))
    assert rules.refusal("ab1") == "minimum required password length: 4"
    assert rules.refusal("äöüß") == "provided password does not match the validator regular expression"
    assert rules.refusal("äöü1") is None
    assert PasswordRules().refusal("") is None


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_a_few_checks_run_at_a_time_and_origins_take_turns() -> None:
    held, ran = Held(), []
    checks = TakingTurns[None](held, 2)
    for origin, count in (("storm", 5), ("other", 2)):
        for number in range(count):
            checks.run(origin, lambda origin=origin, number=number: ran.append(f"{origin}{number}"))  # type: ignore[misc]  # the defaults bind what the loop has now
    assert len(held.waiting) == 2
    while held.waiting:
        held.run_one()
        assert len(held.waiting) <= 2
    assert ran == ["storm0", "storm1", "storm2", "other0", "storm3", "other1", "storm4"]


def test_more_than_a_bounded_number_of_one_origin_or_of_all_is_refused() -> None:
    checks = TakingTurns[None](Held(), 1)
    checks.run("storm", lambda: None)
    for _ in range(OF_ONE):
        checks.run("storm", lambda: None)
    with pytest.raises(TooManyWait):
        checks.run("storm", lambda: None)
    for number in range(OF_ALL - OF_ONE):
        checks.run(str(number), lambda: None)
    with pytest.raises(TooManyWait):
        checks.run("other", lambda: None)


def test_equal_functions_are_called_once_for_a_few_who_wait() -> None:
    held, calls = Held(), []
    checks = TakingTurns[int](held, 1)

    @attrs.frozen
    class Answer:
        value: int

        def __call__(self) -> int:
            calls.append(self.value)
            return self.value

    waiting = [checks.run("a", Answer(1)) for _ in range(SHARED + 1)]
    other = checks.run("b", Answer(2))
    held.run_one()
    assert [each.done for each in waiting] == [True] * SHARED + [False]
    held.run_one()
    held.run_one()
    assert [each.result() for each in (*waiting, other)] == [1] * (SHARED + 1) + [2]
    assert calls == [1, 1, 2]
    assert not checks.run("a", Answer(1)).done


def test_a_login_for_which_there_is_no_place_in_the_line_is_refused_with_the_reason() -> None:
    clock, known = ManualClock(), Known()
    authentication = Authentication([Link(known, known)], Held(), Timers(clock), clock)
    waiting = [authentication.check(Login(str(number), b"1", "storm")) for number in range(Known.at_once + OF_ONE)]
    assert not any(each.done for each in waiting)
    with pytest.raises(LoginRefused, match="too many logins wait for their check"):
        authentication.check(Login("one more", b"1", "storm")).result()
    assert not authentication.check(Login("one more", b"1", "elsewhere")).done


def test_the_same_password_of_the_same_user_is_checked_once_for_many_connections() -> None:
    clock, held = ManualClock(), Held()
    users = {"a": User.with_password("a", "1", algorithm=ARGON2)}
    internal = InternalBackend(users, clock)
    internal.nobody = User.with_password("", "x", algorithm=ARGON2)
    authentication = Authentication([Link(internal, internal)], held, Timers(clock), clock)
    same = [authentication.check(Login("a", b"1", origin)) for origin in ("192.0.2.1", "192.0.2.2")]
    assert len(held.waiting) == 1
    for name in ("b", "c"):  # who could tell unknown names from known ones by the time that they take, if they shared
        authentication.check(Login(name, b"1", "192.0.2.3"))
    held.run_one()
    assert [each.result() for each in same] == [users["a"]] * 2
    checks = 0
    while held.waiting:
        held.run_one()
        checks += 1
    assert checks == 2


class Nobody(User):
    """Counts how often its password was looked at."""

    looks: ClassVar[int] = 0

    def accepts(self, password: bytes) -> bool:
        type(self).looks += 1
        return super().accepts(password)


def test_no_refusal_is_quicker_than_that_of_an_unknown_user() -> None:
    """Else names could be found out: of users with a RabbitMQ's hashes, and of those without a password."""
    slow = User.with_password("", "x", algorithm=ARGON2)
    users = {
        "imported": User.with_password("imported", "1"),
        "without": User("without"),
        "usual": User.with_password("usual", "1", algorithm=ARGON2),
    }
    internal = InternalBackend(users, ManualClock())
    internal.nobody = Nobody("", slow.password_hash, ARGON2)
    before = Nobody.looks
    for name, password, looks in (
        ("unknown", b"2", 1), ("imported", b"2", 1), ("without", b"2", 1), ("usual", b"2", 0), ("imported", b"1", 0)
    ):  # fmt: skip
        login = Login(name, password)
        assert internal.is_heavy(login)  # in a thread, and so is the line
        assert internal.check(login)() is (users[name] if password == b"1" else None)
        assert Nobody.looks - before == looks, name
        before = Nobody.looks
