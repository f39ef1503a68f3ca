"""Users named on the command line: by the ids of the training, or somebody new by a file of ratings or by choices."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.output import as_text, note
from penchant.cli.typed_ids import item_id, user_id
from penchant.errors import DataError, ParameterError
from penchant.text import Setting

if TYPE_CHECKING:
    from penchant.data.imports import MatchedRatings
    from penchant.recommender.recommender import Recommender

__all__ = ["ChosenOption", "RatingsOption", "UserOption", "Who", "one_of", "read_person", "who_of"]

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
ChosenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chosen",
        metavar="ITEM",
        help="Somebody new, by an item that they chose (seen, bought, played), without stars; may be given several "
        "times, alone or beside --ratings.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Who:
    """One person: a user's id, or what was read of somebody new, or what they chose, or both."""

    user_id: Hashable = None
    matched: MatchedRatings | None = None
    chosen: tuple[Hashable, ...] = ()

    @property
    def arguments(self) -> dict[str, object]:
        """What the library takes: `user_id`, or `ratings` and `chosen`."""
        return self._said(None if self.matched is None else self.matched.ratings)

    @property
    def member(self) -> object:
        """The same as one of a group."""
        return self.user_id if self.matched is None else self.matched.ratings

    @property
    def told(self) -> dict[str, object]:
        """The same for JSON."""
        return self._said(None if self.matched is None else self.matched.to_dict())

    def _said(self, ratings: object) -> dict[str, object]:
        found: dict[str, object] = {} if ratings is None else {"ratings": ratings}
        if self.chosen:
            found["chosen"] = list(self.chosen)
        return found or {"user_id": self.user_id}

    def __str__(self) -> str:
        if self.matched is not None:
            return self.matched.label
        return "who chose these" if self.chosen else f"user {as_text(self.user_id)}"


def who_of(
    users: Sequence[str] | None,
    files: Sequence[str] | None,
    recommender: Recommender,
    chosen: Sequence[str] | None = None,
) -> list[Who]:
    """Everybody who is meant, at least one.

    Args:
        users: ids of users.
        files: of ratings, one each of somebody new.
        recommender: whom it is asked of.
        chosen: items that somebody new chose; None (default) for nothing.

    Raises:
        ParameterError: nobody is, or choices are not those of one new person.
        UnknownIdError: no such user.
        UnsupportedError: ratings of a recommender without stars.
        SourceError, DataError: a file that can't be read, or of nothing that the recommender knows.
    """
    if chosen:
        if users or len(files or ()) > 1:
            raise ParameterError("--chosen is of one person who is new: leave out --user and a second --ratings")
        matched = read_person(files[0], recommender) if files else None
        return [Who(matched=matched, chosen=tuple(item_id(text, recommender) for text in chosen))]
    if not users and not files:
        raise ParameterError("say for whom: --user ID, or --ratings FILE or --chosen ITEM for somebody new")
    people = []
    for text in users or ():
        who = user_id(text, recommender)
        recommender.users.index(who)  # its error says no more than that there is no such user
        people.append(Who(user_id=who))
    return people + [Who(matched=read_person(file, recommender)) for file in files or ()]


def one_of(user: str | None, file: str | None, recommender: Recommender, chosen: Sequence[str] | None = None) -> Who:
    """The one person who is meant.

    Args:
        user: a user's id.
        file: of ratings of somebody new.
        recommender: whom it is asked of.
        chosen: items that somebody new chose; None (default) for nothing.

    Raises:
        ParameterError: nobody is, or two are.
        UnknownIdError, SourceError, DataError: as `who_of`.
    """
    if user is not None and file is not None:
        raise ParameterError("say for whom: --user ID or --ratings FILE, not both")
    return who_of(None if user is None else [user], None if file is None else [file], recommender, chosen)[0]


def read_person(file: str, recommender: Recommender) -> MatchedRatings:
    """The ratings of somebody new, and on stderr what did not match.

    Raises:
        UnsupportedError: the recommender knows no stars.
        SourceError, DataError: the file can't be read, or none of its ratings is of an item that is known.
    """
    from penchant.data.imports import match_ratings
    from penchant.models.no_stars import refuse_ratings

    if not recommender.model.knows_stars:
        refuse_ratings(Setting("chosen", text=""))
    matched = match_ratings(file, recommender.items, recommender.item_attributes, recommender.rating_scale)
    if matched.every and not matched.ratings:
        lost = (*matched.unmatched, *matched.ambiguous)[0]
        raise DataError(f"{file}: the recommender knows none of its {len(matched.every):,} items, such as {lost}")
    note(*str(matched).splitlines())
    return matched
