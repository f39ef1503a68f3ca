"""Top-N lists of all users, as a stream of Arrow batches or in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, overload

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import is_whole, require, require_threads
from penchant.data.filters import Where
from penchant.data.lookup import Many
from penchant.data.vocab import Vocab
from penchant.errors import UnsupportedError
from penchant.ranking.chance_lists import ChanceLists, chance_lists
from penchant.ranking.order_scores import chances_of
from penchant.ranking.top_n_all import TopLists, top_lists
from penchant.recommender.lists.ordering import list_order
from penchant.recommender.lists.recommend import chosen_from
from penchant.recommender.people.who import seen_by_all
from penchant.recommender.state import State, clipped
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
        by: str | None = None,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        min_ratings: int = 0,
        popularity: float = 0.0,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: None = None,
    ) -> Iterator[pa.RecordBatch]: ...

    @overload
    def recommend_all(
        self,
        n: int = 10,
        *,
        by: str | None = None,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        min_ratings: int = 0,
        popularity: float = 0.0,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: str | Path,
    ) -> Path: ...

    def recommend_all(
        self,
        n: int = 10,
        *,
        by: str | None = None,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        min_ratings: int = 0,
        popularity: float = 0.0,
        block_size: int = 8192,
        n_threads: int | None = None,
        path: str | Path | None = None,
    ) -> Iterator[pa.RecordBatch] | Path:
        """The lists that `recommend` makes, of every user, in the order of `users`; in fixed memory.

        A block of users is worked on when it is asked for. The columns are user_id, rank (from 1), item_id, title
        (where items have titles), score (the chance that the list is ordered by; not by stars) and predicted (in
        rating units, clipped; where stars were learned). Ids have their own types where Arrow has these; UUIDs become
        text.

        Args:
            n: how many, at least 1 (default 10). Who has fewer items left gets fewer.
            by: "both", "choice" or "stars", as for `recommend`; None (default) for both, or for what was learned.
            exclude_seen: leave out what each user has rated (default True).
            candidates: ids or titles of the only items to choose from; None (default) for all.
            where: a condition on items, as for `recommend`; None (default) for none.
            min_ratings: leave out items with fewer training ratings, or choices (default 0).
            popularity: dial, as for `recommend` (default 0.0); turned, it takes about a millisecond a user.
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
        (['user_id', 'rank', 'item_id', 'title', 'score', 'predicted'], 600)
        """
        require(is_whole(n, 1), "n", n, "a whole number of at least 1")
        require(is_whole(block_size, 1), "block_size", block_size, "a whole number of at least 1")
        require_threads(n_threads)
        target = None if path is None else require_suffix(path, PARQUET, "a Parquet file", strict=True)
        state = self._state
        order = list_order(state, by, popularity)
        how = _How(
            seen=seen_by_all(state, exclude_seen=exclude_seen),
            restrict=chosen_from(state, candidates, where, min_ratings),
            block_size=block_size,
            n_threads=n_threads,
        )
        columns = _Columns(state, by_chance=order.by != "stars")
        if order.by == "stars":
            batches = (columns.batch(lists) for lists in top_lists(state.model, n, **how))
        else:
            stars = state.model if order.by == "both" else None
            batches = (columns.batch(lists) for lists in chance_lists(order.chances, stars, n, **how))
        return batches if target is None else _written(batches, columns.schema, target)


class _How(TypedDict):
    seen: SeenRatings | None
    restrict: Int32Array | None
    block_size: int
    n_threads: int | None


class _Columns:
    """Columns of lists, with ids and titles as Arrow has them.

    Args:
        state: of the recommender.
        by_chance: whether lists are ordered by chances, which are then a column.
    """

    def __init__(self, state: State, *, by_chance: bool) -> None:
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
        numbers = ["score"] * by_chance + ["predicted"] * state.model.knows_stars
        self.schema = pa.schema([*named, *((name, pa.float32()) for name in numbers)])

    def batch(self, lists: TopLists | ChanceLists) -> pa.RecordBatch:
        """The lists of a block as a batch."""
        import pyarrow as pa

        columns = [self._users.take(pa.array(lists.user_idx)), pa.array(lists.rank)]
        columns.append(self._items.take(pa.array(lists.item_idx)))
        if self._titles is not None:
            columns.append(self._titles.take(pa.array(lists.item_idx)))
        if isinstance(lists, ChanceLists):
            columns.append(pa.array(chances_of(lists.score).astype(np.float32)))
        if self._state.model.knows_stars:
            columns.append(pa.array(clipped(self._state, self._predicted(lists))))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _predicted(self, lists: TopLists | ChanceLists) -> Float32Array:
        if isinstance(lists, TopLists):
            return lists.predicted
        return self._state.model.predict(lists.user_idx, lists.item_idx)


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
