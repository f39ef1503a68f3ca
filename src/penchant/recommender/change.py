"""Incremental changes: recommenders that know more, or less, than this one; nothing is trained again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from penchant.arrays.choice_weights import usual_weight
from penchant.checks import require
from penchant.edits.add_choices import updated_choices
from penchant.edits.add_ratings import updated
from penchant.edits.add_row import with_row
from penchant.edits.remove_user import without_person
from penchant.errors import UnsupportedError
from penchant.recommender.state import State
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.data.choices import Choices
    from penchant.data.ratings import Ratings
    from penchant.storage import Snapshot

__all__ = ["Changes"]


class Changes:
    """More items, users and ratings, or one person less; the recommender itself stays as it is."""

    _state: State

    def add_item(
        self,
        item_id: Hashable,
        *,
        features: Mapping[str, object] | None = None,
        ratings: Mapping[Hashable, float] | None = None,
        chosen_by: object = None,
    ) -> Self:
        """A recommender that knows one more item; nothing is trained again, and this one stays as it is.

        With ratings, the item's row is its posterior given these, all other rows held still. Without any, it is what
        its features let expect, and with nothing known the mean of all items. Where choices were learned, whoever
        rated it chose it: it gets a row there, too, and popularity is counted anew.

        Args:
            item_id: its id, a new one.
            features: what is known of it by attribute, such as {"title": "...", "genres": ("Comedy",), "year": 1999},
                as a dict or a pandas Series; None and NaN are not known. Attributes that the model was not trained
                with are kept and shown (default none).
            ratings: what known users gave it, {user_id: rating}, as a dict or a pandas Series (default none).
            chosen_by: who chose it, in place of `ratings` where only choices were learned: a list of user ids, or
                {user_id: weight}; a choice in a list weighs as choices usually do (default none).

        Raises:
            ParameterError: the id is known already, is of a type that a file can't hold, or is like another name of
                an item; another item has the title; or an attribute has another kind of value.
            UnknownIdError: a user who was not in the training table.
            DataError: a rating outside `rating_scale`, a value that no item had in training, or a number that is far
                from all that were.
            UnsupportedError: the model can't take in a row; `ratings` where only choices were learned, or `chosen_by`
                where stars were.
        """
        return self._changed(with_row(self._state, "item", item_id, features, ratings, self._state.names, chosen_by))

    def add_user(
        self,
        user_id: Hashable,
        *,
        features: Mapping[str, object] | None = None,
        ratings: Mapping[Hashable, float] | None = None,
        chosen: object = None,
    ) -> Self:
        """A recommender that knows one more user: see `add_item`, with the sides exchanged.

        Args:
            user_id: the user's id, a new one.
            features: what is known of the user by attribute, such as {"age": 31, "occupation": "writer"} (default
                none).
            ratings: what the user gave known items, {id or exact title: rating} (default none).
            chosen: what the user chose, in place of `ratings` where only choices were learned: a list of ids or exact
                titles, or {id or title: weight} (default none).

        Raises:
            ParameterError, UnknownIdError, AmbiguousTitleError, DataError, UnsupportedError: as `add_item`.

        >>> import penchant as pt
        >>> rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40))
        >>> rec = rec.add_user("new", ratings={rec.items[0]: 5, rec.items[1]: 1})
        >>> rec.predict(rec.items[0], user_id="new") > rec.predict(rec.items[1], user_id="new")
        True
        """
        return self._changed(with_row(self._state, "user", user_id, features, ratings, self._state.names, chosen))

    def update(self, new_ratings: object) -> Self:
        """A recommender that knows more ratings, or choices; nothing is trained again, and this one stays as it is.

        New users and items get a row. Every user and item with a new rating has its row brought up to date in closed
        form, first the users, then the items: see `models.dot_bias.refresh.refresh` for the equation. Of a pair that
        was rated before, the new rating counts. The mean of all ratings, priors and noise stay as they were learned;
        the baselines are brought up to date, too. `info()["training"]["updates"]` tells how much has come since the
        training and how far it moved predictions, docs/growing.md how far that is from a new training.

        Where choices were learned, popularity is counted anew, users who chose something new have that row made anew
        from all of their choices, and new items are folded in from those who chose them. Where only choices were
        learned, the weights of a pair add up, as when a table is read; if all choices weigh the same, a pair that is
        known already changes nothing.

        Args:
            new_ratings: `Ratings`; a table in memory, as for `Ratings.from_frame`; or the path of a file, as for
                `read_ratings`. Where only choices were learned: `Choices`, or what `Choices.from_frame` and
                `read_choices` take; a rating counts as a choice. Items may go by their exact title. Without rows, or
                with none that is new, the recommender itself comes back. What it tells of new users and items is kept
                under the names of the attributes that there are; what it tells of known ones is not looked at.

        Raises:
            DataError: a rating outside `rating_scale`, ids that are those of known users or items read as another
                type, an attribute of another kind, or a value of a feature that nobody had in training.
            ColumnError, ParameterError, SourceError: as `read_ratings`.
            AmbiguousTitleError: a title that several items share.
            UnsupportedError: the training table was not kept, the model can't take in ratings, or these are choices
                and the recommender learned from ratings.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> new = {"user": [1, 1, 777], "item": [3, 5, 3], "rating": [5, 1, 4]}
        >>> after = rec.update(new)
        >>> after.n_users - rec.n_users, after.predict(3, user_id=1) > rec.predict(3, user_id=1)
        (1, True)
        """
        before, after = self._state, _updated(self._state, new_ratings)
        return self if after is before else self._changed(after)

    def forget(self, user_id: Hashable, *, refresh_items: bool | None = None) -> Self:
        """A recommender that does not know one person any more; this one stays as it is.

        The person's id, row, ratings and attributes are in none of its arrays, and in no file that it is saved to. What
        sums over all ratings (means, noise, baselines, counts) is worked out again from those that are left. The
        person's ratings are taken out of the rows of items. After `ALS`, all rows are then solved again. Predictions
        for everybody else move a little. docs/growing.md says what remains of the person.

        Where choices were learned, popularity and all that rests on it is counted anew from those who remain, so lists
        by choice move a little. The rows of items in the model of choices stay as they were learned. With
        `refresh_items=True`, the items that the person chose are folded in again from the choices of the others, and
        lists move much more. A recommender without its training table can't count: its popularity still has the
        person's choices.

        Args:
            user_id: who.
            refresh_items: whether rows of items are made anew. None (default) where the model can and its ratings were
                kept; rows of choices are then left. With False they stay as they are: somebody who knows everybody
                else's ratings can compute the person's from the rows of `ALS`.

        Raises:
            UnknownIdError: no such user.
            ParameterError: `refresh_items` is something else.
            UnsupportedError: `refresh_items` of a model that was kept without its training ratings, or whose rows have
                no closed form.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> person = rec.users[0]
        >>> person in rec.forget(person).users
        False
        """
        fits = refresh_items is None or isinstance(refresh_items, bool)
        require(fits, "refresh_items", refresh_items, "True, False or None")
        return self._changed(without_person(self._state, user_id, refresh_items=refresh_items))

    def _changed(self, snapshot: Snapshot) -> Self:
        return type(self)(snapshot)  # type: ignore[call-arg]  # `Recommender`, of which this is a part, takes it


def _updated(state: State, new: object) -> Snapshot:
    """The state with what came; itself where nothing is new."""
    from penchant.data.choices import Choices

    if state.model.knows_stars:
        if isinstance(new, Choices):
            told = " are choices without stars, and this recommender keeps a table of ratings: give ratings"
            raise UnsupportedError(Argument("new_ratings"), told)
        ratings = _as_ratings(new, state.rating_scale)
        return state if ratings is None else updated(state, ratings, state.names)
    choices = _as_choices(new, 1.0 if state.seen is None else usual_weight(state.seen.rating))
    return state if choices is None else updated_choices(state, choices, state.names)


def _as_ratings(new: object, rating_scale: tuple[float, float]) -> Ratings | None:
    """What was given as `Ratings`, None where it is a table without rows."""
    from penchant.data.ratings import Ratings, read_ratings

    if isinstance(new, Ratings):
        return new
    if _is_path(new):
        return read_ratings(new, rating_scale=rating_scale)
    return Ratings.from_frame(new, rating_scale=rating_scale) if _has_rows(new) else None


def _as_choices(new: object, usual: float) -> Choices | None:
    """What was given as `Choices`, None where it is a table without rows; a rating weighs what choices usually do."""
    from penchant.data.choices import Choices, read_choices
    from penchant.data.ratings import Ratings

    if isinstance(new, Ratings):
        counted = new.choices()
        return replace(counted, weight=np.full(len(counted), usual, np.float32))
    if isinstance(new, Choices):
        return new
    if _is_path(new):
        return read_choices(new)
    return Choices.from_frame(new) if _has_rows(new) else None


def _is_path(new: object) -> bool:
    return isinstance(new, str | Path) or (
        isinstance(new, list | tuple) and all(isinstance(each, str | Path) for each in new)
    )


def _has_rows(new: object) -> bool:
    columns = list(new.values()) if isinstance(new, Mapping) else []
    n_rows = getattr(new, "shape", (1,))[0] if not columns else max(map(len, columns))
    return bool(n_rows)
