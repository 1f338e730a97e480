"""`amqpd completion`: scripts that let a shell complete commands, options and the verbs of `amqpctl`.

They are made from the tables that the commands themselves are made of, and start nothing while somebody types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import click

from amqpd.cli.ctl.command_line import GLOBAL
from amqpd.cli.ctl.tools import NAMES, OF_PLUGINS, OPERATING
from amqpd.cli.ctl.verb import Verb

SHELLS: Final = ("bash", "zsh", "fish")
Words = dict[str, dict[str, list[str]]]
"""By program and then by its command or verb, what may stand behind it; the empty one is the program itself."""

BASH: Final = """\
_{name}() {{
    local words current=${{COMP_WORDS[COMP_CWORD]}} command= word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in -*) ;; *) command=$word; break ;; esac
    done
    case $command in
{cases}
        *) words="{start}" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${{#COMPREPLY[@]}} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _{name} {program}
"""


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write a script for SHELL: `eval "$(amqpd completion bash)"`, or save it where the shell looks for completions."""
    root = context.find_root()
    assert isinstance(root.command, click.Group)
    words = {"amqpd": dict(_of_group(root.command, root)), **of_tools()}
    click.echo(script(shell, words), nl=False)


def script(shell: str, words: Words) -> str:
    """The script of one shell."""
    if shell == "fish":
        return "".join(f"{line}\n" for program, found in words.items() for line in _fish(program, found))
    parts = ["autoload -U +X bashcompinit && bashcompinit\n"] if shell == "zsh" else []
    for program, found in words.items():
        cases = "\n".join(
            f'        {command}) words="{" ".join(further)}" ;;' for command, further in found.items() if command
        )
        name = program.replace("-", "_")
        parts.append(BASH.format(name=name, program=program, cases=cases, start=" ".join(found[""])))
    return "\n".join(parts)


def of_tools() -> Words:
    """`amqpctl`, and the names of RabbitMQ's tools that it answers to."""
    operating, plugins = _of_verbs(OPERATING), _of_verbs(OF_PLUGINS)
    names = [name for name in NAMES if name != "rabbitmq-plugins"]
    return {**dict.fromkeys(names, operating), "rabbitmq-plugins": plugins}


def _of_verbs(verbs: Mapping[str, Verb]) -> dict[str, list[str]]:
    general = [option.name for option in GLOBAL]
    found = {name: [*(option.name for option in verb.options), *general] for name, verb in sorted(verbs.items())}
    return {"": [*found, "help", "version", *general], "help": [*found], **found}


def _of_group(group: click.Group, context: click.Context) -> Iterator[tuple[str, list[str]]]:
    names = group.list_commands(context)
    yield "", [*names, "--help", "--version"]
    for name in names:
        command = group.get_command(context, name)
        if name == "ctl":
            yield name, [*sorted(OPERATING), "help", *(option.name for option in GLOBAL)]
        elif isinstance(command, click.Group):
            yield name, [*command.list_commands(context), "--help"]
        elif command is not None:
            yield name, _options(command)


def _options(command: click.Command) -> list[str]:
    flags = [flag for each in command.params for flag in (*each.opts, *each.secondary_opts) if flag.startswith("--")]
    choices = [
        str(choice) for each in command.params if isinstance(each.type, click.Choice) for choice in each.type.choices
    ]
    return [*flags, *choices, "--help"]


def _fish(program: str, found: Mapping[str, list[str]]) -> Iterator[str]:
    for word in found[""]:
        yield _fish_line(program, "__fish_use_subcommand", word)
    for command, further in found.items():
        for word in further if command else ():
            yield _fish_line(program, f"__fish_seen_subcommand_from {command}", word)


def _fish_line(program: str, condition: str, word: str) -> str:
    what = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
    return f"complete -c {program} -n '{condition}' {what}"
