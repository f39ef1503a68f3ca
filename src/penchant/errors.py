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
"""

from __future__ import annotations

from typing import ClassVar

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
    """Base of every error that penchant raises on purpose."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

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
