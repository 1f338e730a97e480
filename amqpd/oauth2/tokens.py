"""One token: its signature, for whom and until when it is, whose it is and what it allows.

Which signatures are taken is a setting, never the token's choice alone; `none` is not among them.
https://www.rabbitmq.com/docs/oauth2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs
import jwt

from amqpd.broker.users import User
from amqpd.clock import Clock
from amqpd.config import OAuth2
from amqpd.errors import LoginRefused
from amqpd.oauth2.scopes import read_scopes

AHEAD: Final = 60.0
"""Seconds by which the authority's clock may be ahead of the broker's."""
END_OF_TIME: Final = 2**53
"""Seconds: what is no time any more."""
LONGEST: Final = 64 * 1024
"""Octets of a token that is looked at."""
SUBJECTS: Final = ("sub", "client_id")
"""Claims that name the user, where the settings prefer no other."""

Key = Callable[[str | None], object | None]
"""Gives the key of a name (None: the token names none), or None where there is none."""


@attrs.frozen
class Tokens:
    """Reads tokens by the settings."""

    settings: OAuth2
    key: Key
    clock: Clock

    def user(self, token: bytes) -> User:
        """The user that a token is for. Raises LoginRefused with what is wrong with it."""
        claims = self._claims(token)
        expires = claims.get("exp")
        scopes = read_scopes(self._scopes(claims), self._prefix)
        return User(
            self._name(claims),
            tags=scopes.tags,
            authority=scopes,
            expires=float(expires) if isinstance(expires, int | float) else None,
        )

    @property
    def _prefix(self) -> str:
        prefix = self.settings.scope_prefix
        return f"{self.settings.resource_server_id}." if prefix is None else prefix

    def _claims(self, token: bytes) -> Mapping[str, object]:
        if len(token) > LONGEST:
            raise LoginRefused(f"a token of {len(token)} octets")
        settings = self.settings
        try:
            name = jwt.get_unverified_header(token).get("kid")
            key = self.key(name if isinstance(name, str) else None)
            if key is None:
                raise LoginRefused(f"the token's key {name!r:.80} is not known")
            claims: Mapping[str, object] = jwt.decode(
                token,
                key,  # type: ignore[arg-type]  # what it makes of a JWK, or text
                algorithms=list(settings.algorithms),
                audience=settings.resource_server_id if settings.verify_aud else None,
                issuer=settings.issuer,
                # The broker's own clock decides about times, below.
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": settings.verify_aud,
                    "require": ["aud"] if settings.verify_aud else [],
                },
            )
        except (jwt.PyJWTError, TypeError, ValueError, RecursionError) as error:
            raise LoginRefused(f"the token is refused: {error}") from None
        self._check_times(claims)
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now = self.clock.wall()
        for name in ("exp", "nbf"):
            value = claims.get(name, 0)
            if not isinstance(value, int | float) or not -END_OF_TIME < value < END_OF_TIME:  # nan is neither
                raise LoginRefused(f"the token's '{name}' is no number")
        expires, begins = claims.get("exp"), claims.get("nbf")
        if isinstance(expires, int | float) and expires <= now:
            raise LoginRefused("the token has expired")
        if isinstance(begins, int | float) and begins > now + AHEAD:
            raise LoginRefused("the token is not valid yet")

    def _name(self, claims: Mapping[str, object]) -> str:
        for claim in (*self.settings.preferred_username_claims, *SUBJECTS):
            name = claims.get(claim)
            if isinstance(name, str) and 0 < len(name.encode("utf-8", "surrogateescape")) <= 255:
                return name
        raise LoginRefused("the token names no user")

    def _scopes(self, claims: Mapping[str, object]) -> Iterable[str]:
        yield from _texts(claims.get("scope"), self.settings.resource_server_id)
        for key in self.settings.additional_scopes_key:
            yield from _texts(_at(claims, key), self.settings.resource_server_id)


def parsed(jwk: Mapping[str, object]) -> object:
    """A key of a key set. Raises LoginRefused for one that no token is signed with, such as one for encryption; the
    text doesn't show it, since some keys are secret.
    """
    try:
        return jwt.PyJWK.from_dict(dict(jwk))
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise LoginRefused(f"the key {jwk.get('kid')!r:.80} cannot be used: {type(error).__name__}") from None


def _at(claims: Mapping[str, object], path: str) -> object:
    """The claim of a name; where there is none, what lies at a path such as `resource_access.broker.roles`."""
    if path in claims:
        return claims[path]
    value: object = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _texts(value: object, resource: str | None) -> Iterable[str]:
    """Scopes in any of their forms: words, an array, or an object that has them by resource server."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [word for each in value if isinstance(each, str) for word in each.split()]
    if isinstance(value, Mapping):
        return _texts(value.get(resource), resource)
    return ()
