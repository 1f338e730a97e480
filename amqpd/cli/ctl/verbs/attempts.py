"""Logins, counted by protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.cli.ctl.verb import Answer, Option, Report, Request, Rows, Verb

GROUP: Final = "Monitoring, observability and health checks"
COLUMNS: Final = ("protocol", "auth_attempts", "auth_attempts_failed", "auth_attempts_succeeded")
BY_SOURCE: Final = ("remote_address", "username", *COLUMNS)


def list_attempts(request: Request) -> Answer:
    source = ("source",) if request.options.get("by_source") else ()
    found = request.client.get("auth", "attempts", request.node, *source)
    if request.formatter == "json":
        return Report("", {"attempts": found, "node": request.node, "result": "ok"})
    if not found:
        return f"Node {request.node} reported no authentication attempt stats"
    return Rows(BY_SOURCE if source else COLUMNS, found)


def reset_attempts(request: Request) -> Answer:
    request.client.delete("auth", "attempts", request.node)
    return None


def track(on: bool) -> Callable[[Request], Answer]:
    """The verb that has logins counted by address and user, or no more."""

    def switch(request: Request) -> Answer:
        request.local().put("control", "attempt-sources", body={"tracked": on})
        return None

    return switch


VERBS: Final = (
    Verb("enable_auth_attempt_source_tracking", "", "Count logins by address and user too", GROUP, track(True),
         lambda _: "Enabling authentication attempt source tracking ..."),
    Verb("disable_auth_attempt_source_tracking", "", "Count them by protocol alone", GROUP, track(False),
         lambda _: "Disabling authentication attempt source tracking ..."),
    Verb("list_node_auth_attempt_stats", "[--by-source]", "List how many logins there were, and how many failed", GROUP,
         list_attempts,
         lambda request: f'Listing authentication\n attempts for node "{request.node}" ...',
         options=(Option("--by-source", bool),)),
    Verb("reset_node_auth_attempt_metrics", "", "Count logins from 0 again", GROUP, reset_attempts,
         lambda request: f"Reset auth attempt metrics on node {request.node} ..."),
)  # fmt: skip
