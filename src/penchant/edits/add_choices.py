"""Incremental update without stars: new choices in a recommender that was learned from choices alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from penchant._version import __version__
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array
from penchant.data.lookup import ItemNames
from penchant.edits.choice_changes import grown_choices
from penchant.edits.new_ids import JoinedSide, grown_attributes, left_out, with_update
from penchant.models.answers import Triples
from penchant.storage import Snapshot
from penchant.storage.strict_json import JSON

if TYPE_CHECKING:
    from penchant.data.choices import Choices

__all__ = ["updated_choices"]


def updated_choices(snapshot: Snapshot, new: Choices, names: ItemNames) -> Snapshot:
    """A snapshot with more choices: see `Recommender.update`.

    Args:
        snapshot: what there is, without stars; it stays as it is, and comes back itself where nothing is new.
        new: the choices that came.
        names: of the items.
    """
    known = snapshot.kept_table("update")
    users = JoinedSide.joined(snapshot.users, new.users, new.user_idx, None)
    items = JoinedSide.joined(snapshot.items, new.items, new.item_idx, names)
    seen = known.with_users(len(users.vocab))
    came, is_new_pair = _came(seen, users.rows[new.user_idx], items.rows[new.item_idx], new.weight)
    if len(came.rating) == 0:
        return snapshot
    grown = replace(
        snapshot,
        model=snapshot.model.with_rows(len(users.vocab), len(items.vocab)),
        users=users.vocab,
        items=items.vocab,
        user_attributes=grown_attributes(snapshot.user_attributes, new.user_attributes, users),
        item_attributes=grown_attributes(snapshot.item_attributes, new.item_attributes, items),
        seen=seen.with_ratings(*came),
    )
    counts = {
        "n_choices": int(is_new_pair.sum()),
        "n_changed": int((~is_new_pair).sum()),
        "n_users": len(users.fresh),
        "n_items": len(items.fresh),
    }
    record: dict[str, JSON] = {
        "touched_users": len(np.unique(came.user_idx)) / len(users.vocab),
        "touched_items": len(np.unique(came.item_idx)) / len(items.vocab),
        "left_out": left_out(snapshot, (new.user_attributes, new.item_attributes), (users, items)),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "penchant": __version__,
    }
    training = with_update(snapshot, counts, record)
    return replace(grown, choices=grown_choices(grown, came.user_idx), training=training)


def _came(
    seen: SeenRatings, user_idx: Int32Array, item_idx: Int32Array, weight: Float32Array
) -> tuple[Triples, BoolArray]:
    """What is new, each pair once with the weight that it has then, and which pairs were not there before.

    Weights of a pair add up, as when a table is read. Where all choices weigh the same they say "chosen" and no more,
    so a pair that is known already changes nothing.
    """
    n_items = max(int(item_idx.max(initial=-1)), int(seen.item_idx.max(initial=-1))) + 1
    pairs, which = np.unique(user_idx.astype(np.int64) * n_items + item_idx, return_inverse=True)
    came: Float64Array = np.bincount(which, weight, minlength=len(pairs)).astype(np.float64)
    users, items = (pairs // max(n_items, 1)).astype(np.int32), (pairs % max(n_items, 1)).astype(np.int32)
    at = seen.find(users, items)
    is_known = at >= 0
    if len(seen) and seen.rating.min() < seen.rating.max():
        came[is_known] += seen.rating[at[is_known]]
        is_news = np.ones(len(pairs), np.bool_)
    else:
        is_news = ~is_known
    return Triples(users[is_news], items[is_news], came[is_news].astype(np.float32)), ~is_known[is_news]
