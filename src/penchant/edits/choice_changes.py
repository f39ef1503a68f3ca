"""Who chose what, kept in step: the model of choices with a row more, with choices more, with a user less."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from penchant.arrays.choice_weights import transformed
from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.models.answers import Side
from penchant.models.choice.choice_counts import counts_of, recounted, with_items_anew
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.count_choices import count_choices, users_anew
from penchant.models.choice.ranking_order import RankingOrder
from penchant.storage import LearnedChoices, Snapshot
from penchant.text import Argument

__all__ = ["choices_folded", "choices_forgotten", "choices_with_row", "grown_choices"]


def grown_choices(grown: Snapshot, users: Int32Array) -> LearnedChoices | None:
    """What is known of choices after more of them came.

    First popularity and biases are counted anew. Then come the rows of users who chose something, each made anew from
    all of their choices by what was known before; then the rows of the new items, which need these; then once more the
    users who chose a new item.

    Args:
        grown: with its new ids, and with all ratings or choices; `choices` as they were.
        users: rows of the users whose choices changed, as often as may be.
    """
    learned, seen = grown.choices, grown.seen
    if learned is None or seen is None or len(users) == 0:
        return learned
    n_known, n_items, weight = learned.model.n_items, len(grown.items), _weights(grown, seen)
    model = recounted(learned.model.with_rows(seen.n_users, n_items), seen.item_counts(n_items), seen.n_users)
    model = _with_users_anew(model, seen, weight, users)
    fresh = np.arange(n_known, n_items)
    if len(fresh):
        model = with_items_anew(model, fresh, _choosers(seen, weight, fresh), _features_of(grown, fresh.tolist()))
        model = _with_users_anew(model, seen, weight, seen.user_idx()[seen.item_idx >= n_known])
    return replace(learned, model=model)


def choices_forgotten(snapshot: Snapshot, row: int, *, refresh_items: bool) -> LearnedChoices | None:
    """What is known of choices without one user: popularity and biases are counted anew from who remains.

    Where the table was not kept nobody knows what the user chose: popularity and biases then still count it. Numbers of
    the order sum over everybody, and are rounded.

    Args:
        snapshot: with the user.
        row: of the user.
        refresh_items: fold in anew what the user chose, from the choices of the others.

    Raises:
        UnsupportedError: `refresh_items` where the training table was not kept.
    """
    learned, seen = snapshot.choices, snapshot.seen
    if learned is None:
        return None
    if refresh_items:
        snapshot.kept_table(Argument("refresh_items"))
    left = replace(learned, model=learned.model.without_user(row), order=_rounded(learned.order))
    if seen is None:
        return left
    others = seen.without_user(row)
    weight, power = _weights(snapshot, others), learned.solver.get("ease.user_power", learned.solver.get("user_power"))
    counted = count_choices(left.model, others, weight, float(power) if isinstance(power, int | float) else 0.5)
    model = users_anew(counted, others, weight)
    if refresh_items and len(items := seen.items_of(row)):
        features = _features_of(snapshot, items.tolist())
        model = users_anew(with_items_anew(model, items, _choosers(others, weight, items), features), others, weight)
    return replace(left, model=model, training={**learned.training, "n_choices": len(others)})


def choices_folded(grown: Snapshot, users: Int32Array) -> LearnedChoices | None:
    """With the rows of some users made anew from all of their choices; items, popularity and biases are held still.

    Args:
        grown: with all its ids, and with all ratings or choices; `choices` as they were.
        users: their rows, as often as may be.
    """
    learned, seen = grown.choices, grown.seen
    if learned is None or seen is None:
        return learned
    model = learned.model.with_rows(len(grown.users), len(grown.items))
    return replace(learned, model=_with_users_anew(model, seen, _weights(grown, seen), users))


def _weights(snapshot: Snapshot, seen: SeenRatings) -> Float32Array | None:
    """What the model makes of the weights of all choices, shape (n,); None for 1 each, as ratings count."""
    return None if snapshot.model.knows_stars else transformed(seen.rating)


def _features_of(snapshot: Snapshot, items: Iterable[int]) -> list[FeatureRow | None]:
    """Features of some items, None where the model of choices has no use for them."""
    learned, encoder = snapshot.choices, snapshot.item_features
    if learned is None or learned.model.item_feature_weights is None or encoder is None:
        return [None for _ in items]
    table = snapshot.item_attributes
    return [encoder.row({column.name: table[column.name][item] for column in encoder.columns}) for item in items]


def choices_with_row(
    snapshot: Snapshot, side: Side, others: Int32Array, weight: Float32Array | None, features: FeatureRow | None
) -> LearnedChoices | None:
    """With one more user or item, its row folded in; all other rows stay, popularity and biases are counted anew.

    Args:
        snapshot: what there is.
        side: "user" or "item".
        others: rows of the other side that go with it.
        weight: what the model makes of the weights of these choices; None for 1 each.
        features: of a new item; None for none.
    """
    learned = snapshot.choices
    if learned is None:
        return None
    model, counts = learned.model, counts_of(learned.model)
    if side == "user":
        counts[others] += 1
        grown = model.with_row("user", model.fold_in_user(others, weight))
    else:
        counts = np.append(counts, len(others))
        known = None if model.item_feature_weights is None else features
        grown = model.with_row("item", model.fold_in_item(others, weight, known))
    return replace(learned, model=recounted(grown, counts, grown.n_users))


def _rounded(order: RankingOrder) -> RankingOrder:
    """The order with numbers that sum over all ratings or choices rounded, so that they don't tell of one person."""
    spread = float(f"{order.spread:.2g}")
    knots, chances = (tuple(float(f"{each:.3g}") for each in part) for part in (order.knots, order.log_chance))
    if not all((np.diff(each) > 0).all() for each in (knots, chances)):
        knots, chances = order.knots, order.log_chance
    return replace(order, spread=spread, knots=knots, log_chance=chances)


def _with_users_anew(
    model: ChoiceModel, seen: SeenRatings, weight: Float32Array | None, users: Int32Array
) -> ChoiceModel:
    """The model with the rows of some users, named as often as may be, made anew from all of their choices."""
    touched = np.unique(users).astype(np.int64)
    slices = [slice(int(seen.indptr[user]), int(seen.indptr[user + 1])) for user in touched]
    indptr = np.concatenate([[0], np.cumsum([each.stop - each.start for each in slices])]).astype(np.int64)
    entries = np.concatenate([np.arange(each.start, each.stop) for each in slices] or [np.empty(0, np.int64)])
    return model.with_choices(touched, indptr, seen.item_idx[entries], None if weight is None else weight[entries])


def _choosers(
    seen: SeenRatings, weight: Float32Array | None, items: Int64Array | Int32Array
) -> list[tuple[Int32Array, Float32Array | None]]:
    """Who chose each of some items, and the weights of these choices."""
    found, users = [], seen.user_idx()
    order = np.argsort(seen.item_idx, kind="stable")
    sorted_items = seen.item_idx[order]
    for item in items:
        at = order[np.searchsorted(sorted_items, item, "left") : np.searchsorted(sorted_items, item, "right")]
        found.append((users[at], None if weight is None else weight[at]))
    return found
