"""Explanation: one predicted rating in parts that add up to it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Effect", "Explanation", "RatingEffect"]


class Effect(NamedTuple):
    """By how many stars something moves a prediction.

    Attributes:
        on_user_bias, on_taste: through the user's bias, and through taste; signed.
    """

    on_user_bias: float
    on_taste: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.on_user_bias + self.on_taste


class RatingEffect(NamedTuple):
    """By how many stars one of the person's own ratings moves a prediction.

    Attributes:
        item_id, title: what was rated; the title is None where items have none.
        rating: what the person gave it.
        on_user_bias, on_taste: the effect through the user's bias and through taste, signed.
    """

    item_id: Hashable
    title: str | None
    rating: float
    on_user_bias: float
    on_taste: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.on_user_bias + self.on_taste

    @property
    def name(self) -> str:
        """Its title, or its id where it has none."""
        return str(self.item_id) if self.title is None else self.title


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why a person is predicted to give an item what is predicted. Made by `Recommender.explain`.

        mean + item_bias + user_bias + taste  =  prediction
        ratings + others + prior + features + beyond  =  user_bias + taste

    Both hold to the precision of float64; `prediction` is the model's own, which it keeps in float32. All parts are in
    rating units. `str()` of it is a sentence for people, `repr()` the sums.

    Attributes:
        item_id, title: of what; the title is None where items have none.
        user_id: for whom; None for somebody new.
        mean: of all training ratings; of a model with a sigmoid where it starts, f(mu), and of a neural model what it
            predicts for anybody and anything.
        item_bias: how much more, or less, the item gets than others.
        user_bias: how much more, or less, the person gives than others.
        taste: what the person's taste adds for this item.
        ratings: the effect of each of the person's ratings, the strongest first; None where the training ratings were
            not kept.
        n_others, others: how many ratings are not among `ratings` (see `n` of `explain`), and their effect together.
        prior: what was believed of anybody.
        features: what is known of the person besides ratings (age); None where the model has no such features.
        beyond: what training found of the person beyond what these ratings say, with all items held still.
        rating_scale: (lo, hi).
        is_exact: whether effects are those of the model's own equation, so that a prediction without a rating's own
            part is found by taking its effect away. Else the model is not linear in the ratings, and effects are
            slopes that were scaled so that they add up.
        before_sigmoid: mean, item bias, user bias and taste in the unit of the sum that goes into the sigmoid; None
            for a model without one.
    """

    item_id: Hashable
    title: str | None
    user_id: Hashable | None
    mean: float
    item_bias: float
    user_bias: float
    taste: float
    ratings: tuple[RatingEffect, ...] | None
    n_others: int
    others: Effect
    prior: Effect
    features: Effect | None
    beyond: Effect
    rating_scale: tuple[float, float]
    is_exact: bool = True
    before_sigmoid: tuple[float, float, float, float] | None = None

    @property
    def prediction(self) -> float:
        """The sum of the four parts, not clipped."""
        return math.fsum((self.mean, self.item_bias, self.user_bias, self.taste))

    @property
    def predicted(self) -> float:
        """The prediction clipped to `rating_scale`, as `predict` says it."""
        lo, hi = self.rating_scale
        return min(max(self.prediction, lo), hi)

    @property
    def is_clipped(self) -> bool:
        """Whether the prediction lies outside `rating_scale`."""
        return self.predicted != self.prediction

    @property
    def name(self) -> str:
        """The item's title, or its id where it has none."""
        return str(self.item_id) if self.title is None else self.title

    def rest(self) -> Iterator[tuple[str, Effect]]:
        """What makes up `user_bias` and `taste` besides `ratings`, as (kind, effect): those that there are."""
        if self.n_others:
            yield "others", self.others
        yield "prior", self.prior
        if self.features is not None:
            yield "features", self.features
        yield "beyond", self.beyond

    def to_frame(self) -> pd.DataFrame:
        """All parts as a table, whose column `total` adds up to `prediction`.

        Returns:
            A DataFrame with the columns part ("mean", "item_bias", then "rating" for each rating, and "others",
            "prior", "features" and "beyond" where there are such parts), item_id, title and rating (of a rating),
            on_user_bias, on_taste and total.
        """
        import pandas as pd

        nothing = (None, None, math.nan)
        rows: list[tuple[object, ...]] = [
            ("mean", *nothing, 0.0, 0.0, self.mean),
            ("item_bias", *nothing, 0.0, 0.0, self.item_bias),
        ]
        rows += [("rating", *one, one.total) for one in self.ratings or ()]
        rows += [(kind, *nothing, *effect, effect.total) for kind, effect in self.rest()]
        columns = ["part", "item_id", "title", "rating", "on_user_bias", "on_taste", "total"]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, object]:
        """All of it in values that JSON can hold; ids that are neither numbers nor texts become texts."""
        ratings = [
            {"item_id": _plain(one.item_id), "title": one.title, "rating": one.rating, **_effect(one)}
            for one in self.ratings or ()
        ]
        return {
            "item_id": _plain(self.item_id),
            "title": self.title,
            "user_id": _plain(self.user_id),
            "prediction": self.prediction,
            "predicted": self.predicted,
            "is_clipped": self.is_clipped,
            "mean": self.mean,
            "item_bias": self.item_bias,
            "user_bias": self.user_bias,
            "taste": self.taste,
            "ratings": None if self.ratings is None else ratings,
            "n_others": self.n_others,
            **{kind: _effect(effect) for kind, effect in self.rest()},
            "is_exact": self.is_exact,
            "before_sigmoid": None if self.before_sigmoid is None else list(self.before_sigmoid),
            "text": str(self),
        }

    def __str__(self) -> str:
        from penchant.explanation_views import sentence

        return sentence(self)

    def __repr__(self) -> str:
        from penchant.explanation_views import sums

        return sums(self)

    def _repr_html_(self) -> str:
        from penchant.explanation_views import html_table

        return html_table(self)


def _effect(effect: Effect | RatingEffect) -> dict[str, float]:
    return {"on_user_bias": effect.on_user_bias, "on_taste": effect.on_taste, "total": effect.total}


def _plain(value: Hashable | None) -> object:
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
