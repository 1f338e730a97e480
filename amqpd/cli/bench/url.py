"""amqp:// URLs: where a broker listens and as whom to log in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/%2F"


@dataclass(frozen=True)
class BrokerUrl:
    """The parts of an AMQP URL, percent-decoded."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool = False

    def __str__(self) -> str:
        """Return the URL without its password, fit for reports."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "amqps" if self.tls else "amqp"
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.vhost, safe='')}"


def parse_url(text: str, *, tls: bool = True) -> BrokerUrl:
    """Read ``amqp://user:password@host:port/vhost``; missing parts are guest, guest, 127.0.0.1, 5672 and ``/``.

    With `tls` also ``amqps://``, whose port is 5671. A query is ignored: the tool sets heartbeat, frame-max and
    channel-max itself. Raises ValueError for anything else.
    """
    parts = urlsplit(text)
    secure = tls and parts.scheme == "amqps"
    if parts.scheme != "amqp" and not secure:
        raise ValueError(f"{text!r} is not an amqp:// URL, such as {DEFAULT_URL}")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} has no valid port; a port is a number from 1 to 65535") from None
    vhost = parts.path[1:]
    if "/" in vhost:
        raise ValueError(f"the vhost {vhost!r} holds a bare slash; write it as %2F")
    return BrokerUrl(
        host=parts.hostname or "127.0.0.1",
        port=port or (5671 if secure else 5672),
        user=unquote(parts.username) if parts.username else "guest",
        password=unquote(parts.password) if parts.password is not None else "guest",
        vhost=unquote(vhost) or "/",
        tls=secure,
    )
