"""collab_learner: a learner for collaborative filtering, of data loaders alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penchant.checks import is_whole, require
from penchant.collab.learner import Learner
from penchant.collab.losses import MSELossFlat
from penchant.collab.modules import EmbeddingDotBias, EmbeddingNN, get_emb_sz
from penchant.errors import ParameterError
from penchant.solvers.gradient.sigmoid_range import require_y_range

if TYPE_CHECKING:
    from penchant.collab.data.loaders import CollabDataLoaders
    from penchant.collab.fits.epoch import Loss
    from penchant.solvers.solver import Solver

__all__ = ["collab_learner"]

_N_FACTORS = 50


def collab_learner(
    dls: CollabDataLoaders,
    n_factors: int = _N_FACTORS,
    use_nn: bool = False,
    emb_szs: Mapping[str, int] | None = None,
    layers: Sequence[int] | None = None,
    config: Mapping[str, Any] | None = None,
    y_range: tuple[float, float] | None = None,
    loss_func: Loss | None = None,
    solver: Solver | str | None = None,
    **kwargs: Any,
) -> Learner:
    """A learner with a model of two tables: a dot product of factors plus biases, or a neural one.

    Args:
        dls: data loaders.
        n_factors: columns of the factors (default 50).
        use_nn: the neural model, `EmbeddingNN` (default False).
        emb_szs: width of the neural model's embeddings by the name of their column; None (default) for a rule of thumb.
        layers: neurons of its hidden layers; None (default) for one of `n_factors`.
        config: other arguments of `EmbeddingNN`, as `tabular_config` gives them (default none); it stays as it is.
        y_range: (lo, hi) of a sigmoid on top; None (default) for none.
        loss_func: of predictions and targets; None (default) for `MSELossFlat()`.
        solver: another way to learn the dot product: "bayes", "als", or a solver such as `penchant.Bayes(n_draws=400)`,
            whose own number of factors then counts; None (default) for mini-batches. See `SolverLearner`.
        kwargs: other arguments of `Learner`.

    Raises:
        ParameterError: a value out of its range, or two that contradict each other.
        UnsupportedError: an optimiser or a callback that can't be had here.
    """
    require(is_whole(n_factors, 1), "n_factors", n_factors, "a whole number of at least 1")
    require_y_range(y_range)
    loss_func = MSELossFlat() if loss_func is None else loss_func
    if solver is not None:
        if use_nn or y_range is not None:
            given = "use_nn" if use_nn else "y_range"
            raise ParameterError(
                f"{given} and solver contradict each other: a solver learns the dot product plus biases itself, "
                f"without a sigmoid; leave {given} out"
            )
        from penchant.collab.solver_learner import SolverLearner, made_solver

        return SolverLearner(dls, made_solver(solver, n_factors), loss_func=loss_func, **kwargs)
    if use_nn:
        return Learner(dls, _neural(dls, n_factors, emb_szs, layers, config, y_range), loss_func, **kwargs)
    return Learner(dls, EmbeddingDotBias.from_classes(n_factors, dls.classes, y_range=y_range), loss_func, **kwargs)


def _neural(
    dls: CollabDataLoaders,
    n_factors: int,
    emb_szs: Mapping[str, int] | None,
    layers: Sequence[int] | None,
    config: Mapping[str, Any] | None,
    y_range: tuple[float, float] | None,
) -> EmbeddingNN:
    sizes = dict(emb_szs or {})
    for name, width in sizes.items():
        require(name in dls.classes, "emb_szs", name, f"the columns {' and '.join(map(repr, dls.classes))}")
        require(is_whole(width, 1), f"emb_szs[{name!r}]", width, "a whole number of at least 1")
    neurons = [n_factors] if layers is None else list(layers)
    for width in neurons:
        require(is_whole(width, 1), "layers", layers, "whole numbers of at least 1, such as [20, 10]")
    settings = dict(config or {})
    if y_range is not None:
        settings["y_range"] = y_range
    try:
        return EmbeddingNN(emb_szs=get_emb_sz(dls, sizes), layers=neurons, **settings)
    except TypeError as error:
        raise ParameterError(f"config is {dict(config or {})!r}: {error}") from error
