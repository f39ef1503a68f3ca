"""Options of commands that are built: shared by several commands, or read off a solver's dataclass."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from penchant.errors import ParameterError

__all__ = ["CountOption", "IntervalOption", "JsonOption", "ModelArgument", "check_n", "command", "help_of", "option"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to stdout.")]
ModelArgument = Annotated[str, typer.Argument(metavar="FILE", help="A file that `penchant train` saved.")]
CountOption = Annotated[int, typer.Option("-n", help="How many.")]
IntervalOption = Annotated[
    float | None,
    typer.Option(
        "--interval",
        metavar="SHARE",
        help="Also show where this share of such ratings lies, such as 0.9.",
        show_default=False,
    ),
]


def check_n(n: int) -> None:
    """Refuse a list of nothing.

    Raises:
        ParameterError: `n` is less than 1.
    """
    if n < 1:
        raise ParameterError(f"-n is {n}: use at least 1")


def help_of(function: Callable[..., None]) -> str:
    """A command's docstring with every paragraph on one line: the terminal decides where lines break."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def option(name: str, kind: object, flag: str, default: object = None, **shown: Any) -> inspect.Parameter:
    """One more option of a command.

    Args:
        name: what the function calls it.
        kind: its type: int, float, str, bool, or one of them `| None`.
        flag: what the user types.
        default: what the function gets where the user says nothing.
        **shown: further arguments of `typer.Option`: help, metavar, show_default, rich_help_panel, ...
    """
    annotation = Annotated[kind, typer.Option(flag, **shown)]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def command(function: Callable[..., None], **groups: Sequence[inspect.Parameter]) -> Callable[..., None]:
    """A command for typer in which each mapping named in `groups` is spread out into options of its own.

    `command(train, reading=READING)` calls `train(..., reading={"sep": ";"})`: the mapping holds the options that the
    user gave, so that what was not given keeps the default of the library's own signature.
    """
    signature = inspect.signature(function)
    given = [parameter for name, parameter in signature.parameters.items() if name not in groups]
    extra = [parameter for group in groups.values() for parameter in group]

    def run(**values: Any) -> None:
        collected: Mapping[str, dict[str, object]] = {
            group: {p.name: values.pop(p.name) for p in parameters} for group, parameters in groups.items()
        }
        chosen = {
            group: {name: value for name, value in options.items() if value is not None}
            for group, options in collected.items()
        }
        function(**values, **chosen)

    everything = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*given, *extra]]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {p.name: p.annotation for p in everything}
    run.__signature__ = signature.replace(parameters=everything)  # type: ignore[attr-defined]
    return run
