"""`amqpd serve`: one broker process. Every setting of the configuration is an option here too."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click
import trio

from amqpd.cli.places import HAS_UNIX, default_folder, forget_dead, place_of
from amqpd.cli.private import private_files
from amqpd.config import Config, ConfigError, load, settings
from amqpd.config.sources import ignored, load_said
from amqpd.log import configure, get_logger

if TYPE_CHECKING:
    from amqpd.server.server import Server

log = get_logger("amqpd.serve")

_HANGUP: Final[signal.Signals | None] = getattr(signal, "SIGHUP", None)
"""Windows has none."""

HTTP_ABOVE: Final = 10_000
"""How far RabbitMQ's port for HTTP, 15672, lies above that for AMQP."""
LOGIN_DELAY: Final = 5.0
"""Seconds that a login waits at most where others failed before it."""
LAST_PORT: Final = 65535
LISTENING: Final = {
    errno.EADDRINUSE: "Another program has that port, maybe a broker: stop it, or choose another (--port, --tls-port)",
    errno.EACCES: "Ports below 1024 are for root, or for who has CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "This machine has no such address: see `host`; `0.0.0.0` and `::` are all that it has",
}
"""What may be done where a port can't be had."""
SWITCH_INTERVAL: Final = 0.0005
"""Seconds: a thread that waits for the interpreter gets it ten times sooner than by default."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for setting in reversed(settings()):
        if setting.is_switch:
            flags = f"{setting.flag}/--no-{setting.flag[2:]}"
            option = click.option(flags, setting.parameter, default=None, help=setting.help)
        else:
            option = click.option(setting.flag, setting.parameter, default=None, metavar="VALUE", help=setting.help)
        command = option(command)
    return command


@click.command()
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), envvar="AMQPD_CONFIG", help="TOML file with settings."
)
@_options
def serve(config_file: Path | None, **flags: object) -> None:
    """Run a broker until SIGINT or SIGTERM. SIGHUP reads certificates and the log level again."""

    def settings_now() -> Config:
        return _with_logins(_with_data_dir(load(config_file, os.environ, flags)))

    try:
        read, said = load_said(config_file, os.environ, flags)
        config = _with_logins(_with_data_dir(read))
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    configure(config.log.level, config.log.format)
    asked = config.control.socket or config.control.token_file
    config = _with_control(config if "management.port" in said else _with_management(config))
    foreign = ignored(os.environ)
    if foreign:
        hint = "amqpd's are named AMQPD_...; a rabbitmq.conf is for `amqpd config convert`"
        log.warning("variables of RabbitMQ that are not read", names=", ".join(foreign), hint=hint)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        with private_files():
            trio.run(_serve, config, settings_now, asked is not None, strict_exception_groups=True)
    except* ConfigError as group:
        raise click.ClickException(_first(group)) from None
    except* OSError as group:
        raise click.ClickException(_first(group)) from None
    log.info("stopped")


def _with_data_dir(config: Config) -> Config:
    """Keep data where the platform does, unless it is said where."""
    if config.transient or config.data_dir is not None:
        return config
    return attrs.evolve(config, data_dir=default_folder())


def _with_logins(config: Config) -> Config:
    """Store new passwords as argon2id if that can be done and nobody wants RabbitMQ's form, and slow guessing down."""
    auth = config.auth
    if auth.password_hashing is None and not config.strict and find_spec("argon2") is not None:
        auth = attrs.evolve(auth, password_hashing="argon2id")  # noqa: S106  # the name of an algorithm
    if auth.failed_login_delay is None:
        auth = attrs.evolve(auth, failed_login_delay=LOGIN_DELAY)
    return attrs.evolve(config, auth=auth)


def _with_management(config: Config) -> Config:
    """Serve the HTTP API where RabbitMQ does in relation to `port`, unless it is switched off, or it cannot be.

    Somebody who didn't ask for it shall not miss the broker because another one has the port.
    """
    management = config.management
    port = (config.port or 0) + HTTP_ABOVE
    asked = management.tls.port is not None
    if not management.enabled or asked or not config.port or port > LAST_PORT:
        return config
    if find_spec("h11") is None:  # the extra is not installed
        return config
    from amqpd.server.listeners import listen_all

    try:
        for listener in listen_all(management.host, port):
            listener.close()
    except OSError as error:
        log.warning("no management API", reason=error.strerror or str(error), hint="set management.port")
        return config
    return attrs.evolve(config, management=attrs.evolve(management, port=port))


