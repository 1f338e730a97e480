"""Channel 0: login, negotiation, open and close, one small function a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.compat import Compat
from amqpd.broker.login_sources import Source
from amqpd.broker.pending import Pending
from amqpd.broker.session import Session
from amqpd.broker.statistics import AMQP
from amqpd.broker.undecided import Undecided
from amqpd.broker.users import User
from amqpd.errors import CommandInvalid, LoginRefused, NotAllowed, SyntaxRefused
from amqpd.fields import Table
from amqpd.log import DEBUG, get_logger
from amqpd.protocol import announce, closing, states
from amqpd.protocol.heartbeat import Heartbeat
from amqpd.wire import server_methods
from amqpd.wire.frames import UNLIMITED

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection
    from amqpd.protocol.sasl import Mechanism

log = get_logger(__name__)

LOCALE: Final = b"en_US"
UPDATE_SECRET: Final = (10, 70)
"""The method that is to blame where a new secret is refused."""


def start(connection: Connection) -> None:
    """Answer the protocol header."""
    node = connection.node
    offered = " ".join(mechanism.name for mechanism in _offered(connection))
    frame = node.starts.get(offered)
    if frame is None:
        frame = node.starts[offered] = server_methods.start(node.server_properties, offered.encode(), LOCALE)
    connection.send(frame)
    connection.state = states.STARTING


def start_ok(connection: Connection, properties: Table, mechanism: str, response: bytes, locale: str) -> None:
    """Choose the mechanism and log in."""
    said = connection.node.introductions.of(properties)
    connection.client_properties, connection.capabilities = said.properties, said.capabilities
    chosen = connection.node.mechanisms.get(mechanism)
    if chosen is None:
        raise CommandInvalid(f"unknown authentication mechanism '{mechanism}'")
    if chosen not in _offered(connection):
        raise CommandInvalid(f"invalid authentication mechanism '{mechanism}'")
    connection.mechanism = chosen()
    _respond(connection, response)


def secure_ok(connection: Connection, response: bytes) -> None:
    """Go on with a mechanism that asked something."""
    _respond(connection, response)


def tune_ok(connection: Connection, channel_max: int, frame_max: int, heartbeat: int) -> None:
    """Take the client's values, which are final, if they are within what was offered."""
    settings, compat = connection.node.settings, connection.node.broker.compat
    _check_frame_max(frame_max, settings.frame_max, compat)
    _check_limit("channel_max", channel_max, settings.channel_max)
    connection.frame_max = frame_max
    connection.channel_max = channel_max
    connection.parser.limit = frame_max or UNLIMITED
    if heartbeat:
        connection.heartbeat = Heartbeat(connection, connection.node.liveness, heartbeat, connection.heartbeat_missed)
        connection.heartbeat_interval = heartbeat
    connection.state = states.OPENING


def open(connection: Connection, virtual_host: str, capabilities: str, insist: bool) -> None:  # noqa: A001  # the method's name in the specification
    """Enter a virtual host."""
    node, user = connection.node, connection.user
    assert user is not None
    broker = node.broker
    limit = node.settings.max_connections
    if limit is not None and len(broker.sessions) >= limit:
        raise NotAllowed(f"connection refused: node connection limit ({limit}) is reached")
    vhost = broker.vhosts.get(virtual_host)
    if vhost is None:
        raise NotAllowed(f"vhost {virtual_host} not found")
    refused = f"access to vhost '{virtual_host}' refused for user '{user.name}'"
    if vhost.max_connections is not None and 0 <= vhost.max_connections <= len(vhost.sessions):
        raise NotAllowed(f"{refused}: connection limit ({vhost.max_connections}) is reached")
    if user.max_connections is not None and user.max_connections >= 0:
        count = sum(each.user.name == user.name for each in broker.sessions)
        if count >= user.max_connections:
            limit = user.max_connections
            raise NotAllowed(f"connection refused for user '{user.name}': user connection limit ({limit}) is reached")
    try:
        enters = broker.access.of(user).enters(user.name, virtual_host)
    except Undecided as undecided:
        connection.wait_for(undecided.answer, lambda _: open(connection, virtual_host, capabilities, insist))
        return
    if not enters:
        raise NotAllowed(refused)
    session = Session(connection.name, user, vhost, broker.access, broker.compat.profile, connection, connection.pid)
    broker.add_session(session)
    connection.opened(session)
    if broker.events.heard:
        announce.connection_created(connection)
    connection.send(server_methods.OPEN_OK)
    if log.isEnabledFor(DEBUG):
        log.debug("connection opened", connection=connection.name, user=user.name, vhost=virtual_host)


