"""Explanation: one predicted rating in parts that add up to it, as a sentence, as sums and as a table."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from penchant.recommender.reasons.ledger import html_row, line, plain, signed
from penchant.text import all_of, counted

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
        by: "stars": the order of lists that it is about.
    """

    by: ClassVar[str] = "stars"

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
            {"item_id": plain(one.item_id), "title": one.title, "rating": one.rating, **_effect(one)}
            for one in self.ratings or ()
        ]
        return {
            "item_id": plain(self.item_id),
            "title": self.title,
            "user_id": plain(self.user_id),
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

        return sentence(self)

    def __repr__(self) -> str:

        return sums(self)

    def _repr_html_(self) -> str:

        return html_table(self)


def _effect(effect: Effect | RatingEffect) -> dict[str, float]:
    return {"on_user_bias": effect.on_user_bias, "on_taste": effect.on_taste, "total": effect.total}


_NAMED = 3  # ratings in a sentence
_SHOWN = 10  # ratings in sums and tables
_LEAST = 0.005  # stars that two decimals show

_REST = {
    "prior": "what was believed of anybody",
    "features": "what is known besides ratings",
    "beyond": "what training found beyond these ratings",
}


def sentence(explanation: Explanation) -> str:
    """For people: the strongest of their own ratings.

    Args:
        explanation: of a prediction.
    """
    ratings = explanation.ratings
    if ratings is None:
        return "Which of your ratings moved this is not known: the model was kept without them"
    if not ratings and not explanation.n_others:
        return "You have rated nothing yet, so this is what is expected of anybody"
    about = "" if explanation.is_exact else "about "
    told = [one for one in ratings[:_NAMED] if abs(one.total) >= _LEAST]
    if not told:
        return f"None of your ratings moved this by as much as {_LEAST:g} stars"
    named = [f"{one.rating:g} to {one.name} ({about}{signed(one.total)})" for one in told]
    return f"Because you gave {all_of(named)}"


def sums(explanation: Explanation) -> str:
    """The parts below each other, as in a ledger.

    Args:
        explanation: of a prediction.
    """
    one, lines = explanation, [_heading(explanation)]
    lines += [line(f"  {name}", value, sign=at > 0) for at, (name, value) in enumerate(_four(one))]
    ending = f"  ({one.predicted:.2f} on the scale)" if one.is_clipped else ""
    lines.append(line("  = prediction", one.prediction, sign=False) + ending)
    about = "" if one.is_exact else "about "
    lines.append(line(f"of user bias and taste, {about}", one.user_bias + one.taste, sign=True))
    lines += [line(f"  {name}", value, sign=True) for name, value in _details(one)]
    return "\n".join(lines)


def html_table(explanation: Explanation) -> str:
    """The parts as a table with bars, in the colours of the notebook.

    Args:
        explanation: of a prediction.
    """
    one = explanation
    details = _details(one)
    most = max([abs(value) for _, value in (*_four(one)[1:], *details)], default=0) or 1
    rows = [html_row(name, value, most if at else 0) for at, (name, value) in enumerate(_four(one))]
    ending = f" ({one.predicted:.2f} on the scale)" if one.is_clipped else ""
    rows.append(
        f"<tr><th scope='row' style='text-align:left'>prediction</th><th style='text-align:right'>"
        f"{one.prediction:.2f}</th><td style='text-align:left'>{ending}</td></tr>"
    )
    about = "" if one.is_exact else ", about"
    rows.append(f"<tr><td colspan='3' style='text-align:left'><i>user bias and taste, made of{about}</i></td></tr>")
    rows += [html_row(name, value, most) for name, value in details]
    return f"<table><caption>{escape(_heading(one))}</caption><tbody>{''.join(rows)}</tbody></table>"


def _heading(one: Explanation) -> str:
    whom = "somebody new" if one.user_id is None else f"user {one.user_id}"
    return f"{one.name} for {whom}: {one.predicted:.2f} stars"


def _four(one: Explanation) -> list[tuple[str, float]]:
    return [
        ("mean of all ratings" if one.is_exact else "where the model starts", one.mean),
        ("item bias", one.item_bias),
        ("user bias", one.user_bias),
        ("taste", one.taste),
    ]


def _details(one: Explanation) -> list[tuple[str, float]]:
    """The strongest ratings, the others together, and the rest where it is not nothing."""
    ratings = one.ratings or ()
    shown = ratings[:_SHOWN]
    details = [(f"{each.rating:g} to {each.name}", each.total) for each in shown]
    n_others = one.n_others + len(ratings) - len(shown)
    if n_others:
        others = one.others.total + sum(each.total for each in ratings[_SHOWN:])
        details.append((counted(n_others, "other rating"), others))
    names = _REST if one.user_id is not None else {**_REST, "beyond": "what the approximation leaves over"}
    rest = [(names[kind], effect.total) for kind, effect in one.rest() if kind != "others"]
    return details + [(name, value) for name, value in rest if abs(value) >= _LEAST]
