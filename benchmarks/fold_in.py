"""What somebody new costs: errors of rows that were folded in instead of trained, and the time that takes.

    python -m benchmarks.fold_in [--trial]

On ml-100k, for each of five seeds: 150 users are taken out of the training altogether; half of the ratings of each are
then given to `rec.add_user`, and the other halves predicted. Beside it, a training that had those halves: target, a
mean squared error that is at most 2 % higher. The same for 150 items (of those with at least 20 ratings) by
`rec.add_item`. "Without implicit weights": the same rows folded in with the prior stripped of Y, by
`dataclasses.replace`, as a contrast: what is left is an ordinary Gaussian prior. "Prior mean": what is said of them
without any rating. Then the error after only so many of these ratings, beside the same with their choices taken for all
that the row will ever make (a prior without `cold_mean`). Then the first table for users of ALS, of Adam with its
sigmoid and of the neural model, whose rows have no closed form, by `rec.fold_in`.

Then the time of `model.fold_in_user` with 50 ratings and 16 factors (target: under 1 ms), and how far rows of training
users move when they are folded in from the ratings that they were trained on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev

import numpy as np

import penchant as pt
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from penchant.arrays.types import BoolArray, Float64Array, Int32Array, Int64Array
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.solvers.solver import Solver

_SEEDS = (0, 1, 2, 3, 4)
_NEWCOMERS = 150
_LEAST_RATINGS = 20
_TARGET_PERCENT = 2.0
_GIVEN = 50
_TOLD = (0, 1, 3, 5, 10, 20, 40)
_CALLS, _DOOR_CALLS = 2_000, 100


def main() -> None:
    """Measure all of it, print tables, keep the numbers."""
    started = environment()
    trial = is_trial("fold_in", __doc__)
    solver = pt.Bayes(n_draws=8, n_burn=4) if trial else pt.Bayes()
    ratings = pt.load_dataset("ml-100k")
    seeds = _SEEDS[:2] if trial else _SEEDS
    errors = {side: [errors_of(ratings, side, solver, seed) for seed in seeds] for side in ("user", "item")}
    show_errors(errors)
    few = {side: few_told(ratings, side, solver, seeds) for side in ("user", "item")}
    others = other_solvers(trial=trial)
    profiles = {name: [errors_of_profiles(ratings, one, seed) for seed in seeds] for name, one in others.items()}
    show_errors(profiles)
    results = {
        "solver": repr(solver),
        "seeds": list(seeds),
        "mse": {side: summary(runs) for side, runs in errors.items()},
        "mse_after_few": {"told": list(_TOLD), **few},
        "mse_of_other_solvers": {name: summary(runs) for name, runs in profiles.items()},
        "time": fold_in_time(ratings, solver),
        "training_users": training_users(ratings, solver),
    }
    if not trial:
        write_results("fold_in", results, started)


# -- errors of new rows --


@dataclass(frozen=True)
class Newcomers:
    """Rows of one side that are left out of a training.

    Attributes:
        side: "user" or "item".
        rows: their numbers.
        rest: all other ratings, in vocabularies that do not know these rows.
        given, asked: the two halves of their ratings, and `with_given` all ratings but the asked ones; with all ids.
    """

    side: str
    rows: Int64Array
    rest: pt.Ratings
    given: pt.Ratings
    asked: pt.Ratings
    with_given: pt.Ratings

    def ratings_of(self, row: int) -> tuple[Int32Array, pt.Ratings]:
        """What one of them was given: rows of the other side, and the ratings."""
        mine = self.given.take(getattr(self.given, f"{self.side}_idx") == row)
        return (mine.item_idx if self.side == "user" else mine.user_idx), mine


def newcomers(ratings: pt.Ratings, side: str, seed: int) -> Newcomers:
    """Rows with enough ratings, drawn at random, and a random half of the ratings of each."""
    rng = np.random.default_rng(seed)
    idx = ratings.user_idx if side == "user" else ratings.item_idx
    counts = ratings.user_counts() if side == "user" else ratings.item_counts()
    rows = np.sort(rng.permutation(np.flatnonzero(counts >= _LEAST_RATINGS))[:_NEWCOMERS])
    order = np.lexsort((rng.random(len(idx)), idx))  # row after row, in a random order within each
    place = np.empty(len(idx), dtype=np.int64)
    place[order] = np.arange(len(idx)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_new, is_given = np.isin(idx, rows), place < (counts // 2)[idx]
    return Newcomers(
        side,
        rows,
        without(ratings, side, rows),
        ratings.take(is_new & is_given),
        ratings.take(is_new & ~is_given),
        ratings.take(~is_new | is_given),
    )


def without(ratings: pt.Ratings, side: str, rows: Int64Array) -> pt.Ratings:
    """The ratings of all other rows, in a vocabulary of these alone."""
    vocab: Vocab = getattr(ratings, f"{side}s")
    table: Attributes = getattr(ratings, f"{side}_attributes")
    stays: BoolArray = np.ones(len(vocab), dtype=np.bool_)
    stays[rows] = False
    number = (np.cumsum(stays) - 1).astype(np.int32)
    part = ratings.take(stays[getattr(ratings, f"{side}_idx")])
    columns = {name: column[stays] for name, column in table.items()}
    changed = {
        f"{side}_idx": number[getattr(part, f"{side}_idx")],
        f"{side}s": Vocab(vocab.ids[stays], kind=side),
        f"{side}_attributes": Attributes(columns, n_rows=int(stays.sum())),
    }
    return replace(part, **changed)


def errors_of(ratings: pt.Ratings, side: str, solver: pt.Bayes, seed: int) -> dict[str, float]:
    """Mean squared errors on the asked halves, by the way in which the new rows came about."""
    new = newcomers(ratings, side, seed)
    rec = pt.fit(new.rest, solver)
    model = rec.model
    prior: RowPrior = getattr(model, f"{side}_prior")
    plain = replace(model, **{f"{side}_prior": replace(prior, implicit_weights=None)})
    nothing = np.tile(prior.expected(np.empty(0, np.int32)), (len(new.rows), 1))
    return {
        "trained with their given halves": _mse(pt.fit(new.with_given, solver), new.asked),
        "folded in": _mse(_added(rec, new), new.asked),
        "folded in, prior without implicit weights": _mse_of_rows(plain, new, _folded(plain, new)),
        "prior mean, no ratings": _mse_of_rows(model, new, nothing),
    }


def few_told(ratings: pt.Ratings, side: str, solver: pt.Bayes, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Mean squared errors on the asked halves after so many of the given ratings, mean over seeds; printed, too."""
    found: dict[str, list[list[float]]] = {"as a few of many": [], "choices taken for all": []}
    for seed in seeds:
        new = newcomers(ratings, side, seed)
        model = pt.fit(new.rest, solver).model
        prior: RowPrior = getattr(model, f"{side}_prior")
        whole = replace(prior, cold_mean=None, cold_precision=None)
        for way, one in zip(found, (model, replace(model, **{f"{side}_prior": whole})), strict=True):
            found[way].append([_mse_of_rows(one, new, _folded(one, new, n)) for n in _TOLD])
    told = {way: np.mean(errors, axis=0).tolist() for way, errors in found.items()}
    rows = [[way, *(f"{error:.4f}" for error in errors)] for way, errors in told.items()]
    print(markdown([f"{_NEWCOMERS} {side}s, after so many ratings", *map(str, _TOLD)], rows), "\n", flush=True)
    return told


