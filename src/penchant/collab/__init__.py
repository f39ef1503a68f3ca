"""fastai's names for collaborative filtering, with fastai's defaults and penchant's engine.

    from penchant.collab import *

    stars = pd.read_csv("stars.csv")  # columns: who, what, how many stars
    dls = CollabDataLoaders.from_df(stars, bs=128)
    learn = collab_learner(dls, n_factors=30, y_range=(0.5, 5.5))
    learn.fit_one_cycle(5, 5e-3, wd=0.1)

The names below are all that a star import brings. Importing also gives tensors the method `pca`. What is the same as
in fastai and what is better is told in docs/coming-from-fastai.md.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}: penchant.collab needs torch: pip install 'penchant[torch]'", name=error.name
    ) from error
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name in every notebook

from penchant.collab import absent as _absent
from penchant.collab.data.categories import Classes
from penchant.collab.data.loaders import CollabDataLoaders, DataLoader, default_device
from penchant.collab.data.untar import URLs, untar_data
from penchant.collab.display.recorder import Recorder
from penchant.collab.files.learner_file import load_learner
from penchant.collab.fits.callbacks import (
    Callback,
    CancelEpochException,
    CancelFitException,
    CancelTrainException,
    CancelValidException,
    TerminateOnNaNCallback,
)
from penchant.collab.fits.lr_find import SuggestionMethod, minimum, slide, steep, valley
from penchant.collab.fits.optimiser import Adam
from penchant.collab.fits.trackers import EarlyStoppingCallback, ReduceLROnPlateau, SaveModelCallback
from penchant.collab.later import Later
from penchant.collab.learner import Learner
from penchant.collab.losses import AccumMetric, L1LossFlat, MSELossFlat, mae, mse, rmse
from penchant.collab.modules import (
    Embedding,
    EmbeddingDotBias,
    EmbeddingNN,
    Module,
    emb_sz_rule,
    get_emb_sz,
    tabular_config,
)
from penchant.collab.start import collab_learner
from penchant.collab.tensors import L, one_hot, pca, set_seed, tensor
from penchant.errors import UnsupportedError as _UnsupportedError
from penchant.solvers.gradient.net_layers import LinBnDrop, SigmoidRange, sigmoid_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AccumMetric",
    "Adam",
    "Callback",
    "CancelEpochException",
    "CancelFitException",
    "CancelTrainException",
    "CancelValidException",
    "Classes",
    "CollabDataLoaders",
    "DataLoader",
    "EarlyStoppingCallback",
    "Embedding",
    "EmbeddingDotBias",
    "EmbeddingNN",
    "F",
    "L",
    "L1LossFlat",
    "Learner",
    "LinBnDrop",
    "MSELossFlat",
    "Module",
    "Path",
    "Recorder",
    "ReduceLROnPlateau",
    "SaveModelCallback",
    "SigmoidRange",
    "SuggestionMethod",
    "Tensor",
    "TerminateOnNaNCallback",
    "URLs",
    "collab_learner",
    "default_device",
    "emb_sz_rule",
    "get_emb_sz",
    "load_learner",
    "mae",
    "minimum",
    "mse",
    "nn",
    "np",
    "one_hot",
    "partial",
    "pd",
    "plt",
    "rmse",
    "set_seed",
    "sigmoid_range",
    "slide",
    "steep",
    "tabular_config",
    "tensor",
    "torch",
    "untar_data",
    "valley",
]

# Each is a third of a second, which an import can do without.
plt = Later("matplotlib.pyplot", "torch")
if not TYPE_CHECKING:
    pd = sys.modules.get("pandas") or Later("pandas")
torch.Tensor.pca = pca  # type: ignore[attr-defined]  # as in fastai: `table.pca(3)`


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Say what to use in the place of a name of fastai.

        Raises:
            UnsupportedError: for such a name, in an import, too: an AttributeError would lose its words there.
            AttributeError: for every other name.
        """
        if name in _absent.MODULE:
            raise _UnsupportedError(f"penchant.collab has no {name}: {_absent.MODULE[name]}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
