"""Categories of a column, as fastai's `classes`: values and their row numbers, '#na#' first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penchant.arrays.types import Int64Array
from penchant.collab.tensors import L
from penchant.data.vocab import Vocab
from penchant.errors import ParameterError

__all__ = ["MISSING", "Classes", "RowOf"]

MISSING = "#na#"  # row 0: what is missing, or was not there in training


class RowOf(Mapping[Hashable, int]):
    """From values to row numbers: `dls.classes["title"].o2i["Titanic (1997)"]`.

    Args:
        vocab: the values, without '#na#'.
    """

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab

    def __getitem__(self, value: Hashable) -> int:
        return 0 if value == MISSING and value not in self._vocab else self._vocab.index(value) + 1

    def __contains__(self, value: object) -> bool:
        return value == MISSING or value in self._vocab

    def __iter__(self) -> Iterator[Hashable]:
        yield MISSING
        yield from self._vocab

    def __len__(self) -> int:
        return len(self._vocab) + 1

    def __repr__(self) -> str:
        return repr(dict(self.items()))


class Classes(Sequence[Hashable]):
    """The values of a column in the order of their row numbers, '#na#' first.

    Indexed by a number it gives a value; by a slice, list, array or tensor of numbers, an `L` of values.

    Args:
        values: the values, without '#na#'.
        name: the column.

    >>> titles = Classes(["Alien (1979)", "Brazil (1985)"], "title")
    >>> titles[1], titles[[2, 0]], titles.o2i["Brazil (1985)"]
    ('Alien (1979)', ['Brazil (1985)', '#na#'], 2)
    """

    def __init__(self, values: Iterable[Hashable], name: str) -> None:
        self.name = name
        self.vocab = Vocab(list(values), kind=name)
        self.o2i = RowOf(self.vocab)

    @property
    def items(self) -> list[Hashable]:
        """All values, '#na#' first."""
        return [MISSING, *self.vocab]

    @overload
    def __getitem__(self, row: int) -> Hashable: ...

    @overload
    def __getitem__(self, row: slice | Sequence[int] | NDArray[np.integer] | Tensor) -> L: ...

    def __getitem__(self, row: int | slice | Sequence[int] | NDArray[np.integer] | Tensor) -> Hashable | L:
        if isinstance(row, slice):
            return L(self.items[row])
        if isinstance(row, Tensor):
            row = row.detach().cpu().numpy()
        rows = np.asarray(row)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if rows.size and rows.dtype.kind not in "iu":
            raise ParameterError(f"{self.name} is indexed by {row!r}: use row numbers; o2i has the numbers of values")
        return self._one(int(rows)) if rows.ndim == 0 else L(self._one(int(each)) for each in rows.reshape(-1))

    def _one(self, row: int) -> Hashable:
        n_rows = len(self)
        if not -n_rows <= row < n_rows:
            raise IndexError(f"{self.name} has no row {row}: rows are 0 to {n_rows - 1}")
        at = row % n_rows
        return MISSING if at == 0 else self.vocab[at - 1]

    def rows_of(self, values: Sequence[Hashable]) -> Tensor:
        """Row numbers of values, int64, shape (n,).

        Args:
            values: some of the column's.

        Raises:
            UnknownIdError: one is not; near ones are suggested.
        """
        return torch.tensor([self.o2i[value] for value in values], dtype=torch.int64)

    def codes(self, values: Sequence[object] | NDArray[np.generic]) -> Int64Array:
        """Row numbers of a whole column, 0 for values that are not known.

        Args:
            values: a column.
        """
        return self.vocab.find(values).astype(np.int64) + 1

    def __len__(self) -> int:
        return len(self.vocab) + 1

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.items)

    def __contains__(self, value: object) -> bool:
        return value in self.o2i

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Classes):
            return self.vocab == other.vocab
        return self.items == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to a list, which has none

    def __repr__(self) -> str:
        return repr(self.items)
