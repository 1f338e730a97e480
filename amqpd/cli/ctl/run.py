"""One run of the command: words in, an answer on standard output or an error on the other, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import IO, Final

from amqpd.cli.ctl import command_line, target
from amqpd.cli.ctl.client import Client, Refused, Unreachable
from amqpd.cli.ctl.command_line import Parsed
from amqpd.cli.ctl.helping import list_of, overview_of, usage_of, verb_help
from amqpd.cli.ctl.output import FORMATTERS, compact, csv, table, visible_rows, visible_text
from amqpd.cli.ctl.tools import OWN, tool_of, verbs_of
from amqpd.cli.ctl.verb import (
    DATA,
    UNAVAILABLE,
    USAGE,
    Answer,
    BadUse,
    Lines,
    Needs,
    Report,
    Request,
    Rows,
    Stop,
    Value,
    Verb,
)

REFUSED_LOGIN: Final = 77
"""EX_NOPERM of sysexits.h."""
INTERRUPTED: Final = 130
RABBITMQ: Final = "3.10.8"
"""The tools that this command is compared with."""
FORMATS: Final = ("table", "json", "json_stream", "csv", "pretty_table", "erlang")
QUIET: Final = ("json", "json_stream", "csv")
"""Formats for programs: nothing but the answer is printed."""
LIST_ALONE: Final = "--list-commands : "
"""An option that only the help takes."""
RUNNING: Final = (
    "this command requires the 'rabbit' app to be running on the target node. Start it with 'rabbitmqctl start_app'."
)
STOPPED: Final = (
    "this command requires the 'rabbit' app to be stopped on the target node. Stop it with 'rabbitmqctl stop_app'."
)
NO_BROKER: Final = """\
Error: unable to perform an operation on node '{node}'. Please see diagnostics information and suggestions below.

Most common reasons for this are:

 * no broker runs here, or another user runs it: its control socket is for that user and root alone
 * the broker has another data directory, or its control socket is elsewhere: say so with --data-dir or --socket
 * the broker is on another machine: say where with --url http://user:password@host:15672

DIAGNOSTICS
===========

{reason}"""


def amqpctl() -> None:
    """Run the console script, by whatever name."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        code = run(sys.argv[1:], tool_of(sys.argv[0]))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise SystemExit(code)


def run(
    words: Sequence[str],
    tool: str = OWN,
    *,
    find: Callable[[Mapping[str, object]], Client] | None = None,
    stdin: IO[str] | None = None,
) -> int:
    """Do what a command line says; return the exit code. `find`: the broker for these options, in place of the one that
    is looked for.
    """
    verbs = verbs_of(tool)
    parsed = command_line.parse(words, verbs)
    try:
        if parsed.options.get("version") or parsed.verb == "version":
            _show_version(parsed, tool)
            return 0
        if parsed.options.get("help") or parsed.verb in ("help", ""):
            return _help(parsed, tool)
        verb = _autocomplete(verbs) if parsed.verb == "autocomplete" else command_line.find(parsed, verbs)
    except Stop as stop:
        overview = "" if "Did you mean" in stop.text else overview_of(tool, verbs)
        print(stop.text.rstrip("\n") + "\n" + (overview or ""), file=sys.stderr)
        return stop.code
    return _run(verb, parsed, words, tool, find, stdin or sys.stdin)


def _run(
    verb: Verb,
    parsed: Parsed,
    words: Sequence[str],
    tool: str,
    find: Callable[[Mapping[str, object]], Client] | None,
    stdin: IO[str],
) -> int:
    quiet = bool({"quiet", "silent"} & parsed.options.keys()) or parsed.options.get("formatter") in QUIET

    def say(text: str) -> None:
        if not quiet and text:
            print(text, flush=True)

    looked_for = find or (lambda options: target.find(options, os.environ))
    request = Request(
        [*parsed.arguments],
        parsed.options,
        lambda: looked_for(parsed.options),
        stdin,
        say,
        verb.name,
        tool,
        verb.formatter,
    )
    try:
        command_line.check(verb, parsed)
        if request.formatter not in FORMATS:
            known = ", ".join(FORMATS)
            raise BadUse(f"Formatter '{request.formatter}' is not supported: expected one of {known}")
        if verb.check is not None:
            verb.check(request)
        _require(verb, request)
        _do(verb, request)
    except BadUse as bad:
        how = "Error (argument validation)" if bad.of_arguments else "Error"
        given = "\n\t".join(["Arguments given:", " ".join(words)])
        print(f"{how}: {bad.text}\n{given}\n\n{usage_of(verb, tool)}", file=sys.stderr)
        return bad.code
    except Stop as stop:
        return _stopped(stop, request)
    except Unreachable as error:
        node = parsed.options.get("node", "amqpd")
        print(NO_BROKER.format(node=node, reason=error), file=sys.stderr)
        return UNAVAILABLE
    except Refused as error:
        print(f"Error:\n{error.reason}", file=sys.stderr)
        return REFUSED_LOGIN if error.status == 401 else UNAVAILABLE
    except ValueError as error:
        print(f"Error (argument validation): {error}", file=sys.stderr)
        return DATA
    return 0


