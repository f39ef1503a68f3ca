"""Readers of rating exports (Letterboxd, IMDb, Goodreads): which site a file is from, what each row says."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from penchant.data.ingest.recognise import recognise
from penchant.errors import ColumnError, DataError
from penchant.text import all_of

if TYPE_CHECKING:
    from penchant.data.tables import Batch, BrokenRow, Table

__all__ = ["Entry", "Export", "read_export"]

Cells = list[object]
_Part: TypeAlias = "tuple[Sequence[BrokenRow], dict[str, Cells]]"


@dataclass(frozen=True)
class Entry:
    """One rating in an export, on the scale of the export.

    Attributes:
        name: what was rated, as it stands there: a title, or an id where there is no title.
        titles: titles to look for.
        year: of the film or the book; None where it is not told.
        ids: what it is called by, by kind: "item" (an id of the recommender's own), "imdb", "goodreads", "isbn".
        rating: stars.
    """

    name: str
    titles: tuple[str, ...]
    year: int | None
    rating: float
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """All ratings in an export.

    Attributes:
        label: what a message calls it.
        site: "Letterboxd", "IMDb", "Goodreads", or "table" for any other.
        scale: lowest and highest rating that can be given there; None where the table does not say.
        entries: the ratings, in the order of the rows.
        n_unrated: rows without a rating, such as films that were only watched.
    """

    label: str
    site: str
    scale: tuple[float, float] | None
    entries: tuple[Entry, ...]
    n_unrated: int


@dataclass(frozen=True)
class _Site:
    """What an export looks like: its columns, each by what it is for."""

    name: str
    scale: tuple[float, float] | None
    rating: str
    title: str | None
    needed: tuple[str, ...] = ()
    other_title: str | None = None
    year: str | None = None
    ids: Mapping[str, str] = field(default_factory=dict)  # kind of id: column
    zero_is_unrated: bool = False


_SITES = (
    _Site("Letterboxd", (0.5, 5.0), "Rating", "Name", ("Letterboxd URI",), year="Year"),
    _Site("IMDb", (1.0, 10.0), "Your Rating", "Title", ("Const",), "Original Title", "Year", {"imdb": "Const"}),
    _Site(
        "Goodreads",
        (1.0, 5.0),
        "My Rating",
        "Title",
        ("Book Id",),
        year="Original Publication Year",
        ids={"goodreads": "Book Id", "isbn": "ISBN"},
        zero_is_unrated=True,
    ),
)


def read_export(source: object) -> Export:
    """The ratings in one person's table; the site is known by its header.

    Args:
        source: the path of a file, or a table in memory (pandas, polars, pyarrow, a dict of columns). Any other table
            than those of the sites has a column of titles or ids and a column of ratings; a file of two columns needs
            no header.

    Raises:
        SourceError: there is no such file.
        ColumnError: no column of titles, or of ratings.
        DataError: a row that can't be read, or whose rating is no number or off the scale of the site.
    """
    table = _opened(source)
    names = {name.lstrip("\ufeff").casefold(): name for name in table.names}
    sites = (site for site in _SITES if _has(names, site))
    site = next(sites, None) or _plain_site(table)
    wanted = [site.rating, site.title, site.other_title, site.year, *site.ids.values()]
    columns = {name.casefold(): names[name.casefold()] for name in wanted if name and name.casefold() in names}
    cells = _cells(table, sorted(set(columns.values())))
    found = {wanted_name: cells[real] for wanted_name, real in columns.items()}
    return _export(table, site, found)


def _has(names: Mapping[str, str], site: _Site) -> bool:
    return all(name.casefold() in names for name in (*site.needed, site.rating, site.title or ""))


def _opened(source: object) -> Table:
    from penchant.data.tables import MemoryTable, is_table, open_files

    if is_table(source):
        return MemoryTable(source)
    path = str(source) if isinstance(source, Path) else source
    table = open_files(path)
    if len(table.names) == 2 and _number(table.names[1]) is not None:  # a first line of title and rating: no header
        return open_files(path, columns=["item", "rating"])
    return table


def _plain_site(table: Table) -> _Site:
    """Any other table: one column of ratings, and one of titles or ids."""
    try:
        rating = recognise(table.names, "rating", None, table.label).name
        rest = [name for name in table.names if name != rating]
        item = rest[0] if len(rest) == 1 else recognise(rest, "item", None, table.label).name
    except ColumnError as error:
        raise ColumnError(
            f"{table.label} has the columns {', '.join(table.names)}: it is no export of "
            f"{all_of([site.name for site in _SITES])} that is known, so call one of them title (or item_id) and one "
            "of them rating"
        ) from error
    year = next((name for name in rest if name.casefold() == "year"), None)
    title = next((name for name in rest if name.casefold() in ("title", "name") and name != item), None)
    is_title = item.casefold() in ("title", "name")
    return _Site("table", None, rating, item if is_title else title, year=year, ids={} if is_title else {"item": item})


def _cells(table: Table, names: Sequence[str]) -> dict[str, Cells]:
    """The cells of some columns, with numbers where all of a column are whole numbers, None where a cell is empty."""
    from penchant.data.tables import Rescan

    def work(batch: Batch) -> _Part:
        return batch.broken, {name: _listed(batch, name) for name in names}

    while True:
        try:
            return _joined(table, names, work)
        except Rescan:  # a number was text after all, further down
            continue


def _joined(table: Table, names: Sequence[str], work: Callable[[Batch], _Part]) -> dict[str, Cells]:
    cells: dict[str, Cells] = {name: [] for name in names}
    for broken, some in table.scan(dict.fromkeys(names, "id"), work):
        if broken:
            row = len(cells[names[0]]) + broken[0].row
            raise DataError(f"row {row}{table.locate(row)} can't be read: {broken[0].reason}")
        for name in names:
            cells[name] += some[name]
    return cells


def _listed(batch: Batch, name: str) -> Cells:
    column = batch.columns[name]
    values: Cells = column.to_pylist() if hasattr(column, "to_pylist") else column.tolist()
    return [None if value is None or value == "" or value != value else value for value in values]


def _export(table: Table, site: _Site, cells: Mapping[str, Cells]) -> Export:
    nothing: Cells = [None] * len(cells[site.rating.casefold()])

    def column(name: str | None) -> Cells:
        return nothing if name is None else cells.get(name.casefold(), nothing)

    columns = [column(name) for name in (site.rating, site.title, site.other_title, site.year)]
    ids = {kind: column(name) for kind, name in site.ids.items()}
    entries = []
    n_unrated = 0
    for row, (rating, title, other, year) in enumerate(zip(*columns, strict=True)):
        stars = None
        if _text(rating):
            stars, fault = _stars(rating, site)
            if fault:
                raise DataError(f"row {row}{table.locate(row)}: the rating is {fault}")
        if stars is None:
            n_unrated += 1
            continue
        known = {kind: text for kind, values in ids.items() if (text := _id_text(values[row]))}
        titles = tuple(dict.fromkeys(filter(None, map(_text, (title, other)))))
        if not titles and not known:
            raise DataError(f"row {row}{table.locate(row)} has a rating and does not say of what")
        name = titles[0] if titles else next(iter(known.values()))
        entries.append(Entry(name, titles or ((known["item"],) if "item" in known else ()), _year(year), stars, known))
    return Export(table.label, site.name, site.scale, tuple(entries), n_unrated)


def _stars(cell: object, site: _Site) -> tuple[float | None, str]:
    """A rating, None where it stands for none; and what is wrong with it."""
    stars = _number(cell)
    if stars is None:
        return None, f"{cell!r}, which is no number"
    if stars == 0 and site.zero_is_unrated:
        return None, ""
    lo, hi = site.scale or (stars, stars)
    return stars, "" if lo <= stars <= hi else f"{stars:g}, and ratings of {site.name} are {lo:g} to {hi:g}"


def _number(cell: object) -> float | None:
    """A number that is finite, written with a point or a comma; None for all else."""
    text = _text(cell).replace(",", ".")
    return float(text) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, flags=re.IGNORECASE) else None


def _year(cell: object) -> int | None:
    year = _number(cell)
    return int(year) if year is not None and 0 < year < 3000 else None


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a column of whole numbers with gaps
    return "" if cell is None else str(cell).strip()


def _id_text(cell: object) -> str:
    """An id; Goodreads writes ="0439023483", so that a spreadsheet keeps the zeros."""
    found: Hashable = _text(cell)
    return re.sub(r'^="*([^"]*)"*$', r"\1", str(found))
