"""Definitions, out to a file and in again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from amqpd.cli.ctl.output import compact
from amqpd.cli.ctl.verb import DATA, UNAVAILABLE, Answer, BadUse, Option, Report, Request, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR, told
from amqpd.cli.private import private_files

GROUP: Final = "Definitions"
STARTED: Final = "Successfully started definition import. This process is asynchronous and can take some time."


def export_definitions(request: Request) -> Answer:
    document = request.client.get("definitions")
    if request.arguments[0] == "-":
        text = compact(document)
        return Report(text, {"message": text})
    try:
        with private_files():
            Path(request.arguments[0]).write_text(compact(document) + "\n", "utf-8", "surrogateescape")
    except OSError as error:
        raise Stop(UNAVAILABLE, ERROR.format(f"{request.arguments[0]}: {error.strerror or error}")) from error
    return None


def import_definitions(request: Request) -> Answer:
    with told():
        request.client.post("definitions", body=_document(request))
    return STARTED


def _document(request: Request) -> Any:
    path = request.arguments[0] if request.arguments else "-"
    try:
        text = request.stdin.read() if path == "-" else Path(path).read_text("utf-8", "surrogateescape")
        return json.loads(text)
    except OSError as error:
        raise Stop(DATA, ERROR.format(f"{path}: {error.strerror or error}")) from error
    except ValueError as error:
        text = f"Failed to deserialise input (format: JSON) (error: {error})"
        raise Stop(DATA, ERROR.format(text)) from error


def _to_check(request: Request) -> None:
    _json_alone(request)
    folder = Path(request.arguments[0]).absolute().parent
    if request.arguments[0] != "-" and not folder.is_dir():
        raise BadUse(f"Bad argument: Directory {folder} does not exist", DATA)


def _from_check(request: Request) -> None:
    _json_alone(request)
    if request.arguments and request.arguments[0] != "-" and not Path(request.arguments[0]).exists():
        raise BadUse(f"Bad argument: File {request.arguments[0]} does not exist", DATA)


def _json_alone(request: Request) -> None:
    if request.options.get("format", "json").lower() not in ("json", "erlang"):
        raise BadUse("Bad argument: Format should be either json or erlang", DATA)
    if request.options.get("format", "json").lower() != "json":
        raise BadUse(f"Bad argument: the format is '{request.options['format']}', but only json is there", DATA)


def _exporting(request: Request) -> str:
    path = request.arguments[0]
    return "" if path == "-" else f'Exporting definitions in JSON to a file at "{path}" ...'


def _importing(request: Request) -> str:
    if not request.arguments or request.arguments[0] == "-":
        return "Importing definitions in JSON from standard input ..."
    return f'Importing definitions in JSON from a file at "{request.arguments[0]}" ...'


VERBS: Final = (
    Verb(
        "export_definitions",
        '<file_path | "-"> [--format <json | erlang>] [--timeout <timeout>]',
        "Write users, virtual hosts, permissions, policies, queues, exchanges and bindings to a file",
        GROUP,
        export_definitions,
        _exporting,
        1,
        1,
        (Option("--format"),),
        check=_to_check,
    ),
    Verb(
        "import_definitions",
        '<file_path | "-"> [--format <json | erlang>] [--skip-if-unchanged] [--timeout <timeout>]',
        "Take definitions over from a file, of RabbitMQ too; what is there already stays",
        GROUP,
        import_definitions,
        _importing,
        0,
        1,
        (Option("--format"), Option("--skip-if-unchanged", bool)),
        check=_from_check,
    ),
)
