"""The composition root: a Config becomes a broker with its users, and a running server around it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from amqpd import logins, plugins
from amqpd.broker.alarms import DISK, MemoryWatch
from amqpd.broker.broker import Broker
from amqpd.broker.compat import Compat
from amqpd.broker.node_limits import NodeLimits
from amqpd.broker.pager import Pager
from amqpd.broker.ports import Journal, Offload, Randomness
from amqpd.broker.timers import Timers
from amqpd.clock import Clock, SystemClock
from amqpd.config import Config, Tls
from amqpd.config.errors import ConfigError, bad_value, missing_library, one_of
from amqpd.definitions_file import take_over
from amqpd.log import get_logger, set_level
from amqpd.metrics import serving
from amqpd.metrics.machine import Machine
from amqpd.populating import populate
from amqpd.protocol.interceptors import Interceptors
from amqpd.protocol.node import CertificateLogin, Node, Settings
from amqpd.server import memory, proxy_protocol
from amqpd.server.doors import accept_all
from amqpd.server.listeners import listen_all
from amqpd.server.offload import Threads
from amqpd.server.server import Server, running
from amqpd.server.systemd import NOTHING as NOTHING_PASSED
from amqpd.server.systemd import Passed
from amqpd.server.unix_sockets import listen_unix, remove
from amqpd.version import __version__

if TYPE_CHECKING:
    from ssl import SSLContext

    from amqpd.http.server import Arrive, HttpServer
    from amqpd.management.api import Api, Listening
    from amqpd.storage.journal import EngineJournal

log = get_logger(__name__)

RESIDENT_CHECK: Final = 2.5
"""Seconds between two looks at the resident size."""
AT_START: Final = 256 * 1024 * 1024
"""Octets above which recovered messages do not come into memory: it may be long before anybody wants them."""
SPILL: Final = "spill"
"""The folder in the data directory for what memory has no room for."""


class SystemRandomness(Randomness):
    """Names from the operating system's randomness."""

    def octets(self, count: int) -> bytes:
        return secrets.token_bytes(count)


def open_storage(config: Config, clock: Clock) -> EngineJournal | None:
    """Open what the configuration says is to be kept; None: nothing.

    Raises ConfigError for a folder that is in use or that this version cannot read or write.
    """
    if config.data_dir is None or config.transient:
        return None
    from amqpd.storage.engine import DirectoryInUse, Durability, Incomplete, UnknownFormat
    from amqpd.storage.files import RealFiles, is_full
    from amqpd.storage.journal import EngineJournal
    from amqpd.storage.room import Reserve
    from amqpd.storage.spill import SpillFiles
    from amqpd.storage.sqlite import SqliteEngine

    try:
        try:
            engine = SqliteEngine(config.data_dir, Durability(config.durability))
        except OSError as error:
            if not is_full(error):
                raise
            Reserve(config.data_dir, RealFiles()).give_back()
            engine = SqliteEngine(config.data_dir, Durability(config.durability))
        return EngineJournal(engine, clock, SpillFiles(config.data_dir / SPILL))
    except (DirectoryInUse, Incomplete, UnknownFormat) as error:
        raise ConfigError(str(error), key="data_dir", value=str(config.data_dir)) from error
    except OSError as error:
        text = (
            f"the data directory {config.data_dir} cannot be used: {error}. Name another one (--data-dir), or keep "
            "everything in memory (--transient)"
        )
        raise ConfigError(text, key="data_dir", value=str(config.data_dir)) from error


def make_node(
    config: Config,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    journal: Journal | None = None,
    storage: EngineJournal | None = None,
    offload: Offload | None = None,
) -> Node:
    """Build the broker that a configuration describes. Raises ConfigError for an access file or definitions
    that are wrong.

    With a clock of the caller's own, heartbeats and other liveness timers stay on the real one. `storage` is what is
    restored; it is the journal, or stands behind it.
    """
    queue_types = {each.name: each for each in plugins.queue_types()}
    if config.queues.default_type not in queue_types:
        raise bad_value("queues.default_type", config.queues.default_type, one_of(queue_types))
    broker = Broker(
        clock or SystemClock(),
        randomness or SystemRandomness(),
        compat=Compat.of(config.compat, strict=config.strict),
        journal=journal or storage,
        offload=offload,
        exchange_types=plugins.exchange_types(),
        queue_types=queue_types.values(),
        default_queue_type=config.queues.default_type,
        relaxed_redeclare=config.queues.relaxed_redeclare,
        name=config.server.cluster_name or f"amqpd@{socket.gethostname()}",
    )
    broker.limits = NodeLimits(
        max_vhosts=config.limits.max_vhosts,
        max_queues=config.limits.max_queues,
        max_exchanges=config.limits.max_exchanges,
    )
    logins.set_up(broker, config)
    liveness = broker.timers if clock is None else Timers(SystemClock())
    populate(broker, config, storage)
    node = Node(broker, _settings(config, broker), plugins.sasl_mechanisms(), liveness)
    limit = config.memory.limit_in_bytes(memory.available())
    node.memory = MemoryWatch(broker.alarms, limit, memory.resident() or 0)
    if storage is not None:
        _watch_disk(storage, broker, liveness, config)
        starting = None
        if storage.spill is not None:
            mark = config.memory.paging_in_bytes(memory.available())
            node.pager = Pager(broker, storage.spill, mark)
            starting = Pager(broker, storage.spill, min(mark, AT_START))
        storage.restore_graph(broker, starting)
    if config.definitions is not None:
        take_over(broker, config.definitions)
    return node


