"""Neural network layers in torch, as fastai builds them: the same order, names, start and printed form.

State dictionaries of fastai's `EmbeddingNN` load here and the other way round, and with the same torch seed both start
from the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["Embedding", "EmbeddingNN", "LinBnDrop", "SigmoidRange", "sigmoid_range"]

_START_OF_SHIFT = 1e-3  # fastai's first bias of a batch norm
_RELU = nn.ReLU(inplace=True)  # without state, so that all layers may share it


class Embedding(nn.Embedding):
    """A table of rows that are learned, whose first values are normal, cut off at two standard deviations.

    Values beyond two are wrapped (z mod 2), as in fastai.

    Args:
        ni: rows.
        nf: columns.
        std: standard deviation of the normal that is cut off (default 0.01).

    >>> Embedding(10, 4)
    Embedding(10, 4)
    """

    def __init__(self, ni: int, nf: int, std: float = 0.01) -> None:
        super().__init__(ni, nf)
        with torch.no_grad():
            self.weight.normal_().fmod_(2).mul_(std)


def sigmoid_range(x: Tensor, low: float, high: float) -> Tensor:
    """Squeeze numbers into a range: low + (high - low) / (1 + e^-x).

    Args:
        x: any numbers.
        low, high: the ends, which are never quite reached.
    """
    return torch.sigmoid(x) * (high - low) + low


class SigmoidRange(nn.Module):
    """`sigmoid_range` as a layer.

    Args:
        low, high: as for `sigmoid_range`.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def extra_repr(self) -> str:
        return f"low={self.low}, high={self.high}"

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid_range(x, self.low, self.high)


class LinBnDrop(nn.Sequential):
    """A linear layer with what goes with it: batch norm, dropout and an activation.

    Args:
        n_in, n_out: numbers in and out.
        bn: normalise (default True); the linear layer then has no bias, the batch norm has one.
        p: share of the numbers that dropout sets to zero in training (default 0.0); 0 leaves the layer out.
        act: the activation; None (default) for none.
        lin_first: linear layer and activation before batch norm and dropout, instead of after (default False).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bn: bool = True,
        p: float = 0.0,
        act: nn.Module | None = None,
        lin_first: bool = False,
    ) -> None:
        beside: list[nn.Module] = [_batch_norm(n_out if lin_first else n_in)] if bn else []
        if p != 0:
            beside.append(nn.Dropout(p))
        # A batch norm has a bias of its own.
        linear: list[nn.Module] = [nn.Linear(n_in, n_out, bias=not bn), *([] if act is None else [act])]
        super().__init__(*(linear + beside if lin_first else beside + linear))


class EmbeddingNN(nn.Module):
    """One embedding for each column, side by side, through layers of neurons to one number.

        x_0 = [E_1[row_1], E_2[row_2], ...],    x_l = BN(act(W_l x_(l-1))),    rating = w . x_L + b

    The order of activation and batch norm, the first weights, the names of the parameters and the printed form are
    fastai's.

    Args:
        emb_szs: (rows, columns) of each embedding.
        layers: neurons of each hidden layer; none make it linear.
        ps: share that dropout sets to zero after each layer, one for all or one for each; None (default) for 0.
        embed_p: the same after the embeddings (default 0.0).
        y_range: (low, high), which a `SigmoidRange` squeezes ratings into; None (default) for no limits.
        use_bn: normalise hidden layers (default True).
        bn_final: normalise the last one, too (default False).
        bn_cont: keep the empty batch norm of fastai's model, which has no numbers to normalise here (default True).
        act_cls: the activation of hidden layers, default `nn.ReLU(inplace=True)`.
        lin_first: as for `LinBnDrop` (default True).

    Source: Guo, Berkhahn (2016), "Entity embeddings of categorical variables"; `fastai.collab.EmbeddingNN`.

    >>> EmbeddingNN([(4, 2), (5, 3)], [6])(torch.tensor([[1, 2], [3, 4]])).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        emb_szs: Sequence[tuple[int, int]],
        layers: Sequence[int],
        ps: float | Sequence[float] | None = None,
        embed_p: float = 0.0,
        y_range: tuple[float, float] | None = None,
        use_bn: bool = True,
        bn_final: bool = False,
        bn_cont: bool = True,
        act_cls: nn.Module | None = _RELU,
        lin_first: bool = True,
    ) -> None:
        super().__init__()
        self.embeds = nn.ModuleList(Embedding(rows, columns) for rows, columns in emb_szs)
        self.emb_drop = nn.Dropout(embed_p)
        self.bn_cont = nn.BatchNorm1d(0) if bn_cont else None
        self.n_emb, self.n_cont = sum(columns for _, columns in emb_szs), 0
        sizes = [self.n_emb, *layers, 1]
        acts = [*([act_cls] * len(layers)), None]
        found: list[nn.Module] = []
        for at, (p, act) in enumerate(zip(_shares(ps, len(layers)), acts, strict=True)):
            bn = use_bn and (at < len(layers) or bn_final)
            found.append(LinBnDrop(sizes[at], sizes[at + 1], bn=bn, p=p, act=act, lin_first=lin_first))
        if y_range is not None:
            found.append(SigmoidRange(*y_range))
        self.layers = nn.Sequential(*found)

    def forward(self, x_cat: Tensor, x_cont: Tensor | None = None) -> Tensor:  # noqa: ARG002 - fastai's signature
        """Predict.

        Args:
            x_cat: rows of each embedding, shape (n, columns).
            x_cont: not used; None (default).

        Returns:
            Shape (n, 1).
        """
        rows = torch.cat([table(x_cat[:, at]) for at, table in enumerate(self.embeds)], 1)
        return cast("Tensor", self.layers(self.emb_drop(rows)))


def _batch_norm(n: int) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(n)
    nn.init.constant_(norm.bias, _START_OF_SHIFT)
    return norm


def _shares(ps: float | Sequence[float] | None, n_layers: int) -> list[float]:
    """Dropout of each layer, 0 for the last, which has none."""
    if ps is None:
        ps = 0.0
    return [*([ps] * n_layers if isinstance(ps, int | float) else ps), 0.0]
