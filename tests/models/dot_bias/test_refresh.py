"""Rows brought up to date with ratings that came or went, against fold-in, which knows nothing of before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from penchant.arrays.feature_rows import FeatureRow, FeatureRows
from penchant.models.dot_bias import DotBias, RowPrior, Spread
from penchant.models.dot_bias import refresh as module
from penchant.models.dot_bias.refresh import Change, Triples, refresh

N_USERS, N_ITEMS, K = 12, 9, 3
KINDS = ["plain", "counts", "bayes", "sigmoid"]
Side = Literal["user", "item"]


def prior_of(kind: str, rng: np.random.Generator, n_others: int) -> RowPrior:
    size = K + 1
    root = rng.standard_normal((size, size)) / 2
    prior = RowPrior(rng.standard_normal(size) / 5, root @ root.T + np.eye(size), 0.5 if kind == "counts" else 0.0)
    if kind != "bayes":
        return prior
    return replace(
        prior,
        implicit_weights=(rng.standard_normal((n_others, size)) / 3).astype(np.float32),
        feature_weights=(rng.standard_normal((2, size)) / 3).astype(np.float32),
        feature_errors=np.ones(2, np.float32),
        cold_mean=rng.standard_normal(size) / 5,
        cold_precision=2 * np.eye(size),
    )


def model_of(kind: str) -> DotBias:
    rng = np.random.default_rng(3)

    def draw(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / 2).astype(np.float32)

    def level(n: int, noise: float) -> np.ndarray:
        return np.full(n, noise, np.float32)

    spread = Spread(level(N_USERS, 1.25), level(N_ITEMS, 0.75), level(N_USERS, 0.3), level(N_ITEMS, 0.2))
    return DotBias(
        0.1 if kind == "sigmoid" else 3.4,
        *(draw(N_USERS), draw(N_ITEMS), draw(N_USERS, K), draw(N_ITEMS, K)),
        prior_of(kind, rng, N_ITEMS),
        prior_of(kind, rng, N_USERS),
        2.0,
        spread if kind == "bayes" else None,
        (0.5, 5.5) if kind == "sigmoid" else None,
    )


def features_of(kind: str, side: Side) -> FeatureRows | None:
    if kind != "bayes":
        return None
    n = N_USERS if side == "user" else N_ITEMS
    values = np.random.default_rng(5).standard_normal(n).astype(np.float32)
    columns = (np.arange(n) % 2).astype(np.int32)
    return FeatureRows(np.arange(n + 1), columns, values, np.array([0, 2]))


def ratings() -> Triples:
    rng = np.random.default_rng(7)
    users, items = np.divmod(rng.permutation(N_USERS * N_ITEMS)[:60], N_ITEMS)
    return Triples(users.astype(np.int32), items.astype(np.int32), rng.integers(1, 6, 60).astype(np.float32))


def folded(model: DotBias, side: Side, row: int, known: Triples, features: FeatureRows | None) -> np.ndarray:
    rows, others = known.of(side)
    mine = rows == row
    fold_in = model.fold_in_user if side == "user" else model.fold_in_item
    told = None if features is None else FeatureRow(features.columns[row : row + 1], features.values[row : row + 1])
    return fold_in(others[mine], known.rating[mine], told).mean


def theta_of(model: DotBias, side: Side) -> np.ndarray:
    return np.column_stack([getattr(model, f"{side}_factors"), getattr(model, f"{side}_biases")]).astype(np.float64)


def at_its_best(model: DotBias, side: Side, known: Triples, features: FeatureRows | None) -> DotBias:
    """The model with every row of a side as it is folded in."""
    rows = range(N_USERS if side == "user" else N_ITEMS)
    theta = np.array([folded(model, side, row, known, features) for row in rows]).astype(np.float32)
    return replace(model, **{f"{side}_factors": theta[:, :-1], f"{side}_biases": theta[:, -1]})


def change(known: Triples, came: slice, gone: slice) -> Change:
    stays = np.ones(len(known.rating), np.bool_)
    stays[came] = stays[gone] = False
    return Change(known.take(stays), known.take(np.arange(60)[came]), known.take(np.arange(60)[gone]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["user", "item"])
@pytest.mark.parametrize(("came", "gone"), [(slice(50, 60), slice(0)), (slice(0), slice(9)), (slice(57, 60), slice(5))])
def test_from_minimum_to_minimum(kind: str, side: Side, came: slice, gone: slice) -> None:
    """Rows at their best before are at their best after, where an untouched row is not even rounded."""
    known, features = ratings(), features_of(kind, side)
    news = change(known, came, gone)
    before = Triples(*map(np.concatenate, zip(news.kept, news.gone, strict=True)))
    after = Triples(*map(np.concatenate, zip(news.kept, news.came, strict=True)))
    model = at_its_best(model_of(kind), side, before, features)
    found = refresh(model, side, news, features)
    wanted = theta_of(at_its_best(model, side, after, features), side)
    touched = np.unique(np.concatenate([news.came.of(side)[0], news.gone.of(side)[0]]))
    assert found.rows.tolist() == touched.tolist()
    got, old = theta_of(found.model, side), theta_of(model, side)
    if kind == "sigmoid":  # ratings before count along their tangents: near, not exact
        assert np.linalg.norm(got - wanted) < 0.5 * np.linalg.norm(old - wanted)
    else:
        assert got[touched] == pytest.approx(wanted[touched], abs=1e-5)
    others = np.setdiff1d(np.arange(len(got)), touched)
    assert (got[others] == old[others]).all()
    for name, array in found.model.arrays().items():
        if not name.startswith(side):
            assert array.tobytes() == model.arrays()[name].tobytes()


@pytest.mark.parametrize("kind", ["plain", "counts", "bayes"])
@pytest.mark.parametrize("side", ["user", "item"])
def test_what_comes_and_goes_again_leaves_no_trace(kind: str, side: Side) -> None:
    """Wherever the row was: what was learned is kept, not learned anew."""
    known, features, model = ratings(), features_of(kind, side), model_of(kind)
    news = change(known, slice(50, 60), slice(0))
    there = refresh(model, side, news, features).model
    back = refresh(there, side, Change(news.kept, news.gone, news.came), features).model
    had = np.unique(news.kept.of(side)[0])
    assert theta_of(back, side)[had] == pytest.approx(theta_of(model, side)[had], abs=1e-5)
    if model.spread is not None and back.spread is not None:
        name = f"{side}_variance"
        assert getattr(back.spread, name)[had] == pytest.approx(getattr(model.spread, name)[had], rel=1e-5)
        assert (getattr(there.spread, name)[np.unique(news.came.of(side)[0])] < getattr(model.spread, name)[0]).all()  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_ratings_before_is_its_posterior(kind: str) -> None:
    known, features = ratings(), features_of(kind, "user")
    is_new = known.user_idx < 4
    news = Change(known.take(~is_new), known.take(is_new), known.take(np.zeros(0, np.int64)))
    found = refresh(model_of(kind), "user", news, features)
    wanted = [folded(model_of(kind), "user", row, known, features) for row in range(4)]
    assert theta_of(found.model, "user")[:4] == pytest.approx(np.array(wanted), abs=1e-5)
    assert found.is_new.all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_loses_all_is_its_prior(kind: str) -> None:
    known, features, model = ratings(), features_of(kind, "user"), model_of(kind)
    goes = known.user_idx < 4
    news = Change(known.take(~goes), known.take(np.zeros(0, np.int64)), known.take(goes))
    found = theta_of(refresh(model, "user", news, features).model, "user")
    nothing = known.take(np.zeros(0, np.int64))
    for row in range(4):
        assert found[row] == pytest.approx(folded(model, "user", row, nothing, features), abs=1e-6)


def test_how_far_rows_moved_is_the_change_of_their_predictions() -> None:
    model, news = model_of("plain"), change(ratings(), slice(50, 60), slice(0))
    found = refresh(model, "user", news)
    items = np.arange(N_ITEMS, dtype=np.int32)
    for row, moved in zip(found.rows, found.moved, strict=True):
        pairs = np.full(N_ITEMS, row, np.int32), items
        apart = found.model.predict(*pairs).astype(np.float64) - model.predict(*pairs)
        assert moved == pytest.approx(np.sqrt(np.mean(apart**2)), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_many_blocks_are_the_same_rows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    news, features = change(ratings(), slice(40, 60), slice(5)), features_of(kind, "item")
    whole = refresh(model_of(kind), "item", news, features)
    monkeypatch.setattr(module, "_MOST_NUMBERS", 2 * (K + 1) ** 2)
    parts = refresh(model_of(kind), "item", news, features)
    assert theta_of(parts.model, "item") == pytest.approx(theta_of(whole.model, "item"), abs=1e-5)
    assert parts.moved == pytest.approx(whole.moved, abs=1e-5)


def test_nothing_is_the_identity() -> None:
    model, known = model_of("bayes"), ratings()
    nothing = known.take(np.zeros(0, np.int64))
    found = refresh(model, "user", Change(known, nothing, nothing), features_of("bayes", "user"))
    assert all(array.tobytes() == model.arrays()[name].tobytes() for name, array in found.model.arrays().items())
    assert len(found.rows) == 0
