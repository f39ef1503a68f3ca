"""`penchant update`, `penchant forget`: a saved recommender with more ratings, or with one person less."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.commands.train import check_output
from penchant.cli.options import JsonOption, ModelArgument
from penchant.cli.output import as_text, note, print_json, print_lines, size_in_words
from penchant.cli.typed_ids import alike_ids, user_id
from penchant.cli.typed_ratings import RatingsArgument, read_for
from penchant.text import counted

if TYPE_CHECKING:
    from penchant.data.choices import Choices
    from penchant.data.ratings import Ratings
    from penchant.recommender.recommender import Recommender

__all__ = ["forget", "update"]

_Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where to save; in place of FILE where not given.", show_default=False
    ),
]
_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("n_changed", "n_users", "n_items"), 0),
    **dict.fromkeys(("touched_users", "touched_items"), 0.0),
    **dict.fromkeys(("moved_users", "moved_items")),
}


def update(
    file: ModelArgument,
    ratings: RatingsArgument,
    *,
    output: _Output = None,
    as_json: JsonOption = False,
    reading: Mapping[str, object],
) -> None:
    """Take new ratings into a saved recommender, without training; new choices into one that was learned from these.

    Adds the users and items that are new, and brings up to date those that have new ratings. Of a pair that was rated
    before, the new rating counts. The file is written whole or not at all.
    """
    from penchant.recommender.recommender import load

    target = output or file
    check_output(target, ratings, reading.get("items"), reading.get("users"))
    recommender = load(file)
    needs_scale = recommender.model.knows_stars and not _is_dataset(ratings)
    scale = {"rating_scale": recommender.rating_scale} if needs_scale else {}
    new = _alike(read_for(recommender, ratings, scale | dict(reading)), recommender)
    after = recommender.update(new)
    if after is not recommender or output is not None:
        after.save(target)
    counted_as = "n_ratings" if recommender.model.knows_stars else "n_choices"
    told = {counted_as: 0, **_NOTHING} if after is recommender else {**_NOTHING, **_latest(after)}
    if as_json:
        kept = {name: told[name] for name in (counted_as, *_NOTHING)}
        print_json({"file": target, "report": new.report.to_dict(), **kept})
        return
    if after is recommender:
        print_lines(f"nothing new: {target} is as {file} was" if output else f"nothing new: {file} stays as it is")
        return
    print_lines(f"saved {target} ({_size(target)}): {_news(told, counted_as)}", *_moves(told))


def _is_dataset(source: str) -> bool:
    """Whether it is read by rule: then its own scale is the right one, and update compares."""
    from penchant.datasets import list_datasets

    return source in [dataset.name for dataset in list_datasets()] and not Path(source).is_file()


def _alike(new: "Ratings | Choices", recommender: "Recommender") -> "Ratings | Choices":
    """The table with ids of the types of the recommender's: a file of text can't say of what type an id is."""
    from penchant.data.vocab import Vocab

    users, items = (
        Vocab(alike_ids([*theirs], known), kind=known.kind)
        for theirs, known in ((new.users, recommender.users), (new.items, recommender.items))
    )
    return replace(new, users=users, items=items)


def _latest(recommender: "Recommender") -> dict[str, Any]:
    training: Any = recommender.info()["training"]
    latest: dict[str, Any] = training["updates"]["latest"][-1]
    return latest


def _news(told: Mapping[str, Any], counted_as: str) -> str:
    noun = {"n_ratings": "rating", "n_choices": "choice"}[counted_as]
    counts = [counted(told[counted_as], f"new {noun}"), counted(told["n_users"], "new user")]
    changed = f", {counted(told['n_changed'], noun)} changed" if told["n_changed"] else ""
    return f"{', '.join(counts)}, {counted(told['n_items'], 'new item')}{changed}"


def _moves(told: Mapping[str, Any]) -> list[str]:
    lines = []
    for side in ("users", "items"):
        moved = told[f"moved_{side}"]
        if moved is None and not told[f"touched_{side}"]:
            continue
        apart = "" if moved is None else f"; predictions of those known before moved by {moved:.3f} on average"
        lines.append(f"{told[f'touched_{side}']:.1%} of the {side} brought up to date{apart}")
    return lines


def forget(
    file: ModelArgument,
    user: Annotated[str, typer.Argument(metavar="USER", help="The id of the user to forget.")],
    *,
    output: _Output = None,
    refresh_items: Annotated[
        bool | None,
        typer.Option(
            "--refresh-items/--keep-items",
            help="Whether what their ratings taught is taken out of the items, too; by default where the model can.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a person out of a saved recommender: row, ratings, attributes and id.

    What it predicts for everybody else moves by as little as one person taught it. The file is written whole or not at
    all.
    """
    from penchant.recommender.recommender import load

    target = output or file
    check_output(target)
    recommender = load(file)
    who = user_id(user, recommender)
    after = recommender.forget(who, refresh_items=refresh_items)
    after.save(target)
    if Path(target).resolve() != Path(file).resolve():
        note(f"note: {file} still holds user {as_text(who)}")
    if as_json:
        print_json({"file": target, "user_id": who, "n_users": after.n_users})
    else:
        print_lines(
            f"saved {target} ({_size(target)}): user {as_text(who)} is forgotten, {counted(after.n_users, 'user')} left"
        )


def _size(path: str) -> str:
    return size_in_words(Path(path).stat().st_size)
