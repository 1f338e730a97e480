"""`eval`: there is no Erlang to evaluate, but some expressions that scripts are full of have a simple counterpart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from amqpd.cli.ctl.verb import DATA, UNAVAILABLE, Answer, BadUse, Needs, Option, Request, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

GROUP: Final = "Operations"
Evaluate = Callable[[Request, re.Match[str]], str]


def _alarm(raised: bool) -> Evaluate:
    def run(request: Request, found: re.Match[str]) -> str:
        request.local().put("control", "alarms", found[1], body={"raised": raised})
        return "ok"

    return run


def _atom(name: str) -> str:
    """A name as Erlang writes it."""
    return name if re.fullmatch(r"[a-z][A-Za-z0-9_@]*", name) else f"'{name}'"


def _status(key: str, form: str) -> Evaluate:
    return lambda request, _: form.format(request.local().get("control", "status")[key])


KNOWN: Final[tuple[tuple[str, Evaluate], ...]] = (
    (r"rabbit_alarm:set_alarm\(\{\{resource_limit,(memory|disk),node\(\)\},\[\]\}\)", _alarm(True)),
    (r"rabbit_alarm:clear_alarm\(\{resource_limit,(memory|disk),node\(\)\}\)", _alarm(False)),
    (r"node\(\)", lambda request, _: _atom(str(request.local().get("control", "status")["node"]))),
    (r"rabbit(?:_misc)?:(?:base_product_|product_)?version\(\)", _status("rabbitmq_version", '"{}"')),
    (r"rabbit:is_running\(\)", lambda request, _: str(request.local().get("control", "status")["running"]).lower()),
    (r"rabbit:stop\(\)", lambda request, _: str(request.local().post("control", "stop") or "ok")),
    (r"rabbit:start\(\)", lambda request, _: str(request.local().post("control", "start") or "ok")),
    (r"(-?\d+|ok|true|false)", lambda _, found: found[1]),
)
"""Without blanks and the full stop at the end."""
INSTEAD: Final = (
    (r"rabbit_amqqueue|queue", "list_queues, purge_queue, delete_queue"),
    (r"rabbit_exchange", "list_exchanges"),
    (r"rabbit_binding", "list_bindings"),
    (r"rabbit_(networking|connection|reader|direct)", "list_connections, close_connection, close_all_connections"),
    (r"rabbit_channel", "list_channels"),
    (r"rabbit_auth|rabbit_access|user", "list_users, add_user, set_permissions"),
    (r"rabbit_vhost", "list_vhosts, add_vhost, delete_vhost"),
    (r"rabbit_policy", "set_policy, list_policies"),
    (r"rabbit_runtime_parameters", "set_parameter, list_parameters"),
    (r"vm_memory_monitor", "set_vm_memory_high_watermark"),
    (r"rabbit_disk_monitor", "set_disk_free_limit"),
    (r"rabbit_alarm", "alarms, set_vm_memory_high_watermark, set_disk_free_limit"),
    (r"application:(get|set)_env", "environment; settings are changed in the configuration"),
    (r"rabbit_feature_flags", "list_feature_flags"),
    (r"rabbit_definitions", "export_definitions, import_definitions"),
    (r"rabbit_trace", "trace_on, trace_off"),
)


def evaluate(request: Request) -> Answer:
    expression = request.arguments[0] if request.arguments else request.stdin.read()
    if not expression.strip():
        raise Stop(DATA, ERROR.format("Expression to evaluate is not provided via argument or stdin"))
    plain = re.sub(r"\s+", "", expression).rstrip(".")
    for pattern, run in KNOWN:
        found = re.fullmatch(pattern, plain)
        if found is not None:
            said = run(request, found)
            return Value(said, said.strip("'"))
    instead = next((verbs for pattern, verbs in INSTEAD if re.search(pattern, plain)), "")
    hint = f"what is likely wanted: {instead}" if instead else "'help' lists what can be done instead"
    text = f"amqpd is no Erlang node, and '{expression.strip()[:200]}' cannot be evaluated: {hint}"
    raise Stop(UNAVAILABLE, ERROR.format(text))


def written(what: str) -> Callable[[Request], None]:
    """A check that raises BadUse for an empty argument."""

    def check(request: Request) -> None:
        if request.arguments and not request.arguments[0].strip():
            raise BadUse(f'"{what} must not be blank"')

    return check


def file_checked(request: Request) -> None:
    """Raises BadUse for a file that isn't there."""
    written("File path")(request)
    if not Path(request.arguments[0]).is_file():
        raise BadUse(f'"File {request.arguments[0]} does not exist"')


def refused(_: Request) -> Answer:
    raise Stop(UNAVAILABLE, ERROR.format("amqpd is no Erlang node: 'help' lists what can be done"))


VERBS: Final = (
    Verb("eval", "<expression>", "Refused, but for some expressions of scripts: there is no Erlang", GROUP, evaluate,
         None, 0, None, needs=Needs.ANY, check=written("Expression")),
    Verb("eval_file", "<file path>", "Refused: there is no Erlang", GROUP, refused, None, 1, None, needs=Needs.NOTHING,
         check=file_checked),
    Verb("exec", "<expression> [--offline]", "Refused: there is no Elixir", GROUP, refused, None, 1, None,
         (Option("--offline", bool),), needs=Needs.NOTHING),
)  # fmt: skip
