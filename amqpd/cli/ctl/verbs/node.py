"""The broker itself: there, started, stopped, reset, ended, and its limits while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from amqpd.cli.ctl.client import Refused, Unreachable
from amqpd.cli.ctl.output import Atom, compact
from amqpd.cli.ctl.patience import wait_until
from amqpd.cli.ctl.verb import (
    DATA,
    SOFTWARE,
    TEMPORARY,
    UNAVAILABLE,
    USAGE,
    Answer,
    BadUse,
    Needs,
    Option,
    Report,
    Request,
    Rows,
    Stop,
    Verb,
)
from amqpd.cli.ctl.verbs.columns import chosen, columns_checked
from amqpd.cli.ctl.verbs.errors import ERROR, told
from amqpd.cli.ctl.verbs.sizes import octets, positive

NODES: Final = "Nodes"
CLUSTER: Final = "Cluster"
SETTINGS: Final = "Configuration and Environment"
FLAGS: Final = "Feature flags"
ALIVE: Final = "This only checks if the OS process is running and registered with epmd."
FOREVER: Final = 300.0
FLAG_COLUMNS: Final = ("name", "state", "stability", "provided_by", "desc", "doc_url")


def ping(request: Request) -> Answer:
    try:
        request.client.get("control", "status") if request.client.is_local else request.client.get("whoami")
    except Unreachable:
        milliseconds = int(_timeout(request) * 1000)
        text = f"Failed to connect and authenticate to {_named(request)} in {milliseconds} ms"
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    return Report("Ping succeeded", {"message": "Ping succeeded"})


def stop_app(request: Request) -> Answer:
    request.local().post("control", "stop")
    return None


def start_app(request: Request) -> Answer:
    with told():
        request.local().post("control", "start")
    return None


def reset(request: Request) -> Answer:
    with told():
        request.local().post("control", "reset")
    return None


def stop(request: Request) -> Answer:
    try:
        _end(request)
    except Unreachable:
        if not request.options.get("idempotent"):
            raise
    return None


def shutdown(request: Request) -> Answer:
    pid = request.local().get("control", "status")["os_pid"]
    request.say(f"Shutting down RabbitMQ node {request.node} running at PID {pid}")
    request.say(f"Waiting for PID {pid} to terminate")
    _end(request)
    return f"RabbitMQ node {request.node} running at PID {pid} successfully shut down"


def await_startup(request: Request) -> Answer:
    _until(request, lambda: _runs(request))
    return None


def await_online_nodes(request: Request) -> Answer:
    """One is what there can be."""
    if int(request.arguments[0]) > 1:
        text = f"Error: timed out while waiting. Not enough nodes joined {request.node}'s cluster."
        raise Stop(SOFTWARE, ERROR.format(text))
    _until(request, lambda: _runs(request))
    return None


def wait(request: Request) -> Answer:
    """Wait for a file with a process's number, if one is named, and for the broker."""
    node, pid = _named(request), request.options.get("pid")
    if pid is not None:
        request.say(f"Waiting for erlang distribution on node '{node}' while OS process '{pid}' is running")
        if not _lives(pid):
            raise Stop(UNAVAILABLE, ERROR.format("process_not_running"))
        request.say(f"Waiting for applications 'rabbit_and_plugins' to start on node '{node}'")
        _until(request, lambda: _runs(request))
        return f"Applications 'rabbit_and_plugins' are running on node '{request.node}'"
    if request.arguments:
        path = Path(request.arguments[0])
        request.say(f"Waiting for pid file '{path}' to appear")
        _until(request, path.exists)
        request.say(f"pid is {path.read_text('utf-8', 'replace').strip()}")
    request.say("Waiting for erlang distribution on the node to start")
    _until(request, lambda: _runs(request))
    return f"Applications '{{rabbit_and_plugins}}' are running on node '{request.node}'"


def environment(request: Request) -> Answer:
    found = request.local().get("control", "environment")
    lines = [f"      {{{key.replace('.', '_')},{_erlang(value)}}}" for key, value in found.items()]
    return Report("[{amqpd,\n     [" + ",\n".join(lines).lstrip() + "]}]", found)


def set_memory_limit(request: Request) -> Answer:
    request.local().put("control", "memory-limit", body={"value": _limit(request.arguments)})
    return None


def set_disk_limit(request: Request) -> Answer:
    request.local().put("control", "disk-limit", body={"value": _disk(request.arguments)})
    return None


def set_log_level(request: Request) -> Answer:
    try:
        request.local().put("control", "log-level", body={"level": request.arguments[0]})
    except Refused as error:
        raise Stop(UNAVAILABLE, ERROR.format(error.reason)) from None
    request.say(f'Setting log level to "{request.arguments[0]}" ...')
    return None


def rotate_logs(_: Request) -> Answer:
    raise Stop(UNAVAILABLE, ERROR.format("This command does not rotate logs anymore [deprecated]"))


