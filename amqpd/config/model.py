"""Every setting of the broker: one field each, with its type, default, check and meaning.

Decides: names, defaults and what is allowed. Refuses to know where a value came from (`sources`) and what it is for.
Plain frozen data, handed down from the composition root; never a global. A top-level field `port` is the key `port`, a
field `port` of the section `tls` is `tls.port`; the environment variable and the flag follow from the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs

from amqpd.config.checks import (
    Above,
    FileMode,
    NotEmpty,
    ShareOrSize,
    ShortText,
    Within,
)
from amqpd.config.errors import bad_value
from amqpd.config.logins import Auth, AuthHttp, OAuth2
from amqpd.config.management import Management
from amqpd.config.setting import setting
from amqpd.config.tls import Tls
from amqpd.config.values import Names, Seconds, Share, Size, in_bytes

Compat = Literal["3.10", "3.13", "4.0", "4.2", "4.3"]
"""The RabbitMQ versions whose behaviour can be had."""

MIB = 1024 * 1024
UINT32_MAX = 2**32 - 1


@attrs.frozen(kw_only=True)
class Server:
    """What the broker says about itself in connection.start."""

    product: str = setting("RabbitMQ", "`product` of the server-properties; clients branch on it.", NotEmpty())
    version: str | None = setting(
        None, "`version` of the server-properties; unset, that of the `compat` profile.", NotEmpty()
    )
    cluster_name: str | None = setting(
        None, "`cluster_name` of the server-properties; unset, it is derived from the host's name.", NotEmpty()
    )
    properties: Mapping[str, str] = setting(attrs.Factory(dict), "Further server-properties, added to amqpd's own.")


@attrs.frozen(kw_only=True)
class Limits:
    """What is negotiated with a client, and what it may ask for."""

    frame_max: Size = setting(
        128 * 1024, "Largest frame that is offered to clients; 0 is no limit.", Within(4096, UINT32_MAX, also=(0,))
    )
    channel_max: int = setting(2047, "Most channels that a connection is offered; 0 is no limit.", Within(0, 65535))
    heartbeat: int = setting(60, "Heartbeat that is offered to clients, in seconds; 0 is none.", Within(0, 65535))
    handshake_timeout: Seconds = setting(
        10.0, "Time from the accepted socket to the opened connection; then it is closed.", Above(0)
    )
    max_connections: int | None = setting(None, "Most open connections of the broker; `none` is no limit.", Within(0))
    max_channels: int | None = setting(
        None, "Most open channels of the broker. RabbitMQ's channel_max_per_node.", Within(0)
    )
    max_vhosts: int | None = setting(None, "Most virtual hosts. RabbitMQ's vhost_max.", Within(0))
    max_queues: int | None = setting(
        None, "Most queues of all virtual hosts. RabbitMQ's cluster_queue_limit.", Within(0)
    )
    max_exchanges: int | None = setting(
        None, "Most exchanges, beside the predeclared ones. RabbitMQ's cluster_exchange_limit.", Within(0)
    )
    max_message_size: Size | None = setting(
        None, "Largest body of a message; unset, that of the `compat` profile.", Within(0, 512 * MIB)
    )
    max_consumers_per_channel: int | None = setting(
        None, "Most consumers of one channel; `none` is no limit.", Within(0)
    )
    consumer_timeout: Seconds | None = setting(
        None,
        "Time after which a delivery that isn't acknowledged closes its channel (406); 0 is never. Unset, that is "
        "never, or with `strict` RabbitMQ's half an hour. As in RabbitMQ, `compat` 4.3 has none for classic queues, "
        "and quorum queues take the message back. `x-consumer-timeout` says otherwise for a queue or a consumer.",
    )
    consumer_timeout_tick: Seconds = setting(
        60.0, "Longest time between two looks for such deliveries: the close may come so much later.", Above(0)
    )
    turn_budget: int = setting(
        512, "Units of work (frames, enqueues, expiries, requeues) before another connection's turn.", Within(1)
    )


@attrs.frozen(kw_only=True)
class Memory:
    """The account of the broker's own bytes, and where it holds clients back."""

    limit: Share = setting(
        0.6, "Above it publishers are blocked (connection.blocked); 0 raises the alarm at once.", ShareOrSize()
    )
    paging_ratio: Share = setting(
        0.5,
        "Share of that limit, or bytes, above which waiting messages leave memory for the data directory, and are read "
        "back when it is nearly their turn. RabbitMQ's vm_memory_high_watermark_paging_ratio.",
        ShareOrSize(),
    )
    outbox_high_water: Size = setting(
        MIB, "Unsent bytes of a connection at which its consumers get no further messages.", Within(1)
    )
    outbox_low_water: Size = setting(256 * 1024, "Unsent bytes at which they get messages again.", Within(0))
    max_unfinished_content: Size = setting(
        512 * MIB, "Most bytes that one connection may hold in messages whose body is still arriving.", Within(1)
    )
    max_unfinished_content_total: Share = setting(0.2, "The same for all connections together.", ShareOrSize())

    def limit_in_bytes(self, available: int) -> int:
        """Return the alarm's limit in bytes, where `available` bytes are what the machine or its cgroup offers."""
        return in_bytes(self.limit, available)

    def paging_in_bytes(self, available: int) -> int:
        """Return the mark above which messages leave memory, where `available` bytes are there."""
        return in_bytes(self.paging_ratio, self.limit_in_bytes(available))

    def max_unfinished_content_total_in_bytes(self, available: int) -> int:
        """Return the cap on unfinished content in bytes, where `available` bytes are there."""
        return in_bytes(self.max_unfinished_content_total, available)


