"""What scores choices for anybody, anywhere: the part of an export that is about who chooses what.

docs/phone.md says what is in the files, and has the lines of JavaScript that use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.ranking_order import RankingOrder
from penchant.storage.exports.short_numbers import column_sizes, in_steps, listed_rows, short

__all__ = ["ChoiceExport"]

_COARSER = 10  # standard deviations of a score for each unit of `precision`: lists stand more than ratings do


@dataclass(frozen=True, eq=False)
class ChoiceExport:
    """A model of choices without its users.

    Attributes:
        model: of choices.
        order: makes chances of its scores.
    """

    model: ChoiceModel
    order: RankingOrder

    def head(self) -> dict[str, object]:
        """All but what there is for each item."""
        model, part = self.model, self.model.solved
        order = self.order.settings()
        for name in ("knots", "log_chance"):
            order[name] = short(np.array(order[name], np.float64))
        solved: dict[str, object] | None = None
        if part is not None:
            solved = {
                "unchosen_weight": short(np.float64(part.unchosen_weight)),
                "mean": short(part.mean),
                "precision": short(part.precision),
                "count_power": part.count_power,
                "scale": short(np.float64(part.scale)),
            }
        return {
            "solved": solved,
            "input_mean": short(model.input_mean),
            "few": short(np.float64(model.few)),
            "order": order,
        }

    def columns(self) -> dict[str, Any]:
        """Columns of a table with one row an item."""
        import pyarrow as pa

        model = self.model
        found = {
            "popularity": pa.array(model.item_popularity),
            "choice_bias": pa.array(model.item_biases),
            "choice_factors": listed_rows(model.item_factors),
        }
        if model.item_inputs.shape[1]:
            found["choice_inputs"] = listed_rows(model.item_inputs)
        return found

    def document(self, precision: float) -> dict[str, object]:
        """The same as JSON: rows [q, b], and what choosing an item adds to a person, as whole numbers of steps.

        Args:
            precision: how far rounding may move a score, in tenths of its standard deviation.
        """
        model = self.model
        room = _COARSER * precision * _spread(model)
        rows = np.column_stack([model.item_factors, model.item_biases])
        steps = room * np.sqrt(12 / rows.shape[1]) / np.append(column_sizes(model.user_factors), 1.0)
        # An input moves p as rounding moves q: what matters is how far the other factor carries it.
        carried = column_sizes(model.item_factors[:, model.n_solved :])
        input_steps = room * np.sqrt(12 / max(len(carried), 1)) / carried
        steps, input_steps = (np.array(short(each)) for each in (steps, input_steps))
        return self.head() | {
            "steps": short(steps),
            "rows": in_steps(rows, steps),
            "input_steps": short(input_steps),
            "inputs": in_steps(model.item_inputs, input_steps),
            "popularity": short(model.item_popularity, 4),
        }


def _spread(model: ChoiceModel) -> float:
    """Standard deviation of what users' rows add to scores, from the moments of both sides; 1 where it is nothing."""
    p, q = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    moments: tuple[Float64Array, Float64Array] = (p.T @ p / max(len(p), 1), q.T @ q / max(len(q), 1))
    found = float(np.sqrt(max(float(np.sum(moments[0] * moments[1])), 0.0)))
    return found or 1.0
