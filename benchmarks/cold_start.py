"""What features are worth where there are no ratings: errors on users and items that training never saw.

    python -m benchmarks.cold_start [--trial]

A fifth of the items of ml-100k is held out with all of its ratings, then a fifth of the users (five seeds each). Bayes
with its defaults predicts them from genres and year, or from age, sex and occupation; without features all that it can
say is the prior mean and what it knows of the other side. With features there are two ways, and both are shown: the
rows were there during training, without ratings; or they come afterwards, by `rec.add_item(features=...)` and
`rec.add_user(features=...)`, and training did not know that they exist. The baselines know the mean of the other side
at best ("bias only"). There is no target.

Errors are over all ratings of the held-out rows, where what is popular counts most, and with every row counting alike.
A film without ratings is for all that training knows an unpopular one, and the popular ones among the held-out films
are better than that: the mean error (predicted less given) tells how much of the error this is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import TypeAlias

import numpy as np

import penchant as pt
from benchmarks.fold_in import without
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from penchant.arrays.types import Float32Array
from penchant.data.ratings import Split
from penchant.fitting.fit import training_data
from penchant.solvers.baselines import baselines

Errors: TypeAlias = "dict[str, float]"

_SEEDS = (0, 1, 2, 3, 4)
_SHARE = 0.2
_BASELINES = ("global mean", "bias only")
_METRICS = ("rmse", "rmse_by_row", "mean_error")


@dataclass(frozen=True)
class Side:
    """What is held out.

    Attributes:
        name: "item" or "user".
        splits: makes a split of it.
        features: names of its attributes that are used.
    """

    name: str
    splits: Callable[..., Split]
    features: tuple[str, ...]


_SIDES = (
    Side("item", pt.splits.cold_items, ("genres", "year")),
    Side("user", pt.splits.cold_users, ("age", "sex", "occupation")),
)


def main() -> None:
    """Measure both sides, print a table, keep the numbers."""
    started = environment()
    trial = is_trial("cold_start", __doc__)
    solver = pt.Bayes(n_draws=8, n_burn=4) if trial else pt.Bayes()
    seeds = _SEEDS[:2] if trial else _SEEDS
    ratings = pt.load_dataset("ml-100k")
    runs = {side.name: [errors(ratings, side, solver, seed) for seed in seeds] for side in _SIDES}
    results = {name: summary(one) for name, one in runs.items()}
    show(results)
    if not trial:
        write_results("cold_start", {"solver": repr(solver), "seeds": list(seeds), **results}, started)


def errors(ratings: pt.Ratings, side: Side, solver: pt.Bayes, seed: int) -> dict[str, Errors]:
    """Errors of each way on the ratings of rows without any in training."""
    split = side.splits(ratings, _SHARE, rng=seed)
    train, test = split
    knowing = replace(solver, **{f"{side.name}_features": side.features})
    beside = {name: model for name, model in baselines(training_data(train)).items() if name in _BASELINES}
    found = {
        name: model.predict(test.user_idx, test.item_idx).clip(*test.rating_scale) for name, model in beside.items()
    }
    found["Bayes"] = _predicted(pt.fit(train, solver), test)
    found["Bayes, features"] = _predicted(pt.fit(train, knowing), test)
    found["Bayes, features, added afterwards"] = _predicted(_added_afterwards(split, side, knowing), test)
    return {name: _judged(predicted, test, side) for name, predicted in found.items()}


def _predicted(rec: pt.Recommender, test: pt.Ratings) -> Float32Array:
    return rec.predict(test.items.ids[test.item_idx], test.users.ids[test.user_idx])


def _judged(predicted: Float32Array, test: pt.Ratings, side: Side) -> Errors:
    """Root mean squared error over ratings, and over rows (each row's mean squared error once); mean error."""
    error = predicted.astype(np.float64) - test.rating
    idx = test.item_idx if side.name == "item" else test.user_idx
    counts = np.bincount(idx)
    of_row = np.bincount(idx, weights=error**2)[counts > 0] / counts[counts > 0]
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "rmse_by_row": float(np.sqrt(np.mean(of_row))),
        "mean_error": float(error.mean()),
    }


def _added_afterwards(split: Split, side: Side, solver: pt.Bayes) -> pt.Recommender:
    """Training does not know these rows, and the door takes them in by their features."""
    train, test = split
    is_item = side.name == "item"
    rows = np.unique(test.item_idx if is_item else test.user_idx)
    vocab, table = (test.items, test.item_attributes) if is_item else (test.users, test.user_attributes)
    rec = pt.fit(without(train, side.name, rows), solver)
    levels = rec.item_attributes if is_item else rec.user_attributes
    for row in rows:
        told = {name: _known(table[name].tolist()[row], levels[name].tolist()) for name in side.features}
        rec = (rec.add_item if is_item else rec.add_user)(vocab[row], features=told)
    return rec


def _known(value: object, column: list[object]) -> object:
    """A value, or what of it occurred in training: `add_item` refuses a genre that it has never met."""
    if isinstance(value, tuple):
        met = {tag for tags in column for tag in tags}
        return tuple(tag for tag in value if tag in met)
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if not isinstance(value, str) or value in column else None


def summary(runs: Sequence[Mapping[str, Errors]]) -> dict[str, dict[str, object]]:
    """Errors of each way: mean and spread over the seeds, and how they compare with Bayes without features."""
    found: dict[str, dict[str, object]] = {}
    for way in runs[0]:
        beside = [100 * (one[way]["rmse"] / one["Bayes"]["rmse"] - 1) for one in runs]
        found[way] = {
            "mean": {metric: fmean(one[way][metric] for one in runs) for metric in _METRICS},
            "standard_deviation": {metric: stdev(one[way][metric] for one in runs) for metric in _METRICS},
            "percent_beside_bayes": fmean(beside),
            "spread_percent": stdev(beside),
            "runs": [one[way] for one in runs],
        }
    return found


def show(results: Mapping[str, Mapping[str, dict[str, object]]]) -> None:
    """One table for both sides."""
    rows = []
    for name, ways in results.items():
        side = next(one for one in _SIDES if one.name == name)
        named = f"{name}s without ratings; {', '.join(side.features)}"
        for way, told in ways.items():
            mean, spread = told["mean"], told["standard_deviation"]
            shown = [f"{mean[metric]:.4f} ± {spread[metric]:.4f}" for metric in ("rmse", "rmse_by_row")]
            beside = f"{told['percent_beside_bayes']:+.2f} % ± {told['spread_percent']:.2f}"
            rows.append([named, way, *shown, f"{mean['mean_error']:+.3f}", "" if way == "Bayes" else beside])
            named = ""
    head = ["held out; features", "what predicts them", "RMSE", "RMSE, rows alike", "mean error", "RMSE beside Bayes"]
    print(markdown(head, rows))


if __name__ == "__main__":
    run(main)
