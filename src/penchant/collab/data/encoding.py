"""Encoding of a table of ratings: which column is what, which values there are, and their row numbers."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from penchant.arrays.types import Float32Array, Int64Array
from penchant.checks import is_real, is_whole, require
from penchant.collab.data.categories import Classes
from penchant.errors import ColumnError, DataError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Coded",
    "Columns",
    "as_frame",
    "classes_of",
    "coded",
    "encoded",
    "existing_column",
    "random_split",
    "ratings_of",
]


@dataclass(frozen=True)
class Columns:
    """Which columns hold the users, the items and the ratings."""

    user: str
    item: str
    rating: str

    @classmethod
    def of(cls, frame: pd.DataFrame, user: str | None, item: str | None, rating: str | None) -> Columns:
        """The columns that were named; one that was not is the first, the second or the third.

        Args:
            frame: the table.
            user, item, rating: their names, or None.

        Raises:
            ColumnError: there is no such column, or one is meant to be two things.
        """
        if len(frame.columns) < 3:
            shown = ", ".join(map(repr, frame.columns)) or "none"
            raise ColumnError(
                f"a table of ratings has a column of users, of items and of ratings; this one has {shown}"
            )
        names = []
        for given, place, argument in ((user, 0, "user_name"), (item, 1, "item_name"), (rating, 2, "rating_name")):
            names.append(frame.columns[place] if given is None else existing_column(frame, given, argument))
        if len(set(names)) < 3:
            raise ColumnError(
                f"users, items and ratings are read from {names[0]!r}, {names[1]!r} and {names[2]!r}: give each a "
                "column of its own with user_name=, item_name= and rating_name="
            )
        for name in names:
            if (frame.columns == name).sum() > 1:
                raise ColumnError(f"several columns are called {name!r}: rename them")
        return cls(*names)


def existing_column(frame: pd.DataFrame, name: str, argument: str) -> str:
    """The name of a column, if there is one.

    Args:
        frame: the table.
        name: of the column.
        argument: what asks for it.

    Raises:
        ColumnError: there is none; a near one is suggested.
    """
    if name not in frame.columns:
        texts = [each for each in frame.columns if isinstance(each, str)]
        near = difflib.get_close_matches(str(name), texts, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(map(repr, frame.columns))}"
        raise ColumnError(f"{argument} is {name!r}, and there is no such column{hint}")
    return name


def as_frame(table: object) -> pd.DataFrame:
    """A table as pandas has it; the caller's stays as it is.

    Args:
        table: a pandas DataFrame, `penchant.Ratings`, or anything with `to_pandas()` (polars, pyarrow).

    Raises:
        ParameterError: it is none of these.
    """
    import pandas as pd

    from penchant.data.ratings import Ratings

    if isinstance(table, pd.DataFrame):
        return table
    found = table.to_frame() if isinstance(table, Ratings) else None
    if found is None and callable(convert := getattr(table, "to_pandas", None)):
        found = convert()
    if not isinstance(found, pd.DataFrame):
        raise ParameterError(f"ratings is a {type(table).__name__}: give a pandas DataFrame, such as pd.read_csv gives")
    return found


def random_split(n_rows: int, valid_pct: float, seed: int | None) -> tuple[Int64Array, Int64Array]:
    """Positions of training and of validation ratings, both shuffled: for the same seed those of fastai.

    Args:
        n_rows: ratings.
        valid_pct: share that is held out, rounded down to whole ratings.
        seed: of the shuffle; None for torch's global generator, so that `torch.manual_seed` repeats it.

    Raises:
        ParameterError: `valid_pct` is no share, or leaves nothing to train on; `seed` is no whole number.
    """
    require(is_real(valid_pct) and 0 <= valid_pct < 1, "valid_pct", valid_pct, "a share of at least 0 and less than 1")
    require(seed is None or is_whole(seed), "seed", seed, "a whole number, or None")
    generator = None if seed is None else torch.Generator().manual_seed(int(seed))
    order: Int64Array = torch.randperm(n_rows, generator=generator).numpy()
    cut = int(valid_pct * n_rows)
    return order[cut:], order[:cut]


def ratings_of(column: pd.Series) -> Float32Array:
    """A column of ratings as numbers.

    Args:
        column: numbers, without gaps.

    Raises:
        DataError: a value is missing, infinite, or no number.
    """
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values) | (np.abs(values) > 1e30))
    if len(wrong):
        at = int(wrong[0])
        raise DataError(
            f"the rating in row {at} (of column {column.name!r}) is {column.iloc[at]!r}: ratings are numbers. "
            f"{len(wrong)} of {len(column)} are none: leave those rows out"
        )
    return values.astype(np.float32)


@dataclass(frozen=True)
class Coded:
    """A column as its distinct values, and for every row which of them it holds: `values[codes[row]]`.

    Attributes:
        name: of the column.
        codes: positions in `values`, shape (n,).
        values: distinct values; in the order of the categories where the column has some, else as they come.
        is_text: text or categories, which count wherever they stand.
        is_ordered: `values` are categories.
    """

    name: str
    codes: Int64Array
    values: list[Hashable]
    is_text: bool
    is_ordered: bool


def coded(column: pd.Series) -> Coded:
    """A column as its distinct values and their positions: the one look at every row that its row numbers need.

    Args:
        column: ids or titles.

    Raises:
        DataError: a value is missing, or is a list or something else that can't be an id.
    """
    import pandas as pd

    name: Any = column.name  # mostly a text, but any column of pandas will do
    is_ordered = isinstance(column.dtype, pd.CategoricalDtype)
    if is_ordered:
        codes, values = column.cat.codes.to_numpy(), column.cat.categories.tolist()
    else:
        try:
            codes, found = pd.factorize(column)
        except TypeError as error:
            raise DataError(f"column {name!r} holds values that can't be ids: {error}") from error
        values = found.tolist()
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        n_missing = f"{len(missing)} of {len(column)} rows have none"
        raise DataError(f"row {missing[0]} has no {name!r} ({n_missing}): leave such rows out")
    is_text = is_ordered or column.dtype == object or isinstance(column.dtype, pd.StringDtype)
    return Coded(name, codes.astype(np.int64, copy=False), values, is_text, is_ordered)


def classes_of(column: Coded, train: Int64Array) -> Classes:
    """The values that a column's rows are learned for, in order.

    As in fastai, text counts wherever it stands in the table and all else where it stands in training; a column of
    categories has its own.

    Args:
        column: ids or titles.
        train: positions of the rows that are trained on.

    Raises:
        DataError: there are values that have no order.
    """
    if column.is_ordered:
        return Classes(column.values, str(column.name))
    values = column.values
    if not column.is_text:
        is_seen = np.zeros(len(values), np.bool_)
        is_seen[column.codes[train]] = True
        values = [values[at] for at in np.flatnonzero(is_seen)]
    try:
        listed = sorted(values)  # type: ignore[type-var]  # those without an order are refused
    except TypeError as error:
        raise DataError(f"column {column.name!r} holds values that have no order, such as numbers and text") from error
    return Classes(listed, str(column.name))


def encoded(columns: Iterable[Coded], classes: Mapping[str, Classes]) -> Int64Array:
    """Row numbers of users and items, shape (n, 2); 0 for a value that has none.

    Args:
        columns: that of users and that of items.
        classes: values of both columns.
    """
    sides = [classes[column.name].codes(column.values)[column.codes] for column in columns]
    return np.stack(sides, axis=1)
