"""SASL mechanisms: what a client answers to connection.start, and whom that makes it.

A mechanism parses and asks; whether a login is accepted is decided by the broker's users. Built-in mechanisms come
through the same registry (entry-point group `amqpd.sasl_mechanisms`) as a plugin's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.pending import Pending
from amqpd.broker.users import User
from amqpd.errors import LoginRefused, SyntaxRefused
from amqpd.field_checks import FieldError
from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection


class Mechanism(ABC):
    """One login conversation."""

    name: ClassVar[str]
    claimed: str | None = None
    """The user that the client says to be, as soon as that is known: for the events of logins."""

    @classmethod
    def offered(cls, connection: Connection) -> bool:
        """Whether connection.start lists it on this connection."""
        return True

    @abstractmethod
    def respond(self, connection: Connection, response: bytes) -> bytes | Pending[User | None]:
        """Take the client's (next) response; return a challenge, or the user to be (None: refused).

        Raises SyntaxRefused for a response that isn't of this mechanism, LoginRefused with a reason for the log.
        """


class Plain(Mechanism):
    """RFC 4616 with an empty authorisation identity: NUL user NUL password."""

    name: ClassVar[str] = "PLAIN"

    def respond(self, connection: Connection, response: bytes) -> bytes | Pending[User | None]:
        parts = response.split(b"\0")
        if len(parts) != 3 or parts[0]:
            # RabbitMQ's text quotes the response; it stays out of the log, since a password may be in it.
            raise SyntaxRefused(f"response of {len(response)} octets invalid")
        user = self.claimed = parts[1].decode("utf-8", "surrogateescape")
        return connection.node.broker.check_password(user, parts[2], connection.endpoint.peer_host)


class AmqPlain(Mechanism):
    """RabbitMQ's and the old specification's: a field table without its length, with LOGIN and PASSWORD."""

    name: ClassVar[str] = "AMQPLAIN"

    def respond(self, connection: Connection, response: bytes) -> bytes | Pending[User | None]:
        shown = f"of {len(response)} octets"  # not quoted as RabbitMQ does: there may be a password in it
        try:
            table = Table.parse(response)
        except FieldError:
            raise SyntaxRefused(f"AMQPLAIN auth info {shown} is not a table") from None
        user, password = table.get("LOGIN"), table.get("PASSWORD")
        if user is None or password is None:
            raise SyntaxRefused(f"AMQPLAIN auth info {shown} is missing LOGIN or PASSWORD field")
        refuses = connection.node.broker.compat.profile.amqplain_types_are_refused_logins
        if refuses and (user.tag != "S" or password.tag != "S"):
            raise LoginRefused("LOGIN or PASSWORD is not text")
        if not isinstance(user.value, bytes) or not isinstance(password.value, bytes):
            raise SyntaxRefused(f"AMQPLAIN auth info {shown} uses unsupported type for LOGIN or PASSWORD field")
        self.claimed = user.value.decode("utf-8", "surrogateescape")
        origin = connection.endpoint.peer_host
        return connection.node.broker.check_password(self.claimed, password.value, origin)


class Anonymous(Mechanism):
    """Logs everybody in as one configured user; offered only where one is configured."""

    name: ClassVar[str] = "ANONYMOUS"

    @classmethod
    def offered(cls, connection: Connection) -> bool:
        return connection.node.settings.anonymous_user is not None

    def respond(self, connection: Connection, response: bytes) -> bytes | Pending[User | None]:
        name = self.claimed = connection.node.settings.anonymous_user
        return _as(connection, name or "", f"the anonymous user '{name}' does not exist")


class External(Mechanism):
    """The client certificate of the TLS connection says who it is."""

    name: ClassVar[str] = "EXTERNAL"

    @classmethod
    def offered(cls, connection: Connection) -> bool:
        return connection.endpoint.tls

    def respond(self, connection: Connection, response: bytes) -> bytes | Pending[User | None]:
        if not connection.endpoint.tls:
            raise LoginRefused("not a TLS-enabled connection")
        if not connection.endpoint.has_certificate:
            raise LoginRefused("connection peer presented no TLS (x.509) certificate")
        name = connection.endpoint.certificate_name
        if not name:
            raise LoginRefused("no name found")
        self.claimed = name
        return _as(connection, name, f"the certificate's user '{name}' does not exist")


def _as(connection: Connection, name: str, reason: str) -> Pending[User | None]:
    def require(user: User | None) -> User:
        if user is None:
            raise LoginRefused(reason)
        return user

    return connection.node.broker.authentication.known(name, connection.endpoint.peer_host).then(require)


BUILT_IN: Final[tuple[type[Mechanism], ...]] = (Plain, AmqPlain, Anonymous, External)
