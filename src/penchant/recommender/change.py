"""Incremental changes: recommenders that know more, or less, than this one; nothing is trained again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from penchant.checks import require
from penchant.edits.add_ratings import updated
from penchant.edits.add_row import with_row
from penchant.edits.remove_user import without_person
from penchant.recommender.state import State

if TYPE_CHECKING:
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
    ) -> Self:
        """A recommender that knows one more item; nothing is trained again, and this one stays as it is.

        With ratings, the item's row is its posterior given these, all other rows held still. Without any, it is what
        its features let expect, and with nothing known the mean of all items.

        Args:
            item_id: its id, a new one.
            features: what is known of it by attribute, such as {"title": "...", "genres": ("Comedy",), "year": 1999},
                as a dict or a pandas Series; None and NaN are not known. Attributes that the model was not trained
                with are kept and shown (default none).
            ratings: what known users gave it, {user_id: rating}, as a dict or a pandas Series (default none).

        Raises:
            ParameterError: the id is known already, is of a type that a file can't hold, or is like another name of
                an item; another item has the title; or an attribute has another kind of value.
            UnknownIdError: a user who was not in the training table.
            DataError: a rating outside `rating_scale`, a value that no item had in training, or a number that is far
                from all that were.
            UnsupportedError: the model can't take in a row.
        """
        return self._changed(with_row(self._state, "item", item_id, features, ratings, self._state.names))

    def add_user(
        self,
        user_id: Hashable,
        *,
        features: Mapping[str, object] | None = None,
        ratings: Mapping[Hashable, float] | None = None,
    ) -> Self:
        """A recommender that knows one more user: see `add_item`, with the sides exchanged.

        Args:
            user_id: the user's id, a new one.
            features: what is known of the user by attribute, such as {"age": 31, "occupation": "writer"} (default
                none).
            ratings: what the user gave known items, {id or exact title: rating} (default none).

        Raises:
            ParameterError, UnknownIdError, AmbiguousTitleError, DataError, UnsupportedError: as `add_item`.

        >>> import penchant as pt
        >>> rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40))
        >>> rec = rec.add_user("new", ratings={rec.items[0]: 5, rec.items[1]: 1})
        >>> rec.predict(rec.items[0], user_id="new") > rec.predict(rec.items[1], user_id="new")
        True
        """
        return self._changed(with_row(self._state, "user", user_id, features, ratings, self._state.names))

    def update(self, new_ratings: object) -> Self:
        """A recommender that knows more ratings; nothing is trained again, and this one stays as it is.

        New users and items get a row. Every user and item with a new rating has its row brought up to date in closed
        form, first the users, then the items: see `models.dot_bias.refresh.refresh` for the equation. Of a pair that
        was rated before, the new rating counts. The mean of all ratings, priors and noise stay as they were learned;
        the baselines are brought up to date, too. `info()["training"]["updates"]` tells how much has come since the
        training and how far it moved predictions, docs/growing.md how far that is from a new training.

        Args:
            new_ratings: `Ratings`; a table in memory, as for `Ratings.from_frame`; or the path of a file, as for
                `read_ratings`. Items may go by their exact title. Without ratings, or with none that is new, the
                recommender itself comes back. What it tells of new users and items is kept under the names of the
                attributes that there are; what it tells of known ones is not looked at.

        Raises:
            DataError: a rating outside `rating_scale`, ids that are those of known users or items read as another
                type, an attribute of another kind, or a value of a feature that nobody had in training.
            ColumnError, ParameterError, SourceError: as `read_ratings`.
            AmbiguousTitleError: a title that several items share.
            UnsupportedError: the training ratings were not kept, or the model can't take in ratings.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> new = {"user": [1, 1, 777], "item": [3, 5, 3], "rating": [5, 1, 4]}
        >>> after = rec.update(new)
        >>> after.n_users - rec.n_users, after.predict(3, user_id=1) > rec.predict(3, user_id=1)
        (1, True)
        """
        new = _as_ratings(new_ratings, self._state.rating_scale)
        state = self._state if new is None else updated(self._state, new, self._state.names)
        return self if state is self._state else self._changed(state)

    def forget(self, user_id: Hashable, *, refresh_items: bool | None = None) -> Self:
        """A recommender that does not know one person any more; this one stays as it is.

        The person's id, row, ratings and attributes are in none of its arrays, and in no file that it is saved to. What
        sums over all ratings (means, noise, baselines, counts) is worked out again from those that are left, and the
        rows of the items that the person rated become those that they have without these ratings; after `ALS`, whose
        rows are solutions of equations, all rows are solved again. What it predicts for everybody else moves by as
        little as one person taught it. What is left of the person is what formulas can't take out: docs/growing.md.

        Args:
            user_id: who.
            refresh_items: whether rows of items are made anew. None (default) where the model can and its ratings were
                kept. With False they stay as they are: who knows everybody else's ratings can work the person's out of
                the rows of `ALS`.

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


def _as_ratings(new: object, rating_scale: tuple[float, float]) -> Ratings | None:
    """What was given as `Ratings`, None where it is a table without rows."""
    from penchant.data.ratings import Ratings, read_ratings

    if isinstance(new, Ratings):
        return new
    if isinstance(new, str | Path) or (
        isinstance(new, list | tuple) and all(isinstance(each, str | Path) for each in new)
    ):
        return read_ratings(new, rating_scale=rating_scale)
    columns = list(new.values()) if isinstance(new, Mapping) else []
    n_rows = getattr(new, "shape", (1,))[0] if not columns else max(map(len, columns))
    return Ratings.from_frame(new, rating_scale=rating_scale) if n_rows else None
