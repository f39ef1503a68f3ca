"""The commands of `penchant`, put together."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.core import TyperGroup

from penchant._version import __version__
from penchant.cli.argument_words import Parameter, typed
from penchant.cli.commands.datasets import fetch_dataset, list_all
from penchant.cli.commands.describe import explain, items, map_items, poles, similar
from penchant.cli.commands.doctor import doctor
from penchant.cli.commands.edit import forget, update
from penchant.cli.commands.evaluate import evaluate
from penchant.cli.commands.export import export
from penchant.cli.commands.plot import plot
from penchant.cli.commands.predict import info, predict
from penchant.cli.commands.recommend import ask_next, recommend
from penchant.cli.commands.train import train
from penchant.cli.options import command, help_of
from penchant.cli.output import fail, print_lines
from penchant.cli.typed_ratings import READING
from penchant.errors import PenchantError

__all__ = ["build_app", "run"]


def build_app(*, solver_options: bool) -> typer.Typer:
    """The application.

    Args:
        solver_options: give `train` the options that are hyper-parameters of a solver. They are read off its class,
            whose import takes a moment that `penchant --help` should not take.
    """
    app = typer.Typer(
        name="penchant",
        cls=_Commands,
        help="Learn what people like and what they choose from the ratings they give, and recommend.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_start)
    hyper = []
    if solver_options:
        from penchant.cli.solver_options import hyper_options

        hyper = hyper_options()
    commands: dict[str, Callable[..., None]] = {
        "train": command(train, reading=READING, hyper=hyper),
        "evaluate": command(evaluate, reading=READING),
        "predict": predict,
        "recommend": recommend,
        "ask-next": ask_next,
        "explain": explain,
        "similar": similar,
        "items": items,
        "poles": poles,
        "map": map_items,
        "info": info,
        "plot": plot,
        "update": command(update, reading=READING),
        "forget": forget,
        "export": export,
    }
    for name, function in commands.items():
        app.command(name, help=help_of(function))(function)
    datasets = typer.Typer(cls=_Commands, help="List the datasets that are known by name, or fetch one.")
    datasets.callback(invoke_without_command=True)(_datasets)
    datasets.command("list", help=help_of(list_all))(list_all)
    datasets.command("fetch", help=help_of(fetch_dataset))(fetch_dataset)
    app.add_typer(datasets, name="datasets")
    app.command("doctor", help=help_of(doctor))(doctor)
    return app


def run(arguments: Sequence[str], *, solver_options: bool) -> object:
    """Run one command; what it returns, or the exit code.

    Args:
        arguments: what was typed after `penchant`.
        solver_options: as for `build_app`.
    """
    try:
        app = build_app(solver_options=solver_options)
        return typer.main.get_command(app).main(arguments, prog_name="penchant", standalone_mode=False)
    except PenchantError as error:  # outside of any command, such as while options are made
        return _failed(error, [])


class _Commands(TyperGroup):
    """The commands; an error of the library names arguments as the options of the command that was typed."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except PenchantError as error:
            command = self.commands.get(ctx.invoked_subcommand or "")
            return _failed(error, [] if command is None else command.params)


def _failed(error: PenchantError, parameters: Sequence[Parameter]) -> int:
    return fail(error.said(lambda argument: typed(argument, parameters)), error.exit_code)


def _print_version(asked: bool) -> None:
    if asked:
        print_lines(f"penchant {__version__}")
        raise typer.Exit


def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # its callback does the work
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print_lines(context.get_help())


def _datasets(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_all(as_json=False)
