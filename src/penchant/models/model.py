"""What every model answers, whatever learned it, and what a model may answer beside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.errors import UnsupportedError
from penchant.text import Argument, a_model

if TYPE_CHECKING:
    from typing import Self

    from penchant.arrays.feature_rows import FeatureRow, FeatureRows
    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.models.answers import (
        Attribution,
        Change,
        FeatureEffects,
        FoldedUser,
        LinearForm,
        Questions,
        Refreshed,
        Remainder,
        ScoringRule,
        Side,
    )

__all__ = ["Model", "Setting"]

Setting: TypeAlias = "bool | int | float | str | list[float] | list[str] | None"

_ONE = {"user": "a user", "item": "an item"}


class Model(ABC):
    """A trained model over row numbers. Frozen; predictions are not clipped here (the door does that).

    `kind` names the model in files. `arrays()` and `settings()` are all that it is made of, and
    `type(model).from_arrays(model.arrays(), model.settings())` predicts the same, bit for bit.

    The abstract methods are what every model has. All others have a default: None where a model may have nothing to
    say, an `UnsupportedError` that names the kinds that can where somebody asks for it by name. A new model answers
    what it can, and nobody asks what kind it is.
    """

    kind: ClassVar[str]
    knows_stars: ClassVar[bool] = True  # whether `predict` answers

    @property
    @abstractmethod
    def n_users(self) -> int: ...

    @property
    @abstractmethod
    def n_items(self) -> int: ...

    @abstractmethod
    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:
        """Predicted ratings of pairs, shape (n,). Each value depends on its own pair alone, not on the batch."""

    @abstractmethod
    def with_rows(self, n_users: int, n_items: int) -> Self:
        """The same model with cold rows appended up to these sizes: what it believes of rows without ratings."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[np.generic]]: ...

    @abstractmethod
    def settings(self) -> dict[str, Setting]: ...

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> Self:
        """Rebuild; raises FormatError where shapes or types do not fit together."""

    # -- what it may know --

    def variance(self, user_idx: Int32Array, item_idx: Int32Array) -> Float64Array | None:  # noqa: ARG002
        """Variance of the rating of each pair around its prediction, shape (n,); None where it is not known."""
        return None

    def linear_form(self) -> LinearForm | None:
        """The model as mu + b_u + b_i + p_u . q_i behind a link; None where it is no such sum."""
        return None

    def n_features(self, side: Side) -> int:  # noqa: ARG002
        """How many features of a side's rows it has weights of."""
        return 0

    def feature_effects(self, side: Side) -> FeatureEffects | None:  # noqa: ARG002
        """What features add to the biases of a side; None without features."""
        return None

    def row_vectors(self, side: Side) -> Float32Array:
        """The numbers that it keeps for each row of a side beside the bias, (n_rows, size): alike rows are near."""
        raise UnsupportedError(
            f"{a_model(self.kind)} does not say which {side}s are alike: leave ", Argument("diversity"), " out"
        )

    def bias_deviations(self, seen: SeenRatings, side: Side) -> Float64Array:  # noqa: ARG002
        """Posterior standard deviation of each row's bias, (n_rows,), in the unit of the biases.

        Args:
            seen: the training ratings.
            side: "user" or "item".
        """
        self.refuse("has no biases", "a dot_bias model has")

    # -- somebody new, and why --

    def fold_in(
        self,
        item_idx: Int32Array,  # noqa: ARG002
        rating: Float32Array,  # noqa: ARG002
        features: FeatureRow | None,  # noqa: ARG002
        rating_scale: tuple[float, float],  # noqa: ARG002
    ) -> FoldedUser:
        """Somebody without a row, known by a few ratings; everything else is held still.

        Args:
            item_idx, rating: the ratings; none are allowed.
            features: what else is known of the person; None for nothing.
            rating_scale: (lo, hi).
        """
        self.refuse("can't take in a person", "dot_bias and embedding_nn models can")

    def attribution(
        self,
        user: int,  # noqa: ARG002
        item: int,  # noqa: ARG002
        item_idx: Int32Array,  # noqa: ARG002
        rating: Float32Array,  # noqa: ARG002
        features: FeatureRow | None,  # noqa: ARG002
        rating_scale: tuple[float, float],  # noqa: ARG002
    ) -> Attribution:
        """The prediction of one pair, and what it rests on.

        Args:
            user, item: row numbers of the pair.
            item_idx, rating: the user's training ratings.
            features: of the user; None for none.
            rating_scale: (lo, hi).
        """
        raise UnsupportedError(f"this model ({self.kind}) can't be taken apart; dot_bias and embedding_nn models can")

    def questions(self) -> Questions:
        """What it takes to know which rating tells most of a person."""
        raise UnsupportedError("which answers tell most is known for dot_bias models without a sigmoid, such as Bayes")

    def scoring_rule(self) -> ScoringRule:
        """What scores items for anybody, for programs that are not Python."""
        self.refuse(
            "has no factors that a few lines could score",
            "export takes dot_bias models, such as those of ALS and Bayes",
        )

    # -- rows added, changed and removed --

    def require_extendable(self, side: Side) -> None:
        """Refuse a new row where `with_new_row` would, before any work is done.

        Args:
            side: "user" or "item".
        """
        self._refuse_row(side)

    def with_new_row(
        self,
        side: Side,
        others: Int32Array,  # noqa: ARG002
        rating: Float32Array,  # noqa: ARG002
        features: FeatureRow | None,  # noqa: ARG002
    ) -> Self:
        """The same model with one more row, folded in from its ratings. `require_extendable` refuses beforehand.

        Args:
            side: "user" or "item".
            others, rating: rows of the other side, and the ratings.
            features: of the new row; None for none.
        """
        self._refuse_row(side)

    def require_refreshable(self) -> None:
        """Refuse new ratings where `refreshed` would, before any work is done."""
        self._refuse_ratings()

    def refreshed(self, side: Side, change: Change, features: FeatureRows | None) -> Refreshed:  # noqa: ARG002
        """The rows of one side that a change of ratings touches, brought up to date; the other side is held still.

        Args:
            side: "user" or "item".
            change: what became of the ratings.
            features: of all rows of this side; None for none.
        """
        self._refuse_ratings()

    def require_unlearnable(self) -> None:
        """Refuse to unlearn where `unlearned` would, before any work is done."""
        self._refuse_unlearning()

    def unlearned(self, side: Side, change: Change, features: FeatureRows | None) -> Self:  # noqa: ARG002
        """The model with the rows of one side as they are without ratings that went.

        Args:
            side: "user" or "item".
            change: which ratings went.
            features: of all rows of this side; None for none.
        """
        self._refuse_unlearning()

    def without_user(self, row: int) -> Self:  # noqa: ARG002
        """The model with one user's numbers taken out of every array; users behind move up by one.

        What it predicts for others is the same, bit for bit. Rows of items, weights and layers were learned with the
        user's ratings among others, and stay as they are.
        """
        raise UnsupportedError(f"{a_model(self.kind)} can't forget a user: train it again without the user's ratings")

    def recounted(self, left: Remainder | None, *, anew: bool = False) -> Self:  # noqa: ARG002
        """The model with every number that sums over users or ratings made anew, after `without_user`.

        A mean of n rows and n - 1 of these rows give the last one: means, noise, popularity, cold rows and priors that
        were worked out with the user would give the user's ratings away. A model without such numbers is itself.

        Args:
            left: what is left; None where the ratings were not kept. Then such numbers are worked out of the rows that
                are left, or rounded.
            anew: solve all rows again where the model's rows are solutions of equations (default False): they give away
                the one rating that an equation lacks.
        """
        return self

    def with_user_features(self, kept: Sequence[int]) -> Self:  # noqa: ARG002
        """The model with only these features of users, by their number; itself where it has none."""
        return self

    def _refuse_row(self, side: Side) -> NoReturn:
        self.refuse(f"can't take in {_ONE[side]} without training", "dot_bias models can")

    def _refuse_ratings(self) -> NoReturn:
        self.refuse("can't take in ratings without training", "dot_bias models can")

    def _refuse_unlearning(self) -> NoReturn:
        raise UnsupportedError(
            Argument("refresh_items"), f": {a_model(self.kind)} can't unlearn ratings; dot_bias models can"
        )

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Say what it can't do, and which models can.

        Args:
            what: as in "can't take in a person".
            instead: which can; empty where none does.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"{a_model(self.kind)} {what}" + (f"; {instead}" if instead else ""))
