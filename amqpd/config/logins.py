"""The settings of logins: who is asked, and those who can be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from amqpd.config.checks import (
    Above,
    HttpsUrl,
    HttpUrl,
    MechanismNames,
    NotEmpty,
    ShortText,
    SignatureNames,
    Within,
)
from amqpd.config.setting import setting
from amqpd.config.values import Files, Names, Seconds


@attrs.frozen(kw_only=True)
class Auth:
    """How clients log in."""

    mechanisms: Names = setting(
        ("PLAIN", "AMQPLAIN"), "SASL mechanisms on offer; also registered: EXTERNAL, ANONYMOUS.", MechanismNames()
    )
    anonymous_user: str | None = setting(None, "User that ANONYMOUS logs in as.", ShortText())
    anonymous_password: str | None = setting(None, "That user's password.", NotEmpty(), secret=True)
    ssl_cert_login_from: Literal["distinguished_name", "common_name", "subject_alternative_name"] = setting(
        "distinguished_name", "Part of the client certificate that EXTERNAL takes as the user's name."
    )
    ssl_cert_login_san_type: Literal["dns", "ip", "email", "uri"] = setting(
        "dns", "The kind of subject alternative name that is meant."
    )
    ssl_cert_login_san_index: int = setting(0, "Which one of that kind, counted from 0.", Within(0))
    loopback_users: Names = setting(
        ("guest",),
        "Users that may connect from this machine only. `guest` means the default user too, by whatever name, while "
        "`default.password` is not set: everybody knows that one.",
    )
    backends: Names = setting(
        ("internal",),
        "Who is asked about a login, in this order, until one accepts: `internal` (the broker's own users), `oauth2` "
        "(tokens), `http` (a service), or a plug-in's. `oauth2:internal` has the first check and the second say what "
        "the user may do.",
        NotEmpty(),
    )
    password_hashing: (
        Literal["argon2id", "rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512"] | None
    ) = setting(
        None,
        "How new passwords are stored. Unset, `amqpd serve` takes `argon2id` if the extra `server` is installed, and "
        "with `strict`, or inside a program, it is RabbitMQ's SHA-256. RabbitMQ imports argon2id hashes, but lets "
        "nobody in with them.",
    )
    password_min_length: int | None = setting(
        None, "Fewest characters of a new password. RabbitMQ's credential_validator.min_length.", Within(0)
    )
    password_regexp: str | None = setting(
        None, "Pattern that has to be found in a new password. RabbitMQ's credential_validator.regexp."
    )
    failed_login_delay: Seconds | None = setting(
        None,
        "Longest time that a login waits after several failed ones of the same user from the same place; 0 is none. "
        "Unset, that is 5 seconds, and none inside a program.",
    )
    track_attempt_source: bool = setting(
        False,
        "Count logins by the address that they come from and the user's name too, of the last 1000 such sources: for "
        "the management API and the metrics. RabbitMQ's track_auth_attempt_source.",
    )


@attrs.frozen(kw_only=True)
class OAuth2:
    """Tokens as logins, once `auth.backends` has `oauth2`; names and meanings are those of RabbitMQ's `auth_oauth2`."""

    resource_server_id: str | None = setting(None, "Who the broker is to the authority.", NotEmpty())
    scope_prefix: str | None = setting(
        None, "What scopes for the broker begin with; unset, `resource_server_id` and a dot."
    )
    verify_aud: bool = setting(True, "Refuse tokens whose `aud` doesn't have `resource_server_id`.")
    additional_scopes_key: Names = setting((), "Further claims with scopes; `a.b` is one inside another.")
    preferred_username_claims: Names = setting((), "Claims that name the user, before `sub` and `client_id`.")
    issuer: str | None = setting(
        None,
        "The authority: `iss` of tokens has to be the same. Without keys from elsewhere, its discovery document says "
        "where they are.",
        HttpsUrl(),
    )
    jwks_url: str | None = setting(None, "Where the authority's keys are (JWKS).", HttpsUrl())
    ca: Path | None = setting(None, "Authorities (PEM) for its TLS certificate, not the system's.")
    signing_keys: Files = setting(
        attrs.Factory(dict), "Keys from files: the `kid` of tokens and a PEM file (HS256 and the like: the secret)."
    )
    default_key: str | None = setting(None, "The key of tokens that name none.", NotEmpty())
    algorithms: Names = setting(
        ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
        "Signatures that are taken.",
        SignatureNames(),
    )


@attrs.frozen(kw_only=True)
class AuthHttp:
    """A service that says who users are and what they may do, once `auth.backends` has `http`; names and meanings are
    those of RabbitMQ's `auth_http`.
    """

    http_method: Literal["get", "post"] = setting("get", "How it is asked; with `get` passwords are part of the URL.")
    user_path: str = setting("http://localhost:8000/auth/user", "Where it is asked who somebody is.", HttpUrl())
    vhost_path: str = setting(
        "http://localhost:8000/auth/vhost", "Where it is asked who may open a virtual host.", HttpUrl()
    )
    resource_path: str = setting(
        "http://localhost:8000/auth/resource",
        "Where it is asked who may configure, write or read an exchange or a queue.",
        HttpUrl(),
    )
    topic_path: str = setting(
        "http://localhost:8000/auth/topic",
        "Where it is asked who may use a routing key of a topic exchange.",
        HttpUrl(),
    )
    connection_timeout: Seconds = setting(5.0, "Time that connecting to it may take.", Above(0))
    request_timeout: Seconds = setting(5.0, "Time that it may take to say something.", Above(0))
    cache_ttl: Seconds = setting(
        15.0,
        "Time for which what it allows is remembered, at least a second; refusals count for a second. RabbitMQ's "
        "`auth_cache.cache_ttl`.",
        Within(1),
    )
    ca: Path | None = setting(None, "Authorities (PEM) for its TLS certificate, not the system's.")
    certificate: Path | None = setting(None, "The broker's own certificate (PEM), where the service wants one.")
    key: Path | None = setting(None, "Its private key (PEM); unset, it is in the file of the certificate.")
