"""Recommender: a trained model with its ids, and everything that people ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from penchant import storage
from penchant.checks import is_whole
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.models.model import Model, Setting
from penchant.recommender.change import Changes
from penchant.recommender.describe import Describes
from penchant.recommender.exchange import Exchanges
from penchant.recommender.explain import Explains
from penchant.recommender.lists.ask import Asks
from penchant.recommender.lists.recommend import Recommends
from penchant.recommender.lists.recommend_all import RecommendsAll
from penchant.recommender.predict import Predicts
from penchant.recommender.similar import Compares
from penchant.recommender.state import State
from penchant.storage import LearnedChoices, Snapshot
from penchant.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from penchant.data.choices import Choices
    from penchant.data.ratings import Ratings
    from penchant.evaluation.scorecard import Scorecard

__all__ = ["Recommender", "load"]


class Recommender(Predicts, Recommends, RecommendsAll, Asks, Explains, Compares, Describes, Changes, Exchanges):
    """A trained model with the caller's ids at its door. Made by `penchant.fit` or `penchant.load`; never unfitted.

    Items are named by their id or by their exact title (an id wins); users by their id. It is frozen: what changes it
    returns another one. Its questions, a file each:

        predict, fold_in                                       predict.py
        recommend                                              recommend.py
        recommend_all                                          recommend_all.py
        ask_next                                               ask.py
        explain                                                explain.py
        similar_items, similar_users                           similar.py
        item_biases, feature_effects, item_table, user_table,
        poles, map                                             describe.py
        add_item, add_user, update, forget                     change.py
        export, match_ratings                                  exchange.py
        evaluate, save, info, history, solver, interrupted,
        model, choices, users, items, n_users, n_items, rating_scale,
        user_attributes, item_attributes                       here

    Args:
        snapshot: all of it, as a file holds it.

    >>> import penchant as pt
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> 1 <= rec.predict(rec.items[0], user_id=rec.users[0]) <= 5
    True
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = State.of(snapshot)

    # -- what it is made of --

    @property
    def model(self) -> Model:
        """The arrays that predict; they know row numbers, not ids."""
        return self._state.model

    @property
    def choices(self) -> LearnedChoices | None:
        """What was learned of who chose what: `model`, `order`, `solver`, `training`; None where it was not learned."""
        return self._state.choices

    @property
    def users(self) -> Vocab:
        """The users' ids, in row order."""
        return self._state.users

    @property
    def items(self) -> Vocab:
        """The items' ids, in row order."""
        return self._state.items

    @property
    def n_users(self) -> int:
        """How many users it knows."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """How many items it knows."""
        return len(self.items)

    @property
    def rating_scale(self) -> tuple[float, float]:
        """(lo, hi): predictions are clipped to it."""
        return self._state.rating_scale

    @property
    def user_attributes(self) -> Attributes:
        """What is known of each user besides ratings."""
        return self._state.user_attributes

    @property
    def item_attributes(self) -> Attributes:
        """What is known of each item besides ratings; "title" is the one that is shown and asked for."""
        return self._state.item_attributes

    @property
    def solver(self) -> dict[str, Setting]:
        """Name and hyper-parameters of the solver that trained it."""
        return dict(self._state.solver)

    @property
    def interrupted(self) -> bool:
        """Whether the training was stopped by Ctrl-C before its last epoch."""
        return self._state.training.get("interrupted") is True

    @property
    def history(self) -> pd.DataFrame:
        """The table of epochs: epoch, train_loss, valid_loss (both mean squared errors), time in seconds.

        NaN where a number was not measured, or where a file made by another program does not have it.
        """
        import pandas as pd

        rows = self._state.history
        named = {"train_loss": "train_loss", "valid_loss": "valid_loss", "time": "seconds"}
        columns = {shown: [_number(row.get(kept)) for row in rows] for shown, kept in named.items()}
        epochs = [row.get("epoch") for row in rows]
        told = [epoch if is_whole(epoch) else at for at, epoch in enumerate(epochs)]
        return pd.DataFrame({"epoch": told, **columns})

    def info(self) -> dict[str, object]:
        """What it is and how it was trained, in values that JSON can hold.

        The scale of ratings is None where no stars were learned. Under "choices" is the same of who chose what:
        settings of that model, what learned it, and the numbers that make chances of its scores; None where choices
        were not learned.
        """
        lo, hi = self.rating_scale
        learned = self._state.choices
        return {
            "model": self.model.kind,
            "n_users": len(self.users),
            "n_items": len(self.items),
            "rating_scale": [lo, hi] if self.model.knows_stars else None,
            "settings": self.model.settings(),
            "solver": self.solver,
            "training": dict(self._state.training),
            "choices": None if learned is None else learned.told(),
            "history": [dict(row) for row in self._state.history],
            "item_attributes": list(self.item_attributes),
            "user_attributes": list(self.user_attributes),
            "keeps_ratings": self._state.seen is not None,
        }

    def __repr__(self) -> str:
        state, (lo, hi) = self._state, self.rating_scale
        sizes = f"{counted(len(self.users), 'user')}, {counted(len(self.items), 'item')}"
        if not state.model.knows_stars:
            return f"Recommender(choices: {sizes})\n  learned by {_told(state.solver)}"
        told = f"Recommender({state.model.kind}: {sizes}, scale {lo:g} to {hi:g})\n  learned by {_told(state.solver)}"
        return told if state.choices is None else f"{told}\n  and choices by {_told(state.choices.solver)}"

    # -- judge --

    def evaluate(
        self,
        test: Ratings | Choices,
        *,
        known: Ratings | Choices | None = None,
        k: int = 10,
        relevant: float | None = None,
    ) -> Scorecard:
        """How well it predicts and ranks held-out ratings, beside the baselines.

        Lists of the row "model" are those that `recommend` makes: by both, where stars and choices were learned. The
        rows "stars" and "choice" are then the same lists in these orders.

        A user or item without training ratings is cold: it gets the model's prior, and the scorecard counts it. Its
        notes say when most ids are unknown, and when pairs were trained on.

        Args:
            test: ratings that were not trained on: the other part of a split, or a table with ids of its own. For a
                recommender that was learned without stars also choices, all of which should be found.
            known: what else is known of users of the test part, as `penchant.splits.new_users` deals it: they are
                folded in from it, all items held still (strong generalisation); None (default) for nothing.
            k: how many items a ranking has (default 10).
            relevant: the lowest rating of an item that should be found; None (default) for three quarters up the
                scale, 4 on a scale of 1 to 5.

        Raises:
            DataError: `test` is empty, or the features of somebody new in `known` are not known.
            UnsupportedError: `known` for a model that was saved without its training ratings, or that takes in nobody.
            ParameterError: `k` is less than 1, `relevant` is not on the scale, or is given where no stars were learned,
                or `test` is another kind of table.
        """
        from penchant.recommender.judge import judged

        return judged(self._state, test, known, k=k, relevant=relevant)

    # -- keep --

    def save(self, path: str | Path) -> Path:
        """Write one `.penchant` file (docs/format.md), whole or not at all; an old file there is replaced.

        Args:
            path: where to. Returned as a `Path`.

        Raises:
            ParameterError: `path` is no path, or ends like another kind of file, such as .csv.
            SourceError: the folder is missing or can't be written to.
            UnsupportedError: ids of a type that the file can't hold.
        """
        return storage.save(self._state, path)


def load(path: str | Path) -> Recommender:
    """Read a recommender from a `.penchant` file. Runs no code from it, whoever made it.

    Args:
        path: the file.

    Raises:
        ParameterError: `path` is no path.
        SourceError: there is no such file, or it can't be read.
        FormatError: not a whole, unaltered penchant file of a version that this release reads.

    >>> import penchant as pt, tempfile, pathlib
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pt.load(rec.save(pathlib.Path(folder) / "films.penchant"))
    >>> user, item = rec.users[0], rec.items[0]
    >>> again.predict(item, user) == rec.predict(item, user)
    True
    """
    return Recommender(storage.load(path))


def _told(solver: Mapping[str, Setting]) -> str:
    """A solver as it is written, with its hyper-parameters."""
    settings = ", ".join(f"{name}={value}" for name, value in solver.items() if name != "name" and "." not in name)
    return f"{solver.get('name', 'an unknown solver')}({settings})"


def _number(value: object) -> float:
    """A number of a record in a file, which may hold any JSON; NaN for what is none."""
    return float(value) if isinstance(value, float) or (type(value) is int and abs(value) < 2**63) else float("nan")
