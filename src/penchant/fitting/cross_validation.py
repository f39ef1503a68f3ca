"""Cross-validation and comparison of solvers. For one split: `Recommender.evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import require
from penchant.data.interactions import Interactions, Split, require_interactions
from penchant.data.ratings import Ratings, require_ratings
from penchant.errors import ParameterError
from penchant.evaluation.notes import MOST_RATED
from penchant.evaluation.scorecard import check_lists
from penchant.fitting.fit import fit, require_solver
from penchant.splits import k_folds

if TYPE_CHECKING:
    import pandas as pd

    from penchant.data.choices import Choices
    from penchant.evaluation.scorecard import Scorecard
    from penchant.fitting.fit import Progress
    from penchant.recommender.recommender import Recommender
    from penchant.solvers.choice_solver import ChoiceSolver
    from penchant.solvers.solver import Solver

__all__ = ["CrossValidation", "compare", "cross_validate"]

_CONFIDENCE = 0.95
_BASELINES = ("global mean", "item mean", "bias only", MOST_RATED)  # the rows that every scorecard has


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """The scorecards of all folds, and what they say together.

    Attributes:
        folds: one scorecard a fold, in the order of `splits.k_folds`.
    """

    folds: tuple[Scorecard, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row a metric: mean, ci_low and ci_high of the model, then the means of the other rows of a scorecard.

            mean +- t sd / sqrt(m),     m folds, sd their standard deviation (divisor m - 1),
                                        t the 97.5 % quantile of Student's t with m - 1 degrees of freedom

        A 95 % confidence interval if the folds were independent. They are not: any two share training ratings, and
        no unbiased estimate of the variance exists, so take it as approximate, rather too narrow. NaN where a metric
        is not defined in some fold.

        Source: Bengio, Grandvalet (2004), "No unbiased estimator of the variance of k-fold cross-validation".
        """
        import pandas as pd

        values = self.fold_table
        half = _t_quantile(len(values) - 1) * values.std(ddof=1, skipna=False) / np.sqrt(len(values))
        mean = values.mean(skipna=False)
        columns = {"mean": mean, "ci_low": mean - half, "ci_high": mean + half}
        tables = [fold.rows() for fold in self.folds]
        for name in tables[0]:
            if name != "model":
                columns[name] = pd.DataFrame([table[name] for table in tables]).mean(skipna=False)
        return pd.DataFrame(columns)

    @property
    def fold_table(self) -> pd.DataFrame:
        """One row a fold, one column a metric of the model."""
        import pandas as pd

        return pd.DataFrame([fold.columns(fold.k) for fold in self.folds])

    def to_dict(self) -> dict[str, object]:
        """Everything in values that JSON can hold; None where a number is not defined."""
        table = self.table
        rows = {
            str(metric): {name: value if np.isfinite(value) else None for name, value in row.items()}
            for metric, row in table.to_dict("index").items()
        }
        return {"scores": rows, "folds": [fold.to_dict() for fold in self.folds]}

    def __str__(self) -> str:
        return f"{self.table.to_string(float_format='{:.4f}'.format, na_rep='-')}\n{self._note()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(float_format='{:.4f}'.format, na_rep='-')}<p>{self._note()}</p>"

    def _note(self) -> str:
        return f"{len(self.folds)} folds; {_CONFIDENCE:.0%} interval by Student's t, approximate: folds share ratings"


def cross_validate(
    ratings: Ratings | Choices,
    solver: Solver | ChoiceSolver | None = None,
    *,
    choices: ChoiceSolver | bool = True,
    n_folds: int = 5,
    rng: int | np.random.Generator = 0,
    k: int = 10,
    relevant: float | None = None,
    progress: Progress = None,
) -> CrossValidation:
    """Fit once a fold on the other folds, measure on the fold, beside the baselines: numbers with an error bar.

    Args:
        ratings: all of them, or choices; each is held out exactly once.
        solver: how to learn, as in `penchant.fit` (default None). The same for each fold, seed included.
        choices: how to learn who chose what, as in `penchant.fit` (default True).
        n_folds: how many folds, at least 2 (default 5).
        rng: seed or generator that deals the ratings to the folds (default 0).
        k: how many items a ranking has (default 10).
        relevant: the lowest rating of an item that should be found; None (default) for three quarters up the scale.
        progress: as in `penchant.fit`, for each fold (default None).

    Raises:
        ParameterError: fewer than 2 folds, more folds than ratings, `k` less than 1, `relevant` is not on the scale,
            `ratings` is another kind of table, or the two come in the other order.

    >>> import penchant as pt
    >>> result = pt.cross_validate(pt.load_dataset("sample"), pt.ALS(n_factors=2, n_epochs=5), n_folds=3)
    >>> list(result.table.columns)[:5]
    ['mean', 'ci_low', 'ci_high', 'stars', 'choice']
    >>> bool(result.table.loc["rmse", "mean"] < result.table.loc["rmse", "global mean"])
    True
    """
    _require_table(ratings, solver)
    if isinstance(ratings, Ratings):
        check_lists(k, relevant, ratings.rating_scale)
    folds = []
    for train, test in k_folds(ratings, n_folds, rng=rng):
        recommender = _whole(fit(train, solver, choices=choices, progress=progress))
        folds.append(recommender.evaluate(test, k=k, relevant=relevant))
    return CrossValidation(tuple(folds))


