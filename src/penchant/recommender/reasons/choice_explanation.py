"""ChoiceExplanation: why somebody is expected to choose an item, as a sum over what they chose."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from penchant.recommender.reasons.ledger import html_row, line, plain
from penchant.text import all_of, counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ChoiceEffect", "ChoiceExplanation"]

_NAMED = 3  # choices in a sentence
_SHOWN = 10  # choices in sums and tables
_LEAST_SHARE = 0.005  # what a whole per cent shows
_DIGITS = 3
_LEAST = 0.0005  # what three decimals show

_REST = {"constant": "what any choices do", "beyond": "what training found beyond these choices"}


class ChoiceEffect(NamedTuple):
    """By how much one of the person's own choices moves the score of an item.

    Attributes:
        item_id, title: what was chosen; the title is None where items have none.
        effect: what it adds to the score, signed.
        share: the effect over the sum of the sizes of the effects of all choices, -1 to 1.
    """

    item_id: Hashable
    title: str | None
    effect: float
    share: float

    @property
    def name(self) -> str:
        """Its title, or its id where it has none."""
        return str(self.item_id) if self.title is None else self.title


@dataclass(frozen=True, repr=False)
class ChoiceExplanation:
    """Why a person is expected to choose an item. Made by `Recommender.explain`.

        popularity + choices + others + constant + beyond  =  score,     chance = f(score), f rising

    The score of the model of choices is linear in what the person chose, so each choice has a part in it, exactly;
    the parts add up to the precision of float64. Scores have no unit: `chance` is what lists show. `str()` of it is a
    sentence for people, `repr()` the sums.

    Attributes:
        item_id, title: of what; the title is None where items have none.
        user_id: for whom; None for somebody new.
        popularity: the score for somebody of whom no choice is known.
        choices: the effect of each of the person's choices, what moves most first; None where the training table was
            not kept.
        n_others, others: how many choices are not among `choices` (see `n` of `explain`), and their effect together.
        constant: what any choices do, whatever they are: somebody who chose a lot is compared with others who did.
        beyond: what training found of the person beyond what these choices say, with all items held still.
        chance: the calibrated chance that the item is among the person's next choices, a tenth of all: "score" of
            lists by choice.
        by: "choice": the order of lists that it is about.
    """

    by: ClassVar[str] = "choice"

    item_id: Hashable
    title: str | None
    user_id: Hashable | None
    popularity: float
    choices: tuple[ChoiceEffect, ...] | None
    n_others: int
    others: float
    constant: float
    beyond: float
    chance: float

    @property
    def score(self) -> float:
        """The sum of all parts."""
        effects = [one.effect for one in self.choices or ()]
        return math.fsum([self.popularity, *effects, self.others, self.constant, self.beyond])

    @property
    def name(self) -> str:
        """The item's title, or its id where it has none."""
        return str(self.item_id) if self.title is None else self.title

    def rest(self) -> Iterator[tuple[str, float]]:
        """What makes up the score besides popularity and `choices`, as (kind, effect): those that there are."""
        if self.n_others:
            yield "others", self.others
        yield "constant", self.constant
        yield "beyond", self.beyond

    def to_frame(self) -> pd.DataFrame:
        """All parts as a table, whose column `total` adds up to `score`.

        Returns:
            A DataFrame with the columns part ("popularity", then "choice" for each choice, and "others", "constant"
            and "beyond"), item_id, title, total and share (of a choice).
        """
        import pandas as pd

        rows: list[tuple[object, ...]] = [("popularity", None, None, self.popularity, math.nan)]
        rows += [("choice", one.item_id, one.title, one.effect, one.share) for one in self.choices or ()]
        rows += [(kind, None, None, effect, math.nan) for kind, effect in self.rest()]
        return pd.DataFrame(rows, columns=["part", "item_id", "title", "total", "share"])

    def to_dict(self) -> dict[str, object]:
        """All of it in values that JSON can hold; ids that are neither numbers nor texts become texts."""
        choices = [
            {"item_id": plain(one.item_id), "title": one.title, "effect": one.effect, "share": one.share}
            for one in self.choices or ()
        ]
        return {
            "by": self.by,
            "item_id": plain(self.item_id),
            "title": self.title,
            "user_id": plain(self.user_id),
            "chance": self.chance,
            "score": self.score,
            "popularity": self.popularity,
            "choices": None if self.choices is None else choices,
            "n_others": self.n_others,
            **dict(self.rest()),
            "text": str(self),
        }

    def __str__(self) -> str:
        return sentence(self)

    def __repr__(self) -> str:
        return sums(self)

    def _repr_html_(self) -> str:
        return html_table(self)


def sentence(why: ChoiceExplanation) -> str:
    """For people: the choices that speak most for the item.

    Args:
        why: the explanation.
    """
    if why.choices is None:
        return "Which of your choices moved this is not known: the model was kept without them"
    if not why.choices and not why.n_others:
        return "You have chosen nothing yet, so this is how often anybody chooses it"
    others = [one for one in why.choices if one.item_id != why.item_id]  # an item is no reason for itself
    told = [one for one in others if one.share >= _LEAST_SHARE][:_NAMED]
    if not told:
        return "None of your choices speaks for this"
    return f"Because you chose {all_of([f'{one.name} ({one.share:+.0%})' for one in told])}"


def sums(why: ChoiceExplanation) -> str:
    """The parts below each other, as in a ledger.

    Args:
        why: the explanation.
    """
    lines = [_heading(why), line("  popularity", why.popularity, sign=False, digits=_DIGITS)]
    lines += [line(f"  {name}", value, sign=True, digits=_DIGITS) for name, value in details(why)]
    return "\n".join([*lines, line("  = score", why.score, sign=False, digits=_DIGITS)])


def html_table(why: ChoiceExplanation) -> str:
    """The parts as a table with bars, in the colours of the notebook.

    Args:
        why: the explanation.
    """
    told = details(why)
    most = max([abs(value) for _, value in told], default=0) or 1
    rows = [html_row("popularity", why.popularity, 0, _DIGITS)]
    rows += [html_row(name, value, most, _DIGITS) for name, value in told]
    rows.append(
        "<tr><th scope='row' style='text-align:left'>score</th>"
        f"<th style='text-align:right'>{why.score:.{_DIGITS}f}</th><td></td></tr>"
    )
    return f"<table><caption>{escape(_heading(why))}</caption><tbody>{''.join(rows)}</tbody></table>"


def details(why: ChoiceExplanation, n: int = _SHOWN, least: float = _LEAST) -> list[tuple[str, float]]:
    """The choices that move most, the others together, and the rest where it is not nothing.

    Args:
        why: the explanation.
        n: how many choices to name (default 10).
        least: what is nothing (default 0.0005).
    """
    choices = why.choices or ()
    told = [(each.name, each.effect) for each in choices[:n]]
    n_others = why.n_others + len(choices[n:])
    if n_others:
        others = why.others + sum(each.effect for each in choices[n:])
        told.append((counted(n_others, "other choice"), others))
    rest = [(_REST[kind], effect) for kind, effect in why.rest() if kind != "others"]
    return told + [(name, value) for name, value in rest if abs(value) >= least]


def _heading(why: ChoiceExplanation) -> str:
    whom = "somebody new" if why.user_id is None else f"user {why.user_id}"
    return f"{why.name} for {whom}: chosen with a chance of {why.chance:.2%}"
