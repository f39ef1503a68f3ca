"""How long a recommender of MovieLens-1M's size takes to load, each time in a fresh process.

    python -m benchmarks.load_model

6,040 users, 3,706 items with titles, years and genres, a million training ratings, 16 factors with the implicit weights
and spreads that Bayes learns, three baselines; all values are random. A run is a process that imports the reader and
loads the file twice. Reading the same objects with pickle, which runs whatever code a file holds and confirms no
checksum, is shown beside it. Target: 50 ms.
"""

from __future__ import annotations

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reporting import environment, markdown, run, write_results
from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.models.dot_bias import DotBias, RowPrior, Spread
from penchant.storage import Snapshot, save

N_USERS, N_ITEMS, N_RATINGS, N_FACTORS = 6_040, 3_706, 1_000_209, 16
_ROUNDS = 11

_READERS = {
    "penchant": ("from penchant.storage import load", "load(sys.argv[1])"),
    "pickle": ("import pickle, penchant.storage", "pickle.loads(open(sys.argv[1], 'rb').read())"),
}
_COLUMNS = ("import ms", "first load ms", "fastest ms", "slowest ms", "processor ms", "second load ms")
_PROGRAM = """
import json, sys, time
import numpy
start = time.perf_counter()
{imports}
imported, imported_cpu = time.perf_counter(), time.process_time()
{load}
loaded, loaded_cpu = time.perf_counter(), time.process_time()
{load}
again = time.perf_counter()
heavy = sorted(set(sys.modules) & {{"numba", "torch", "pandas", "pyarrow", "scipy", "safetensors"}})
seconds = {{"import": imported - start, "first": loaded - imported, "second": again - loaded}}
print(json.dumps({{**seconds, "first_cpu": loaded_cpu - imported_cpu, "heavy": heavy}}))
"""


def recommender(seed: int = 0) -> Snapshot:
    """A snapshot of the size of MovieLens-1M, of invented values."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(N_USERS * N_ITEMS, size=N_RATINGS, replace=False)
    stars = rng.integers(1, 6, size=N_RATINGS).astype(np.float32)
    genres = [("Drama",), ("Comedy", "Romance"), ("Action", "Adventure", "Sci-Fi"), ("Thriller",)]
    return Snapshot(
        model=_learned(rng),
        users=Vocab(np.arange(1, N_USERS + 1), kind="user"),
        items=Vocab(np.arange(1, N_ITEMS + 1), kind="item"),
        user_attributes=Attributes(
            {"age": rng.integers(10, 80, size=N_USERS), "occupation": _objects("writer" for _ in range(N_USERS))},
            n_rows=N_USERS,
        ),
        item_attributes=Attributes(
            {
                "title": _objects(f"The Fiancée of Number {row} ({1930 + row % 70})" for row in range(N_ITEMS)),
                "year": 1930.0 + np.arange(N_ITEMS) % 70,
                "genres": _objects(genres[row % len(genres)] for row in range(N_ITEMS)),
            },
            n_rows=N_ITEMS,
        ),
        rating_scale=(1.0, 5.0),
        seen=SeenRatings.from_pairs(pairs // N_ITEMS, pairs % N_ITEMS, stars, n_users=N_USERS),
        baselines={name: _model(rng, 0) for name in ("global mean", "item mean", "bias only")},
        solver={"name": "bayes", "n_factors": N_FACTORS, "n_draws": 200, "n_burn": 20},
        history=[{"epoch": epoch, "train_loss": 0.7, "valid_loss": 0.8, "seconds": 0.1} for epoch in range(15)],
        training={"n_ratings": N_RATINGS},
    )


def _model(rng: np.random.Generator, n_factors: int) -> DotBias:
    def normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return rng.normal(size=shape).astype(np.float32)

    prior = RowPrior(np.zeros(n_factors + 1), np.eye(n_factors + 1), 0.5)
    users, items = normal(N_USERS, n_factors), normal(N_ITEMS, n_factors)
    return DotBias(3.58, normal(N_USERS), normal(N_ITEMS), users, items, prior, prior, 1.3)


def _learned(rng: np.random.Generator) -> DotBias:
    """With what `penchant.Bayes()` learns beside the rows: weights of who has rated what, and spreads."""
    model = _model(rng, N_FACTORS)
    weights = {n: rng.normal(size=(n, N_FACTORS + 1)).astype(np.float32) for n in (N_USERS, N_ITEMS)}
    spreads = [rng.uniform(0.5, 2, size=n).astype(np.float32) for n in (N_USERS, N_ITEMS, N_USERS, N_ITEMS)]
    return replace(
        model,
        user_prior=replace(model.user_prior, implicit_weights=weights[N_ITEMS]),
        item_prior=replace(model.item_prior, implicit_weights=weights[N_USERS]),
        spread=Spread(*spreads),
    )


def _objects(values: Iterable[object]) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.fromiter(values, dtype=np.object_)


def main() -> None:
    """Time both readers in turn, print a table, keep the numbers."""
    started = environment()
    snapshot = recommender()
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in _READERS}
        saving = min(_timed(lambda: save(snapshot, paths["penchant"])) for _ in range(3))
        paths["pickle"].write_bytes(pickle.dumps(snapshot, protocol=pickle.HIGHEST_PROTOCOL))
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        rounds = [{name: _fresh_process(name, path) for name, path in paths.items()} for _ in range(_ROUNDS)]
    results = {name: {**_summary([one[name] for one in rounds]), "bytes": sizes[name]} for name in _READERS}
    head = ["reader", "file MB", *_COLUMNS, "packages imported"]
    print(markdown(head, [_row(name, result) for name, result in results.items()]))
    print(f"\nsaving, onto the disk: {1000 * saving:.0f} ms")
    write_results("load_model", {**results, "save_ms": round(1000 * saving, 1)}, started)


def _fresh_process(name: str, path: Path) -> dict[str, Any]:
    imports, load = _READERS[name]
    command = [sys.executable, "-c", _PROGRAM.format(imports=imports, load=load), str(path)]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    median = {name: statistics.median(one[name] for one in runs) for name in ("import", "first", "first_cpu", "second")}
    first = [one["first"] for one in runs]
    shown = (median["import"], median["first"], min(first), max(first), median["first_cpu"], median["second"])
    times = {name: round(1000 * seconds, 1) for name, seconds in zip(_COLUMNS, shown, strict=True)}
    return {"rounds": len(runs), **times, "imports": runs[0]["heavy"]}


def _row(name: str, result: dict[str, Any]) -> list[object]:
    times = [result[column] for column in _COLUMNS]
    return [name, f"{result['bytes'] / 1e6:.1f}", *times, ", ".join(result["imports"]) or "none"]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(main)