def _with_control(config: Config) -> Config:
    """Serve the control socket where `amqpd ctl` looks for it, unless it is said where, or switched off."""
    control = config.control
    if not control.enabled or control.socket is not None or control.token_file is not None:
        return config
    if find_spec("h11") is None:
        log.info("no control socket: it comes with the extra amqpd[server]")
        return config
    forget_dead(os.environ)
    place = place_of(config.data_dir if not config.transient else None, config.port, os.environ)
    chosen = attrs.evolve(control, socket=place) if HAS_UNIX else attrs.evolve(control, token_file=place)
    return attrs.evolve(config, control=chosen)


async def _control(
    stack: AsyncExitStack, enter: AbstractAsyncContextManager[Path | None], asked: bool
) -> Path | None:
    """Open the control socket. Where nobody asked for it and it cannot be, the broker runs without.

    Raises OSError.
    """
    try:
        return await stack.enter_async_context(enter)
    except OSError as error:
        if asked:
            raise
        log.info("no control socket", reason=error.strerror or str(error), hint="set control.socket")
        return None


async def _serve(config: Config, settings_now: Callable[[], Config], asked: bool) -> None:
    """`asked`: whether it was said where the control socket is to be."""
    from amqpd.app import make_node, open_storage, serve_metrics, serve_node
    from amqpd.application import controlled
    from amqpd.clock import SystemClock
    from amqpd.server.descriptors import raise_limit
    from amqpd.server.offload import Threads
    from amqpd.server.server import listening_on
    from amqpd.server.systemd import Notifier, passed

    notifier = Notifier(os.environ)
    given = passed(os.environ)
    storage = open_storage(config, SystemClock())
    node = make_node(config, storage=storage, offload=Threads())
    async with serve_node(node, config, storage, given) as server:
        server.room.connections = raise_limit()
        inside = AsyncExitStack()
        control = await _control(inside, controlled(server, config, storage, _end), asked)
        _settle_garbage()
        async with inside:
            # Before it says that it is ready: whoever reads that may send a signal at once, and a second one ends it.
            with trio.open_signal_receiver(*_signals()) as received:
                _announce(server, config, lambda: serve_metrics(server, config, storage))
                if control is not None:
                    log.info(f"control socket at {control}")
                log.info(f"Server startup complete; compat {config.compat}")
                server.nursery.start_soon(notifier.keep_alive)
                notifier.tell("READY=1", f"STATUS=AMQP on {listening_on([*server.addresses, *server.tls_addresses])}")
                async for number in received:
                    if number == _HANGUP:
                        notifier.tell("RELOADING=1", f"MONOTONIC_USEC={round(node.broker.clock.monotonic() * 1e6)}")
                        _reload(server, settings_now)
                        notifier.tell("READY=1")
                        continue
                    notifier.tell("STOPPING=1")
                    log.info("stopping", signal=signal.Signals(number).name)
                    break


def _reload(server: Server, settings_now: Callable[[], Config]) -> None:
    """Read the settings again. What is wrong with them is one line, and everything stays as it was."""
    from amqpd.app import reload

    try:
        reload(server, settings_now())
    except ConfigError as error:
        log.error("settings not reloaded, everything stays as it was", reason=str(error))


def _announce(server: Server, config: Config, serve_metrics: Callable[[], list[tuple[str, int]]]) -> None:
    from amqpd.server.server import listening_on

    if config.transient:
        log.info("everything is kept in memory: messages and definitions are gone when the broker stops")
    else:
        log.info(f"what is durable is kept in {config.data_dir}", durability=config.durability)
    if server.addresses:
        log.info(f"listening on {listening_on(server.addresses)}")
    for path in server.unix_paths:
        log.info(f"listening on {path}")
    if server.tls_addresses:
        log.info(f"listening on {listening_on(server.tls_addresses)}", tls=True)
    elif config.tls.certificate is not None and config.management.tls.port is None:
        log.warning("nothing listens for TLS, though tls.certificate is set", hint="set tls.port, usually 5671")
    # Only now: where metrics can't be served, that line has an address too, and programs look for the first one.
    metrics = serve_metrics()
    if metrics:
        log.info(f"metrics for Prometheus on {listening_on(metrics)}", path="/metrics")
    if server.http_addresses:
        log.info(f"management API on {listening_on(server.http_addresses)}")
    if server.https_addresses:
        log.info(f"management API on {listening_on(server.https_addresses)}", tls=True)


def _end() -> None:
    signal.raise_signal(signal.SIGTERM)


def _signals() -> tuple[signal.Signals, ...]:
    return (signal.SIGINT, signal.SIGTERM, *([] if _HANGUP is None else [_HANGUP]))


def _settle_garbage() -> None:
    """Keep what start-up made out of all later collections, and make full collections rare.

    Nothing on the message path makes reference cycles, and a full collection walks through everything that waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 10_000)


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, OSError) or error.filename is not None:
        return str(error)
    hint = LISTENING.get(error.errno or 0)
    return f"{error.strerror or error}{f'. {hint}' if hint else ''}"
