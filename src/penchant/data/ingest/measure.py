"""Measure of a user-item pair: stars, or that the item was chosen and how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from penchant.data.ingest.duplicates import Policy
from penchant.data.ingest.faults import Fault
from penchant.data.ingest.values import LARGEST, Checked, numbers_of
from penchant.data.tables import Column
from penchant.errors import ParameterError
from penchant.text import Setting, Words

__all__ = ["Measure", "stars", "weights"]


@dataclass(frozen=True)
class Measure:
    """The one number that each row carries, and the words for it.

    Attributes:
        role: the column that holds it, as `recognise` calls it.
        noun: what a row is called: "rating", "choice".
        done: what the user has done with the item: "rated", "chosen".
        policies: what may become of a pair that occurs more than once; the first is the usual one.
        check: the numbers of a batch, and what is wrong with them.
    """

    role: Literal["rating", "weight"]
    noun: str
    done: str
    policies: tuple[Policy, ...]
    check: Callable[[Column], Checked]


def stars(scale: tuple[float, float] | None) -> Measure:
    """Ratings: finite numbers, within `scale` where that is given.

    Raises:
        ParameterError: `scale` is no (lowest, highest).
    """
    if scale is not None and not _is_scale(scale):
        wanted = ": use the lowest and the highest rating, such as (1, 5)"
        raise ParameterError(Setting("rating_scale", scale), wanted)
    return Measure(
        "rating", "rating", "rated", ("last", "first", "mean", "error"), lambda column: _stars(column, scale)
    )


def weights() -> Measure:
    """How often, or how much, an item was chosen: finite numbers above 0."""
    return Measure("weight", "choice", "chosen", ("sum", "last", "first", "error"), _weights)


def _is_scale(scale: object) -> bool:
    if isinstance(scale, str):
        return False
    lo: float
    hi: float
    try:
        lo, hi = map(float, scale)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return False
    return -LARGEST <= lo < hi <= LARGEST


def _stars(column: Column, scale: tuple[float, float] | None) -> Checked:
    checked = numbers_of(column, "ratings")
    if scale is None:
        return checked
    low, high = np.float32(scale[0]), np.float32(scale[1])
    outside = ((checked.values < low) | (checked.values > high)) & checked.good()
    if outside.any():
        checked.faults.append(Fault(f"outside the rating scale {scale[0]:g} to {scale[1]:g}", outside))
    return checked


def _weights(column: Column) -> Checked:
    checked = numbers_of(column, "weights")
    unchosen = (checked.values <= 0) & checked.good()
    if unchosen.any():
        # A dislike is no weak choice: as a weight it would have to count against the item, and no solver could tell it
        # from a mistake. So it has to be said where it can be said: by leaving the row out, or in stars.
        hint: Words = (
            "leave what is no choice out with ",
            Setting("invalid", "drop"),
            "; likes and dislikes go in as stars, with penchant.read_ratings",
        )
        checked.faults.append(Fault("not above 0", unchosen, hint))
    return checked
