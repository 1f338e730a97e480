"""The help: what verbs there are, and how each is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amqpd.cli.ctl.output import bold
from amqpd.cli.ctl.verb import Verb

GENERAL: Final = (
    ("-n, --node <node>", "the broker of this name; where none has it, the one that runs here"),
    ("--socket <path>", "the broker with this control socket"),
    ("--data-dir <path>", "the broker with this data directory"),
    ("-u, --url <url>", "the broker with this management API: http://user:password@host:15672"),
    ("-p, --vhost <vhost>", "the virtual host, where a verb is about one; else /"),
    ("-q, --quiet", "say nothing but the answer"),
    ("-s, --silent", "the same, and no names of columns"),
    ("--no-table-headers", "no names of columns"),
    ("--formatter <name>", "table, json, json_stream, csv, pretty_table or erlang"),
    ("-t, --timeout <seconds>", "how long to wait for the broker; 60"),
)
FORM: Final = "[--node <node>] [--longnames] [--quiet]"


def usage_of(verb: Verb, tool: str) -> str:
    """How a verb is used."""
    return f"{bold('Usage')}\n\n{tool} {FORM} {verb.name} {verb.usage}".rstrip()


def verb_help(verb: Verb, tool: str) -> str:
    """All about a verb."""
    options = [f"  {f'{each.short}, ' if each.short else ''}{each.name}" for each in verb.options]
    parts = ["", usage_of(verb, tool), "", f"{verb.summary}.", ""]
    if options:
        parts += [bold("Options"), "", *options, ""]
    return "\n".join([*parts, bold("General Options"), "", *_general()])


def overview_of(tool: str, verbs: Mapping[str, Verb]) -> str:
    """All verbs."""
    form = "[--node <node>] [--timeout <timeout>] [--longnames] [--quiet] <command> [<command options>]"
    lines = ["", bold("Usage"), "", f"{tool} {form}", "", "Available commands:", *list_of(verbs)]
    lines += ["", bold("General Options"), "", *_general(), ""]
    lines.append(f"Use '{tool} help <command>' to learn more about a specific command")
    return "\n".join(lines)


def list_of(verbs: Mapping[str, Verb]) -> list[str]:
    """Verbs by what they are about, each with what it does."""
    groups: dict[str, list[Verb]] = {}
    for verb in verbs.values():
        groups.setdefault(verb.group, []).append(verb)
    width, lines = max(map(len, verbs)), []
    for group, found in groups.items():
        lines += ["", f"{bold(group)}:", ""]
        lines += [f"   {each.name.ljust(width)}  {each.summary}" for each in sorted(found, key=lambda verb: verb.name)]
    return lines


def _general() -> list[str]:
    width = max(len(option) for option, _ in GENERAL)
    return [f"  {option.ljust(width)}  {meaning}" for option, meaning in GENERAL]
