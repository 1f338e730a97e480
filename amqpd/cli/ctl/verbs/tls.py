"""TLS: the certificates of the broker's listeners, and what its platform offers."""

from __future__ import annotations

import ssl
from typing import Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import Atom, erlang
from amqpd.cli.ctl.verb import DATA, UNAVAILABLE, Answer, BadUse, Needs, Option, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR
from amqpd.cli.ctl.verbs.health import GROUP, HEALTHY, TIMEOUT
from amqpd.cli.ctl.verbs.status import PURPOSES

COLUMNS: Final = ("cacertfile", "certfile", "interface", "node", "port", "protocol", "purpose")
FORMATS: Final = ("openssl", "erlang", "map")
PERIODS: Final = ("days", "weeks", "months", "years")


def check_certificate_expiration(request: Request) -> Answer:
    amount, unit = str(request.options.get("within", 4)), str(request.options.get("unit", "weeks"))
    try:
        request.client.get("health", "checks", "certificate-expiration", amount, unit)
    except Refused as error:
        raise Stop(UNAVAILABLE, ERROR.format(error.reason)) from None
    named = unit.removesuffix("s") if amount == "1" else unit
    return Report(f"No certificates are expiring within {amount} {named}.", HEALTHY)


def period_checked(request: Request) -> None:
    """Raises BadUse for a unit that is none."""
    unit = request.options.get("unit", "weeks")
    if unit not in PERIODS:
        raise BadUse(f"\"unit '{unit}' is not supported. Please use one of: {', '.join(PERIODS)}\"")


def tls_versions(request: Request) -> Answer:
    found = ["tlsv1.3", "tlsv1.2"]
    return Report("\n".join(found), {"versions": found})


def cipher_suites(request: Request) -> Answer:
    if request.options.get("format", "openssl") != "openssl":
        text = "there are OpenSSL's names alone, none of Erlang: --format openssl shows them"
        raise Stop(UNAVAILABLE, ERROR.format(text))
    found = [str(each["name"]) for each in ssl.create_default_context().get_ciphers()]
    return Report("\n".join(found), found)


def format_checked(request: Request) -> None:
    """Raises BadUse for a form of names that there isn't."""
    if request.options.get("format", "openssl") not in FORMATS:
        raise BadUse("Bad argument: Format should be either openssl, erlang or map", DATA)


def certificates(request: Request) -> Answer:
    rows = [
        {
            "cacertfile": _joined(each["ca"]),
            "certfile": _joined(each["certificates"]),
            "interface": each["interface"],
            "node": Atom(each["node"]),
            "port": each["port"],
            "protocol": Atom(each["protocol"]),
            "purpose": PURPOSES.get(each["protocol"], each["protocol"]),
        }
        for each in request.local().get("control", "certificates")
    ]
    if request.formatter != "erlang":
        return Rows(COLUMNS, rows)
    return Report(erlang([{Atom(name): value for name, value in row.items()} for row in rows]) if rows else "#{}", rows)


def _joined(found: list[str]) -> str | None:
    return "\n".join([*found, ""]) if found else None


VERBS: Final = (
    Verb("certificates", "", "Show the certificates of all listeners that have one", GROUP, certificates,
         lambda request: f"Certificates of node {request.node} ...", formatter="erlang"),
    Verb("check_certificate_expiration", "[--within <period>] [--unit <unit>]",
         "Fail if a certificate expires soon", GROUP, check_certificate_expiration,
         lambda request: f"Checking certificate expiration on node {request.node} ...",
         options=(Option("--within", int), Option("--unit")), check=period_checked),
    Verb("tls_versions", TIMEOUT, "List the TLS versions that there are", GROUP, tls_versions,
         lambda _: "Listing all TLS versions supported by the runtime..."),
    Verb("cipher_suites", f"[--format <openssl | erlang | map>] [--all] {TIMEOUT}", "List cipher suites", GROUP,
         cipher_suites,
         lambda _: "Listing available cipher suites in OpenSSL format", needs=Needs.NOTHING,
         options=(Option("--all", bool), Option("--format")), check=format_checked),
)  # fmt: skip