def close(connection: Connection, code: int, text: str, class_id: int, method_id: int) -> None:
    """The client ends the connection: clean up first, then answer."""
    if connection.state == states.RUNNING and log.isEnabledFor(DEBUG):
        log.debug("connection closed by the client", connection=connection.name, code=code, text=text)
    gone = connection.terminate()
    if connection.state == states.RUNNING:
        connection.state = states.CLOSED
        connection.drop_after(closing.grace(connection))
    if gone is None:
        connection.send(server_methods.CONNECTION_CLOSE_OK)
    else:
        # close-ok promises that the exclusive queues are gone.
        gone.when_done(lambda _: connection.send(server_methods.CONNECTION_CLOSE_OK))


def close_ok(connection: Connection) -> None:
    """The client has taken the server's close; one that nobody asked for, after the client's own, ends TCP as well."""
    if not connection.fatal:
        connection.finish()


def update_secret(connection: Connection, secret: bytes, reason: str) -> None:
    """Take a new token before the old one expires; users of the internal store have no secret that does."""
    assert connection.user is not None
    authentication = connection.node.broker.authentication
    renewed = authentication.renew(connection.user, secret, connection.endpoint.peer_host)
    connection.wait_for(renewed, lambda done: _renewed(connection, done))


def _offered(connection: Connection) -> list[type[Mechanism]]:
    node = connection.node
    names = node.settings.mechanisms
    return [
        node.mechanisms[name]
        for name in (sorted(names) if node.broker.compat.profile.sorts_mechanisms else names)
        if name in node.mechanisms and node.mechanisms[name].offered(connection)
    ]


def _respond(connection: Connection, response: bytes) -> None:
    assert connection.mechanism is not None
    try:
        answer = connection.mechanism.respond(connection, response)
    except LoginRefused as refusal:
        _refuse(connection, refusal.text)
        return
    except SyntaxRefused as refusal:
        _announce_refusal(connection, refusal.text)
        raise
    if isinstance(answer, bytes):
        connection.send(server_methods.secure(answer))
        connection.state = states.SECURING
        return
    connection.wait_for(answer, lambda done: _logged_in(connection, done))


def _renewed(connection: Connection, done: Pending[User | None]) -> None:
    try:
        user = done.result()
    except LoginRefused as refusal:
        log.warning("new secret refused", connection=connection.name, reason=refusal.text)
        user = None
    if user is None:
        raise NotAllowed("New secret was refused by one of the backends", method=UPDATE_SECRET)
    connection.user = user
    connection.expire_at(user.expires)
    if connection.session is not None:
        connection.session.user = user
        connection.node.broker.access.changed()
    connection.send(server_methods.UPDATE_SECRET_OK)


def _logged_in(connection: Connection, done: Pending[User | None]) -> None:
    mechanism = connection.mechanism
    assert mechanism is not None
    try:
        user = done.result()
    except LoginRefused as refusal:
        _refuse(connection, f"user '{mechanism.claimed or ''}' - {refusal.text}")
        return
    if user is None:
        _refuse(connection, f"user '{mechanism.claimed or ''}' - invalid credentials")
    elif user.name in connection.node.settings.loopback_users and not connection.endpoint.is_loopback:
        _refuse(connection, f"user '{user.name}' can only connect via localhost")
    else:
        connection.user = user
        connection.expire_at(user.expires)
        _count(connection, user.name, accepted=True)
        if connection.node.broker.events.heard:
            announce.logged_in(connection, user.name)
        settings = connection.node.settings
        connection.send(server_methods.tune(settings.channel_max, settings.frame_max, settings.heartbeat))
        connection.state = states.TUNING


def _refuse(connection: Connection, reason: str) -> None:
    assert connection.mechanism is not None
    mechanism = connection.mechanism.name
    _count(connection, connection.mechanism.claimed or "", accepted=False)
    log.warning("login refused", connection=connection.name, mechanism=mechanism, reason=reason)
    _announce_refusal(connection, reason)
    if "authentication_failure_close" not in connection.capabilities:
        closing.keep_silent(connection)
        return
    text = f"Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
    closing.close_connection(connection, LoginRefused(text), (0, 0), connection.node.settings.silence)


def _count(connection: Connection, user: str, *, accepted: bool) -> None:
    source = Source(AMQP, connection.endpoint.peer_host, user)
    connection.node.broker.statistics.login(source, accepted=accepted)


def _announce_refusal(connection: Connection, reason: str) -> None:
    assert connection.mechanism is not None
    if connection.node.broker.events.heard:
        announce.login_refused(connection, connection.mechanism.claimed, reason)


def _check_frame_max(value: int, offered: int, compat: Compat) -> None:
    minimum = 4096 if compat.extends("small-frames") else compat.profile.frame_max_minimum
    if value and value < minimum:
        raise NotAllowed(
            f"failed to negotiate connection parameters: negotiated frame_max = {value} "
            f"is lower than the minimum allowed value ({minimum})"
        )
    _check_limit("frame_max", value, offered)


def _check_limit(name: str, value: int, offered: int) -> None:
    if offered and (not value or value > offered):
        shown = value or "0 (no limit)"
        raise NotAllowed(
            f"failed to negotiate connection parameters: negotiated {name} = {shown} "
            f"is higher than the maximum allowed value ({offered})"
        )
