"""What `rec.update` costs beside a new training: errors while ratings come in, and the time of an update.

    python -m benchmarks.update [--trial]

On ml-100k, for each of three seeds: a tenth of the ratings, drawn at random, is the fixed test. The others are put in
the order of time; a model is trained on the first 90 % of them, and the last 10 % come in ten slices. Before each slice
its ratings are predicted ("next slice": mean over the ten), then it is taken in, and the fixed test is predicted. Three
recommenders go through this: one that stays as it was trained, one that is updated with each slice, and one that is
trained anew on all ratings so far. Whoever is unknown gets the model's prior. By time, most of what is new in ml-100k
are people who were not there before: see the counts.

Then the orders in which rows can be refreshed, on the same slices: users first, items first, and twice (users once more
beside the new items, from where they were); and, as a contrast, every touched row solved anew from all of its ratings,
as somebody new is folded in. Then the time of one update with all ten slices, and with one rating.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

import numpy as np

import penchant as pt
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from benchmarks.timing import alternate
from penchant.edits import add_ratings as updating
from penchant.models.dot_bias import DotBias
from penchant.models.dot_bias.refresh import Change, Refreshed, Side, Triples, refresh
from penchant.solvers.solver import Solver
from penchant.storage import Snapshot

_SEEDS = (0, 1, 2)
_SLICES = 10
_ORDERS: Mapping[str, Sequence[Side]] = {
    "users, items": ("user", "item"),
    "items, users": ("item", "user"),
    "users, items, users": ("user", "item", "user"),
    "items, users, items": ("item", "user", "item"),
}


def main() -> None:
    """Measure, print tables, keep the numbers."""
    started = environment()
    trial = is_trial("update", __doc__)
    ratings = pt.load_dataset("ml-100k")
    seeds = _SEEDS[:1] if trial else _SEEDS
    solvers: dict[str, Callable[[int], Solver]] = {
        "ALS": lambda seed: pt.ALS(rng=seed),
        "Bayes": lambda seed: pt.Bayes(rng=seed, n_draws=8, n_burn=4) if trial else pt.Bayes(rng=seed),
    }
    results: dict[str, object] = {"seeds": list(seeds)}
    for name, solver in solvers.items():
        streams = [Stream.of(ratings, seed) for seed in seeds]
        walks = [walked(stream, solver(seed)) for stream, seed in zip(streams, seeds, strict=True)]
        results[name] = {"walks": walks, "orders": orders(streams, [solver(seed) for seed in seeds])}
        show_walks(name, walks)
        show_orders(name, results[name]["orders"])  # type: ignore[index]
        results[f"{name} time"] = times(streams[0], solver(0), rounds=2 if trial else 7)
    if not trial:
        write_results("update", results, started)


@dataclass(frozen=True)
class Stream:
    """Ratings in the order of time: those to train on, slices that come in, and a fixed test from all times."""

    first: pt.Ratings
    slices: Sequence[pt.Ratings]
    test: pt.Ratings
    ratings: pt.Ratings
    order: np.typing.NDArray[np.intp]
    cuts: np.typing.NDArray[np.intp]

    @classmethod
    def of(cls, ratings: pt.Ratings, seed: int) -> Stream:
        assert ratings.timestamp is not None
        drawn = np.random.default_rng(seed).permutation(len(ratings))
        test, rest = np.split(drawn, [len(ratings) // 10])
        rest = rest[np.argsort(ratings.timestamp[rest], kind="stable")]
        cuts = np.linspace(0.9 * len(rest), len(rest), _SLICES + 1).astype(np.intp)
        slices = [ratings.take(rest[start:stop]) for start, stop in pairwise(cuts)]
        return cls(ratings.take(rest[: cuts[0]]), slices, ratings.take(test), ratings, rest, cuts)

    def until(self, at: int) -> pt.Ratings:
        """All ratings before a slice."""
        return self.ratings.take(self.order[: self.cuts[at]])


def mse(rec: pt.Recommender, asked: pt.Ratings) -> float:
    """Mean squared error; ids that the recommender does not know are cold rows."""
    rows = []
    for known, theirs, used in ((rec.users, asked.users, asked.user_idx), (rec.items, asked.items, asked.item_idx)):
        found = known.find(theirs.ids)[used]
        rows.append(np.where(found < 0, len(known), found).astype(np.int32))
    predicted = rec.model.with_rows(rec.n_users + 1, rec.n_items + 1).predict(*rows)
    return float(np.mean(np.square(predicted.clip(*rec.rating_scale) - asked.rating, dtype=np.float64)))


def walked(stream: Stream, solver: Solver) -> dict[str, dict[str, list[float]]]:
    """Errors of the three recommenders, before each slice on it, and after each on the fixed test."""
    first = fitted(stream.first, solver)
    recs = {"stays": first, "updated": first, "trained anew": first}
    found: dict[str, dict[str, list[float]]] = {name: {"next": [], "test": []} for name in recs}
    for at, part in enumerate(stream.slices):
        for name, rec in recs.items():
            found[name]["next"].append(mse(rec, part))
        recs["updated"] = recs["updated"].update(part)
        recs["trained anew"] = fitted(stream.until(at + 1), solver)
        for name, rec in recs.items():
            found[name]["test"].append(mse(rec, stream.test))
    return found


def fitted(ratings: pt.Ratings, solver: Solver) -> pt.Recommender:
    """Trained on ids that have ratings: what is new is not known beforehand."""
    return pt.fit(pt.Ratings.from_frame(ratings.to_frame(), rating_scale=ratings.rating_scale), solver)


def orders(streams: Sequence[Stream], solvers: Sequence[Solver]) -> dict[str, dict[str, float]]:
    """Errors after all slices and before each, mean over seeds, by the order in which rows are refreshed."""
    firsts = [fitted(stream.first, solver) for stream, solver in zip(streams, solvers, strict=True)]
    found: dict[str, dict[str, float]] = {}
    own = updating._refreshed  # noqa: SLF001  # the one place where the order stands
    ways = {name: in_order(order) for name, order in _ORDERS.items()} | {"users, items, each solved anew": anew}
    try:
        for name, way in ways.items():
            updating._refreshed = way  # noqa: SLF001
            errors = [in_slices(first, stream) for first, stream in zip(firsts, streams, strict=True)]
            found[name] = {key: fmean(one[key] for one in errors) for key in ("next", "test")}
    finally:
        updating._refreshed = own  # noqa: SLF001
    return found


def in_slices(rec: pt.Recommender, stream: Stream) -> dict[str, float]:
    """Errors of a recommender that is updated with each slice."""
    before = []
    for part in stream.slices:
        before.append(mse(rec, part))
        rec = rec.update(part)
    return {"next": fmean(before), "test": mse(rec, stream.test)}


def in_order(order: Sequence[Side]) -> Callable[[Snapshot, Snapshot, Change], tuple[Refreshed, Refreshed]]:
    """What stands in for `updating._refreshed`: sides in another order, each from where its rows were at first."""

    def refreshed(grown: Snapshot, _: Snapshot, change: Change) -> tuple[Refreshed, Refreshed]:
        model = grown.model
        assert isinstance(model, DotBias)
        old, made = model, {}
        for side in order:
            made[side] = refresh(with_side(model, old, side), side, change)
            model = made[side].model
        return made["user"]._replace(model=model), made["item"]._replace(model=model)

    return refreshed


def anew(grown: Snapshot, _: Snapshot, change: Change) -> tuple[Refreshed, Refreshed]:
    """Another stand-in: touched rows folded in from all of their ratings, whatever was learned of them."""
    model = grown.model
    assert isinstance(model, DotBias)
    known = Triples(*(np.concatenate(columns) for columns in zip(change.kept, change.came, strict=True)))
    made = []
    for side in _ORDERS["users, items"]:
        rows, others = known.of(side)
        order = np.argsort(rows, kind="stable")
        touched = change.touched(side)
        factors, biases = getattr(model, f"{side}_factors").copy(), getattr(model, f"{side}_biases").copy()
        for row in touched:
            mine = order[slice(*np.searchsorted(rows[order], [row, row + 1]))]
            fold_in = model.fold_in_user if side == "user" else model.fold_in_item
            theta = fold_in(others[mine], known.rating[mine]).mean
            factors[row], biases[row] = theta[:-1], theta[-1]
        model = replace(model, **{f"{side}_factors": factors, f"{side}_biases": biases})
        made.append(Refreshed(model, touched, np.zeros(len(touched)), np.ones(len(touched), np.bool_)))
    return made[0], made[1]


def with_side(model: DotBias, old: DotBias, side: Side) -> DotBias:
    """The model with the rows of one side as they were."""
    names = [f"{side}_factors", f"{side}_biases"]
    spread = model.spread
    if spread is not None and old.spread is not None:
        spread = replace(spread, **{f"{side}_variance": getattr(old.spread, f"{side}_variance")})
    return replace(model, spread=spread, **{name: getattr(old, name) for name in names})


def times(stream: Stream, solver: Solver, rounds: int) -> dict[str, object]:
    """Of a training, of an update with all slices, and of one with a single rating."""
    first = fitted(stream.first, solver)
    whole = stream.until(_SLICES)
    more = whole.take(np.arange(len(stream.first), len(whole)))
    one = more.take([0])
    timings = alternate(
        {
            f"training on {len(whole):,} ratings": lambda: fitted(whole, solver),
            f"update with {len(more):,} ratings": lambda: first.update(more),
            "update with one rating": lambda: first.update(one),
        },
        rounds=rounds,
    )
    rows = [[name, f"{1000 * one.median:.0f}", f"{1000 * min(one.wall):.0f}"] for name, one in timings.items()]
    print(markdown([type(solver).__name__, "median ms", "fastest ms"], rows), "\n", flush=True)
    return {name: timing.to_dict() for name, timing in timings.items()}


def show_walks(name: str, walks: Sequence[Mapping[str, Mapping[str, Sequence[float]]]]) -> None:
    """Means over seeds after each slice, and over all slices."""

    def mean(way: str, what: str, at: int) -> float:
        return fmean(walk[way][what][at] for walk in walks)

    ways = list(walks[0])
    rows = [[f"after slice {at + 1}", *(f"{mean(way, 'test', at):.4f}" for way in ways)] for at in range(_SLICES)]
    ahead = [fmean(mean(way, "next", at) for at in range(_SLICES)) for way in ways]
    rows.append(["next slice, mean", *(f"{error:.4f}" for error in ahead)])
    print(markdown([f"{name}: MSE on the fixed test", *ways], rows), "\n", flush=True)


def show_orders(name: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """A row an order."""
    rows = [[order, f"{told['test']:.4f}", f"{told['next']:.4f}"] for order, told in found.items()]
    print(markdown([f"{name}: rows refreshed", "fixed test, after all", "next slice, mean"], rows), "\n", flush=True)


if __name__ == "__main__":
    run(main)
