"""What every model answers, whatever learned it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from penchant.arrays import Float32Array, Int32Array

__all__ = ["Model", "Setting"]

Setting: TypeAlias = "bool | int | float | str | list[float] | list[str] | None"


@runtime_checkable
class Model(Protocol):
    """A trained model over row numbers. Frozen; predictions are not clipped here (the door does that).

    `kind` names the model in files. `arrays()` and `settings()` are all that it is made of, and
    `type(model).from_arrays(model.arrays(), model.settings())` predicts the same, bit for bit.
    """

    kind: ClassVar[str]

    @property
    def n_users(self) -> int: ...

    @property
    def n_items(self) -> int: ...

    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:
        """Predicted ratings of pairs, shape (n,). Each value depends on its own pair alone, not on the batch."""
        ...

    def with_rows(self, n_users: int, n_items: int) -> Model:
        """The same model with cold rows appended up to these sizes: what it believes of rows without ratings."""
        ...

    def arrays(self) -> dict[str, NDArray[np.generic]]: ...

    def settings(self) -> dict[str, Setting]: ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> Model:
        """Rebuild; raises FormatError where shapes or types do not fit together."""
        ...
