"""rabbitmq-plugins: what RabbitMQ has as plugins and amqpd has built in, so that nothing is to be enabled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from amqpd.cli.ctl.verb import DATA, SOFTWARE, UNAVAILABLE, Answer, BadUse, Needs, Option, Report, Request, Stop, Verb
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
DIRECTORIES: Final = {
    "plugins_dir": "Plugin archives directory",
    "plugins_expand_dir": "Plugin expansion directory",
    "enabled_plugins_file": "Enabled plugins file",
}
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
    named, lacking, place = request.arguments, _lacking(request), _place(request)
    if lacking:
        known = ", ".join(BUILT_IN)
        text = f"P{_are(lacking)[1:]} not enabled{place}. Enabled plugins and dependencies: {known}"
        raise Stop(UNAVAILABLE, ERROR.format(text), {"message": text, "result": "error"})
    text = f"P{_are(named)[1:]} enabled{place}"
    return Report(text, {"message": text, "result": "ok"})


def enable(request: Request) -> Answer:
    lacking = _lacking(request)
    if lacking:
        named = ", ".join(f":{each}" for each in lacking)
        raise Stop(SOFTWARE, ERROR.format(f"{{:plugins_not_found, [{named}]}}"))
    return f"{', '.join(request.arguments) or 'All plugins'}: built in, there is nothing to enable"


def set_plugins(request: Request) -> Answer:
    lacking = _lacking(request)
    if lacking:
        raise Stop(DATA, ERROR.format(f"The following plugins were not found: {', '.join(lacking)}"))
    return f"{', '.join(request.arguments) or 'Nothing'}: what is built in stays enabled"


def disable(request: Request) -> Answer:
    named = BUILT_IN if request.options.get("all") else [each for each in request.arguments if each in BUILT_IN]
    if named:
        text = f"{', '.join(named)}: built in, and cannot be switched off here. Settings do it: see the configuration"
        raise Stop(UNAVAILABLE, ERROR.format(text))
    return f"{', '.join(request.arguments)}: not there anyway"


def directories(_: Request) -> Answer:
    """None: what there is of RabbitMQ's plugins is built in, and amqpd's own extensions are Python packages."""
    return Report("\n".join(f"{text}: (none)" for text in DIRECTORIES.values()), dict.fromkeys(sorted(DIRECTORIES)))


def online_or_offline(request: Request) -> None:
    """Raises BadUse for both at once."""
    if request.options.get("offline") and request.options.get("online"):
        raise BadUse("Bad argument: Cannot set both online and offline", DATA)


def some_or_all(request: Request) -> None:
    """Raises BadUse for no plugin at all, and for some beside all."""
    online_or_offline(request)
    if request.options.get("all") and request.arguments:
        raise BadUse("Bad argument: Cannot set both --all and a list of plugins", DATA)
    if not request.options.get("all") and not request.arguments:
        raise BadUse("not enough arguments.")


def one_form(request: Request) -> None:
    """Raises BadUse for a list that is to be long and short."""
    if request.options.get("verbose") and request.options.get("minimal"):
        raise BadUse("Bad argument: Cannot set both verbose and minimal", DATA)


def _lacking(request: Request) -> list[str]:
    return [each for each in request.arguments if each not in BUILT_IN]


def _are(names: Sequence[str]) -> str:
    """The beginning of a statement about some."""
    several = len(names) > 1
    return f"{'plugins' if several else 'plugin'} {', '.join(names)} {'are' if several else 'is'}"


def _place(request: Request) -> str:
    """Where, unless nobody is to be asked."""
    return "" if request.options.get("offline") else f" on node {request.node}"


def _asking(request: Request) -> str:
    if request.options.get("offline"):
        return ""
    return f"Asking node {request.node} if {_are(request.arguments)} enabled..."


def _looking(request: Request) -> str:
    if request.options.get("offline"):
        return "Listing plugin directories inferred from local environment..."
    return f"Listing plugin directories used by node {request.node}"


def _offline(*more: Option) -> tuple[Option, ...]:
    return (Option("--offline", bool), Option("--online", bool), *more)


VERBS: Final = (
    Verb(
        "directories",
        "[--offline] [--online]",
        "Say where plugins are: nowhere, they are built in",
        GROUP,
        directories,
        _looking,
        options=_offline(),
        needs=Needs.NOTHING,
        check=online_or_offline,
    ),
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
        check=one_form,
    ),
    Verb(
        "is_enabled",
        "<plugin1> [ <plugin2>] [--offline] [--online]",
        "Fail unless these are built in",
        GROUP,
        is_enabled,
        _asking,
        1,
        None,
        _offline(),
        needs=Needs.NOTHING,
        check=online_or_offline,
    ),
    Verb(
        "enable",
        "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
        "Nothing, for what is built in; the rest is refused",
        GROUP,
        enable,
        None,
        0,
        None,
        _offline(Option("--all", bool)),
        needs=Needs.NOTHING,
        check=some_or_all,
    ),
    Verb(
        "disable",
        "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
        "Refused, for what is built in",
        GROUP,
        disable,
        None,
        0,
        None,
        _offline(Option("--all", bool)),
        needs=Needs.NOTHING,
        check=some_or_all,
    ),
    Verb(
        "set",
        "<plugin1> [ <plugin2>] [--offline] [--online]",
        "The same as enable; what is not named stays enabled too",
        GROUP,
        set_plugins,
        None,
        0,
        None,
        _offline(),
        needs=Needs.NOTHING,
        check=online_or_offline,
    ),
)
