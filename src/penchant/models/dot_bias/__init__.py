"""The dot-product-with-bias model (biased matrix factorisation), and what it answers."""

from __future__ import annotations

from penchant.models.dot_bias.dot_bias import DotBias
from penchant.models.dot_bias.row_prior import RowPosterior, RowPrior
from penchant.models.dot_bias.spread import Spread

__all__ = ["DotBias", "RowPosterior", "RowPrior", "Spread"]
