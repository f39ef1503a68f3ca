"""ListExplanation: why an item has its place in a list by both: chosen because of this, liked because of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from penchant.recommender.explanation import Explanation, html_table, sentence, sums
from penchant.recommender.reasons.choice_explanation import ChoiceExplanation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ListExplanation"]


@dataclass(frozen=True, repr=False, kw_only=True)
class ListExplanation(Explanation):
    """Why an item has its place in a list by both. Made by `Recommender.explain`.

        score  =  P(chosen) P(liked | chosen)^liked_power

    `choice` says what moves the first chance, and all that an `Explanation` has is about the predicted rating, which
    moves the second.

    Attributes:
        choice: why the person is expected to choose the item.
        liked: the chance that the person would like it: that of a rating above the threshold of liking.
        liked_power: how much that chance counts beside the other.
        by: "both": the order of lists that it is about.
    """

    by: ClassVar[str] = "both"

    choice: ChoiceExplanation
    liked: float
    liked_power: float = 1.0

    @property
    def chance(self) -> float:
        """The chance to be chosen."""
        return self.choice.chance

    @property
    def score(self) -> float:
        """What lists by both are ordered by."""
        return float(self.chance * self.liked**self.liked_power)

    def to_frame(self) -> pd.DataFrame:
        """All parts of both as one table.

        Returns:
            A DataFrame with the columns of ("choice", then "liking"), and those of both `to_frame`: of the choice,
            `total` adds up to `choice.score`; of liking, to `prediction`.
        """
        import pandas as pd

        choice, liking = self.choice.to_frame(), Explanation.to_frame(self)
        columns = ["part", "item_id", "title", "rating", "on_user_bias", "on_taste", "total", "share"]
        both = []
        for what, table in (("choice", choice), ("liking", liking)):
            whole = table.reindex(columns=columns)
            whole.insert(0, "of", what)
            both.append(whole.astype(dict.fromkeys(["rating", "on_user_bias", "on_taste", "share"], "float64")))
        return pd.concat(both, ignore_index=True)

    def to_dict(self) -> dict[str, object]:
        """All of it in values that JSON can hold: as that of an `Explanation`, with the choice inside."""
        chances = {"by": self.by, "score": self.score, "chance": self.chance, "liked": self.liked}
        return {**super().to_dict(), **chances, "liked_power": self.liked_power, "choice": self.choice.to_dict()}

    def __str__(self) -> str:
        return f"Chosen: {_inside(str(self.choice))}. Liked: {_inside(sentence(self))}"

    def __repr__(self) -> str:
        return "\n".join([_heading(self), repr(self.choice), sums(self)])

    def _repr_html_(self) -> str:
        return f"<p>{_heading(self)}</p>{self.choice._repr_html_()}{html_table(self)}"


def _heading(why: ListExplanation) -> str:
    power = "" if why.liked_power == 1 else f" ^ {why.liked_power:g}"
    return f"listed by {why.score:.2%} = {why.chance:.2%} to choose it x {why.liked:.0%} to like it then{power}"


def _inside(told: str) -> str:
    return told[:1].lower() + told[1:]