def _watch_disk(storage: EngineJournal, broker: Broker, liveness: Timers, config: Config) -> None:
    from amqpd.storage.files import RealFiles
    from amqpd.storage.room import Room

    storage.on_failure = lambda: broker.alarms.set(DISK, "journal", True)
    if config.data_dir is not None:
        storage.room = Room(config.data_dir, RealFiles(), broker.alarms, liveness, config.disk_free_limit)


@asynccontextmanager
async def serve_node(
    node: Node, config: Config, storage: EngineJournal | None = None, passed: Passed = NOTHING_PASSED
) -> AsyncGenerator[Server]:
    """Serve a node where the configuration says, or on the sockets that were passed; in the end, what is kept is closed
    in order.

    Raises OSError for an address that can't be used, and ConfigError for a TLS file.
    """
    try:
        async with _served(node, config, storage, passed) as server:
            if storage is not None:
                storage.start(node.broker.offload)
            yield server
    finally:
        node.broker.authentication.close()
        if storage is not None:
            storage.close()


@asynccontextmanager
async def _served(
    node: Node, config: Config, storage: EngineJournal | None, passed: Passed
) -> AsyncGenerator[Server]:
    if passed.secure and config.tls.certificate is None:
        raise bad_value("tls.certificate", None, "a path, because a socket for TLS was passed")
    tls = _tls_context(config.tls) if config.tls.port is not None or passed.secure else None
    with ExitStack() as opened:
        unix = None
        if config.unix_socket is not None:
            unix = listen_unix(config.unix_socket, int(config.unix_socket_mode, 8))
            opened.callback(remove, unix, config.unix_socket)
        async with running(
            node,
            hosts=config.host,
            port=config.port,
            tls_port=config.tls.port,
            tls=tls,
            unix=unix,
            proxied=config.proxy_protocol,
            shutdown_timeout=config.shutdown_timeout,
            passed=passed,
        ) as server:
            if isinstance(node.broker.offload, Threads):
                node.broker.offload.start(server.nursery, server.end_turn)
            _watch_resident(node)
            _manage(server, config, storage, opened)
            yield server


def _manage(server: Server, config: Config, storage: EngineJournal | None, opened: ExitStack) -> None:
    """Serve the management API beside it, where it is asked for. Raises ConfigError, OSError."""
    management = config.management
    if not management.enabled or (management.port is None and management.tls.port is None):
        return
    try:
        from amqpd.http.limits import Limits
        from amqpd.http.server import HttpServer
        from amqpd.management.serving import public
    except ImportError as error:
        key = "management.port" if management.port is not None else "management.tls.port"
        value = management.port or management.tls.port
        raise missing_library(error, f"'{key}' is set", "management", key=key, value=value) from error
    api = api_of(server, config, storage)
    handle, limits = public(api), Limits(body=management.max_body_size)
    if management.port is not None:
        listeners = listen_all(management.host, management.port)
        make = partial(HttpServer, handle, limits=limits, arrive=_arrive(management.proxy_protocol))
        server.open_door("http", listeners, partial(serve_http, make=make))
    if management.tls.port is not None:
        server.https = _tls_context(management.tls_of(config.tls), "management.tls")
        listeners = listen_all(management.host, management.tls.port)
        arrive = _arrive(management.proxy_protocol)
        make = partial(
            HttpServer, handle, limits=limits, tls=lambda: server.https, turn=server.signing.enter, arrive=arrive
        )
        server.open_door("https", listeners, partial(serve_http, make=make, secure=True))
    api.sampler.start()
    opened.callback(api.sampler.stop)


def _arrive(proxied: bool) -> Arrive | None:
    return proxy_protocol.endpoint_of if proxied else None


async def serve_http(
    listeners: list[socket.socket], make: Callable[[trio.Nursery], HttpServer], *, secure: bool = False
) -> None:
    """Serve HTTP, or HTTPS, on these sockets until cancelled; `make`: the server for the nursery of its clients."""
    async with trio.open_nursery() as nursery:
        http = make(nursery)
        await accept_all(listeners, http.admit_tls if secure else http.admit)


def api_of(server: Server, config: Config, storage: EngineJournal | None) -> Api:
    """What the management needs of a running server."""
    from amqpd.management.api import Api
    from amqpd.management.machine import Machine
    from amqpd.management.sign_on import sign_on

    node, management = server.node, config.management
    data_dir = "" if config.data_dir is None or config.transient else str(config.data_dir)
    return Api(
        node,
        server.end_turn,
        lambda: _listening(server, config),
        Machine(memory.resident, partial(_memory_limit, node), partial(_disk_limit, config, storage), data_dir),
        management,
        node.broker.clock.monotonic(),
        sign_on(config),
        config,
    )


