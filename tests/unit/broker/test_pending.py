"""Results that come in a later turn."""

from __future__ import annotations

import pytest

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline


def test_a_result_is_there_once_it_is_settled() -> None:
    pending: Pending[int] = Pending()
    assert not pending.done
    pending.settle(5)
    assert pending.result() == 5


def test_a_failure_is_raised_by_whoever_asks() -> None:
    pending: Pending[int] = Pending()
    pending.fail(LookupError("gone"))
    assert pending.done
    with pytest.raises(LookupError, match="gone"):
        pending.result()


def test_nobody_settles_twice() -> None:
    pending: Pending[int] = Pending()
    pending.settle(1)
    with pytest.raises(RuntimeError, match="settled once"):
        pending.settle(2)
    with pytest.raises(RuntimeError, match="settled once"):
        pending.fail(ValueError("late"))


def test_a_refused_second_settlement_leaves_the_first_result() -> None:
    pending: Pending[int] = Pending()
    pending.settle(1)
    with pytest.raises(RuntimeError):
        pending.settle(2)
    assert pending.result() == 1


@pytest.mark.parametrize("before", [True, False])
def test_a_callback_is_called_once_whether_it_comes_before_or_after(before: bool) -> None:
    pending: Pending[int] = Pending()
    seen: list[int] = []
    if before:
        pending.when_done(lambda done: seen.append(done.result()))
        assert seen == []
    pending.settle(7)
    if not before:
        pending.when_done(lambda done: seen.append(done.result()))
    assert seen == [7]


def test_then_applies_a_function_to_the_result() -> None:
    pending: Pending[int] = Pending()
    following = pending.then(lambda number: str(number + 1)).then(len)
    assert not following.done
    pending.settle(99)
    assert following.result() == 3


def test_then_passes_failures_on_without_calling_the_function() -> None:
    pending: Pending[int] = Pending()
    called: list[int] = []
    following = pending.then(called.append)
    pending.fail(KeyError("first"))
    with pytest.raises(KeyError, match="first"):
        following.result()
    assert called == []


def test_an_exception_of_the_function_becomes_the_failure() -> None:
    pending: Pending[int] = Pending()
    following = pending.then(lambda number: 1 // number)
    pending.settle(0)
    with pytest.raises(ZeroDivisionError):
        following.result()


def test_inline_work_is_done_at_once_whatever_its_outcome() -> None:
    assert Inline().run(lambda: 3).result() == 3
    failed = Inline().run(lambda: 1 // 0)
    assert failed.done
    with pytest.raises(ZeroDivisionError):
        failed.result()
