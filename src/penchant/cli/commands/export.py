"""`penchant export`: a recommender for programs that are not Python, as Parquet or JSON."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.commands.train import check_output
from penchant.cli.options import JsonOption, ModelArgument
from penchant.cli.output import print_json, print_lines, size_in_words
from penchant.text import counted

__all__ = ["export"]


def export(
    file: ModelArgument,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to: a .json or .parquet file.")],
    *,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="json or parquet, where the name does not say it.", show_default=False),
    ] = None,
    precision: Annotated[
        float, typer.Option("--precision", help="How far rounding in JSON may move a prediction, in stars.")
    ] = 0.001,
    as_json: JsonOption = False,
) -> None:
    """Write what it takes to score all items somewhere else: factors, biases, titles; no users.

    JSON is small enough for a phone, and scored by a few lines of JavaScript; Parquet is for everything else.
    """
    from penchant.recommender.recommender import load

    check_output(output, file, is_model=False)
    recommender = load(file)
    path = recommender.export(output, format_, precision=precision)
    learned = None if recommender.model.knows_stars else recommender.choices
    form = recommender.model.linear_form() if learned is None else learned.model.linear_form()
    size, n_factors = Path(path).stat().st_size, 0 if form is None else form.n_factors
    if as_json:
        print_json({"file": output, "bytes": size, "n_items": recommender.n_items, "n_factors": n_factors})
    else:
        print_lines(
            f"{output} ({size_in_words(size)}): {counted(recommender.n_items, 'item')}, {counted(n_factors, 'factor')}"
        )
