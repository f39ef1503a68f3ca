"""Matching: a person's ratings from elsewhere, as ratings of the items that a recommender knows."""

from __future__ import annotations

from penchant.importing import MatchedRatings, match_ratings
from penchant.trained import Trained

__all__ = ["Matching"]


class Matching(Trained):
    """Exports of film and book sites at the door of a recommender."""

    def match_ratings(self, source: object, *, scale: tuple[float, float] | None = None) -> MatchedRatings:
        """One person's ratings from a file, matched to items; ask with `ratings=rec.match_ratings(path).ratings`.

        Exports of Letterboxd (`ratings.csv`, half stars from 0.5 to 5), IMDb (`ratings.csv`, 1 to 10) and Goodreads
        (`goodreads_library_export.csv`, 1 to 5; 0 is no rating) are known by their header. Any other table has a
        column of titles or item ids and a column of ratings. Ratings are taken to the recommender's scale linearly:
        the lowest that the site has becomes the lowest, the highest the highest.

        An item is found by its id (also by an attribute imdb_id, goodreads_book_id or isbn), by its exact title, or by
        its title without regard to case, accents, punctuation and the place of its article, and by other titles in
        parentheses. Where both years are known they may differ by one. What fits no item, or several, is reported and
        left out.

        Args:
            source: the path of a file, or a table in memory (pandas, polars, pyarrow, a dict of columns).
            scale: lowest and highest rating that can be given in the table; None (default) for that of the site, and
                for other tables that of the recommender.

        Raises:
            SourceError: there is no such file.
            ColumnError: no column of titles or ids, or none of ratings.
            DataError: a row that can't be read, or a rating that is no number or outside the scale.
            ParameterError: `scale` is no (lowest, highest).

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> mine = rec.match_ratings({"title": ["emmeril convoy, the", "Casablanca"], "rating": [5, 4]})
        >>> mine.ratings, [one.name for one in mine.unmatched]
        ({7: 5.0}, ['Casablanca'])
        """
        return match_ratings(source, self.items, self.item_attributes, self.rating_scale, scale=scale)
