"""How an argument of the library is typed in the shell: as the option of the command that takes it.

The parameters of a command are called as the arguments of the library that they become; so nothing is listed here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from penchant.text import Argument, Call, Setting

__all__ = ["Parameter", "typed"]


class Parameter(Protocol):
    """What is asked of an option (or a positional argument) of a command, as typer makes it.

    Attributes:
        name: what the command's function calls it.
        opts: how it is typed: `--seed`, or for a positional argument its name.
        secondary_opts: how "no" is typed: `--no-implicit`; empty where it is no switch with two sides.
        nargs: how many values follow it.
        metavar: what the help calls its value, if that was said.
    """

    @property
    def name(self) -> str | None: ...

    opts: list[str]
    secondary_opts: list[str]
    nargs: int
    metavar: str | None


def typed(argument: Argument, parameters: Sequence[Parameter]) -> str:
    """What to type for an argument; as Python names it, where the command has no option for it.

    What Python calls a function for is an option of `train`, which other commands then name.

    Args:
        argument: what a message names.
        parameters: those of the command.
    """
    for parameter in parameters:
        if parameter.name is not None and parameter.name.rstrip("_") == argument.name:
            return _setting(argument, parameter) if isinstance(argument, Setting) else _flag(parameter)
    return f"penchant train --{argument.name.replace('_', '-')}" if isinstance(argument, Call) else str(argument)


def _flag(parameter: Parameter) -> str:
    word = parameter.opts[0]
    return word if word.startswith("-") else parameter.metavar or word.upper()


def _setting(setting: Setting, parameter: Parameter) -> str:
    if setting.value is False and parameter.secondary_opts:
        return parameter.secondary_opts[0]
    if setting.value is True:
        return _flag(parameter)
    return f"{_flag(parameter)} {_value(setting, pair=parameter.nargs == 2)}".rstrip()


def _value(setting: Setting, *, pair: bool) -> str:
    value = setting.value
    if value is ...:
        return setting.text or ""
    if isinstance(value, tuple | list):
        return (" " if pair else ",").join(map(str, value))
    return "none" if value is False else shlex.quote(str(value))
