"""Recommender from a learner: the same model without torch, with ids at its door."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from penchant._version import __version__
from penchant.arrays.seen_ratings import SeenRatings
from penchant.collab.modules import EmbeddingDotBias, EmbeddingNN
from penchant.collab.solver_learner import SolverLearner, solver_data
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.errors import UnsupportedError
from penchant.fitting.fit import solver_settings
from penchant.models.model import Model, Setting
from penchant.recommender.recommender import Recommender
from penchant.solvers.adam import dot_bias
from penchant.solvers.baselines import baselines
from penchant.solvers.gradient.torch_net import model_of
from penchant.solvers.solver import Epoch, TrainingData, require_finite
from penchant.storage import Snapshot

if TYPE_CHECKING:
    from penchant.collab.learner import Learner

__all__ = ["recommender_of", "vocab_of"]


def recommender_of(learn: Learner) -> Recommender:
    """The work of `Learner.recommender`, see there.

    Args:
        learn: a learner.

    Raises:
        UnsupportedError: its model is written by hand, or it has no training ratings (a loaded one has none).
    """
    if len(learn.dls.train.x) == 0:
        raise UnsupportedError(
            "a recommender needs the training ratings, and this learner was loaded without: make it before export, "
            "and keep it with rec.save('films.penchant')"
        )
    data = solver_data(learn.dls)
    model = _model(learn, data)
    require_finite(Epoch(model, 0.0), len(learn.recorder.history) - 1)
    users, items = (vocab_of(learn, side) for side in ("user", "item"))
    return Recommender(
        Snapshot(
            model=model,
            users=users,
            items=items,
            rating_scale=data.rating_scale,
            user_attributes=Attributes(n_rows=len(users)),
            item_attributes=Attributes(n_rows=len(items)),
            seen=SeenRatings.from_pairs(data.user_idx, data.item_idx, data.rating, data.n_users),
            baselines=baselines(data),
            history=[dict(row) for row in learn.recorder.history],
            solver=_solver(learn),
            training={
                "n_ratings": len(data.rating),
                "seconds": sum(float(row["seconds"] or 0) for row in learn.recorder.history),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "penchant": __version__,
                "interrupted": learn.interrupted,
            },
        )
    )


def vocab_of(learn: Learner, side: str) -> Vocab:
    """The ids of one side, without '#na#'.

    Args:
        learn: a learner.
        side: "user" or "item".
    """
    name = learn.dls.user_name if side == "user" else learn.dls.item_name
    return Vocab(list(learn.dls.classes[name])[1:], kind=side)


def _model(learn: Learner, data: TrainingData) -> Model:
    if isinstance(learn, SolverLearner) and learn.solved is not None:
        return learn.solved
    module = learn.model
    if type(module) is EmbeddingDotBias:
        return _dot(module, data)
    if type(module) is EmbeddingNN:
        return model_of(module, skip=1)
    raise UnsupportedError(
        f"{type(module).__name__} is written by hand: a recommender can hold EmbeddingDotBias and EmbeddingNN"
    )


def _dot(module: EmbeddingDotBias, data: TrainingData) -> Model:
    """The four tables without the row of '#na#'; rows without ratings stay what the module has."""
    tables = {name: _rows(getattr(module, name)) for name in ("u_weight", "i_weight", "u_bias", "i_bias")}
    factors, biases = (tables["u_weight"], tables["i_weight"]), (tables["u_bias"][:, 0], tables["i_bias"][:, 0])
    span = None if module.y_range is None else (float(module.y_range[0]), float(module.y_range[1]))
    copies = [each.copy() for each in (*factors, *biases)]
    model = dot_bias(copies[0], copies[1], copies[2], copies[3], data, span)
    return replace(
        model, user_factors=factors[0], item_factors=factors[1], user_biases=biases[0], item_biases=biases[1]
    )


def _rows(table: nn.Embedding) -> np.typing.NDArray[np.float32]:
    return np.ascontiguousarray(table.weight.detach().cpu().numpy()[1:]).copy()


def _solver(learn: Learner) -> dict[str, Setting]:
    if isinstance(learn, SolverLearner):
        return solver_settings(learn.solver)
    hypers: dict[str, Setting] = {} if learn.opt is None else dict(learn.opt.hypers[-1])
    return {"name": "collab", "n_epochs": len(learn.recorder.history), "batch_size": learn.dls.train.bs, **hypers}
