"""Exporting: a recommender for programs that are not Python."""

from __future__ import annotations

from pathlib import Path

from penchant.checks import is_real, require
from penchant.errors import ParameterError, UnsupportedError
from penchant.exported import ItemExport
from penchant.models.dot_bias import DotBias
from penchant.storage.atomic import opened_atomically, write_atomically
from penchant.trained import Trained
from penchant.words import a_model

__all__ = ["Exporting", "write_export"]

_FORMATS = {".json": "json", ".parquet": "parquet", ".pq": "parquet"}


class Exporting(Trained):
    """Items, and what is believed of a person, in files that other programs read."""

    def export(self, path: str | Path, format: str | None = None, *, precision: float = 0.001) -> Path:  # noqa: A002
        """Write factors and biases of all items, with what it takes to score them for somebody new; no users.

        JSON is made for phones and web pages: numbers are rounded to what `precision` needs. Parquet holds what the
        model holds. docs/phone.md says what is where, with the few lines of JavaScript that use it.

        Args:
            path: where to. Returned as a `Path`; an old file there is replaced.
            format: "json" or "parquet"; None (default) for what the name of the file says.
            precision: how far rounding in JSON may move a prediction, in rating units: the standard deviation over
                users (default 0.001).

        Raises:
            ParameterError: `format` is another word, or none is told by the name; `precision` is not above 0; or
                `path` is no path.
            SourceError: the folder is missing or can't be written to.
            UnsupportedError: the model is no dot product of factors, or item ids are neither numbers nor text.

        >>> import penchant as pt, tempfile, pathlib, json
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     items = json.loads(rec.export(pathlib.Path(folder) / "items.json").read_bytes())
        >>> len(items["rows"]), len(items["rows"][0])
        (100, 5)
        """
        return write_export(self, path, format, precision=precision)


def write_export(
    trained: Trained,
    path: str | Path,
    format: str | None = None,  # noqa: A002  # as in pandas and Spark
    *,
    precision: float = 0.001,
) -> Path:
    """Write an export: see `Recommender.export`, which calls this.

    Args:
        trained: the recommender.
        path: where to.
        format: as for `Exporting.export` (default None).
        precision: as for `Exporting.export` (default 0.001).

    Raises:
        ParameterError, SourceError, UnsupportedError: as `Exporting.export`.
    """
    try:
        target = Path(path)
    except TypeError as error:
        raise ParameterError(f"path is {path!r}: use the path of a file, as text or as a Path") from error
    told = _FORMATS.get(target.suffix.lower()) if format is None else format
    require(told in ("json", "parquet"), "format", format, '"json" or "parquet", or end the name in .json or .parquet')
    fits = is_real(precision) and 0 < precision < float("inf")
    require(fits, "precision", precision, "a number of rating units above 0, such as 0.001")
    export = _export_of(trained)
    if told == "json":
        write_atomically(target, [export.to_json(precision)])
    else:
        from pyarrow import parquet

        with opened_atomically(target) as file:
            parquet.write_table(export.to_table(), file)
    return target


def _export_of(trained: Trained) -> ItemExport:
    model = trained.model
    if not isinstance(model, DotBias):
        raise UnsupportedError(
            f"{a_model(model.kind)} has no factors that a few lines could score; export takes dot_bias models, such as "
            "those of ALS and Bayes"
        )
    ids = trained.items.ids.tolist()
    kinds = {type(value) for value in ids}
    if kinds not in ({int}, {str}):
        ids = [_as_text(value) for value in ids]
    if len(set(ids)) < len(ids):
        raise UnsupportedError(
            "some item ids differ in their type alone, as 7 and '7' do: export can't tell them apart"
        )
    return ItemExport(model, ids, trained.item_attributes.titles, trained.rating_scale)


def _as_text(value: object) -> str:
    """A UUID or a date as text; what has no plain text of its own is refused."""
    if isinstance(value, bytes | tuple | bool | float):
        raise UnsupportedError(f"item ids such as {value!r} can't be told apart as text: export takes numbers and text")
    return str(value)
