"""Parsing of what callers give: ratings by id or title, attributes by name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

import numpy as np

from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import is_real
from penchant.data.lookup import Many, is_many, listed
from penchant.errors import DataError, ParameterError
from penchant.text import Argument

__all__ = ["as_dict", "chosen_rows", "rated_rows"]

_LARGEST = 1e18  # of a weight, as in tables

Chosen: TypeAlias = "tuple[Int32Array, Float32Array]"


def as_dict(value: object, name: str) -> dict[Any, Any]:
    """What was given by name or id: a dict, a pandas Series, or anything else with `items()`.

    Args:
        value: what was given; None is nothing.
        name: the argument, as the caller wrote it.

    Raises:
        ParameterError: it is something else, or has several values for one name.
    """
    if value is None:
        return {}
    whats = {"ratings": "ids and ratings", "chosen": "ids and weights", "chosen_by": "ids and weights"}
    what = whats.get(name, "attributes and values")
    if not hasattr(value, "items") or getattr(value, "ndim", 1) != 1:
        raise ParameterError(Argument(name), f" is a {type(value).__name__}: use a dict of {what}")
    try:
        pairs = list(value.items())
        found = dict(pairs)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            Argument(name), f" is a {type(value).__name__} without pairs: use a dict of {what}"
        ) from error
    if len(found) < len(pairs):
        raise ParameterError(Argument(name), f" has {len(pairs)} values for {len(found)} names: give one a name")
    return found


def rated_rows(
    rating_scale: tuple[float, float], ratings: Mapping[Hashable, float], look_up: Callable[[Many], Int32Array]
) -> tuple[Int32Array, Float32Array]:
    """Rows of the other side and what they were given.

    Args:
        rating_scale: (lo, hi).
        ratings: by id or title.
        look_up: finds the rows of these.

    Raises:
        DataError: a rating is no number of the scale, or two are of the same row.
        UnknownIdError: an id or title that is not known.
    """
    lo, hi = rating_scale
    for other, rating in ratings.items():
        if not is_real(rating) or not lo <= rating <= hi:
            raise DataError(f"the rating of {other!r} is {rating!r}: use a number from {lo:g} to {hi:g}")
    rows = look_up(list(ratings))
    if len(np.unique(rows)) < len(rows):
        raise DataError("two of the ratings are of the same item, once by its id and once by its title: give one")
    return rows, np.array(list(ratings.values()), dtype=np.float32)


def chosen_rows(chosen: object, name: str, usual: float, look_up: Callable[[Many], Int32Array]) -> Chosen:
    """Rows of the other side of some choices, and how much each of them weighs.

    Args:
        chosen: ids (or titles) in a list; or weights by id, as a dict or a pandas Series; None for nothing.
        name: the argument, as the caller wrote it.
        usual: the weight of a choice in a list.
        look_up: finds the rows of ids.

    Raises:
        ParameterError: something else was given.
        DataError: a weight that is not above 0, or two choices of the same row.
        UnknownIdError: an id or title that is not known.
    """
    if chosen is None or (is_many(chosen) and not hasattr(chosen, "items")):
        ids = [] if chosen is None else list(listed(chosen))
        given: dict[Any, float] = dict.fromkeys(ids, usual)
        if len(given) < len(ids):
            raise DataError(Argument(name), " has the same id twice: give each once")
    elif hasattr(chosen, "items"):
        given = as_dict(chosen, name)
    else:
        told = f" is {chosen!r}: give a list of ids, or a dict of ids and weights"
        raise ParameterError(Argument(name), told)
    for other, weight in given.items():
        if not is_real(weight) or not 0 < weight <= _LARGEST:
            raise DataError(f"the weight of {other!r} is {weight!r}: use a number above 0, at most {_LARGEST:g}")
    rows = look_up(list(given))
    if len(np.unique(rows)) < len(rows):
        raise DataError(Argument(name), " has the same item twice, once by its id and once by its title: give one")
    return rows, np.array(list(given.values()), dtype=np.float32)
