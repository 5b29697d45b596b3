"""A command line that can't be read, as one line: which command, what is wrong with it, and where to look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from synthem.errors import unknown_name

UsageError: type[BaseException] = typer.BadParameter.__mro__[1]
"""What typer raises where a command line can't be read; it has no public name there, and some take it from click."""


class Group(TyperGroup):
    """Commands, single ones and groups alike, in the order of the pipeline; unknown ones by the nearest name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, as `--help` and the shell's completion list them."""
        from synthem.cli import COMMANDS

        order = {name.rstrip("_"): i for i, name in enumerate(COMMANDS)}
        return sorted(self.commands, key=lambda name: order.get(name, 0))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Raises:
            SynthemError: there is none.
        """
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            raise unknown_name(f"{ctx.command_path}: command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def explain(error: Any, arguments: Sequence[str]) -> str:
    """What is wrong with a command line.

    Args:
        error: a `UsageError`; where a group was called with nothing, its text is the whole help.
        arguments: the command line; some errors don't know their command.
    """
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return str(error.message)
    where = error.ctx.command_path if error.ctx else " ".join(["synthem", *arguments[:1]])
    look = f"see `{where} --help`"
    if kind == "NoSuchOption":
        hint = f"did you mean {error.possibilities[0]}?" if error.possibilities else look
        return f"{where}: there is no option {error.option_name}; {hint}"
    if kind == "MissingParameter":
        about = getattr(error.param, "help", None)
        return f"{where}: {_name(error.param)} is missing{f' ({_inner(about)})' if about else ''}; {look}"
    place = f"{where}: {_name(error.param)}" if getattr(error, "param", None) else where
    return f"{place}: {_inner(error.message)}; {look}"


def as_typed(text: str, arguments: Sequence[str]) -> str:
    """An error of a Python function, its parameter written as the option that was typed.

    `n: …` becomes `--n: …`, and `training: lr=0: …` becomes `--lr 0: …`.
    """
    found = re.match(r"(?:\w+: (?=\w+=))?(\w+)(?:=(\S*))?(?=:| )", text)
    option = f"--{found[1].replace('_', '-')}" if found else ""
    if found is None or option not in {argument.partition("=")[0] for argument in arguments}:
        return text
    return option + (f" {found[2]}" if found[2] else "") + text[found.end() :]


def _name(parameter: Any) -> str:
    """`--out` of an option, `DIR` of an argument."""
    longest = max(parameter.opts, key=len)
    return str(longest if longest.startswith("-") else (parameter.metavar or longest).strip("[]"))


def _inner(sentence: str) -> str:
    """A sentence as a part of another: no capital, no full stop, nothing about how it was found."""
    text = sentence.removeprefix("Value error, ").removeprefix("Input ").partition(", unable to parse")[0].rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
