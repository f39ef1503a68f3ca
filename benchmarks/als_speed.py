"""How fast ALS is: seconds an epoch, and side by side with cmfrec's ALS of the same size, with the error of both.

    python -m benchmarks.als_speed

Needs MovieLens-100k and -1M. Targets (medians on two quiet cores): an epoch of ml-1m with 15 factors in at most
120 ms; ten epochs of ml-100k with 10 factors in at most 150 ms; at least 3 times as fast as cmfrec, at a test error
that is as low or lower.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import penchant as pt
from benchmarks import cmfrec_peer
from benchmarks.cmfrec_peer import PeerSettings, fit_peer, peer_rmse, tuned
from benchmarks.judging import last_model, rmse
from benchmarks.reporting import environment, markdown, run, write_results
from benchmarks.timing import alternate, ratio
from penchant.data.ratings import Split
from penchant.fitting.fit import training_data
from penchant.kernels.parallel import available_threads
from penchant.models.dot_bias import DotBias
from penchant.solvers.solver import TrainingData

if TYPE_CHECKING:
    from cmfrec import CMF

_ROUNDS = 7
_SIZES = (("ml-100k", 10), ("ml-1m", 15))


def main() -> None:
    """Run both parts, print their tables, keep the numbers."""
    started = environment()
    splits = {"ml-100k": official_u1(), "ml-1m": pt.load_dataset("ml-1m").split(0.1, rng=0)}
    threads = sorted({1, min(2, available_threads())})
    results: dict[str, object] = {"epochs": epochs(threads)}
    if cmfrec_peer.is_installed():
        results["beside_cmfrec"] = [
            row for name, n_factors in _SIZES for row in beside_cmfrec(name, splits[name], n_factors, threads)
        ]
    write_results("als_speed", results, started)
    if not cmfrec_peer.is_installed():
        sys.exit("the comparison was left out: cmfrec is not installed (pip install 'penchant[bench]')")


def official_u1() -> Split:
    """The official split u1 of ml-100k, 80,000 and 20,000 ratings."""
    return pt.splits.movielens(pt.load_dataset("ml-100k"), "u1")


def epochs(threads: list[int]) -> list[dict[str, object]]:
    """Time of single epochs (both sides solved, model and training loss handed over) and of ten, on all ratings."""
    rows: list[dict[str, object]] = []
    for name, n_factors in _SIZES:
        data = training_data(pt.load_dataset(name))
        for n_threads in threads:
            solver = pt.ALS(n_factors=n_factors, n_epochs=10, n_threads=n_threads)
            run_epochs(solver, data)  # compiles
            runs = [run_epochs(solver, data) for _ in range(_ROUNDS)]
            totals = [sum(wall for wall, _ in run) for run in runs]
            wall, cpu = zip(*(epoch for run in runs for epoch in run[1:]), strict=True)  # the first groups the ratings
            rows.append(
                {
                    "data": name,
                    "n_factors": n_factors,
                    "threads": n_threads,
                    "epoch_median_ms": round(1000 * statistics.median(wall), 2),
                    "epoch_min_ms": round(1000 * min(wall), 2),
                    "epoch_cpu_median_ms": round(1000 * statistics.median(cpu), 2),
                    "ten_epochs_median_ms": round(1000 * statistics.median(totals), 1),
                    "ten_epochs_min_ms": round(1000 * min(totals), 1),
                }
            )
    print("ALS alone, kernels compiled, all ratings:\n")
    print(markdown(list(rows[0]), [list(row.values()) for row in rows]), flush=True)
    return rows


def run_epochs(solver: pt.ALS, data: TrainingData) -> list[tuple[float, float]]:
    """Seconds of each epoch of one training: on the clock, and of processor time of all threads together."""
    seconds = []
    began, began_cpu = time.perf_counter(), time.process_time()
    for _ in solver.epochs(data):
        seconds.append((time.perf_counter() - began, time.process_time() - began_cpu))
        began, began_cpu = time.perf_counter(), time.process_time()
    return seconds


def beside_cmfrec(name: str, split: Split, n_factors: int, threads: list[int]) -> list[dict[str, object]]:
    """Train on the same split with as many factors, sweeps and threads, in turn; time and test error of each.

    penchant has its defaults but for the number of factors. cmfrec's penalty is chosen on a tenth of the training
    part; the test part is looked at only once all is settled. Of errors that change from run to run, the lowest of the
    rounds counts.
    """
    n_epochs = pt.ALS().n_epochs
    size = {"n_factors": n_factors, "n_epochs": n_epochs}
    settings, _ = tuned(split.train.split(0.1, rng=1), **size, n_threads=max(threads))
    peers = {"cmfrec, conjugate gradients": settings, "cmfrec, Cholesky": replace(settings, use_cg=False)}
    data = training_data(split.train)
    rows: list[dict[str, object]] = []
    for n_threads in threads:
        solver = pt.ALS(**size, n_threads=n_threads)
        fits = {peer: fit_peer(split.train, chosen, **size, n_threads=n_threads) for peer, chosen in peers.items()}
        errors: dict[str, list[float]] = {who: [] for who in ("penchant", *fits)}

        def judge(who: str, model: DotBias | CMF, errors: dict[str, list[float]] = errors) -> None:
            errors[who].append((rmse if who == "penchant" else peer_rmse)(model, split.test))

        work: dict[str, Callable[[], DotBias | CMF]] = {"penchant": partial(last_model, solver, data), **fits}
        times = alternate(work, rounds=_ROUNDS, after=judge)
        for who, timing in times.items():
            row = {"data": name, "threads": n_threads, "who": who, "n_factors": n_factors, "sweeps": n_epochs}
            row |= {**timing.to_dict(), "times_penchant": round(ratio(timing, times["penchant"]), 2)}
            rows.append({**row, "test_rmse": round(min(errors[who]), 4), "worst_test_rmse": round(max(errors[who]), 4)})
            rows[-1]["settings"] = peers[who].to_dict() if who in peers else repr(solver)
    show_beside(name, n_factors, n_epochs, settings, rows)
    return rows


def show_beside(
    name: str, n_factors: int, n_epochs: int, settings: PeerSettings, rows: list[dict[str, object]]
) -> None:
    """Print one table of the comparison."""
    chosen = f"lambda {settings.penalty:g}, that of biases {settings.penalty * settings.bias_share:g}"
    chosen += f", scale_lam={settings.scale_lam}, scale_bias_const={settings.scale_bias_const}"
    print(f"\n{name}, {n_factors} factors and biases, {n_epochs} sweeps, float32; cmfrec with {chosen}:\n")
    head = ["who", "threads", "median ms", "fastest ms", "CPU ms", "times penchant's", "test RMSE"]
    shown = [
        [
            row["who"],
            row["threads"],
            *(f"{row[key]:.0f}" for key in ("median_ms", "min_ms", "cpu_median_ms")),
            f"{row['times_penchant']:.2f}",
            f"{row['test_rmse']:.4f}",
        ]
        for row in rows
    ]
    print(markdown(head, shown), flush=True)


if __name__ == "__main__":
    run(main)
