"""How close predictions come: Bayes and ALS beside the baselines, on the protocols that people publish.

    python -m benchmarks.accuracy [--trial]

    ml-100k u1          the official fold u1 (80,000 and 20,000 ratings), three seeds of the solver
    ml-100k u1 to u5    the official five folds
    lecture             ml-100k with titles as items (1,664 of them), a random 80/20 split, five seeds, 10 factors
    ml-1m               a random 90/10 split, three seeds

Nothing is chosen on the test part: the defaults are the defaults, and the model of the last epoch is the one measured.
Bayes is measured as it is used: its draws collapsed into one small model, saved to a file, and read from it again.
"Features" are those of users (age, sex, occupation) and of films (genres, year), which the baselines and ALS do not
use. Predictions are clipped to the scale; cold users and items are predicted, too, and counted.

Targets (RMSE at most) and the best error that others are known to reach stand in the table. myFM: a Bayesian
factorisation machine with the same information that keeps all of 512 draws; fastai: the lecture's own at its best.
The lecture's target is an MSE of 0.769.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev
from typing import TypeAlias

import penchant as pt
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from penchant.data.ratings import Split

Errors: TypeAlias = dict[str, dict[str, float]]
Solvers: TypeAlias = "Mapping[str, pt.ALS | pt.Bayes]"

_METRICS = ("rmse", "mae", "mse")
_FEATURES = {"user_features": ("age", "sex", "occupation"), "item_features": ("genres", "year")}
_FOLDS = ("u1", "u2", "u3", "u4", "u5")
_SOLVER_SEEDS = (0, 1, 2)
_LECTURE_SEEDS = (0, 1, 2, 3, 4)
_ML_1M_SEEDS = (0, 1, 2)
_ML_100K = {"ALS": pt.ALS(), "Bayes": pt.Bayes(), "Bayes, features": pt.Bayes(**_FEATURES)}


@dataclass(frozen=True)
class Case:
    """One run of a protocol: a split, and the seed of the solvers on it."""

    name: str
    split: Split
    solver_seed: int = 0


@dataclass(frozen=True)
class Protocol:
    """A way of holding out, and what is measured on it.

    Attributes:
        seeds: what the runs differ in, for the table.
        cases: makes the runs, one after another.
        solvers: by their name in the table.
        targets: the RMSE that each should reach, at most.
        best_known: the lowest RMSE that others are known to reach with the same information, and who does.
    """

    seeds: str
    cases: Callable[[], Iterator[Case]]
    solvers: Solvers
    targets: Mapping[str, float]
    best_known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Errors by model and metric: mean and spread over the runs, and each run's own.

    Attributes:
        mean, standard_deviation: over the runs.
        runs: of each run, by its name.
        cold_test_ratings: how many ratings of each test part have a user or item without training ratings.
    """

    mean: Errors
    standard_deviation: Errors
    runs: dict[str, Errors]
    cold_test_ratings: dict[str, int]


def main() -> None:
    """Measure every protocol, print one table, keep the numbers."""
    started = environment()
    trial = is_trial("accuracy", __doc__)
    asked = {name: _small(one) for name, one in _PROTOCOLS.items()} if trial else _PROTOCOLS
    results = {name: measure(protocol) for name, protocol in asked.items()}
    table = summary(results)
    print(table)
    if not trial:
        kept = {name: {**asdict(results[name]), **_told(protocol)} for name, protocol in asked.items()}
        write_results("accuracy", {"protocols": kept, "markdown": table.splitlines()}, started)


def first_fold() -> Iterator[Case]:
    """u1 of ml-100k, once for each seed of the solver."""
    split = pt.splits.movielens(pt.load_dataset("ml-100k"), "u1")
    for seed in _SOLVER_SEEDS:
        yield Case(f"u1, solver seed {seed}", split, seed)


def official_folds() -> Iterator[Case]:
    """u1 to u5 of ml-100k."""
    ratings = pt.load_dataset("ml-100k")
    for name in _FOLDS:
        yield Case(name, pt.splits.movielens(ratings, name))


def lecture_splits() -> Iterator[Case]:
    """Ratings joined with the table of films, the title being the item, as in the lecture."""
    ratings = pt.load_dataset("ml-100k", item="title")
    for seed in _LECTURE_SEEDS:
        yield Case(f"seed {seed}", ratings.split(0.2, rng=seed))


def ml_1m_splits() -> Iterator[Case]:
    """Random tenths of ml-1m."""
    ratings = pt.load_dataset("ml-1m")
    for seed in _ML_1M_SEEDS:
        yield Case(f"seed {seed}", ratings.split(0.1, rng=seed))


