"""What the broker's process has around it: its machine's network and names, what it was started with."""

from __future__ import annotations

import socket
from typing import Final

from amqpd.cli.ctl.output import Atom, bold, compact, erlang
from amqpd.cli.ctl.terms import written
from amqpd.cli.ctl.verb import DATA, USAGE, Answer, BadUse, Needs, Option, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.errors import refusal

GROUP: Final = "Configuration and Environment"
FAMILIES: Final = ("ipv4", "ipv6")
TIMEOUT: Final = "[--timeout <timeout>]"
RESOLVER: Final = {"hosts_file": "/etc/hosts", "lookup": "native", "resolv_conf": "/etc/resolv.conf"}
"""The broker asks its platform, which reads these."""


def resolve_hostname(request: Request) -> Answer:
    host, family = request.arguments[0], _family(request)
    try:
        kind = socket.AF_INET6 if family.lower() == "ipv6" else socket.AF_INET
        found = sorted({str(each[4][0]) for each in socket.getaddrinfo(host, None, kind)})
    except OSError:
        text = "Hostname does not resolve (resolution failed with an nxdomain)"
        said = refusal(request, DATA, text)
        raise Stop(DATA, said.text if said.data is None else compact(said.data)) from None
    data = {"address_family": family, "addresses": found, "hostname": host, "node": request.node, "result": "ok"}
    return Report("\n".join(found), data)


def family_checked(request: Request) -> None:
    """Raises BadUse for a kind of addresses that there isn't."""
    if _family(request).lower() not in FAMILIES:
        known = ", ".join(FAMILIES)
        text = f"Bad argument: unsupported IP address family {_family(request)}. Valid values are: {known}"
        raise BadUse(text, DATA)


def resolver_info(request: Request) -> Answer:
    lines = [
        bold("Runtime Hostname Resolver (inetrc) Settings"), "",
        f"Lookup order: {RESOLVER['lookup']}",
        f"Hosts file: {RESOLVER['hosts_file']}",
        f"Resolver conf file: {RESOLVER['resolv_conf']}",
        "Cache size: ", "",
        bold("inetrc File Host Entries"), "",
        "(none)",
    ]  # fmt: skip
    return Report("\n".join(lines), {"node": request.node, "resolver": RESOLVER, "result": "ok"})


def list_network_interfaces(request: Request) -> Answer:
    found = request.local().get("control", "interfaces")
    parts = [f"{bold(f'Interface {name}')}\n\n{_facts(facts)}\n" for name, facts in found.items()]
    text = "\n\n".join(parts) + "\n" if parts else f"Node {request.node} reported no network interfaces"
    message = f"Node {request.node} reported {'' if found else 'no '}network interfaces"
    return Report(text, {"interfaces": {name: _by_kind(found[name]) for name in found}, "message": message,
                         "result": "ok"})  # fmt: skip


def os_env(request: Request) -> Answer:
    found = request.local().get("control", "variables")
    if request.formatter == "csv":
        return Rows(("variable", "value"), [{"variable": name, "value": value} for name, value in found.items()])
    lines = [f"{name}={value}" for name, value in found.items()] or [f"Node {request.node} was started without any"]
    return Report("\n".join(lines), {"node": request.node, "result": "ok", "variables": found})


def command_line_arguments(request: Request) -> Answer:
    words = request.local().get("control", "command-line")
    return Report(erlang([Atom(written(each)) for each in words]), words)


def no_json(request: Request) -> None:
    """Raises BadUse for JSON, which RabbitMQ cannot make of it."""
    if request.formatter == "json":
        raise BadUse("the requested formatter is not supported by this command", USAGE)


def _family(request: Request) -> str:
    return str(request.options.get("address_family", "IPv4"))


def _facts(facts: list[list[str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in reversed(facts))


def _by_kind(facts: list[list[str]]) -> dict[str, object]:
    """An interface as JSON; of what there may be several, all."""
    shown: dict[str, object] = {}
    for name, value in facts:
        if name in ("flags", "hwaddr"):
            shown[name] = value
        else:
            several = shown.setdefault(name, [])
            assert isinstance(several, list)
            several.append(value)
    return shown


def _resolving(request: Request) -> str:
    if request.options.get("offline"):
        return f"Resolving hostname {request.arguments[0]} to {_family(request)} addresses..."
    return f"Asking node {request.node} to resolve hostname {request.arguments[0]} to {_family(request)} addresses..."


def _inetrc(request: Request) -> str:
    if request.options.get("offline"):
        return "Displaying effective hostname resolver (inetrc) configuration used by CLI tools..."
    return f"Asking node {request.node} for its effective hostname resolver (inetrc) configuration..."


OFFLINE: Final = Option("--offline", bool)
VERBS: Final = (
    Verb("resolve_hostname", "<hostname> [--address-family <ipv4 | ipv6>]", "Look up the addresses of a host", GROUP,
         resolve_hostname, _resolving, 1, 1, (Option("--address-family"), OFFLINE), needs=Needs.ANY,
         check=family_checked),
    Verb("resolver_info", "", "Say how names of hosts are looked up", GROUP, resolver_info, _inetrc,
         options=(OFFLINE,), needs=Needs.ANY),
    Verb("list_network_interfaces", TIMEOUT, "List the network interfaces of the broker's machine", GROUP,
         list_network_interfaces,
         lambda request: f"Asking node {request.node} to report its network interfaces ...", options=(OFFLINE,),
         needs=Needs.ANY),
    Verb("os_env", TIMEOUT, "List the environment variables that are amqpd's", GROUP, os_env,
         lambda request: f"Listing RabbitMQ-specific environment variables defined on node {request.node}..."),
    Verb("command_line_arguments", "", "Show what the broker's process was started with", GROUP,
         command_line_arguments, lambda request: f"Command line arguments of node {request.node} ...",
         needs=Needs.ANY, check=no_json, formatter="erlang"),
)  # fmt: skip
