"""What scores items for anybody, anywhere: factors and biases of items and the prior of a person, as Parquet or JSON.

docs/phone.md says what is in the files, and has the few lines of JavaScript that use them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, ObjectArray
from penchant.models.answers import ScoringRule
from penchant.models.dot_bias.row_prior import RowPrior
from penchant.storage.exports.choice_export import ChoiceExport
from penchant.storage.exports.short_numbers import column_sizes, in_steps, listed_rows, short

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ItemExport"]

_VERSION = 1


@dataclass(frozen=True, eq=False)
class ItemExport:
    """A model without its users.

    Attributes:
        rule: what scores items: the model's sum, and what it takes to fold somebody in; None where no stars were
            learned.
        ids: of the items, in row order, as numbers or text.
        titles: of the items, None where one has none; None where no item has one.
        rating_scale: (lo, hi).
        choosing: what scores choices; None (default) where they were not learned.
    """

    rule: ScoringRule | None
    ids: Sequence[int | str]
    titles: ObjectArray | None
    rating_scale: tuple[float, float]
    choosing: ChoiceExport | None = None

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

        columns: dict[str, Any] = {"item_id": pa.array(self.ids)}
        if self.titles is not None:
            columns["title"] = pa.array(self.titles.tolist(), pa.string())
        if self.rule is not None:
            form, implicit = self.rule.form, self.rule.prior.implicit_weights
            columns |= {"bias": pa.array(form.item_biases), "factors": listed_rows(form.item_factors)}
            columns["weight"] = pa.array(self.rule.weights)
            if implicit is not None:
                columns["choice"] = listed_rows(implicit)
        head = self._head()
        if self.choosing is not None:
            columns |= self.choosing.columns()
            head["choosing"] = self.choosing.head()
        told = json.dumps(head, separators=(",", ":")).encode()
        return pa.table(columns).replace_schema_metadata({b"penchant": told})

    def _document(self, precision: float) -> dict[str, object]:
        document = self._head() | {"ids": list(self.ids)}
        if self.titles is not None:
            document["titles"] = self.titles.tolist()
        if self.rule is not None:
            document |= _rating_rows(self.rule, precision)
        if self.choosing is not None:
            document["choosing"] = self.choosing.document(precision)
        return document

    def _head(self) -> dict[str, object]:
        head: dict[str, object] = {"format": "penchant items", "version": _VERSION}
        if self.rule is None:
            return head
        form = self.rule.form
        return head | {
            "rating_scale": list(self.rating_scale),
            "y_range": None if form.y_range is None else list(form.y_range),
            "mean": short(np.float64(form.global_mean)),
            "prior": _prior(self.rule.prior),
        }


def _rating_rows(rule: ScoringRule, precision: float) -> dict[str, object]:
    """The rows of a model of ratings, in steps."""
    form, implicit = rule.form, rule.prior.implicit_weights
    rows, steps = np.column_stack([form.item_factors, form.item_biases]), _steps(rule, precision, form.user_factors)
    told = {"steps": short(steps), "rows": in_steps(rows, steps), "weights": short(rule.weights, 4)}
    if implicit is not None:
        # A choice moves p as rounding moves q: what matters is how far the other factor carries it.
        choice_steps = _steps(rule, precision, form.item_factors)
        told |= {"choice_steps": short(choice_steps), "choices": in_steps(implicit, choice_steps)}
    return told


def _steps(rule: ScoringRule, precision: float, others: Float32Array) -> Float64Array:
    """A step for each factor, and one for the bias."""
    y_range = rule.form.y_range
    steepest = 1.0 if y_range is None else (y_range[1] - y_range[0]) / 4
    size = np.append(column_sizes(others), 1.0)
    return np.array(short(precision / steepest * np.sqrt(12 / len(size)) / size))


def _prior(prior: RowPrior) -> dict[str, object]:
    """What is believed of a person; `cold_mean` is always there, so that a reader has one case: see docs/phone.md."""
    grows = prior.precision_of(1).tolist() != prior.precision_of(2).tolist()
    return {
        "mean": short(prior.mean),
        "cold_mean": short(prior.mean if prior.cold_mean is None else prior.cold_mean),
        "half_known": 0 if prior.cold_mean is None else round(1 / prior.choice_share(1) - 1),
        "precision": short(prior.precision_of(1)),
        "count_power": prior.count_power if grows else 0,
    }
