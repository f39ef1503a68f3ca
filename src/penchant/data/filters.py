"""Filters of items by their attributes: which may be recommended."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray
from penchant.checks import is_missing, is_real
from penchant.data.attributes import Attributes
from penchant.errors import ParameterError
from penchant.text import Argument

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Where", "allowed"]

Where: TypeAlias = "str | Mapping[str, object] | Callable[[pd.DataFrame], Any]"


def allowed(where: Where, attributes: Attributes, frame: Callable[[], pd.DataFrame]) -> BoolArray:
    """Which rows meet a condition, shape (n_rows,).

        "in_cinemas"                                 a column of 0 and 1
        {"genres": "Comedy", "year": (1990, 1999)}   all of several conditions
        lambda films: films.year > 1990              anything that a table of the attributes can tell

    A condition on a column is one of

        value                 equal to it; of tags (genres), one of them
        [value, ...]          any of these
        (lowest, highest)     of numbers, from and to, both included; None leaves an end open
        {"not": condition}    none of what meets the condition
        {"all": [c, ...]}     every one of these conditions, such as two genres at once
        {"any": [c, ...]}     one of these conditions

    What is not known of an item (no year, no genres) meets no condition but "not".

    Args:
        where: the condition.
        attributes: what is known of each row.
        frame: makes a table of it, for a function.

    Raises:
        ParameterError: no such column, or a condition that does not fit it.
    """
    if isinstance(where, str):
        column = _column(where, attributes)
        if column.dtype == np.object_ or not np.isin(column[~np.isnan(column.astype(np.float64))], (0, 1)).all():
            raise ParameterError(
                Argument("where"), f" is {where!r}, a column that is not of 0 and 1: use {{{where!r}: value}}"
            )
        return np.asarray(column == 1)
    if isinstance(where, Mapping):
        try:
            return _all_met(where, attributes)
        except RecursionError as error:
            raise ParameterError(Argument("where"), " is nested too deeply: use a simpler condition") from error
    if not callable(where):
        raise ParameterError(
            Argument("where"),
            f" is {_shown(where)}: use a dict such as {{'genres': 'Comedy', 'year': (1990, 1999)}}, the name of a "
            "column of 0 and 1, or a function of a table",
        )
    return _answer(where(frame()), attributes.n_rows)


def _all_met(where: Mapping[str, object], attributes: Attributes) -> BoolArray:
    mask = np.ones(attributes.n_rows, np.bool_)
    for name, condition in where.items():
        mask &= _meets(str(name), _column(name, attributes), condition)
    return mask


def _answer(answer: object, n_rows: int) -> BoolArray:
    mask = np.asarray(answer)
    if mask.shape != (n_rows,) or mask.dtype.kind not in "bO":
        raise ParameterError(
            Argument("where"), f" gave {type(answer).__name__} of shape {mask.shape}: give one True or False an item"
        )
    if mask.dtype == np.object_:
        mask = np.array([not is_missing(value) and bool(value) for value in mask.tolist()], np.bool_)
    return mask.astype(np.bool_)


def _shown(condition: object) -> str:
    """A condition in a message, which may be nested without end."""
    return reprlib.repr(condition)


def _column(name: object, attributes: Attributes) -> NDArray[np.generic]:
    if name not in attributes:
        near = difflib.get_close_matches(str(name), list(attributes), n=1)
        known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(attributes) or 'none'}"
        raise ParameterError(
            Argument("where"), f" asks for the attribute {name!r} of items, which is not known: {known}"
        )
    return attributes[str(name)]


def _meets(name: str, column: NDArray[np.generic], condition: object) -> BoolArray:
    if isinstance(condition, Mapping):
        return _combined(name, column, condition)
    if isinstance(condition, tuple) and column.dtype != np.object_:
        return _between(name, column, condition)
    if isinstance(condition, np.ndarray) and condition.ndim == 1:
        condition = condition.tolist()
    if isinstance(condition, list | tuple | set | frozenset):
        mask = np.zeros(len(column), np.bool_)
        for value in condition:
            mask |= _equal(name, column, value)
        return mask
    return _equal(name, column, condition)


def _combined(name: str, column: NDArray[np.generic], condition: Mapping[Any, object]) -> BoolArray:
    if len(condition) != 1 or next(iter(condition)) not in ("not", "all", "any"):
        raise ParameterError(
            Argument("where"),
            f"[{name!r}] is {_shown(condition)}: use {{'not': ...}}, {{'all': [...]}} or {{'any': [...]}}",
        )
    ((how, inner),) = condition.items()
    if how == "not":
        return ~_meets(name, column, inner)
    if not isinstance(inner, list | tuple):  # a set can't hold conditions
        raise ParameterError(
            Argument("where"), f"[{name!r}] is {_shown(condition)}: {how!r} takes a list of conditions"
        )
    masks = [_meets(name, column, each) for each in inner]
    empty = np.full(len(column), how == "all")
    join = np.logical_and if how == "all" else np.logical_or
    met: BoolArray = join.reduce([empty, *masks])
    return met


def _between(name: str, column: NDArray[np.generic], ends: tuple[object, ...]) -> BoolArray:
    if len(ends) != 2 or not all(end is None or is_real(end) for end in ends):
        raise ParameterError(
            Argument("where"), f"[{name!r}] is {ends!r}: use (lowest, highest), with None for an open end"
        )
    numbers = column.astype(np.float64)
    lo, hi = (default if end is None else float(end) for end, default in zip(ends, (-np.inf, np.inf), strict=True))  # type: ignore[arg-type]
    return (numbers >= lo) & (numbers <= hi)


def _equal(name: str, column: NDArray[np.generic], value: object) -> BoolArray:
    if column.dtype != np.object_:
        if not is_real(value) and not isinstance(value, bool):
            raise ParameterError(Argument("where"), f"[{name!r}] is {_shown(value)}, and the column holds numbers")
        return np.asarray(column == value)
    if not isinstance(value, str):
        raise ParameterError(Argument("where"), f"[{name!r}] is {_shown(value)}, and the column holds text")
    known = column.tolist()
    return np.array([value in each if isinstance(each, tuple) else each == value for each in known], np.bool_)
