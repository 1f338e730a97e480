"""The backend `oauth2`: a token in the place of the password, as RabbitMQ's rabbitmq_auth_backend_oauth2 takes it.

The name that comes along is ignored: the token says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from amqpd.broker.authentication.port import AuthBackend, Login
from amqpd.broker.users import User
from amqpd.clock import Clock
from amqpd.config import OAuth2
from amqpd.config.errors import ConfigError, bad_value, missing_library
from amqpd.oauth2.keys import Fetch, KeySet, fetch_over_http

DOTS = 2
"""Those of a signed token: header, claims and signature."""


class OAuth2Backend(AuthBackend):
    """Takes tokens that an authority has signed."""

    name: ClassVar[str] = "oauth2"
    at_once: ClassVar[int] = 8

    def __init__(self, settings: OAuth2, clock: Clock, fetch: Fetch | None = None) -> None:
        """Raises ConfigError for settings that don't go together, keys that can't be read, or a missing library."""
        try:
            from amqpd.oauth2.tokens import Tokens, parsed
        except ImportError as error:
            asked = "'auth.backends' has oauth2"
            raise missing_library(error, asked, "oauth2", key="auth.backends", value="oauth2") from error
        if settings.resource_server_id is None:
            raise bad_value("oauth2.resource_server_id", None, "text, because 'auth.backends' has oauth2")
        self._files = {name: _read(name, path) for name, path in settings.signing_keys.items()}
        self._default = settings.default_key
        self._set = None
        if settings.jwks_url is not None or (settings.issuer is not None and not self._files):
            authorities = None if settings.ca is None else str(settings.ca)
            self._set = KeySet(clock, fetch or fetch_over_http(authorities), settings.jwks_url, settings.issuer)
        elif not self._files:
            allowed = "an https URL, unless there are 'oauth2.signing_keys' or an 'oauth2.issuer'"
            raise bad_value("oauth2.jwks_url", None, allowed)
        self._parse = parsed
        self._tokens = Tokens(settings, self._key, clock)

    def check(self, login: Login) -> Callable[[], User | None]:
        if login.secret.count(b".") != DOTS:
            return lambda: None  # a password, for another backend
        return partial(self._tokens.user, login.secret)

    def _key(self, name: str | None) -> object | None:
        """In a worker thread."""
        own = self._files.get((name if name is not None else self._default) or "")
        if own is not None or self._set is None:
            return own
        found = self._set.key(name if name is not None else self._default)
        return None if found is None else self._parse(found)


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        problem = f"cannot read the key '{name}' from {path}: {reason}"
        raise ConfigError(problem, key="oauth2.signing_keys", allowed="PEM files") from error
