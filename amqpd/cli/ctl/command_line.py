"""From the words of a command line to a verb with its options: before or after the verb, as rabbitmqctl takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import attrs

from amqpd.cli.ctl.verb import USAGE, BadUse, Option, Stop, Verb

GLOBAL: Final = (
    Option("--node", str, "-n"),
    Option("--quiet", bool, "-q"),
    Option("--silent", bool, "-s"),
    Option("--timeout", float, "-t"),
    Option("--vhost", str, "-p"),
    Option("--longnames", bool, "-l"),
    Option("--formatter", str, "-f"),
    Option("--printer", str),
    Option("--help", bool, "-?"),
    Option("--version", bool),
    Option("--dry-run", bool, "-d"),
    Option("--script-name", str),
    Option("--rabbitmq-home", str),
    Option("--erlang-cookie", str),
    Option("--print-stacktrace", bool),
    Option("--no-table-headers", bool),
    Option("--url", str, "-u"),
    Option("--socket", str),
    Option("--data-dir", str),
)
"""Taken by all verbs. `--url`, `--socket` and `--data-dir`, which say where the broker is, are amqpd's own."""


@attrs.frozen
class Parsed:
    """A command line."""

    verb: str
    """Empty where there is none."""
    arguments: list[str]
    options: Mapping[str, Any]
    invalid: tuple[str, ...]
    """Options that aren't any, or whose value is none, with that: `--bogus : `."""


def parse(words: Sequence[str], verbs: Mapping[str, Verb]) -> Parsed:
    """Take words apart. A verb's own options are known once it has come, others' are invalid."""
    wanted = next((each for each in words if each in verbs), "")
    own = verbs[wanted].options if wanted else ()
    known = {name: option for option in (*GLOBAL, *own) for name in (option.name, option.short) if name}
    arguments: list[str] = []
    options: dict[str, Any] = {}
    invalid: list[str] = []
    waiting = [*words][::-1]
    while waiting:
        word = waiting.pop()
        if word == "--":
            arguments += waiting[::-1]
            break
        if not word.startswith("-") or word == "-" or _is_number(word):
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        option = known.get(name)
        if option is None:
            if not equals and waiting and not waiting[-1].startswith("-") and not arguments:
                waiting.pop()  # its value: the verb comes behind it
            invalid.append(f"{name} : {value}")
        elif option.kind is bool:
            options[option.key] = True
        elif equals or waiting:
            text = value if equals else waiting.pop()
            try:
                options[option.key] = _value(option, text)
            except ValueError:
                invalid.append(f"{name} : {text}")
        else:
            invalid.append(f"{name} : ")
    verb = arguments.pop(0) if arguments else ""
    return Parsed(verb, arguments, options, tuple(invalid))


def find(parsed: Parsed, verbs: Mapping[str, Verb]) -> Verb:
    """The verb that is meant. Raises Stop with what was likely meant."""
    verb = verbs.get(parsed.verb)
    if verb is None:
        near = get_close_matches(parsed.verb, verbs, 1, 0.75)
        hint = f"Did you mean '{near[0]}'? \n" if near else ""
        raise Stop(USAGE, f"\nCommand '{parsed.verb}' not found. \n{hint}")
    return verb


def check(verb: Verb, parsed: Parsed) -> None:
    """Raises BadUse for options and numbers of arguments that the verb doesn't take."""
    if parsed.invalid:
        raise BadUse("Invalid options for this command:\n" + "\n".join(parsed.invalid))
    if len(parsed.arguments) < verb.least:
        raise BadUse("not enough arguments.")
    if verb.most is not None and len(parsed.arguments) > verb.most:
        raise BadUse("too many arguments.")


def _value(option: Option, text: str) -> Any:
    if option.kind is float and text == "infinity":
        return 0.0
    return option.kind(text)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