@attrs.frozen(kw_only=True)
class Default:
    """The user and the virtual host that a new broker starts with."""

    user: str = setting("guest", "Name of the default user.", ShortText())
    password: str = setting("guest", "Password of the default user.", NotEmpty(), secret=True)
    vhost: str = setting("/", "Name of the default virtual host, on which the user has permissions.", ShortText())
    user_tags: Names = setting(("administrator",), "Tags of the default user.")
    configure: str = setting(".*", "What it may configure on that virtual host, as a regular expression.")
    write: str = setting(".*", "What it may write to.")
    read: str = setting(".*", "What it may read from.")


@attrs.frozen(kw_only=True)
class Queues:
    """What queue.declare does where a client says nothing, or something else than before."""

    default_type: str = setting(
        "classic",
        "Type of queues that ask for none, unless their virtual host has a default of its own. Queues that such a type "
        "can't be (exclusive, auto-delete or not durable ones) are classic. RabbitMQ 3.10 has no such default.",
        NotEmpty(),
    )
    relaxed_redeclare: bool = setting(
        False, "Let a quorum queue be declared again as a classic one, so that clients can be changed afterwards."
    )


@attrs.frozen(kw_only=True)
class Events:
    """What happens in the broker, for clients to consume."""

    exchange: bool | None = setting(
        None,
        "Publish events to the topic exchange `amq.rabbitmq.event` of the default virtual host, as RabbitMQ's plugin "
        "rabbitmq_event_exchange does. Unset, that is so unless `strict`.",
    )


@attrs.frozen(kw_only=True)
class Interceptors:
    """What the broker adds to messages by itself; `keep` leaves alone what a publisher has set, `overwrite` doesn't."""

    timestamp: Literal["off", "keep", "overwrite"] = setting(
        "off", "Time of arrival, in the header `timestamp_in_ms` (milliseconds) and the property `timestamp` (seconds)."
    )
    routed_by: Literal["off", "keep", "overwrite"] = setting(
        "off", "Name of the broker that a message was published to, in the header `x-routed-by`."
    )
    sent_time: bool = setting(
        False, "Time of delivery in milliseconds, in the header `x-opt-rabbitmq-sent-time` of what clients get."
    )


@attrs.frozen(kw_only=True)
class Control:
    """The door for this machine's operator: `amqpd ctl`, without a password."""

    enabled: bool = setting(True, "Serve it at all.")
    socket: Path | None = setting(
        None,
        "Path of the Unix socket (mode 0600). Unset, `amqpd serve` takes `control.sock` in the data directory, or "
        "`PORT.sock` in the folder of the user's sockets if that path is too long or nothing is kept; a broker inside "
        "a program has none.",
    )
    token_file: Path | None = setting(
        None,
        "File (mode 0600) that names a port of this machine and a token for it, in place of a Unix socket. Unset, "
        "`amqpd serve` takes `control.json` in the data directory where there are no Unix sockets.",
    )


