"""Who chose what, kept in step: the model of choices with a row more, with choices more, with a user less."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

__all__ = [
    "choices_folded",
    "choices_forgotten",
    "choices_updated",
    "choices_with_row",
    "choices_without",
    "grown_choices",
]


def grown_choices(grown: Snapshot, users: Int32Array) -> LearnedChoices | None:
    """What is known of choices after more of them came: see `choices_updated`.

    Args:
        grown: with its new ids, and with all ratings or choices; `choices` as they were.
        users: rows of the users whose choices changed, as often as may be.
    """
    learned, seen = grown.choices, grown.seen
    if learned is None or seen is None or len(users) == 0:
        return learned
    fresh = range(learned.model.n_items, len(grown.items))
    touched = np.unique(users).astype(np.int64)
    features = _features_of(grown, fresh)
    return choices_updated(learned, seen, _weights(grown, seen), touched, len(grown.items), features)


def choices_forgotten(snapshot: Snapshot, row: int, *, refresh_items: bool) -> LearnedChoices | None:
    """What is known of choices without one user: see `choices_without`.

    Args:
        snapshot: with the user.
        row: of the user.
        refresh_items: fold in anew what the user chose, from the choices of the others.

    Raises:
        UnsupportedError: `refresh_items` where the training table was not kept.
    """
    learned, seen = snapshot.choices, snapshot.seen
    if learned is not None and refresh_items:
        snapshot.kept_table(Argument("refresh_items"))
    if learned is None or seen is None:
        return None if learned is None else choices_without(learned, row, None, np.empty(0, np.int32))
    items = seen.items_of(row) if refresh_items else np.empty(0, np.int32)
    others = seen.without_user(row)
    return choices_without(learned, row, others, items, _weights(snapshot, others), _features_of(snapshot, items))


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
    touched = np.unique(users).astype(np.int64)
    return replace(learned, model=_with_users_anew(model, seen, _weights(grown, seen), touched))


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


def choices_updated(
    learned: LearnedChoices,
    seen: SeenRatings,
    weight: Float32Array | None,
    touched: Int64Array,
    n_items: int,
    features: Sequence[FeatureRow | None],
) -> LearnedChoices:
    """With choices that came: users who made them have their row made anew from all theirs, new items are folded in.

    First popularity and biases are counted anew. Then come the users' rows, by what was known before; then the rows of
    the new items, which need these; then once more the users who chose a new item.

    Args:
        learned: what there is.
        seen: all choices, those that came among them.
        weight: what the model makes of their weights, shape (n,); None for 1 each.
        touched: rows of the users whose choices changed.
        n_items: how many items there are now; new ones are the last.
        features: of the new items; None for an item of which nothing is known.
    """
    before = learned.model
    model = before.with_rows(seen.n_users, n_items)
    model = recounted(model, seen.item_counts(n_items), seen.n_users)
    model = _with_users_anew(model, seen, weight, touched)
    fresh = np.arange(before.n_items, n_items)
    if len(fresh):
        model = with_items_anew(model, fresh, _choosers(seen, weight, fresh), features)
        among = np.unique(seen.user_idx()[seen.item_idx >= before.n_items])
        model = _with_users_anew(model, seen, weight, among.astype(np.int64))
    return replace(learned, model=model)


def choices_without(
    learned: LearnedChoices,
    row: int,
    seen: SeenRatings | None,
    items: Int32Array,
    weight: Float32Array | None = None,
    features: Sequence[FeatureRow | None] = (),
) -> LearnedChoices:
    """Without one user: popularity and biases are counted anew from who remains.

    Where the table was not kept nobody knows what the user chose: popularity and biases then still count it. Numbers of
    the order sum over everybody, and are rounded.

    Args:
        learned: what there is.
        row: of the user.
        seen: the choices of the others; None where they were not kept.
        items: rows of items that are folded in anew from the choices of the others; may be empty.
        weight: what the model makes of the weights of `seen`; None (default) for 1 each.
        features: of `items`.
    """
    model, order = learned.model.without_user(row), _rounded(learned.order)
    if seen is None:
        return replace(learned, model=model, order=order)
    power = learned.solver.get("ease.user_power", learned.solver.get("user_power"))
    counted = count_choices(model, seen, weight, float(power) if isinstance(power, int | float) else 0.5)
    model = users_anew(counted, seen, weight)
    if len(items):
        model = with_items_anew(model, items, _choosers(seen, weight, items), features)
        model = users_anew(model, seen, weight)
    return replace(learned, model=model, order=order, training={**learned.training, "n_choices": len(seen)})


def _rounded(order: RankingOrder) -> RankingOrder:
    """The order with numbers that sum over all ratings or choices rounded, so that they don't tell of one person."""
    spread = float(f"{order.spread:.2g}")
    knots, chances = (tuple(float(f"{each:.3g}") for each in part) for part in (order.knots, order.log_chance))
    if not all((np.diff(each) > 0).all() for each in (knots, chances)):
        knots, chances = order.knots, order.log_chance
    return replace(order, spread=spread, knots=knots, log_chance=chances)


def _with_users_anew(
    model: ChoiceModel, seen: SeenRatings, weight: Float32Array | None, users: Int64Array
) -> ChoiceModel:
    """The model with the rows of some users made anew from all of their choices."""
    slices = [slice(int(seen.indptr[user]), int(seen.indptr[user + 1])) for user in users]
    indptr = np.concatenate([[0], np.cumsum([each.stop - each.start for each in slices])]).astype(np.int64)
    entries = np.concatenate([np.arange(each.start, each.stop) for each in slices] or [np.empty(0, np.int64)])
    return model.with_choices(users, indptr, seen.item_idx[entries], None if weight is None else weight[entries])


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
