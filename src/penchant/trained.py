"""Trained: what a recommender is made of, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.attributes import Attributes
from penchant.checks import is_whole
from penchant.models.protocol import Model, Setting
from penchant.storage import Snapshot
from penchant.vocab import Vocab
from penchant.words import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trained"]


class Trained:
    """A trained model with its ids, attributes and history; frozen.

    Args:
        snapshot: all of it, as a file holds it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = snapshot

    # -- what it is made of --

    @property
    def model(self) -> Model:
        """The arrays that predict; they know row numbers, not ids."""
        return self._state.model

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
        """What it is and how it was trained, in values that JSON can hold."""
        lo, hi = self.rating_scale
        return {
            "model": self.model.kind,
            "n_users": len(self.users),
            "n_items": len(self.items),
            "rating_scale": [lo, hi],
            "settings": self.model.settings(),
            "solver": self.solver,
            "training": dict(self._state.training),
            "history": [dict(row) for row in self._state.history],
            "item_attributes": list(self.item_attributes),
            "user_attributes": list(self.user_attributes),
            "keeps_ratings": self._state.seen is not None,
        }

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.solver.items() if name != "name")
        lo, hi = self.rating_scale
        return (
            f"Recommender({self.model.kind}: {counted(len(self.users), 'user')}, {counted(len(self.items), 'item')}, "
            f"scale {lo:g} to {hi:g})\n  learned by {self.solver.get('name', 'an unknown solver')}({settings})"
        )


def _number(value: object) -> float:
    """A number of a record in a file, which may hold any JSON; NaN for what is none."""
    return float(value) if isinstance(value, float) or (type(value) is int and abs(value) < 2**63) else float("nan")
