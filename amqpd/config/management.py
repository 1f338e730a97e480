"""The settings of the HTTP API and the web UI."""

from __future__ import annotations

from pathlib import Path

import attrs

from amqpd.config.checks import Above, HttpsUrl, NotEmpty, PathPrefix, Within
from amqpd.config.setting import setting
from amqpd.config.tls import Tls
from amqpd.config.values import Names, Seconds, Size


@attrs.frozen(kw_only=True)
class ManagementTls:
    """The HTTP API over TLS, beside the plain one or in its place."""

    port: int | None = setting(None, "Port of the API over TLS, usually 15671; 0 takes a free one.", Within(0, 65535))
    certificate: Path | None = setting(None, "Its certificate chain (PEM); unset, `tls.certificate` with its key.")
    key: Path | None = setting(None, "The private key (PEM); unset, it is in the file of the certificate.")
    ca: Path | None = setting(None, "The authorities (PEM) that client certificates are checked against.")
    verify_peer: bool = setting(False, "Refuse a client without a valid certificate; needs `management.tls.ca`.")


@attrs.frozen(kw_only=True)
class ManagementOAuth:
    """Logging in to the web UI at an identity provider (OpenID Connect, authorization code with PKCE)."""

    enabled: bool = setting(False, "Offer it; needs `oauth2` in `auth.backends`.")
    client_id: str | None = setting(
        None, "The web UI's name at the provider: a public client whose redirect URI is its address.", NotEmpty()
    )
    provider_url: str | None = setting(
        None,
        "The provider; unset, `oauth2.issuer`. Its discovery document is below it, its token endpoint at the same "
        "host, and both let pages of other origins ask (CORS).",
        HttpsUrl(),
    )
    scopes: str = setting("openid profile", "What is asked for, with spaces in between.")


@attrs.frozen(kw_only=True)
class Management:
    """The HTTP API for tools and people."""

    enabled: bool = setting(True, "Serve it at all.")
    port: int | None = setting(
        None,
        "Port of the HTTP API; 0 takes a free one, `none` serves none, or over TLS alone. Left out, `amqpd serve` "
        "takes the one 10,000 above `port` (15672) if the extra `management` is installed, it is free and "
        "`management.tls.port` isn't set; a broker inside a program has none.",
        Within(0, 65535),
    )
    host: Names = setting(("127.0.0.1", "::1"), "Addresses that it listens on.", NotEmpty())
    proxy_protocol: bool = setting(
        False,
        "Expect a header of the PROXY protocol (version 1 or 2) in front of each connection to its ports: the client "
        "that it names counts as the one that asks.",
    )
    path_prefix: str = setting("", "What stands before `/api` in its paths: `/rabbitmq`.", PathPrefix())
    cors_allow_origins: Names = setting(
        (),
        "Origins of pages that may use it from a browser (`https://ops.example.org`); `*` is all, without credentials.",
    )
    cors_max_age: int = setting(
        1800, "Seconds for which such a browser may remember what it was told about that.", Within(0)
    )
    login_session_timeout: Seconds = setting(
        8 * 3600.0, "Time after which a login at the web UI, or at `/api/login`, has to be made again.", Above(0)
    )
    disable_basic_auth: bool = setting(
        False, "Take tokens alone, no name and password; that counts for the web UI too."
    )
    max_body_size: Size = setting(
        20_000_000, "Largest body of a request. RabbitMQ's management.http.max_body_size.", Within(1)
    )
    tls: ManagementTls = attrs.Factory(ManagementTls)
    oauth: ManagementOAuth = attrs.Factory(ManagementOAuth)

    def tls_of(self, amqp: Tls) -> Tls:
        """Return what its TLS listener is served with, where `amqp` is what AMQP's is."""
        own = self.tls
        files = (amqp.certificate, amqp.key) if own.certificate is None else (own.certificate, own.key)
        return attrs.evolve(
            amqp, port=own.port, certificate=files[0], key=files[1], ca=own.ca, verify_peer=own.verify_peer
        )