def _autocomplete(verbs: Mapping[str, Verb]) -> Verb:
    """The verb that shows which others begin with a text."""

    def begun(request: Request) -> Answer:
        return Lines(name for name in sorted(verbs) if name.startswith(request.arguments[0]))

    usage = "[prefix] [--timeout <timeout>]"
    return Verb("autocomplete", usage, "List verbs that begin so", "Help", begun, None, 1, 1, needs=Needs.NOTHING)


def _do(verb: Verb, request: Request) -> None:
    """What is done is said first; a dry run says it and does nothing."""
    if verb.timeout:
        request.say(f"Timeout: {float(request.options.get('timeout', 60))} seconds ...")
    if verb.banner is not None:
        request.say(verb.banner(request))
    if not request.options.get("dry_run"):
        _show(verb.run(request), request)


def _stopped(stop: Stop, request: Request) -> int:
    for_programs = request.formatter == "json" and stop.data is not None
    print(compact(stop.data) if for_programs else stop.text, file=sys.stderr)
    return UNAVAILABLE if for_programs else stop.code


def _require(verb: Verb, request: Request) -> None:
    """Raise BadUse unless the broker is in the state that the verb needs."""
    if verb.needs in (Needs.NOTHING, Needs.ANY) or not request.client.is_local:
        return
    running = bool(request.client.get("control", "status")["running"])
    if running is not (verb.needs is Needs.RUNNING):
        raise BadUse(RUNNING if not running else STOPPED, USAGE, of_arguments=False)


def _show(answer: Answer, request: Request) -> None:
    formatter = request.formatter
    if isinstance(answer, Rows):
        _show_rows(answer, request)
    elif isinstance(answer, Lines):
        for line in answer.lines:
            print(line, flush=True)
    elif formatter == "json" or (formatter == "json_stream" and answer is not None):
        print(compact(_for_programs(answer, request)))
    elif isinstance(answer, Report | Value):
        print(visible_text(answer.text) if sys.stdout.isatty() else answer.text)
    elif answer is not None:
        print(answer)


def _show_rows(rows: Rows, request: Request) -> None:
    formatter = request.formatter
    if not formatter.startswith("json") and sys.stdout.isatty():
        rows = visible_rows(rows)
    headers = not {"silent", "no_table_headers"} & request.options.keys()
    if formatter == "table":
        lines = table(rows, headers=headers)
    elif formatter == "csv":
        lines = csv(rows, headers=headers)
    else:
        lines = FORMATTERS[formatter](rows)
    for line in lines:
        print(line)


def _for_programs(answer: Answer, request: Request) -> object:
    if isinstance(answer, Report):
        return answer.data
    found: dict[str, object] = {"node": request.node, "result": "ok"}
    if isinstance(answer, Value):
        return {**found, "value": answer.text if answer.data is None else answer.data}
    if answer is None:
        return found
    return {"message": answer, "node": request.node, "status": "ok"}


def _show_version(parsed: Parsed, tool: str) -> None:
    """RabbitMQ's version under the names of RabbitMQ's tools: scripts choose by it what they may ask for."""
    shown = version("amqpd") if tool == OWN else RABBITMQ
    if parsed.options.get("formatter") == "json":
        shown = compact({"result": "ok", "value": {"version": shown}})
    print(shown)


def _help(parsed: Parsed, tool: str) -> int:
    """Show the help of a verb, or of all. Raises Stop for one that isn't there."""
    name = parsed.verb if parsed.verb not in ("help", "") else (parsed.arguments or [""])[0]
    verbs = verbs_of(tool)
    if not name:
        if LIST_ALONE in parsed.invalid:
            print("\n".join(list_of(verbs)))
            return 0
        wanted = bool(parsed.verb or parsed.options.get("help"))
        print(overview_of(tool, verbs), file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted else USAGE
    found = command_line.find(Parsed(name, [], {}, ()), verbs)
    print(verb_help(found, tool))
    return 0
