"""What all connections of one broker share: the model, the negotiated limits, the mechanisms, and who is connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from amqpd import fields
from amqpd.broker.alarms import MemoryWatch
from amqpd.broker.broker import Broker
from amqpd.broker.pager import Pager
from amqpd.broker.timers import Timers
from amqpd.fields import Field, Table
from amqpd.protocol import announce
from amqpd.protocol.ack_timeout import in_force
from amqpd.protocol.interceptors import Interceptors
from amqpd.protocol.introductions import Introductions
from amqpd.protocol.outbox import Outbox
from amqpd.protocol.sasl import Mechanism
from amqpd.protocol.statistics import Totals
from amqpd.wire.methods import MethodDecoder

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection

CAPABILITIES: Final = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)


ABREAST: Final = 4
"""Connections that flood the broker with methods, whose turns together still take no time that matters."""
CROWD: Final = 8


@attrs.frozen(kw_only=True)
class CertificateLogin:
    """What of a client certificate EXTERNAL takes as the user's name."""

    part: str = "distinguished_name"
    san_type: str = "dns"
    san_index: int = 0


@attrs.frozen(kw_only=True)
class Settings:
    """What a node offers and enforces. Sizes in octets, times in seconds; None and 0 mean no limit where a limit can
    be off.
    """

    product: str = "RabbitMQ"
    version: str | None = None
    cluster_name: str = "amqpd@localhost"
    properties: dict[str, str] = attrs.Factory(dict)
    amqpd_version: str = "0"
    frame_max: int = 131072
    channel_max: int = 2047
    heartbeat: int = 60
    handshake_timeout: float = 10.0
    silence: float = 3.0
    """How long a refused client waits for nothing before its connection is dropped."""
    close_grace: float = 30.0
    max_message_size: int | None = None
    max_connections: int | None = None
    max_channels: int | None = None
    max_consumers_per_channel: int | None = None
    ack_timeout: float | None = None
    """How long a delivery may stay unacknowledged; 0: for ever; None: as the profile says."""
    ack_timeout_tick: float = 60.0
    """The longest time between two looks for such deliveries."""
    max_unfinished_content: int = 512 * 1024 * 1024
    max_unfinished_content_total: int = 2 * 1024 * 1024 * 1024
    turn_budget: int = 512
    outbox_high_water: int = 1024 * 1024
    outbox_low_water: int = 256 * 1024
    mechanisms: tuple[str, ...] = ("PLAIN", "AMQPLAIN")
    anonymous_user: str | None = None
    loopback_users: tuple[str, ...] = ("guest",)
    certificate_login: CertificateLogin = attrs.Factory(CertificateLogin)
    interceptors: Interceptors = attrs.Factory(Interceptors)


class Node:
    """One broker as its connections see it."""

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        mechanisms: dict[str, type[Mechanism]],
        liveness: Timers | None = None,
    ) -> None:
        self.broker = broker
        self.settings = settings
        self.mechanisms = mechanisms
        self.liveness = broker.timers if liveness is None else liveness
        """Timers of heartbeats, handshakes and close graces: they stay on the real clock when virtual time jumps."""
        self.dirty: list[Outbox] = []
        """Outboxes that this turn appended to."""
        self.connections: dict[Connection, None] = {}
        self.opening: dict[Connection, None] = {}
        """Those that have not entered a vhost yet, the oldest first."""
        self.behind = 0
        """Connections whose last turn left something for the next one."""
        self.crowding = 1
        """How much shorter a turn of methods is for their sake, up to CROWD times."""
        self.totals = Totals()
        """Of what has ended."""
        self.on_gone: Callable[[], None] | None = None
        """Called when a connection has ended."""
        self.memory: MemoryWatch | None = None
        self.pager: Pager | None = None
        """Moves messages out of memory, where there is a disk for them."""
        self.unfinished_content = 0
        """Octets of bodies that are still arriving, on all connections."""
        self.looks_at_all = broker.compat.profile.refuses_unknown_delivery_mode or settings.interceptors.incoming
        """Whether there is something to look at in every message that is published, whatever its flags."""
        self.methods = MethodDecoder()
        self.starts: dict[str, bytes] = {}
        """connection.start by the mechanisms that it offers."""
        self.introductions = Introductions()
        self.server_properties = _server_properties(settings, broker.compat.profile.version)
        self.ack_timeout = in_force(broker.compat, settings.ack_timeout)
        """Seconds that a delivery of any queue may stay unacknowledged; 0: for ever."""
        self.max_message_size = (
            broker.compat.profile.max_message_size if settings.max_message_size is None else settings.max_message_size
        )

    def fell_behind(self, change: int) -> None:
        """One more connection, or one less, waits for its next turn with something to do."""
        self.behind += change
        self.crowding = min(CROWD, 1 + self.behind // ABREAST)

    def gone(self, connection: Connection) -> None:
        """A connection has ended. Harmless the second time."""
        self.opening.pop(connection, None)
        if self.connections.pop(connection, self) is not None:
            return
        self.totals.connection_gone(connection)
        if self.broker.events.heard:
            announce.connection_closed(connection)
        if self.on_gone is not None:
            self.on_gone()

    def end_turn(self) -> bool:
        """Finish a turn and send what it produced; return whether work is left for another one."""
        more = self.broker.drain(self.settings.turn_budget)
        if self.memory is not None:
            # Content that is still arriving has caps of its own: a body under way must not raise an alarm that stops
            # it, since no draining of queues would ever clear that.
            account = self.broker.account
            self.memory.check_account(account.octets + account.definitions - self.unfinished_content)
            if self.pager is not None:
                self.pager.check(account.octets)
        dirty = self.dirty
        while dirty:
            waiting, dirty[:] = dirty[:], []
            for outbox in waiting:
                if outbox.transport is not None:
                    outbox.transport.flush()
        return more or len(self.broker.work) > 0


def _server_properties(settings: Settings, profile_version: str) -> Table:
    """RabbitMQ's properties by name and order, plus amqpd's own name and version."""
    texts = {
        "amqpd": "amqpd, an AMQP 0-9-1 broker in Python",
        "amqpd_version": settings.amqpd_version,
        "cluster_name": settings.cluster_name,
        "copyright": "Copyright The amqpd authors",
        "information": "Licensed under the Apache License 2.0",
        "platform": "CPython",
        "product": settings.product,
        "version": settings.version or profile_version,
        **settings.properties,
    }
    capabilities = fields.table(Table.of([(name, fields.boolean(True)) for name in CAPABILITIES]))
    entries: dict[str, Field] = {"capabilities": capabilities}
    entries.update({name: fields.longstr(text) for name, text in texts.items()})
    return Table.of(sorted(entries.items()))
