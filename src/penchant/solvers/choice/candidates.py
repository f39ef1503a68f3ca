"""Trained candidates on a validation part, and the mix of them that finds the most of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.solvers.choice.validated import Validated

if TYPE_CHECKING:
    from penchant.solvers.choice.choice_als import ChoiceALS
    from penchant.solvers.choice.held_out_choices import HeldOut

__all__ = ["Candidate", "MixFound", "best_mix", "most_found", "spread_of"]

_SHARES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
_VOICES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 1000.0)
_DOUBT = 0.5  # standard errors that the best may be ahead of what is nearer to popularity
_ALIKE = 1e-4  # gains that differ by less are equal: rounding of another machine decides nothing


class Candidate:
    """Factors that were trained on what was not held out.

    Args:
        reg: the penalty.
        biases: b, shape (n_items,).
        user_factors, item_factors: P of all users, Q.
        users: who are judged.
        learner: what would learn it of all choices; None (default) where the caller knows.

    Attributes:
        reg, learner: see above.
        item_factors: see above; with fewer columns it is a candidate too.
    """

    def __init__(
        self,
        reg: float,
        biases: Float32Array,
        user_factors: Float32Array,
        item_factors: Float32Array,
        users: Int32Array,
        learner: ChoiceALS | None = None,
    ) -> None:
        self.learner = learner
        self.reg, self.biases, self.item_factors = reg, biases, item_factors
        self._rows, self._cross = user_factors[users], _Cross(biases, user_factors, item_factors)

    @property
    def n_factors(self) -> int:
        return int(self.item_factors.shape[1])

    def gains(self, held: HeldOut, n_factors: int | None = None) -> Float64Array:
        """NDCG@100 of each user who is judged, with the first columns or (default None) all of them."""
        return held.gains(self.biases, self._rows[:, :n_factors], self.item_factors[:, :n_factors])

    def in_units(self, weight: float, n_factors: int | None = None) -> tuple[Float32Array, Float32Array, Float32Array]:
        """b, P of the judged and Q, scores times `weight` in units of their spread.

        Args:
            weight: what they count.
            n_factors: as for `gains`.
        """
        scale = np.float32(weight / self._cross.spread(n_factors))
        return scale * self.biases, scale * self._rows[:, :n_factors], self.item_factors[:, :n_factors]


class _Cross:
    """Sums of products from which the spread of scores follows for any number of columns."""

    def __init__(self, biases: Float32Array, user_factors: Float32Array, item_factors: Float32Array) -> None:
        q = item_factors - item_factors.mean(axis=0)
        b = (biases - biases.mean(dtype=np.float64)).astype(np.float64)
        n = max(len(user_factors), 1)
        self._biases, self._n_items = float(b @ b), max(len(b), 1)
        self._linear = user_factors.mean(axis=0, dtype=np.float64) * (b.astype(np.float32) @ q)
        self._square = (user_factors.T @ user_factors).astype(np.float64) / n * (q.T @ q)

    def spread(self, n_factors: int | None = None) -> float:
        total = self._biases + 2 * self._linear[:n_factors].sum() + self._square[:n_factors, :n_factors].sum()
        return float(np.sqrt(max(total / self._n_items, 1e-30)))


def spread_of(biases: Float32Array, user_factors: Float32Array, item_factors: Float32Array) -> float:
    """Standard deviation of b + P Q^T within a user, root mean square over all users.

    Args:
        biases: b, shape (n_items,).
        user_factors, item_factors: P and Q.
    """
    return _Cross(biases, user_factors, item_factors).spread()


def most_found(gains: list[Float64Array]) -> int:
    """Which of some gains has the highest mean; of equals the first.

    Args:
        gains: of each candidate, one number for each user.
    """
    means = np.array([each.mean() if len(each) else 0.0 for each in gains])
    return int(np.flatnonzero(means >= means.max() - _ALIKE)[0])


@dataclass(frozen=True)
class MixFound:
    """What a validation part decided.

    Attributes:
        ease_reg, ease_factors: of EASE; None where there was none.
        factors: the learner of factors; None where there were none, or where the caller knows.
        share: what EASE counts beside the factors, 0 to 1.
        popularity: what popularity counts beside both.
        validated: the scores of the mix there; None where nothing was left to decide.
    """

    ease_reg: float | None
    ease_factors: int | None
    factors: ChoiceALS | None
    share: float
    popularity: float
    validated: Validated | None = None


class _Mixing:
    """Gains of mixes of two lists of candidates, each looked at once."""

    def __init__(self, held: HeldOut, summed: list[Candidate], solved: list[Candidate]) -> None:
        self.held, self.summed, self.solved = held, summed, solved
        popularity = held.rest.popularity
        self._popularity = popularity / np.float32(max(float(popularity.std()), 1e-15))
        self._known: dict[tuple[int, int, int, float, float], Float64Array] = {}

    def gains(self, e: int, n_factors: int, a: int, share: float, voice: float) -> Float64Array:
        at = (e if share > 0 else 0, n_factors if share > 0 else 0, a if share < 1 else 0, share, voice)
        if at not in self._known:
            mix = self.scores(e, n_factors, a, share, voice)
            self._known[at] = self.held.gains(mix.biases, mix.user_factors, mix.item_factors)
        return self._known[at]

    def scores(self, e: int, n_factors: int, a: int, share: float, voice: float) -> Validated:
        """b, P of the judged and Q of a mix."""
        parts = []
        if share > 0:
            parts.append(self.summed[e].in_units(share, n_factors))
        if share < 1:
            parts.append(self.solved[a].in_units(1 - share))
        biases, rows, columns = zip(*parts, strict=True)
        total = voice * self._popularity + sum(biases)
        left, right = np.concatenate(rows, axis=1), np.concatenate(columns, axis=1)
        return Validated(self.held, total.astype(np.float32), left, right)


def best_mix(
    held: HeldOut,
    summed: list[Candidate],
    solved: list[Candidate],
    ranks: list[int],
    shares: tuple[float, ...] | None = None,
    voices: tuple[float, ...] | None = None,
) -> MixFound:
    """The mix that finds the most of a validation part, one setting after the other.

    Both learners alone come first, then what they count, then both again with that. Popularity comes last: of what is
    within half a standard error of the best, the mix with the most popularity is taken, so that a small table, where
    chance decides, stays near the most chosen items.

    Args:
        held: the validation part.
        summed: candidates of EASE, strongest penalty first; may be empty.
        solved: candidates of the factors, strongest penalty first; may be empty if `summed` is not.
        ranks: numbers of columns of EASE to choose from.
        shares: to choose from; None (default) for seven from 0 to 1.
        voices: what popularity may count; None (default) for seven from 0 to 1,000.
    """
    mixing = _Mixing(held, summed, solved)
    shares = _SHARES if shares is None else shares
    shares = shares if summed and solved else ((1.0,) if summed else (0.0,))
    grid = [(e, rank) for e in range(len(summed)) for rank in ranks] or [(0, 0)]
    tried = range(len(solved)) if solved else range(1)
    e = grid[most_found([mixing.gains(*each, 0, 1.0, 0.0) for each in grid])] if summed and max(shares) > 0 else (0, 0)
    a = tried[most_found([mixing.gains(0, 0, each, 0.0, 0.0) for each in tried])] if solved and min(shares) < 1 else 0
    share = shares[most_found([mixing.gains(*e, a, each, 0.0) for each in shares])]
    if 0 < share < 1:
        near = [each for each in grid if each[0] == e[0] or each[1] == e[1]]
        e = near[most_found([mixing.gains(*each, a, share, 0.0) for each in near])]
        a = tried[most_found([mixing.gains(*e, each, share, 0.0) for each in tried])]
        share = shares[most_found([mixing.gains(*e, a, each, 0.0) for each in shares])]
    voice = _voice([mixing.gains(*e, a, share, each) for each in voices or _VOICES], voices or _VOICES)
    return MixFound(
        summed[e[0]].reg if summed else None,
        e[1] if summed else None,
        solved[a].learner if solved else None,
        share,
        voice,
        mixing.scores(*e, a, share, voice) if len(held.users) else None,
    )


def _voice(gains: list[Float64Array], voices: tuple[float, ...]) -> float:
    """The largest voice that is within the doubt of the best."""
    if not len(gains[0]):
        return voices[-1]
    best = gains[int(np.argmax([each.mean() for each in gains]))]
    for each, voice in list(zip(gains, voices, strict=True))[::-1]:
        behind = best - each
        if behind.mean() <= max(_DOUBT * behind.std() / np.sqrt(len(behind)), _ALIKE):
            return voice
    return voices[0]
