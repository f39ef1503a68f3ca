"""Small tables from the model itself, and chains whose whole state a test can set and look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.feature_rows import FeatureRows
from penchant.solvers.gibbs import hyper_draws as hyper
from penchant.solvers.gibbs.chain import Chain, Side, SideData
from penchant.solvers.gibbs.chains import Run
from penchant.solvers.solver import TrainingData


def training_data(
    user_idx: np.ndarray,
    item_idx: np.ndarray,
    rating: np.ndarray,
    n_users: int | None = None,
    n_items: int | None = None,
    **more: object,
) -> TrainingData:
    """The arrays in the types that a solver asks for; sizes and scale are those of the data, if not given."""
    users, items = np.asarray(user_idx, dtype=np.int32), np.asarray(item_idx, dtype=np.int32)
    ratings = np.asarray(rating, dtype=np.float32)
    scale = more.pop("rating_scale", (float(ratings.min()), float(ratings.max())))
    n_users = int(users.max()) + 1 if n_users is None else n_users
    n_items = int(items.max()) + 1 if n_items is None else n_items
    return TrainingData(users, items, ratings, n_users, n_items, scale, **more)


def features(table: np.ndarray, blocks: list[int]) -> FeatureRows:
    """A dense table of features as sparse rows, zeros left out; `blocks` are the sizes of its blocks."""
    rows, columns = np.nonzero(table)
    indptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(table)))].astype(np.int64)
    ends = np.r_[0, np.cumsum(blocks)].astype(np.int64)
    return FeatureRows(indptr, columns.astype(np.int32), table[rows, columns].astype(np.float32), ends)


def some_pairs(rng: np.random.Generator, n_users: int, n_items: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n different pairs of a user and an item."""
    users, items = np.divmod(rng.permutation(n_users * n_items)[:n], n_items)
    return users, items


def prior_mean(side: Side, data: SideData) -> tuple[np.ndarray, np.ndarray]:
    """m + F B of every row, from the side's own m and B, worked out entry by entry: factors and bias."""
    k = side._n_factors
    factors = np.tile(side.mean[:-1], (data.n_rows, 1))
    bias = np.full(data.n_rows, side.mean[-1])
    for block, weights in zip(data.blocks, side.weights, strict=True):
        feature = np.repeat(np.arange(block.n_features), np.diff(block.indptr))
        entries = slice(block.indptr[0], block.indptr[-1])  # blocks of attributes share one array
        rows = block.rows[entries]
        values = (block.values[entries] if len(block.values) else np.ones(len(rows))) * block.row_scale[rows]
        np.add.at(factors, rows, values[:, None] * weights.factors[feature, :k])
        np.add.at(bias, rows, values * weights.biases[feature])
    return factors, bias


@dataclass
class World:
    """A chain, and the tables it reads, which `new_ratings` overwrites: data as the model itself would make them."""

    run: Run
    chain: Chain
    data: tuple[SideData, SideData]
    rng: np.random.Generator

    @classmethod
    def make(cls, data: TrainingData, n_factors: int, *, implicit: bool = True, seed: int = 0) -> World:
        run = Run(data, n_factors, 1, implicit=implicit, rng=np.random.default_rng(seed))
        chain = run.chains[0]
        return cls(run, chain, (chain.users._data, chain.items._data), np.random.default_rng(seed + 1))

    @property
    def sides(self) -> tuple[tuple[Side, SideData], tuple[Side, SideData]]:
        return (self.chain.users, self.data[0]), (self.chain.items, self.data[1])

    def start_from_the_prior(self) -> None:
        """Draw everything that a sweep draws from the priors that `solvers.gibbs.hyper` states."""
        rng = self.rng
        self.chain.alpha = float(rng.gamma(1))
        for side, data in self.sides:
            k = side._n_factors
            side.precision = rng.gamma(1, 1 / hyper.RATE, k + 1)
            side.mean = rng.standard_normal(k + 1) / np.sqrt(side.precision)
            for weights in side.weights:
                weights.precision = rng.gamma(1, 1 / hyper.RATE, k + 1)
                drawn = rng.standard_normal((len(weights.biases), k + 1)) / np.sqrt(weights.precision)
                weights.factors[:, :k], weights.biases[:] = drawn[:, :-1], drawn[:, -1]
            factors, bias = prior_mean(side, data)
            side._prior_factors[:, :k], side._prior_bias[:] = factors, bias
            noise = rng.standard_normal((data.n_rows, k + 1)) / np.sqrt(side.precision)
            side.factors[:, :k] = factors + noise[:, :-1]
            side.bias[:] = bias + noise[:, -1]
            nu = rng.choice(hyper._DEGREES)
            side.kappa[:] = np.clip(rng.gamma(nu / 2, 2 / nu, data.n_rows), 1e-4, 1e4)

    def predictions(self) -> np.ndarray:
        """Of the pairs that have a rating, in the order of the users' table."""
        users = np.repeat(np.arange(self.data[0].n_rows), np.diff(self.data[0].ratings.indptr))
        return self.predict(users, self.data[0].ratings.others)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        u, i = self.chain.users, self.chain.items
        taste = np.einsum("nk,nk->n", u.factors[users], i.factors[items], dtype=np.float64)
        return taste + u.bias[users] + i.bias[items]

    def noise_sd(self) -> np.ndarray:
        """1 / sqrt(alpha kappa_u kappa_i) of the same pairs."""
        users = np.repeat(np.arange(self.data[0].n_rows), np.diff(self.data[0].ratings.indptr))
        kappa = self.chain.users.kappa[users].astype(np.float64) * self.chain.items.kappa[self.data[0].ratings.others]
        return 1 / np.sqrt(self.chain.alpha * kappa)

    def new_ratings(self) -> None:
        """Draw all ratings anew from the present state."""
        by_user, by_item = (data.ratings for data in self.data)
        by_user.target[:] = self.predictions() + self.noise_sd() * self.rng.standard_normal(len(by_user.target))
        users = np.repeat(np.arange(by_user.n_rows), np.diff(by_user.indptr))
        items = np.repeat(np.arange(by_item.n_rows), np.diff(by_item.indptr))
        # No pair occurs twice, so each table sorted by (item, user) is the other one's order.
        order_user, order_item = np.lexsort((users, by_user.others)), np.lexsort((by_item.others, items))
        by_item.target[order_item] = by_user.target[order_user]

    def errors(self) -> np.ndarray:
        """Rating less prediction, of the same pairs."""
        return self.data[0].ratings.target - self.predictions()
