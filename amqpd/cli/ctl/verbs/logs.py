"""The log and the events of the broker: where it goes, its end, and what comes from now on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import Any, Final

from amqpd.cli.ctl.client import Client
from amqpd.cli.ctl.patience import PAUSE, pause
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, Lines, Needs, Option, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR
from amqpd.cli.ctl.verbs.health import GROUP
from amqpd.clock import SystemClock
from amqpd.visible import visible

DURATION: Final = (Option("--duration", int, "-d"),)


def log_location(request: Request) -> Answer:
    return Report("<stderr>", {"node_name": request.node, "paths": ["<stderr>"], "result": "ok"})


def log_tail(request: Request) -> Answer:
    found = request.client.get(*_log(request.client), count=request.options.get("number", 50))["entries"]
    lines = [*map(_log_line, found)]
    if request.formatter == "json":
        return Rows(("message",), [{"message": line} for line in lines])
    return Report("\n".join(lines), lines)


def log_tail_stream(request: Request) -> Answer:
    return Lines(_log_as_it_comes(request.client, request.options.get("duration")))


def consume_event_stream(request: Request) -> Answer:
    try:
        wanted = re.compile(str(request.options.get("pattern", ".*")))
    except re.error as error:
        text = f"'{request.options['pattern']}' is no regular expression: {error}"
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    asked = {key: value for key, value in request.options.items() if key == "duration"}
    return Lines(_events(request.local().follow("control", "events", **asked), wanted))


def _events(lines: Iterator[str], wanted: re.Pattern[str]) -> Iterator[str]:
    """Events whose name the pattern finds, as the broker tells them."""
    for line in lines:
        if line and wanted.search(json.loads(line)["event"]):
            yield line
    yield ""


def _log_as_it_comes(client: Client, duration: int | None) -> Iterator[str]:
    """What is logged from now on, for so many seconds or for ever."""
    clock = SystemClock()
    end = None if duration is None else clock.monotonic() + duration
    path = _log(client)
    last = client.get(*path, count=0)["last"]
    while end is None or clock.monotonic() < end:
        pause(PAUSE)
        found = client.get(*path, after=last)
        last = found["last"]
        yield from map(_log_line, found["entries"])


def _log(client: Client) -> tuple[str, ...]:
    """Where the log is, which a stopped application has too."""
    return ("control", "log") if client.is_local else ("log",)


def _how_long(request: Request) -> str:
    duration = request.options.get("duration")
    return "" if duration is None else f"for {duration} seconds "


def _log_line(event: Mapping[str, Any]) -> str:
    """One event: when, how severe, what."""
    when = formatdate(event["time"] / 1000, usegmt=True)
    values = " ".join(f"{name}={value}" for name, value in event.get("values", {}).items())
    return visible(f"{when} [{event['level']}] {event['event']} {values}".rstrip())


VERBS: Final = (
    Verb("log_location", "[--all|-a] [--timeout <timeout>]", "Say where the log goes", "Configuration and Environment",
         log_location,
         lambda request: f"Log file location(s) on node {request.node} ...", options=(Option("--all", bool, "-a"),),
         needs=Needs.ANY),
    Verb("log_tail", "[--number|-N <number>] [--timeout <timeout>]", "Show the last lines of the log", GROUP, log_tail,
         lambda request: f"Last {request.options.get('number', 50)} log lines on node {request.node} ...",
         options=(Option("--number", int, "-N"),), needs=Needs.ANY),
    Verb("log_tail_stream", "[--duration|-d <seconds>] [--timeout <timeout>]", "Show what is logged from now on", GROUP,
         log_tail_stream,
         lambda request: f"Streaming logs from node {request.node} {_how_long(request)}...", options=DURATION,
         needs=Needs.ANY),
    Verb("consume_event_stream", "[--duration|-d <seconds>] [--pattern <pattern>] [--timeout <timeout>]",
         "Show what happens in the broker from now on: one line of JSON an event", GROUP, consume_event_stream,
         options=(*DURATION, Option("--pattern"))),
)  # fmt: skip
