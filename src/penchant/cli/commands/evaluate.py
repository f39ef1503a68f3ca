"""`penchant evaluate`: a recommender judged on what was held out, and the scorecard as the shell shows it."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import JsonOption, ModelArgument
from penchant.cli.output import Table, note, print_json, print_lines, print_table
from penchant.cli.typed_ids import match_ids
from penchant.cli.typed_ratings import RatingsArgument, read_for
from penchant.text import counted

if TYPE_CHECKING:
    from penchant.data.vocab import Vocab
    from penchant.evaluation.scorecard import Scorecard

__all__ = ["about", "error_table", "evaluate", "full_table", "named_alike"]

_ERRORS = ("rmse", "mae", "mse")


def evaluate(
    file: ModelArgument,
    ratings: RatingsArgument,
    *,
    k: Annotated[int, typer.Option("-k", help="Items in a recommended list.")] = 10,
    relevant: Annotated[
        float | None,
        typer.Option(
            "--relevant",
            help="Lowest rating of an item that a list should hold.",
            show_default="three quarters up the scale: 4 of 1 to 5",
        ),
    ] = None,
    as_json: JsonOption = False,
    reading: Mapping[str, object],
) -> None:
    """Measure a saved recommender on other ratings, beside simple baselines; one that was learned from choices, on
    other choices.

    Where stars and choices were learned, the lists of "model" are ordered by both, and those of "stars" and "choice" by
    one of them.

    On ratings that were in the training it tells what was remembered: a warning says how many there are.
    """
    from penchant.recommender.recommender import load

    recommender = load(file)
    test = read_for(recommender, ratings, reading)
    users, items = named_alike(test.users, recommender.users), named_alike(test.items, recommender.items)
    card = recommender.evaluate(replace(test, users=users, items=items), k=k, relevant=relevant)
    note(*(f"warning: {told}" for told in card.notes))
    if as_json:
        print_json({"file": file, "ratings": ratings, **card.to_dict()})
    else:
        print_table(full_table(card))
        print_lines(*about(card))


def named_alike(vocab: "Vocab", known: "Vocab") -> "Vocab":
    """The ids as those of `known` where only the type differs: a file of text can't tell 7 from "7"."""
    if vocab.is_integer and known.is_integer:
        return vocab
    ids = match_ids(list(vocab), known)
    return type(vocab)(ids, kind=vocab.kind) if len(set(ids)) == len(ids) else vocab


def error_table(card: "Scorecard") -> Table:
    """One row a model: the errors and the quality of its lists."""
    from penchant.evaluation.test_lists import RECALL_AT

    columns = [*(_ERRORS if _knows_stars(card) else ()), f"ndcg@{card.k}", f"recall@{RECALL_AT}"]
    rows = [(name, *(scores[column] for column in columns)) for name, scores in card.rows().items()]
    return Table(("", *columns), rows, decimals=4)


def full_table(card: "Scorecard") -> Table:
    """One row a metric, one column a model: it fits a terminal of 80 columns."""
    rows = card.rows()
    if card.orders:  # the baseline that says least makes room for the other orders
        rows.pop("global mean", None)
    metrics = [
        (metric, *(scores[metric] for scores in rows.values()))
        for metric in rows["model"]
        if _knows_stars(card) or metric not in _ERRORS
    ]
    return Table(("", *rows), metrics, decimals=4)


def about(card: "Scorecard") -> list[str]:
    """What the numbers are about, in words."""
    noun = "rating" if _knows_stars(card) else "choice"
    least = f" with a rating of at least {card.relevant:g}" if _knows_stars(card) else ""
    lines = [
        f"{counted(card.n_ratings, noun)} of {counted(card.n_users, 'user')}",
        f"lists of {card.k} for {counted(card.n_ranked_users, 'user')}{least}",
    ]
    if card.n_cold_users or card.n_cold_items:
        lines.append(
            f"without training {noun}s, predicted as anybody's: {counted(card.n_cold_users or 0, 'user')} and "
            f"{counted(card.n_cold_items or 0, 'item')}"
        )
    return lines


def _knows_stars(card: "Scorecard") -> bool:
    """Whether it has errors: there are none without stars."""
    return not math.isnan(card.rmse)
