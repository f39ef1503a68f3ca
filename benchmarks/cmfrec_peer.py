"""cmfrec's alternating least squares, the peer of `als_speed`: given the same arrays, at its best setting.

cmfrec (https://github.com/david-cortes/cmfrec) is written in C with OpenMP and BLAS, and solves each row's factors and
bias together, as penchant does. It lowers

    sum (r - mu - b_u - b_i - p_u . q_i)^2 + lambda (|P|^2 + |Q|^2) + lambda_bias (|b_u|^2 + |b_i|^2)

with `scale_lam`, each row's penalty times its number of ratings (`scale_bias_const`: except that of the bias).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.judging import clipped_rmse

if TYPE_CHECKING:
    from cmfrec import CMF

    from penchant.data.ratings import Ratings, Split

__all__ = ["PeerSettings", "fit_peer", "is_installed", "peer_rmse", "tuned"]

_PLAIN = (7.5, 10.0, 15.0, 20.0, 30.0)
_SCALED = (0.03, 0.05, 0.07, 0.1, 0.14)
_BIAS_SHARES = (0.1, 0.25, 0.5, 2.0)


@dataclass(frozen=True)
class PeerSettings:
    """The settings of cmfrec that are chosen for it; the rest is as in penchant's run.

    Attributes:
        penalty: lambda of the factors.
        bias_share: lambda of the biases as a share of it.
        scale_lam, scale_bias_const: as in cmfrec.
        use_cg: conjugate gradients (cmfrec's default) or Cholesky.
    """

    penalty: float = 10.0
    bias_share: float = 1.0
    scale_lam: bool = False
    scale_bias_const: bool = False
    use_cg: bool = True

    def to_dict(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def is_installed() -> bool:
    """Whether cmfrec can be imported."""
    return find_spec("cmfrec") is not None


def fit_peer(
    train: Ratings, settings: PeerSettings, *, n_factors: int, n_epochs: int, n_threads: int
) -> Callable[[], CMF]:
    """Work for `timing.alternate`: train cmfrec on what it likes best, a sparse float32 matrix made beforehand.

    What it does by default only for later predictions on new users is switched off: penchant does not do it either.
    """
    from cmfrec import CMF
    from scipy.sparse import coo_matrix

    ratings = coo_matrix((train.rating, (train.user_idx, train.item_idx)), shape=(train.n_users, train.n_items))
    bias = settings.penalty * settings.bias_share

    def fit() -> CMF:
        model = CMF(
            k=n_factors,
            lambda_=np.array([bias, bias, *[settings.penalty] * 4]),  # user bias, item bias, P, Q, two unused
            method="als",
            use_cg=settings.use_cg,
            scale_lam=settings.scale_lam,
            scale_bias_const=settings.scale_bias_const,
            niter=n_epochs,
            nthreads=n_threads,
            use_float=True,
            finalize_chol=False,
            precompute_for_predictions=False,
            verbose=False,
        )
        return model.fit(ratings)

    return fit


def peer_rmse(model: CMF, test: Ratings) -> float:
    """Root mean squared error of cmfrec's predictions, clipped as penchant's are."""
    return clipped_rmse(model.predict(test.user_idx, test.item_idx), test)


def tuned(inner: Split, *, n_factors: int, n_epochs: int, n_threads: int) -> tuple[PeerSettings, float]:
    """The settings with the lowest error on the validation part `inner.test`, and that error.

    Both forms of the penalty, five strengths of each, then the share of the biases; with conjugate gradients, whose
    error does not change from run to run (with Cholesky it does, by some thousandths).
    """

    def error(settings: PeerSettings) -> float:
        fit = fit_peer(inner.train, settings, n_factors=n_factors, n_epochs=n_epochs, n_threads=n_threads)
        return peer_rmse(fit(), inner.test)

    errors: dict[PeerSettings, float] = {}
    for scaled, strengths in ((False, _PLAIN), (True, _SCALED)):
        form = {PeerSettings(penalty, scale_lam=scaled): 0.0 for penalty in strengths}
        form = {settings: error(settings) for settings in form}
        strongest = min(form, key=form.__getitem__)
        errors |= form | {settings: error(settings) for settings in _with_biases(strongest)}
    best = min(errors, key=errors.__getitem__)
    return best, errors[best]


def _with_biases(settings: PeerSettings) -> Iterator[PeerSettings]:
    for share in _BIAS_SHARES:
        yield replace(settings, bias_share=share)
        if settings.scale_lam:
            yield replace(settings, bias_share=share, scale_bias_const=True)
