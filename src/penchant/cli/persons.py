"""Users named on the command line: by the ids of the training, or somebody new by a file of ratings."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.output import as_text, note
from penchant.cli.typed_ids import user_id
from penchant.errors import DataError, ParameterError

if TYPE_CHECKING:
    from penchant.data.imports import MatchedRatings
    from penchant.recommender.recommender import Recommender

__all__ = ["RatingsOption", "UserOption", "Who", "one_of", "read_person", "who_of"]

UserOption = Annotated[str | None, typer.Option("--user", help="A user's id.", show_default=False)]
RatingsOption = Annotated[
    str | None,
    typer.Option(
        "--ratings",
        metavar="FILE",
        help="Somebody new, by a table of titles (or ids) and ratings, or an export of Letterboxd, IMDb or Goodreads.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Who:
    """One person: a user's id, or what was read of somebody new."""

    user_id: Hashable = None
    matched: MatchedRatings | None = None

    @property
    def arguments(self) -> dict[str, object]:
        """What the library takes: `user_id` or `ratings`."""
        return {"user_id": self.user_id} if self.matched is None else {"ratings": self.matched.ratings}

    @property
    def member(self) -> object:
        """The same as one of a group."""
        return self.user_id if self.matched is None else self.matched.ratings

    @property
    def told(self) -> dict[str, object]:
        """The same for JSON."""
        return {"user_id": self.user_id} if self.matched is None else {"ratings": self.matched.to_dict()}

    def __str__(self) -> str:
        return f"user {as_text(self.user_id)}" if self.matched is None else self.matched.label


def who_of(users: Sequence[str] | None, files: Sequence[str] | None, recommender: Recommender) -> list[Who]:
    """Everybody who is meant, at least one.

    Raises:
        ParameterError: nobody is.
        UnknownIdError: no such user.
        SourceError, DataError: a file that can't be read, or of nothing that the recommender knows.
    """
    if not users and not files:
        raise ParameterError("say for whom: --user ID, or --ratings FILE for somebody new")
    people = []
    for text in users or ():
        who = user_id(text, recommender)
        recommender.users.index(who)  # its error says no more than that there is no such user
        people.append(Who(user_id=who))
    return people + [Who(matched=read_person(file, recommender)) for file in files or ()]


def one_of(user: str | None, file: str | None, recommender: Recommender) -> Who:
    """The one person who is meant.

    Raises:
        ParameterError: nobody is, or two are.
        UnknownIdError, SourceError, DataError: as `who_of`.
    """
    if user is not None and file is not None:
        raise ParameterError("say for whom: --user ID or --ratings FILE, not both")
    return who_of(None if user is None else [user], None if file is None else [file], recommender)[0]


def read_person(file: str, recommender: Recommender) -> MatchedRatings:
    """The ratings of somebody new, and on stderr what did not match.

    Raises:
        SourceError, DataError: the file can't be read, or none of its ratings is of an item that is known.
    """
    from penchant.data.imports import match_ratings

    matched = match_ratings(file, recommender.items, recommender.item_attributes, recommender.rating_scale)
    if matched.every and not matched.ratings:
        lost = (*matched.unmatched, *matched.ambiguous)[0]
        raise DataError(f"{file}: the recommender knows none of its {len(matched.every):,} items, such as {lost}")
    note(*str(matched).splitlines())
    return matched
