"""What Bayes takes of time and memory on 20 million ratings, beside ml-1m: seconds a draw, and the peak of memory.

    python -m benchmarks.bayes_scale [--draws 100] [--ratings 20000000]

The large table is generated (138,000 users, 27,000 items, popularity and diligence by power laws, ratings from 0.5 to 5
of a known model with noise); its size is that of MovieLens-20M. Both trainings are `penchant.fit` with 16 factors and
implicit features, each in a fresh process, in turn. A draw is one sweep of one chain: all rows of both sides, their
priors, and adding it to the mean. Its time is what the epochs of kept draws took on the clock, as `rec.history` tells
it, over the number of their draws (chains run side by side on all threads). Burn-in and set-up are kept apart. With
another `--draws` a draw's time is still measured, on that many of them, and nothing is extrapolated; at least 40, since
the mean of the draws is compressed only every few draws.

Targets: a draw costs at most 25 times a draw of ml-1m; the process peaks below 4 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

import penchant as pt
from benchmarks.reporting import environment, markdown, run, write_results
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.data.vocab import Vocab

N_USERS, N_ITEMS, N_RATINGS = 138_000, 27_000, 20_000_000
_LEAST_RATINGS = 20  # of a user
_DRAWS = 100
_LEAST_DRAWS = 40
_USERS_AT_ONCE = 4_096
_N_FACTORS = 16
_ROUNDS_PER_EPOCH = 5  # of all chains, in what Bayes reports
_TRUE_FACTORS = 8
_TARGET_RATIO, _TARGET_GB = 25.0, 4.0

# What each process runs: the name of the data, the number of draws, the number of ratings if it is generated.
_PROGRAM = """
import json, sys
from benchmarks.bayes_scale import measured
print(json.dumps(measured(sys.argv[1], n_draws=int(sys.argv[2]), n_ratings=int(sys.argv[3]))))
"""


def main() -> None:
    """Train on both, each in a process of its own, print a table, keep the numbers."""
    started = environment()
    asked = _arguments()
    names = ("ml-1m", "generated")
    results = {name: _fresh_process(name, asked.draws, asked.ratings) for name in names}
    small, large = (results[name]["draw_s"] for name in names)
    rows = [_row(name, result) for name, result in results.items()]
    head = ["data", "users", "items", "ratings", "s a draw", "set-up s", "all s", "table MB", "peak MB", "train RMSE"]
    print(markdown(head, rows))
    print(f"\n{asked.draws} draws kept, {_N_FACTORS} factors, implicit features of both sides.")
    print(f"a draw: {large / small:.1f} times that of ml-1m (target {_TARGET_RATIO:g})")
    print(f"peak: {results['generated']['peak_bytes'] / 1e9:.2f} GB (target {_TARGET_GB:g})")
    if asked.ratings == N_RATINGS:
        write_results("bayes_scale", {"draw_ratio": round(large / small, 2), **results}, started)


def measured(name: str, *, n_draws: int, n_ratings: int) -> dict[str, Any]:
    """Train on ml-1m or on a generated table in this process, and say what it took.

    Args:
        name: "ml-1m" or "generated".
        n_draws: draws that are kept; one round of the chains more if they do not divide.
        n_ratings: of the generated table.
    """
    pt.fit(pt.load_dataset("sample"), pt.Bayes(n_draws=4, n_burn=1))  # compiles
    ratings = pt.load_dataset(name) if name == "ml-1m" else generated(n_ratings)
    base = _peak()
    solver = pt.Bayes(n_factors=_N_FACTORS, n_draws=n_draws)
    began = time.perf_counter()
    rec = pt.fit(ratings, solver)
    seconds = time.perf_counter() - began
    per_epoch = _ROUNDS_PER_EPOCH * solver.n_chains
    burned = solver.n_burn // _ROUNDS_PER_EPOCH
    epochs = rec.history["time"].to_numpy()
    draws = -(-n_draws // solver.n_chains) * solver.n_chains
    burn_draw = statistics.median(epochs[1:burned] / per_epoch)
    return {
        "n_users": ratings.n_users,
        "n_items": ratings.n_items,
        "n_ratings": len(ratings),
        "draws_measured": draws,
        "draw_s": float(epochs[burned:].sum() / draws),
        "burn_in_draw_s": burn_draw,
        "set_up_s": float(max(0.0, epochs[0] - per_epoch * burn_draw)),
        "fit_s": seconds,
        "table_bytes": sum(a.nbytes for a in (ratings.user_idx, ratings.item_idx, ratings.rating)),
        "peak_before_fit_bytes": base,
        "peak_bytes": _peak(),
        "train_rmse": float(np.sqrt(rec.history["train_loss"].iloc[-1])),
        "solver": repr(solver),
    }


def generated(n_ratings: int = N_RATINGS, seed: int = 0) -> pt.Ratings:
    """A table of distinct pairs; users in order. Fewer ratings come with fewer users and items in proportion."""
    share = n_ratings / N_RATINGS
    n_users, n_items = max(50, round(N_USERS * share)), max(500, round(N_ITEMS * min(1, 2 * share)))
    rng = np.random.default_rng(seed)
    counts = _diligence(rng, n_users, n_ratings)
    popularity = np.cumsum((np.arange(n_items) + 30.0) ** -1.1)
    user_idx, item_idx = np.empty(n_ratings, np.int32), np.empty(n_ratings, np.int32)
    rating = np.empty(n_ratings, np.float32)
    truth = _Truth(rng, n_users, n_items)
    filled = 0
    for first in range(0, n_users, _USERS_AT_ONCE):
        users, items = _pairs(rng, first, counts[first : first + _USERS_AT_ONCE], popularity)
        part = slice(filled, filled + len(users))
        user_idx[part], item_idx[part], rating[part] = users, items, truth.rate(rng, users, items)
        filled += len(users)
    ids = [Vocab(np.arange(n), kind=kind) for n, kind in ((n_users, "user"), (n_items, "item"))]
    return pt.Ratings(user_idx, item_idx, rating, ids[0], ids[1], (0.5, 5.0))


class _Truth:
    """Biases and factors that ratings are made of."""

    def __init__(self, rng: np.random.Generator, n_users: int, n_items: int) -> None:
        self._bias = [_normal(rng, 0.4, n) for n in (n_users, n_items)]
        self._factors = [_normal(rng, 0.4, n, _TRUE_FACTORS) for n in (n_users, n_items)]

    def rate(self, rng: np.random.Generator, users: Int32Array, items: Int32Array) -> Float32Array:
        """Half stars with noise."""
        score = 3.5 + self._bias[0][users] + self._bias[1][items] + _normal(rng, 0.8, len(users))
        score += np.einsum("nk,nk->n", self._factors[0][users], self._factors[1][items])
        return (np.round(2 * score) / 2).clip(0.5, 5).astype(np.float32)


def _normal(rng: np.random.Generator, deviation: float, *shape: int) -> Float32Array:
    return np.float32(deviation) * rng.standard_normal(shape, dtype=np.float32)


def _diligence(rng: np.random.Generator, n_users: int, n_ratings: int) -> Int64Array:
    """How many ratings each user has: at least twenty, a few have thousands."""
    weights = rng.pareto(1.6, n_users) + 0.1
    weights = np.minimum(weights, 60 * weights.mean())
    return _LEAST_RATINGS + rng.multinomial(n_ratings - _LEAST_RATINGS * n_users, weights / weights.sum())


def _pairs(
    rng: np.random.Generator, first: int, counts: Int64Array, popularity: Float64Array
) -> tuple[Int32Array, Int32Array]:
    """Distinct pairs of users from `first` on with items drawn by popularity, as many as `counts` add up to."""
    n_items, wanted = len(popularity), int(counts.sum())
    users = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < wanted:
        drawn = np.searchsorted(popularity, rng.random(len(users)) * popularity[-1])
        pairs = np.unique(np.concatenate([pairs, users * n_items + drawn]))
    kept = np.sort(rng.permutation(pairs)[:wanted])
    return (first + kept // n_items).astype(np.int32), (kept % n_items).astype(np.int32)


def _peak() -> int:
    """The peak of this process's resident memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _fresh_process(name: str, n_draws: int, n_ratings: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _PROGRAM, name, str(n_draws), str(n_ratings)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _row(name: str, result: dict[str, Any]) -> list[str]:
    return [
        name,
        *(f"{result[key]:,}" for key in ("n_users", "n_items", "n_ratings")),
        f"{result['draw_s']:.3f}",
        *(f"{result[key]:.1f}" for key in ("set_up_s", "fit_s")),
        *(f"{result[key] / 1e6:,.0f}" for key in ("table_bytes", "peak_bytes")),
        f"{result['train_rmse']:.4f}",
    ]


def _arguments() -> argparse.Namespace:
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bayes_scale", description=lines[0])
    parser.add_argument("--draws", type=int, default=_DRAWS, help=f"draws that are kept and timed (default {_DRAWS})")
    parser.add_argument(
        "--ratings", type=int, default=N_RATINGS, help="ratings of the generated table (default 20,000,000)"
    )
    asked = parser.parse_args()
    if asked.draws < _LEAST_DRAWS:
        parser.error(f"--draws {asked.draws}: at least {_LEAST_DRAWS}")
    return asked


if __name__ == "__main__":
    run(main)
