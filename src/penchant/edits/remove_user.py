"""Unlearning: a user taken out of a trained recommender, with row, ratings, attributes and id."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Int64Array
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.data.vocab import Vocab
from penchant.edits.choice_changes import choices_forgotten
from penchant.edits.count_again import counted_again
from penchant.errors import UnsupportedError
from penchant.models.answers import Change, Triples
from penchant.models.model import Model
from penchant.storage import Snapshot
from penchant.text import Argument

__all__ = ["without_person"]


def without_person(snapshot: Snapshot, user_id: Hashable, *, refresh_items: bool | None) -> Snapshot:
    """A snapshot without one user: see `Recommender.forget`.

    Nothing in it refers to arrays or objects of the user's: all that had a place for the user are made anew. So are all
    numbers that the user's ratings were summed up in: see `Model.recounted` and `counted_again`.

    Args:
        snapshot: what there is; it stays as it is.
        user_id: who.
        refresh_items: take what the user's ratings taught out of the rows of the items; None where the model can.
    """
    row = snapshot.users.index(user_id)
    refreshes = _can_unlearn(snapshot) if refresh_items is None else refresh_items
    # Without stars there is no row of ratings to take anything out of.
    model = _unlearned(snapshot, row) if refreshes and snapshot.model.knows_stars else snapshot.model
    attributes = _without_row(snapshot.user_attributes, row)
    model, encoder = _pruned(model.without_user(row), snapshot.user_features, attributes)
    seen = None if snapshot.seen is None else snapshot.seen.with_users(len(snapshot.users)).without_user(row)
    after = replace(
        snapshot,
        model=model,
        users=Vocab([*snapshot.users][:row] + [*snapshot.users][row + 1 :], kind=snapshot.users.kind),
        user_attributes=attributes,
        user_features=encoder,
        seen=seen,
        choices=choices_forgotten(snapshot, row, refresh_items=refresh_items is True),
    )
    return counted_again(after, snapshot.seen, anew=refreshes)


def _can_unlearn(snapshot: Snapshot) -> bool:
    if snapshot.seen is None:
        return False
    if not snapshot.model.knows_stars:
        return True
    try:
        snapshot.model.require_unlearnable()
    except UnsupportedError:
        return False
    return True


def _without_row(table: Attributes, row: int) -> Attributes:
    return Attributes({name: np.delete(table[name], row) for name in table}, n_rows=table.n_rows - 1)


def _pruned(
    model: Model, encoder: FeatureEncoder | None, attributes: Attributes
) -> tuple[Model, FeatureEncoder | None]:
    """The model and its encoder without features that only the user had: their names would tell of the user."""
    if encoder is None:
        return model, encoder
    columns: list[FeatureColumn] = []
    kept: list[int] = []
    start = 0
    for column in encoder.columns:
        stays = _features_left(column, attributes)
        if len(stays):
            kept += (start + stays).tolist()
            levels = tuple(column.levels[int(at)] for at in stays) if column.levels else ()
            columns.append(replace(column, levels=levels))
        start += column.n_features
    if len(kept) == encoder.n_features:
        return model, encoder
    return model.with_user_features(kept), FeatureEncoder(columns) if columns else None


def _features_left(column: FeatureColumn, attributes: Attributes) -> Int64Array:
    """The features of a column, within it, that somebody has."""
    if not column.levels:
        return np.arange(column.n_features)
    values = attributes[column.name].tolist()
    held = {tag for value in values for tag in (value if isinstance(value, tuple) else (value,))}
    return np.flatnonzero([level in held for level in column.levels])


def _unlearned(snapshot: Snapshot, row: int) -> Model:
    """The model with the rows of the items that the user rated as they are without these ratings."""
    snapshot.model.require_unlearnable()
    seen, encoder = snapshot.kept_table(Argument("refresh_items")), snapshot.item_features
    features = None if encoder is None else encoder.rows(snapshot.item_attributes)
    return snapshot.model.unlearned("item", _change(seen, row), features)


def _change(seen: SeenRatings, row: int) -> Change:
    """All of a user's ratings go."""
    everything = Triples(seen.user_idx(), seen.item_idx, seen.rating)
    theirs = everything.user_idx == row
    return Change(everything.take(~theirs), everything.take(np.zeros_like(theirs)), everything.take(theirs))
