"""What must wait is a Pending: an operation returns its result, or one of these where the result comes in a later turn.

Whoever asked keeps the order of its own replies and lets everybody else go on. A Pending is settled exactly once, on
the broker's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Pending(Generic[T]):
    """A result that is not there yet."""

    __slots__ = ("_callbacks", "_error", "_result", "done")

    def __init__(self) -> None:
        self.done = False
        self._result: T | None = None
        self._error: Exception | None = None
        self._callbacks: tuple[Callable[[Pending[T]], None], ...] = ()

    def settle(self, result: T) -> None:
        """Give the result. Raises RuntimeError if there is one already."""
        self._require_open()
        self._result = result
        self._finish()

    def fail(self, error: Exception) -> None:
        """Give the error that `result()` shall raise."""
        self._require_open()
        self._error = error
        self._finish()

    def result(self) -> T:
        """The result, or the error raised. Only once `done`."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # T itself may include None; `done` guards the unset case

    def when_done(self, callback: Callable[[Pending[T]], None]) -> None:
        """Call back once, at settlement or at once if that has happened; several are called in their order."""
        if self.done:
            callback(self)
        else:
            self._callbacks = (*self._callbacks, callback)

    def then(self, function: Callable[[T], R]) -> Pending[R]:
        """A Pending of `function` applied to the result; its exceptions and ours become the new one's."""
        following: Pending[R] = Pending()

        def finish(done: Pending[T]) -> None:
            try:
                result = function(done.result())
            except Exception as error:  # noqa: BLE001  # whoever waits on the new Pending raises it
                following.fail(error)
            else:
                following.settle(result)

        self.when_done(finish)
        return following

    def pass_on(self, other: Pending[T]) -> None:
        """Give the result, or the error, to another one too."""

        def done(_: Pending[T]) -> None:
            if self._error is None:
                other.settle(self.result())
            else:
                other.fail(self._error)

        self.when_done(done)

    def _require_open(self) -> None:
        if self.done:
            raise RuntimeError("a Pending is settled once, and this one was settled before")

    def _finish(self) -> None:
        self.done = True
        callbacks, self._callbacks = self._callbacks, ()
        for callback in callbacks:
            callback(self)


def following(first: Pending[T], second: Callable[[T], R | Pending[R]]) -> R | Pending[R]:
    """What `second` makes of the result of `first`: at once, or a Pending where either has to wait."""
    if first.done:
        return second(first.result())
    result: Pending[R] = Pending()

    def go_on(done: Pending[T]) -> None:
        try:
            made = second(done.result())
        except Exception as error:  # noqa: BLE001  # whoever waits on the result raises it
            result.fail(error)
            return
        if isinstance(made, Pending):
            made.pass_on(result)
        else:
            result.settle(made)

    first.when_done(go_on)
    return result


class Recorded(Pending[T]):
    """A result that is there, and must not be told before it is durable."""

    __slots__ = ("known",)

    def __init__(self, known: T, durable: Pending[None] | None) -> None:
        """`durable`: the moment when it is; None: it is already."""
        super().__init__()
        self.known = known
        if durable is None:
            self.settle(known)
        else:
            durable.then(lambda _: known).pass_on(self)
