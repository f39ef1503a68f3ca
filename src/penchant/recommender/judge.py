"""How good a recommender is on held-out ratings or choices: its scorecard, with ids at the door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.choice_weights import usual_weight
from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array
from penchant.data.choices import Choices
from penchant.data.interactions import require_interactions
from penchant.data.lookup import joined_rows
from penchant.data.ratings import Ratings, require_ratings
from penchant.data.vocab import Vocab
from penchant.edits.choice_changes import choices_folded
from penchant.errors import DataError, ParameterError
from penchant.evaluation.scorecard import Scorecard, score
from penchant.evaluation.scorers import ByChance, Predictions, Scorer
from penchant.models.answers import Change, Triples
from penchant.recommender.state import State
from penchant.text import Argument, counted

if TYPE_CHECKING:
    from penchant.models.model import Model

__all__ = ["judged"]


def judged(
    state: State, test: Ratings | Choices, known: Ratings | Choices | None, *, k: int, relevant: float | None
) -> Scorecard:
    """The scorecard of a recommender: see `Recommender.evaluate`.

    Args:
        state: of the recommender.
        test: held-out ratings or choices.
        known: what new users are folded in from, or None.
        k: length of the lists.
        relevant: the lowest rating of an item that should be found, or None.
    """
    values = _values(state, test, "test")
    if relevant is not None and not state.model.knows_stars:
        raise ParameterError(Argument("relevant"), " is a rating, and this recommender knows no stars: leave it out")
    if known is not None:
        state = _with_known(state, known)
    users, user_idx = joined_rows(state.users, test.users, test.user_idx)
    items, item_idx = joined_rows(state.items, test.items, test.item_idx)
    model = state.model.with_rows(users, items)
    order, orders = _orders(state, model)
    card = score(
        model,
        {name: baseline.with_rows(users, items) for name, baseline in state.baselines.items()},
        user_idx=user_idx,
        item_idx=item_idx,
        rating=values,
        seen=None if state.seen is None else state.seen.with_users(users),
        rating_scale=state.rating_scale,
        k=k,
        relevant=relevant,
        order=order,
        orders=orders,
    )
    strangers = [
        *_strangers(state.users, test.users, test.user_idx, user_idx),
        *_strangers(state.items, test.items, test.item_idx, item_idx),
    ]
    return replace(card, notes=(*card.notes, *strangers))


def _values(state: State, table: Ratings | Choices, name: str) -> Float32Array:
    """What a table says of its pairs: ratings, or ones where there are no stars."""
    if state.model.knows_stars:
        require_ratings(table, name)
        rated: Float32Array = table.rating  # type: ignore[union-attr]  # choices were refused in the line above
        return rated
    require_interactions(table, name)
    return np.ones(len(table), np.float32)


def _with_known(state: State, known: Ratings | Choices) -> State:
    """The state with rows of people made of what is known of them; items are held still, new items left out."""
    seen = state.kept_table(Argument("known"))
    rating = _values(state, known, "known")
    if not state.model.knows_stars:  # a rating weighs what choices usually do, as in `Recommender.update`
        rating = known.weight if isinstance(known, Choices) else rating * np.float32(usual_weight(seen.rating))
    lo, hi = state.rating_scale
    if state.model.knows_stars and len(rating) and not (lo <= float(rating.min()) and float(rating.max()) <= hi):
        told = f" has ratings from {rating.min():g} to {rating.max():g}, and the scale is {lo:g} to {hi:g}"
        raise DataError(Argument("known"), told)
    n_users, user_idx = joined_rows(state.users, known.users, known.user_idx)
    is_fresh = user_idx >= len(state.users)
    if is_fresh.any() and state.user_features is not None:
        who = known.users[int(known.user_idx[np.argmax(is_fresh)])]
        told = f" has user {who!r}, whose features are not known: split one table, with penchant.splits.new_users"
        raise DataError(Argument("known"), told)
    fresh = [known.users[int(at)] for at in np.unique(known.user_idx[is_fresh])]  # in the order of their rows
    item_idx = state.items.find(known.items.ids)[known.item_idx]
    came = Triples(user_idx, item_idx, rating).take(item_idx >= 0)
    features = None if state.user_features is None else state.user_features.rows(state.user_attributes)
    grown = replace(
        state,
        users=Vocab([*state.users, *fresh], kind=state.users.kind) if fresh else state.users,
        seen=seen.with_users(n_users).with_ratings(*came),
        model=_folded(state.model, n_users, seen, came, features),
        baselines={name: _folded(base, n_users, seen, came, None) for name, base in state.baselines.items()},
    )
    return State.of(replace(grown, choices=choices_folded(grown, came.user_idx)))


def _folded(model: Model, n_users: int, seen: SeenRatings, came: Triples, features: FeatureRows | None) -> Model:
    """A model with the rows of users who have new ratings made anew; one that has no rows to make stays as it is."""
    grown = model.with_rows(n_users, model.n_items)
    form = model.linear_form()
    if not model.knows_stars or (form is not None and not form.n_factors and not form.user_biases.any()):
        return grown  # without stars, and in means, there is no row of a user
    grown.require_refreshable()
    before = Triples(seen.user_idx(), seen.item_idx, seen.rating)
    none = came.take(np.zeros(len(came.rating), np.bool_))
    return grown.refreshed("user", Change(before, came, none), features).model


def _orders(state: State, model: Model) -> tuple[Scorer | None, dict[str, Scorer]]:
    """What lists are ordered by, and in which orders they are shown beside."""
    if state.choices is None:
        return None, {}
    order = state.choices.order
    choices = state.choices.model.with_rows(model.n_users, model.n_items)
    if not model.knows_stars:
        return ByChance(choices, order), {}
    return ByChance(choices, order, model), {"stars": Predictions(model), "choice": ByChance(choices, order)}


def _strangers(known: Vocab, other: Vocab, rows: Int32Array, joined: Int32Array) -> list[str]:
    """A note where most ids of a test table are unknown: often they are the same ids, written as another type."""
    is_new = joined >= len(known)
    n_new, n_all = len(np.unique(joined[is_new])), len(np.unique(joined))
    if 2 * n_new <= n_all:
        return []
    theirs, ours = other[int(rows[np.argmax(is_new)])], known[0]
    kinds = [type(one).__name__ for one in (theirs, ours)]
    advice = "" if kinds[0] == kinds[1] else "; ids of another type are other ids, so read both tables alike"
    return [
        f"{n_new:,} of {counted(n_all, known.kind)} are unknown to the model: they are like {theirs!r} ({kinds[0]}), "
        f"those it knows like {ours!r} ({kinds[1]}){advice}"
    ]
