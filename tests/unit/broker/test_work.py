"""Long work: bounded steps, first in first served, and who is told that there is some."""

from __future__ import annotations

from amqpd.broker.work import Call, Work, WorkList


class Steps(Work):
    """Takes `count` steps and notes each."""

    def __init__(self, name: str, count: int, log: list[str]) -> None:
        self._name = name
        self._count = count
        self._log = log

    def step(self, budget: int) -> bool:
        self._log.append(self._name)
        self._count -= 1
        return self._count > 0


def test_an_empty_list_has_nothing_left() -> None:
    work = WorkList()
    assert not work.run(512)
    assert len(work) == 0


def test_what_is_not_finished_goes_to_the_back_of_the_line() -> None:
    work, log = WorkList(), list[str]()
    work.add(Steps("a", 3, log))
    work.add(Steps("b", 1, log))
    work.add(Steps("c", 2, log))
    while work.run(64):
        pass
    assert log == ["a", "b", "c", "a", "c", "a"]


def test_one_run_takes_each_at_most_once() -> None:
    work, log = WorkList(), list[str]()
    work.add(Steps("a", 10, log))
    work.add(Steps("b", 10, log))
    assert work.run(100_000)
    assert log == ["a", "b"]


def test_many_small_pieces_of_work_do_not_fill_one_turn() -> None:
    work, log = WorkList(), list[str]()
    for _ in range(1000):
        work.add(Steps("x", 1, log))
    assert work.run(512)
    assert 0 < len(log) < 100


def test_work_that_is_added_by_work_waits_for_the_next_turn() -> None:
    work, log = WorkList(), list[str]()
    work.add(Call(lambda: work.add(Steps("later", 1, log))))
    assert work.run(512)
    assert log == []
    assert not work.run(512)
    assert log == ["later"]


def test_whoever_sleeps_is_told_when_there_is_work_again() -> None:
    work, told = WorkList(), list[str]()
    work.on_work = lambda: told.append("told")
    work.add(Call(lambda: None))
    work.add(Call(lambda: None))
    assert told == ["told"]
    while work.run(64):
        pass
    work.add(Call(lambda: None))
    assert told == ["told", "told"]
