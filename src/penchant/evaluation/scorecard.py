"""Scorecard: how well a model predicts and ranks held-out ratings, beside the baselines that it has to beat.

All arrays: rows of users and items, never ids. `Recommender.evaluate` is the door with ids.

**Errors** (`rmse`, `mae`, `mse`) are those of predictions clipped to the rating scale, over every test rating. A user
or item without training ratings is cold: its row is the model's prior mean, so the prediction is what is believed of
anybody; it counts, and the scorecard says how many there are.

**Lists.** Every user with a relevant test rating gets a list of k items: those with the highest scores among all
items that the user has not rated in training. All items, not a sample of them: metrics on a sample can put two models
in the other order (Krichene, Rendle 2020, "On sampled metrics for item recommendation"). What the user has not rated
in the test part counts as not relevant, so all these numbers are lower bounds. Scores are predictions before they
are clipped, so that items above the scale keep their order. Items with equal scores come in a random order, drawn
with a fixed seed and started at another place for each user: row numbers would often favour popular items, and a
baseline that scores all items alike then shows what random lists reach. All models get the same users, candidates and
order.

**Most rated.** The last baseline is no model: it lists the items with the most training ratings, the same for everybody
but for what each has rated. It predicts no rating, so it has no errors. A model whose lists are no better has not
learned what people choose (Cremonesi, Koren, Turrin 2010, "Performance of recommender algorithms on top-N
recommendation tasks"). It is counted from the training ratings, and left out where they are not at hand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from penchant import metrics
from penchant.checks import is_real, is_whole, require
from penchant.errors import DataError, ParameterError
from penchant.evaluation.notes import MOST_RATED, known_pairs, lost_to_most_rated, sameness
from penchant.evaluation.scorers import MostRated, Predictions
from penchant.evaluation.test_lists import AT_K, RECALL_AT, Lists
from penchant.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.arrays.types import Float32Array, Int32Array, Int64Array
    from penchant.evaluation.scorers import Scorer
    from penchant.models.model import Model

__all__ = ["Scorecard", "Scores", "check_lists", "score"]

_ERRORS = (metrics.rmse, metrics.mae, metrics.mse)


@dataclass(frozen=True)
class Scores:
    """The numbers of one model. Those about lists are means over users; NaN where nobody got a list.

    An order of items that predicts no ratings has lists only: its errors are NaN.

    Attributes:
        rmse: root mean squared error, in rating units.
        mae: mean absolute error, in rating units.
        mse: mean squared error, in squared rating units.
        ndcg: `metrics.ndcg_at_k` with gain 1 for a relevant item.
        precision: `metrics.precision_at_k`.
        recall: `metrics.recall_at_k`.
        capped_recall: `metrics.capped_recall_at_k` of the first 20, whatever k.
        map: `metrics.average_precision_at_k`.
        mrr: `metrics.reciprocal_rank_at_k`.
        hit_rate: `metrics.hit_rate_at_k`.
        coverage: `metrics.coverage`, of all items that the model knows.
        novelty: `metrics.novelty`, in bits; NaN where the training ratings are not at hand.
        overlap: `metrics.overlap`, how much the lists of two users have in common.
    """

    rmse: float
    mae: float
    mse: float
    ndcg: float
    precision: float
    recall: float
    capped_recall: float
    map: float
    mrr: float
    hit_rate: float
    coverage: float
    novelty: float
    overlap: float

    def columns(self, k: int) -> dict[str, float]:
        """The same numbers under the names of the table: `rmse`, ..., `ndcg@10`, ...

        `recall@20` is always the capped recall. In a table of lists of 20, `recall` is therefore `uncapped_recall@20`.
        """
        return {_column(item.name, k): float(getattr(self, item.name)) for item in fields(Scores)}


@dataclass(frozen=True, repr=False)
class Scorecard(Scores):
    """The numbers of a model (its own attributes: `card.rmse`), with those of the baselines and what they are about.

    `print(card)` shows one column a model, `card.table` has one row a model.

    Attributes:
        baselines: the numbers of what the model has to beat, by name; "most rated" is the last of them, where the
            training ratings are at hand.
        k: length of the lists.
        relevant: the lowest rating of an item that should be found.
        n_ratings: test ratings.
        n_users: users with a test rating.
        n_items: items with a test rating.
        n_ranked_users: users who got a list, those with a relevant test rating.
        n_cold_users: users with a test rating and none in training; None where the training ratings are not at hand.
        n_cold_items: items with a test rating and none in training; None likewise.
        n_known: test ratings of a pair that was rated in training, too; None likewise.
        notes: what to know before trusting the numbers, in words.
        orders: the numbers of further orders of the items, by name; lists only.
        noun: what a row of the test part is, "rating" or "choice".
    """

    baselines: Mapping[str, Scores]
    k: int
    relevant: float
    n_ratings: int
    n_users: int
    n_items: int
    n_ranked_users: int
    n_cold_users: int | None
    n_cold_items: int | None
    n_known: int | None
    notes: tuple[str, ...] = ()
    orders: Mapping[str, Scores] = field(default_factory=dict)
    noun: str = "rating"

    @property
    def table(self) -> pd.DataFrame:
        """One row a model, "model" first, then further orders, then the baselines; one column a metric.

        NaN where a number is not defined, as an error of what predicts no ratings.
        """
        import pandas as pd

        return pd.DataFrame.from_dict(self.rows(), orient="index")

    def to_dict(self) -> dict[str, object]:
        """Everything in values that JSON can hold; None where a number is not defined."""
        about = {item.name: getattr(self, item.name) for item in fields(self) if item.name.startswith("n_")}
        rows = {name: {metric: _json(value) for metric, value in row.items()} for name, row in self.rows().items()}
        return {"k": self.k, "relevant": self.relevant, **about, "notes": list(self.notes), "scores": rows}

    def rows(self) -> dict[str, dict[str, float]]:
        """The numbers by row and column of the table: "model" first, then further orders, then the baselines."""
        beside = {**self.orders, **self.baselines}
        return {"model": self.columns(self.k)} | {name: row.columns(self.k) for name, row in beside.items()}

    def __str__(self) -> str:
        rows = self.rows()
        names = list(rows["model"])
        label = max(map(len, names))
        widths = {model: max(len(model), 8) for model in rows}
        lines = [" ".join([" " * label, *(f"{model:>{width}}" for model, width in widths.items())])]
        for metric in names:
            cells = (f"{_cell(rows[model][metric]):>{width}}" for model, width in widths.items())
            lines.append(" ".join([f"{metric:<{label}}", *cells]))
        return "\n".join([*lines, *self._about()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{line}</p>" for line in self._about())
        return self.table.to_html(float_format="{:.4f}".format, na_rep="-") + notes

    def _about(self) -> list[str]:
        lines = [
            f"{counted(self.n_ratings, self.noun)} of {counted(self.n_users, 'user')}",
            f"lists of {self.k} for the {counted(self.n_ranked_users, 'user')} with a test {self.noun}"
            + (f" of at least {self.relevant:g}" if self.noun == "rating" else ""),
        ]
        if self.n_cold_users or self.n_cold_items:
            lines.append(
                f"cold, predicted by the prior: {counted(self.n_cold_users or 0, 'user')} and "
                f"{counted(self.n_cold_items or 0, 'item')} "
                f"without training {self.noun}s"
            )
        return [*lines, *(f"note: {note}" for note in self.notes)]


def score(
    model: Model,
    baselines: Mapping[str, Model],
    *,
    user_idx: Int32Array,
    item_idx: Int32Array,
    rating: Float32Array,
    seen: SeenRatings | None,
    rating_scale: tuple[float, float],
    k: int = 10,
    relevant: float | None = None,
    order: Scorer | None = None,
    orders: Mapping[str, Scorer] | None = None,
) -> Scorecard:
    """Measure a model and its baselines on the same test ratings; how is told at the top of this module.

    Args:
        model: what is judged; its row for a cold user or item is what it believes of anybody.
        baselines: what it is compared with, by name; same rows of users and items.
        user_idx: row number of each test rating's user, int32, shape (n,).
        item_idx: row number of each test rating's item, int32, shape (n,).
        rating: test ratings, float32, shape (n,).
        seen: training ratings, of as many users as the model has rows: they are left out of lists, and "most rated"
            is counted from them. None: nothing is left out, cold rows can't be counted, there is no "most rated", and
            novelty is NaN.
        rating_scale: (lo, hi), which predictions are clipped to.
        k: length of the lists (default 10).
        relevant: the lowest rating of an item that should be found; None (default) for lo + 0.75 (hi - lo), which is
            4 on a scale of 1 to 5.
        order: what the model's lists are ordered by; None (default) for its predictions. Its errors are those of the
            predictions all the same; a model without stars has none, and needs an order.
        orders: further orders of the items, by the name of their row; None (default) for no other.

    Raises:
        DataError: there is no test rating.
        ParameterError: k is less than 1, `relevant` is outside `rating_scale`, lengths differ, a row number is one
            that a model or `seen` does not have, two rows have one name ("model" and "most rated" are taken), or a
            prediction or a score is not a number.
    """
    lo, hi = rating_scale
    check_lists(k, relevant, rating_scale)
    threshold = float(lo + 0.75 * (hi - lo) if relevant is None else relevant)
    _check(user_idx, item_idx, rating)
    _check_names(baselines, orders or {})
    for one in (model, *baselines.values()):
        _check_rows(one, user_idx, item_idx, seen)
    lists = Lists.of(user_idx, item_idx, rating >= threshold, seen=seen, n_items=model.n_items, k=k)

    def judged(one: Model, scorer: Scorer | None = None) -> Scores:
        if not one.knows_stars:
            return _lists_only(lists, scorer or Predictions(one))
        predicted = np.clip(one.predict(user_idx, item_idx), np.float32(lo), np.float32(hi))
        errors = {metric.__name__: metric(predicted, rating) for metric in _ERRORS}
        return Scores(**errors, **lists.judge(scorer or Predictions(one)))

    own = judged(model, order)
    beside = {name: judged(baseline) for name, baseline in baselines.items()}
    if seen is not None:
        beside[MOST_RATED] = _lists_only(lists, MostRated(seen.item_counts(model.n_items)))
    card = Scorecard(
        **asdict(own),
        baselines=beside,
        orders={name: _lists_only(lists, scorer) for name, scorer in (orders or {}).items()},
        k=k,
        relevant=threshold,
        n_ratings=len(rating),
        n_users=len(np.unique(user_idx)),
        n_items=len(np.unique(item_idx)),
        n_ranked_users=len(lists.users),
        n_cold_users=None if seen is None else _n_cold(user_idx, seen.user_counts()),
        n_cold_items=None if seen is None else _n_cold(item_idx, seen.item_counts(model.n_items)),
        n_known=None if seen is None else seen.count_pairs(user_idx, item_idx),
        noun="rating" if model.knows_stars else "choice",
    )
    return replace(card, notes=_notes(card))


def _lists_only(lists: Lists, scorer: Scorer) -> Scores:
    """The numbers of an order of items that predicts no ratings."""
    return Scores(**{metric.__name__: float("nan") for metric in _ERRORS}, **lists.judge(scorer))


def _notes(card: Scorecard) -> tuple[str, ...]:
    most_rated = card.baselines[MOST_RATED].ndcg if MOST_RATED in card.baselines else float("nan")
    return (
        *known_pairs(card.n_known, card.n_ratings),
        *sameness(card.overlap),
        *lost_to_most_rated(card.ndcg, most_rated, card.k),
    )


def check_lists(k: object, relevant: object, rating_scale: tuple[float, float]) -> None:
    """Refuse a length of lists, or a lowest rating to be found, that can't be. Called before a training, too.

    Args:
        k, relevant, rating_scale: as for `score`.

    Raises:
        ParameterError: k is no whole number of at least 1, or `relevant` is neither None nor on the scale.
    """
    require(is_whole(k, 1), "k", k, "a whole number of at least 1")
    lo, hi = rating_scale
    fits = relevant is None or (is_real(relevant) and lo <= relevant <= hi)  # type: ignore[operator]
    require(fits, "relevant", relevant, f"a rating on the scale, {lo:g} to {hi:g}: the lowest that should be found")


def _check(user_idx: Int32Array, item_idx: Int32Array, rating: Float32Array) -> None:
    if not len(user_idx) == len(item_idx) == len(rating):
        raise ParameterError(f"{len(user_idx)} users, {len(item_idx)} items and {len(rating)} ratings do not pair up")
    if len(rating) == 0:
        raise DataError("there is no test rating to evaluate with")


def _check_names(baselines: Mapping[str, Model], orders: Mapping[str, Scorer]) -> None:
    """Each row of the table has a name of its own."""
    for kind, names in (("a baseline", baselines), ("an order", orders)):
        for name, whose in (("model", "the model's own row"), (MOST_RATED, "a row of its own")):
            if name in names:
                raise ParameterError(f"{kind} can't be called {name!r}: that is the name of {whose}")
    for name in orders:
        if name in baselines:
            raise ParameterError(f"an order can't be called {name!r}: that is the name of a baseline")


def _check_rows(model: Model, user_idx: Int32Array, item_idx: Int32Array, seen: SeenRatings | None) -> None:
    for name, rows, size in (("user", user_idx, model.n_users), ("item", item_idx, model.n_items)):
        if rows.min() < 0 or rows.max() >= size:
            raise ParameterError(f"{name} rows are {rows.min()} to {rows.max()}, but the model has {size}")
    if seen is not None and seen.n_users != model.n_users:
        raise ParameterError(f"seen ratings of {seen.n_users} users for a model of {model.n_users}")


def _n_cold(rows: Int32Array, counts: Int64Array) -> int:
    return int((counts[np.unique(rows)] == 0).sum())


def _column(name: str, k: int) -> str:
    if name == "capped_recall":
        return f"recall@{RECALL_AT}"
    if name == "recall" and k == RECALL_AT:
        return f"uncapped_recall@{k}"
    return f"{name}@{k}" if name in AT_K else name


def _cell(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "-"


def _json(value: float) -> float | None:
    return value if np.isfinite(value) else None