def other_solvers(*, trial: bool) -> dict[str, Solver]:
    """By name, as they come; in a trial with one epoch."""
    found: dict[str, Solver] = {"ALS": pt.ALS(), "Adam": pt.Adam(), "NeuralNet": pt.NeuralNet()}
    return {name: replace(one, n_epochs=1) for name, one in found.items()} if trial else found  # type: ignore[type-var]


def errors_of_profiles(ratings: pt.Ratings, solver: Solver, seed: int) -> dict[str, float]:
    """Mean squared errors on the asked halves of new users, who are told to `rec.fold_in` or trained."""
    new = newcomers(ratings, "user", seed)
    rec = pt.fit(new.rest, solver)
    squares: dict[str, list[float]] = {"folded in": [], "nothing told": []}
    for row in new.rows:
        rows, mine = new.ratings_of(row)
        asked = new.asked.take(new.asked.user_idx == row)
        items = new.asked.items.ids[asked.item_idx].tolist()
        told = dict(zip(new.given.items.ids[rows].tolist(), mine.rating.tolist(), strict=True))
        for way, known in (("folded in", told), ("nothing told", {})):
            predicted = np.asarray(rec.predict(items, ratings=known), dtype=np.float64)
            squares[way] += np.square(predicted - asked.rating).tolist()
    trained = _mse(pt.fit(new.with_given, solver), new.asked)
    return {"trained with their given halves": trained, **{way: fmean(each) for way, each in squares.items()}}