def _memory_limit(node: Node) -> int:
    return 0 if node.memory is None else node.memory.limit


def _disk_limit(config: Config, storage: EngineJournal | None) -> int:
    room = None if storage is None else storage.room
    return config.disk_free_limit if room is None else room.limit


def _listening(server: Server, config: Config) -> list[Listening]:
    from amqpd.management.api import Listening

    by_protocol = {"amqp/ssl": config.tls, "https": config.management.tls_of(config.tls)}
    files = {protocol: (tls.certificate, tls.ca) for protocol, tls in by_protocol.items()}
    return [
        Listening(door.protocol, *address, *files.get(door.protocol, ()))
        for door in server.doors
        if door.is_open
        for address in door.addresses
    ]


def _tls_context(settings: Tls, section: str = "tls") -> SSLContext:
    from amqpd.server.tls import context

    return context(settings, section)


def reload(server: Server, config: Config) -> None:
    """Take over what may change while a server runs: the level of the log, and certificates for new connections.

    Raises ConfigError for files that can't be loaded: everything stays as it was.
    """
    secure, https = config.tls, config.management.tls_of(config.tls)
    tls = _tls_context(secure) if server.tls is not None and secure.certificate is not None else None
    if server.https is not None and https.certificate is not None:
        server.https = _tls_context(https, "management.tls")
        log.info("certificate reloaded: new HTTPS connections use it", certificate=str(https.certificate))
    if tls is not None:
        server.tls = tls
        log.info("certificate reloaded: new connections use it", certificate=str(secure.certificate))
    set_level(config.log.level)
    log.info("settings reloaded", level=config.log.level)


def serve_metrics(server: Server, config: Config, storage: EngineJournal | None) -> list[tuple[str, int]]:
    """Answer scrapes beside a running server; return where: nowhere without a port or the extra, and where the port is
    taken, which is no reason to serve no clients.
    """
    settings, node = config.metrics, server.node
    if settings.port is None:
        return []
    if not serving.is_installed():
        log.info("no metrics are served: they come with the extra amqpd[metrics]")
        return []
    try:
        listeners = listen_all(settings.host, settings.port)
    except OSError as error:
        hint = "choose another one with metrics.port, or none"
        log.warning(f"no metrics are served: {error.strerror or error}", hint=hint)
        return []
    clock = node.broker.clock
    machine = Machine(
        clock=clock,
        started=clock.monotonic(),
        resident=memory.resident,
        memory_limit=partial(_memory_limit, node),
        disk_free=lambda: None if storage is None or storage.room is None else storage.room.free,
        disk_limit=lambda: None if storage is None else _disk_limit(config, storage),
    )
    make = partial(serving.http_server, node, machine, arrive=_arrive(settings.proxy_protocol))
    server.open_door(serving.PROTOCOL, listeners, partial(serve_http, make=make))
    return server.addresses_of(serving.PROTOCOL)


def _watch_resident(node: Node) -> None:
    """Look at the resident size every few seconds, where the platform tells it."""
    octets = memory.resident()
    if octets is None or node.memory is None:
        return
    node.memory.check_resident(octets)
    node.liveness.after(RESIDENT_CHECK, lambda: _watch_resident(node))


def _settings(config: Config, broker: Broker) -> Settings:
    limits = config.limits
    return Settings(
        product=config.server.product,
        version=config.server.version,
        cluster_name=broker.name,
        properties=dict(config.server.properties),
        amqpd_version=__version__,
        frame_max=limits.frame_max,
        channel_max=limits.channel_max,
        heartbeat=limits.heartbeat,
        handshake_timeout=limits.handshake_timeout,
        max_message_size=limits.max_message_size,
        max_connections=limits.max_connections,
        max_channels=limits.max_channels,
        max_consumers_per_channel=limits.max_consumers_per_channel,
        ack_timeout=limits.consumer_timeout,
        ack_timeout_tick=limits.consumer_timeout_tick,
        max_unfinished_content=config.memory.max_unfinished_content,
        max_unfinished_content_total=config.memory.max_unfinished_content_total_in_bytes(memory.available()),
        turn_budget=limits.turn_budget,
        outbox_high_water=config.memory.outbox_high_water,
        outbox_low_water=config.memory.outbox_low_water,
        mechanisms=config.auth.mechanisms,
        anonymous_user=config.auth.anonymous_user,
        loopback_users=config.loopback_users,
        certificate_login=CertificateLogin(
            part=config.auth.ssl_cert_login_from,
            san_type=config.auth.ssl_cert_login_san_type,
            san_index=config.auth.ssl_cert_login_san_index,
        ),
        interceptors=Interceptors(
            timestamp=config.interceptors.timestamp,
            routed_by=config.interceptors.routed_by,
            sent_time=config.interceptors.sent_time,
        ),
    )
