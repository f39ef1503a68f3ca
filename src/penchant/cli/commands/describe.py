"""`penchant items`, `similar`, `explain`, `poles`, `map`: what a recommender says of items and predictions."""

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import CountOption, JsonOption, ModelArgument, check_n
from penchant.cli.output import Table, print_json, print_lines, print_table
from penchant.cli.persons import RatingsOption, UserOption, one_of
from penchant.cli.typed_ids import item_id
from penchant.cli.typed_ids import user_id as user_id_of
from penchant.errors import ParameterError, UnsupportedError
from penchant.text import Setting, counted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.recommender.recommender import Recommender

__all__ = ["explain", "items", "map_items", "poles", "similar"]

_SORTS = {"bias": "bias", "low": "low", "ratings": "n_ratings", "mean": "mean", "taste": "taste"}
_ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="An item's id or exact title.")]
_MinRatings = Annotated[int, typer.Option("--min-ratings", help="Leave out items with fewer ratings in the training.")]


def items(
    file: ModelArgument,
    *,
    n: CountOption = 10,
    by: Annotated[
        str | None,
        typer.Option(
            "--sort",
            help="bias: liked beyond what taste explains; low: the same, on the safe side where ratings are few; "
            "ratings: how many, or choices; mean: of the ratings; taste: how far users part over them.",
            show_default="bias, or ratings where there are no stars",
        ),
    ] = None,
    worst: Annotated[bool, typer.Option("--worst", help="The lowest first.")] = False,
    min_ratings: _MinRatings = 0,
    as_json: JsonOption = False,
) -> None:
    """Rank the items by learned bias, or by what else is known of them.

    The first are liked beyond what taste explains; with --worst the least liked come first. Where only choices were
    learned, the most chosen come first.
    """
    from penchant.recommender.recommender import load

    check_n(n)
    if by is not None and by not in _SORTS:
        raise ParameterError(f"--sort is {by!r}: use {', '.join(_SORTS)}")
    recommender = load(file)
    knows_stars = recommender.model.knows_stars
    by = by or ("bias" if knows_stars else "ratings")
    if by != "ratings" and not knows_stars:
        raise UnsupportedError(
            f"--sort {by} needs stars, and this recommender was learned from choices, without stars: use --sort ratings"
        )
    if by in ("bias", "low"):
        frame = recommender.item_biases(n, worst=worst, min_ratings=min_ratings, by=by)
    else:
        frame = _ranked(recommender, _SORTS[by], n, worst, min_ratings)
    _show(frame, as_json, f"no item has {counted(min_ratings, 'rating')}")


def _ranked(recommender: "Recommender", column: str, n: int, worst: bool, min_ratings: int) -> "pd.DataFrame":
    """The table of items by one of its columns; ties in row order, what is not known last."""
    table = recommender.item_table()
    counted_as = "n_ratings" if recommender.model.knows_stars else "n_choices"
    column = counted_as if column == "n_ratings" else column
    if column not in table or (min_ratings and counted_as not in table):
        noun = "ratings" if recommender.model.knows_stars else "choices"
        raise UnsupportedError(
            f"that ranking needs the training {noun}, and this model was kept without them (",
            Setting("keep_ratings", False),
            ")",
        )
    if min_ratings > 0:
        table = table[table[counted_as] >= min_ratings]
    table = table.sort_values(column, ascending=worst, kind="stable").head(n).reset_index(drop=True)
    kept = [name for name in ("item_id", "title", counted_as, "mean", "bias", "taste") if name in table]
    table = table[kept]
    table.insert(0, "rank", range(1, len(table) + 1))
    return table


def similar(
    file: ModelArgument,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An item's id or exact title; with --users a user's id.")],
    *,
    users: Annotated[bool, typer.Option("--users", help="Users who like the same as a user, instead.")] = False,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="taste: liked by the same people; cosine: the factors as they are; ratings: by those who rated both; "
            "choice: chosen by the same people.",
            show_default="taste, or choice where there are no stars",
        ),
    ] = None,
    n: CountOption = 10,
    as_json: JsonOption = False,
) -> None:
    """Items that are liked by the same people as an item, the most similar first.

    Those with few ratings count less: they are near others by luck.
    """
    from penchant.recommender.recommender import load

    check_n(n)
    recommender = load(file)
    by = by or ("taste" if recommender.model.knows_stars else "choice")
    if users:
        frame = recommender.similar_users(user_id_of(item, recommender), n, by=by)
    else:
        frame = recommender.similar_items(item_id(item, recommender), n, by=by)
    _show(frame, as_json, "there is no other")


def explain(
    file: ModelArgument,
    item: _ItemArgument,
    *,
    user_id: UserOption = None,
    ratings: RatingsOption = None,
    n: Annotated[
        int | None,
        typer.Option("-n", help="Of how many ratings, the strongest, to tell the effect.", show_default="all"),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="The order to explain: both, stars or choice.", show_default="that of recommend"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an item is where it is in somebody's list.

    What the person chose moves the chance to be chosen, and their ratings the predicted rating: exact parts that add
    up.
    """
    from penchant.recommender.recommender import load

    if n is not None and n < 0:
        raise ParameterError(f"-n is {n}: use at least 0")
    recommender = load(file)
    who = one_of(user_id, ratings, recommender)
    arguments: dict[str, object] = who.arguments
    why = recommender.explain(item_id(item, recommender), n=n, by=by, **arguments)  # type: ignore[call-overload]
    if as_json:
        print_json({**who.told, **why.to_dict()})
    else:
        print_lines(*repr(why).splitlines(), "", str(why))


def poles(
    file: ModelArgument,
    *,
    factor: Annotated[
        int | None, typer.Option("--factor", help="Which one, from 0.", show_default="all of them")
    ] = None,
    n: Annotated[int, typer.Option("-n", help="How many items at each end.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Show the items at both ends of each factor: what it is about.

    The factors are turned, which leaves predictions as they are, so that each matters for few items.
    """
    from penchant.recommender.recommender import load

    check_n(n)
    _show(load(file).poles(factor, n), as_json, "there are no items")


def map_items(
    file: ModelArgument,
    *,
    method: Annotated[
        str, typer.Option("--method", help="pca, or umap, which keeps neighbours together (needs umap-learn).")
    ] = "pca",
    min_ratings: _MinRatings = 0,
    as_json: JsonOption = False,
) -> None:
    """Give every item two coordinates: near each other are those that the same people like."""
    from penchant.recommender.recommender import load

    frame = load(file).map(method, min_ratings=min_ratings)
    _show(frame, as_json, f"no item has {counted(min_ratings, 'rating')}")


def _show(frame: "pd.DataFrame", as_json: bool, nothing: str) -> None:
    table = Table.from_frame(frame)
    if as_json:
        print_json(table.records())
    elif table.rows:
        print_table(table)
    else:
        print_lines(nothing)
