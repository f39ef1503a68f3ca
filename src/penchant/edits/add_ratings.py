"""Incremental update: new ratings in a trained recommender; the rows that they touch are brought up to date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from penchant._version import __version__
from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureEncoder
from penchant.data.lookup import ItemNames
from penchant.data.vocab import Vocab
from penchant.edits.choice_changes import grown_choices
from penchant.edits.new_ids import JoinedSide, grown_attributes, left_out, with_update
from penchant.errors import DataError
from penchant.models.answers import Change, Refreshed, Triples
from penchant.models.model import Model
from penchant.solvers.baselines import means
from penchant.solvers.solver import TrainingData
from penchant.storage import Snapshot
from penchant.storage.strict_json import JSON
from penchant.text import counted

if TYPE_CHECKING:
    from penchant.data.ratings import Ratings

__all__ = ["updated"]


def updated(snapshot: Snapshot, new: Ratings, names: ItemNames) -> Snapshot:
    """A snapshot with more ratings: see `Recommender.update`.

    Args:
        snapshot: what there is; it stays as it is, and comes back itself where nothing is new.
        new: the ratings that came.
        names: of the items.
    """
    model = snapshot.model
    model.require_refreshable()
    known = snapshot.kept_table("update")
    _check_scale(new, snapshot.rating_scale)
    users = JoinedSide.joined(snapshot.users, new.users, new.user_idx, None)
    items = JoinedSide.joined(snapshot.items, new.items, new.item_idx, names)
    seen = known.with_users(len(users.vocab))
    came = _last_of_pairs(users.rows[new.user_idx], items.rows[new.item_idx], new.rating)
    came, gone = _changed(seen, came)
    if len(came.rating) == 0:
        return snapshot
    after = seen.with_ratings(*came)
    grown = replace(
        snapshot,
        model=model.with_rows(len(users.vocab), len(items.vocab)),
        users=users.vocab,
        items=items.vocab,
        user_attributes=grown_attributes(snapshot.user_attributes, new.user_attributes, users),
        item_attributes=grown_attributes(snapshot.item_attributes, new.item_attributes, items),
        seen=after,
    )
    change = Change(_kept(after, came), came, gone)
    refreshed = _refreshed(grown, snapshot, change)
    is_new_pair = seen.find(came.user_idx, came.item_idx) < 0
    chosen = grown_choices(grown, came.user_idx[is_new_pair])
    told = _told(snapshot, change, new, (users, items), refreshed)
    return replace(
        grown,
        model=refreshed[-1].model,
        baselines=_baselines(grown, after, change),
        training=told,
        choices=chosen,
    )


def _check_scale(new: Ratings, rating_scale: tuple[float, float]) -> None:
    lo, hi = rating_scale
    outside = np.flatnonzero((new.rating < np.float32(lo)) | (new.rating > np.float32(hi)))
    if len(outside):
        at = int(outside[0])
        who, what = new.users[int(new.user_idx[at])], new.items[int(new.item_idx[at])]
        raise DataError(
            f"user {who!r} gave item {what!r} {new.rating[at]:g}, and the scale of the model is {lo:g} to {hi:g} "
            f"({len(outside):,} of {counted(len(new), 'new rating')} are outside it): use the same scale"
        )


# -- ratings --


def _last_of_pairs(user_idx: Int32Array, item_idx: Int32Array, rating: Float32Array) -> Triples:
    """The ratings with each pair once, the last of those that occur twice."""
    everything = Triples(user_idx, item_idx, rating)
    if len(rating) == 0:
        return everything
    pairs = user_idx.astype(np.int64) * (int(item_idx.max()) + 1) + item_idx
    order = np.argsort(pairs, kind="stable")
    is_last = np.append(pairs[order[1:]] != pairs[order[:-1]], True)
    last = np.sort(order[is_last])
    return everything.take(last)


def _changed(seen: SeenRatings, new: Triples) -> tuple[Triples, Triples]:
    """What comes, and what goes for it: a pair rated again goes with its old rating; the same rating is no news."""
    at = seen.find(new.user_idx, new.item_idx)
    old = np.where(at >= 0, seen.rating[at], np.float32(np.nan)) if len(seen) else np.full(len(at), np.float32(np.nan))
    is_news = old != new.rating
    goes = is_news & (at >= 0)
    came = new.take(is_news)
    return came, Triples(new.user_idx[goes], new.item_idx[goes], old[goes].astype(np.float32))


def _kept(after: SeenRatings, came: Triples) -> Triples:
    """All ratings but those that came."""
    stays = np.ones(len(after), dtype=np.bool_)
    stays[after.find(came.user_idx, came.item_idx)] = False
    return Triples(after.user_idx(), after.item_idx, after.rating).take(stays)


# -- the model --


def _refreshed(grown: Snapshot, snapshot: Snapshot, change: Change) -> tuple[Refreshed, Refreshed]:
    """Users first, then items, once: of all orders the best for ALS and Bayes together (docs/growing.md)."""
    item_rows = _features(grown.item_features, grown.item_attributes, grown.items, len(snapshot.items))
    user_rows = _features(grown.user_features, grown.user_attributes, grown.users, len(snapshot.users))
    users = _finite(grown.model.refreshed("user", change, user_rows))
    items = _finite(users.model.refreshed("item", change, item_rows))
    return users, items


def _features(encoder: FeatureEncoder | None, attributes: Attributes, vocab: Vocab, n_known: int) -> FeatureRows | None:
    """The features of all rows; those of new ones are checked as `add_item` checks them."""
    if encoder is None:
        return None
    for row in range(n_known, len(vocab)):
        try:
            encoder.row({column.name: attributes[column.name][row] for column in encoder.columns})
        except DataError as error:
            raise DataError(f"new {vocab.kind} {vocab[row]!r}: {error}") from error
    return encoder.rows(attributes)


def _finite(refreshed: Refreshed) -> Refreshed:
    model = refreshed.model
    if all(np.isfinite(array).all() for array in model.arrays().values()):
        return refreshed
    raise DataError("the model has no finite rows for these ratings: they or their features are too extreme for it")


def _baselines(grown: Snapshot, after: SeenRatings, change: Change) -> dict[str, Model]:
    """The baselines with all ratings: means anew, biases brought up to date as the model's rows are."""
    n_users, n_items = len(grown.users), len(grown.items)
    data = TrainingData(after.user_idx(), after.item_idx, after.rating, n_users, n_items, grown.rating_scale)
    found: dict[str, Model] = {}
    for name, base in grown.baselines.items():
        found[name] = base.with_rows(n_users, n_items)
    found.update({name: base for name, base in means(data).items() if name in found})
    if "bias only" in found:
        users = _finite(found["bias only"].refreshed("user", change, None))
        found["bias only"] = _finite(users.model.refreshed("item", change, None)).model
    return found


# -- what is told --


def _told(
    snapshot: Snapshot,
    change: Change,
    new: Ratings,
    sides: tuple[JoinedSide, JoinedSide],
    refreshed: tuple[Refreshed, Refreshed],
) -> dict[str, JSON]:
    """The summary of the training with what has come since, and how far it moved the model."""
    n_came, n_gone = len(change.came.rating), len(change.gone.rating)
    counts = {
        "n_ratings": n_came - n_gone,
        "n_changed": n_gone,
        "n_users": len(sides[0].fresh),
        "n_items": len(sides[1].fresh),
    }
    users, items = refreshed
    record: dict[str, JSON] = {
        "touched_users": len(users.rows) / users.model.n_users,
        "touched_items": len(items.rows) / items.model.n_items,
        "moved_users": _mean_move(users),
        "moved_items": _mean_move(items),
        "left_out": left_out(snapshot, (new.user_attributes, new.item_attributes), sides),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "penchant": __version__,
    }
    return with_update(snapshot, counts, record)


def _mean_move(refreshed: Refreshed) -> float | None:
    """Mean change of the predictions of rows that were known, in rating units; None where there were none."""
    known = refreshed.moved[~refreshed.is_new]
    return float(known.mean()) if len(known) else None
