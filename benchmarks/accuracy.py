"""How close predictions come: ALS with its defaults beside the baselines, on the protocols that people publish.

    python -m benchmarks.accuracy

    ml-100k u1 to u5    the official five folds (80,000 and 20,000 ratings each)
    lecture             ml-100k with titles as items (1,664 of them), a random 80/20 split, five seeds
    ml-1m               a random 90/10 split, three seeds

Nothing is chosen on the test part: the defaults are the defaults, and the model of the last epoch is the one measured.
Predictions are clipped to the scale; cold users and items are predicted, too, and counted. Target: an RMSE below 0.925
on the mean of u1 to u5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TypeAlias

import penchant as pt
from benchmarks.reporting import environment, markdown, run, write_results
from penchant.ratings import Split

Errors: TypeAlias = dict[str, dict[str, float]]

_METRICS = ("rmse", "mae", "mse")
_LECTURE_SEEDS = (0, 1, 2, 3, 4)
_ML_1M_SEEDS = (0, 1, 2)


def main() -> None:
    """Measure every protocol, print one table, keep the numbers."""
    started = environment()
    protocols: dict[str, Callable[[], Iterator[tuple[str, Split]]]] = {
        "ml-100k, official u1 to u5": official_folds,
        "ml-100k, titles as items, random 80/20 (the lecture's)": lecture_splits,
        "ml-1m, random 90/10": ml_1m_splits,
    }
    results = {name: measure(splits()) for name, splits in protocols.items()}
    table = summary(results)
    print(table)
    kept = {name: asdict(measured) for name, measured in results.items()}
    write_results("accuracy", {"solver": repr(pt.ALS()), "protocols": kept, "markdown": table.splitlines()}, started)


def official_folds() -> Iterator[tuple[str, Split]]:
    """u1 to u5 of ml-100k."""
    ratings = pt.load_dataset("ml-100k")
    for name in ("u1", "u2", "u3", "u4", "u5"):
        yield name, pt.splits.movielens(ratings, name)


def lecture_splits() -> Iterator[tuple[str, Split]]:
    """Ratings joined with the table of films, the title being the item, as in the lecture."""
    ratings = pt.load_dataset("ml-100k", item="title")
    for seed in _LECTURE_SEEDS:
        yield f"seed {seed}", ratings.split(0.2, rng=seed)


def ml_1m_splits() -> Iterator[tuple[str, Split]]:
    """Random tenths of ml-1m."""
    ratings = pt.load_dataset("ml-1m")
    for seed in _ML_1M_SEEDS:
        yield f"seed {seed}", ratings.split(0.1, rng=seed)


@dataclass(frozen=True)
class Measured:
    """Errors by model and metric: mean and spread over the splits, and each split's own.

    Attributes:
        mean, standard_deviation: over the splits.
        runs: of each split, by its name.
        cold_test_ratings: how many ratings of each test part have a user or item without training ratings.
    """

    mean: Errors
    standard_deviation: Errors
    runs: dict[str, Errors]
    cold_test_ratings: dict[str, int]


def measure(splits: Iterator[tuple[str, Split]]) -> Measured:
    """Errors of ALS and of the baselines on each split."""
    runs: dict[str, Errors] = {}
    cold: dict[str, int] = {}
    for name, (train, test) in splits:
        table = pt.ALS().fit(train).evaluate(test).table
        runs[name] = {
            str(model): {metric: float(table.loc[model, metric]) for metric in _METRICS} for model in table.index
        }
        cold[name] = Split(train, test).cold_ratings
    models = next(iter(runs.values()))
    return Measured(
        mean={model: _over(runs, model, fmean) for model in models},
        standard_deviation={model: _over(runs, model, stdev) for model in models},
        runs=runs,
        cold_test_ratings=cold,
    )


def _over(runs: Mapping[str, Errors], model: str, average: Callable[[list[float]], float]) -> dict[str, float]:
    return {metric: average([run[model][metric] for run in runs.values()]) for metric in _METRICS}


def summary(results: Mapping[str, Measured]) -> str:
    """One Markdown table: mean and spread over the splits of each protocol."""
    rows = []
    for protocol, measured in results.items():
        mean, spread = measured.mean, measured.standard_deviation
        for model in mean:
            errors = [f"{mean[model][metric]:.4f} ± {spread[model][metric]:.4f}" for metric in _METRICS]
            rows.append([protocol, "ALS, defaults" if model == "model" else model, *errors])
            protocol = ""  # named once
    return markdown(["protocol", "model", *(metric.upper() for metric in _METRICS)], rows)


if __name__ == "__main__":
    run(main)
