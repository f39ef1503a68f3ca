"""MatchedRatings: imported ratings of items that a recommender knows, and what became of the others."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penchant.checks import is_real, require
from penchant.data.attributes import Attributes
from penchant.data.imports.item_matching import ItemIndex, settled
from penchant.data.imports.site_exports import Export, read_export
from penchant.data.vocab import Vocab
from penchant.errors import DataError
from penchant.text import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MatchedRating", "MatchedRatings", "match_ratings", "rescaled"]

_SHOWN = 5


@dataclass(frozen=True)
class MatchedRating:
    """What became of one rating.

    Attributes:
        name, year: what was rated, as it stands in the table; the year is None where it is not told there.
        given: the rating as it stands there.
        item_ids: of the item that it is; of several, where it can't be told which; empty where there is no such item.
        rating: on the scale of the recommender.
    """

    name: str
    year: int | None
    given: float
    item_ids: tuple[Hashable, ...]
    rating: float

    def __str__(self) -> str:
        return self.name if self.year is None else f"{self.name} ({self.year})"


@dataclass(frozen=True)
class MatchedRatings:
    """One person's ratings, matched to items. Made by `Recommender.match_ratings`; `str()` of it is a report.

    Attributes:
        label: what a message calls the table.
        site: "Letterboxd", "IMDb", "Goodreads", or "table" for any other.
        scale, rating_scale: lowest and highest rating there, and here.
        every: what became of each rating, in the order of the table.
        n_unrated: rows without a rating.
    """

    label: str
    site: str
    scale: tuple[float, float]
    rating_scale: tuple[float, float]
    every: tuple[MatchedRating, ...]
    n_unrated: int

    @property
    def ratings(self) -> dict[Hashable, float]:
        """{item id: rating}, for `ratings=` of all that takes it; of an item that was rated twice, the last."""
        return {one.item_ids[0]: one.rating for one in self.every if len(one.item_ids) == 1}

    @property
    def unmatched(self) -> tuple[MatchedRating, ...]:
        """Those that no item fits."""
        return tuple(one for one in self.every if not one.item_ids)

    @property
    def ambiguous(self) -> tuple[MatchedRating, ...]:
        """Those that several items fit, or whose item another rating fits as well: left out."""
        return tuple(one for one in self.every if len(one.item_ids) > 1)

    def to_frame(self) -> pd.DataFrame:
        """What became of each rating: a DataFrame with the columns name, year, given, outcome, item_id and rating.

        The outcome is "matched", "ambiguous" or "unmatched"; item_id is None but for the first.
        """
        import pandas as pd

        outcomes = ("unmatched", "matched", "ambiguous")
        columns = ["name", "year", "given", "outcome", "item_id", "rating"]
        rows = [
            (one.name, one.year, one.given, outcomes[n], one.item_ids[0] if n == 1 else None, one.rating)
            for one in self.every
            for n in [min(len(one.item_ids), 2)]
        ]
        return pd.DataFrame(rows, columns=columns, dtype=object).astype(
            {"name": str, "year": "Int64", "given": float, "outcome": str, "rating": float}
        )

    def to_dict(self) -> dict[str, object]:
        """The report in values that JSON can hold, but for ids of other types than numbers and text."""
        return {
            "source": self.label,
            "site": self.site,
            "scale": list(self.scale),
            "n_ratings": len(self.every),
            "n_matched": len(self.ratings),
            "n_unrated": self.n_unrated,
            "ratings": [{"item_id": item, "rating": rating} for item, rating in self.ratings.items()],
            "unmatched": [str(one) for one in self.unmatched],
            "ambiguous": [{"name": str(one), "item_ids": [*dict.fromkeys(one.item_ids)]} for one in self.ambiguous],
        }

    def __str__(self) -> str:
        kind = "" if self.site == "table" else f" ({self.site})"
        lines = [
            f"{self.label}{kind}: {counted(len(self.every), 'rating')}, of {counted(len(self.ratings), 'item')} that "
            "the recommender knows"
        ]
        if self.scale != self.rating_scale:
            (a, b), (lo, hi) = self.scale, self.rating_scale
            lines.append(f"ratings from {a:g} to {b:g} taken as {lo:g} to {hi:g}")
        if self.n_unrated:
            lines.append(f"{counted(self.n_unrated, 'row')} without a rating left out")
        for what, left in (("not known", self.unmatched), ("not clear which", self.ambiguous)):
            if left:
                more = f" and {len(left) - _SHOWN:,} more" if len(left) > _SHOWN else ""
                lines.append(f"{what}: {'; '.join(map(str, left[:_SHOWN]))}{more}")
        return "\n".join(lines)


def match_ratings(
    source: object,
    items: Vocab,
    attributes: Attributes,
    rating_scale: tuple[float, float],
    *,
    scale: tuple[float, float] | None = None,
) -> MatchedRatings:
    """One person's ratings, matched to items: see `Recommender.match_ratings`, which calls this.

    Args:
        source: a file or a table, see `penchant.data.imports.read_export`.
        items: the ids of the items.
        attributes: what is known of them.
        rating_scale: of the recommender.
        scale: of the table; None (default) for that of the site, and for other tables that of the recommender.

    Raises:
        ParameterError: `scale` is no (lowest, highest).
        SourceError, ColumnError, DataError: as `read_export`; a rating outside the scale.
    """
    _check_scale(scale)
    export = read_export(source)
    a, b = scale or export.scale or rating_scale
    for entry in export.entries:
        if not a <= entry.rating <= b:
            raise DataError(f"{export.label}: the rating of {entry.name!r} is {entry.rating:g}, not {a:g} to {b:g}")
    every = _matched(export, items, attributes, (a, b), rating_scale)
    return MatchedRatings(export.label, export.site, (a, b), rating_scale, every, export.n_unrated)


def _matched(
    export: Export,
    items: Vocab,
    attributes: Attributes,
    scale: tuple[float, float],
    rating_scale: tuple[float, float],
) -> tuple[MatchedRating, ...]:
    index = ItemIndex(items, attributes)
    found = settled(export.entries, [index.find(entry) for entry in export.entries])
    return tuple(
        MatchedRating(
            entry.name,
            entry.year,
            entry.rating,
            tuple(items[row] for row in one.rows),
            rescaled(entry.rating, scale, rating_scale),
        )
        for entry, one in zip(export.entries, found, strict=True)
    )


def rescaled(rating: float, scale: tuple[float, float], to: tuple[float, float]) -> float:
    """A rating on another scale: the lowest becomes the lowest, the highest the highest, between them linearly.

    Args:
        rating: on the first scale.
        scale: its lowest and highest.
        to: those of the other one.

    >>> [rescaled(stars, (1, 10), (1, 5)) for stars in (1, 10)]
    [1.0, 5.0]
    """
    (a, b), (lo, hi) = scale, to
    if scale == to:
        return float(rating)
    return float(min(max(lo + (rating - a) / (b - a) * (hi - lo), lo), hi))


def _check_scale(scale: object) -> None:
    fits = scale is None or (
        isinstance(scale, tuple | list) and len(scale) == 2 and all(map(is_real, scale)) and scale[0] < scale[1]
    )
    require(fits, "scale", scale, "the lowest and the highest rating, such as (1, 10)")