_PROTOCOLS: Mapping[str, Protocol] = {
    "ml-100k, official u1": Protocol(
        "solver 0 to 2",
        first_fold,
        _ML_100K,
        {"Bayes": 0.8880, "Bayes, features": 0.8870},
        {"Bayes": "0.8885 myFM"},
    ),
    "ml-100k, official u1 to u5": Protocol(
        "solver 0", official_folds, _ML_100K, {"Bayes": 0.8820}, {"Bayes": "0.8821 myFM"}
    ),
    "ml-100k, titles as items, random 80/20 (the lecture's)": Protocol(
        "split 0 to 4, solver 0",
        lecture_splits,
        {"ALS": pt.ALS(), "Bayes, 10 factors": pt.Bayes(n_factors=10)},
        {"Bayes, 10 factors": 0.8770},
        {"Bayes, 10 factors": "0.9008 fastai"},
    ),
    "ml-1m, random 90/10": Protocol(
        "split 0 to 2, solver 0",
        ml_1m_splits,
        {"ALS": pt.ALS(), "Bayes": pt.Bayes(), "Bayes, 32 factors": pt.Bayes(n_factors=32)},
        {"Bayes, 32 factors": 0.8205},
        {"Bayes, 32 factors": "0.8224"},
    ),
}


def measure(protocol: Protocol) -> Measured:
    """Errors of the solvers and of the baselines in each run."""
    runs: dict[str, Errors] = {}
    cold: dict[str, int] = {}
    for case in protocol.cases():
        runs[case.name] = errors(case, protocol.solvers)
        cold[case.name] = case.split.cold_rows
    models = next(iter(runs.values()))
    return Measured(
        mean={model: _over(runs, model, fmean) for model in models},
        standard_deviation={model: _over(runs, model, _spread) for model in models},
        runs=runs,
        cold_test_ratings=cold,
    )


def errors(case: Case, solvers: Solvers) -> Errors:
    """Errors of each solver's model as a file holds it, and of the baselines, on one test part."""
    train, test = case.split
    found: Errors = {}
    for name, solver in solvers.items():
        table = reloaded(pt.fit(train, replace(solver, rng=case.solver_seed))).evaluate(test).table
        rows = {name if row == "model" else str(row): row for row in table.index}
        found |= {shown: {metric: float(table.loc[row, metric]) for metric in _METRICS} for shown, row in rows.items()}
    return found


def reloaded(rec: pt.Recommender) -> pt.Recommender:
    """The same from a file."""
    with tempfile.TemporaryDirectory() as folder:
        return pt.load(rec.save(Path(folder) / "films.penchant"))


def _over(runs: Mapping[str, Errors], model: str, average: Callable[[list[float]], float]) -> dict[str, float]:
    return {metric: average([run[model][metric] for run in runs.values()]) for metric in _METRICS}


def _spread(values: list[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def summary(results: Mapping[str, Measured]) -> str:
    """One Markdown table: mean and spread over the runs of each protocol, the target, and the best known."""
    rows = []
    for name, measured in results.items():
        mean, spread, protocol = measured.mean, measured.standard_deviation, _PROTOCOLS[name]
        order = [*protocol.solvers, *(model for model in mean if model not in protocol.solvers)]
        named = [name, protocol.seeds]
        for model in order:
            shown = [f"{mean[model][metric]:.4f} ± {spread[model][metric]:.4f}" for metric in _METRICS]
            target = protocol.targets.get(model)
            beside = ["" if target is None else f"{target:.4f}", protocol.best_known.get(model, "")]
            rows.append([*named, model, *shown, *beside])
            named = ["", ""]  # once
    head = ["protocol", "seeds", "model", *(metric.upper() for metric in _METRICS), "target RMSE", "best known"]
    return markdown(head, rows)


def _told(protocol: Protocol) -> dict[str, object]:
    """What a protocol is, for the results file."""
    return {
        "seeds": protocol.seeds,
        "solvers": {name: repr(solver) for name, solver in protocol.solvers.items()},
        "target_rmse": dict(protocol.targets),
        "best_known_rmse": dict(protocol.best_known),
    }


def _small(protocol: Protocol) -> Protocol:
    """For a trial: two runs, few draws."""
    solvers = {
        name: replace(solver, n_draws=8, n_burn=4) if isinstance(solver, pt.Bayes) else solver
        for name, solver in protocol.solvers.items()
    }
    return replace(protocol, cases=partial(_two, protocol.cases), solvers=solvers)


def _two(cases: Callable[[], Iterator[Case]]) -> Iterator[Case]:
    return islice(cases(), 2)


if __name__ == "__main__":
    run(main)