def set_cluster_name(request: Request) -> Answer:
    request.client.put("cluster-name", body={"name": request.arguments[0]})
    return None


def list_feature_flags(request: Request) -> Answer:
    rows = [{**each, "state": Atom(each["state"])} for each in request.client.get("feature-flags")]
    return Rows(chosen(request, ("name", "state")), rows)


def flag_named(request: Request) -> None:
    """Raises BadUse for a flag without a name."""
    if not request.arguments[0]:
        raise BadUse("Bad argument: feature_flag cannot be an empty string.", DATA)


def enable_feature_flag(request: Request) -> Answer:
    try:
        request.client.put("feature-flags", request.arguments[0], "enable")
    except Refused as error:
        if error.status not in (400, 404):
            raise
        text = f"This feature flag is not supported by node {request.node}"
        raise Stop(USAGE, ERROR.format(text)) from None
    return None


def listeners(on: bool) -> Callable[[Request], Answer]:
    """The verb that takes new clients, or none."""

    def switch(request: Request) -> Answer:
        request.local().post("control", "listeners", "resume" if on else "suspend")
        return None

    return switch


def nothing(_: Request) -> Answer:
    """Do nothing: what RabbitMQ does here has no counterpart."""
    return None


def _end(request: Request) -> None:
    """End the process, and wait until nothing answers. Raises Stop."""
    pid = int(request.local().get("control", "status")["os_pid"])
    with told():
        request.local().post("control", "shutdown")
    if not wait_until(lambda: not _answers(request) and not _lives(pid), _timeout(request) or FOREVER):
        raise Stop(TEMPORARY, f"Error: {request.node} still runs")


def _answers(request: Request) -> bool:
    try:
        request.client.get("control", "status")
    except Unreachable:
        return False
    return True


def _lives(pid: int) -> bool:
    """Whether a process of this machine is there, as far as that can be told."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"  # it has ended, and its parent doesn't care yet


def _runs(request: Request) -> bool:
    """Whether clients are served."""
    try:
        return bool(request.client.get("control", "status")["running"])
    except Unreachable:
        return False


def _until(request: Request, condition: Callable[[], bool]) -> None:
    """Wait until something is so. Raises Stop."""
    limit = float(request.options.get("timeout", FOREVER)) or FOREVER
    if not wait_until(condition, limit):
        text = f"Error: operation {request.verb} on node {_named(request)} timed out. "
        raise Stop(TEMPORARY, f"{text}Timeout value used: {int(limit * 1000)}")


def _timeout(request: Request) -> float:
    return float(request.options.get("timeout", 60))


def _named(request: Request) -> str:
    """The broker's name, as far as it is known."""
    try:
        return request.node
    except (Unreachable, Refused):
        return str(request.options.get("node", "amqpd"))


def _limit(arguments: list[str]) -> float:
    """A fraction, or octets behind `absolute`. Raises BadUse."""
    if arguments[0] == "absolute":
        if len(arguments) < 2:
            raise BadUse("not enough arguments.")
        return octets(arguments[1])
    if len(arguments) > 1:
        raise BadUse("too many arguments.")
    try:
        fraction = float(arguments[0])
    except ValueError:
        raise BadUse("Bad argument.", DATA) from None
    if not 0 <= fraction <= 1:
        raise BadUse("Bad argument: The threshold should be a fraction between 0.0 and 1.0", DATA)
    return fraction


def _disk(arguments: list[str]) -> float:
    """Octets, or a multiple of the memory behind `mem_relative`. Raises BadUse."""
    if arguments[0] != "mem_relative":
        if len(arguments) > 1:
            raise BadUse("too many arguments.")
        return octets(arguments[0])
    if len(arguments) < 2:
        raise BadUse("not enough arguments.")
    try:
        return float(arguments[1])
    except ValueError:
        raise BadUse("Bad argument.", DATA) from None


def _erlang(value: object) -> str:
    return compact(value)


def _memory_said(request: Request) -> str:
    *_, value = request.arguments
    unit = " bytes" if request.arguments[0] == "absolute" else ""
    return f"Setting memory threshold on {request.node} to {value}{unit} ..."


def _disk_said(request: Request) -> str:
    *relative, value = request.arguments
    unit = "times the total RAM" if relative else "bytes"
    return f"Setting disk free limit on {request.node} to {value} {unit} ..."


def file_named(request: Request) -> None:
    """Raises BadUse unless a file or a process is named."""
    if not request.arguments and "pid" not in request.options:
        raise BadUse('"No pid or pidfile specified"')


def _tried(read: Callable[[list[str]], float], request: Request) -> None:
    """Raises BadUse."""
    read(request.arguments)


