"""What is about Erlang: amqpd has none of it, and says so in the form that scripts know."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from amqpd.cli.ctl.output import bold
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, Needs, Option, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.columns import chosen, columns_checked
from amqpd.cli.ctl.verbs.errors import ERROR

MONITORING: Final = "Monitoring, observability and health checks"
SETTINGS: Final = "Configuration and Environment"
TIMEOUT: Final = "[--timeout <timeout>]"
OF_TABLES: Final[str] = (
    "name snmp load_order active_replicas all_nodes attributes checkpoints disc_copies disc_only_copies "
    "external_copies frag_properties master_nodes ram_copies storage_properties subscribers user_properties cstruct "
    "local_content where_to_commit where_to_read access_mode cookie load_by_force load_node record_name size "
    "storage_type type where_to_write index arity majority memory commit_work where_to_wlock load_reason "
    "record_validation version wild_pattern index_info"
)
COOKIES: Final = {
    "cookie_file_access": None,
    "cookie_file_exists": False,
    "cookie_file_path": None,
    "cookie_file_size": None,
    "cookie_file_type": None,
    "os_env_cookie_set": False,
    "os_env_cookie_value_length": 0,
    "switch_cookie_set": False,
    "switch_cookie_value_length": 0,
}


def schema_info(request: Request) -> Answer:
    """There is no Mnesia, and so no table of it."""
    return Rows(chosen(request, ("name", "cookie", "active_replicas", "user_properties")), [])


def cookie_hash(_: Request) -> Answer:
    return Report("(none)", {"result": "ok", "value": None})


def cookie_sources(_: Request) -> Answer:
    user, home = os.environ.get("USER"), os.environ.get("HOME")
    lines = [
        bold("Cookie File"), "",
        f"Effective user: {user or '(none)'}",
        f"Effective home directory: {home or '(none)'}",
        "Cookie file path: (n/a)",
        "Cookie file exists? false",
        "Cookie file type: (n/a)",
        "Cookie file access: (n/a)",
        "Cookie file size: (n/a)", "",
        bold("Cookie CLI Switch"), "",
        "--erlang-cookie value set? false",
        "--erlang-cookie value length: 0", "",
        bold("Env variable "), "",
        "RABBITMQ_ERLANG_COOKIE value set? false",
        "RABBITMQ_ERLANG_COOKIE value length: 0",
    ]  # fmt: skip
    data = {**COOKIES, "effective_user": user, "home_dir": home}
    return Report("\n".join(lines), {name: data[name] for name in sorted(data)})


def maybe_stuck(_: Request) -> Answer:
    text = "There are 0 processes of Erlang."
    return Report(text, None)


def refused(instead: str) -> Callable[[Request], Answer]:
    """The verb that cannot be, and what there is instead."""

    def refuse(_: Request) -> Answer:
        raise Stop(UNAVAILABLE, ERROR.format(f"amqpd is no Erlang node: {instead}"))

    return refuse


VERBS: Final = (
    Verb("schema_info", f"[--no-table-headers] [<column> ...] {TIMEOUT}", "List tables of Mnesia: there are none",
         MONITORING, schema_info, lambda request: f"Asking node {request.node} to report its schema...", most=None,
         check=columns_checked(OF_TABLES.split())),
    Verb("erlang_cookie_hash", TIMEOUT, "Show the hash of the Erlang cookie: there is none", SETTINGS, cookie_hash,
         lambda request: f"Asking node {request.node} its Erlang cookie hash...", needs=Needs.ANY),
    Verb("erlang_cookie_sources", TIMEOUT, "Say where the Erlang cookie comes from: from nowhere", SETTINGS,
         cookie_sources, lambda _: "Listing Erlang cookie sources used by CLI tools...", needs=Needs.NOTHING),
    Verb("maybe_stuck", TIMEOUT, "List Erlang processes that don't get on: there are none", MONITORING, maybe_stuck,
         lambda request: f"Asking node {request.node} to detect potentially stuck Erlang processes..."),
    Verb("observer", "[--interval <seconds>]", "Refused: 'amqpd top' is the live view", MONITORING,
         refused("'amqpd top' is the live view"), options=(Option("--interval", int, "-i"),), needs=Needs.NOTHING),
    Verb("runtime_thread_stats", "[--sample-interval <interval>]", "Refused: there are no schedulers", MONITORING,
         refused("'amqpd top' shows what the broker's process takes"),
         options=(Option("--sample-interval", int, "-i"),), needs=Needs.NOTHING),
    Verb("remote_shell", "", "Refused: there is no Erlang", MONITORING,
         refused("'help' lists what can be done"), needs=Needs.NOTHING),
)  # fmt: skip