@attrs.frozen(kw_only=True)
class Log:
    """The server's log."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "The least severe level that is written.")
    format: Literal["console", "json"] = setting("console", "Lines for people, or one JSON object a line.")


@attrs.frozen(kw_only=True)
class Metrics:
    """What `amqpd serve` tells Prometheus, at /metrics; brokers inside a program serve none."""

    port: int | None = setting(
        15692, "Port for scrapes; 0 takes a free one, `none` serves no metrics.", Within(0, 65535)
    )
    host: Names = setting(
        ("127.0.0.1", "::1"), "Addresses for scrapes; whoever reaches one may read all metrics.", NotEmpty()
    )
    proxy_protocol: bool = setting(
        False, "Expect a header of the PROXY protocol in front of each connection, where a proxy writes it."
    )


@attrs.frozen(kw_only=True)
class Config:
    """Where the broker listens, and what it keeps.

    Raise ConfigError for a value out of range, and for settings that do not go together.
    """

    host: Names = setting(("127.0.0.1", "::1"), "Addresses to listen on; `0.0.0.0` and `::` are all.", NotEmpty())
    port: int | None = setting(
        5672, "Port of the plain listener; 0 takes a free one, `none` leaves TLS alone.", Within(0, 65535)
    )
    proxy_protocol: bool = setting(
        False,
        "Expect a header of the PROXY protocol (version 1 or 2) in front of each connection to `port` and `tls.port`: "
        "the client that it names is the one in lists and in the log. RabbitMQ's proxy_protocol.",
    )
    unix_socket: Path | None = setting(
        None, "A Unix socket on which plain AMQP is spoken too; who uses it counts as on this machine."
    )
    unix_socket_mode: str = setting("0660", "The mode of its file, which says who may connect.", FileMode())
    compat: Compat = setting("4.2", "The RabbitMQ version whose behaviour, limits and announced version apply.")
    strict: bool = setting(False, "Turn amqpd's own extensions off.")
    access_file: Path | None = setting(None, "TOML file with virtual hosts, users and permissions.")
    definitions: Path | None = setting(
        None,
        "JSON file of definitions (`amqpctl export_definitions`, or exported by a RabbitMQ) that is imported at each "
        "start, before anybody can connect. RabbitMQ's load_definitions.",
    )
    data_dir: Path | None = setting(
        None,
        "Folder in which durable definitions and persistent messages are kept. Unset, `amqpd serve` takes the one that "
        "the platform has for the data of its user, and a broker inside a program keeps everything in memory.",
    )
    durability: Literal["fsync", "os", "none"] = setting(
        "fsync",
        "What a confirm of a persistent message waits for: the disk (`fsync`: it survives a power failure), the "
        "operating system (`os`: it survives the end of the process) or nothing (`none`: it survives an orderly stop).",
    )
    disk_free_limit: Size = setting(
        50_000_000,
        "Free bytes on the disk of `data_dir` below which publishers are blocked. 64 MiB more are set aside, so that "
        "acknowledgements are recorded on a full disk.",
    )
    transient: bool = setting(False, "Keep everything in memory and write nothing to disk, whatever `data_dir` says.")
    shutdown_timeout: Seconds = setting(3.0, "Time that a stop gives clients to answer the close.", Within(0))
    tls: Tls = attrs.Factory(Tls)
    server: Server = attrs.Factory(Server)
    limits: Limits = attrs.Factory(Limits)
    memory: Memory = attrs.Factory(Memory)
    auth: Auth = attrs.Factory(Auth)
    oauth2: OAuth2 = attrs.Factory(OAuth2)
    auth_http: AuthHttp = attrs.Factory(AuthHttp)
    default: Default = attrs.Factory(Default)
    queues: Queues = attrs.Factory(Queues)
    events: Events = attrs.Factory(Events)
    interceptors: Interceptors = attrs.Factory(Interceptors)
    metrics: Metrics = attrs.Factory(Metrics)
    management: Management = attrs.Factory(Management)
    control: Control = attrs.Factory(Control)
    log: Log = attrs.Factory(Log)

    def __attrs_post_init__(self) -> None:
        """Refuse settings that do not go together, naming the one to change."""
        if self.port is None and self.tls.port is None and self.unix_socket is None:
            allowed = "a port number here or in 'tls.port', or a path in 'unix_socket', so that there is a listener"
            raise bad_value("port", None, allowed)
        if self.tls.port is not None and self.tls.certificate is None:
            raise bad_value("tls.certificate", None, "a path, because 'tls.port' is set")
        if self.tls.verify_peer and self.tls.ca is None:
            raise bad_value("tls.ca", None, "a path, because 'tls.verify_peer' is true")
        management = self.management.tls
        if management.port is not None and (management.certificate or self.tls.certificate) is None:
            raise bad_value("management.tls.certificate", None, "a path, because 'management.tls.port' is set")
        if management.verify_peer and management.ca is None:
            raise bad_value("management.tls.ca", None, "a path, because 'management.tls.verify_peer' is true")
        if self.memory.outbox_low_water >= self.memory.outbox_high_water:
            allowed = f"less than 'memory.outbox_high_water', which is {self.memory.outbox_high_water}"
            raise bad_value("memory.outbox_low_water", self.memory.outbox_low_water, allowed)
        if (self.auth.anonymous_user is None) != (self.auth.anonymous_password is None):
            missing = "user" if self.auth.anonymous_user is None else "password"
            raise bad_value(f"auth.anonymous_{missing}", None, "text, because its counterpart is set")

    @property
    def loopback_users(self) -> tuple[str, ...]:
        """Who may connect from this machine only: with `guest`, whoever has the password that everybody knows."""
        usual, users = Default(), self.auth.loopback_users
        if usual.user not in users or self.default.password != usual.password:
            return users
        return tuple(dict.fromkeys([*users, self.default.user]))
