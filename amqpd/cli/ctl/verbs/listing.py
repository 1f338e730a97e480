"""Lists of queues, exchanges, bindings, connections, channels and consumers, with the columns that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from amqpd.cli.ctl.client import Client, Refused
from amqpd.cli.ctl.output import Atom, typed
from amqpd.cli.ctl.verb import Answer, Option, Request, Rows, Verb
from amqpd.cli.ctl.verbs.columns import chosen, columns_checked

GROUP: Final = "Monitoring, observability and health checks"
USAGE: Final = "[--no-table-headers] [<column> ...] [--timeout <timeout>]"
Item = Mapping[str, Any]
Make = Callable[[Item], object]

QUEUE_COLUMNS: Final[str] = (
    "arguments auto_delete consumer_capacity consumer_utilisation consumers disk_reads disk_writes durable exclusive "
    "exclusive_consumer_pid exclusive_consumer_tag head_message_timestamp leader members memory message_bytes "
    "message_bytes_persistent message_bytes_ram message_bytes_ready message_bytes_unacknowledged messages "
    "messages_persistent messages_ram messages_ready messages_ready_ram messages_unacknowledged "
    "messages_unacknowledged_ram name online owner_pid pid policy slave_pids state synchronised_slave_pids type "
    # amqpd's own
    "effective_policy_definition operator_policy paused single_active_consumer_tag"
)
EXCHANGE_COLUMNS: Final = ("arguments", "auto_delete", "durable", "internal", "name", "policy", "type")
BINDING_COLUMNS: Final = (
    "source_name",
    "source_kind",
    "destination_name",
    "destination_kind",
    "routing_key",
    "arguments",
)
CONNECTION_COLUMNS: Final[str] = (
    "pid name port host peer_port peer_host ssl ssl_protocol ssl_key_exchange ssl_cipher ssl_hash peer_cert_subject "
    "peer_cert_issuer peer_cert_validity state channels protocol auth_mechanism user vhost timeout frame_max "
    "channel_max client_properties recv_oct recv_cnt send_oct send_cnt send_pend connected_at user_provided_name"
)
CHANNEL_COLUMNS: Final[str] = (
    "pid connection name number user vhost transactional confirm consumer_count messages_unacknowledged "
    "messages_uncommitted acks_uncommitted messages_unconfirmed prefetch_count global_prefetch_count"
)
CONSUMER_COLUMNS: Final[str] = (
    "queue_name channel_pid consumer_tag ack_required prefetch_count active activity_status arguments exclusive"
)
CONSUMER_DEFAULT: Final = (
    "queue_name",
    "channel_pid",
    "consumer_tag",
    "ack_required",
    "prefetch_count",
    "active",
    "arguments",
)
OF_QUEUES: Final[Mapping[str, Make]] = {
    "arguments": lambda queue: typed(queue["arguments"]),
    "members": lambda queue: [*map(Atom, queue["members"])] if "members" in queue else "",
    "online": lambda queue: [*map(Atom, queue["online"])] if "online" in queue else "",
    "exclusive": lambda queue: queue["exclusive"] if queue["type"] == "classic" else "",
}
"""Columns that are something else than the field of that name."""


def list_queues(request: Request) -> Answer:
    columns = chosen(request, ("name", "messages"))
    found = [] if request.options.get("offline") else _in_vhost(request, "queues")
    owners = _pids(request.client, "connections") if "owner_pid" in columns else {}
    rows = []
    for queue in found:
        owner = queue.get("owner_pid_details", {}).get("name", "")
        row = {name: OF_QUEUES[name](queue) if name in OF_QUEUES else queue.get(name, "") for name in columns}
        rows.append({**row, "owner_pid": owners.get(owner, owner)} if "owner_pid" in columns else row)
    return Rows(columns, rows, streamed=True)


def list_exchanges(request: Request) -> Answer:
    rows = [{**each, "arguments": typed(each["arguments"])} for each in _in_vhost(request, "exchanges")]
    return Rows(chosen(request, ("name", "type")), rows, streamed=True)


def list_bindings(request: Request) -> Answer:
    rows = [
        {
            "source_name": each["source"],
            "source_kind": Atom("exchange"),
            "destination_name": each["destination"],
            "destination_kind": Atom(each["destination_type"]),
            "routing_key": each["routing_key"],
            "arguments": typed(dict(sorted(each["arguments"].items()))),
        }
        for each in _in_vhost(request, "bindings")
    ]
    return Rows(chosen(request, BINDING_COLUMNS), rows, streamed=True)


def list_connections(request: Request) -> Answer:
    columns = chosen(request, ("user", "peer_host", "peer_port", "state"))
    pids = _pids(request.client, "connections") if "pid" in columns else {}
    rows = [
        {
            **each,
            "pid": pids.get(each["name"], each["name"]),
            "protocol": Atom("{0,9,1}"),
            "client_properties": typed(each.get("client_properties")),
        }
        for each in request.client.get("connections")
    ]
    return Rows(columns, rows, streamed=True)


def list_channels(request: Request) -> Answer:
    columns = chosen(request, ("pid", "user", "consumer_count", "messages_unacknowledged"))
    pids = _pids(request.client, "channels") if "pid" in columns else {}
    connections = _pids(request.client, "connections") if "connection" in columns else {}
    rows = []
    for each in request.client.get("channels"):
        connection = each["connection_details"]["name"]
        known = {"pid": pids.get(each["name"], each["name"]), "connection": connections.get(connection, connection)}
        rows.append({**each, **known})
    return Rows(columns, rows, streamed=True)


def list_consumers(request: Request) -> Answer:
    columns = chosen(request, CONSUMER_DEFAULT)
    pids = _pids(request.client, "channels") if "channel_pid" in columns else {}
    rows = []
    for each in _in_vhost(request, "consumers"):
        channel = each["channel_details"].get("name", "")
        known = {"queue_name": each["queue"]["name"], "channel_pid": pids.get(channel, channel)}
        rows.append({**each, **known, "arguments": typed(each["arguments"])})
    return Rows(columns, rows, streamed=True)


def list_unresponsive_queues(request: Request) -> Answer:
    return Rows(("name",), [], streamed=True)


def _in_vhost(request: Request, kind: str) -> list[Item]:
    """All objects of a kind in the virtual host; none where that isn't there."""
    try:
        found: list[Item] = request.client.get(kind, request.vhost)
    except Refused as error:
        if error.status != 404:
            raise
        return []
    return found


