"""ChoiceModel: how likely a user is to choose an item, c_ui ~ b_i + p_u . q_i, whatever rating would follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.errors import FormatError
from penchant.models.answers import LinearForm
from penchant.models.array_checks import double, not_negative, number, shape_of, single
from penchant.models.choice.choice_rows import ChoiceRow, ItemChoiceRow, SolvedPart, unchosen_target
from penchant.models.choice.half_precision import halved, single_or_half
from penchant.models.model import Model, Setting

__all__ = ["ChoiceModel"]

_BLOCK = 16_384  # pairs a block of `predict`
_LARGEST = 1e30  # any scale or weight that makes sense is far below


@dataclass(frozen=True, eq=False)
class ChoiceModel(Model):
    """Popularity and a dot product of factors, learned from who chose what.

        c_ui  ~  b_i + p_u . q_i

    b rises with the popularity of an item alone, so that somebody of whom no choice is known gets the most chosen items
    in order. Columns of p are of two kinds, side by side. The first are solved for, least squares over all items,
    chosen or not (`SolvedPart`). The others are summed up: a chosen item j adds its row e_j of `item_inputs`, so that a
    row of choices x becomes

        p  =  x E - (1 - k) m,     k = few / (n + few)

    where m is what the mean row of choices sums to, and n how many choices there are: a few choices are a few of those
    that there will be, and are compared with a part of the mean row only. Either kind may have no columns. Both are
    linear in the choices, so every score is a sum with one part for each chosen item, exactly.

    Attributes:
        item_biases: b, float32, shape (n_items,).
        item_popularity: share of the users who chose each item, float32, shape (n_items,).
        user_factors, item_factors: P and Q, float32, shapes (n_users, n_factors), (n_items, n_factors).
        item_inputs: E, float32, shape (n_items, n_summed); these are the last columns of P and Q.
        input_mean: m, float64, shape (n_summed,).
        solved: how the first columns of a row are solved for; None (default) where there are none.
        few: choices at which the mean row counts half in the summed columns (default 1.0).
        item_feature_weights: what each feature of an item adds to [q, b], float32, (n_features, n_factors + 1): the row
            of an item that nobody has chosen; None (default) without features.

    Source: the solved columns are those of Hu, Koren, Volinsky (2008), "Collaborative filtering for implicit feedback
    datasets"; the summed ones hold the item-item weights of Steck (2019), "Embarrassingly shallow autoencoders for
    sparse data", collapsed.
    """

    kind: ClassVar[str] = "choice"

    item_biases: Float32Array
    item_popularity: Float32Array
    user_factors: Float32Array
    item_factors: Float32Array
    item_inputs: Float32Array
    input_mean: Float64Array
    solved: SolvedPart | None = None
    few: float = 1.0
    item_feature_weights: Float32Array | None = None

    @property
    def n_users(self) -> int:
        return len(self.user_factors)

    @property
    def n_items(self) -> int:
        return len(self.item_factors)

    @property
    def n_factors(self) -> int:
        """Columns of both kinds together."""
        return int(self.item_factors.shape[1])

    @property
    def n_solved(self) -> int:
        """Columns that are solved for."""
        return 0 if self.solved is None else self.solved.n_solved

    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:
        """The score of every pair, shape (n,): higher for what is more likely to be chosen."""
        scores = np.empty(len(user_idx), dtype=np.float32)
        for start in range(0, len(user_idx), _BLOCK):
            part = slice(start, start + _BLOCK)
            users, items = user_idx[part], item_idx[part]
            block = np.einsum("nk,nk->n", self.user_factors.take(users, axis=0), self.item_factors.take(items, axis=0))
            scores[part] = block + self.item_biases.take(items)
        return scores

    def scores(self, factors: NDArray[np.floating]) -> Float32Array:
        """Scores of all items for rows p: shape (n_items,) for one, (n, n_items) for several."""
        found: Float32Array = np.asarray(factors, np.float32) @ self.item_factors.T + self.item_biases
        return found

    def linear_form(self) -> LinearForm:
        """The scores as mu + b_u + b_i + p_u . q_i, with mu and b_u zero."""
        return LinearForm(
            0.0,
            np.zeros(self.n_users, np.float32),
            self.item_biases,
            self.user_factors,
            self.item_factors,
            None,
        )

    def biases_of(self, popularity: Float32Array) -> Float32Array:
        """The biases that go with other shares of the users, by the rule by which the model has its own.

            b_i  =  s f_i / (f_i + a0 (1 - f_i)) + c f_i

        f is the popularity; s is the scale of the solved columns and a0 the weight of their unchosen cells, 0 without
        such columns; c is what the learner of summed columns and popularity itself count. The model keeps s, and its
        own biases tell c. An item that nobody has chosen has bias 0.

        Args:
            popularity: f, shape (n,).
        """
        whole = self._expected(popularity) + self._summed_share * popularity.astype(np.float64)
        found: Float32Array = whole.astype(np.float32)
        return found

    def fold_in_user(self, item_idx: Int32Array, weight: Float32Array | None = None) -> ChoiceRow:
        """The row of somebody who chose `item_idx`, items held still; a trained user's row is made by the same rule.

        Args:
            item_idx: the chosen items, each once.
            weight: how much each choice counts, positive; None (default) for 1 each.
        """
        n, n_solved = len(item_idx), self.n_solved
        each = np.ones(n) if weight is None else weight.astype(np.float64)
        row = ChoiceRow(np.zeros(self.n_factors), np.zeros((n, self.n_factors)))
        if n == 0:
            return row  # no choice is known: that is not somebody who chooses nothing
        if self.solved is not None:
            solved = self.solved.fold_in(
                self.item_factors[:, :n_solved], self._offsets, self._solved_sums, item_idx, each
            )
            row.constant[:n_solved], row.parts[:, :n_solved] = solved.constant, solved.parts
        row.parts[:, n_solved:] = each[:, None] * self.item_inputs[item_idx]
        row.constant[n_solved:] = -n / (n + self.few) * self.input_mean
        return row

    def fold_in_item(
        self, user_idx: Int32Array, weight: Float32Array | None = None, features: FeatureRow | None = None
    ) -> ItemChoiceRow:
        """The row of an item that `user_idx` chose, users held still: least squares over all users.

        Its prior is as wide as the rows of the items are, around what its features say, or zero.

        Args:
            user_idx: who chose it, each once; may be empty.
            weight: as for `fold_in_user`.
            features: what else is known of it; None (default) for nothing.
        """
        n, a0 = len(user_idx), self._unchosen_weight
        each = np.ones(n) if weight is None else weight.astype(np.float64)
        share = n / max(self.n_users, 1)
        prior = np.zeros(self.n_factors + 1)
        if self.item_feature_weights is not None and features is not None:
            prior += features.values.astype(np.float64) @ self.item_feature_weights[features.columns]
        # A bias that is believed of features counts until there are choices, which then say it themselves.
        bias = float(self.biases_of(np.array([share], np.float32))[0]) + prior[-1] / (1 + n)
        p = self.user_factors[user_idx].astype(np.float64)
        more, (gram, total) = each - a0, self._user_sums
        lead = (p * (each - more * bias)[:, None]).sum(axis=0) - a0 * bias * total
        pull = self._item_ridge
        lhs = a0 * gram + (p * more[:, None]).T @ p + np.diag(pull)
        q = np.linalg.solve(lhs, lead + pull * prior[:-1]) if n else prior[:-1]
        return ItemChoiceRow(share, bias, q, q @ self._inputs_of_factors)

    def with_rows(self, n_users: int, n_items: int) -> ChoiceModel:
        """The same model with cold rows appended: users who get the most chosen items, items that nobody has chosen."""
        users, items = n_users - self.n_users, n_items - self.n_items
        return replace(
            self,
            user_factors=_grown(self.user_factors, users),
            item_factors=_grown(self.item_factors, items),
            item_inputs=_grown(self.item_inputs, items),
            item_popularity=np.append(self.item_popularity, np.zeros(items, np.float32)),
            item_biases=np.append(self.item_biases, self.biases_of(np.zeros(items, np.float32))),
        )

    def with_row(self, side: str, row: ChoiceRow | ItemChoiceRow) -> ChoiceModel:
        """The same model with one more row.

        Args:
            side: "user" or "item".
            row: from `fold_in_user` or `fold_in_item`.
        """
        if isinstance(row, ChoiceRow) != (side == "user"):
            raise TypeError(f"a row of {type(row).__name__} is no row of side {side!r}")
        if isinstance(row, ChoiceRow):
            return replace(self, user_factors=_with_last(self.user_factors, row.factors))
        return replace(
            self,
            item_factors=_with_last(self.item_factors, row.factors),
            item_inputs=_with_last(self.item_inputs, row.inputs),
            item_popularity=np.append(self.item_popularity, np.float32(row.popularity)),
            item_biases=np.append(self.item_biases, np.float32(row.bias)),
        )

    def without_user(self, row: int) -> ChoiceModel:
        """The same model without a user's row; what the items' rows learned from the user stays in them."""
        return replace(self, user_factors=np.delete(self.user_factors, row, axis=0))

    def with_choices(
        self, user_idx: Int64Array, indptr: Int64Array, item_idx: Int32Array, weight: Float32Array | None = None
    ) -> ChoiceModel:
        """The same model with the rows of some users made anew from all their choices.

        Args:
            user_idx: whose.
            indptr, item_idx: the choices of the t-th of them are `item_idx[indptr[t]:indptr[t + 1]]`.
            weight: as for `fold_in_user`.
        """
        factors = self.user_factors.copy()
        for t, user in enumerate(user_idx):
            chosen = slice(indptr[t], indptr[t + 1])
            part = None if weight is None else weight[chosen]
            factors[user] = self.fold_in_user(item_idx[chosen], part).factors
        return replace(self, user_factors=factors)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        found: dict[str, NDArray[np.generic]] = {
            "item_biases": self.item_biases,
            "item_popularity": self.item_popularity,
            "user_factors": halved(self.user_factors),
            "item_factors": halved(self.item_factors),
            "item_inputs": halved(self.item_inputs),
            "input_mean": self.input_mean,
        }
        if self.solved is not None:
            found |= {"solved_mean": self.solved.mean, "solved_precision": self.solved.precision}
        if self.item_feature_weights is not None:
            found["item_feature_weights"] = self.item_feature_weights
        return found

    def settings(self) -> dict[str, Setting]:
        solved: dict[str, Setting] = {}
        if self.solved is not None:
            solved = {name: getattr(self.solved, name) for name in ("unchosen_weight", "count_power", "scale")}
        return solved | {"few": self.few}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> ChoiceModel:
        """Rebuild from `arrays()` and `settings()`.

        Raises:
            FormatError: an array or setting is missing, or has another type or shape than the rest asks for.
        """
        n_users, n_factors = shape_of(arrays, "user_factors")
        n_items, n_summed = shape_of(arrays, "item_inputs")
        if n_summed > n_factors:
            raise FormatError(
                f"the model's array 'item_inputs' has {n_summed} columns, more than its {n_factors} factors"
            )
        weights = None
        if "item_feature_weights" in arrays:
            n_features, _ = shape_of(arrays, "item_feature_weights")
            weights = single(arrays, "item_feature_weights", n_features, n_factors + 1)
        return cls(
            item_biases=single(arrays, "item_biases", n_items),
            item_popularity=not_negative(single(arrays, "item_popularity", n_items), "item_popularity"),
            user_factors=single_or_half(arrays, "user_factors", n_users, n_factors),
            item_factors=single_or_half(arrays, "item_factors", n_items, n_factors),
            item_inputs=single_or_half(arrays, "item_inputs", n_items, n_summed),
            input_mean=double(arrays, "input_mean", n_summed),
            solved=_solved_from(arrays, settings, n_factors - n_summed),
            few=number(settings, "few", 0, _LARGEST),
            item_feature_weights=weights,
        )

    @property
    def _unchosen_weight(self) -> float:
        """a0 of the items' least squares; without solved columns all cells weigh the same."""
        return 1.0 if self.solved is None else self.solved.unchosen_weight

    @cached_property
    def _offsets(self) -> Float32Array:
        return unchosen_target(self.item_popularity, self._unchosen_weight)

    @cached_property
    def _solved_sums(self) -> tuple[Float64Array, Float64Array]:
        q = self.item_factors[:, : self.n_solved]
        return (q.T @ q).astype(np.float64), (self._offsets @ q).astype(np.float64)

    @cached_property
    def _user_sums(self) -> tuple[Float64Array, Float64Array]:
        p = self.user_factors
        return (p.T @ p).astype(np.float64), p.sum(axis=0, dtype=np.float64)

    @cached_property
    def _item_ridge(self) -> Float64Array:
        """Noise over variance of each column of Q: how a new item's row is held to its prior."""
        a0, n = self._unchosen_weight, max(self.n_users, 1)
        mean = float(self.item_popularity.mean(dtype=np.float64)) if self.n_items else 0.0
        noise = mean + a0 * (1 - mean)  # mean square of a cell that is predicted by nothing
        spread = (
            np.square(self.item_factors, dtype=np.float64).mean(axis=0) if self.n_items else np.ones(self.n_factors)
        )
        ridge: Float64Array = noise * np.minimum(1 / np.maximum(spread, 1e-12), n * 1e6)
        return ridge

    @cached_property
    def _inputs_of_factors(self) -> Float64Array:
        """T with E ~ Q T, least squares: what an item of which only q is known adds to the summed columns."""
        found: Float64Array = np.linalg.lstsq(
            self.item_factors.astype(np.float64), self.item_inputs.astype(np.float64), rcond=1e-6
        )[0]
        return found

    @cached_property
    def _summed_share(self) -> float:
        """What the learner of summed columns and popularity count: c of `biases_of`."""
        own = self.item_popularity.astype(np.float64)
        squares = float(own @ own)
        rest = self.item_biases.astype(np.float64) - self._expected(self.item_popularity)
        return float(rest @ own) / squares if squares > 0 else 1.0

    def _expected(self, popularity: Float32Array) -> Float64Array:
        """What the solved columns expect of popularity alone; zero without such columns."""
        if self.solved is None:
            return np.zeros(len(popularity))
        return self.solved.scale * unchosen_target(popularity, self.solved.unchosen_weight).astype(np.float64)


def _solved_from(
    arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting], n_solved: int
) -> SolvedPart | None:
    if n_solved == 0:
        return None
    precision = double(arrays, "solved_precision", n_solved)
    if not (precision >= 0).all():
        raise FormatError("the model's array 'solved_precision' holds values below zero")
    return SolvedPart(
        number(settings, "unchosen_weight", 0, _LARGEST),
        double(arrays, "solved_mean", n_solved),
        precision,
        number(settings, "count_power", 0, 1),
        number(settings, "scale", 1e-30, _LARGEST),
    )


def _grown(table: Float32Array, more: int) -> Float32Array:
    return np.concatenate([table, np.zeros((more, table.shape[1]), np.float32)])


def _with_last(table: Float32Array, row: Float64Array) -> Float32Array:
    return np.concatenate([table, row.astype(np.float32)[None]])
