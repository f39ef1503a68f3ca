"""Snapshot: everything that a trained recommender is, as a file holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penchant.errors import UnsupportedError
from penchant.text import Argument
from penchant.text import Setting as Given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.data.attributes import Attributes
    from penchant.data.feature_encoder import FeatureEncoder
    from penchant.data.vocab import Vocab
    from penchant.models.choice.choice_model import ChoiceModel
    from penchant.models.choice.ranking_order import RankingOrder
    from penchant.models.model import Model, Setting
    from penchant.storage.strict_json import JSON

__all__ = ["LearnedChoices", "Snapshot"]


@dataclass(frozen=True, eq=False)
class LearnedChoices:
    """What was learned of who chose what.

    Attributes:
        model: scores what a user would choose; its rows are those of the snapshot.
        order: makes chances of scores, and lists of both.
        solver: what learned it: its name and hyper-parameters.
        training: a summary such as the number of choices and the time; any JSON.
    """

    model: ChoiceModel
    order: RankingOrder
    solver: Mapping[str, Setting] = field(default_factory=dict)
    training: Mapping[str, JSON] = field(default_factory=dict)

    def told(self) -> dict[str, object]:
        """What it is and how it was learned, in values that JSON can hold."""
        return {
            "n_factors": self.model.n_factors,
            "settings": self.model.settings(),
            "order": self.order.settings(),
            "liked_above": self.order.threshold,
            "solver": dict(self.solver),
            "training": dict(self.training),
        }


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a file holds: a model, the ids of its rows, and where it came from.

    Attributes:
        model: the trained model of ratings; `NoStars` where only choices were learned.
        users, items: the ids of its rows.
        user_attributes, item_attributes: what is known of each row besides ratings, such as titles.
        rating_scale: (lo, hi), the lowest and highest rating that can be given.
        seen: the training ratings by user, or None where they were not kept. Without stars, the weights of choices.
        baselines: simpler models that were trained beside it, by name, in the order to show.
        solver: what learned it: its name and hyper-parameters.
        history: one record an epoch.
        training: a summary such as the number of ratings and the time; any JSON.
        user_features, item_features: how the model's features are made of attributes; None where it has none.
        choices: who chose what, as learned beside the ratings or alone; None where it was not learned.
    """

    model: Model
    users: Vocab
    items: Vocab
    user_attributes: Attributes
    item_attributes: Attributes
    rating_scale: tuple[float, float]
    seen: SeenRatings | None = None
    baselines: Mapping[str, Model] = field(default_factory=dict)
    solver: Mapping[str, Setting] = field(default_factory=dict)
    history: Sequence[Mapping[str, JSON]] = ()
    training: Mapping[str, JSON] = field(default_factory=dict)
    user_features: FeatureEncoder | None = None
    item_features: FeatureEncoder | None = None
    choices: LearnedChoices | None = None

    def kept_table(self, what: str | Argument) -> SeenRatings:
        """The training ratings or choices, which some questions need.

        Args:
            what: needs them: the name of an argument or of a method.

        Raises:
            UnsupportedError: they were not kept.
        """
        if self.seen is None:
            table = "ratings" if self.model.knows_stars else "choices"
            told = f" needs the training {table}, and this model was kept without them ("
            raise UnsupportedError(what, told, Given("keep_ratings", False), "): train again")
        return self.seen