def _added(rec: pt.Recommender, new: Newcomers) -> pt.Recommender:
    """All of them taken in through the door, one after another."""
    vocab, others = (new.given.users, new.given.items) if new.side == "user" else (new.given.items, new.given.users)
    for row in new.rows:
        rows, mine = new.ratings_of(row)
        told = dict(zip(others.ids[rows].tolist(), mine.rating.tolist(), strict=True))
        add = rec.add_user if new.side == "user" else rec.add_item
        rec = add(vocab[row], ratings=told)
    return rec


def _folded(model: DotBias, new: Newcomers, most: int | None = None) -> Float64Array:
    """[p, b] of each of them given its half, or at most so many ratings of it, shape (n, n_factors + 1)."""
    fold_in = model.fold_in_user if new.side == "user" else model.fold_in_item
    found = []
    for row in new.rows:
        rows, mine = new.ratings_of(row)
        found.append(fold_in(rows[:most], mine.rating[:most]).mean)
    return np.array(found)


def _mse(rec: pt.Recommender, asked: pt.Ratings) -> float:
    predicted = rec.predict(asked.items.ids[asked.item_idx], asked.users.ids[asked.user_idx])
    return float(np.mean(np.square(predicted - asked.rating, dtype=np.float64)))


def _mse_of_rows(model: DotBias, new: Newcomers, theta: Float64Array) -> float:
    """The same for rows [p, b] of the newcomers that are at hand."""
    idx, others = new.asked.user_idx, new.asked.item_idx
    factors, biases = model.item_factors, model.item_biases
    if new.side == "item":
        idx, others, factors, biases = others, idx, model.user_factors, model.user_biases
    row = theta[np.searchsorted(new.rows, idx)]
    predicted = model.global_mean + biases[others] + row[:, -1] + np.einsum("nk,nk->n", row[:, :-1], factors[others])
    return float(np.mean(np.square(predicted.clip(*new.asked.rating_scale) - new.asked.rating)))


def summary(runs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, object]]:
    """Mean error over seeds of each way, and how much higher than trained, in percent: mean, spread and each seed's."""
    trained = next(iter(runs[0]))
    found: dict[str, dict[str, object]] = {}
    for way in runs[0]:
        above = [100 * (one[way] / one[trained] - 1) for one in runs]
        found[way] = {
            "mse": fmean(one[way] for one in runs),
            "percent_above": fmean(above),
            "spread_percent": stdev(above),
            "runs": [one[way] for one in runs],
        }
    return found


