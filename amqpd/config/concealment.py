"""What settings were made of, told without secrets: environment variables, and the words of a command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from amqpd.compiled import VARIABLE as PURE
from amqpd.config.settings import settings

HIDDEN: Final = "********"
"""In place of a secret."""
PREFIX: Final = "AMQPD_"


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those that are amqpd's, by name. One that no setting has may be a misspelt password: its value is hidden too."""
    told = {PURE, *(setting.env for setting in settings() if not setting.secret)}
    own = sorted(name for name in environ if name.startswith(PREFIX))
    return {name: environ[name] if name in told else HIDDEN for name in own}


def command_line(words: Iterable[str]) -> Iterator[str]:
    """The words, with something else in place of the values of secret settings."""
    secret = {setting.flag for setting in settings() if setting.secret}
    hide = False
    for word in words:
        flag, equals, _ = word.partition("=")
        yield HIDDEN if hide else f"{flag}={HIDDEN}" if equals and flag in secret else word
        hide = word in secret
