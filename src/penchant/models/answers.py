"""What a model can answer beside predictions: its linear form, somebody folded in, the attribution of a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array

if TYPE_CHECKING:
    from penchant.arrays.feature_rows import FeatureRows
    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.models.dot_bias.row_prior import RowPosterior, RowPrior
    from penchant.models.model import Model

__all__ = [
    "Answer",
    "Attribution",
    "Change",
    "FeatureEffects",
    "FoldedUser",
    "LinearForm",
    "Questions",
    "Refreshed",
    "Remainder",
    "RowParts",
    "ScoringRule",
    "Side",
    "Triples",
]

Side: TypeAlias = Literal["user", "item"]


class LinearForm(NamedTuple):
    """A model as a sum behind a link.

        eta_ui  =  mu + b_u + b_i + p_u . q_i,     r_ui  =  eta_ui, or lo + (hi - lo) / (1 + exp(-eta_ui))

    Attributes:
        global_mean: mu.
        user_biases, item_biases: shapes (n_users,), (n_items,).
        user_factors, item_factors: P and Q, shapes (n_users, n_factors), (n_items, n_factors).
        y_range: (lo, hi) of the sigmoid; None for none.
    """

    global_mean: float
    user_biases: Float32Array
    item_biases: Float32Array
    user_factors: Float32Array
    item_factors: Float32Array
    y_range: tuple[float, float] | None

    @property
    def n_factors(self) -> int:
        return int(self.user_factors.shape[1])

    def biases(self, side: Side) -> Float32Array:
        """Biases of one side."""
        return self.user_biases if side == "user" else self.item_biases


class Answer(NamedTuple):
    """One predicted rating in parts, in rating units: mean + item_bias + user_bias + taste is the prediction.

    The last two are linear in the row: `on_bias` . theta = user_bias and `on_taste` . theta = taste, so each part of
    a row has its part in them.

    Attributes:
        mean, item_bias, user_bias, taste: the parts.
        on_bias, on_taste: shape (size,) each.
        before_sigmoid: mu, b_i, b_u and p . q in the unit of the sum; None without a sigmoid.
    """

    mean: float
    item_bias: float
    user_bias: float
    taste: float
    on_bias: Float64Array
    on_taste: Float64Array
    before_sigmoid: tuple[float, float, float, float] | None = None


class RowParts(NamedTuple):
    """Parts of a row theta, each of shape (size,), `ratings` of shape (n, size); all together they are theta.

    Attributes:
        ratings: the part of each rating.
        prior: what a row is pulled to before anything is known of it.
        features: what its features add to that.
        beyond: what theta has and these ratings do not explain.
    """

    ratings: Float64Array
    prior: Float64Array
    features: Float64Array
    beyond: Float64Array


class Attribution(NamedTuple):
    """One prediction and what it rests on.

    Attributes:
        answer: the prediction in parts.
        parts: the user's row in parts.
        is_exact: whether each rating's part is exact, as in a linear model, or along tangents.
    """

    answer: Answer
    parts: RowParts
    is_exact: bool


class FoldedUser(Protocol):
    """Somebody without a row in the model, known by a few ratings; everything else is held still."""

    @property
    def posterior(self) -> RowPosterior:
        """The row as a Gaussian.

        Raises:
            UnsupportedError: the model has no posterior of a row.
        """
        ...

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        ...

    def variance(self, item_idx: Int32Array) -> Float64Array | None:
        """Variance of ratings around their predictions, shape (n,); None where the model does not know it."""
        ...

    def with_rating(self, item: int, rating: float) -> FoldedUser | None:
        """The same with one rating more; None where the row has to be found anew.

        Args:
            item: row number of an item that had no rating.
            rating: stars.
        """
        ...

    def attribution(self, item: int) -> Attribution:
        """The prediction of one item, and what it rests on.

        Raises:
            UnsupportedError: the model can't be taken apart.
        """
        ...


class Questions(NamedTuple):
    """What it takes to know which rating tells most of a person (Gaussian experimental design).

    Attributes:
        design: x of each item, (n_items, size): a rating is x . theta + noise.
        noise: variance of a rating of each item by somebody of whom nothing is known, (n_items,).
    """

    design: Float64Array
    noise: Float64Array


class FeatureEffects(NamedTuple):
    """What features add to the prior mean of a bias: shape (n_features,) each, in the unit of the biases.

    Attributes:
        effects: the posterior mean of each.
        errors: its posterior standard deviation.
    """

    effects: Float64Array
    errors: Float64Array


class ScoringRule(NamedTuple):
    """What scores items for anybody, with a person's row to be found from a few ratings.

    Attributes:
        form: the model's sum.
        weights: w_i, the precision of a new person's rating of each item, (n_items,).
        prior: what is believed of a person before any rating.
    """

    form: LinearForm
    weights: Float64Array
    prior: RowPrior


class Triples(NamedTuple):
    """Ratings as three columns: row numbers of users and of items, int32, and float32; shapes (n,)."""

    user_idx: Int32Array
    item_idx: Int32Array
    rating: Float32Array

    def of(self, side: Side) -> tuple[Int32Array, Int32Array]:
        """Rows of one side, and those of the other."""
        return (self.user_idx, self.item_idx) if side == "user" else (self.item_idx, self.user_idx)

    def take(self, entries: BoolArray | Int64Array) -> Triples:
        """Some of the ratings."""
        return Triples(self.user_idx[entries], self.item_idx[entries], self.rating[entries])


class Change(NamedTuple):
    """What became of the ratings.

    A pair that was rated again went with its old rating and came with its new one.

    Attributes:
        kept: those that stayed; of rows that are not touched they may be missing.
        came: those that are new.
        gone: those that are no more.
    """

    kept: Triples
    came: Triples
    gone: Triples

    def touched(self, side: Side) -> Int64Array:
        """Rows of one side with ratings that came or went, ascending."""
        rows = np.concatenate([self.came.of(side)[0], self.gone.of(side)[0]])
        return np.flatnonzero(np.bincount(rows)) if len(rows) else np.empty(0, np.int64)


class Remainder(NamedTuple):
    """What is left after a user went, as far as a model has to know it to count again.

    Attributes:
        seen: the ratings of those who are left.
        emptied: rows of items that nobody has rated any more, ascending.
        spread_ratio: standard deviation of all ratings now, as a share of what it was.
        rating_scale: (lo, hi).
        user_features, item_features: features of all rows that are left; None for none.
    """

    seen: SeenRatings
    emptied: Int64Array
    spread_ratio: float
    rating_scale: tuple[float, float]
    user_features: FeatureRows | None
    item_features: FeatureRows | None


class Refreshed(NamedTuple):
    """The model with its touched rows made anew, and how far each of them went.

    Attributes:
        model: the same but for the touched rows.
        rows: which rows were touched, ascending.
        moved: root mean square, over the rows of the other side, of the change of a touched row's predictions, in
            rating units (behind a sigmoid, where this is steepest).
        is_new: whether a touched row had no rating before.
    """

    model: Model
    rows: Int64Array
    moved: Float64Array
    is_new: BoolArray
