"""`penchant recommend`, `penchant ask-next`: top-N lists, and questions for somebody new."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.conditions import WhereOption, WithoutOption, condition
from penchant.cli.options import CountOption, IntervalOption, JsonOption, ModelArgument, check_n
from penchant.cli.output import Table, print_json, print_lines, print_table
from penchant.cli.persons import ChosenOption, RatingsOption, Who, read_person, who_of
from penchant.errors import ParameterError

if TYPE_CHECKING:
    from penchant.recommender.recommender import Recommender

__all__ = ["ask_next", "recommend"]

_Diversity = Annotated[
    float, typer.Option("--diversity", help="From 0, the best, to 1, as unlike each other as can be.")
]
_HOW = {"mean": "mean", "least-misery": "least_misery"}


def recommend(
    file: ModelArgument,
    *,
    user_id: Annotated[
        list[str] | None, typer.Option("--user", help="A user's id; several make a group.", show_default=False)
    ] = None,
    ratings: Annotated[
        list[str] | None,
        typer.Option(
            "--ratings",
            metavar="FILE",
            help="Somebody new, by a table of titles (or ids) and ratings, or an export of Letterboxd, IMDb or "
            "Goodreads; may be given several times.",
            show_default=False,
        ),
    ] = None,
    chosen: ChosenOption = None,
    how: Annotated[
        str, typer.Option("--how", help="What counts for a group: the mean, or (least-misery) the lowest score.")
    ] = "mean",
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="both: what they would choose and like; stars: what they would like if they had to take it; choice: "
            "what they would choose.",
            show_default="both, or the one that was learned",
        ),
    ] = None,
    n: CountOption = 10,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also recommend what the user has rated already.")
    ] = False,
    where: WhereOption = None,
    without: WithoutOption = None,
    min_ratings: Annotated[
        int, typer.Option("--min-ratings", help="Leave out items with fewer ratings, or choices, in the training.")
    ] = 0,
    popularity: Annotated[
        float,
        typer.Option("--popularity", help="From -1, niche, through 0, as learned, to 1, mainstream; not by stars."),
    ] = 0.0,
    diversity: _Diversity = 0.0,
    interval: IntervalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recommend items to a user, to somebody new, or to a group: first what they are likely to choose and to like.

    The column score is the chance that the list is ordered by, predicted the rating that would be given.

    Examples: penchant recommend films.penchant --ratings letterboxd/ratings.csv --where genres=Comedy; penchant
    recommend films.penchant --chosen 'Titanic (1997)' --popularity -0.5; penchant recommend films.penchant --user 7
    --user 12 --how least-misery
    """
    from penchant.recommender.recommender import load

    check_n(n)
    if how not in _HOW:
        raise ParameterError(f"--how is {how!r}: use mean or least-misery")
    recommender = load(file)
    options: dict[str, Any] = {"by": by, "popularity": popularity, "diversity": diversity, "interval": interval}
    options |= {"exclude_seen": not include_seen, "min_ratings": min_ratings}
    options |= {"where": condition(where, without, recommender.item_attributes)}
    people = who_of(user_id, ratings, recommender, chosen)
    table = _recommended(recommender, people, n, _HOW[how], options)
    _print(people, table, how, as_json, bool(where or without or min_ratings))


def _recommended(recommender: "Recommender", people: list[Who], n: int, how: str, options: dict[str, Any]) -> Table:
    if len(people) == 1:
        arguments: dict[str, Any] = people[0].arguments
    else:
        arguments = {"users": [one.member for one in people], "how": how}
    return Table.from_frame(recommender.recommend(n=n, **arguments, **options))


def _print(people: list[Who], table: Table, how: str, as_json: bool, has_conditions: bool) -> None:
    if as_json:
        told = people[0].told if len(people) == 1 else {"people": [one.told for one in people], "how": how}
        print_json({**told, "items": table.records()})
    elif table.rows:
        print_table(table)
    elif has_conditions:
        print_lines("nothing is left that meets these conditions: leave one out, or try --include-seen")
    else:
        print_lines(f"{' and '.join(map(str, people))} has rated or chosen every item: --include-seen ranks those too")


def ask_next(
    file: ModelArgument,
    *,
    ratings: RatingsOption = None,
    n: CountOption = 10,
    where: WhereOption = None,
    without: WithoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which items to ask somebody new to rate, so that the answers tell most.

    Without --ratings it is somebody of whom nothing is known.
    """
    from penchant.recommender.recommender import load

    check_n(n)
    recommender = load(file)
    matched = None if ratings is None else read_person(ratings, recommender)
    table = Table.from_frame(
        recommender.ask_next(
            None if matched is None else matched.ratings,
            n,
            where=condition(where, without, recommender.item_attributes),
        )
    )
    if as_json:
        print_json(table.records())
    elif table.rows:
        print_table(table)
    else:
        print_lines("nothing is left to ask about")
