"""Configuration: one model (`Config`), four sources (`load`), and the settings as a list (`settings`).

Plain data that is passed down. Imports nothing but attrs, cattrs and the standard library.
"""

from __future__ import annotations

from amqpd.config.errors import ConfigError
from amqpd.config.logins import Auth, AuthHttp, OAuth2
from amqpd.config.management import Management
from amqpd.config.model import Compat, Config, Default, Limits, Log, Memory, Server
from amqpd.config.settings import Setting, settings
from amqpd.config.sources import load
from amqpd.config.tls import Tls

__all__ = [
    "Auth",
    "AuthHttp",
    "Compat",
    "Config",
    "ConfigError",
    "Default",
    "Limits",
    "Log",
    "Management",
    "Memory",
    "OAuth2",
    "Server",
    "Setting",
    "Tls",
    "load",
    "settings",
]
