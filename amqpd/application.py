"""The broker of a process in its operator's hands: stopped and started, reset, limited; and the socket for all that.

A stop does to clients and to what isn't durable what the end of the process would do, and leaves the process.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amqpd import definitions_file
from amqpd.app import api_of, serve_http
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.operations.restarting import forget_all, forget_transient
from amqpd.config import Config, ConfigError, concealment
from amqpd.config.model import Control
from amqpd.config.settings import settings
from amqpd.log import get_logger, set_level
from amqpd.management.control import Application, Refused
from amqpd.management.waiting import settled
from amqpd.populating import declared, fill
from amqpd.server import memory
from amqpd.server.local import guarded_port, unix_socket
from amqpd.server.server import Server

if TYPE_CHECKING:
    from amqpd.storage.journal import EngineJournal

log = get_logger(__name__)

LEVELS: Final = ("debug", "info", "warning", "error")
SILENT: Final = {"critical": "critical", "none": "critical"}
"""RabbitMQ's further levels; amqpd has no event of them."""


class Operated(Application):
    """One running server."""

    def __init__(
        self, server: Server, config: Config, storage: EngineJournal | None, shut_down: Callable[[], None] | None
    ) -> None:
        """`shut_down`: ends the process; None: it is another program's."""
        self._server = server
        self._config = config
        self._storage = storage
        self._shut_down = shut_down
        self._running = True
        self._changing = trio.Lock()

    @property
    def is_running(self) -> bool:
        return self._running

    async def stop(self) -> None:
        async with self._changing:
            if not self._running:
                return
            self._running = False
            log.info("application stopped: no clients are served until it is started again")
            await self._server.close_doors()
            await self._server.close_connections(self._config.shutdown_timeout)
            swept = trio.Event()
            forget_transient(self._server.node.broker).when_done(lambda _: swept.set())
            self._server.end_turn()
            await swept.wait()

    async def start(self) -> None:
        async with self._changing:
            if self._running:
                return
            await self.listen(on=True)
            self._running = True
            log.info("application started")

    async def reset(self) -> None:
        async with self._changing:
            if self._running:
                raise Refused("the application runs: stop it with stop_app")
            broker, path = self._server.node.broker, self._config.definitions
            try:  # nothing is forgotten where what is to follow cannot be had
                access = declared(broker, self._config, restored=False)
                document = None if path is None else definitions_file.read(path)
            except ConfigError as error:
                raise Refused(f"nothing was reset: {error}") from error
            forget_all(broker)
            fill(broker, self._config, access)
            forgotten = once_durable(broker.journal, None)
            self._server.end_turn()
            await settled(forgotten)
            log.warning("everything was reset: messages, definitions and users are gone")
            if path is not None and document is not None:
                try:
                    imported = definitions_file.begin(broker, path, document)
                    self._server.end_turn()
                    await settled(imported)
                except ConfigError as error:
                    raise Refused(f"everything was reset, but {error}") from error

    def shut_down(self) -> None:
        if self._shut_down is None:
            raise Refused("the broker ends with the program that it runs in")
        self._shut_down()

    async def listen(self, *, on: bool) -> None:
        if not on:
            await self._server.close_doors()
            return
        try:
            for door in self._server.doors:
                door.open()
        except OSError:
            await self._server.close_doors()
            raise

    def environment(self) -> Mapping[str, object]:
        found: dict[str, object] = {}
        for setting in settings():
            value: object = attrgetter(setting.key)(self._config)
            found[setting.key] = concealment.HIDDEN if setting.secret and value is not None else _plain(value)
        found |= {"memory.limit_in_bytes": self._memory_limit(), "disk_free_limit": self._disk_limit()}
        return found

    def variables(self) -> Mapping[str, str]:
        return concealment.variables(os.environ)

    def command_line(self) -> Sequence[str]:
        return [] if self._shut_down is None else [*concealment.command_line(sys.orig_argv)]

    def limit_memory(self, value: float) -> int:
        watch = self._server.node.memory
        assert watch is not None
        watch.set_limit(value if isinstance(value, int) else int(value * memory.available()))
        log.info("memory limit set", bytes=watch.limit)
        self._server.end_turn()
        return watch.limit

    def limit_disk(self, value: float) -> int:
        limit = value if isinstance(value, int) else int(value * memory.available())
        if self._storage is not None and self._storage.room is not None:
            self._storage.room.set_limit(limit)
        log.info("limit of free space on the disk set", bytes=limit)
        return limit

    def set_log_level(self, level: str) -> None:
        if level not in (*LEVELS, *SILENT):
            raise Refused(f"level {level} is not supported. Try one of debug, info, warning, error, critical, none")
        set_level(SILENT.get(level, level))

    def _memory_limit(self) -> int:
        watch = self._server.node.memory
        return 0 if watch is None else watch.limit

    def _disk_limit(self) -> int:
        room = None if self._storage is None else self._storage.room
        return self._config.disk_free_limit if room is None else room.limit


def is_installed() -> bool:
    """Whether the control socket can be served: it takes `amqpd[server]`."""
    return find_spec("h11") is not None


@asynccontextmanager
async def controlled(
    server: Server, config: Config, storage: EngineJournal | None = None, shut_down: Callable[[], None] | None = None
) -> AsyncGenerator[Path | None]:
    """Serve the control socket of a running server where the configuration says, while the block runs; yields its path,
    or None where there is none. Raises OSError, ConfigError.
    """
    settings_ = config.control
    if not settings_.enabled or (settings_.socket is None and settings_.token_file is None):
        yield None
        return
    if not is_installed():
        text = "a control socket is asked for, but h11 is not installed: pip install 'amqpd[server]'"
        raise ConfigError(text, key="control.socket", value=str(settings_.socket or settings_.token_file))
    from amqpd.http.server import HttpServer
    from amqpd.management.serving import local

    application = Operated(server, config, storage, shut_down)
    api = api_of(server, config, storage)
    api = attrs.evolve(api, settings=attrs.evolve(api.settings, path_prefix=""))
    with _door(settings_) as (sock, token):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_http, [sock], partial(HttpServer, local(api, application, token)))
            yield settings_.socket or settings_.token_file
            nursery.cancel_scope.cancel()


@contextmanager
def _door(settings_: Control) -> Iterator[tuple[socket.socket, str | None]]:
    """A listening socket, and the token where no file's mode guards it. Raises OSError."""
    if settings_.socket is not None:
        with unix_socket(settings_.socket) as sock:
            yield sock, None
        return
    assert settings_.token_file is not None
    with guarded_port(settings_.token_file) as (sock, token):
        yield sock, token


def _plain(value: object) -> object:
    match value:
        case Path():
            return str(value)
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case _:
            return value
