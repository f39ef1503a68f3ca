"""`penchant predict`, `penchant info`: predicted ratings, and what a saved recommender is."""

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from penchant.cli.options import IntervalOption, JsonOption, ModelArgument
from penchant.cli.output import Json, Table, jsonable, print_json, print_lines, print_table, size_in_words
from penchant.cli.pair_files import read_pairs
from penchant.cli.persons import UserOption, one_of
from penchant.cli.typed_ids import item_id
from penchant.errors import ParameterError
from penchant.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.arrays.types import ObjectArray
    from penchant.recommender.recommender import Recommender

__all__ = ["info", "predict"]


def predict(
    file: ModelArgument,
    *,
    user_id: UserOption = None,
    item: Annotated[
        list[str] | None,
        typer.Option("--item", help="An item's id or exact title; may be given several times.", show_default=False),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs", metavar="FILE", help="A table with a user and an item column instead.", show_default=False
        ),
    ] = None,
    interval: IntervalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the rating that a user would give to items.

    Examples: penchant predict films.penchant --user 196 --item 242 --item 'Titanic (1997)' --interval 0.9
    """
    from penchant.recommender.recommender import load

    if pairs is None and (user_id is None or not item):
        raise ParameterError("say for whom and what: --user ID --item ID, or --pairs FILE")
    if pairs is not None and (user_id is not None or item):
        raise ParameterError("--pairs names users and items itself: leave out --user and --item")
    recommender = load(file)
    if pairs is None:
        asked = [item_id(text, recommender) for text in item or ()]
        users = [one_of(user_id, None, recommender).user_id] * len(asked)
    else:
        users, asked = read_pairs(pairs, recommender)
    table = _predictions(recommender, users, asked, interval)
    if as_json:
        print_json(table.records())
    else:
        print_table(table)


def _predictions(
    recommender: "Recommender", users: list[Hashable], asked: list[Hashable], interval: float | None
) -> Table:
    """One row a pair: user_id, item_id, title (where items have titles), predicted; low and high of the interval."""
    import numpy as np

    from penchant.data.lookup import ItemNames

    titles = cast("ObjectArray | None", recommender.item_attributes.get("title"))
    rows = ItemNames(recommender.items, titles).rows(asked)
    item_ids = recommender.items.ids[rows].tolist()
    columns: dict[str, list[object]] = {"user_id": list(users), "item_id": item_ids}
    if titles is not None:
        columns["title"] = titles[rows].tolist()
    if interval is None:
        columns["predicted"] = np.asarray(recommender.predict(item_ids, users)).tolist()
    else:
        bounds = cast("pd.DataFrame", recommender.predict(item_ids, users, interval=interval))
        columns |= {str(name): column.tolist() for name, column in bounds.items()}
    return Table(list(columns), list(zip(*columns.values(), strict=True)))


def info(file: ModelArgument, *, as_json: JsonOption = False) -> None:
    """Say what a saved recommender is and how it was trained."""
    from penchant.recommender.recommender import load

    told: dict[str, object] = {"file": file, **load(file).info(), "bytes": Path(file).stat().st_size}
    if as_json:
        print_json(told)
        return
    rows = _info_rows(told)
    width = max(map(len, rows))
    print_lines(*(f"{name:<{width}}  {_info_value(name, jsonable(value))}" for name, value in rows.items()))


def _info_rows(told: dict[str, object]) -> dict[str, object]:
    """What is told, a line each: what was learned of choices takes several."""
    rows: dict[str, object] = {}
    for name, value in told.items():
        if name != "choices" or not isinstance(value, dict):
            rows[name] = value
            continue
        rows[name] = {key: part for key, part in value.items() if not isinstance(part, dict)}
        rows |= {f"{name} {key}": part for key, part in value.items() if isinstance(part, dict)}
    return rows


def _info_value(name: str, value: Json) -> str:
    if name == "history" and isinstance(value, list):
        return _epochs(value)
    if name == "latest" and isinstance(value, list):
        return counted(len(value), "record")
    if name == "bytes" and isinstance(value, int):
        return size_in_words(value)
    if isinstance(value, dict):
        told = ", ".join(f"{key}={_info_value(key, part)}" for key, part in value.items())
        return f"({told})" if name == "updates" else told
    if isinstance(value, list):
        return " to ".join(f"{end:g}" for end in value) if name == "rating_scale" else ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _epochs(history: list[Json]) -> str:
    """How many epochs, and the losses of the last."""
    last = history[-1] if history and isinstance(history[-1], dict) else {}
    losses = [f"{name} {loss:.4f}" for name, loss in last.items() if "loss" in name and isinstance(loss, float)]
    return ", ".join([counted(len(history), "epoch"), *losses])
