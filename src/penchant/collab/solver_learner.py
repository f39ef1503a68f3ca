"""SolverLearner: a `DotBias` learned by one of penchant's solvers, under the table of a learner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch

from penchant.arrays.types import Float32Array
from penchant.checks import is_whole, require
from penchant.collab.fits.callbacks import Callbacks, CancelEpochException, CancelFitException
from penchant.collab.fits.epoch import Interrupts
from penchant.collab.fits.loop import with_events
from penchant.collab.learner import Learner
from penchant.collab.modules import EmbeddingDotBias
from penchant.errors import ParameterError, UnsupportedError
from penchant.models.dot_bias import DotBias
from penchant.models.model import Model
from penchant.solvers.solver import Epoch, Solver, TrainingData

if TYPE_CHECKING:
    from penchant.collab.data.loaders import CollabDataLoaders

__all__ = ["SolverLearner", "made_solver", "solver_data"]

_NAMED = ("bayes", "als")


def made_solver(solver: Solver | str, n_factors: int) -> Solver:
    """A solver of its name, with so many factors; a solver that was made already stays as it is.

    Args:
        solver: "bayes", "als", or a solver.
        n_factors: columns of the factors.

    Raises:
        ParameterError: there is none of this name, or it is none.
    """
    from penchant.fitting.fit import require_solver
    from penchant.solvers.als import ALS
    from penchant.solvers.bayes import Bayes

    if isinstance(solver, str):
        require(solver in _NAMED, "solver", solver, "'bayes', 'als', or a solver such as penchant.Bayes(n_draws=400)")
        return Bayes(n_factors=n_factors) if solver == "bayes" else ALS(n_factors=n_factors)
    require_solver(solver, "solver")
    if not is_whole(getattr(solver, "n_factors", None), 1):
        raise ParameterError(f"{solver!r} learns no factors: use penchant.Bayes() or penchant.ALS()")
    if getattr(solver, "user_features", ()) or getattr(solver, "item_features", ()):
        raise ParameterError(f"{solver!r} wants features, and data loaders have none: use penchant.fit")
    return solver


def solver_data(dls: CollabDataLoaders) -> TrainingData:
    """The training ratings as solvers take them: row numbers without that of '#na#'.

    Args:
        dls: data loaders.

    Raises:
        ParameterError: there are no training ratings.
    """
    if dls.train.y is None or len(dls.train.x) == 0:
        raise ParameterError("there are no ratings to learn from")
    codes = dls.train.x.cpu().numpy()
    rating = dls.train.y.reshape(-1).cpu().numpy().astype(np.float32)
    known = (codes > 0).all(axis=1)  # rows that lack the user or the item
    users, items = ((codes[known, side] - 1).astype(np.int32) for side in (0, 1))
    n_users, n_items = (len(dls.classes[name]) - 1 for name in (dls.user_name, dls.item_name))
    return TrainingData(users, items, rating[known], n_users, n_items, (float(rating.min()), float(rating.max())))


class SolverLearner(Learner):
    """A learner whose `fit` runs a solver of penchant and writes what it learned into an `EmbeddingDotBias`.

    The model's forward pass predicts as the solver's model does: mu is added to the biases of items, and row 0, that
    of '#na#', is what is believed of a row without ratings. `recommender()` gives the solver's model itself, with its
    intervals if it has some. train_loss is the solver's own (of clipped predictions), valid_loss that of the module.

    Args:
        dls: data loaders.
        solver: how to learn.
        kwargs: other arguments of `Learner`.
    """

    def __init__(self, dls: CollabDataLoaders, solver: Solver, **kwargs: Any) -> None:
        n_factors: int = getattr(solver, "n_factors")  # noqa: B009 - a Solver may lack it, see made_solver
        super().__init__(dls, EmbeddingDotBias.from_classes(n_factors, dls.classes), **kwargs)
        self.solver = solver
        self.solved: DotBias | None = None
        self._last: Epoch[Model] | None = None

    def fit(self, n_epoch: int | None = None, *args: object, cbs: Callbacks = None, **kwargs: object) -> None:
        """Run the solver from its start, and show the table of its epochs.

        Args:
            n_epoch: stop after so many; None (default) for all that the solver has.
            args: must be empty: rates and decays are for mini-batches.
            cbs: callbacks of this fit (default none).
            kwargs: must be empty.

        Raises:
            ParameterError: `n_epoch` is less than 1, or there are no training ratings.
            UnsupportedError: an argument that a solver knows nothing of.
        """
        if args or kwargs:
            raise UnsupportedError(
                f"{self.solver.name} has no learning rate, decay or schedule: its hyper-parameters are those of the "
                "solver, as in collab_learner(dls, solver=penchant.Bayes(n_draws=400))"
            )
        require(n_epoch is None or is_whole(n_epoch, 1), "n_epoch", n_epoch, "a whole number of epochs, at least 1")
        data = solver_data(self.dls)
        self.n_epoch = self.solver.n_epochs if n_epoch is None else min(n_epoch, self.solver.n_epochs)
        self.interrupted, self.solved, self._last = False, None, None
        self.recorder.history.clear()  # it starts again
        with self.added_cbs(cbs), Interrupts() as interrupts:
            try:
                with_events(self, "fit", CancelFitException, lambda: self._epochs(data, interrupts), self._finish)
            finally:
                self.progress.close()
        if self.interrupted:
            self.say(f"Interrupted after {len(self.recorder.values)} epochs: the model is that of the last one.")

    def _epochs(self, data: TrainingData, interrupts: Interrupts) -> None:
        epochs = self.solver.epochs(data)
        for number in range(self.n_epoch):
            self.epoch = number
            began = time.perf_counter()
            epoch = next(epochs, None)
            if epoch is None:  # it stopped early by itself
                break
            self._last = epoch
            with_events(self, "epoch", CancelEpochException, lambda: self._take(began))  # noqa: B023 - called at once
            if interrupts.came:
                self.interrupted = True
                break

    def _take(self, began: float) -> None:
        assert self._last is not None
        _write(self.model, _dot(self._last.draft), None)
        self.measured = self.measure(self.dls.valid)
        self.recorder.take(self._last.train_loss, self.measured, began)

    def _finish(self) -> None:
        if self._last is None:
            return
        self.solved = _dot(self._last.model)
        _write(self.model, self.solved, self.solved.with_rows(self.solved.n_users + 1, self.solved.n_items + 1))

    def fit_one_cycle(self, *_: object, **__: object) -> NoReturn:
        """A solver has no schedule: use `fit()`.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"{self.solver.name} has no learning rate: use learn.fit()")

    fit_flat_cos = lr_find = fit_one_cycle


def _dot(model: Model) -> DotBias:
    if not isinstance(model, DotBias):
        raise UnsupportedError(f"the solver learns a model of kind {model.kind}, which is no dot product plus biases")
    return model


def _write(module: object, model: DotBias, grown: DotBias | None) -> None:
    """The model's arrays into the tables of the module, mu into the biases of items, and the cold row into row 0."""
    assert isinstance(module, EmbeddingDotBias)
    tables: Iterator[tuple[str, Float32Array, Float32Array | None]] = (
        (name, getattr(model, ours), None if grown is None else getattr(grown, ours)[-1:])
        for name, ours in (
            ("u_weight", "user_factors"),
            ("i_weight", "item_factors"),
            ("u_bias", "user_biases"),
            ("i_bias", "item_biases"),
        )
    )
    with torch.no_grad():
        for name, rows, cold in tables:
            weight = getattr(module, name).weight
            first = rows.mean(axis=0, keepdims=True) if cold is None else cold
            whole = torch.from_numpy(np.concatenate([first, rows]).astype(np.float32)).reshape(weight.shape)
            weight.copy_(whole + (model.global_mean if name == "i_bias" else 0.0))
