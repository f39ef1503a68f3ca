"""NoStars: in the place of a model of ratings, where only choices were learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import is_whole
from penchant.errors import FormatError, UnsupportedError
from penchant.models.model import Model, Setting
from penchant.text import Argument

__all__ = ["NoStars", "refuse_ratings"]


@dataclass(frozen=True)
class NoStars(Model):
    """Knows how many rows there are, and no rating. Every question about stars is refused.

    Attributes:
        users, items: sizes of the vocabularies.
    """

    kind: ClassVar[str] = "no_stars"
    knows_stars: ClassVar[bool] = False

    users: int
    items: int

    @property
    def n_users(self) -> int:
        return self.users

    @property
    def n_items(self) -> int:
        return self.items

    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:  # noqa: ARG002
        """Refuse: there are no ratings to predict.

        Raises:
            UnsupportedError: always.
        """
        self.refuse("can't predict ratings", "")

    def with_rows(self, n_users: int, n_items: int) -> NoStars:
        return NoStars(n_users, n_items)

    def without_user(self, row: int) -> NoStars:  # noqa: ARG002
        return NoStars(self.users - 1, self.items)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {}

    def settings(self) -> dict[str, Setting]:
        return {"n_users": self.users, "n_items": self.items}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> NoStars:  # noqa: ARG003
        """Rebuild from `settings()`.

        Raises:
            FormatError: a number of rows is missing, or is none.
        """
        sizes = [settings.get(name) for name in ("n_users", "n_items")]
        users, items = (size if is_whole(size, 0) else None for size in sizes)
        if not isinstance(users, int) or not isinstance(items, int):
            raise FormatError(f"a model without stars has {sizes[0]!r} users and {sizes[1]!r} items")
        return cls(users, items)

    def refuse(self, what: str, instead: str) -> NoReturn:  # noqa: ARG002 - no kind of model could answer this
        """Say that stars are missing.

        Args:
            what: it can't do, as in "can't predict ratings".
            instead: not used.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            f"this recommender was learned from choices, without stars, and {what}: learn from a table of ratings"
        )


def refuse_ratings(instead: Argument) -> NoReturn:
    """Say that ratings of somebody are of no use where no stars were learned.

    Args:
        instead: what to give in their place.

    Raises:
        UnsupportedError: always.
    """
    told = " are stars, and this recommender was learned from choices, without stars: use "
    raise UnsupportedError(Argument("ratings"), told, instead)
