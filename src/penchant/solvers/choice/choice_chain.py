"""One Markov chain of choices: rows of both sides and their hyper-parameters, and whether chains agree."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from penchant.arrays.types import Float64Array
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.sides import Side, Sides

__all__ = ["Chain", "split_r_hat"]

_START = 0.1  # length of an item's first row
_START_ALPHA = 16.0
_RATE = 1e-3  # precisions of rows are Gamma(1, RATE) before
_NAMES = ("alpha", "size", "chosen")


class Chain:
    """A state of everything that is drawn.

    Args:
        data: the choices.
        n_factors: columns.
        unchosen_weight: a0.
        rng: the chain's own stream.

    Attributes:
        sides: rows of users and items.
        alpha: precision of a cell of weight 1.
        trace: after each sweep the logarithms of alpha, of the sum of all (p . q)^2, and of the squares over the
            chosen; all of them stay the same when columns of P and Q are turned or scaled, which the data do not tell.
    """

    def __init__(self, data: ChoiceData, n_factors: int, unchosen_weight: float, rng: np.random.Generator) -> None:
        self.sides = Sides(data, n_factors, unchosen_weight)
        self.alpha = _START_ALPHA
        self.trace: list[Float64Array] = []
        self._rng, self._n_factors = rng, n_factors
        self._n_cells = float(data.n_users) * data.n_items
        self._weights = data.weights
        start = rng.standard_normal((data.n_items, n_factors))
        self.sides.items.factors[:, :n_factors] = _START / np.sqrt(n_factors) * start
        self._precision = {side: np.ones(n_factors) for side in (self.sides.users, self.sides.items)}
        self._squares = np.zeros(data.n_users)

    def sweep(self) -> None:
        """Draw every row of both sides, the prior of each side after it, and alpha from the sides as they are."""
        users, items = self.sides.users, self.sides.items
        self._draw_side(items, users, None)
        self._draw_side(users, items, self._squares)
        self._draw_alpha()
        p, q = users.factors.astype(np.float64), items.factors.astype(np.float64)
        size = max(float(np.sum((p.T @ p) * (q.T @ q))), 1e-300)
        chosen = max(float(np.abs(self._squares).sum()), 1e-300)
        self.trace.append(np.log([self.alpha, size, chosen]))

    def _draw_side(self, drawn: Side, held: Side, squares: Float64Array | None) -> None:
        if not held.factors.any():  # the first sweep: items are drawn as they were started
            return
        k, rng = self._n_factors, self._rng
        drawn.prior.precision = (self._precision[drawn] / self.alpha).astype(np.float32)
        normals = rng.standard_normal((len(drawn.factors), k), dtype=np.float32)
        self.sides.sweep(None, 1, drawn, held, k, self.alpha**-0.5, normals, squares)
        rows = drawn.factors[:, :k].astype(np.float64)
        n, before, total = len(rows), self._precision[drawn], rows.sum(axis=0)
        mean = total / (n + 1) + rng.standard_normal(k) / np.sqrt(before * (n + 1))
        squared = np.square(rows - mean).sum(axis=0) + mean**2
        self._precision[drawn] = rng.gamma(1 + (n + 1) / 2, 1 / (_RATE + squared / 2))
        drawn.prior.mean[0, :k] = mean

    def _draw_alpha(self) -> None:
        """From the weighted squares of all cells, in closed form: see `kernels.choice_sweep`."""
        a0, (users, items) = self.sides.unchosen_weight, (self.sides.users, self.sides.items)
        p, q, o = (each.astype(np.float64) for each in (users.factors, items.factors, items.bias))
        everywhere = len(p) * (o @ o) + 2 * p.sum(axis=0) @ (o @ q) + np.sum((p.T @ p) * (q.T @ q))
        squares = max(a0 * everywhere + self._squares.sum(), 1e-9)
        # Every cell is one observation whose precision is alpha times its weight.
        n = self._weights.sum(dtype=np.float64) + a0 * (self._n_cells - len(self._weights))
        self.alpha = float(self._rng.gamma(1 + n / 2, 1 / (1 + squares / 2)))


def split_r_hat(traces: list[list[Float64Array]]) -> dict[str, float]:
    """Rank-normalised split R-hat of each hyper-parameter; empty for less than four draws a chain.

    Args:
        traces: of each chain, arrays of shape (3,).

    Source: Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), "Rank-normalization, folding, and localization: an
    improved R-hat for assessing convergence of MCMC".
    """
    half = len(traces[0]) // 2
    if half < 2:
        return {}
    found = {}
    for at, name in enumerate(_NAMES):
        draws = np.array([[state[at] for state in trace] for trace in traces])
        halves = np.concatenate([draws[:, :half], draws[:, -half:]])
        both = (halves, np.abs(halves - np.median(halves)))
        found[name] = max(_r_hat(each) for each in both)
    return found


def _r_hat(halves: Float64Array) -> float:
    """Of draws (n_halves, n) after their ranks are made normal."""
    ranks = rankdata(halves, axis=None).reshape(halves.shape)
    z = ndtri((ranks - 0.375) / (halves.size + 0.25))
    within, n = z.var(axis=1, ddof=1).mean(), z.shape[1]
    between = n * z.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / max(within, 1e-300)))
