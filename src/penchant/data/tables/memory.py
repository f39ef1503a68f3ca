"""Tables in memory: pandas, polars, pyarrow, DuckDB, anything with `__arrow_c_stream__`, and dicts of columns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from penchant.arrays.types import ObjectArray
from penchant.data.tables.table import Batch, Column, Kind, in_order
from penchant.errors import DataError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MemoryTable", "as_column", "is_missing", "is_table"]

T = TypeVar("T")
_PLAIN = {int: pa.int64(), str: pa.large_string(), float: pa.float64(), bool: pa.bool_()}
_ROWS = 1 << 19  # rows of a batch: a few megabytes a column


class MemoryTable:
    """A table that the caller holds. It is read and never changed; numbers are not copied.

    Args:
        data: a pandas DataFrame, anything with `__arrow_c_stream__`, or a mapping from names to columns.
        label: what messages call it; None takes it from the type.

    Raises:
        ParameterError: it is no table.
        DataError: Arrow can't read it.
    """

    encoding: str | None = None

    def __init__(self, data: object, *, label: str | None = None) -> None:
        self.notes: list[str] = []
        self.label = label or _label(data)
        self._columns: dict[str, Callable[[], object]] = {}
        self.names, self._columns = _columns_of(data)
        self._n_rows = 0

    def estimated_rows(self) -> int:
        return self._n_rows

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        columns = {name: as_column(self._columns[name](), name, self.label) for name in kinds}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise DataError(f"the columns differ in length: {told}")
        self._n_rows = next(iter(lengths.values()), 0)

        def part(start: int) -> T:
            stop = min(start + _ROWS, self._n_rows)
            return work(Batch({name: _slice(column, start, stop) for name, column in columns.items()}, stop - start))

        yield from in_order(part, range(0, self._n_rows, _ROWS))

    def locate(self, row: int) -> str:  # noqa: ARG002  (the row number says it all)
        return ""


def is_table(data: object) -> bool:
    """Whether `MemoryTable` takes it."""
    return isinstance(data, Mapping) or _is_pandas(data) or hasattr(data, "__arrow_c_stream__")


def _is_pandas(data: object) -> bool:
    return type(data).__module__.partition(".")[0] == "pandas"


def _label(data: object) -> str:
    if isinstance(data, Mapping):
        return f"the {type(data).__name__} of columns"
    return f"the {type(data).__module__.partition('.')[0]} {type(data).__name__}"


def _columns_of(data: object) -> tuple[tuple[str, ...], dict[str, Callable[[], object]]]:
    """Names, and for each a function that gives the column, so that only what is needed is converted."""
    if isinstance(data, Mapping):
        return tuple(str(name) for name in data), {str(name): _later(data, name) for name in data}
    if _is_pandas(data) and hasattr(data, "columns"):
        return _columns_of_pandas(data)  # type: ignore[arg-type]
    if not hasattr(data, "__arrow_c_stream__"):
        raise ParameterError(
            f"a table is needed, not {type(data).__name__}: pandas, polars, pyarrow, anything with __arrow_c_stream__, "
            "or a dict of columns (for a file use penchant.read_ratings, or, without stars, penchant.read_choices)"
        )
    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"Arrow can't read this {type(data).__name__}: {error}") from error
    names = tuple(table.column_names)
    return names, {name: _later(table.columns, at) for at, name in reversed(list(enumerate(names)))}


def _columns_of_pandas(data: pd.DataFrame) -> tuple[tuple[str, ...], dict[str, Callable[[], object]]]:
    names = tuple(str(name) for name in data.columns)

    def column(at: int) -> Callable[[], object]:
        return lambda: data.iloc[:, at]

    return names, {name: column(at) for at, name in reversed(list(enumerate(names)))}


def _later(data: object, key: object) -> Callable[[], object]:
    return lambda: data[key]  # type: ignore[index]


def _slice(column: Column, start: int, stop: int) -> Column:
    return column[start:stop] if isinstance(column, np.ndarray) else column.slice(start, stop - start)


# -- one column --


def as_column(values: object, name: str, label: str) -> Column:
    """A column as Arrow where all its values have one Arrow type, else as Python objects with None for missing.

    Raises:
        DataError: it is not a column.
    """
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return _of_arrow(pa.chunked_array([values]) if isinstance(values, pa.Array) else values)
    if _is_pandas(values):
        return _of_pandas(values, name, label)
    if hasattr(values, "__arrow_c_stream__"):
        return _of_arrow(pa.chunked_array(values))
    if hasattr(values, "__array__") and not isinstance(values, np.ndarray):
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        return _of_numpy(values, name, label)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise DataError(f"column {name!r} of {label} is a single {type(values).__name__}, not a column")
    return _of_objects(list(values))


def _of_arrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as polars hands it over can't be cast to all else; as ordinary text it can."""
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def _of_pandas(values: object, name: str, label: str) -> Column:
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype):
        return _of_numpy(values.to_numpy(), name, label)  # type: ignore[attr-defined]
    if hasattr(values, "sparse"):  # pandas' own packing, which Arrow does not know
        return _of_numpy(np.asarray(values), name, label)
    made = pa.array(values, from_pandas=True)
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def _of_numpy(values: NDArray[np.generic], name: str, label: str) -> Column:
    if values.ndim != 1:
        raise DataError(f"column {name!r} of {label} has {values.ndim} dimensions {values.shape}: 1 is needed")
    if values.dtype == np.object_ or values.dtype.kind in "mVc":
        return _of_objects(values.tolist())
    if isinstance(values, np.ma.MaskedArray):
        return pa.chunked_array([pa.array(values.data, mask=np.ma.getmaskarray(values))])
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "M" and np.datetime_data(values.dtype.str)[0] not in ("D", "s", "ms", "us", "ns"):
        values = values.astype("M8[s]")  # hours or months: Arrow does not know them
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):  # Arrow knows neither half nor long doubles
        values = values.astype(np.float64)
    made = pa.array(values)
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def _of_objects(values: list[object]) -> Column:
    types = set(map(type, values)) - {type(None)}
    if len(types) > 1 or not types <= _PLAIN.keys():
        values = [None if is_missing(value) else _of_scalar(value) for value in values]
        types = set(map(type, values)) - {type(None)}
    if len(types) == 1 and types <= _PLAIN.keys():
        with contextlib.suppress(pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            # Not so for an int beyond 64 bits, or text that UTF-8 has no bytes for. NaN becomes missing.
            return pa.chunked_array([pa.array(values, _PLAIN[types.pop()], from_pandas=True)])
    column: ObjectArray = np.empty(len(values), dtype=np.object_)
    for at, value in enumerate(values):  # one by one: numpy would unpack tuples
        column[at] = value
    return column


def _of_scalar(value: object) -> object:
    """A NumPy scalar as Python's; of times no more than microseconds, which `item` would give as a mere integer."""
    if isinstance(value, np.datetime64):
        return value.astype("M8[us]").item()
    return value.item() if isinstance(value, np.generic) else value


def is_missing(value: object) -> bool:
    """None, NaN, and pandas' NA and NaT (which are not equal to themselves, or don't say)."""
    if value is None or type(value) in (int, str):
        return value is None
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value
