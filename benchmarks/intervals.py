"""Whether intervals hold what they promise: the share of held-out ratings in `predict(interval=...)`, and its width.

    python -m benchmarks.intervals [--trial]

Bayes with its defaults on ml-100k (the official u1, and random 80/20 splits with titles as items, three seeds) and on
ml-1m (random 90/10); half, 80 % and 90 % intervals, over all held-out ratings and by the number of training ratings of
their user and of their item. A rating is held where low <= rating <= high. Of a split, every held-out rating counts,
cold ones too. Targets: 88 to 92 of 100 in 90 % intervals, 47 to 53 in half intervals.

Ratings are whole stars, and an interval that is some stars wide holds one more or one fewer of them depending on where
it lies; that evens out over many ratings, and not in a small group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

import penchant as pt
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from penchant.data.ratings import Split

Row: TypeAlias = "dict[str, object]"

_SHARES = (0.5, 0.8, 0.9)
_TARGETS = {0.5: (47, 53), 0.9: (88, 92)}
_GROUPS = ("<= 20", "21 to 50", "51 to 150", "> 150")
_EDGES = (20, 50, 150)
_LECTURE_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Held:
    """Held-out ratings of one dataset, one row a rating, of all of its splits together.

    Attributes:
        table: columns user_n and item_n (training ratings), and for each share held (a bool) and width.
    """

    table: pd.DataFrame

    def row(self, share: float, mask: Sequence[bool] | slice = slice(None)) -> Row:
        """Share held, in percent, mean width, and how many ratings these are."""
        part = self.table[mask]
        if len(part) == 0:
            return {"ratings": 0, "held": None, "width": None}
        return {
            "ratings": len(part),
            "held": round(100 * float(part[f"held {share}"].mean()), 2),
            "width": round(float(part[f"width {share}"].mean()), 3),
        }


def main() -> None:
    """Train on every split, look where the held-out ratings lie, print tables, keep the numbers."""
    started = environment()
    trial = is_trial("intervals", __doc__)
    solver = pt.Bayes(n_draws=8, n_burn=4) if trial else pt.Bayes()
    held = {name: Held(pd.concat([held_out(one, solver) for one in splits])) for name, splits in datasets()}
    results = {name: {f"{share:.0%}": _groups(one, share) for share in _SHARES} for name, one in held.items()}
    _show_all(results)
    for share in _TARGETS:
        _show_groups(results, f"{share:.0%}")
    if not trial:
        write_results("intervals", {"solver": repr(solver), **results}, started)


def datasets() -> Iterator[tuple[str, Iterator[Split]]]:
    """Name and splits of each."""
    yield "ml-100k, official u1", iter([pt.splits.movielens(pt.load_dataset("ml-100k"), "u1")])
    titles = pt.load_dataset("ml-100k", item="title")
    yield "ml-100k, random 80/20, three seeds", (titles.split(0.2, rng=seed) for seed in _LECTURE_SEEDS)
    yield "ml-1m, random 90/10", iter([pt.load_dataset("ml-1m").split(0.1, rng=0)])


def held_out(split: Split, solver: pt.Bayes) -> pd.DataFrame:
    """Where the ratings of a test part lie: see `Held`."""
    train, test = split
    rec = pt.fit(train, solver)
    items, users = test.items.ids[test.item_idx], test.users.ids[test.user_idx]
    columns: dict[str, object] = {
        "user_n": train.user_counts()[test.user_idx],
        "item_n": train.item_counts()[test.item_idx],
    }
    for share in _SHARES:
        told = rec.predict(items, users, interval=share)
        low, high = told["low"].to_numpy(), told["high"].to_numpy()
        columns[f"held {share}"] = (low <= test.rating) & (test.rating <= high)
        columns[f"width {share}"] = high - low
    return pd.DataFrame(columns)


def _groups(held: Held, share: float) -> dict[str, Row]:
    """All ratings, and those of users and of items with few to many training ratings."""
    found = {"all": held.row(share)}
    for side in ("user", "item"):
        number = np.searchsorted(_EDGES, held.table[f"{side}_n"].to_numpy())
        found |= {f"{side} {name}": held.row(share, number == at) for at, name in enumerate(_GROUPS)}
    return found


def _show_all(results: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> None:
    rows = []
    for name, shares in results.items():
        for share, groups in shares.items():
            low, high = _TARGETS.get(float(share.rstrip("%")) / 100, ("", ""))
            told = groups["all"]
            rows.append([name, share, f"{told['ratings']:,}", f"{told['held']:.1f}", f"{told['width']:.2f}"])
            rows[-1].append(f"{low} to {high}" if low else "")
    print(markdown(["data", "interval", "ratings", "held %", "mean width", "target %"], rows))


def _show_groups(results: Mapping[str, Mapping[str, Mapping[str, Row]]], share: str) -> None:
    """Percent held, mean width and number of ratings by group."""
    print(f"\n{share} intervals by training ratings: percent held (mean width; held-out ratings)\n")
    head = ["training ratings of the", *results]
    names = [name for name in next(iter(results.values()))[share] if name != "all"]
    rows = [[name, *(_cell(shares[share][name]) for shares in results.values())] for name in names]
    print(markdown(head, rows))


def _cell(row: Row) -> str:
    return "" if not row["ratings"] else f"{row['held']:.1f} ({row['width']:.2f}; {row['ratings']:,})"


if __name__ == "__main__":
    run(main)