VERBS: Final = (
    Verb("ping", "[--timeout <timeout>]", "Ask whether the broker's process answers",
         "Monitoring, observability and health checks", ping,
         lambda request: f"Will ping {_named(request)}. {ALIVE} Timeout: {int(_timeout(request) * 1000)} ms.",
         needs=Needs.NOTHING),
    Verb("stop_app", "", "Stop serving clients; the process and its control socket stay", NODES, stop_app,
         lambda request: f"Stopping rabbit application on node {request.node} ...", needs=Needs.ANY),
    Verb("start_app", "", "Serve clients again", NODES, start_app,
         lambda request: f"Starting node {request.node} ...", needs=Needs.ANY),
    Verb("reset", "", "Forget everything: users, queues, messages; after stop_app", NODES, reset,
         lambda request: f"Resetting node {request.node} ...", needs=Needs.STOPPED),
    Verb("force_reset", "", "Forget everything, as reset does", CLUSTER, reset,
         lambda request: f"Forcefully resetting node {request.node} ...", needs=Needs.STOPPED),
    Verb("stop", "[--idempotent] [<pidfile>]", "End the broker's process", NODES, stop,
         lambda request: f"Stopping and halting node {_named(request)} ...", 0, 1,
         (Option("--idempotent", bool),), needs=Needs.NOTHING),
    Verb("shutdown", "[--wait] [--timeout <timeout>]", "End the broker's process, and say how far that is", NODES,
         shutdown, options=(Option("--wait", bool), Option("--no-wait", bool)), needs=Needs.ANY),
    Verb("await_startup", "", "Wait until clients are served", NODES, await_startup, needs=Needs.NOTHING),
    Verb("await_online_nodes", "<count> [--timeout <timeout>]", "Wait until so many nodes run: there is one", CLUSTER,
         await_online_nodes,
         lambda request: (
             f"Will wait for at least {request.arguments[0]} nodes to join the cluster of {request.node}. "
             f"Timeout: {int(request.options.get('timeout', 300))} seconds."
         ), 1, 1, check=positive),
    Verb("wait", "[<pidfile>] [--pid|-P <pid>] [--timeout <timeout>]", "Wait for a file with the process's number",
         NODES, wait, most=1, options=(Option("--pid", int, "-P"),), needs=Needs.NOTHING,
         check=file_named),
    Verb("environment", "", "Show the settings in force", SETTINGS, environment,
         lambda request: f"Application environment of node {request.node} ...", needs=Needs.ANY),
    Verb("set_vm_memory_high_watermark", "<fraction> | absolute <value>", "Set where publishers are blocked",
         SETTINGS, set_memory_limit, _memory_said, 1, 2, check=lambda request: _tried(_limit, request)),
    Verb("set_disk_free_limit", "<disk_limit> | mem_relative <fraction>",
         "Set the free space below which publishers are blocked", SETTINGS, set_disk_limit, _disk_said, 1, 2,
         check=lambda request: _tried(_disk, request)),
    Verb("set_log_level", "<log_level>", "Set the level of the log", SETTINGS, set_log_level, None, 1, 1),
    Verb("rotate_logs", "", "Nothing: the log goes to standard error", NODES, rotate_logs, needs=Needs.NOTHING),
    Verb("set_cluster_name", "<name>", "Set what the broker is called", SETTINGS, set_cluster_name,
         lambda request: f"Setting cluster name to {request.arguments[0]} ...", 1, 1),
    Verb("list_feature_flags", "[<column> ...] [--timeout <timeout>]", "List feature flags: all are on", FLAGS,
         list_feature_flags, lambda _: "Listing feature flags ...", most=None, check=columns_checked(FLAG_COLUMNS)),
    Verb("enable_feature_flag", "<all | feature_flag>", "Enable a feature flag: all are", FLAGS, enable_feature_flag,
         lambda request: (
             "Enabling all feature flags ..."
             if request.arguments[0] == "all"
             else f'Enabling feature flag "{request.arguments[0]}" ...'
         ), 1, 1, check=flag_named),
    Verb("suspend_listeners", "", "Take no new clients", "Operations", listeners(False),
         lambda request: (
             f"Will suspend client connection listeners on node {request.node}. "
             "The node will no longer accept client connections!"
         )),
    Verb("resume_listeners", "", "Take new clients again", "Operations", listeners(True),
         lambda request: (
             f"Will resume client connection listeners on node {request.node}. "
             "The node will now accept client connections"
         )),
    Verb("force_gc", "[--timeout <timeout>]", "Nothing: memory is looked after all the time", "Operations", nothing,
         lambda request: f"Will ask all processes on node {request.node} to schedule a full sweep GC"),
    Verb("hipe_compile", "<directory>", "Nothing: there is no Erlang", "Deprecated", nothing,
         lambda _: "This command is a no-op. HiPE is no longer supported by modern Erlang versions", 1, 1,
         needs=Needs.NOTHING),
)  # fmt: skip
