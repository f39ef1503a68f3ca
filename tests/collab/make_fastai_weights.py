"""Write the files that tests/collab/test_weights.py reads: learners as fastai saves them, and what they predict.

Run by hand where fastai is installed (it is no dependency of this project), from the root of the repository:

    python tests/collab/make_fastai_weights.py

The ratings are invented. Kept beside the weights: predictions for the first rows, as fastai makes them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

FOLDER = Path(__file__).resolve().parent.parent / "files"


def ratings() -> pd.DataFrame:
    """400 invented ratings of 12 users for 20 films."""
    rng = np.random.default_rng(4)
    user, film = rng.integers(0, 12, 400), rng.integers(0, 20, 400)
    rating = np.clip(np.round(3 + 0.1 * (film - 10) + rng.normal(0, 0.7, 400)), 1, 5).astype(int)
    return pd.DataFrame({"user": user, "title": [f"film {number:02d}" for number in film], "rating": rating})


def main() -> None:
    """Train both models a little, each with its optimiser's state, and save them."""
    warnings.filterwarnings("ignore")
    from fastai.collab import CollabDataLoaders, collab_learner

    for kind, arguments in {"dot": {"n_factors": 3}, "nn": {"use_nn": True, "layers": [6, 4]}}.items():
        torch.manual_seed(0)
        dls = CollabDataLoaders.from_df(ratings(), bs=32, seed=7)
        learn = collab_learner(dls, y_range=(0, 5.5), wd=0.1, **arguments)
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(2, 5e-3)
        learn.path, learn.model_dir = FOLDER.parent, FOLDER.name
        learn.save(f"fastai-{kind}")
        x = torch.cartesian_prod(torch.arange(13), torch.arange(21))
        with torch.no_grad():
            predictions = learn.model.eval()(x).reshape(-1)
        np.save(FOLDER / f"fastai-{kind}.npy", predictions.numpy())


if __name__ == "__main__":
    main()
