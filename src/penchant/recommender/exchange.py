"""Files of other programs: items for phones and pages out (export), a person's ratings from other sites in."""

from __future__ import annotations

from pathlib import Path

from penchant.checks import is_real, require
from penchant.data.imports import MatchedRatings, match_ratings
from penchant.errors import UnsupportedError
from penchant.recommender.state import State
from penchant.storage import Snapshot
from penchant.storage.atomic import opened_atomically, write_atomically
from penchant.storage.exports.choice_export import ChoiceExport
from penchant.storage.exports.item_export import ItemExport
from penchant.storage.targets import require_path, require_suffix

__all__ = ["Exchanges", "write_export"]

_FORMATS = {".json": "json", ".parquet": "parquet", ".pq": "parquet"}


class Exchanges:
    """A recommender beside programs that are not Python."""

    _state: State

    def export(self, path: str | Path, format: str | None = None, *, precision: float = 0.001) -> Path:  # noqa: A002
        """Write factors and biases of all items, with what it takes to score them for somebody new; no users.

        Where choices were learned, what scores these is written, too, so that other programs make lists by both.

        JSON is made for phones and web pages: numbers are rounded to what `precision` needs. Parquet holds what the
        model holds. docs/phone.md says what is where, with the few lines of JavaScript that use it.

        Args:
            path: where to. Returned as a `Path`; an old file there is replaced.
            format: "json" or "parquet"; None (default) for what the name of the file says.
            precision: how far rounding in JSON may move a prediction, in rating units: the standard deviation over
                users (default 0.001). A score of choice may move by ten times that share of its standard deviation.

        Raises:
            ParameterError: `format` is another word, or the name tells none, or another one; `precision` is not above
                0; or `path` is no path.
            SourceError: the folder is missing or can't be written to.
            UnsupportedError: the model of ratings is no dot product of factors, or item ids are neither numbers nor
                text.

        >>> import penchant as pt, tempfile, pathlib, json
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     items = json.loads(rec.export(pathlib.Path(folder) / "items.json").read_bytes())
        >>> len(items["rows"]), len(items["rows"][0])
        (100, 5)
        """
        return write_export(self._state, path, format, precision=precision)

    def match_ratings(self, source: object, *, scale: tuple[float, float] | None = None) -> MatchedRatings:
        """One person's ratings from a file, matched to items; ask with `ratings=rec.match_ratings(path).ratings`.

        Exports of Letterboxd (`ratings.csv`, half stars from 0.5 to 5), IMDb (`ratings.csv`, 1 to 10) and Goodreads
        (`goodreads_library_export.csv`, 1 to 5; 0 is no rating) are known by their header. Any other table has a
        column of titles or item ids and a column of ratings. Ratings are taken to the recommender's scale linearly:
        the lowest that the site has becomes the lowest, the highest the highest.

        An item is found by its id (also by an attribute imdb_id, goodreads_book_id or isbn), by its exact title, or by
        its title without regard to case, accents, punctuation and the place of its article, and by other titles in
        parentheses. Where both years are known they may differ by one. What fits no item, or several, is reported and
        left out. Where only choices were learned the stars are of no use: ask with `chosen=list(mine.ratings)`, and
        give the `scale` of a table that is none of these exports.

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
        state = self._state
        return match_ratings(source, state.items, state.item_attributes, state.rating_scale, scale=scale)


def write_export(
    state: Snapshot,
    path: str | Path,
    format: str | None = None,  # noqa: A002  # as in pandas and Spark
    *,
    precision: float = 0.001,
) -> Path:
    """Write an export: see `Recommender.export`, which calls this.

    Args:
        state: of the recommender.
        path: where to.
        format: as there (default None).
        precision: as there (default 0.001).

    Raises:
        ParameterError, SourceError, UnsupportedError: as `Recommender.export`.
    """
    told = _FORMATS.get(require_path(path).suffix.lower()) if format is None else format
    require(told in ("json", "parquet"), "format", format, '"json" or "parquet", or end the name in .json or .parquet')
    endings = tuple(suffix for suffix, name in _FORMATS.items() if name == told)
    target = require_suffix(path, endings, f"an export as {told}")
    fits = is_real(precision) and 0 < precision < float("inf")
    require(fits, "precision", precision, "a number of rating units above 0, such as 0.001")
    export = _export_of(state)
    if told == "json":
        write_atomically(target, [export.to_json(precision)])
    else:
        from pyarrow import parquet

        with opened_atomically(target) as file:
            parquet.write_table(export.to_table(), file)
    return target


def _export_of(state: Snapshot) -> ItemExport:
    learned = state.choices
    rule = state.model.scoring_rule() if state.model.knows_stars else None
    ids = state.items.ids.tolist()
    kinds = {type(value) for value in ids}
    if kinds not in ({int}, {str}):
        ids = [_as_text(value) for value in ids]
    if len(set(ids)) < len(ids):
        raise UnsupportedError(
            "some item ids differ in their type alone, as 7 and '7' do: export can't tell them apart"
        )
    choosing = None if learned is None else ChoiceExport(learned.model, learned.order)
    return ItemExport(rule, ids, state.item_attributes.titles, state.rating_scale, choosing)


def _as_text(value: object) -> str:
    """A UUID or a date as text; what has no plain text of its own is refused."""
    if isinstance(value, bytes | tuple | bool | float):
        raise UnsupportedError(f"item ids such as {value!r} can't be told apart as text: export takes numbers and text")
    return str(value)