def compare(
    ratings: Ratings | Split[Ratings],
    solvers: Mapping[str, Solver] | Iterable[Solver],
    *,
    choices: ChoiceSolver | bool = True,
    test_size: float = 0.2,
    rng: int | np.random.Generator = 0,
    k: int = 10,
    relevant: float | None = None,
    progress: Progress = None,
) -> pd.DataFrame:
    """Several solvers on the same split, in one table with the baselines.

    Args:
        ratings: all of them, to be split at random here; or a `Split`, and `test_size` and `rng` are not used.
        solvers: solvers by the name that the table shows; or several of them (a list, a tuple, a generator),
            which are then named by what differs from their defaults.
        choices: how to learn who chose what, as in `penchant.fit` (default True): lists are then ordered by both, with
            the stars of each solver.
        test_size: share of the ratings to hold out, more than 0 and less than 1 (default 0.2).
        rng: seed or generator of the split (default 0).
        k: how many items a ranking has (default 10).
        relevant: the lowest rating of an item that should be found; None (default) for three quarters up the scale.
        progress: as in `penchant.fit`, for each solver (default None).

    Returns:
        A DataFrame with one row a solver, in the order given, then one a baseline; the columns are the metrics of
        `Recommender.evaluate`, and seconds: what all epochs took (the first solver's may hold the compilation of the
        kernels; NaN for baselines).

    Raises:
        ParameterError: no solver, two rows of one name, `test_size` out of range, k less than 1, `relevant` is not on
            the scale, `ratings` is another kind of table, or the two come in the other order.

    >>> import penchant as pt
    >>> table = pt.compare(pt.load_dataset("sample"), [pt.ALS(n_factors=2), pt.ALS(n_factors=4)])
    >>> list(table.index)
    ['als(n_factors=2)', 'als(n_factors=4)', 'global mean', 'item mean', 'bias only', 'most rated']
    """
    import pandas as pd

    if not isinstance(ratings, Split):
        _require_table(ratings, solvers)
        require_ratings(ratings, "ratings")
    named = _named(solvers)
    if not isinstance(ratings, Split):
        ratings = ratings.split(test_size, rng=rng)
    train, test = ratings
    check_lists(k, relevant, train.rating_scale)
    rows: dict[str, dict[str, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    for name, solver in named.items():
        recommender = _whole(fit(train, solver, choices=choices, progress=progress))
        card = recommender.evaluate(test, k=k, relevant=relevant)
        rows[name] = {**card.columns(k), "seconds": float(recommender.history["time"].sum())}
        baselines = {baseline: scores.columns(k) for baseline, scores in card.baselines.items()}
    return pd.DataFrame.from_dict(rows | baselines, orient="index")


def _require_table(ratings: object, solver: object) -> None:
    """Refuse what is no table, and say so where the two arguments come in the order of earlier releases."""
    if isinstance(solver, Interactions | Split) and not isinstance(ratings, Interactions):
        raise ParameterError("give the table first and then how to learn from it, as in penchant.fit")
    require_interactions(ratings, "ratings")


def _whole(recommender: Recommender) -> Recommender:
    """Pass Ctrl-C on: a model that was stopped half-way must not stand in a table beside whole ones."""
    if recommender.interrupted:
        raise KeyboardInterrupt
    return recommender


def _named(solvers: Mapping[str, Solver] | Iterable[Solver]) -> dict[str, Solver]:
    """The solvers by the names of their rows; whatever is wrong with them is found before the first training."""
    wanted = "a list of solvers, or a dict of them by name, such as [penchant.ALS()]"
    require(isinstance(solvers, Iterable) and not isinstance(solvers, str | bytes), "solvers", solvers, wanted)
    listed = list(solvers.values() if isinstance(solvers, Mapping) else solvers)
    if len(listed) == 0:
        raise ParameterError("there is no solver to compare")
    for solver in listed:
        require_solver(solver, "one of the solvers")
    names = list(solvers) if isinstance(solvers, Mapping) else [_label(solver) for solver in listed]
    if len(set(names)) < len(names):
        raise ParameterError("two of the solvers are the same: name them in a dict, {name: solver}")
    for name in names:
        if name in _BASELINES:
            raise ParameterError(f"a solver can't be called {name!r}: that is the name of a baseline")
    return dict(zip(names, listed, strict=True))


def _label(solver: Solver) -> str:
    """The solver's name and the hyper-parameters that are not its defaults: als(n_factors=4)."""
    changed = [
        f"{item.name}={getattr(solver, item.name)}"
        for item in fields(solver)  # type: ignore[arg-type]  # every solver is a dataclass: see the protocol
        if getattr(solver, item.name) != item.default
    ]
    return f"{solver.name}({', '.join(changed)})" if changed else solver.name


def _t_quantile(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + _CONFIDENCE / 2))
