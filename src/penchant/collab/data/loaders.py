"""Data loaders: ratings on a device, split for training and validation, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from penchant.arrays.types import Int64Array
from penchant.checks import is_whole, require
from penchant.collab import absent
from penchant.collab.data.categories import Classes
from penchant.collab.data.encoding import (
    Columns,
    as_frame,
    classes_of,
    coded,
    encoded,
    existing_column,
    random_split,
    ratings_of,
)
from penchant.collab.display.shown import show
from penchant.errors import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["CollabDataLoaders", "DataLoader"]


class DataLoader:
    """Ratings in batches. All of them lie on the device as two tensors; a batch is a selection of their rows.

    Args:
        x: row numbers of users and items, int64, shape (n, 2).
        y: ratings, float32, shape (n, 1); None where there are none.
        bs: ratings of a batch.
        shuffle: another order every time, without the last batch if it is not full.
        classes: values of both columns.
        rating_name: the column of ratings.
        is_whole: ratings are whole numbers, and shown as such.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor | None,
        bs: int,
        shuffle: bool,
        classes: Mapping[str, Classes],
        rating_name: str,
        is_whole: bool = False,
    ) -> None:
        self.x, self.y, self.bs, self.shuffle = x, y, bs, shuffle
        self.classes, self.rating_name, self._is_whole = classes, rating_name, is_whole

    @property
    def device(self) -> torch.device:
        """Where the ratings are."""
        return self.x.device

    @property
    def n(self) -> int:
        """How many ratings it has."""
        return len(self.x)

    @property
    def dataset(self) -> TensorDataset:
        """The same ratings one by one, as torch's own loaders take them: `dataset[0]` is (x, y) of the first."""
        return TensorDataset(self.x) if self.y is None else TensorDataset(self.x, self.y)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return self.n // self.bs if self.shuffle else -(-self.n // self.bs)

    def order(self) -> Int64Array:
        """Positions of one epoch: a new shuffle by torch's global generator, cut to whole batches; or all in order."""
        if not self.shuffle:
            return np.arange(self.n)
        order: Int64Array = torch.randperm(self.n).numpy()
        return order[: len(self) * self.bs]

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = torch.from_numpy(self.order()).to(self.device)
        for positions in torch.split(order, self.bs) if len(order) else ():
            yield self._rows(positions)

    def one_batch(self) -> tuple[Tensor, ...]:
        """A batch: x of shape (bs, 2) and y of shape (bs, 1).

        Raises:
            DataError: there is none.
        """
        for batch in self:
            return batch
        raise DataError(f"there is no batch of {self.bs} in {self.n} ratings: use a smaller bs")

    def _rows(self, positions: Tensor) -> tuple[Tensor, ...]:
        x = self.x.index_select(0, positions)
        return (x,) if self.y is None else (x, self.y.index_select(0, positions))

    def batch_frame(self, max_n: int = 10) -> pd.DataFrame:
        """The first rows of a batch as a table with ids, titles and ratings.

        Args:
            max_n: how many (default 10).
        """
        require(is_whole(max_n, 1), "max_n", max_n, "a whole number of at least 1")
        if self.n == 0:
            return self.decoded(self.x, self.y)
        order = torch.randperm(self.n)[:max_n] if self.shuffle else torch.arange(min(max_n, self.n))
        rows = self._rows(order[: self.bs].to(self.device))
        return self.decoded(rows[0], rows[1] if len(rows) > 1 else None)

    def decoded(self, x: Tensor, y: Tensor | None = None) -> pd.DataFrame:
        """Rows as a table with ids, titles and ratings.

        Args:
            x: row numbers of users and items, shape (n, 2).
            y: ratings of as many rows; None (default) for a table without.
        """
        import pandas as pd

        columns: dict[str, object] = {
            name: list(each[x[:, side]]) for side, (name, each) in enumerate(self.classes.items())
        }
        if y is not None:
            rating = y.reshape(-1).cpu().numpy()
            columns[self.rating_name] = rating.astype(np.int64) if self._is_whole else rating
        return pd.DataFrame(columns)

    def show_batch(self, max_n: int = 10) -> None:
        """Show the first rows of a batch.

        Args:
            max_n: how many (default 10).
        """
        show(self.batch_frame(max_n))

    def to(self, device: torch.device | str | int) -> DataLoader:
        """Move the ratings.

        Args:
            device: where to.
        """
        self.x = self.x.to(device)
        self.y = None if self.y is None else self.y.to(device)
        return self


