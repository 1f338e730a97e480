"""The settings in force."""

from __future__ import annotations

from functools import reduce
from typing import Any, Final

from amqpd.config import Config
from amqpd.config.settings import Setting, settings
from amqpd.config.values import render
from amqpd.management.api import Call

HIDDEN: Final = "********"


async def effective(call: Call) -> object:
    """Show the settings that the broker was started with, by their keys; passwords are hidden."""
    config = Config() if call.api.config is None else call.api.config
    return {each.key: _value(config, each) for each in settings()}


def _value(config: Config, setting: Setting) -> object:
    value: Any = reduce(getattr, setting.key.split("."), config)
    if setting.secret and value is not None:
        return HIDDEN
    return value if value is None or isinstance(value, bool | int | float) else render(value, setting.kind)
