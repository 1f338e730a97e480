"""rabbitmq-plugins: what RabbitMQ has as plugins and amqpd has built in, so that nothing is to be enabled."""

from __future__ import annotations

import re
from typing import Final

from amqpd.cli.ctl.verb import SOFTWARE, UNAVAILABLE, Answer, Needs, Option, Report, Request, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

GROUP: Final = "Plugin Management"
BUILT_IN: Final = (
    "rabbitmq_auth_mechanism_ssl",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_delayed_message_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_message_deduplication",
    "rabbitmq_prometheus",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
    "rabbitmq_web_dispatch",
)
MARKS: Final = (
    " Configured: E = explicitly enabled; e = implicitly enabled\n"
    " | Status: * = built in\n"
    " |/"
)


def list_plugins(request: Request) -> Answer:
    pattern = request.arguments[0] if request.arguments else ".*"
    try:
        found = [each for each in BUILT_IN if re.search(pattern, each)]
    except re.error as error:
        raise Stop(UNAVAILABLE, ERROR.format(f"'{pattern}' is no regular expression: {error}")) from None
    data = {
        "format": "minimal" if request.options.get("minimal") else "normal",
        "plugins": [
            {"enabled": "enabled", "name": each, "running": True, "running_version": None, "version": ""}
            for each in found
        ],
        "status": "running",
    }
    if request.options.get("minimal"):
        return Report("\n".join(found), data)
    marks = [] if request.options.get("quiet") or request.options.get("silent") else [MARKS]
    return Report("\n".join([*marks, *(f"[E*] {each}" for each in found)]), data)


def is_enabled(request: Request) -> Answer:
    lacking = [each for each in request.arguments if each not in BUILT_IN]
    named = ", ".join(request.arguments)
    if lacking:
        known = ", ".join(BUILT_IN)
        text = f"Plugin {', '.join(lacking)} is not enabled: amqpd has no such thing. Built in are: {known}"
        raise Stop(UNAVAILABLE, ERROR.format(text))
    return f"Plugin {named} is enabled: it is built in"


def enable(request: Request) -> Answer:
    lacking = [each for each in request.arguments if each not in BUILT_IN]
    if lacking:
        named = ", ".join(f":{each}" for each in lacking)
        raise Stop(SOFTWARE, ERROR.format(f"{{:plugins_not_found, [{named}]}}"))
    return f"{', '.join(request.arguments)}: built in, there is nothing to enable"


def disable(request: Request) -> Answer:
    named = [each for each in request.arguments if each in BUILT_IN]
    if named:
        text = f"{', '.join(named)}: built in, and cannot be switched off here. Settings do it: see the configuration"
        raise Stop(UNAVAILABLE, ERROR.format(text))
    return f"{', '.join(request.arguments)}: not there anyway"


def _offline(*more: Option) -> tuple[Option, ...]:
    return (Option("--offline", bool), Option("--online", bool), *more)


VERBS: Final = (
    Verb(
        "list",
        "[pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]",
        "List what is built in of RabbitMQ's plugins",
        GROUP,
        list_plugins,
        lambda request: f'Listing plugins with pattern "{request.arguments[0] if request.arguments else ".*"}" ...',
        most=1,
        options=(
            Option("--verbose", bool, "-v"),
            Option("--minimal", bool, "-m"),
            Option("--enabled", bool, "-E"),
            Option("--implicitly-enabled", bool, "-e"),
        ),
        needs=Needs.NOTHING,
    ),
    Verb(
        "is_enabled",
        "<plugin1> [ <plugin2>] [--offline|--online]",
        "Fail unless these are built in",
        GROUP,
        is_enabled,
        None,
        1,
        None,
        _offline(),
        needs=Needs.NOTHING,
    ),
    Verb(
        "enable",
        "<plugin> [...] [--all] [--offline|--online]",
        "Nothing, for what is built in; the rest is refused",
        GROUP,
        enable,
        None,
        1,
        None,
        _offline(Option("--all", bool)),
        needs=Needs.NOTHING,
    ),
    Verb(
        "disable",
        "<plugin> [...] [--all] [--offline|--online]",
        "Refused, for what is built in",
        GROUP,
        disable,
        None,
        1,
        None,
        _offline(Option("--all", bool)),
        needs=Needs.NOTHING,
    ),
    Verb(
        "set",
        "[<plugin> ...] [--offline|--online]",
        "The same as enable",
        GROUP,
        enable,
        None,
        1,
        None,
        _offline(),
        needs=Needs.NOTHING,
    ),
)
