"""Torch models of the notebook: `Module`, `EmbeddingDotBias`, sizes of embeddings."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor, nn

from penchant.checks import is_whole, require
from penchant.collab.data.categories import Classes
from penchant.errors import ParameterError
from penchant.solvers.gradient.net_layers import Embedding, EmbeddingNN, sigmoid_range

if TYPE_CHECKING:
    from penchant.collab.data.loaders import CollabDataLoaders

__all__ = ["Embedding", "EmbeddingDotBias", "EmbeddingNN", "Module", "emb_sz_rule", "get_emb_sz", "tabular_config"]

_WIDEST = 600


class Module(nn.Module):
    """A torch module whose `__init__` need not call `super().__init__()`."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make it ready for parameters before `__init__` of a subclass runs."""
        made = super().__new__(cls)
        nn.Module.__init__(made)
        return made

    def __init__(self) -> None:
        pass  # __new__ has done it; once more would forget parameters


class EmbeddingDotBias(Module):
    """fastai's `EmbeddingDotBias`: a dot product of two embeddings plus two biases, in a range if one is given.

        lo + (hi - lo) / (1 + exp(-(p_u . q_i + b_u + b_i)))

    Args:
        n_factors: columns of P and Q.
        n_users, n_items: rows, '#na#' included.
        y_range: (lo, hi); None (default) for the sum itself.

    Attributes:
        u_weight, i_weight: P and Q, embeddings.
        u_bias, i_bias: biases, embeddings with one column.
    """

    classes: Mapping[str, Classes]
    user: str
    item: str

    def __init__(self, n_factors: int, n_users: int, n_items: int, y_range: tuple[float, float] | None = None) -> None:
        self.y_range = y_range
        self.u_weight, self.i_weight = Embedding(n_users, n_factors), Embedding(n_items, n_factors)
        self.u_bias, self.i_bias = Embedding(n_users, 1), Embedding(n_items, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predictions of shape (n,).

        Args:
            x: row numbers of users and items, shape (n, 2).
        """
        users, items = x[:, 0], x[:, 1]
        dot = (self.u_weight(users) * self.i_weight(items)).sum(1)
        total: Tensor = dot + self.u_bias(users).squeeze(1) + self.i_bias(items).squeeze(1)
        return total if self.y_range is None else sigmoid_range(total, *self.y_range)

    @classmethod
    def from_classes(
        cls,
        n_factors: int,
        classes: Mapping[str, Classes],
        user: str | None = None,
        item: str | None = None,
        y_range: tuple[float, float] | None = None,
    ) -> EmbeddingDotBias:
        """A model for the rows of data loaders.

        Args:
            n_factors: columns of P and Q.
            classes: `dls.classes`.
            user, item: which of the columns are users and items; None (default) for the first and the second.
            y_range: as for the class.

        Raises:
            ParameterError: no such column.
        """
        names = list(classes)
        for column in (user, item):
            require(column is None or column in classes, "user, item", column, f"one of {', '.join(map(repr, names))}")
        user, item = names[0] if user is None else user, names[1] if item is None else item
        n_users, n_items = len(classes[user]), len(classes[item])
        model = cls(n_factors, n_users, n_items, y_range)
        model.classes, model.user, model.item = classes, user, item
        return model

    def bias(self, arr: Sequence[Hashable], is_item: bool = True) -> Tensor:
        """Biases of items or users, on the CPU, shape (n,). The model stays where and as it is.

        Args:
            arr: their ids or titles.
            is_item: items (default True), or users.

        Raises:
            UnknownIdError: one is not known; near ones are suggested. It is a KeyError, too.
            ParameterError: the model was not made by `from_classes`, or `arr` is one text.
        """
        layer = self.i_bias if is_item else self.u_bias
        return self._rows_of(layer, arr, is_item)[:, 0]

    def weight(self, arr: Sequence[Hashable], is_item: bool = True) -> Tensor:
        """Factors of items or users, on the CPU, shape (n, n_factors). The model stays where and as it is.

        Args:
            arr: their ids or titles.
            is_item: items (default True), or users.

        Raises:
            UnknownIdError, ParameterError: as `bias`.
        """
        layer = self.i_weight if is_item else self.u_weight
        return self._rows_of(layer, arr, is_item)

    def _rows_of(self, layer: nn.Embedding, arr: Sequence[Hashable], is_item: bool) -> Tensor:
        if not hasattr(self, "classes"):
            raise ParameterError("the model knows no names: make it by EmbeddingDotBias.from_classes(...)")
        if isinstance(arr, str):
            raise ParameterError(f"arr is the text {arr!r}: give a list, [{arr!r}]")
        rows = self.classes[self.item if is_item else self.user].rows_of(arr)
        return layer.weight.detach()[rows.to(layer.weight.device)].cpu()


def emb_sz_rule(n_cat: int) -> int:
    """How many columns an embedding of so many rows should have: min(600, 1.6 n^0.56), rounded.

    Args:
        n_cat: rows, '#na#' included.

    Source: found by trying, by fastai's authors.

    >>> emb_sz_rule(944), emb_sz_rule(1665)
    (74, 102)
    """
    return min(_WIDEST, round(1.6 * math.pow(n_cat, 0.56)))


def get_emb_sz(dls: CollabDataLoaders, sz_dict: Mapping[str, int] | None = None) -> list[tuple[int, int]]:
    """(rows, columns) of an embedding for users and one for items.

    Args:
        dls: data loaders.
        sz_dict: columns by the name of the column; None (default), or a name that is missing, for `emb_sz_rule`.

    Raises:
        ParameterError: a width is no whole number of at least 1, or a name is no column.
    """
    given = dict(sz_dict or {})
    for name, width in given.items():
        require(name in dls.classes, "sz_dict", name, f"the columns {' and '.join(map(repr, dls.classes))}")
        require(is_whole(width, 1), f"sz_dict[{name!r}]", width, "a whole number of at least 1")
    return [(len(each), given.get(name, emb_sz_rule(len(each)))) for name, each in dls.classes.items()]


def tabular_config(**kwargs: Any) -> dict[str, Any]:
    """Arguments for `EmbeddingNN`, to be given as `config=` to `collab_learner`.

    Args:
        kwargs: such as ps, embed_p, use_bn, bn_final.
    """
    return dict(kwargs)
