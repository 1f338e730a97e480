"""Health checks and looks into the broker: the verbs of rabbitmq-diagnostics."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, BadUse, Needs, Option, Report, Request, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR
from amqpd.cli.ctl.verbs.sizes import shown, trimmed
from amqpd.cli.ctl.verbs.status import alarm_lines, alarms_of, breakdown, listener_line, listeners_of, unit_checked

GROUP: Final = "Monitoring, observability and health checks"
CONNECT: Final = 10.0
"""Seconds for a connection."""
DEPRECATED: Final = (
    "This command is DEPRECATED and will be removed in a future version.\n"
    "It performs intrusive, opinionated health checks and requires a fully booted node.\n"
    "Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks instead.\n"
)
TIMEOUT: Final = "[--timeout <timeout>]"


def check_running(request: Request) -> Answer:
    if not _status(request)["running"]:
        raise Stop(UNAVAILABLE, ERROR.format(f"RabbitMQ is not running on node {request.node}"))
    return f"RabbitMQ on node {request.node} is fully booted and running"


def is_running(request: Request) -> Answer:
    running = _status(request)["running"]
    text = "is fully booted and running" if running else "is not running"
    return Value(f"RabbitMQ on node {request.node} {text}", running)


def is_booting(request: Request) -> Answer:
    text = "is fully booted (check with is_running), stopped or has not started booting yet"
    return Value(f"RabbitMQ on node {request.node} {text}", False)


def check_alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if alarms_of(node):
        text = "\n".join(alarm_lines(node))
        raise Stop(UNAVAILABLE, ERROR.format(f"Node {request.node} reported alarms:\n\n{text}"))
    return f"Node {request.node} reported no alarms, local or clusterwide"


def check_local_alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if alarms_of(node):
        text = "\n".join(alarm_lines(node))
        raise Stop(UNAVAILABLE, ERROR.format(f"Node {request.node} reported local alarms:\n\n{text}"))
    return f"Node {request.node} reported no local alarms"


def alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    found = alarms_of(node)
    text = f"Node {request.node} reported no alarms, local or clusterwide"
    if found:
        text = f"Node {request.node} reported alarms:\n\n" + "\n".join(alarm_lines(node))
    return Report(text, {"alarms": found, "node": request.node, "result": "ok"})


def listeners(request: Request) -> Answer:
    found = listeners_of(request.client.get("overview"))
    data = {"listeners": found, "node": request.node, "result": "ok"}
    return Report("\n".join(map(listener_line, found)), data)


def check_port_connectivity(request: Request) -> Answer:
    host = "" if request.client.is_local else request.client.where.rpartition(":")[0]
    tried, failed = [], []
    for each in request.client.get("overview").get("listeners", []):
        address = each["ip_address"] if each["ip_address"] not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
        tried.append(each["port"])
        try:
            socket.create_connection((host or address, each["port"]), CONNECT).close()
        except OSError:
            failed.append(each["port"])
    if failed:
        text = f"Connection to ports of the following listeners on node {request.node} failed: "
        raise Stop(UNAVAILABLE, ERROR.format(text + _ports(failed)))
    return f"Successfully connected to ports {_ports(tried)} on node {request.node}."


def check_port_listener(request: Request) -> Answer:
    (text,) = request.arguments
    if not text.isdigit():
        raise BadUse("Bad argument.")
    known = sorted({each["port"] for each in request.client.get("overview").get("listeners", [])})
    if int(text) not in known:
        said = f"No listener for port {text} is active on node {request.node}. "
        raise Stop(UNAVAILABLE, f"{said}Found listeners that use the following ports: {_ports(known)}")
    return f"A listener for port {text} is running on node {request.node}."


def check_protocol_listener(request: Request) -> Answer:
    (asked,) = request.arguments
    try:
        request.client.get("health", "checks", "protocol-listener", asked)
    except Refused as error:
        if error.status != 503:
            raise
        spoken = sorted({each["protocol"] for each in request.client.get("overview").get("listeners", [])})
        said = f"No listener for protocol {asked} is active on node {request.node}. "
        text = f"{said}Found listeners for the following protocols: {', '.join(spoken)}"
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    return f"A listener for protocol {asked} is running on node {request.node}."


def check_virtual_hosts(request: Request) -> Answer:
    request.client.get("vhosts", disable_stats="true")
    return f"Node {request.node} reported all vhosts as running"


def check_certificate_expiration(request: Request) -> Answer:
    amount, unit = str(request.options.get("within", 4)), str(request.options.get("unit", "weeks"))
    try:
        request.client.get("health", "checks", "certificate-expiration", amount, unit)
    except Refused as error:
        raise Stop(UNAVAILABLE, ERROR.format(error.reason)) from None
    named = unit.removesuffix("s") if amount == "1" else unit
    return f"No certificates are expiring within {amount} {named}."


def server_version(request: Request) -> Answer:
    version = _status(request)["rabbitmq_version"]
    return Value(version, version)


def erlang_version(request: Request) -> Answer:
    version = _status(request)["erlang_full_version"]
    return Value(version, version)


def memory_breakdown(request: Request) -> Answer:
    unit = str(request.options.get("unit", "gb")).lower()
    found = breakdown(request.client.get("nodes", request.node, "memory")["memory"])
    lines = [f"{key}: {shown(part['bytes'], unit)} ({trimmed(part['percentage'], 2)}%)" for key, part in found.items()]
    return Report("\n".join(lines), found)


def node_health_check(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if alarms_of(node):
        raise Stop(UNAVAILABLE, ERROR.format("health check failed. Message: resource alarm(s) in effect"))
    return "Health check passed"


def single_node(request: Request) -> Answer:
    return f"Node {request.node} seems to be the only one in a single node cluster, the check does not apply"


def tls_versions(request: Request) -> Answer:
    found = ["tlsv1.3", "tlsv1.2"]
    return Report("\n".join(found), found)


def cipher_suites(request: Request) -> Answer:
    found = [str(each["name"]) for each in ssl.create_default_context().get_ciphers()]
    return Report("\n".join(found), found)


def log_location(request: Request) -> Answer:
    return "<stderr>"


def log_tail(request: Request) -> Answer:
    found = request.client.get("log", count=request.options.get("number", 50))["entries"]
    return Report("\n".join(map(_log_line, found)), found)


def resolve_hostname(request: Request) -> Answer:
    family = socket.AF_INET6 if request.options.get("address_family", "IPv4").lower() == "ipv6" else socket.AF_INET
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(request.arguments[0], None, family)}
    except OSError:
        raise Stop(UNAVAILABLE, ERROR.format("Failed to resolve hostname to an IP address")) from None
    return "\n".join(sorted(found))


def _status(request: Request) -> Any:
    if request.client.is_local:
        return request.client.get("control", "status")
    return {**request.client.get("overview"), "running": True}


def _log_line(event: Mapping[str, Any]) -> str:
    """One event: when, how severe, what."""
    when = formatdate(event["time"] / 1000, usegmt=True)
    values = " ".join(f"{name}={value}" for name, value in event.get("values", {}).items())
    return f"{when} [{event['level']}] {event['event']} {values}".rstrip()


def _ports(ports: list[int]) -> str:
    return ", ".join(map(str, sorted({*ports})))


def _asking(what: str) -> Any:
    return lambda request: f"Asking node {request.node} {what}"


VERBS: Final = (
    Verb("check_running", TIMEOUT, "Fail unless clients are served", GROUP, check_running,
         lambda request: f"Checking if RabbitMQ is running on node {request.node} ...", needs=Needs.ANY),
    Verb("is_running", TIMEOUT, "Say whether clients are served", GROUP, is_running, _asking("for its status ..."),
         needs=Needs.ANY),
    Verb("is_booting", TIMEOUT, "Say whether the broker is starting", GROUP, is_booting,
         _asking("for its boot status ..."), needs=Needs.ANY),
    Verb("check_alarms", TIMEOUT, "Fail while there is a resource alarm", GROUP, check_alarms,
         _asking("to report any local resource alarms ...")),
    Verb("check_local_alarms", TIMEOUT, "The same", GROUP, check_local_alarms,
         _asking("to report any local resource alarms ...")),
    Verb("alarms", TIMEOUT, "List resource alarms", GROUP, alarms, _asking("to report any known resource alarms ...")),
    Verb("listeners", TIMEOUT, "List where the broker listens", GROUP, listeners,
         _asking("to report its protocol listeners ...")),
    Verb("check_port_connectivity", TIMEOUT, "Connect to every port that the broker listens on", GROUP,
         check_port_connectivity,
         lambda request: f"Testing TCP connections to all active listeners on node {request.node} ..."),
    Verb("check_port_listener", f"<port> {TIMEOUT}", "Fail unless the broker listens on a port", GROUP,
         check_port_listener,
         lambda request: (
             f"Asking node {request.node} if there's an active listener on port {request.arguments[0]} ..."
         ), 1, 1),
    Verb("check_protocol_listener", f"<protocol> {TIMEOUT}", "Fail unless a protocol is spoken", GROUP,
         check_protocol_listener,
         lambda request: (
             f"Asking node {request.node} if there's an active listener for protocol {request.arguments[0]} ..."
         ), 1, 1),
    Verb("check_virtual_hosts", TIMEOUT, "Fail unless all virtual hosts run: they do", GROUP, check_virtual_hosts,
         lambda request: f"Checking if all vhosts are running on node {request.node} ..."),
    Verb("check_certificate_expiration", "--within <period> --unit <unit>", "Fail if a certificate expires soon", GROUP,
         check_certificate_expiration,
         lambda request: f"Checking certificate expiration on node {request.node} ...",
         options=(Option("--within", int), Option("--unit"))),
    Verb("server_version", TIMEOUT, "Show the RabbitMQ version whose behaviour is in force", GROUP, server_version,
         _asking("for its RabbitMQ version..."), needs=Needs.ANY),
    Verb("erlang_version", TIMEOUT, "Show what the broker runs on, which is Python", GROUP, erlang_version,
         _asking("for its Erlang/OTP version..."), needs=Needs.ANY, options=(Option("--details", bool),)),
    Verb("memory_breakdown", "[--unit <unit>] [--timeout <timeout>]", "Show what memory is used for", GROUP,
         memory_breakdown, lambda request: f"Reporting memory breakdown on node {request.node}...",
         options=(Option("--unit"),), check=unit_checked),
    Verb("node_health_check", TIMEOUT, "Check everything, as older versions did", "Deprecated", node_health_check,
         lambda request: (
             f"{DEPRECATED}Timeout: {int(request.options.get('timeout', 70))} seconds ...\n"
             f"Checking health of node {request.node} ..."
         )),
    Verb("check_if_node_is_quorum_critical", TIMEOUT, "Fail if others depend on this node: there are none", GROUP,
         single_node,
         lambda request: f"Checking if node {request.node} is critical for quorum of any quorum queues ..."),
    Verb("check_if_node_is_mirror_sync_critical", TIMEOUT, "The same for mirrored queues", GROUP, single_node,
         lambda request: (
             f"Checking if node {request.node} is critical for data safety of any classic mirrored queues ..."
         )),
    Verb("tls_versions", TIMEOUT, "List the TLS versions that there are", GROUP, tls_versions,
         lambda _: "Listing all TLS versions supported by the runtime...", needs=Needs.NOTHING),
    Verb("cipher_suites", "[--all]", "List cipher suites", GROUP, cipher_suites,
         lambda _: "Listing available cipher suites in OpenSSL format", needs=Needs.NOTHING,
         options=(Option("--all", bool), Option("--format"))),
    Verb("log_location", "[--all|-a]", "Say where the log goes", "Configuration and Environment", log_location,
         lambda request: f"Log file location(s) on node {request.node} ...", options=(Option("--all", bool, "-a"),)),
    Verb("log_tail", "[--number|-N <number>] [--timeout <timeout>]", "Show the last lines of the log", GROUP, log_tail,
         lambda request: f"Last {request.options.get('number', 50)} log lines on node {request.node} ...",
         options=(Option("--number", int, "-N"),)),
    Verb("resolve_hostname", "<hostname> [--address-family <ipv4 | ipv6>]", "Look up the addresses of a host",
         "Configuration and Environment", resolve_hostname,
         lambda request: (
             f"Asking node {request.node} to resolve hostname {request.arguments[0]} to "
             f"{request.options.get('address_family', 'IPv4')} addresses..."
         ), 1, 1, (Option("--address-family"), Option("--offline", bool)), needs=Needs.ANY),
)  # fmt: skip