def show_errors(errors: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """One table for both sides, or for several solvers."""
    rows = []
    for kind, runs in errors.items():
        named = f"{_NEWCOMERS} {kind}s" if kind in ("user", "item") else f"{_NEWCOMERS} users, {kind}"
        for way, told in summary(runs).items():
            above = "" if named else f"{told['percent_above']:+.2f} % ± {told['spread_percent']:.2f}"
            rows.append([named, way, f"{told['mse']:.4f}", above])
            named = ""  # once, with those that were trained
    print(markdown(["new rows", "how they came about", "MSE", "beside trained"], rows))
    print(f"\nmean over seeds; target: folded in at most {_TARGET_PERCENT:g} % above trained\n", flush=True)


# -- time --


def fold_in_time(ratings: pt.Ratings, solver: pt.Bayes) -> dict[str, float]:
    """Microseconds of one call with fifty ratings: of the model, and of the door with ids, which copies all tables."""
    rec = pt.fit(ratings, solver)
    rng = np.random.default_rng(0)
    popular = np.argsort(-ratings.item_counts())[:500]
    chosen = [rng.choice(popular, _GIVEN, replace=False).astype(np.int32) for _ in range(_CALLS)]
    stars = [rng.integers(1, 6, _GIVEN).astype(np.float32) for _ in range(_CALLS)]
    model = _micro([lambda at=at: rec.model.fold_in_user(chosen[at], stars[at]) for at in range(_CALLS)])
    told = [dict(zip(rec.items.ids[chosen[at]].tolist(), stars[at].tolist(), strict=True)) for at in range(_DOOR_CALLS)]
    door = _micro([lambda one=one: rec.add_user(-1, ratings=one) for one in told])
    size = f"{_GIVEN} ratings, {rec.model.n_factors} factors"
    rows = [["model.fold_in_user", *(f"{value:,.0f}" for value in model.values())]]
    rows.append(["rec.add_user", *(f"{value:,.0f}" for value in door.values())])
    print(markdown([size, "median us", "fastest us", "95th percentile us"], rows))
    print("\ntarget: model.fold_in_user under 1,000 us\n", flush=True)
    return {
        f"{name}_{key}_us": value for name, part in (("model", model), ("door", door)) for key, value in part.items()
    }


def _micro(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    seconds = []
    for call in calls:
        began = time.perf_counter()
        call()
        seconds.append(1e6 * (time.perf_counter() - began))
    return {
        "median": round(median(seconds), 1),
        "min": round(min(seconds), 1),
        "p95": round(float(np.quantile(seconds, 0.95)), 1),
    }


# -- rows that were trained --


def training_users(ratings: pt.Ratings, solver: pt.Bayes) -> dict[str, float]:
    """How far predictions of training users move when their rows are folded in from their training ratings."""
    train, test = ratings.split(0.2, rng=0)
    model = pt.fit(train, solver).model
    users = np.flatnonzero(train.user_counts())
    folded_factors, folded_biases = model.user_factors.copy(), model.user_biases.copy()
    for user in users:
        mine = train.user_idx == user
        theta = model.fold_in_user(train.item_idx[mine], train.rating[mine]).mean
        folded_factors[user], folded_biases[user] = theta[:-1], theta[-1]
    folded = replace(model, user_factors=folded_factors, user_biases=folded_biases)
    pairs = test.take(train.user_counts()[test.user_idx] > 0)
    both = [one.predict(pairs.user_idx, pairs.item_idx).clip(*pairs.rating_scale) for one in (model, folded)]
    mse = [float(np.mean(np.square(predicted - pairs.rating, dtype=np.float64))) for predicted in both]
    apart = np.abs(both[1].astype(np.float64) - both[0])
    told = {
        "rms_distance": float(np.sqrt(np.mean(apart**2))),
        "p95_distance": float(np.quantile(apart, 0.95)),
        "mse_trained": mse[0],
        "mse_folded": mse[1],
        "percent_above": 100 * (mse[1] / mse[0] - 1),
    }
    rows = [
        [f"{len(users)} training users, {len(pairs):,} held-out pairs", *(f"{value:.4f}" for value in told.values())]
    ]
    print(
        markdown(["folded in beside trained", "RMS apart", "95 % within", "MSE trained", "MSE folded", "% above"], rows)
    )
    return told


if __name__ == "__main__":
    run(main)
