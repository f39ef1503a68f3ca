"""Recommender: a trained model with its ids, and everything that people ask of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penchant import storage
from penchant.arrays import Int32Array
from penchant.changing import Changing
from penchant.describing import Describing
from penchant.explaining import Explaining
from penchant.exporting import Exporting
from penchant.matching import Matching
from penchant.recommending_all import RecommendingAll
from penchant.vocab import Vocab
from penchant.words import counted

if TYPE_CHECKING:
    from penchant.ratings import Ratings
    from penchant.scorecard import Scorecard

__all__ = ["Recommender", "load"]


class Recommender(RecommendingAll, Explaining, Describing, Changing, Matching, Exporting):
    """A trained model with the caller's ids at its door. Made by `penchant.fit` or `penchant.load`; never unfitted.

    Items are named by their id or by their exact title (an id wins); users by their id.

    >>> import penchant as pt
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> 1 <= rec.predict(rec.items[0], user_id=rec.users[0]) <= 5
    True
    """

    # -- judge --

    def evaluate(self, test: Ratings, *, k: int = 10, relevant: float | None = None) -> Scorecard:
        """How well it predicts and ranks held-out ratings, beside the baselines.

        A user or item without training ratings is cold: it gets the model's prior, and the scorecard counts it. Its
        notes say when most ids are unknown, and when pairs were trained on.

        Args:
            test: ratings that were not trained on: the other part of a split, or a table with ids of its own.
            k: how many items a ranking has (default 10).
            relevant: the lowest rating of an item that should be found; None (default) for three quarters up the
                scale, 4 on a scale of 1 to 5.

        Raises:
            DataError: `test` is empty.
            ParameterError: `k` is less than 1, `relevant` is not on the scale, or `test` is another kind of table.
        """
        from penchant.ratings import require_ratings
        from penchant.scorecard import score

        require_ratings(test, "test")
        users, user_idx = _joined(self.users, test.users, test.user_idx)
        items, item_idx = _joined(self.items, test.items, test.item_idx)
        seen = self._state.seen
        card = score(
            self.model.with_rows(users, items),
            {name: model.with_rows(users, items) for name, model in self._state.baselines.items()},
            user_idx=user_idx,
            item_idx=item_idx,
            rating=test.rating,
            seen=None if seen is None else seen.with_users(users),
            rating_scale=self.rating_scale,
            k=k,
            relevant=relevant,
        )
        strangers = [
            *_strangers(self.users, test.users, test.user_idx, user_idx),
            *_strangers(self.items, test.items, test.item_idx, item_idx),
        ]
        return replace(card, notes=(*card.notes, *strangers))

    # -- keep --

    def save(self, path: str | Path) -> Path:
        """Write one `.penchant` file (docs/format.md), whole or not at all; an old file there is replaced.

        Args:
            path: where to. Returned as a `Path`.

        Raises:
            ParameterError: `path` is no path.
            SourceError: the folder is missing or can't be written to.
            UnsupportedError: ids of a type that the file can't hold.
        """
        return storage.save(self._state, path)


def load(path: str | Path) -> Recommender:
    """Read a recommender from a `.penchant` file. Runs no code from it, whoever made it.

    Args:
        path: the file.

    Raises:
        ParameterError: `path` is no path.
        SourceError: there is no such file, or it can't be read.
        FormatError: not a whole, unaltered penchant file of a version that this release reads.

    >>> import penchant as pt, tempfile, pathlib
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pt.load(rec.save(pathlib.Path(folder) / "films.penchant"))
    >>> user, item = rec.users[0], rec.items[0]
    >>> again.predict(item, user) == rec.predict(item, user)
    True
    """
    return Recommender(storage.load(path))


def _joined(known: Vocab, other: Vocab, rows: Int32Array) -> tuple[int, Int32Array]:
    """Rows of `other` as rows of `known`, ids that are new behind its last; and how many rows there are then."""
    if known is other:
        return len(known), rows
    found = known.find(other.ids)
    used = np.bincount(rows, minlength=len(other)) > 0
    new = (found < 0) & used
    found[new] = len(known) + np.arange(int(new.sum()), dtype=np.int32)
    return len(known) + int(new.sum()), found[rows]


def _strangers(known: Vocab, other: Vocab, rows: Int32Array, joined: Int32Array) -> list[str]:
    """A note where most ids of a test table are unknown: often they are the same ids, written as another type."""
    is_new = joined >= len(known)
    n_new, n_all = len(np.unique(joined[is_new])), len(np.unique(joined))
    if 2 * n_new <= n_all:
        return []
    theirs, ours = other[int(rows[np.argmax(is_new)])], known[0]
    kinds = [type(one).__name__ for one in (theirs, ours)]
    advice = "" if kinds[0] == kinds[1] else "; ids of another type are other ids, so read both tables alike"
    return [
        f"{n_new:,} of {counted(n_all, known.kind)} are unknown to the model: they are like {theirs!r} ({kinds[0]}), "
        f"those it knows like {ours!r} ({kinds[1]}){advice}"
    ]
