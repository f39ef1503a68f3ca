"""Which column holds the users, which the items, which the ratings or the weights, which the times."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, overload

from penchant.errors import ColumnError, ParameterError
from penchant.text import Call, Setting, Words, either

__all__ = ["Role", "Taken", "has_column", "is_title", "key_column", "recognise", "shared_item", "title_column"]

Role: TypeAlias = Literal["user", "item", "rating", "weight", "timestamp"]

# Names as they look in lower case and without anything but letters and digits: User-ID, userId and user_id are one.
# Each role has tiers: a name of an earlier tier is preferred, two of the same tier are ambiguous.
_TITLES = frozenset({"title", "movietitle", "itemtitle", "booktitle", "itemname", "moviename"})
_TIERS: Mapping[Role, tuple[frozenset[str], ...]] = {
    "user": (
        frozenset({"userid", "uid", "userids", "customerid", "memberid", "reviewerid", "personid", "accountid"}),
        frozenset({"user", "users", "customer", "member", "reviewer", "person", "account"}),
        frozenset({"username", "reviewername", "customername"}),
    ),
    "item": (
        frozenset(
            {"itemid", "itemids", "iid", "movieid", "filmid", "bookid", "productid", "songid", "trackid", "artistid"}
            | {"gameid", "recipeid", "showid", "businessid", "jokeid", "animeid", "beerid", "isbn", "asin", "sku"}
        ),
        frozenset(
            {"item", "items", "movie", "film", "book", "product", "song", "track", "artist", "game", "recipe", "show"}
            | {"business", "joke", "anime", "beer"}
        ),
        _TITLES,
    ),
    "rating": (
        frozenset({"rating", "ratings", "userrating", "bookrating", "ratingvalue", "reviewoverall"}),
        frozenset({"score", "scores", "stars", "star", "overall"}),
    ),
    "weight": (
        frozenset({"weight", "weights", "count", "counts", "nplays", "playcount", "plays", "listens", "listencount"})
        | frozenset(
            {"clicks", "nclicks", "clickcount", "views", "viewcount", "visits", "purchases", "quantity", "qty"}
        ),
        frozenset({"n", "playtime", "watchtime", "dwelltime", "hours", "minutes", "seconds", "duration"}),
    ),
    "timestamp": (
        frozenset({"timestamp", "timestamps", "ts", "unixreviewtime", "unixtime", "datetime"}),
        frozenset({"time", "date"}),
    ),
}


_OPTIONAL = ("weight", "timestamp")  # roles without which a table is whole; False leaves them out


@dataclass(frozen=True)
class Taken:
    """The name of the column for a role, and whether the caller "given" it or it was "recognised"."""

    name: str
    how: str


@overload
def recognise(
    names: Sequence[str], role: Literal["user", "item", "rating"], given: str | None, label: str
) -> Taken: ...


@overload
def recognise(names: Sequence[str], role: Role, given: str | bool | None, label: str) -> Taken | None: ...


def recognise(names: Sequence[str], role: Role, given: str | bool | None, label: str) -> Taken | None:
    """The column for a role: the one the caller named, else the one whose name says it.

    Args:
        names: the columns that there are.
        role: what to look for.
        given: the caller's name; None to recognise; False (times and weights only) for none.
        label: what a message calls the table.

    Returns:
        None where times or weights are not wanted, or not there.

    Raises:
        ColumnError: no column, or several could be meant; the message lists them.
        ParameterError: `given` is neither a name nor None.
    """
    if given is False and role in _OPTIONAL:
        return None
    if isinstance(given, bool):
        raise ParameterError(Setting(role, given), " is not the name of a column")
    if given is not None:
        return Taken(_named(names, role, str(given), label), "given")
    plain = [_plain(name) for name in names]
    for tier in _TIERS[role]:
        found = [name for name, known in zip(names, plain, strict=True) if known in tier]
        if len(found) == 1:
            return Taken(found[0], "recognised")
        if len(found) > 1 and len(set(found)) == 1:
            raise ColumnError(_repeated(found[0], len(found), label))
        if found:
            choices = either(*(Setting(role, name) for name in dict.fromkeys(found)))
            off: Words = (", or ", Setting(role, False), " to leave it out") if role in _OPTIONAL else ()
            raise ColumnError(f"several columns of {label} could be the {role}: say ", *choices, *off)
    if role in _OPTIONAL:
        return None
    raise ColumnError(*_not_found(names, role, label))


def has_column(names: Sequence[str], role: Role) -> str | None:
    """The first column whose name says this role, whether or not others do too; None where there is none."""
    return next((name for tier in _TIERS[role] for name in names if _plain(name) in tier), None)


def shared_item(names: Sequence[str], theirs: Sequence[str], label: str, *, leave_out: Sequence[str]) -> Taken:
    """The column of items where a table of items is to be joined: what is recognised, if the other table has it too.

    Args:
        names: the columns of the table.
        theirs: the columns of the table of items.
        label: what a message calls the table.
        leave_out: columns that are taken already.

    Raises:
        ColumnError: none is recognised, and there is not exactly one that both tables have.
    """
    shared = [name for name in names if name in theirs and name not in leave_out]
    known = [name for name in shared if any(_plain(name) in tier for tier in _TIERS["item"])]
    try:
        found = recognise(names, "item", None, label)
    except ColumnError:
        if len(shared) != 1:
            raise
        return Taken(shared[0], "recognised")
    same = [_plain(name) for name in theirs]
    if found is not None and (_plain(found.name) in same or len(known) != 1):
        return found
    return Taken(known[0], "recognised")


def key_column(names: Sequence[str], role: Role, matching: str, label: str, noun: str) -> str:
    """The column of a table of attributes that holds the ids: named as in the table of ratings, else recognised.

    Args:
        names: the columns that there are.
        role: whose ids: "user" or "item".
        matching: what the column is called in the table that is described.
        label: what a message calls the table of attributes.
        noun: what a row of the table that is described is called: "rating", "choice".

    Raises:
        ColumnError: there is none.
    """
    if matching in names:
        return matching
    same = [name for name in names if _plain(name) == _plain(matching)]
    if len(same) == 1:
        return same[0]
    ids = _TIERS[role][:2]
    for tier in ids:
        found = [name for name in names if _plain(name) in tier]
        if len(found) == 1:
            return found[0]
    raise ColumnError(
        f"{label} needs a column {matching!r}, as the {noun}s have, to be joined with them; "
        f"its columns are {_listed(names)}"
    )


def is_title(name: str) -> bool:
    """Whether a column of a table of items holds what to show: title, name, movie_title and the like."""
    return _plain(name) in _TITLES or _plain(name) == "name"


def title_column(names: Sequence[str]) -> str | None:
    """The one column of a table of ratings that holds titles, if there is one."""
    found = [name for name in names if _plain(name) in _TITLES]
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _named(names: Sequence[str], role: str, given: str, label: str) -> str:
    if names.count(given) == 1:
        return given
    if given in names:
        raise ColumnError(_repeated(given, names.count(given), label))
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; its columns are {_listed(names)}"
    raise ColumnError(f"{label} has no column {given!r} for ", Setting(role, given), hint)


def _repeated(name: str, times: int, label: str) -> str:
    return f"{label} has {times} columns named {name!r}: rename all but one"


def _not_found(names: Sequence[str], role: str, label: str) -> Words:
    if any(re.fullmatch(r"[+-]?\d+(\.\d+)?", name) for name in names):
        columns = ["user", "item", "rating", "timestamp"]
        return (
            f"{label} has no header: its first line is {_listed(names)}. Name the columns, for example ",
            Setting("columns", columns, json.dumps(columns)),
        )
    told = f"; its columns are {_listed(names)}"
    named: Words = (f"no column of {label} looks like the {role}: name it with ", Setting(role, text="..."), told)
    if role != "rating":
        return named
    hint = ". A table without ratings (clicks, plays, purchases, likes) is read by "
    return *named, hint, Call("choices_only", "penchant.read_choices")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12]) or "none"
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 12 else shown