class CollabDataLoaders(absent.TellsWhatIsAbsent):
    """Ratings for training and validation, as `from_df` and `from_csv` make them.

    Args:
        train, valid: loaders.
        columns: which columns hold users, items and ratings.
        path: where a learner keeps its files.

    Attributes:
        classes: values of the column of users and of that of items, by the names of these columns.
    """

    _owner, _absent = "data loaders", absent.LOADERS

    def __init__(self, train: DataLoader, valid: DataLoader, columns: Columns, path: str | Path = ".") -> None:
        self.train, self.valid, self.path = train, valid, Path(path)
        self.user_name, self.item_name, self.rating_name = columns.user, columns.item, columns.rating
        self.classes: Mapping[str, Classes] = train.classes

    @classmethod
    def from_df(
        cls,
        ratings: pd.DataFrame,
        valid_pct: float = 0.2,
        user_name: str | None = None,
        item_name: str | None = None,
        rating_name: str | None = None,
        seed: int | None = None,
        path: str | Path = ".",
        bs: int = 64,
        val_bs: int | None = None,
        shuffle: bool = True,
        device: torch.device | str | int | None = None,
    ) -> CollabDataLoaders:
        """Data loaders of a table with a row for every rating; the table stays as it is.

        Args:
            ratings: a pandas DataFrame (or `penchant.Ratings`, or a table of polars or pyarrow).
            valid_pct: share of the ratings that is held out (default 0.2).
            user_name, item_name, rating_name: columns; None (default) for the first, second and third.
            seed: of the split, which is then that of fastai; None (default) for another every time.
            path: where a learner keeps its files (default ".").
            bs: ratings of a batch (default 64).
            val_bs: the same in validation; None (default) for `bs`.
            shuffle: training ratings in another order every epoch (default True).
            device: where the ratings lie; None (default) for a GPU if there is one, else the CPU.

        Raises:
            ColumnError: a column is missing, or meant to be two things.
            DataError: a value is missing, a rating is no number, or the table has no rows.
            ParameterError: a value out of its range; another kind of table.
        """
        frame = as_frame(ratings)
        columns = Columns.of(frame, user_name, item_name, rating_name)
        if len(frame) == 0:
            raise DataError("the table of ratings has no rows")
        for name, size in (("bs", bs), ("val_bs", val_bs)):
            require(size is None or is_whole(size, 1), name, size, "a whole number of at least 1")
        rating = ratings_of(frame[columns.rating])
        train, valid = random_split(len(frame), valid_pct, seed)
        sides = [coded(frame[name]) for name in (columns.user, columns.item)]
        classes = {side.name: classes_of(side, train) for side in sides}
        x, y = encoded(sides, classes), rating[:, None]
        if shuffle and bs > len(train):
            raise ParameterError(f"bs is {bs}, and there are {len(train)} ratings to train on: use a smaller batch")
        whole = frame[columns.rating].dtype.kind in "iu"
        where = default_device() if device is None else torch.device(device)
        loaders = []
        for rows, size, mixed in ((train, bs, shuffle), (valid, val_bs or bs, False)):
            # NumPy takes rows several times as fast as torch does.
            part_x, part_y = (torch.from_numpy(np.take(each, rows, axis=0)).to(where) for each in (x, y))
            loaders.append(DataLoader(part_x, part_y, size, mixed, classes, columns.rating, whole))
        return cls(loaders[0], loaders[1], columns, path)

    @classmethod
    def from_csv(cls, csv: str | Path, **kwargs: Any) -> CollabDataLoaders:
        """Data loaders of a CSV file: `from_df(pd.read_csv(csv), ...)`.

        Args:
            csv: the file.
            kwargs: arguments of `from_df`.

        Raises:
            SourceError: there is no such file, or it can't be read.
            ColumnError, DataError, ParameterError: as `from_df`.
        """
        return cls.from_df(read_csv(csv), **kwargs)

    @classmethod
    def empty(
        cls,
        user_name: str,
        item_name: str,
        rating_name: str,
        users: Sequence[Hashable],
        items: Sequence[Hashable],
        device: torch.device | str | None = None,
    ) -> CollabDataLoaders:
        """Loaders without ratings, for a learner that only predicts.

        Args:
            user_name, item_name, rating_name: columns of the tables that it will be asked about.
            users, items: values of both columns, without '#na#'.
            device: where ratings will lie; None (default) for the CPU.
        """
        classes = {user_name: Classes(users, user_name), item_name: Classes(items, item_name)}
        x, y = torch.empty((0, 2), dtype=torch.int64, device=device), torch.empty((0, 1), device=device)
        train, valid = (DataLoader(x, y, 64, mixed, classes, rating_name) for mixed in (True, False))
        return cls(train, valid, Columns(user_name, item_name, rating_name))

    @property
    def bs(self) -> int:
        """Ratings of a batch."""
        return self.train.bs

    @property
    def device(self) -> torch.device:
        """Where the ratings are."""
        return self.train.device

    @property
    def loaders(self) -> list[DataLoader]:
        """Both loaders, that of training first."""
        return [self.train, self.valid]

    @property
    def train_ds(self) -> TensorDataset:
        """Training ratings one by one."""
        return self.train.dataset

    @property
    def valid_ds(self) -> TensorDataset:
        """Validation ratings one by one."""
        return self.valid.dataset

    def __getitem__(self, index: int) -> DataLoader:
        return self.loaders[index]

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[DataLoader]:
        return iter(self.loaders)

    def one_batch(self) -> tuple[Tensor, ...]:
        """A batch of training ratings: x of shape (bs, 2) and y of shape (bs, 1)."""
        return self.train.one_batch()

    def show_batch(self, max_n: int = 10) -> None:
        """Show some training ratings.

        Args:
            max_n: how many (default 10).
        """
        self.train.show_batch(max_n)

    def test_dl(self, test_items: pd.DataFrame, bs: int | None = None) -> DataLoader:
        """A loader of other pairs of users and items, in the order of the table.

        A user or an item that is not known gets row 0, '#na#'.

        Args:
            test_items: a table with the columns of users and items; with that of ratings it has targets, too.
            bs: ratings of a batch; None (default) for that of validation.

        Raises:
            ColumnError: a column is missing.
            DataError: a value is missing.
        """
        frame = as_frame(test_items)
        for name in self.classes:
            existing_column(frame, name, "a column of the training ratings")
        y = None
        if self.rating_name in frame.columns:
            y = torch.from_numpy(ratings_of(frame[self.rating_name]))[:, None].to(self.device)
        x = torch.from_numpy(encoded([coded(frame[name]) for name in self.classes], self.classes)).to(self.device)
        return DataLoader(x, y, bs or self.valid.bs, False, self.classes, self.rating_name)

    def to(self, device: torch.device | str | int) -> CollabDataLoaders:
        """Move the ratings to a device.

        Args:
            device: where to.
        """
        for loader in self.loaders:
            loader.to(device)
        return self

    def cuda(self) -> CollabDataLoaders:
        """Move the ratings to the GPU."""
        return self.to("cuda")

    def cpu(self) -> CollabDataLoaders:
        """Move the ratings to the CPU."""
        return self.to("cpu")


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def read_csv(csv: str | Path) -> pd.DataFrame:
    """A CSV file as a table.

    Args:
        csv: the file.

    Raises:
        SourceError: there is no such file, or it can't be read.
    """
    import pandas as pd

    from penchant.errors import SourceError

    try:
        return pd.read_csv(csv)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{csv}: {error}") from error
