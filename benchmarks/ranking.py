"""How good lists are: penchant's orders beside most rated, EASE, and implicit's ALS and BPR, in one run.

    python -m benchmarks.ranking [--trial] [protocol ...]        (PENCHANT_DATA names the folder of the tables)

    ml-100k, ml-1m             random 80/20, relevant from 4 stars
    ml-100k new, ml-1m new     a tenth of the users new, folded in from 80 % of theirs; relevant from 4 stars
    ml-100k time               the last fifth by time, users with 5 or more training ratings; relevant from 4 stars
    ml-1m choices              random 80/20 of who rated what, without stars; all of it relevant

Candidates are all items that the user has not rated in training. Five seeds of the split. Nothing is chosen on a test
part: penchant runs with its defaults; each peer's setting is chosen on a fifth of the training part of the first seed,
learned from the other four, by NDCG@100, and then kept for all seeds. Every fit is timed alone, with two threads.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from scipy.sparse import csr_matrix

import penchant as pt
from benchmarks.ranking_peers import (
    Scorer,
    bpr,
    ease,
    ease_weights,
    implicit_als,
    is_implicit_installed,
    judge,
    most_rated,
)
from benchmarks.reporting import environment, markdown
from penchant import splits
from penchant.evaluation.scorers import ByChance, Predictions

_RESULTS = Path(__file__).parent / "results" / "ranking.json"
_SEEDS = (0, 1, 2, 3, 42)
_EASE_REGS = (30.0, 100.0, 300.0, 1000.0)
_ALS_SETTINGS = tuple((64, reg, alpha) for reg in (0.1, 1.0, 10.0) for alpha in (1.0, 5.0, 20.0))
_BPR_SETTINGS = ((64, 0.001), (64, 0.01), (64, 0.1))
_LIKED = 4.0
_SHOWN = ("ndcg@10", "recall@20", "ndcg@100")
_TIMED = ("penchant", "implicit ALS", "implicit BPR")  # EASE's fit holds that of penchant's stars
PROTOCOLS = ("ml-100k", "ml-100k new", "ml-100k time", "ml-1m choices", "ml-1m", "ml-1m new")


@dataclass(frozen=True, eq=False)
class Task:
    """One split.

    Attributes:
        train: what is learned from.
        known: of new users, what they are folded in from; None where nobody is new.
        test: what is looked for.
        is_starred: whether stars may be used.
    """

    train: pt.Ratings
    known: pt.Ratings | None
    test: pt.Ratings
    is_starred: bool = True

    def matrices(self) -> tuple[csr_matrix, csr_matrix]:
        """What is left out of lists, and what is relevant: users x items."""
        seen = matrix(self.train)
        if self.known is not None:
            seen = seen + matrix(self.known)
        liked = self.test.take(self.test.rating >= _LIKED) if self.is_starred else self.test
        count = np.asarray(matrix(self.train).sum(axis=0)).ravel()
        relevant = csr_matrix(matrix(liked).multiply(count > 0))
        relevant.eliminate_zeros()
        return csr_matrix(seen), relevant


def matrix(table: pt.Ratings) -> csr_matrix:
    return csr_matrix((np.ones(len(table)), (table.user_idx, table.item_idx)), (table.n_users, table.n_items))


def load(name: str) -> pt.Ratings:
    return pt.load_dataset(name)


def task(protocol: str, seed: int) -> Task:
    name, _, kind = protocol.partition(" ")
    ratings = load(name)
    if kind == "new":
        train, known, test = splits.new_users(ratings, 0.1, known=0.8, rng=seed)
        return Task(train, known, test)
    if kind == "time":
        train, test = splits.by_time(ratings, 0.2, min_train=5)
        return Task(train, None, test)
    train, test = ratings.split(0.2, rng=seed)
    return Task(train, None, test, is_starred=kind != "choices")


# -- learners: each takes a task and returns scorers by the name of their row --


def ours(one: Task) -> dict[str, Scorer]:
    """Penchant with its defaults: lists by both, by stars alone (the only order it had before), and by choice."""
    if not one.is_starred:
        rec = pt.fit(one.train.choices())
        choices = rec.choices
        return {"penchant, choice": ByChance(choices.model, choices.order).scores}
    rec = pt.fit(one.train)
    if one.known is not None:
        return {f"penchant, {by}": _folded(rec, one.known, by) for by in ("both", "stars", "choice")}
    choices = rec.choices
    return {
        "penchant, both": ByChance(choices.model, choices.order, rec.model).scores,
        "penchant, stars": Predictions(rec.model).scores,
        "penchant, choice": ByChance(choices.model, choices.order).scores,
    }


def _folded(rec: pt.Recommender, known: pt.Ratings, by: str) -> Scorer:
    choices, everything = rec.choices, np.arange(rec.n_items, dtype=np.int32)

    def scores(users: np.ndarray) -> np.ndarray:
        rows = []
        for user in users:
            own = known.user_idx == user
            given = zip(rec.items.ids[known.item_idx[own]], known.rating[own], strict=True)
            profile = rec.fold_in({item: float(rating) for item, rating in given})
            row = 0.0 if by == "stars" else choices.order.log_choice(choices.model.scores(profile.choice_row()))
            stars = profile.scores(everything)
            rows.append(row if by == "choice" else stars if by == "stars" else row + choices.order.log_liked(stars))
        return np.stack(rows)

    return scores


def ease_liked(one: Task, reg: float) -> dict[str, Scorer]:
    """EASE alone, and its scores times the chance to like by penchant's stars."""
    from scipy.special import log_ndtr

    weights = ease_weights(matrix(one.train), reg)
    seen, _ = one.matrices()
    alone: Scorer = lambda users: np.asarray(seen[users] @ weights)  # noqa: E731
    if not one.is_starred or one.known is not None:
        return {"EASE": alone}
    rec = pt.fit(one.train, choices=False)
    stars = Predictions(rec.model)
    form = rec.model.linear_form()

    def times_liked(users: np.ndarray) -> np.ndarray:
        predicted = stars.scores(users) + form.global_mean + form.user_biases[users][:, None]
        return np.log(np.maximum(alone(users), 1e-4)) + log_ndtr(predicted - 3.25)

    return {"EASE": alone, "EASE x P(liked)": times_liked}


