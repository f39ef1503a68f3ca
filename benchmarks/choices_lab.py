"""The default learner of choices beside its peers, on validation parts of all tables at once.

    python -m benchmarks.choices_lab [table ...] [peers | ours | parts]

PENCHANT_DATA names the folder of the tables.

Of each table a fifth is set aside as the test part and never looked at here; of the rest a fifth is the validation
part. A table whose files are not there is left out. Results are merged into benchmarks/results/choices_lab.json.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from benchmarks.ranking_peers import bpr, ease, implicit_als, is_implicit_installed, judge, most_rated
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.choice_bayes import ChoiceBayes
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.ease import EASE
from penchant.solvers.choice.mix import ChoiceMix

TABLES = (
    "ml-100k", "yahoomusic-monti", "movietweetings-10k", "flixster-monti", "ml-1m-1", "ml-1m-10", "ml-1m", "generated",
)  # fmt: skip
_RESULTS = Path(__file__).parent / "results" / "choices_lab.json"
_LARGE = 500_000  # choices from which the slowest candidates are left out


def folder() -> Path:
    if "PENCHANT_DATA" not in os.environ:
        sys.exit("PENCHANT_DATA names no folder: it holds the tables, a folder each")
    return Path(os.environ["PENCHANT_DATA"])


def load(name: str) -> pd.DataFrame:
    """Users and items of a table, one row a choice."""
    if name == "generated":
        return generated()
    if name == "ml-100k":
        table = pd.read_csv(folder() / name / "u.data", sep="\t", header=None, usecols=[0, 1])
    elif name.startswith("ml-1m"):
        table = pd.read_parquet(folder() / "ml-1m" / "ratings.parquet").iloc[:, :2]
        if name != "ml-1m":
            table = thinned(table, float(name.rpartition("-")[2]) / 100)
    elif name.endswith("monti"):
        table = pd.concat([pd.read_csv(folder() / name / f"{part}.tsv", sep="\t") for part in ("train", "test")])
    else:
        table = pd.read_csv(folder() / name / "ratings.dat", sep="::", engine="python", header=None, usecols=[0, 1])
    table = table.iloc[:, :2].set_axis(["user", "item"], axis=1)
    return table.apply(lambda column: pd.factorize(column)[0]).drop_duplicates(ignore_index=True)


def thinned(table: pd.DataFrame, share: float) -> pd.DataFrame:
    """About a share of the rows, people losing more or less of theirs, so that many are left with few."""
    rng = np.random.default_rng(7)
    person = pd.factorize(table.iloc[:, 0])[0]
    kept = np.minimum(1, share * rng.gamma(0.7, 1 / 0.7, person.max() + 1))
    return table[rng.random(len(table)) < kept[person]]


def generated(n_users: int = 30_000, n_items: int = 41_000, n_choices: int = 810_000) -> pd.DataFrame:
    """Choices whose popularity falls as a power, from 400 small circles of taste that users mix a few of."""
    rng = np.random.default_rng(3)
    popularity = (np.arange(n_items) + 20.0) ** -0.75
    n_circles = 400
    circle_of = rng.integers(0, n_circles, n_items)
    members = [np.flatnonzero(circle_of == circle) for circle in range(n_circles)]
    chances = [popularity[each] / popularity[each].sum() for each in members]
    weight = rng.lognormal(0, 0.9, n_users)
    counts = np.maximum(8, np.round(weight / weight.sum() * n_choices * 1.25)).astype(int)
    everywhere = popularity / popularity.sum()
    users, items = [], []
    for user, count in enumerate(counts):
        tastes = rng.choice(n_circles, 4, replace=False)
        split = rng.multinomial(count, [0.3, *(0.7 * rng.dirichlet(np.ones(4)))])
        found = [rng.choice(n_items, split[0], p=everywhere)]
        found += [rng.choice(members[c], n, p=chances[c]) for c, n in zip(tastes, split[1:], strict=True)]
        chosen = np.unique(np.concatenate(found))
        users.append(np.full(len(chosen), user))
        items.append(chosen)
    table = pd.DataFrame({"user": np.concatenate(users), "item": np.concatenate(items)})
    return table.sample(min(n_choices, len(table)), random_state=0)


def validation_part(table: pd.DataFrame) -> tuple[csr_matrix, csr_matrix]:
    """The training part of a random 80/20 split, cut 80/20 again: what is learned from, and what is looked for."""
    shape = (table.user.max() + 1, table.item.max() + 1)
    order = np.random.RandomState(42).permutation(len(table))
    train = table.iloc[order[int(0.2 * len(table)) :]]
    order = np.random.RandomState(1).permutation(len(train))
    cut = int(0.2 * len(train))
    rest, held = (
        csr_matrix((np.ones(len(part)), (part.user, part.item)), shape)
        for part in (train.iloc[order[cut:]], train.iloc[order[:cut]])
    )
    known = np.asarray(rest.sum(axis=0)).ravel() > 0
    held = csr_matrix(held.multiply(known))
    held.eliminate_zeros()
    return rest, held


def choices_of(chosen: csr_matrix) -> ChoiceData:
    entries = chosen.tocoo()
    return ChoiceData(entries.row.astype(np.int32), entries.col.astype(np.int32), *chosen.shape)


class Lab:
    """One table: every candidate is judged as soon as it is learned."""

    def __init__(self, name: str) -> None:
        self.rest, self.held = validation_part(load(name))
        self.data = choices_of(self.rest)
        self.rows: list[dict[str, object]] = []
        self.name = name

    def note(self, candidate: str, scorer: object, cost: dict[str, float], n_factors: int | None = None) -> None:
        figures = judge(scorer, self.rest, self.held)  # type: ignore[arg-type]
        row = {"candidate": candidate, **{key: round(value, 4) for key, value in figures.items()}}
        self.rows.append({**row, **cost, "n_factors": n_factors})
        print(self.name, self.rows[-1], flush=True)

    def learn(self, candidate: str, solver: EASE | ChoiceALS | ChoiceBayes | ChoiceMix) -> None:
        took = Stopwatch()
        for epoch in solver.epochs(self.data):
            last = epoch
        model = last.model
        self.note(candidate, lambda users: model.scores(model.user_factors[users]), took.cost(), model.n_factors)

    def peers(self) -> None:
        best: dict[str, float] = {}

        def tried(candidate: str, learn: object, *settings: float) -> None:
            took = Stopwatch()
            scorer = learn(self.rest, *settings)  # type: ignore[operator]
            self.note(candidate, scorer, took.cost())
            best[candidate] = float(self.rows[-1]["ndcg@100"])  # type: ignore[arg-type]

        tried("most rated", most_rated)
        if self.data.n_items < 10_000:
            for reg in (30.0, 100.0, 300.0, 1000.0):
                tried(f"EASE peer, reg {reg:g}", ease, reg)
        if not is_implicit_installed():
            return
        found = {}
        for alpha in (1.0, 5.0, 20.0):
            for reg in (1.0, 10.0, 30.0, 100.0):
                label = f"implicit ALS, 64, reg {reg:g}, alpha {alpha:g}"
                tried(label, implicit_als, 64, reg, alpha)
                found[best[label]] = (reg, alpha)
        if self.data.n_items >= 10_000:
            reg, alpha = found[max(found)]
            for n_factors in (128, 256):
                tried(f"implicit ALS, {n_factors}, reg {reg:g}, alpha {alpha:g}", implicit_als, n_factors, reg, alpha)
        if self.data.n_choices < _LARGE:
            tried("implicit BPR, 64", bpr, 64, 0.01)

    def ours(self) -> None:
        self.learn("ChoiceMix", ChoiceMix())

    def parts(self) -> None:
        self.learn("ChoiceALS alone", ChoiceALS())
        if EASE().fits(self.data.n_items):
            self.learn("EASE alone", EASE())
        if self.data.n_choices < _LARGE:
            self.learn("ChoiceMix with ChoiceBayes", ChoiceMix(factors=ChoiceBayes()))


class Stopwatch:
    """What has been used since it was made: seconds on the clock, and of all processors together."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def cost(self) -> dict[str, float]:
        wall, cpu = self._began
        return {
            "seconds": round(time.perf_counter() - wall, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        }


def main() -> None:
    """Judge what the words ask for: tables, and `peers`, `ours` or `parts` (the learners that ours is made of)."""
    words = sys.argv[1:]
    for name in [each for each in words if each in TABLES] or TABLES:
        try:
            lab = Lab(name)
        except FileNotFoundError as missing:
            print(f"{name} is left out: {missing}", flush=True)
            continue
        halves = [each for each in ("peers", "ours", "parts") if each in words] or ["peers", "ours", "parts"]
        for half in halves:
            getattr(lab, half)()
        results = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
        n_users, n_items = lab.rest.shape
        fresh = {str(row["candidate"]) for row in lab.rows}
        kept = [row for row in results.get(name, {}).get("rows", []) if row["candidate"] not in fresh]
        rows = [*kept, *lab.rows]
        results[name] = {"n_users": n_users, "n_items": n_items, "n_choices": lab.rest.nnz, "rows": rows}
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
