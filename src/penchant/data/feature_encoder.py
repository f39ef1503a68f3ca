"""Feature encoder: attributes such as age, occupation, genres and year as numbers for a solver, and back."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow, FeatureRows
from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import is_missing, is_real
from penchant.data.attributes import Attributes
from penchant.errors import DataError, ParameterError
from penchant.text import Argument

__all__ = ["FeatureColumn", "FeatureEncoder"]

_KINDS = ("number", "text", "tags")
_SHOWN = 8
_FURTHEST = 1e4  # in deviations from the mean: a number beyond it is a slip, and float32 would suffer


@dataclass(frozen=True)
class FeatureColumn:
    """How one attribute becomes features.

    Attributes:
        name: of the attribute.
        kind: "number" (one feature, standardised), "text" (one feature a value, 1 where a row has it) or "tags" (the
            same for values of which a row may have several, such as genres). Nothing known is 0 everywhere.
        levels: the values that have a feature, sorted; none for a number.
        mean, deviation: of a number over the rows that have one.
    """

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def n_features(self) -> int:
        return 1 if self.kind == "number" else len(self.levels)

    @classmethod
    def learn(cls, name: str, column: NDArray[np.generic], side: str) -> FeatureColumn:
        """The features of a column of `Attributes` of one side ("user" or "item").

        Raises:
            ParameterError: no row has a value, or numbers are all the same, or too large to be standardised.
        """
        if column.dtype != np.object_:
            return cls(name, "number", (), *_mean_and_deviation(name, column, side))
        values_of = column.tolist()
        if any(isinstance(value, tuple) for value in values_of):
            learned = cls(name, "tags", tuple(sorted({tag for tags in values_of for tag in tags})))
        else:
            learned = cls(name, "text", tuple(sorted({value for value in values_of if value is not None})))
        if not learned.levels:
            raise _no_value(name, side)
        return learned

    def encode(self, value: object) -> list[tuple[int, float]]:
        """The features of one value, as (number within the column, value) pairs.

        Raises:
            DataError: a value of another type, one that no row had in training, or a number far from all of them.
        """
        if is_missing(value):
            return []
        if self.kind == "number":
            return [(0, self._standardised(value))]
        if self.kind == "text":
            tags: Iterable[object] = (value,)
        elif isinstance(value, str) or not isinstance(value, Iterable):
            raise DataError(f"{self.name} is {value!r}: use a tuple of texts, such as ({value!r},)")
        else:
            tags = dict.fromkeys(value)
        return [(self._level(tag), 1.0) for tag in tags]

    def _standardised(self, value: object) -> float:
        if not (is_real(value) or isinstance(value, bool | np.bool_)):
            raise DataError(f"{self.name} is {value!r}: use a number")
        try:
            standard = (float(value) - self.mean) / self.deviation  # type: ignore[arg-type]  # a number
        except OverflowError as error:  # an integer that no float holds; Python may refuse to print it
            raise DataError(f"{self.name} is too large: {self._range()}") from error
        if not abs(standard) <= _FURTHEST:
            raise DataError(f"{self.name} is {value!r}: {self._range()}")
        return standard

    def _range(self) -> str:
        return (
            f"in training its mean is {self.mean:.6g} and its deviation {self.deviation:.3g}, so use a number within "
            f"{_FURTHEST:,.0f} deviations of the mean"
        )

    def _level(self, tag: object) -> int:
        if tag in self.levels:
            return self.levels.index(tag)
        near = difflib.get_close_matches(str(tag), self.levels, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {_listed(self.levels)}"
        raise DataError(f"{self.name} was never {tag!r} in training: {hint}")


class FeatureEncoder:
    """The features of one side: its columns, one after another.

    >>> films = Attributes({"year": np.array([1979.0, 1995.0]), "genres": np.array([("SF",), ("SF", "War")], object)},
    ...                    n_rows=2)
    >>> encoder = FeatureEncoder.learn(films, ("year", "genres"), "item")
    >>> [f"{name} {value}" for name, value in encoder.labels()]
    ['year per 8', 'genres SF', 'genres War']
    >>> encoder.row({"year": 2003, "genres": ["War"]}).values.tolist()
    [2.0, 1.0]
    """

    def __init__(self, columns: Sequence[FeatureColumn]) -> None:
        self.columns = tuple(columns)

    @classmethod
    def learn(cls, attributes: Attributes, names: Sequence[str], side: str) -> FeatureEncoder:
        """An encoder of some attributes of one side ("user" or "item").

        Raises:
            ParameterError: there is no such attribute, a name occurs twice, no row has a value of it, or all rows
                have the same number or one that is too large.
        """
        for name in names:
            if name not in attributes:
                known = f"there are {_listed(tuple(attributes))}" if len(attributes) else "the ratings came without any"
                raise ParameterError(f"no {side} attribute {name!r} to take features from: {known}")
        if len(set(names)) < len(names):
            raise ParameterError(Argument(f"{side}_features"), f" names an attribute twice: {', '.join(names)}")
        return cls([FeatureColumn.learn(name, attributes[name], side) for name in names])

    @property
    def n_features(self) -> int:
        """Features of all columns together."""
        return sum(column.n_features for column in self.columns)

    def labels(self) -> list[tuple[str, str]]:
        """Attribute and value of each feature; a number's value is "per" its standard deviation."""
        found = []
        for column in self.columns:
            values = (f"per {column.deviation:.3g}",) if column.kind == "number" else column.levels
            found += [(column.name, value) for value in values]
        return found

    def rows(self, attributes: Attributes) -> FeatureRows:
        """The features of every row, one block a column."""
        blocks = np.cumsum([0, *(column.n_features for column in self.columns)]).astype(np.int64)
        parts = [_entries(column, attributes[column.name]) for column in self.columns]
        rows = np.concatenate([part[0] for part in parts])
        columns = np.concatenate([part[1] + start for part, start in zip(parts, blocks[:-1], strict=True)])
        values = np.concatenate([part[2] for part in parts])
        order = np.argsort(rows, kind="stable")
        indptr = np.zeros(attributes.n_rows + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=attributes.n_rows), out=indptr[1:])
        return FeatureRows(indptr, columns[order].astype(np.int32), values[order], blocks)

    def row_of(self, attributes: Attributes, row: int) -> FeatureRow:
        """The features of a row that is known; values that nobody had in training count as not known.

        Args:
            attributes: of all rows.
            row: its number.
        """
        one = {column.name: attributes[column.name][row : row + 1] for column in self.columns}
        found = self.rows(Attributes(one, n_rows=1))
        return FeatureRow(found.columns, found.values)

    def row(self, values: Mapping[str, object]) -> FeatureRow:
        """The features of one row; attributes that are not among `values` are not known.

        Raises:
            DataError: a value of another type, one that no row had in training, or a number far from all of them.
        """
        start, columns, found = 0, [], []
        for column in self.columns:
            for number, value in column.encode(values.get(column.name)):
                columns.append(start + number)
                found.append(value)
            start += column.n_features
        return FeatureRow(np.array(columns, dtype=np.int32), np.array(found, dtype=np.float32))


