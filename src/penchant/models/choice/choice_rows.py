"""One new row of a ChoiceModel: what each of its choices puts into it, and what is there without them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array

__all__ = ["ChoiceRow", "ItemChoiceRow", "SolvedPart", "unchosen_target"]


@dataclass(frozen=True, eq=False)
class ChoiceRow:
    """A user's row p as a sum: p = constant + sum_j parts_j, one part for each chosen item.

    The score of item i is b_i + p . q_i, so `parts @ q_i` is what each choice adds to it, exactly.

    Attributes:
        constant: what is there beside the choices, float64, shape (n_factors,).
        parts: what each choice adds, float64, shape (n_choices, n_factors).
    """

    constant: Float64Array
    parts: Float64Array

    @property
    def factors(self) -> Float64Array:
        """The row p, float64, shape (n_factors,)."""
        row: Float64Array = self.constant + self.parts.sum(axis=0)
        return row


@dataclass(frozen=True, eq=False)
class ItemChoiceRow:
    """An item's row.

    Attributes:
        popularity: share of the users who chose it.
        bias: b, its score for somebody of whom nothing is known.
        factors: q, float64, shape (n_factors,).
        inputs: what choosing it adds to the summed columns of a user's row, float64, shape (n_summed,).
    """

    popularity: float
    bias: float
    factors: Float64Array
    inputs: Float64Array


@dataclass(frozen=True, eq=False)
class SolvedPart:
    """How the solved columns of a user's row follow from the choices: least squares over all items.

    With w_j the weight of choice j, a0 that of each item not chosen, o_i what popularity alone expects of item i
    (`unchosen_target`), and n = sum_j w_j + a0 (items not chosen), a row p minimises

        sum_i a_i (c_i - o_i - p . q_i)^2 + n^count_power sum_k precision_k (p_k - mean_k)^2

    Attributes:
        unchosen_weight: a0.
        mean, precision: of the prior, float64, shape (n_solved,).
        count_power: how the prior's precision grows with the weight of a row's cells, 0 to 1.
        scale: the columns are kept times its square root, on both sides: what this learner counts in a mix.

    Source: Hu, Koren, Volinsky (2008); the penalty's power: Rendle, Krichene, Zhang, Koren (2022), "Revisiting the
    performance of iALS on item recommendation benchmarks".
    """

    unchosen_weight: float
    mean: Float64Array
    precision: Float64Array
    count_power: float = 0.0
    scale: float = 1.0

    @property
    def n_solved(self) -> int:
        """How many columns are solved."""
        return len(self.precision)

    def scaled(self, share: float) -> SolvedPart:
        """The same learner at `share` times its scale."""
        return replace(self, scale=self.scale * share)

    def ridge(self, weight: float, n_chosen: int, n_items: int) -> float:
        """What the precision is multiplied with.

        Args:
            weight: of all choices of the row together.
            n_chosen: how many there are.
            n_items: how many items there are, chosen or not.
        """
        return float((weight + self.unchosen_weight * (n_items - n_chosen)) ** self.count_power)

    def fold_in(
        self,
        item_factors: Float32Array,
        offsets: Float32Array,
        sums: tuple[Float64Array, Float64Array],
        item_idx: np.ndarray,
        weight: Float64Array,
    ) -> ChoiceRow:
        """A row given its choices: one `n_solved`-square solve.

        Args:
            item_factors: Q of the solved columns, as the model keeps them.
            offsets: o, shape (n_items,).
            sums: sum_i q_i q_i^T and sum_i o_i q_i over all items, of the rows as they are kept.
            item_idx, weight: the choices.
        """
        root, a0 = np.sqrt(self.scale), self.unchosen_weight
        q = item_factors[item_idx].astype(np.float64) / root
        gram, offset_sum = sums[0] / self.scale, sums[1] / root
        pull = self.ridge(float(weight.sum()), len(q), len(offsets)) * self.precision
        more = weight - a0
        precision = a0 * gram + (q * more[:, None]).T @ q + np.diag(pull)
        rights = q * (weight - more * offsets[item_idx])[:, None]
        solved = np.linalg.solve(precision, np.vstack([pull * self.mean - a0 * offset_sum, rights]).T).T * root
        return ChoiceRow(solved[0], solved[1:])


def unchosen_target(popularity: Float32Array, unchosen_weight: float) -> Float32Array:
    """What popularity alone expects of each item's cells: f / (f + a0 (1 - f)); float32, shape (n_items,).

    Args:
        popularity: f, the share of the users who chose each item, shape (n_items,).
        unchosen_weight: a0, what a cell that was not chosen weighs where a chosen one weighs 1.
    """
    share = popularity.astype(np.float64)
    below = share + unchosen_weight * (1 - share)
    return np.divide(share, below, out=np.zeros_like(share), where=below > 0).astype(np.float32)
