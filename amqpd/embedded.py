"""A broker inside another program: `serve` in a trio program, `run_in_thread` anywhere else.

Both yield a handle with the URL to connect to, a clock that can be moved, faults on demand, and a look inside. The
host's garbage collector, thread switch interval, signals and logging are left alone.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from amqpd.app import make_node, open_storage, serve_node
from amqpd.broker.ports import Journal, MemoryJournal
from amqpd.clock import OffsetClock
from amqpd.config import Config, load
from amqpd.server.offload import Threads
from amqpd.testing.broker import EmbeddedBroker
from amqpd.testing.faults import FaultyJournal

if TYPE_CHECKING:
    from amqpd.server.server import Server
    from amqpd.storage.journal import EngineJournal

PATIENCE: Final = 500
"""Turns that a call waits for clients' input to be handled; more of it than that is a flood, which never ends."""

T = TypeVar("T")

IN_THREAD: Final[Mapping[str, object]] = {"port": 0, "shutdown_timeout": 0.5}
"""Other defaults: no test waits for a client that it forgot to close."""


@asynccontextmanager
async def serve(
    config: Config | None = None, *, journal: Journal | None = None, **settings: object
) -> AsyncGenerator[EmbeddedBroker]:
    """Run a broker in this trio program while the block runs.

    Settings are those of the configuration (`port=0`, `compat="3.10"`, `limits_heartbeat=0`), over those of `config`
    if one is given; `journal` is the storage behind the broker (nothing is kept by default). Raises ConfigError for
    one that is wrong, OSError for an address that is taken.
    """
    config = _configured(config, settings)
    clock = OffsetClock()
    storage = None if journal is not None else open_storage(config, clock)
    faulty = FaultyJournal(journal or storage or MemoryJournal())
    node = make_node(config, clock=clock, journal=faulty, storage=storage, offload=Threads())
    own: BaseException | None = None
    try:
        async with serve_node(node, config, storage) as server, _controlled(server, config, storage):
            broker = EmbeddedBroker(server, clock, faulty, config, lambda function: function())
            try:
                yield broker
            except BaseException as error:
                own = error
                raise
    except BaseExceptionGroup as group:
        if own is None or not _wraps(group, own):
            raise
    else:
        return
    raise own  # the block's own error as itself, and out here so that its cause and context stay what they were


@contextmanager
def run_in_thread(
    config: Config | None = None, *, journal: Journal | None = None, **settings: object
) -> Generator[EmbeddedBroker]:
    """Run a broker in a thread of its own while the block runs, on a free port unless `port` says otherwise.

    Settings and errors as for `serve`; clients that are still there in the end get half a second to answer the close,
    unless `shutdown_timeout` says otherwise. A child process that is forked meanwhile keeps nothing of it.
    """
    config = _configured(config, {**IN_THREAD, **settings} if config is None else settings)
    thread = _BrokerThread(config, journal)
    owner = os.getpid()
    broker = thread.start_and_wait()
    try:
        yield broker
    finally:
        if os.getpid() == owner:
            thread.stop()


def _unwrapped(error: BaseException) -> BaseException:
    """What is inside the groups of one that nurseries put around an exception."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _wraps(group: BaseException, error: BaseException) -> bool:
    """Whether there is nothing in a group but `error`; if that is a group itself, nurseries may have copied it."""
    return [id(each) for each in _leaves(group)] == [id(each) for each in _leaves(error)]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _controlled(
    server: Server, config: Config, storage: EngineJournal | None
) -> AbstractAsyncContextManager[Path | None]:
    """The control socket, where one is asked for."""
    if config.control.socket is None and config.control.token_file is None:
        return nullcontext()
    from amqpd.application import controlled

    return controlled(server, config, storage)


def _configured(config: Config | None, settings: dict[str, object]) -> Config:
    if config is None:
        return load(None, {}, settings)
    if settings:
        raise TypeError(f"give either a Config or settings, not both: got {', '.join(settings)} beside a Config")
    return config


class _BrokerThread:
    """Starts trio in a thread and hands out the broker, or the error that kept it from starting."""

    def __init__(self, config: Config, journal: Journal | None) -> None:
        self._config = config
        self._journal = journal
        self._started = threading.Event()
        self._broker: EmbeddedBroker | None = None
        self._error: BaseException | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._stop: trio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="amqpd", daemon=True)

    def start_and_wait(self) -> EmbeddedBroker:
        self._thread.start()
        self._started.wait()
        if self._broker is None:
            self._thread.join()
            assert self._error is not None
            raise self._error
        return self._broker

    def stop(self) -> None:
        if self._token is not None and self._stop is not None:
            try:
                self._token.run_sync_soon(self._stop.set)
            except trio.RunFinishedError:
                pass
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # noqa: BLE001  # it is raised where the broker was asked for
            self._error = _unwrapped(error)
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        clock = OffsetClock()
        storage = None if self._journal is not None else open_storage(self._config, clock)
        journal = FaultyJournal(self._journal or storage or MemoryJournal())
        node = make_node(self._config, clock=clock, journal=journal, storage=storage, offload=Threads())
        async with serve_node(node, self._config, storage) as server, _controlled(server, self._config, storage):
            with _closed_in_children(server.open_sockets):
                self._broker = EmbeddedBroker(server, clock, journal, self._config, self._call)
                self._started.set()
                await self._stop.wait()

    def _call(self, function: Callable[[], T]) -> T:
        """Run a function on the broker's thread, from any thread.

        What clients have sent before the call is handled first, so that a test may publish and look.
        """
        if threading.current_thread() is self._thread:
            return function()
        # Not trio.from_thread: the caller may be a trio program itself, whose loop waits like any other thread.
        token, broker = self._token, self._broker
        assert token is not None
        assert broker is not None
        outcome: Future[T] = Future()
        turns = iter(range(PATIENCE))

        def run() -> None:
            if broker.input_waits() and next(turns, None) is not None:
                token.run_sync_soon(run)
                return
            try:
                outcome.set_result(function())
            except BaseException as error:  # noqa: BLE001  # it is raised where the function was handed in
                outcome.set_exception(error)

        token.run_sync_soon(run)
        return outcome.result()


_children_close: list[Callable[[], list[socket.socket]]] = []


@contextmanager
def _closed_in_children(sockets: Callable[[], list[socket.socket]]) -> Generator[None]:
    """While the block runs, forked children close their copies of these sockets at once.

    A child that kept a copy of a connection's socket would keep its client waiting after the broker has closed it.
    """
    _children_close.append(sockets)
    try:
        yield
    finally:
        _children_close.remove(sockets)


def _in_child() -> None:
    for sockets in _children_close:
        for sock in sockets():
            sock.close()
    _children_close.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
