"""Rows for ids that are new to a recommender: vocabularies and attributes with them behind what is known."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Int32Array, Int64Array
from penchant.data.attributes import Attributes
from penchant.data.lookup import ItemNames
from penchant.data.vocab import Vocab
from penchant.edits.add_row import other_form
from penchant.errors import DataError
from penchant.storage import Snapshot
from penchant.storage.strict_json import JSON

__all__ = ["JoinedSide", "grown_attributes", "left_out", "with_update"]

_LATEST = 10  # updates that are told one by one: a file must not grow with their number


@dataclass(frozen=True, eq=False)
class JoinedSide:
    """One side of the model with new ids behind those that it knows.

    Attributes:
        vocab: all of them.
        rows: row of each id of the new ratings; -1 for an id without any.
        fresh: which ids of the new ratings are new, in the order of their rows.
    """

    vocab: Vocab
    rows: Int32Array
    fresh: Int64Array

    @classmethod
    def joined(cls, known: Vocab, new: Vocab, used: Int32Array, names: ItemNames | None) -> JoinedSide:
        """The ids of a table beside those that are known.

        Args:
            known, new: the vocabularies.
            used: rows of `new` that the table has.
            names: of the items; None for users.
        """
        is_used = np.bincount(used, minlength=len(new)) > 0
        rows = known.find(new.ids) if names is None else names.find(new.ids)
        rows[~is_used] = -1
        fresh = np.flatnonzero(is_used & (rows < 0))
        if len(fresh) == 0:
            return cls(known, rows, fresh)
        ids = [new[int(at)] for at in fresh]
        for each in ids:
            _check_new(each, known)
        rows[fresh] = len(known) + np.arange(len(fresh), dtype=np.int32)
        try:
            vocab = Vocab([*known, *ids], kind=known.kind)
        except DataError as error:  # equal in Python, and of another type: 1 and 1.0
            raise DataError(f"a new {known.kind} id is equal to one that is known, of another type: {error}") from error
        return cls(vocab, rows, fresh)


def _check_new(new_id: Hashable, known: Vocab) -> None:
    """Refuse the id of somebody known that was read as another type: everybody would be there twice."""
    twin = other_form(new_id)
    if twin is not None and twin in known:
        raise DataError(
            f"{known.kind} {new_id!r} ({type(new_id).__name__}) is too like {twin!r} ({type(twin).__name__}), which is "
            "known already: read the new ratings so that ids have the same type"
        )


def grown_attributes(table: Attributes, more: Attributes, side: JoinedSide) -> Attributes:
    """The attributes with rows for what is new: what the new table tells of it under the same names.

    Args:
        table: what is known.
        more: the attributes of the new table.
        side: which of its rows are new.
    """
    columns = {name: _appended(name, table[name], more.get(name), side.fresh) for name in table}
    return Attributes(columns, n_rows=len(side.vocab))


def _appended(
    name: str, column: NDArray[np.generic], more: NDArray[np.generic] | None, fresh: Int64Array
) -> NDArray[np.generic]:
    if len(fresh) == 0:
        return column
    is_text, is_tags = column.dtype == np.object_, any(isinstance(value, tuple) for value in column.tolist())
    if more is None:
        blank = () if is_tags else None
        unknown = np.fromiter([blank] * len(fresh), np.object_, len(fresh)) if is_text else np.full(len(fresh), np.nan)
        return np.concatenate([column, unknown])
    has_tags = any(isinstance(value, tuple) for value in more.tolist())
    if (more.dtype == np.object_) is not is_text or has_tags is not is_tags:
        kinds = {(False, False): "numbers", (True, False): "texts", (True, True): "tuples of texts"}
        theirs = kinds[more.dtype == np.object_, has_tags]
        raise DataError(f"attribute {name!r} is of {kinds[is_text, is_tags]}, and in the new ratings of {theirs}")
    return np.concatenate([column, more[fresh]])


def left_out(
    snapshot: Snapshot, new: tuple[Attributes, Attributes], sides: tuple[JoinedSide, JoinedSide]
) -> list[JSON]:
    """Attributes that a new table tells of new rows, and that the recommender has no column for.

    Args:
        snapshot: what there is.
        new: attributes of users and of items in the new table.
        sides: which of its rows are new.
    """
    ours = snapshot.user_attributes, snapshot.item_attributes
    pairs = zip(ours, new, sides, strict=True)
    return [name for known, theirs, side in pairs if len(side.fresh) for name in theirs if name not in known]


def with_update(snapshot: Snapshot, counts: dict[str, int], record: dict[str, JSON]) -> dict[str, JSON]:
    """The summary of the training with one more update: totals, and the latest ones each.

    Args:
        snapshot: what there was.
        counts: of this update, which are added up.
        record: what else to tell of it.
    """
    earlier = snapshot.training.get("updates")
    total: dict[str, JSON] = dict(earlier) if isinstance(earlier, dict) else {}
    for name, value in {"n_updates": 1, **counts}.items():
        before = total.get(name)
        total[name] = value + (before if type(before) is int else 0)
    latest = total.get("latest")
    total["latest"] = [*(latest if isinstance(latest, list) else []), {**counts, **record}][-_LATEST:]
    return {**snapshot.training, "updates": total}
