"""What the settings say about logins, built: the chain of backends, how new passwords are stored, and delays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from amqpd import patterns, plugins
from amqpd.broker.authentication.chain import Link
from amqpd.broker.authentication.port import AuthBackend
from amqpd.broker.authentication.rules import PasswordRules
from amqpd.broker.broker import Broker
from amqpd.broker.login_sources import LoginSources
from amqpd.broker.passwords import ARGON2, SHA256, has_argon2
from amqpd.config import Config
from amqpd.config.errors import ConfigError, bad_value, missing_library
from amqpd.log import get_logger

log = get_logger(__name__)

LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def set_up(broker: Broker, config: Config) -> None:
    """Give a broker the logins of its settings. Raises ConfigError for a backend that is unknown or can't be made, and
    for a hash that can't be computed here.
    """
    hashing = config.auth.password_hashing or SHA256
    if hashing == ARGON2 and not has_argon2():
        text = "'auth.password_hashing' is argon2id, but argon2-cffi is not installed: pip install 'amqpd[server]'"
        raise ConfigError(text, key="auth.password_hashing", value=hashing)
    broker.hash_new_passwords(hashing)
    broker.authentication.rules = _rules(config)
    if config.auth.track_attempt_source:
        broker.statistics.login_sources = LoginSources()
    broker.authentication.failures.longest = config.auth.failed_login_delay or 0.0
    broker.authentication.use(_links(broker, config))


def _rules(config: Config) -> PasswordRules:
    pattern = config.auth.password_regexp
    try:
        regexp = None if pattern is None else patterns.compile(pattern)
    except patterns.PatternError as error:
        raise bad_value("auth.password_regexp", pattern, f"a regular expression ({error})") from error
    return PasswordRules(config.auth.password_min_length, regexp)


def _links(broker: Broker, config: Config) -> list[Link]:
    known: Mapping[str, Callable[[], AuthBackend]] = {
        "internal": lambda: broker.internal_users,
        "oauth2": lambda: _oauth2(broker, config),
        "http": lambda: _http(broker, config),
    }
    further = plugins.auth_backends()
    made: dict[str, AuthBackend] = {}

    def backend(name: str) -> AuthBackend:
        if name not in made:
            if name in further:
                made[name] = further[name](broker, config)
            elif name in known:
                made[name] = known[name]()
            else:
                allowed = f"each of {', '.join(sorted({*known, *further}))}, or two of them as in oauth2:internal"
                raise bad_value("auth.backends", config.auth.backends, allowed)
        return made[name]

    links = []
    for step in config.auth.backends:
        checks, _, authorises = step.partition(":")
        links.append(Link(backend(checks), backend(authorises or checks)))
    return links


def _oauth2(broker: Broker, config: Config) -> AuthBackend:
    from amqpd.oauth2.backend import OAuth2Backend

    return OAuth2Backend(config.oauth2, broker.clock)


def _http(broker: Broker, config: Config) -> AuthBackend:
    try:
        from amqpd.auth_http.backend import HttpBackend
    except ImportError as error:
        asked = "'auth.backends' has http"
        raise missing_library(error, asked, "auth-http", key="auth.backends", value="http") from error
    settings = config.auth_http
    if settings.http_method == "get":
        log.info("passwords are parts of the URLs that the HTTP service is asked: auth_http.http_method may be post")
    if urlsplit(settings.user_path).scheme == "http" and urlsplit(settings.user_path).hostname not in LOCAL:
        log.warning("passwords go to another machine without TLS", key="auth_http.user_path", value=settings.user_path)
    return HttpBackend(settings, broker.offload, broker.timers, broker.clock, broker.access)
