"""Small tensor functions that notebooks use: `tensor`, `pca`, `one_hot`, `set_seed`, `L`."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Protocol, SupportsIndex, overload

import numpy as np
import torch
from torch import Tensor

from penchant.checks import is_whole, require
from penchant.errors import ParameterError

__all__ = ["L", "one_hot", "pca", "set_seed", "tensor"]


class _Printer(Protocol):
    """IPython's, as far as it is needed here."""

    def text(self, obj: str) -> None: ...


_ONE_ELEMENT = (str, bytes, Mapping, np.ndarray, Tensor)
_LONG = 250  # elements that a notebook shows


class L(list[Any]):
    """A list that takes several indices at once, and whose `map` calls a function on every element.

    Args:
        items: its elements: several arguments, or one list or other collection of them. A text, a mapping, an array
            or a tensor is one element; None is none.

    >>> L(10, 20, 30)[[0, 2]], L(range(3)).map(str)
    ([10, 30], ['0', '1', '2'])
    """

    def __init__(self, *items: Any) -> None:
        if len(items) == 1 and items[0] is None:
            items = ()
        alone = len(items) == 1 and isinstance(items[0], Iterable) and not isinstance(items[0], _ONE_ELEMENT)
        super().__init__(items[0] if alone else items)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...

    @overload
    def __getitem__(self, index: slice | Iterable[Any]) -> L: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return L(super().__getitem__(index))
        if not isinstance(index, Iterable) or (isinstance(index, Tensor | np.ndarray) and index.ndim == 0):
            return super().__getitem__(int(index))
        picked = [each.item() if isinstance(each, Tensor | np.generic) else each for each in index]
        if picked and all(isinstance(each, bool) for each in picked):
            return L([each for each, wanted in zip(self, picked, strict=True) if wanted])
        return L([super(L, self).__getitem__(int(each)) for each in picked])

    def __add__(self, other: Iterable[Any]) -> L:
        return L([*self, *other])

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        """What a notebook shows of it: as in fastai with the number of elements in front, if they are many."""
        shown = ", ".join(map(repr, self[:_LONG]))
        count, more = f"(#{len(self)}) " if len(self) >= _LONG else "", "..." if len(self) > _LONG else ""
        printer.text("[...]" if cycle else f"{count}[{shown}{more}]")

    def map(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> L:
        """The results of a function for every element.

        Args:
            function: called with an element first.
            args, kwargs: what else it is called with.
        """
        return L([function(each, *args, **kwargs) for each in self])

    def attrgot(self, name: str, default: object = None) -> L:
        """An attribute of every element.

        Args:
            name: of the attribute.
            default: where an element has none (default None).
        """
        return L([getattr(each, name, default) for each in self])

    def itemgot(self, *keys: Hashable) -> L:
        """An item of every element, or an item of that, and so on.

        Args:
            keys: the keys, outermost first.
        """
        found = self
        for key in keys:
            found = L([each[key] for each in found])
        return found


def tensor(*values: Any, **kwargs: Any) -> Tensor:
    """A tensor of numbers, lists, arrays, tables or tensors.

    Args:
        values: several numbers, or one collection of them.
        kwargs: as for `torch.tensor`, such as dtype and device. Without a dtype, doubles become single precision.

    >>> tensor(1, 2), tensor([[1.0], [2.0]]).shape
    (tensor([1, 2]), torch.Size([2, 1]))
    """
    value = values[0] if len(values) == 1 else values
    if hasattr(value, "to_numpy"):  # a table or column of pandas
        value = value.to_numpy()
    elif isinstance(value, Iterable) and not isinstance(value, Tensor | np.ndarray):
        value = list(value)
    if isinstance(value, list) and value and all(isinstance(each, Tensor) for each in value):
        value = torch.stack(value)
    if isinstance(value, Tensor):
        made = value.to(**kwargs)
    elif isinstance(value, np.ndarray):
        made = torch.as_tensor(value.copy(), **kwargs)
    else:
        made = torch.tensor(value, **kwargs)
    return made.float() if made.dtype == torch.float64 and kwargs.get("dtype") is None else made


def pca(x: Tensor, k: int = 2) -> Tensor:
    """The first principal components of rows, also as a method: `learn.model.i_weight.weight.detach().pca(3)`.

    Rows are centred and projected on the k directions along which they differ most; directions have no sign of their
    own.

    Args:
        x: rows, shape (n, m).
        k: how many components, 1 to the lesser of n and m (default 2).

    Returns:
        Shape (n, k).

    Raises:
        ParameterError: `x` is no table, or `k` is out of range.
    """
    if x.ndim != 2:
        raise ParameterError(f"pca needs a table of rows, and the tensor has shape {tuple(x.shape)}")
    require(is_whole(k, 1) and k <= min(x.shape), "k", k, f"a whole number from 1 to {min(x.shape)}")
    centred = x - x.mean(0)
    left, _, _ = torch.linalg.svd(centred.t(), full_matrices=False)
    components: Tensor = centred @ left[:, :k]
    return components


def one_hot(x: int | Iterable[int], c: int) -> Tensor:
    """A vector of zeros with a one where it is told to.

    Args:
        x: where: one number, or several.
        c: length of the vector.

    >>> one_hot(1, 3)
    tensor([0, 1, 0], dtype=torch.uint8)
    """
    found = torch.zeros(c, dtype=torch.uint8)
    places = list(x) if isinstance(x, Iterable) and not isinstance(x, Tensor) else x
    for place in np.atleast_1d(np.asarray(places)).tolist():
        require(is_whole(place, 0) and place < c, "x", place, f"a whole number from 0 to {c - 1}")
        found[place] = 1
    return found


def set_seed(s: int, reproducible: bool = False) -> None:
    """Seed the global generators of Python, NumPy and torch.

    Args:
        s: the seed.
        reproducible: also ask cuDNN for the same result every time (default False).
    """
    require(is_whole(s, 0), "s", s, "a whole number of at least 0")
    random.seed(s)
    np.random.seed(s % (2**32 - 1))  # noqa: NPY002 - the global one is what the name promises
    torch.manual_seed(s)
    if reproducible:
        cudnn = torch.backends.cudnn
        cudnn.benchmark, cudnn.deterministic = False, True