def _of_new(one: Task, learn: Callable[..., Scorer], *settings: float) -> Scorer:
    """A peer that learns from everything given: with new users it sees what they are folded in from, too."""
    chosen = matrix(one.train) if one.known is None else one.matrices()[0]
    return learn(chosen, *settings)


def settings_of(protocol: str) -> dict[str, tuple[float, ...]]:
    """Each peer's setting, chosen on a fifth of the training part of the first seed."""
    first = task(protocol, _SEEDS[0])
    rest, held = first.train.split(0.2, rng=1)
    inner = Task(rest, None, held, is_starred=False)
    seen, relevant = inner.matrices()
    grids: dict[str, tuple[Callable[..., Scorer], tuple[tuple[float, ...], ...]]] = {
        "EASE": (ease, tuple((reg,) for reg in _EASE_REGS))
    }
    if is_implicit_installed():
        grids["implicit ALS"] = (implicit_als, _ALS_SETTINGS)
        grids["implicit BPR"] = (bpr, _BPR_SETTINGS)
    found = {}
    for name, (learn, grid) in grids.items():
        scored = [(judge(learn(seen, *each), seen, relevant)["ndcg@100"], each) for each in grid]
        found[name] = max(scored)[1]
        print(f"{protocol}: {name} {found[name]}", flush=True)
    return found


def learners(one: Task, settings: dict[str, tuple[float, ...]]) -> dict[str, Callable[[], dict[str, Scorer]]]:
    found: dict[str, Callable[[], dict[str, Scorer]]] = {
        "penchant": lambda: ours(one),
        "most rated": lambda: {"most rated": most_rated(matrix(one.train))},
        "EASE": lambda: ease_liked(one, *settings["EASE"]),
    }
    peers = {"implicit ALS": implicit_als, "implicit BPR": bpr}
    for name in peers.keys() & settings.keys():
        found[name] = lambda name=name: {name: _of_new(one, peers[name], *settings[name])}
    return found