def _mean_and_deviation(name: str, column: NDArray[np.generic], side: str) -> tuple[float, float]:
    """Of the numbers of a column that are known: finite both, and the deviation above zero."""
    values = column.astype(np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        raise _no_value(name, side)
    if known.min() == known.max():  # not by the deviation, which rounding may leave above zero
        raise ParameterError(f"all {side}s have the same {name!r}: leave it out of ", Argument(f"{side}_features"))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean, deviation = float(known.mean()), float(known.std())
    if not (np.isfinite(mean) and np.isfinite(deviation) and deviation > 0):
        raise ParameterError(
            f"{name!r} can't be standardised: {side}s have {known.min():g} to {known.max():g}, so give it in another "
            "unit, or leave it out of ",
            Argument(f"{side}_features"),
        )
    return mean, deviation


def _no_value(name: str, side: str) -> ParameterError:
    return ParameterError(f"no {side} has a value of {name!r}: leave it out of ", Argument(f"{side}_features"))


def _entries(column: FeatureColumn, values: NDArray[np.generic]) -> tuple[Int32Array, Int32Array, Float32Array]:
    """Rows, feature numbers and values of all entries of a column."""
    if column.kind == "number":
        standard = (values.astype(np.float64) - column.mean) / column.deviation
        rows = np.flatnonzero(np.isfinite(standard)).astype(np.int32)
        return rows, np.zeros(len(rows), np.int32), standard[rows].astype(np.float32)
    number = {level: at for at, level in enumerate(column.levels)}
    listed = [value if isinstance(value, tuple) else () if value is None else (value,) for value in values.tolist()]
    # A value that nobody had in training has no feature: as if it were not known.
    pairs = [(row, number[tag]) for row, tags in enumerate(listed) for tag in dict.fromkeys(tags) if tag in number]
    found = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return found[:, 0], found[:, 1], np.ones(len(found), np.float32)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
