"""Cold start: one more user or item in a trained recommender, its row by fold-in."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.choice_weights import transformed, usual_weight
from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import is_missing, is_real, is_whole
from penchant.data.attributes import Attributes
from penchant.data.given import as_dict, chosen_rows, rated_rows
from penchant.data.lookup import ItemNames
from penchant.data.vocab import Vocab
from penchant.edits.choice_changes import choices_with_row
from penchant.errors import DataError, ParameterError, UnsupportedError
from penchant.models.answers import Side
from penchant.models.model import Model
from penchant.models.no_stars import refuse_ratings
from penchant.storage import Snapshot
from penchant.storage.id_json import ids_to_json
from penchant.text import Argument, Setting

__all__ = ["other_form", "with_row"]

_ONE = {"user": "a user", "item": "an item"}


def with_row(
    snapshot: Snapshot,
    side: Side,
    new_id: Hashable,
    attributes: Mapping[str, object] | None,
    ratings: Mapping[Hashable, float] | None,
    names: ItemNames,
    chosen: object = None,
) -> Snapshot:
    """A snapshot with one more row: see `Recommender.add_item`.

    Args:
        snapshot: what there is; it stays as it is.
        side: "user" or "item".
        new_id: the id of the new row.
        attributes: what is known of it; None for nothing.
        ratings: its ratings by the id (or title) of the other side's row; None for none.
        names: of the items.
        chosen: where only choices were learned: ids of the other side's rows, or weights by id (default None).
    """
    is_item = side == "item"
    known = as_dict(attributes, "features")
    others, values = _other_rows(snapshot, side, ratings, chosen, names)
    vocab = _grown_vocab(snapshot.items if is_item else snapshot.users, new_id, side)
    if is_item:
        _check_names(snapshot, vocab[-1], known.get("title"))
    table = _grown_attributes(snapshot.item_attributes if is_item else snapshot.user_attributes, known, side)
    encoder = snapshot.item_features if is_item else snapshot.user_features
    features = None if encoder is None else encoder.row(known)
    seen = None if snapshot.seen is None else _grown_seen(snapshot.seen, snapshot, side, others, values)
    weight = None if snapshot.model.knows_stars else _weight_of(seen, side, others, values, len(vocab) - 1)
    grown = replace(
        snapshot,
        model=_grown_model(snapshot.model, side, others, values, features),
        baselines=_grown_baselines(snapshot.baselines, side),
        seen=seen,
        choices=choices_with_row(snapshot, side, others, weight, features),
    )
    if is_item:
        return replace(grown, items=vocab, item_attributes=table)
    return replace(grown, users=vocab, user_attributes=table)


def _other_rows(
    snapshot: Snapshot, side: Side, ratings: Mapping[Hashable, float] | None, chosen: object, names: ItemNames
) -> tuple[Int32Array, Float32Array]:
    """Rows of the other side, and the ratings or, where no stars were learned, the weights of the choices."""
    look_up = snapshot.users.indices if side == "item" else names.rows
    name = "chosen_by" if side == "item" else "chosen"
    if snapshot.model.knows_stars:
        snapshot.model.require_extendable(side)
        if chosen is not None:
            told = " are choices without stars, and this recommender keeps a table of ratings: use "
            raise UnsupportedError(Argument(name), told, Setting("ratings", text=""))
        return rated_rows(snapshot.rating_scale, as_dict(ratings, "ratings"), look_up)
    if as_dict(ratings, "ratings"):
        refuse_ratings(Setting(name, text=""))
    usual = 1.0 if snapshot.seen is None else usual_weight(snapshot.seen.rating)
    return chosen_rows(chosen, name, usual, look_up)


def _weight_of(
    seen: SeenRatings | None, side: Side, others: Int32Array, values: Float32Array, row: int
) -> Float32Array | None:
    """What the model of choices makes of the weights of a new row's choices, among all others where these were kept."""
    if seen is None:
        return transformed(values)
    weight, own = transformed(seen.rating), np.full(len(others), row, np.int32)
    users, items = (others, own) if side == "item" else (own, others)
    return None if weight is None else weight[seen.find(users, items)]


def _grown_model(
    model: Model, side: Side, others: Int32Array, values: Float32Array, features: FeatureRow | None
) -> Model:
    if model.knows_stars:
        return model.with_new_row(side, others, values, features)
    return model.with_rows(model.n_users + (side == "user"), model.n_items + (side == "item"))


def _grown_baselines(baselines: Mapping[str, Model], side: Side) -> dict[str, Model]:
    n_users, n_items = int(side == "user"), int(side == "item")
    return {name: base.with_rows(base.n_users + n_users, base.n_items + n_items) for name, base in baselines.items()}