def measure(protocol: str, seeds: tuple[int, ...]) -> dict[str, object]:
    settings = settings_of(protocol)
    rows: dict[str, list[dict[str, float]]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in seeds:
        one = task(protocol, seed)
        seen, relevant = one.matrices()
        for name, learn in learners(one, settings).items():
            began = time.perf_counter()
            scorers = learn()
            seconds.setdefault(name, []).append(time.perf_counter() - began)
            for row, scorer in scorers.items():
                rows.setdefault(row, []).append(judge(scorer, seen, relevant))
                print(protocol, seed, row, rows[row][-1], flush=True)
    return {
        "seeds": list(seeds),
        "settings": {name: list(each) for name, each in settings.items()},
        "rows": {name: _summary(each) for name, each in rows.items()},
        "fit_seconds": {name: round(float(np.median(each)), 2) for name, each in seconds.items()},
    }


def _summary(runs: list[dict[str, float]]) -> dict[str, list[float]]:
    """Mean and standard deviation over the seeds."""
    names = runs[0]
    spread = {name: stdev(run[name] for run in runs) if len(runs) > 1 else 0.0 for name in names}
    return {name: [round(fmean(run[name] for run in runs), 4), round(spread[name], 4)] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", nargs="*", metavar="PROTOCOL", help="which (default: all)")
    parser.add_argument("--trial", action="store_true", help="one seed, and nothing is kept")
    told = parser.parse_args()
    for protocol in told.protocols or PROTOCOLS:
        if protocol not in PROTOCOLS:
            parser.error(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
        seeds = _SEEDS[:1] if told.trial or protocol.endswith("time") else _SEEDS
        result = {**measure(protocol, seeds), "environment": environment()}
        print(json.dumps(result, indent=1), flush=True)
        if not told.trial:
            keep({protocol: result})


def keep(more: dict[str, dict[str, object]]) -> None:
    """Put results of protocols into the kept file, and its tables anew."""
    kept = json.loads(_RESULTS.read_text())["protocols"] if _RESULTS.exists() else {}
    protocols = {name: {**kept, **more}[name] for name in PROTOCOLS if name in {**kept, **more}}
    content = {
        "command": "python -m benchmarks.ranking",
        "protocols": protocols,
        "results": {"markdown": table(protocols, PROTOCOLS), "readme": table(protocols, ("ml-100k", "ml-1m"))},
    }
    _RESULTS.write_text(json.dumps(content, indent=1) + "\n")


_ABOUT = {
    "ml-100k": "ml-100k, random 80/20, 4 stars or more",
    "ml-1m": "ml-1m, random 80/20, 4 stars or more",
    "ml-100k new": "ml-100k, a tenth of the users new",
    "ml-1m new": "ml-1m, a tenth of the users new",
    "ml-100k time": "ml-100k, the last fifth by time",
    "ml-1m choices": "ml-1m without stars, random 80/20",
}


def table(protocols: dict[str, dict[str, object]], shown: tuple[str, ...]) -> list[str]:
    """Lines of a Markdown table, the best order of each protocol first."""
    rows = []
    for protocol in shown:
        if protocol not in protocols:
            continue
        result = protocols[protocol]
        for at, (name, metrics) in enumerate(sorted(result["rows"].items(), key=lambda row: -row[1]["ndcg@10"][0])):
            learner = name.partition(",")[0]
            is_timed = name == "penchant, both" or learner.startswith("implicit") or len(result["rows"]) < 6
            seconds = f"{result['fit_seconds'][learner]:.1f}" if is_timed and learner in _TIMED else ""
            numbers = [_shown(*metrics[metric], many=len(result["seeds"]) > 1) for metric in _SHOWN]
            rows.append([_ABOUT[protocol] if at == 0 else "", name, *numbers, seconds])
    return markdown(["protocol", "order", "NDCG@10", "recall@20", "NDCG@100", "fit, s"], rows).splitlines()


def _shown(mean: float, spread: float, *, many: bool) -> str:
    return f"{mean:.3f} ± {spread:.3f}" if many else f"{mean:.3f}"


if __name__ == "__main__":
    main()
