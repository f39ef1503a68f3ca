"""Ten recommendations for each of 138 thousand users, beside implicit's with the same factors.

    python -m benchmarks.recommend_all [--trial]

The size of ml-20m: 138,493 users, 26,744 items, 16 factors and biases drawn at random, and seen pairs whose counts by
user and by item fall off as a power; of the pairs that are drawn, 17.7 million are distinct. Seen items are left out.
Both get the same arrays and two threads, in turn in one process; implicit with BLAS on one thread (as it advises) and
on two. Target: at least 1.5 times as fast, with the same items; where scores tie to the last bit, ours go by the order
of the items.

"By both" adds a model of choices, 64 columns drawn at random, whose rows are the longer the more an item is chosen, as
those of trained models are. Target: at most 1.7 times as long as by stars.

"Lists" are arrays of row numbers and predictions, which is what implicit makes. "Batches" are what
`rec.recommend_all()` yields: ids, ranks, titles and clipped predictions, which implicit leaves to its caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import penchant as pt
from benchmarks import implicit_peer
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from benchmarks.timing import Timing, alternate, ratio
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Int32Array
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.ranking_order import RankingOrder
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.ranking.top_n_all import TopLists, top_lists
from penchant.storage import LearnedChoices, Snapshot

_USERS, _ITEMS, _FACTORS, _SEEN = 138_493, 26_744, 16, 20_000_000
_N, _THREADS, _TARGET, _BOTH_TARGET, _COLUMNS = 10, 2, 1.5, 1.7, 64


def main() -> None:
    """Make a model, time both in turn, compare the lists, keep the numbers."""
    started = environment()
    trial = is_trial("recommend_all", __doc__)
    n_users = 3_000 if trial else _USERS
    model = model_of(n_users)
    seen = seen_of(n_users, _SEEN * n_users // _USERS)
    rec = recommender_of(model, seen)
    print(f"{n_users:,} users, {_ITEMS:,} items, {_FACTORS} factors, {len(seen):,} seen pairs, n = {_N}\n", flush=True)
    work: dict[str, Callable[[], Any]] = {
        "penchant: lists": lambda: list(top_lists(model, _N, seen=seen, n_threads=_THREADS)),
        "penchant: batches": lambda: _n_rows(rec, "stars"),
        "penchant: batches, by both": lambda: _n_rows(rec, "both"),
    }
    if implicit_peer.is_installed():
        for threads in (1, 2):
            work[f"implicit: lists, BLAS on {threads}"] = implicit_peer.recommend_peer(
                model, seen, _N, n_threads=_THREADS, blas_threads=threads
            )
    else:
        print("implicit is not installed (pip install 'penchant[bench]'): penchant alone\n")
    made: dict[str, Any] = {}
    timings = alternate(work, rounds=2 if trial else 3, after=made.__setitem__)
    results: dict[str, object] = {"n_users": n_users, "n_seen": len(seen), "n_threads": _THREADS}
    results["timings"] = {name: timing.to_dict() for name, timing in timings.items()}
    both = ratio(timings["penchant: batches, by both"], timings["penchant: batches"])
    results["by_both_over_stars"] = both
    print(f"by both takes {both:.2f} times as long as by stars; target: at most {_BOTH_TARGET}")
    show_times(timings, results)
    peers = [name for name in made if name.startswith("implicit")]
    if peers:
        results["agreement"] = compared(model, made["penchant: lists"], made[peers[0]][0])
    if not trial:
        write_results("recommend_all", results, started)


def model_of(n_users: int) -> DotBias:
    """Factors and biases about as large as those of a model of films."""
    rng = np.random.default_rng(0)

    def draw(size: tuple[int, ...], scale: float) -> Float32Array:
        return (scale * rng.standard_normal(size)).astype(np.float32)

    prior = RowPrior(np.zeros(_FACTORS + 1), np.eye(_FACTORS + 1))
    biases = draw((n_users,), 0.4), draw((_ITEMS,), 0.5)
    return DotBias(3.5, *biases, draw((n_users, _FACTORS), 0.35), draw((_ITEMS, _FACTORS), 0.35), prior, prior, 1.5)


def _n_rows(rec: pt.Recommender, by: str) -> int:
    return sum(batch.num_rows for batch in rec.recommend_all(_N, by=by, n_threads=_THREADS))


def choices_of(seen: SeenRatings) -> LearnedChoices:
    """Scores of choice that spread as those of trained models do: popularity, and taste that grows with it."""
    rng = np.random.default_rng(2)
    share = (seen.item_counts(_ITEMS) / seen.n_users).astype(np.float32)
    length = np.sqrt(share / share.max())
    items = (length[:, None] * rng.standard_normal((_ITEMS, _COLUMNS))).astype(np.float32)
    users = (0.3 / np.sqrt(_COLUMNS) * rng.standard_normal((seen.n_users, _COLUMNS))).astype(np.float32)
    model = ChoiceModel(share, share, users, items, np.zeros((_ITEMS, 0), np.float32), np.zeros(0))
    order = RankingOrder(knots=(0.0, 0.2, 0.5, 1.0), log_chance=(-7.0, -4.0, -2.0, -0.7), threshold=3.5, spread=0.9)
    return LearnedChoices(model, order)


def seen_of(n_users: int, n_seen: int) -> SeenRatings:
    """Seen pairs, of which few users and few items have most."""
    rng = np.random.default_rng(1)
    counts = rng.pareto(1.3, n_users) + 0.2
    counts = np.minimum(counts * n_seen * 1.2 / counts.sum(), _ITEMS / 4).astype(np.int64)
    popularity = np.cumsum(1 / np.arange(1, _ITEMS + 1) ** 0.7)
    users = np.repeat(np.arange(n_users, dtype=np.int32), counts)
    ranks = np.searchsorted(popularity, rng.random(len(users)) * popularity[-1])
    items = rng.permutation(_ITEMS).astype(np.int32)[ranks]
    return SeenRatings.from_pairs(users, items, np.full(len(users), 4.0, np.float32), n_users)


def recommender_of(model: DotBias, seen: SeenRatings) -> pt.Recommender:
    """The same with integer ids and titles."""
    titles = np.array([f"Film {item} (2000)" for item in range(_ITEMS)], dtype=object)
    return pt.Recommender(
        Snapshot(
            model=model,
            users=Vocab(np.arange(model.n_users), kind="user"),
            items=Vocab(np.arange(_ITEMS), kind="item"),
            user_attributes=Attributes(n_rows=model.n_users),
            item_attributes=Attributes({"title": titles}, n_rows=_ITEMS),
            rating_scale=(0.5, 5.0),
            seen=seen,
            choices=choices_of(seen),
        )
    )


def show_times(timings: dict[str, Timing], results: dict[str, object]) -> None:
    """A row a piece of work; the ratios are of neighbouring runs."""
    ours = timings["penchant: lists"]
    rows, ratios = [], {}
    for name, timing in timings.items():
        shown = ""
        if name.startswith("implicit"):
            ratios[name] = ratio(timing, ours)
            shown = f"{ratios[name]:.2f}"
        cpu = timing.to_dict()["cpu_median_ms"] / 1000
        rows.append([name, f"{timing.median:.2f}", f"{min(timing.wall):.2f}", f"{cpu:.2f}", shown])
    print(markdown(["", "median s", "fastest s", "processor s", "times as long as ours"], rows))
    print(f"\nratios are medians of neighbouring runs, beside our lists; target: at least {_TARGET}\n", flush=True)
    results["ratios"] = ratios


def compared(model: DotBias, lists: list[TopLists], items: Int32Array) -> dict[str, object]:
    """How many places of the lists hold the same item, and how far apart predictions of the others are."""
    users, ours = (np.concatenate([getattr(one, name) for one in lists]) for name in ("user_idx", "item_idx"))
    theirs = items.ravel()
    if len(ours) != len(theirs):
        raise RuntimeError(f"{len(ours)} places here and {len(theirs)} there")
    differ = np.flatnonzero(ours != theirs)
    pairs = users[differ], ours[differ], theirs[differ]
    here, there = (model.predict(pairs[0], rows) for rows in pairs[1:])
    apart = float(np.abs(here - there).max(initial=0))
    told = {"places": len(ours), "differ": len(differ), "furthest_apart": apart}
    print(f"{len(differ):,} of {len(ours):,} places differ; predictions there are at most {apart:.1e} apart\n")
    return told


if __name__ == "__main__":
    run(main)
