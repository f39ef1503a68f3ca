"""Ratings or choices named on the command line: a file, a pattern, an address, `-` for standard input, or a dataset."""

import difflib
import inspect
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import option
from penchant.cli.output import note
from penchant.errors import ParameterError, SourceError
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.data.choices import Choices
    from penchant.data.interactions import Table
    from penchant.data.ratings import Ratings
    from penchant.recommender.recommender import Recommender

__all__ = ["READING", "RatingsArgument", "read", "read_choices", "read_for"]

RatingsArgument = Annotated[
    str,
    typer.Argument(
        metavar="RATINGS",
        help="A file (CSV, TSV, ::, JSON lines, Parquet, Arrow; also .gz .zst .bz2), a quoted pattern ('part-*.csv'), "
        "an address (s3://...), - for standard input, or a dataset (see `penchant datasets`).",
    ),
]

_PANEL = "How to read RATINGS"
_STDIN = "-"


def _reading(name: str, flag: str, text: str, kind: object = str, metavar: str | None = None) -> inspect.Parameter:
    return option(name, kind | None, flag, help=text, metavar=metavar, show_default=False, rich_help_panel=_PANEL)  # type: ignore[operator]


READING: tuple[inspect.Parameter, ...] = (
    _reading("user", "--user", "Column of user ids. Recognised where not given.", metavar="COLUMN"),
    _reading(
        "item", "--item", "Column of item ids, or a column of --items: `--item title` names films.", metavar="COLUMN"
    ),
    _reading("rating", "--rating", "Column of ratings.", metavar="COLUMN"),
    _reading("weight", "--weight", "Of choices: the column that says how often, or how much.", metavar="COLUMN"),
    _reading("timestamp", "--timestamp", "Column of times; `none` leaves them out.", metavar="COLUMN"),
    _reading("items", "--items", "A table of items (titles, genres, ...) to join.", metavar="FILE"),
    _reading("users", "--users", "A table of users (age, ...) to join.", metavar="FILE"),
    _reading("rating_scale", "--scale", "Lowest and highest rating that can be given.", tuple[float, float], "LO HI"),
    _reading(
        "duplicates",
        "--duplicates",
        "Pairs rated twice: last (default), first, mean or error; choices: sum (default).",
        metavar="RULE",
    ),
    _reading("invalid", "--invalid", "Rows without a usable rating: error (default) or drop.", metavar="RULE"),
    _reading("sep", "--sep", "Separator of columns, such as ';' or '\\t'.", metavar="TEXT"),
    _reading("columns", "--columns", "Names for a file without a header: user,item,rating.", metavar="NAMES"),
    _reading("encoding", "--encoding", "Encoding of a text file: utf-8, latin-1, ...", metavar="NAME"),
)

_FOR_DATASETS = {"item", "duplicates"}
_OF_RATINGS, _OF_CHOICES = ("rating", "rating_scale"), ("weight",)


def read(source: str, options: Mapping[str, object]) -> "Ratings":
    """The ratings that `source` names, and on stderr what was read.

    Args:
        source: what the user typed. A file wins over a dataset of the same name, and a note says so.
        options: those of `READING` that the user gave.

    Raises:
        SourceError: nothing of that name.
        ParameterError: an option that is for files, with a dataset, or one that is for choices.
        DataError: the ratings can't be used as they are.
    """
    from penchant.data.ratings import read_ratings

    _refuse(options, _OF_CHOICES, "choices, and this is read as one of ratings")
    return _read(source, options, read_ratings, lambda ratings: ratings)


def read_choices(source: str, options: Mapping[str, object]) -> "Choices":
    """The choices that `source` names, and on stderr what was read; of a dataset of ratings, who rated what.

    Args:
        source: as for `read`, and so are the errors.
        options: those of `READING` that the user gave.
    """
    from penchant.data.choices import read_choices as read_file

    _refuse(options, _OF_RATINGS, "ratings, and this is read as one of choices")
    return _read(source, options, read_file, lambda ratings: ratings.choices())


def read_for(recommender: "Recommender", source: str, options: Mapping[str, object]) -> "Ratings | Choices":
    """A table of the kind that a recommender was learned from: ratings, or choices where it knows no stars.

    Args:
        recommender: for which.
        source, options: as for `read`, and so are the errors.
    """
    return read(source, options) if recommender.model.knows_stars else read_choices(source, options)


def _refuse(options: Mapping[str, object], names: Sequence[str], where: str) -> None:
    for name in names:
        if name in options:
            raise ParameterError(Argument(name), f" is for a table of {where}: leave it out")


def _read(
    source: str, options: Mapping[str, object], reader: "Callable[..., Table]", of_ratings: "Callable[[Ratings], Table]"
) -> "Table":
    from penchant.datasets import list_datasets

    datasets = [dataset.name for dataset in list_datasets()]
    is_file = Path(source).is_file()
    if source in datasets and not is_file:
        table = of_ratings(_read_dataset(source, options))
    elif source == _STDIN and not is_file:
        table = _read_stdin(options, reader)
    elif is_file or _may_be_many(source):
        if source in datasets:
            note(f"note: {source} is a file here, so the dataset of that name is not used")
        table = _read_file(source, options, reader)
    else:
        close = difflib.get_close_matches(source, datasets, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f" (datasets: {', '.join(datasets)})"
        raise SourceError(f"no file {source!r}, and no dataset of that name{meant}")
    note(*str(table.report).splitlines(), f"density {table.density:.2%}")
    return table


def _may_be_many(source: str) -> bool:
    """Whether to leave it to the library: a pattern, an address, or a folder."""
    return "://" in source or any(c in source for c in "*?[") or Path(source).is_dir()


def _read_dataset(name: str, options: Mapping[str, object]) -> "Ratings":
    from penchant.datasets import load_dataset

    for given in options:
        if given not in _FOR_DATASETS:
            raise ParameterError(Argument(given), f" is for files: {name!r} is a dataset, which is read by rule")
    return load_dataset(name, **options)  # type: ignore[arg-type]


def _read_file(
    source: str, options: Mapping[str, object], reader: "Callable[..., Table]", filesystem: object = None
) -> "Table":
    arguments = dict(options)
    if arguments.get("timestamp") == "none":
        arguments["timestamp"] = False
    if "columns" in arguments:
        arguments["columns"] = [name.strip() for name in str(arguments["columns"]).split(",")]
    if "sep" in arguments:
        arguments["sep"] = str(arguments["sep"]).replace("\\t", "\t")
    return reader(source, filesystem=filesystem, **arguments)


def _read_stdin(options: Mapping[str, object], reader: "Callable[..., Table]") -> "Table":
    """Standard input, put in a temporary file first: some formats are read from their end."""
    from pyarrow import fs

    if sys.stdin is None or sys.stdin.isatty():
        raise ParameterError("- reads ratings from standard input: pipe a file in, such as `zcat a.csv.gz | penchant`")
    with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
        name = "standard input"  # a path relative to the folder, and what messages call it
        with Path(folder, name).open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _read_file(name, options, reader, filesystem=fs.SubTreeFileSystem(folder, fs.LocalFileSystem()))
