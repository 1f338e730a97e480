"""`amqpd completion`: scripts that let a shell complete commands, options and the verbs of `amqpctl`.

They are made from the tables that the commands themselves are made of, and start nothing while somebody types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import click

from amqpd.cli.ctl.command_line import GLOBAL
from amqpd.cli.ctl.tools import NAMES, OF_PLUGINS, OPERATING, OWN
from amqpd.cli.ctl.verb import Verb

GENERAL: Final = tuple(option.name for option in GLOBAL)


@attrs.frozen
class Words:
    """What can be completed behind a program, which may have several names."""

    programs: Sequence[str]
    general: Sequence[str]
    """Options that may stand anywhere."""
    behind: Mapping[str, Sequence[str]]
    """By command or verb, what else may stand behind it."""

    @property
    def name(self) -> str:
        """For a shell's function."""
        return self.programs[0].replace("-", "_")


# What the shells have in common: the first word that is no option and names a command decides.
BASH: Final = """\
_{name}() {{
    local words current=${{COMP_WORDS[COMP_CWORD]}} command= word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case " {commands} " in *" $word "*) command=$word; break ;; esac
    done
    case $command in
{cases}
        *) words="{commands}" ;;
    esac
    COMPREPLY=($(compgen -W "$words {general}" -- "$current"))
    [[ ${{#COMPREPLY[@]}} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _{name} {programs}
"""
ZSH_START: Final = """\
#compdef {programs}
(( $+functions[compdef] )) || {{ autoload -U compinit && compinit; }}
"""
ZSH: Final = """\
_{name}_words() {{
    local command= word
    local -a found commands=({commands})
    for word in $words[2,CURRENT-1]; do
        if (( $commands[(Ie)$word] )); then command=$word; break; fi
    done
    case $command in
{cases}
        *) found=($commands) ;;
    esac
    compadd -- $found {general} || _files
}}
compdef _{name}_words {programs}
"""
ZSH_END: Final = """\
[[ $funcstack[1] != _amqpd ]] || "$_comps[$service]"
"""
"""As a file `_amqpd` among zsh's functions this all is read at the first completion, which then is still to be made."""
FISH: Final = """\
set -g __{name}_commands {commands}
complete -c {program} -n 'not __fish_seen_subcommand_from $__{name}_commands' -f -a '$__{name}_commands'
"""


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write a script for SHELL: `eval "$(amqpd completion bash)"`, or save it where the shell looks for completions."""
    root = context.find_root()
    assert isinstance(root.command, click.Group)
    own = Words(("amqpd",), ("--help", "--version"), dict(_of_group(root.command, root)))
    click.echo(script(shell, (own, *of_tools())), nl=False)


def script(shell: str, words: Sequence[Words]) -> str:
    """The script of one shell."""
    if shell == "fish":
        return "".join(f"{line}\n" for each in words for line in _fish(each))
    if shell == "bash":
        return "\n".join(_filled(BASH, 'words="{}"', each) for each in words)
    programs = " ".join(program for each in words for program in each.programs)
    return "\n".join([
        ZSH_START.format(programs=programs), *(_filled(ZSH, "found=({})", each) for each in words), ZSH_END
    ])  # fmt: skip


def of_tools() -> tuple[Words, Words]:
    """`amqpctl`, and the names of RabbitMQ's tools that it answers to."""
    plugins = "rabbitmq-plugins"
    operating = (OWN, *(name for name in NAMES if name not in (OWN, plugins)))
    return Words(operating, GENERAL, _of_verbs(OPERATING)), Words((plugins,), GENERAL, _of_verbs(OF_PLUGINS))


def _of_verbs(verbs: Mapping[str, Verb]) -> dict[str, list[str]]:
    found = {name: [option.name for option in verb.options] for name, verb in sorted(verbs.items())}
    return {**found, "help": [*found], "version": []}


def _of_group(group: click.Group, context: click.Context) -> Iterator[tuple[str, list[str]]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if name == "ctl":
            yield name, [*sorted(OPERATING), "help", *GENERAL]
        elif isinstance(command, click.Group):
            yield name, command.list_commands(context)
        elif command is not None:
            yield name, _options(command)


def _options(command: click.Command) -> list[str]:
    flags = [flag for each in command.params for flag in (*each.opts, *each.secondary_opts) if flag.startswith("--")]
    choices = [
        str(choice) for each in command.params if isinstance(each.type, click.Choice) for choice in each.type.choices
    ]
    return [*flags, *choices]


def _filled(form: str, case: str, words: Words) -> str:
    cases = [f"        {name}) {case.format(' '.join(further))} ;;" for name, further in words.behind.items()]
    return form.format(
        name=words.name,
        programs=" ".join(words.programs),
        commands=" ".join(words.behind),
        general=" ".join(words.general),
        cases="\n".join(cases),
    )


def _fish(words: Words) -> Iterator[str]:
    program, *others = words.programs
    yield FISH.format(name=words.name, program=program, commands=" ".join(words.behind)).rstrip("\n")
    for option in words.general:
        yield f"complete -c {program} -l {option[2:]}"
    for name, further in words.behind.items():
        plain = [word for word in further if not word.startswith("--")]
        flags = [f" -l {word[2:]}" for word in further if word.startswith("--")]
        if plain:
            flags.append(f" -f -a '{' '.join(plain)}'")
        for flag in flags:
            yield f"complete -c {program} -n '__fish_seen_subcommand_from {name}'{flag}"
    for other in others:
        yield f"complete -c {other} -w {program}"
