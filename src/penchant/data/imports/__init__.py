"""One person's ratings from elsewhere: exports of Letterboxd, IMDb and Goodreads, matched to a recommender's items."""

from __future__ import annotations

from penchant.data.imports.matched_ratings import MatchedRating, MatchedRatings, match_ratings, rescaled
from penchant.data.imports.site_exports import Entry, Export, read_export
from penchant.data.imports.title_forms import Title, normalised, parse_title

__all__ = [
    "Entry",
    "Export",
    "MatchedRating",
    "MatchedRatings",
    "Title",
    "match_ratings",
    "normalised",
    "parse_title",
    "read_export",
    "rescaled",
]
