"""Where people at the web UI log in other than with a password: the page goes there itself (`ui/js/sso.js`), and comes
back with a token that the backend `oauth2` takes.
"""

from __future__ import annotations

from typing import Final

import attrs

from amqpd.config import Config
from amqpd.config.errors import bad_value

BACKEND: Final = "oauth2"


@attrs.frozen
class SignOn:
    """The identity provider, and who the web UI is to it."""

    provider_url: str
    client_id: str
    scopes: str
    passwords: bool
    """Whether a name and a password do as well."""


def sign_on(config: Config) -> SignOn | None:
    """What the settings say; None: it is not offered. Raises ConfigError for settings that don't go together."""
    asked = config.management.oauth
    if not asked.enabled:
        return None
    backends = {each.partition(":")[0] for each in config.auth.backends}
    if BACKEND not in backends:
        allowed = "a list with oauth2, because of 'management.oauth.enabled'"
        raise bad_value("auth.backends", config.auth.backends, allowed)
    if asked.client_id is None:
        raise bad_value("management.oauth.client_id", None, "text, because of 'management.oauth.enabled'")
    provider = asked.provider_url or config.oauth2.issuer
    if provider is None:
        raise bad_value("management.oauth.provider_url", None, "a URL, unless there is an 'oauth2.issuer'")
    passwords = backends != {BACKEND} and not config.management.disable_basic_auth
    return SignOn(provider, asked.client_id, asked.scopes, passwords)
