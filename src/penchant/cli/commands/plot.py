"""`penchant plot`: pictures of a saved recommender."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.commands.evaluate import named_alike
from penchant.cli.commands.train import check_output
from penchant.cli.options import JsonOption, ModelArgument, check_n
from penchant.cli.output import print_json, print_lines, size_in_words
from penchant.cli.typed_ids import item_id as item_id_of
from penchant.cli.typed_ids import user_id as user_id_of
from penchant.cli.typed_ratings import read
from penchant.errors import ParameterError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from penchant.data.ratings import Ratings
    from penchant.recommender.recommender import Recommender

__all__ = ["plot"]

_KINDS = {  # and the options that each needs
    "learning_curve": (),
    "ratings_histogram": (),
    "predicted_against_true": ("--test",),
    "bias_ranking": (),
    "item_map": (),
    "explanation": ("--item", "--user"),
    "two_questions": ("--user",),
    "intervals_by_count": (),
    "by_popularity": ("--test",),
}
_COUNTED = ("bias_ranking", "explanation", "two_questions")


def plot(
    file: ModelArgument,
    *,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help=f"One of {', '.join(_KINDS)}.")],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Where to: .html, or .png, .svg, .pdf, which need Chrome."),
    ],
    theme: Annotated[str, typer.Option("--theme", help="light or dark.")] = "light",
    item_id: Annotated[
        str | None, typer.Option("--item", help="Of explanation: id or exact title.", show_default=False)
    ] = None,
    user_id: Annotated[
        str | None, typer.Option("--user", help="Of explanation and two_questions: a user's id.", show_default=False)
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            "--test",
            metavar="RATINGS",
            help="Of predicted_against_true and by_popularity: ratings that were not trained on, a file or a dataset.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            help="Of bias_ranking and explanation: how many rows; of two_questions: how many of the best.",
            show_default=False,
        ),
    ] = None,
    worst: Annotated[bool, typer.Option("--worst", help="Of bias_ranking: the least liked.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a picture of a saved recommender.

    An HTML file holds all that it needs and opens without a network.

    Examples: penchant plot films.penchant --kind item_map -o map.html --theme dark
    """
    from penchant.plots.saving import check_suffix, save
    from penchant.plots.theme import graph_objects, looks
    from penchant.recommender.recommender import load

    chosen = _kind(kind)
    _check_options(chosen, {"--item": item_id, "--user": user_id, "--test": test}, n, worst=worst)
    check_suffix(output)
    check_output(output, file, test, is_model=False)
    looks(theme)
    graph_objects()
    recommender = load(file)
    held_out = None if test is None else _read_test(test, recommender)
    rows = {} if n is None else {"n": n}
    options: dict[str, object] = {"theme": theme, **rows, **({"worst": True} if worst else {})}
    figure = _draw(chosen, recommender, item=item_id, user=user_id, test=held_out, options=options)
    size = save(figure, output).stat().st_size
    if as_json:
        title = figure.layout.meta["title"]
        print_json({"file": output, "kind": chosen, "theme": theme, "title": title, "bytes": size})
    else:
        print_lines(f"saved {output} ({size_in_words(size)})")


def _kind(text: str) -> str:
    chosen = text.replace("-", "_")
    if chosen not in _KINDS:
        raise ParameterError(f"--kind is {text!r}: use one of {', '.join(_KINDS)}")
    return chosen


def _check_options(kind: str, given: dict[str, str | None], n: int | None, *, worst: bool) -> None:
    for flag, value in given.items():
        if value is None and flag in _KINDS[kind]:
            raise ParameterError(f"--kind {kind} needs {' and '.join(_KINDS[kind])}")
        if value is not None and flag not in _KINDS[kind]:
            raise ParameterError(f"--kind {kind} has no use for {flag}: leave it out")
    if n is not None and kind not in _COUNTED:
        raise ParameterError(f"--kind {kind} has no use for -n: leave it out")
    if n is not None:
        check_n(n)
    if worst and kind != "bias_ranking":
        raise ParameterError(f"--kind {kind} has no use for --worst: leave it out")


def _read_test(source: str, recommender: "Recommender") -> "Ratings":
    test = read(source, {})
    users, items = named_alike(test.users, recommender.users), named_alike(test.items, recommender.items)
    return replace(test, users=users, items=items)


def _draw(
    kind: str,
    recommender: "Recommender",
    *,
    item: str | None,
    user: str | None,
    test: "Ratings | None",
    options: dict[str, object],
) -> "go.Figure":
    from penchant import plots

    draw: Callable[..., go.Figure] = getattr(plots, kind)
    if kind == "explanation":
        why = recommender.explain(item_id_of(item or "", recommender), user_id_of(user or "", recommender))
        return draw(why, **options)
    if kind == "two_questions":
        return draw(recommender, user_id_of(user or "", recommender), **options)
    return draw(recommender, **options) if test is None else draw(recommender, test, **options)
