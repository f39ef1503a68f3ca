"""One training through fastai's names, by fastai or by penchant, in a process of its own: a JSON line of what came out.

    PYTHON -P benchmarks/collab_trainings.py --library fastai --ratings ratings.csv --setup lecture_dot

`PYTHON` has the library; this file imports nothing of the project, so that an environment with fastai alone can run
it. All but the library is the same: the calls below, the table of ratings, the seeds. `ratings.csv` has the columns
user, movie, rating and title.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from penchant.collab import CollabDataLoaders, Learner

__all__ = ["SETUPS", "Setup"]

# What the lecture and the book import; penchant.collab alone has the names of both.
_MODULES = {"fastai": ("fastai.tabular.all", "fastai.collab"), "penchant": ("penchant.collab",)}


@dataclass(frozen=True)
class Setup:
    """What is trained, and how.

    Attributes:
        data: name of the dataset.
        batch_size: rows of a mini-batch.
        n_epochs: as many as where it comes from; the first is not counted by clocks.
        one_cycle: `fit_one_cycle(n_epochs, 5e-3, wd=0.1)`, as in the book, or plain `fit(n_epochs)`.
        learner: makes the learner from the library's names and the data.
        what: in words, for tables.
    """

    data: str
    batch_size: int
    n_epochs: int
    one_cycle: bool
    learner: Callable[[SimpleNamespace, CollabDataLoaders], Learner]
    what: str


def main() -> None:
    """Train once, print seconds and losses of every epoch."""
    options = _options()
    setup = SETUPS[options.setup]
    n_epochs = options.epochs or setup.n_epochs
    names = names_of(options.library, options.threads)
    learn = setup.learner(names, loaders(names, options, setup.batch_size))
    epoch_seconds, fit_seconds = timed_fit(learn, setup, n_epochs)
    train_loss, valid_loss = zip(*([float(loss) for loss in row[:2]] for row in learn.recorder.values), strict=True)
    outcome = {
        "library": options.library,
        "setup": options.setup,
        "split_seed": options.split_seed,
        "seed": options.seed,
        "threads": options.threads,
        "fit_seconds": round(fit_seconds, 4),
        "epoch_seconds": [round(seconds, 5) for seconds in epoch_seconds],
        "train_loss": [round(loss, 6) for loss in train_loss],
        "valid_loss": [round(loss, 6) for loss in valid_loss],
    }
    print(json.dumps(outcome), flush=True)


def names_of(library: str, threads: int) -> SimpleNamespace:
    """What `from LIBRARY.collab import *` gives, on so many threads."""
    import_module("torch").set_num_threads(threads)
    found: dict[str, object] = {}
    for module in map(import_module, _MODULES[library]):
        listed = getattr(module, "__all__", vars(module))
        found |= {name: getattr(module, name) for name in listed}
    return SimpleNamespace(**found)


def loaders(names: SimpleNamespace, options: argparse.Namespace, batch_size: int) -> CollabDataLoaders:
    """Both parts of the ratings. The split has a seed of its own; `seed` is that of the order and the first weights.

    fastai 2.8 (since its pull request 3995) draws the rows of an epoch with replacement, so that it sees 63 % of them,
    some twice or more, and ends at a higher loss. Its former loader, which it still has, gives each row once.
    """
    ratings = import_module("pandas").read_csv(options.ratings)
    names.set_seed(options.seed)  # fastai takes the order of the batches from here, when loaders are made
    how = {"dl_type": names.TabDataLoader} if options.each_row_once else {}
    dls = names.CollabDataLoaders.from_df(ratings, bs=batch_size, item_name="title", seed=options.split_seed, **how)
    names.set_seed(options.seed)  # the split has seeded torch, where weights come from
    return dls


def timed_fit(learn: Learner, setup: Setup, n_epochs: int) -> tuple[list[float], float]:
    """Seconds of each epoch (the first with what comes before it) and of the whole call.

    Without the progress bar, which takes time. The clock is the learner's logger, which is called after each epoch:
    a callback would be asked a dozen times a batch, at the learner's cost.
    """
    stamps = [time.perf_counter()]
    with learn.no_bar():
        learn.logger = lambda _: stamps.append(time.perf_counter())
        if setup.one_cycle:
            learn.fit_one_cycle(n_epochs, 5e-3, wd=0.1)
        else:
            learn.fit(n_epochs)
    ended = time.perf_counter()
    if len(stamps) != n_epochs + 1:
        raise RuntimeError(f"{len(stamps) - 1} epochs were logged, not {n_epochs}")
    return [after - before for before, after in pairwise(stamps)], ended - stamps[0]


def _lecture_dot(names: SimpleNamespace, dls: CollabDataLoaders) -> Learner:
    return names.collab_learner(dls, n_factors=10, y_range=(0, 5))


def _book_dot(names: SimpleNamespace, dls: CollabDataLoaders) -> Learner:
    return names.collab_learner(dls, n_factors=50, y_range=(0, 5.5))


def _lecture_neural(names: SimpleNamespace, dls: CollabDataLoaders) -> Learner:
    return names.collab_learner(dls, use_nn=True, y_range=(0, 5), layers=[20, 10])


def _book_module(names: SimpleNamespace, dls: CollabDataLoaders) -> Learner:
    """A dot product with biases of plain parameters, in the range of stars: a module that is written by hand."""
    torch = import_module("torch")

    class ByHand(names.Module):
        def __init__(self, n_rows: dict[str, int], n_factors: int) -> None:
            for side, n in n_rows.items():
                for part, shape in (("factors", (n, n_factors)), ("bias", (n,))):
                    start = torch.zeros(*shape).normal_(0, 0.01)
                    setattr(self, f"{part}_of_{side}", torch.nn.Parameter(start))

        def forward(self, x: Tensor) -> Tensor:
            viewer, film = x[:, 0], x[:, 1]
            match = (self.factors_of_viewers[viewer] * self.factors_of_films[film]).sum(dim=1)
            return names.sigmoid_range(match + self.bias_of_viewers[viewer] + self.bias_of_films[film], 0, 5.5)

    n_rows = {"viewers": len(dls.classes["user"]), "films": len(dls.classes["title"])}
    return names.Learner(dls, ByHand(n_rows, 50), loss_func=names.MSELossFlat())


SETUPS = {
    "lecture_dot": Setup("ml-100k", 64, 13, False, _lecture_dot, "lecture's dot model, 10 factors"),
    "book_dot": Setup("ml-100k", 64, 5, True, _book_dot, "book's dot model, 50 factors"),
    "lecture_neural": Setup("ml-100k", 64, 8, False, _lecture_neural, "lecture's neural model"),
    "book_module": Setup("ml-100k", 64, 5, True, _book_module, "module by hand, 50 factors"),
    "ml1m_dot": Setup("ml-1m", 1024, 3, False, _book_dot, "dot model on ml-1m, 50 factors"),
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--library", required=True, choices=sorted(_MODULES))
    parser.add_argument("--ratings", required=True, help="CSV file with the columns user, movie, rating, title")
    parser.add_argument("--setup", required=True, choices=list(SETUPS))
    parser.add_argument("--epochs", type=int, default=0, help="default: those of the set-up")
    parser.add_argument("--seed", type=int, default=42, help="of first weights and order")
    parser.add_argument("--split-seed", type=int, default=42)
    parser.add_argument("--each-row-once", action="store_true", help="fastai only: permute rows, as before its 2.8")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
