"""penchant learns what people like from the ratings they give.

    import penchant as pt

    ratings = pt.load_dataset("sample")            # or pt.read_ratings("ratings.csv")
    train, test = ratings.split(test_size=0.2, rng=42)
    rec = pt.fit(train)
    rec.evaluate(test)                             # beside the baselines
    rec.recommend(user_id=7, n=10)

The names below are all that is public; each is imported when it is first asked for, so that `import penchant` is
quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from penchant._version import __version__

if TYPE_CHECKING:
    from penchant import datasets, errors, metrics, splits
    from penchant.data.choices import Choices, read_choices
    from penchant.data.ratings import Ratings, read_ratings
    from penchant.datasets import load_dataset
    from penchant.errors import PenchantError
    from penchant.fitting.cross_validation import compare, cross_validate
    from penchant.fitting.fit import fit
    from penchant.recommender.recommender import Recommender, load
    from penchant.solvers.adam import Adam
    from penchant.solvers.als import ALS
    from penchant.solvers.bayes import Bayes
    from penchant.solvers.choice.choice_als import ChoiceALS
    from penchant.solvers.choice.choice_bayes import ChoiceBayes
    from penchant.solvers.choice.ease import EASE
    from penchant.solvers.choice.mix import ChoiceMix
    from penchant.solvers.neural import NeuralNet

__all__ = [
    "ALS",
    "EASE",
    "Adam",
    "Bayes",
    "ChoiceALS",
    "ChoiceBayes",
    "ChoiceMix",
    "Choices",
    "NeuralNet",
    "PenchantError",
    "Ratings",
    "Recommender",
    "__version__",
    "compare",
    "cross_validate",
    "datasets",
    "errors",
    "fit",
    "load",
    "load_dataset",
    "metrics",
    "read_choices",
    "read_ratings",
    "splits",
]

_HOMES = {
    "ALS": "penchant.solvers.als",
    "Adam": "penchant.solvers.adam",
    "Bayes": "penchant.solvers.bayes",
    "ChoiceALS": "penchant.solvers.choice.choice_als",
    "ChoiceBayes": "penchant.solvers.choice.choice_bayes",
    "ChoiceMix": "penchant.solvers.choice.mix",
    "Choices": "penchant.data.choices",
    "EASE": "penchant.solvers.choice.ease",
    "NeuralNet": "penchant.solvers.neural",
    "PenchantError": "penchant.errors",
    "Ratings": "penchant.data.ratings",
    "Recommender": "penchant.recommender.recommender",
    "compare": "penchant.fitting.cross_validation",
    "cross_validate": "penchant.fitting.cross_validation",
    "fit": "penchant.fitting.fit",
    "load": "penchant.recommender.recommender",
    "load_dataset": "penchant.datasets",
    "read_choices": "penchant.data.choices",
    "read_ratings": "penchant.data.ratings",
}
_MODULES = ("datasets", "errors", "metrics", "splits")


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(f"penchant.{name}")
    else:
        raise AttributeError(f"module 'penchant' has no attribute {name!r}")
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
