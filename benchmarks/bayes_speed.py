"""How fast Bayes is beside myFM's Gibbs sampler: as many draws of as many factors from the same ratings, in one run.

    python -m benchmarks.bayes_speed [--trial]

Both know the ratings and, of both sides, who has rated what. Needs MovieLens-100k and -1M. Targets (quiet, on two
cores): at least 8 times as fast on ml-100k (10 factors, 512 draws kept), at least 6 times on ml-1m (16 factors, 200
draws), at a test error that is as low or lower. myFM has one thread only, so ours is shown with one thread, too.

myFM makes one chain of `n_burn` sweeps and all draws; ours makes four, each with a burn-in of its own, and ends with
a small model, where myFM keeps all draws: what the test part takes to be predicted is shown, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import penchant as pt
from benchmarks import myfm_peer
from benchmarks.judging import last_model, rmse
from benchmarks.myfm_peer import Peer, PeerSize, tuned
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from benchmarks.timing import Timing, alternate, ratio
from penchant.data.ratings import Split
from penchant.fitting.fit import training_data
from penchant.kernels.parallel import available_threads
from penchant.models.dot_bias import DotBias

if TYPE_CHECKING:
    from myfm import MyFMRegressor

Trained: TypeAlias = "DotBias | MyFMRegressor"


@dataclass(frozen=True)
class Case:
    """What is trained on, how large, and how often.

    Attributes:
        data: name of the dataset.
        n_factors, n_draws: of both.
        rounds: timed runs of each; ml-1m takes myFM minutes.
        target: how many times as fast as myFM ours should be.
    """

    data: str
    n_factors: int
    n_draws: int
    rounds: int
    target: float


_CASES = (Case("ml-100k", 10, 512, 3, 8.0), Case("ml-1m", 16, 200, 1, 6.0))


def main() -> None:
    """Run all cases, print a table of each, keep the numbers."""
    started = environment()
    trial = is_trial("bayes_speed", __doc__)
    cases = [replace(case, n_draws=8, rounds=1) for case in _CASES] if trial else list(_CASES)
    results = {case.data: beside_myfm(case, split_of(case.data)) for case in cases}
    if not trial:
        write_results("bayes_speed", results, started)
    if not myfm_peer.is_installed():
        sys.exit("the comparison was left out: myFM is not installed (pip install 'penchant[bench]')")


def split_of(name: str) -> Split:
    """The official split u1 of ml-100k; a random tenth of ml-1m."""
    ratings = pt.load_dataset(name)
    return pt.splits.movielens(ratings, "u1") if name == "ml-100k" else ratings.split(0.1, rng=0)


def beside_myfm(case: Case, split: Split) -> list[dict[str, object]]:
    """Train on the same split in turn; seconds and test error of each, the lowest of the rounds."""
    data = training_data(split.train)
    solver = pt.Bayes(n_factors=case.n_factors, n_draws=case.n_draws)
    last_model(replace(solver, n_draws=4, n_burn=1), data)  # compiles
    threads = sorted({1, min(2, available_threads())}, reverse=True)
    ours = {f"penchant, {n} thread{'s' * (n > 1)}": replace(solver, n_threads=n) for n in threads}
    work: dict[str, Callable[[], Trained]] = {name: partial(last_model, one, data) for name, one in ours.items()}
    settings: dict[str, object] = {name: repr(one) for name, one in ours.items()}
    peer = None
    if myfm_peer.is_installed():
        peer = Peer(split)
        size, validated = _peer_size(case, split, solver.n_burn)
        work["myFM, 1 thread"] = peer.fit(size)
        settings["myFM, 1 thread"] = {**size.to_dict(), "validation_rmse_by_grouping": validated}
    judged: dict[str, list[tuple[float, float]]] = {name: [] for name in work}

    def judge(name: str, model: Trained) -> None:
        began = time.perf_counter()
        error = rmse(model, split.test) if isinstance(model, DotBias) else peer.rmse(model)
        judged[name].append((error, time.perf_counter() - began))

    times = alternate(work, rounds=case.rounds, warm_up=0, after=judge)
    rows = [_row(name, times, judged[name], settings[name]) for name in work]
    _show(case, solver, rows)
    return rows


def _peer_size(case: Case, split: Split, n_burn: int) -> tuple[PeerSize, dict[str, float]]:
    """As many draws; priors by group or one for all, whichever has the lower error on a tenth of the training part."""
    errors = tuned(split.train.split(0.1, rng=1), n_factors=case.n_factors, n_draws=min(case.n_draws, 40))
    size = PeerSize(case.n_factors, case.n_draws, n_burn, grouped=min(errors, key=errors.__getitem__))
    return size, {"grouped" if grouped else "one prior": round(error, 4) for grouped, error in errors.items()}


def _row(
    name: str, times: Mapping[str, Timing], judged: list[tuple[float, float]], settings: object
) -> dict[str, object]:
    ours = next(iter(times))
    alone = next((who for who in times if who.startswith("penchant, 1 ")), ours)
    errors, seconds = zip(*judged, strict=True)
    return {
        "who": name,
        **times[name].to_dict(),
        "times_penchant": round(ratio(times[name], times[ours]), 2),
        "times_penchant_1_thread": round(ratio(times[name], times[alone]), 2),
        "test_rmse": round(min(errors), 4),
        "worst_test_rmse": round(max(errors), 4),
        "predict_test_ms": round(1000 * min(seconds), 1),
        "settings": settings,
    }


def _show(case: Case, solver: pt.Bayes, rows: list[dict[str, object]]) -> None:
    """Print one table of the comparison."""
    print(f"{case.data}, {case.n_factors} factors, {case.n_draws} draws kept, rounds: {case.rounds}.")
    print(f"Burn-in: {solver.n_burn} sweeps of each chain, of which penchant has {solver.n_chains} and myFM one.")
    print(f"Target: {case.target:g} times as fast, with an error that is as low.\n")
    head = ["who", "median s", "fastest s", "CPU s", "times first", "times 1 thread", "test RMSE", "predict ms"]
    shown = [
        [
            row["who"],
            *(f"{row[key] / 1000:.2f}" for key in ("median_ms", "min_ms", "cpu_median_ms")),
            f"{row['times_penchant']:.2f}",
            f"{row['times_penchant_1_thread']:.2f}",
            f"{row['test_rmse']:.4f}",
            f"{row['predict_test_ms']:.1f}",
        ]
        for row in rows
    ]
    print(markdown(head, shown), flush=True)
    print()


if __name__ == "__main__":
    run(main)
