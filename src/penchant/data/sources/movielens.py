"""MovieLens readers: the three file formats that MovieLens has had.

    u.data      ml-100k                    u.data, u.item, u.user, u.genre: tabs and bars, latin-1
    dat         ml-1m, ml-10m              ratings.dat, movies.dat, users.dat: `::`, latin-1 or utf-8
    csv         ml-20m and all later ones  ratings.csv, movies.csv: commas, quoted titles, utf-8

Only the file of ratings must be there. What the others say of films and people becomes attributes:

    title       str, as in the file
    year        float64, nan where unknown: from the end of the title, else from the release date
    genres      tuple of str, empty where the source says "unknown" or "(no genres listed)"
    age         int64, years; in ml-1m the lower end of a range (1 stands for "under 18")
    sex         "F" or "M"
    occupation  str; the words that the README has for the codes of ml-1m
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from penchant.data.attributes import Attributes
from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import DataError, SourceError

__all__ = ["FORMATS", "Format", "read", "year_of"]

Columns: TypeAlias = Mapping[str, list[int] | list[str] | list[float] | list[tuple[str, ...]]]

_COLUMNS = ["user", "item", "rating", "timestamp"]

# The 19 flags of u.item, in order, for folders without u.genre.
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_NO_GENRE = ("unknown", "(no genres listed)", "")

# README of ml-1m, "USERS FILE DESCRIPTION": the code is the place in this list.
_OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service"),
    *("doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer"),
    *("retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman"),
    *("unemployed", "writer"),
)

_YEAR = re.compile(r"\((\d{4})(?:\s*[-–]\s*(?:\d{4})?\s*)?\)")


def year_of(title: str, release_date: str = "") -> float:
    """The year of a film: the last year in brackets in its title, else the end of its release date, else nan.

    The title comes first because the release date of ml-100k is often that of the video. Of a range, the first year.

    >>> year_of("Orbit over Brasken (1987)"), year_of("The Brasken Files (1993-1998) (TV)")
    (1987.0, 1993.0)
    >>> year_of("Untitled", "01-Jan-1996"), year_of("Untitled")
    (1996.0, nan)
    """
    bracketed = _YEAR.findall(title)
    if bracketed:
        return float(bracketed[-1])
    dated = re.search(r"-(\d{4})$", release_date)
    return float(dated[1]) if dated else np.nan


@dataclass(frozen=True)
class Format:
    """How one family of releases is laid out.

    Attributes:
        ratings: names that the file of ratings may have; the first that is there is read.
        header: whether that file begins with a line of column names.
        films, people: files of attributes, None where the release has none.
        read_films, read_people: their readers.
    """

    ratings: tuple[str, ...]
    header: bool
    films: str
    read_films: Callable[[Path], Columns]
    people: str | None
    read_people: Callable[[Path], Columns] | None

    def find_ratings(self, folder: Path) -> Path | None:
        """The file of ratings in a folder, or None."""
        return next((folder / name for name in self.ratings if (folder / name).is_file()), None)


def read(
    folder: Path,
    layout: Format,
    *,
    rating_scale: tuple[float, float],
    item: str | None = None,
    duplicates: str = "last",
) -> Ratings:
    """Read a release that is unpacked in a folder.

    Args:
        folder: where the files are.
        layout: one of `FORMATS`.
        rating_scale: lowest and highest rating that could be given.
        item: None for movie ids as ids, "title" for titles as ids: films of the same title are then one.
        duplicates: what to do with a pair that is rated twice, see `penchant.read_ratings`.

    Raises:
        SourceError: there is no file of ratings, or titles are asked for and there is no file of films.
        DataError: a line can't be understood; the message has its number.
    """
    path = layout.find_ratings(folder)
    if path is None:
        raise SourceError(f"no {' or '.join(layout.ratings)} in {folder}")
    films = layout.read_films(folder / layout.films) if (folder / layout.films).is_file() else None
    if films is None and item == "title":
        raise SourceError(f"no {layout.films} in {folder}, so there are no titles that could be ids")
    people = None
    if layout.people and layout.read_people and (folder / layout.people).is_file():
        people = layout.read_people(folder / layout.people)
    bare = not layout.header and path.suffix != ".parquet"
    ratings = read_ratings(
        path,
        columns=_COLUMNS if bare else None,
        sep={".data": "\t", ".dat": "::"}.get(path.suffix),
        item=item,
        items=films,
        users=people,
        rating_scale=rating_scale,
        duplicates=duplicates,
    )
    return _with_titles(ratings) if item == "title" else ratings


def _with_titles(ratings: Ratings) -> Ratings:
    """Titles that are ids are also what is shown."""
    titles = np.empty(ratings.n_items, dtype=np.object_)
    titles[:] = list(ratings.items)
    columns = {"title": titles, **ratings.item_attributes}
    return replace(ratings, item_attributes=Attributes(columns, n_rows=ratings.n_items))


# -- readers of films and people --


def _films_of_u_item(path: Path) -> Columns:
    """Read id | title | release date | video date | address | 19 flags; u.genre beside it names the flags."""
    genres = _genres(path.with_name("u.genre"))
    ids, titles, years, tagged = [], [], [], []
    for number, line in _lines(path):
        fields = line.split("|")
        flags = fields[5:]
        if len(flags) != len(genres) or not set(flags) <= {"0", "1"}:
            raise _unreadable(path, number, line, f"5 fields and {len(genres)} flags 0 or 1, with | between them")
        ids.append(_integer(fields[0], path, number, line))
        titles.append(fields[1].strip())
        years.append(year_of(titles[-1], fields[2]))
        tagged.append(tuple(g for g, flag in zip(genres, flags, strict=True) if flag == "1" and g not in _NO_GENRE))
    return {"item": ids, "title": titles, "year": years, "genres": tagged}


def _genres(path: Path) -> tuple[str, ...]:
    """The names of the flags: lines NAME|NUMBER, in the order of the numbers."""
    if not path.is_file():
        return _GENRES
    numbered = []
    for number, line in _lines(path):
        name, _, place = line.partition("|")
        numbered.append((_integer(place, path, number, line), name))
    return tuple(name for _, name in sorted(numbered))


def _people_of_u_user(path: Path) -> Columns:
    """Read id | age | sex | occupation | zip code. The zip code is left out."""
    ids, ages, sexes, occupations = [], [], [], []
    for number, line in _lines(path):
        fields = line.split("|")
        if len(fields) != 5 or fields[2] not in ("F", "M"):
            raise _unreadable(path, number, line, "id|age|F or M|occupation|zip code")
        ids.append(_integer(fields[0], path, number, line))
        ages.append(_integer(fields[1], path, number, line))
        sexes.append(fields[2])
        occupations.append(fields[3])
    return {"user": ids, "age": ages, "sex": sexes, "occupation": occupations}


def _films_of_dat(path: Path) -> Columns:
    """Read id::title::genres, with | between genres."""
    ids, titles, years, tagged = [], [], [], []
    for number, line in _lines(path):
        before, _, genres = line.rpartition("::")
        film, separator, title = before.partition("::")  # a title may hold "::"
        if not separator:
            raise _unreadable(path, number, line, "id::title::genres")
        ids.append(_integer(film, path, number, line))
        titles.append(title.strip())
        years.append(year_of(titles[-1]))
        tagged.append(_split_genres(genres))
    return {"item": ids, "title": titles, "year": years, "genres": tagged}


def _people_of_dat(path: Path) -> Columns:
    """Read id::sex::age::occupation::zip code, the occupation being a code. The zip code is left out."""
    ids, ages, sexes, occupations = [], [], [], []
    for number, line in _lines(path):
        fields = line.split("::")
        if len(fields) != 5 or fields[1] not in ("F", "M"):
            raise _unreadable(path, number, line, "id::F or M::age::occupation::zip code")
        code = _integer(fields[3], path, number, line)
        if not 0 <= code < len(_OCCUPATIONS):
            raise _unreadable(path, number, line, f"an occupation of 0 to {len(_OCCUPATIONS) - 1}")
        ids.append(_integer(fields[0], path, number, line))
        sexes.append(fields[1])
        ages.append(_integer(fields[2], path, number, line))
        occupations.append(_OCCUPATIONS[code])
    return {"user": ids, "age": ages, "sex": sexes, "occupation": occupations}


def _films_of_csv(path: Path) -> Columns:
    """Read movieId,title,genres with a header; titles that hold commas are in quotes."""
    ids, titles, years, tagged = [], [], [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        if (header := next(rows, [])) != ["movieId", "title", "genres"]:
            raise _unreadable(path, 1, ",".join(header), "the header movieId,title,genres")
        for row in rows:
            if len(row) != 3:
                raise _unreadable(path, rows.line_num, ",".join(row), "movieId,title,genres")
            ids.append(_integer(row[0], path, rows.line_num, ",".join(row)))
            titles.append(row[1].strip())
            years.append(year_of(titles[-1]))
            tagged.append(_split_genres(row[2]))
    return {"movieId": ids, "title": titles, "year": years, "genres": tagged}


def _split_genres(joined: str) -> tuple[str, ...]:
    return tuple(genre for genre in joined.strip().split("|") if genre not in _NO_GENRE)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their numbers from 1. UTF-8, or latin-1 where it is not that."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    # Not splitlines(): it breaks lines at more characters, such as U+0085, that may stand in a title.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def _integer(text: str, path: Path, number: int, line: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise _unreadable(path, number, line, f"a whole number in the place of {text!r}")
    return int(text)


def _unreadable(path: Path, number: int, line: str, expected: str) -> DataError:
    return DataError(f"{path}, line {number}: {line[:80]!r} is not understood; expected {expected}")


FORMATS: Mapping[str, Format] = {
    "u.data": Format(("u.data",), False, "u.item", _films_of_u_item, "u.user", _people_of_u_user),
    "dat": Format(("ratings.dat", "ratings.parquet"), False, "movies.dat", _films_of_dat, "users.dat", _people_of_dat),
    "csv": Format(("ratings.csv",), True, "movies.csv", _films_of_csv, None, None),
}
