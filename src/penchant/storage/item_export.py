"""What scores items for anybody, anywhere: factors and biases of items and the prior of a person, as Parquet or JSON.

docs/phone.md says what is in the files, and has the few lines of JavaScript that use them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, ObjectArray
from penchant.models.answers import ScoringRule
from penchant.models.dot_bias.row_prior import RowPrior

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ItemExport"]

_DIGITS = 6  # significant ones, of the few numbers that are not rounded to steps
_VERSION = 1


@dataclass(frozen=True, eq=False)
class ItemExport:
    """A model without its users.

    Attributes:
        rule: what scores items: the model's sum, and what it takes to fold somebody in.
        ids: of the items, in row order, as numbers or text.
        titles: of the items, None where one has none; None where no item has one.
        rating_scale: (lo, hi).
    """

    rule: ScoringRule
    ids: Sequence[int | str]
    titles: ObjectArray | None
    rating_scale: tuple[float, float]

    def to_json(self, precision: float) -> bytes:
        """Compact JSON: item rows [q, b] (and what choosing an item says of a person) as whole numbers of steps.

            q_ik  ~  n_ik step_k,     step_k = precision sqrt(12 / (n_factors + 1)) / rms(p_k)

        so that rounding moves a prediction by about `precision` (its standard deviation over users).

        Args:
            precision: in rating units.
        """
        return json.dumps(self._document(precision), separators=(",", ":"), ensure_ascii=False).encode()

    def to_table(self) -> pa.Table:
        """One row an item, float32 as in the model; all else is in the metadata of the schema, under "penchant"."""
        import pyarrow as pa

        form = self.rule.form
        columns: dict[str, Any] = {"item_id": pa.array(self.ids)}
        if self.titles is not None:
            columns["title"] = pa.array(self.titles.tolist(), pa.string())
        columns |= {"bias": pa.array(form.item_biases), "factors": _listed(form.item_factors)}
        columns["weight"] = pa.array(self.rule.weights)
        if self._choices is not None:
            columns["choice"] = _listed(self._choices)
        head = json.dumps(self._head(), separators=(",", ":")).encode()
        return pa.table(columns).replace_schema_metadata({b"penchant": head})

    def _document(self, precision: float) -> dict[str, object]:
        form = self.rule.form
        rows = np.column_stack([form.item_factors, form.item_biases])
        steps = self._steps(precision, form.user_factors)
        document = self._head() | {"steps": _short(steps), "ids": list(self.ids)}
        if self.titles is not None:
            document["titles"] = self.titles.tolist()
        document |= {"rows": _in_steps(rows, steps), "weights": _short(self.rule.weights, 4)}
        if self._choices is not None:
            # A choice moves p as rounding moves q: what matters is how far the other factor carries it.
            choice_steps = self._steps(precision, form.item_factors)
            document |= {"choice_steps": _short(choice_steps), "choices": _in_steps(self._choices, choice_steps)}
        return document

    def _head(self) -> dict[str, object]:
        form = self.rule.form
        return {
            "format": "penchant items",
            "version": _VERSION,
            "rating_scale": list(self.rating_scale),
            "y_range": None if form.y_range is None else list(form.y_range),
            "mean": _short(np.float64(form.global_mean)),
            "prior": _prior(self.rule.prior),
        }

    @property
    def _choices(self) -> Float32Array | None:
        return self.rule.prior.implicit_weights

    def _steps(self, precision: float, others: Float32Array) -> Float64Array:
        """A step for each factor, and one for the bias."""
        y_range = self.rule.form.y_range
        steepest = 1.0 if y_range is None else (y_range[1] - y_range[0]) / 4
        size = np.ones(others.shape[1] + 1)
        if len(others):
            size[:-1] = np.sqrt(np.mean(others.astype(np.float64) ** 2, axis=0))
        size[size == 0] = 1
        return np.array(_short(precision / steepest * np.sqrt(12 / len(size)) / size))


def _prior(prior: RowPrior) -> dict[str, object]:
    """What is believed of a person; `cold_mean` is always there, so that a reader has one case: see docs/phone.md."""
    grows = prior.precision_of(1).tolist() != prior.precision_of(2).tolist()
    return {
        "mean": _short(prior.mean),
        "cold_mean": _short(prior.mean if prior.cold_mean is None else prior.cold_mean),
        "half_known": 0 if prior.cold_mean is None else round(1 / prior.choice_share(1) - 1),
        "precision": _short(prior.precision_of(1)),
        "count_power": prior.count_power if grows else 0,
    }


def _short(values: NDArray[np.floating] | np.float64, digits: int = _DIGITS) -> Any:
    """The same as nested lists of numbers with few digits."""
    array = np.asarray(values, np.float64)
    shortened = [float(f"{value:.{digits}g}") for value in array.ravel().tolist()]
    return shortened[0] if array.ndim == 0 else np.reshape(shortened, array.shape).tolist()


def _in_steps(rows: Float32Array, steps: Float64Array) -> list[list[int]]:
    return np.rint(rows.astype(np.float64) / steps).astype(np.int64).tolist()  # type: ignore[no-any-return]


def _listed(rows: Float32Array) -> pa.Array:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).ravel()), rows.shape[1])
