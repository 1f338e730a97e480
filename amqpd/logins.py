"""What the settings say about logins, built: the chain of backends, how new passwords are stored, and delays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amqpd import plugins
from amqpd.broker.authentication.chain import Link
from amqpd.broker.authentication.port import AuthBackend
from amqpd.broker.broker import Broker
from amqpd.broker.passwords import ARGON2, SHA256, has_argon2
from amqpd.config import Config
from amqpd.config.errors import ConfigError, bad_value


def set_up(broker: Broker, config: Config) -> None:
    """Give a broker the logins of its settings. Raises ConfigError for a backend that is unknown or can't be made, and
    for a hash that can't be computed here.
    """
    hashing = config.auth.password_hashing or SHA256
    if hashing == ARGON2 and not has_argon2():
        text = "'auth.password_hashing' is argon2id, but argon2-cffi is not installed: pip install 'amqpd[server]'"
        raise ConfigError(text, key="auth.password_hashing", value=hashing)
    broker.hash_new_passwords(hashing)
    broker.authentication.failures.longest = config.auth.failed_login_delay or 0.0
    broker.authentication.use(_links(broker, config))


def _links(broker: Broker, config: Config) -> list[Link]:
    known: Mapping[str, Callable[[], AuthBackend]] = {
        "internal": lambda: broker.internal_users,
        "oauth2": lambda: _oauth2(broker, config),
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