def _grown_vocab(vocab: Vocab, new_id: Hashable, side: Side) -> Vocab:
    try:
        hash(new_id)
    except TypeError as error:
        raise ParameterError(f"{_ONE[side]} id must be hashable, and {new_id!r} is not") from error
    if is_missing(new_id):
        raise ParameterError(f"{side} {new_id!r} is no id; use another id")
    own_id = new_id.item() if isinstance(new_id, np.generic) else new_id
    try:
        ids_to_json([own_id], side)
    except UnsupportedError as error:
        raise ParameterError(str(error).replace(" (row 0)", "")) from error
    if own_id in vocab:
        raise ParameterError(f"{side} {own_id!r} is known already: its row is learned; use another id")
    twin = other_form(own_id)
    if twin is not None and twin in vocab:
        raise ParameterError(
            f"{side} {own_id!r} ({type(own_id).__name__}) is too like {twin!r} ({type(twin).__name__}), which is known "
            "already; use another id"
        )
    try:
        return Vocab([*vocab, own_id], kind=side)
    except DataError as error:  # equal in Python, and of another type: 1 and 1.0
        raise ParameterError(f"{side} {own_id!r} is equal to an id that is known already; use another id") from error


def other_form(own_id: Hashable) -> Hashable | None:
    """The int in a text, or the text of an int: ids of another type are other ids, and are seldom meant to be."""
    if isinstance(own_id, str):
        digits = re.fullmatch(r"\s*([+-]?[0-9]{1,18})\s*", own_id)
        return int(digits[1]) if digits else None
    return str(own_id) if type(own_id) is int else None


def _check_names(snapshot: Snapshot, new_id: Hashable, title: object) -> None:
    """Refuse an item that would take away the name of another: items go by their id or by their title."""
    column = snapshot.item_attributes.titles
    titles = [] if column is None else column.tolist()
    if isinstance(new_id, str) and new_id in titles:
        other = snapshot.items[titles.index(new_id)]
        raise ParameterError(f"item {new_id!r} is the title of item {other!r}, which goes by it; use another id")
    if isinstance(title, str) and title in titles:
        other = snapshot.items[titles.index(title)]
        raise ParameterError(f"title is {title!r}, which item {other!r} has already: use another, such as with a year")


def _grown_attributes(table: Attributes, values: Mapping[str, object], side: Side) -> Attributes:
    for name in values:
        if name not in table:
            known = ", ".join(table) or "none"
            raise ParameterError(
                f"no {side} attribute {name!r} in the ratings that it was trained on; there are {known}"
            )
    columns = {name: _appended(name, table[name], values.get(name)) for name in table}
    return Attributes(columns, n_rows=table.n_rows + 1)


def _appended(name: str, column: NDArray[np.generic], value: object) -> NDArray[np.generic]:
    known = None if is_missing(value) else value
    if column.dtype != np.object_:
        return np.append(column, _number(name, known))
    grown = np.empty(len(column) + 1, dtype=np.object_)
    grown[:-1] = column
    if any(isinstance(each, tuple) for each in column.tolist()):
        if known is not None and not isinstance(known, list | tuple):
            raise ParameterError(f"{name} is {known!r}: use a tuple of texts")
        grown[-1] = tuple(str(each) if isinstance(each, str) else each for each in known or ())
    elif known is None or isinstance(known, str):
        grown[-1] = None if known is None else str(known)
    else:
        raise ParameterError(f"{name} is {known!r}: use a text")
    return grown


def _number(name: str, value: object) -> NDArray[np.generic]:
    """A number as an array of one, int64 where it is whole; NaN where it is not known."""
    if value is None:
        return np.array([np.nan])
    if isinstance(value, bool | np.bool_):
        return np.array([int(value)])
    if not is_real(value):
        raise ParameterError(f"{name} is {value!r}: use a number")
    if is_whole(value) and -(2**63) <= value < 2**63:  # type: ignore[operator]
        return np.array([int(value)])  # type: ignore[call-overload]
    try:
        return np.array([float(value)])  # type: ignore[arg-type]
    except OverflowError as error:  # an integer that no float holds; Python may refuse to print it
        raise DataError(f"{name} is too large a number: use one below 1e308") from error


def _grown_seen(
    seen: SeenRatings, snapshot: Snapshot, side: Side, others: Int32Array, values: Float32Array
) -> SeenRatings:
    n_users, n_items = len(snapshot.users), len(snapshot.items)
    new = np.full(len(others), n_items if side == "item" else n_users, dtype=np.int32)
    users, items = (others, new) if side == "item" else (new, others)
    known = np.repeat(np.arange(seen.n_users, dtype=np.int32), seen.user_counts())
    return SeenRatings.from_pairs(
        np.concatenate([known, users]),
        np.concatenate([seen.item_idx, items]),
        np.concatenate([seen.rating, values]),
        n_users + (side == "user"),
    )
