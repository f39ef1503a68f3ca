"""What a solver of choices saw of a validation part: scores that it can be calibrated by, without a second training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import BoolArray, Float32Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.solver import Epoch

if TYPE_CHECKING:
    from penchant.solvers.choice.held_out_choices import HeldOut

__all__ = ["Validated", "ValidatedEpoch"]


@dataclass(frozen=True, eq=False)
class Validated:
    """Scores of the people of a validation part, learned without it, on the scale of the model's scores.

    Attributes:
        held: the validation part.
        biases: b, shape (n_items,).
        user_factors: P of `held.users` only, shape (n, n_factors).
        item_factors: Q.
    """

    held: HeldOut
    biases: Float32Array
    user_factors: Float32Array
    item_factors: Float32Array

    @classmethod
    def of(cls, held: HeldOut, model: ChoiceModel) -> Validated:
        """The scores of a model that was learned from `held.rest`."""
        return cls(held, model.item_biases, model.user_factors[held.users], model.item_factors)

    def scaled(self, size: float) -> Validated:
        """Scores times `size`."""
        by = np.float32(size)
        return Validated(self.held, by * self.biases, by * self.user_factors, self.item_factors)

    def candidates(self, n_cells: int) -> tuple[Float32Array, BoolArray]:
        """Scores of what people of the part had not chosen before, and what of it they chose; shape (n,) each.

        Args:
            n_cells: how many scores, about; people are left out evenly.
        """
        held, grouped = self.held, self.held.rest.by_user
        n_users = int(np.clip(n_cells // max(len(self.biases), 1), 1, len(held.users)))
        scores, chosen = [], []
        for t in np.linspace(0, len(held.users) - 1, n_users).astype(np.int64):
            user = held.users[t]
            row = self.user_factors[t] @ self.item_factors.T + self.biases
            hit = np.zeros(len(row), np.bool_)
            hit[held.items[held.indptr[t] : held.indptr[t + 1]]] = True
            is_open = np.ones(len(row), np.bool_)
            is_open[grouped.others[grouped.indptr[user] : grouped.indptr[user + 1]]] = False
            scores.append(row[is_open])
            chosen.append(hit[is_open])
        return np.concatenate(scores), np.concatenate(chosen)


class ValidatedEpoch(Epoch[ChoiceModel]):
    """An epoch of a solver that chose its settings on a validation part.

    Attributes:
        validated: what it saw there.
    """

    def __init__(
        self,
        draft: ChoiceModel,
        train_loss: float,
        finish: Callable[[], ChoiceModel] | None,
        validated: Validated | None,
    ) -> None:
        super().__init__(draft, train_loss, finish)
        self.validated = validated
