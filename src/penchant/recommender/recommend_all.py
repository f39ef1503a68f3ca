"""Top-N lists of all users, as a stream of Arrow batches or in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from penchant.checks import is_whole, require, require_threads
from penchant.data.filters import Where
from penchant.data.lookup import Many
from penchant.data.vocab import Vocab
from penchant.errors import UnsupportedError
from penchant.ranking.top_n_all import TopLists, top_lists
from penchant.recommender.recommend import chosen_from
from penchant.recommender.state import State, clipped
from penchant.recommender.who import seen_by_all
from penchant.storage.atomic import opened_atomically
from penchant.storage.targets import PARQUET, require_suffix

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RecommendsAll"]


class RecommendsAll:
    """Lists for everybody at once."""

    _state: State

    @overload
    def recommend_all(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: None = None,
    ) -> Iterator[pa.RecordBatch]: ...

    @overload
    def recommend_all(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: str | Path,
    ) -> Path: ...

    def recommend_all(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: str | Path | None = None,
    ) -> Iterator[pa.RecordBatch] | Path:
        """The lists that `recommend` makes, of every user, in the order of `users`; in fixed memory.

        A block of users is worked on when it is asked for. The columns are user_id, rank (from 1), item_id, title
        (where items have titles) and predicted (in rating units, clipped). Ids have their own types where Arrow has
        these; UUIDs become text.

        Args:
            n: how many, at least 1 (default 10). Who has fewer items left gets fewer.
            exclude_seen: leave out what each user has rated (default True).
            candidates: ids or titles of the only items to choose from; None (default) for all.
            where: a condition on items, as for `recommend`; None (default) for none.
            block_size: users a batch (default 8192); decides the memory, not the result.
            n_threads: None (default) for all processors that this process may use. The result does not depend on it.
            path: a Parquet file to write (.parquet or .pq), whole or not at all; None (default) to get the batches.

        Returns:
            An iterator of `pyarrow.RecordBatch`, one a block of users; with `path`, the path.

        Raises:
            UnknownIdError, AmbiguousTitleError: as `recommend`.
            UnsupportedError: `exclude_seen` for a model that was saved without its training ratings, or ids that are
                of several types, or of one that Arrow does not know.
            ParameterError: a value out of its range, a condition that does not fit, or a file of another extension.
            SourceError: the file can't be written.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> batch = next(rec.recommend_all(n=3))
        >>> batch.schema.names, batch.num_rows
        (['user_id', 'rank', 'item_id', 'title', 'predicted'], 600)
        """
        require(is_whole(n, 1), "n", n, "a whole number of at least 1")
        require(is_whole(block_size, 1), "block_size", block_size, "a whole number of at least 1")
        require_threads(n_threads)
        target = None if path is None else require_suffix(path, PARQUET, "a Parquet file", strict=True)
        state = self._state
        lists = top_lists(
            state.model,
            n,
            seen=seen_by_all(state.seen, exclude_seen=exclude_seen),
            restrict=chosen_from(state, candidates, where),
            block_size=block_size,
            n_threads=n_threads,
        )
        columns = _Columns(state)
        batches = (columns.batch(one) for one in lists)
        return batches if target is None else _written(batches, columns.schema, target)


class _Columns:
    """Columns of lists, with ids and titles as Arrow has them."""

    def __init__(self, state: State) -> None:
        import pyarrow as pa

        self._state, titles = state, state.item_attributes.titles
        self._users, self._items = _ids(state.users), _ids(state.items)
        self._titles = None if titles is None else pa.array(titles.tolist(), pa.string())
        named: list[tuple[str, Any]] = [
            ("user_id", self._users.type),
            ("rank", pa.int32()),
            ("item_id", self._items.type),
        ]
        if self._titles is not None:
            named.append(("title", pa.string()))
        self.schema = pa.schema([*named, ("predicted", pa.float32())])

    def batch(self, lists: TopLists) -> pa.RecordBatch:
        """The lists of a block as a batch."""
        import pyarrow as pa

        columns = [self._users.take(pa.array(lists.user_idx)), pa.array(lists.rank)]
        columns.append(self._items.take(pa.array(lists.item_idx)))
        if self._titles is not None:
            columns.append(self._titles.take(pa.array(lists.item_idx)))
        columns.append(pa.array(clipped(self._state, lists.predicted)))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _ids(vocab: Vocab) -> Any:
    """All ids as one Arrow array, in row order."""
    import pyarrow as pa

    if vocab.is_integer:
        return pa.array(np.asarray(vocab.ids))
    ids = vocab.ids.tolist()
    if not ids:
        return pa.array([], pa.string())
    kinds = sorted({type(value).__name__ for value in ids})
    if len(kinds) == 1:
        try:
            return pa.array(list(map(str, ids)) if kinds == ["UUID"] else ids)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            pass
    raise UnsupportedError(
        f"{vocab.kind} ids are of type {' and '.join(kinds)}, which no column of an Arrow table can hold: "
        "recommend answers for one user at a time"
    )


def _written(batches: Iterator[pa.RecordBatch], schema: pa.Schema, target: Path) -> Path:
    """All batches in a Parquet file, which is there when the last is in it, or not at all."""
    from pyarrow import parquet

    with opened_atomically(target) as file, parquet.ParquetWriter(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return target