def _pids(client: Client, kind: str) -> Mapping[str, str]:
    """What events call connections or channels; over HTTP nobody tells, and their names stand for it."""
    if not client.is_local:
        return {}
    found: Mapping[str, str] = client.get("control", "pids")[kind]
    return found


VERBS: Final = (
    Verb(
        "list_queues",
        "[--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers] [<column>, ...] [--timeout <timeout>]",
        "List queues",
        GROUP,
        list_queues,
        lambda request: f"Listing queues for vhost {request.vhost} ...",
        most=None,
        options=(Option("--online", bool), Option("--offline", bool), Option("--local", bool)),
        check=columns_checked(QUEUE_COLUMNS.split()),
        timeout=True,
    ),
    Verb(
        "list_exchanges",
        f"[--vhost <vhost>] {USAGE}",
        "List exchanges",
        GROUP,
        list_exchanges,
        lambda request: f"Listing exchanges for vhost {request.vhost} ...",
        most=None,
        check=columns_checked(EXCHANGE_COLUMNS),
    ),
    Verb(
        "list_bindings",
        f"[--vhost <vhost>] {USAGE}",
        "List bindings",
        GROUP,
        list_bindings,
        lambda request: f"Listing bindings for vhost {request.vhost}...",
        most=None,
        check=columns_checked(BINDING_COLUMNS),
    ),
    Verb(
        "list_connections",
        USAGE,
        "List connections",
        GROUP,
        list_connections,
        lambda _: "Listing connections ...",
        most=None,
        check=columns_checked(CONNECTION_COLUMNS.split()),
    ),
    Verb(
        "list_channels",
        "[--no-table-headers] [<column> ...]",
        "List channels",
        GROUP,
        list_channels,
        lambda _: "Listing channels ...",
        most=None,
        check=columns_checked(CHANNEL_COLUMNS.split()),
    ),
    Verb(
        "list_consumers",
        f"[--vhost <vhost>] {USAGE}",
        "List consumers",
        GROUP,
        list_consumers,
        lambda request: f"Listing consumers in vhost {request.vhost} ...",
        most=None,
        check=columns_checked(CONSUMER_COLUMNS.split()),
    ),
    Verb(
        "list_unresponsive_queues",
        "[--local] [--queue-timeout <milliseconds>] [<column> ...] [--no-table-headers] [--timeout <timeout>]",
        "List queues that don't answer: there are none",
        GROUP,
        list_unresponsive_queues,
        lambda request: f"Listing unresponsive queues for vhost {request.vhost} ...",
        most=None,
        options=(Option("--local", bool), Option("--queue-timeout", int)),
        check=columns_checked(QUEUE_COLUMNS.split()),
    ),
)
