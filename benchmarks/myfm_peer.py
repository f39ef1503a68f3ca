"""myFM's Gibbs sampler for factorisation machines, the peer of `bayes_speed`: given the same arrays and information.

myFM (https://github.com/tohtsky/myFM) is written in C++ with Eigen and trains on one thread; there is no option for
more. It draws from the posterior of

    r = w0 + sum_f w_f x_f + sum_(f < g) (v_f . v_g) x_f x_g + noise

and keeps all draws, which a prediction then runs through. With these features x of a rating, in relation blocks that
spare it to repeat them, it knows what `penchant.Bayes()` knows; its documentation calls it SVD++, "flipped" for the
items' side:

    user block    one-hot user, and 1 / sqrt(n) for each of the n items that the user has rated
    item block    one-hot item, and 1 / sqrt(n) for each of the n users who have rated it
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.judging import clipped_rmse

if TYPE_CHECKING:
    from myfm import MyFMRegressor, RelationBlock
    from scipy.sparse import csr_matrix

    from penchant.arrays.types import Int32Array
    from penchant.data.ratings import Ratings, Split

__all__ = ["Peer", "PeerSize", "is_installed", "tuned"]


@dataclass(frozen=True)
class PeerSize:
    """How large a run is.

    Attributes:
        n_factors: rank.
        n_draws: iterations that are kept.
        n_burn: iterations before them that are not.
        grouped: whether users, items, and the two kinds of implicit features have priors of their own, as in myFM's
            examples, or all one prior, as by default.
    """

    n_factors: int
    n_draws: int
    n_burn: int
    grouped: bool = True

    def to_dict(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


class Peer:
    """myFM on one split: blocks are made beforehand, outside of any clock.

    Args:
        split: what to learn from, and what to predict.
    """

    def __init__(self, split: Split) -> None:
        train, test = split
        self._groups = [train.n_users, train.n_items, train.n_items, train.n_users]
        users = _features(train.user_idx, train.item_idx, train.n_users, train.n_items)
        items = _features(train.item_idx, train.user_idx, train.n_items, train.n_users)
        self._train, self._test = _blocks(train, users, items), _blocks(test, users, items)
        self._target, self._held_out = train.rating.astype(np.float64), test

    def fit(self, size: PeerSize) -> Callable[[], MyFMRegressor]:
        """Work for `timing.alternate`: train, with its own seed and priors."""
        from myfm import MyFMRegressor

        def work() -> MyFMRegressor:
            with _silence():
                return MyFMRegressor(rank=size.n_factors).fit(
                    None,
                    self._target,
                    X_rel=self._train,
                    n_iter=size.n_burn + size.n_draws,
                    n_kept_samples=size.n_draws,
                    group_shapes=self._groups if size.grouped else None,
                )

        return work

    def rmse(self, model: MyFMRegressor) -> float:
        """Root mean squared error of the mean over its draws on the held-out part, clipped as penchant's are."""
        return clipped_rmse(model.predict(None, self._test), self._held_out)


def is_installed() -> bool:
    """Whether myFM can be imported."""
    return find_spec("myfm") is not None and find_spec("pkg_resources") is not None


def tuned(inner: Split, *, n_factors: int, n_draws: int = 40, n_burn: int = 20) -> dict[bool, float]:
    """The error on the validation part `inner.test` with one prior a group of features (True), and with one for all."""
    peer = Peer(inner)
    sizes = {grouped: PeerSize(n_factors, n_draws, n_burn, grouped) for grouped in (True, False)}
    return {grouped: peer.rmse(peer.fit(size)()) for grouped, size in sizes.items()}


def _features(rows: Int32Array, others: Int32Array, n_rows: int, n_others: int) -> csr_matrix:
    """One-hot row, and the rows of the other side that it has a rating with, the squares of these adding up to 1."""
    from scipy.sparse import csr_matrix, hstack, identity

    counts = np.maximum(np.bincount(rows, minlength=n_rows), 1)
    implicit = csr_matrix((1 / np.sqrt(counts[rows]), (rows, others)), shape=(n_rows, n_others))
    return hstack([identity(n_rows), implicit], format="csr")


def _blocks(part: Ratings, users: csr_matrix, items: csr_matrix) -> list[RelationBlock]:
    from myfm import RelationBlock

    return [RelationBlock(part.user_idx, users), RelationBlock(part.item_idx, items)]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without its progress bar."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
