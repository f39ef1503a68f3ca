"""Sums over users, made anew after one of them went: baselines, means, counts, popularity, the table of epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureEncoder
from penchant.models.answers import Remainder
from penchant.models.model import Model
from penchant.solvers.baselines import baselines
from penchant.solvers.solver import TrainingData
from penchant.storage import Snapshot
from penchant.storage.strict_json import JSON

__all__ = ["counted_again"]

_DIGITS = 3  # of a loss in the table of epochs: it is a sum over all ratings, and what one of them adds is less


def counted_again(after: Snapshot, before: SeenRatings | None, *, anew: bool) -> Snapshot:
    """A snapshot whose sums are those of the ratings that are left.

    From a mean of n ratings and n - 1 of them follows the last one. So nothing that a rating was summed up in may stay
    as it was: what can be worked out of the ratings that are left is, and what can't is rounded, or left out.

    Args:
        after: without the user, but for such sums.
        before: the ratings with the user's; None where they were not kept.
        anew: also solve the rows of a model again whose rows are solutions of equations: see `Model.recounted`.
    """
    left = None if after.seen is None or before is None else _left(after, after.seen, before)
    return replace(
        after,
        model=after.model.recounted(left, anew=anew),
        baselines={} if after.seen is None else _baselines(after, after.seen),
        history=[_rounded(record) for record in after.history],
        training=_told(after),
    )


def _left(after: Snapshot, seen: SeenRatings, before: SeenRatings) -> Remainder:
    n_items = len(after.items)
    was, now = before.item_counts(n_items), seen.item_counts(n_items)
    spreads = [float(each.rating.std(dtype=np.float64)) if len(each) else 0.0 for each in (before, seen)]
    return Remainder(
        seen,
        np.flatnonzero((was > 0) & (now == 0)),
        (spreads[1] or 1.0) / (spreads[0] or 1.0),
        after.rating_scale,
        _features(after.user_features, after.user_attributes),
        _features(after.item_features, after.item_attributes),
    )


def _features(encoder: FeatureEncoder | None, attributes: Attributes) -> FeatureRows | None:
    return None if encoder is None else encoder.rows(attributes)


def _baselines(after: Snapshot, seen: SeenRatings) -> dict[str, Model]:
    """The same baselines, learned from the ratings that are left; none where there are no ratings, or no stars."""
    if len(seen) == 0 or not after.baselines:
        return {}
    data = TrainingData(
        seen.user_idx(), seen.item_idx, seen.rating, len(after.users), len(after.items), after.rating_scale
    )
    return {name: base for name, base in baselines(data).items() if name in after.baselines}


def _rounded(record: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        name: float(f"{value:.{_DIGITS}g}") if name.endswith("_loss") and isinstance(value, float) else value
        for name, value in record.items()
    }


def _told(after: Snapshot) -> dict[str, JSON]:
    """The summary of the training, and how many it has forgotten since; nothing of whom.

    Counts of ratings, or choices, are those that are left, or left out where they are not known. Of updates only the
    number stays: what came with one may have been the user's.
    """
    counts = ("n_ratings", "n_choices")
    told = {name: value for name, value in after.training.items() if name not in (*counts, "updates")}
    if after.seen is not None:
        told |= {name: len(after.seen) for name in counts if name in after.training}
    updates = after.training.get("updates")
    if isinstance(updates, dict) and "n_updates" in updates:
        told["updates"] = {"n_updates": updates["n_updates"]}
    before = after.training.get("n_forgotten")
    return {**told, "n_forgotten": 1 + (before if type(before) is int else 0)}
