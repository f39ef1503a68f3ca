"""Every error that penchant raises on purpose, and what a shell and an HTTP server answer with.

    PenchantError                      exit  HTTP   what went wrong
    |-- ParameterError (ValueError)       2   400   an argument or hyper-parameter out of its range
    |-- DataError (ValueError)            3   422   a table that can't be used as it is: the row and the value
    |   `-- ColumnError                   3   422   a column is missing, or several could be meant
    |-- UnknownIdError (KeyError)         4   404   an id that the recommender has not seen
    |   `-- AmbiguousTitleError           4   409   a title that several ids share
    |-- FormatError (ValueError)          5   422   a file that is not a whole, unaltered penchant file
    |-- SourceError (OSError)             6   404   a file, address or dataset that can't be read
    |   `-- DownloadError                 6   503   the network, or what came over it
    `-- UnsupportedError                  7   501   the model can't do this, or an extra is not installed

The mapping lives on the classes (`exit_code`, `http_status`) and nowhere else. Messages name the value, say where
it is, and say what to do about it.

A message keeps the arguments that it names apart from its words, because they are called otherwise elsewhere: `sep=` is
`--sep` in the shell. `str(error)` names them as Python does, and `error.said(how)` as `how` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from penchant.text import Argument, Words

__all__ = [
    "AmbiguousTitleError",
    "ColumnError",
    "DataError",
    "DownloadError",
    "FormatError",
    "ParameterError",
    "PenchantError",
    "SourceError",
    "UnknownIdError",
    "UnsupportedError",
]


class PenchantError(Exception):
    """Base of every error that penchant raises on purpose.

    Args:
        *parts: the words of the message, and among them each argument that it names, as an `Argument`.

    Attributes:
        message: all of it as Python says it, which is also `str(error)`.
        parts: what it was made of.

    >>> from penchant.text import Argument
    >>> error = ParameterError(Argument("n"), " is 0: use at least 1")
    >>> str(error), error.said(lambda argument: f"--{argument.name}"), error.arguments
    ('n is 0: use at least 1', '--n is 0: use at least 1', ('n',))
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, *parts: str | Argument) -> None:
        self.parts: Words = parts
        self.message = self.said(str)
        super().__init__(self.message)

    def said(self, how: Callable[[Argument], str]) -> str:
        """The message with every argument as `how` names it: the words of a shell, or of the fields of a request."""
        return "".join(how(part) if isinstance(part, Argument) else str(part) for part in self.parts)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments that the message names, in their order: the first is the one that is wrong."""
        return tuple(part.name for part in self.parts if isinstance(part, Argument))

    def __str__(self) -> str:
        # KeyError and OSError would print a repr of their arguments.
        return self.message


class ParameterError(PenchantError, ValueError):
    """An argument or hyper-parameter is out of its range, or two of them contradict each other."""

    exit_code = 2
    http_status = 400


class DataError(PenchantError, ValueError):
    """A table of ratings can't be used as it is."""

    exit_code = 3
    http_status = 422


class ColumnError(DataError):
    """A column that is needed is missing, or several could be meant."""


class UnknownIdError(PenchantError, KeyError):
    """A user or an item that the recommender has not seen."""

    exit_code = 4
    http_status = 404


class AmbiguousTitleError(UnknownIdError):
    """A title that several items share; the message lists their ids."""

    http_status = 409


class FormatError(PenchantError, ValueError):
    """A file that is not a whole, unaltered penchant file of a version that this release reads."""

    exit_code = 5
    http_status = 422


class SourceError(PenchantError, OSError):
    """A file, address or dataset that can't be read."""

    exit_code = 6
    http_status = 404


class DownloadError(SourceError):
    """The network failed, or what came over it is not what was expected."""

    http_status = 503


class UnsupportedError(PenchantError):
    """This model can't do what was asked, or an optional extra is not installed."""

    exit_code = 7
    http_status = 501
