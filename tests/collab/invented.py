"""Invented ratings in data loaders, small enough for tests, and what tests of learners share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from penchant.collab.data.loaders import CollabDataLoaders
from penchant.collab.learner import Learner
from penchant.collab.start import collab_learner

N_USERS, N_FILMS = 30, 40


def frame(n: int = 1200, seed: int = 0) -> pd.DataFrame:
    """Ratings 1 to 5 of known biases and chance; every user and every film has some."""
    rng = np.random.default_rng(seed)
    user = np.r_[np.arange(n) % N_USERS]
    film = np.r_[np.arange(n) % N_FILMS, []].astype(int)
    rng.shuffle(film)
    liked = rng.normal(0, 0.6, N_FILMS)
    rating = np.clip(np.round(3.2 + liked[film] + rng.normal(0, 0.7, n)), 1, 5).astype(int)
    return pd.DataFrame({"user": user, "title": [f"film {number:02d}" for number in film], "rating": rating})


def loaders(path: Path | str = ".", *, bs: int = 32, n: int = 1200, valid_pct: float = 0.2) -> CollabDataLoaders:
    """Data loaders of `frame`, always split in the same way."""
    return CollabDataLoaders.from_df(frame(n), item_name="title", bs=bs, seed=3, valid_pct=valid_pct, path=path)


def learner(dls: CollabDataLoaders, **kwargs: object) -> Learner:
    """A small dot product, always from the same start."""
    torch.manual_seed(1)
    return collab_learner(dls, **{"n_factors": 4, "y_range": (0, 5.5), **kwargs})  # type: ignore[arg-type]


class ByHand(nn.Module):
    """A dot product plus biases, of plain parameters: torch has to train it."""

    def __init__(self, n_users: int, n_items: int, n_factors: int = 4) -> None:
        super().__init__()
        self.people = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.films = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.generous = nn.Parameter(torch.zeros(n_users))
        self.liked = nn.Parameter(torch.zeros(n_items))

    def forward(self, x: Tensor) -> Tensor:
        person, film = x.t()
        eta = torch.einsum("nk,nk->n", self.people[person], self.films[film]) + self.generous[person] + self.liked[film]
        return torch.sigmoid(eta) * 5.5


def by_hand(dls: CollabDataLoaders, **kwargs: object) -> Learner:
    """A learner of `ByHand`."""
    torch.manual_seed(1)
    sizes = (len(dls.classes["user"]), len(dls.classes["title"]))
    return Learner(dls, ByHand(*sizes), **kwargs)  # type: ignore[arg-type]


def neural(dls: CollabDataLoaders, **kwargs: object) -> Learner:
    """A small neural model."""
    return learner(dls, use_nn=True, layers=[8, 4], **kwargs)


def state_of(learn: Learner) -> dict[str, Tensor]:
    """A copy of its weights."""
    return {name: value.clone() for name, value in learn.model.state_dict().items()}
