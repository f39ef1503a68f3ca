"""How fast `penchant.collab` trains beside fastai itself: the same calls, ratings, splits and seeds, in one run.

    PENCHANT_FASTAI_PYTHON=... python -m benchmarks.collab_speed [--trial] [--seeds 5] [--setups lecture_dot ...]

Needs MovieLens-100k and -1M. Targets (quiet, on two cores; ratios of seconds an epoch): at least 60 times as fast with
the lecture's dot model (10 factors), 25 with the book's (50 factors), 10 with the lecture's neural model, 5 with the
book's own module, 50 with the dot model on ml-1m; validation losses within fastai's own spread over five seeds; and
`from penchant.collab import *` in under half the time.

Each training has a process of its own, fastai's and ours in turn, one pair a seed. The seed is that of the split, too,
which is the same in both libraries, so that losses are compared split by split. fastai gets each row once an epoch, as
penchant does: as shipped, 2.8 draws rows with replacement and loses by it (see `collab_trainings.loaders`). It gets
the number of threads with which it is faster. The first epoch of a training carries what happens once and is not
counted as an epoch; the whole call of `fit` has it and is shown beside.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.collab_losses import SEEDS, compared, kept
from benchmarks.collab_trainings import SETUPS
from benchmarks.fastai_peer import Training, output_of, peer_versions, python_of, train, why_not, write_table
from benchmarks.reporting import environment, markdown, run, write_results
from penchant.kernels.parallel import available_threads

_TARGETS = {"lecture_dot": 60.0, "book_dot": 25.0, "lecture_neural": 10.0, "book_module": 5.0, "ml1m_dot": 50.0}
_IMPORT_TARGET = 0.5
_IMPORT = "import time; t = time.perf_counter(); from {}.collab import *; print(time.perf_counter() - t)"
_IMPORT_ROUNDS = 7
_IN_WORDS = {True: "yes", False: "no", None: "-"}


@dataclass(frozen=True)
class Plan:
    """What is compared, and how much of it.

    Attributes:
        libraries: fastai before penchant, or penchant alone.
        folder: of the tables of ratings.
        n_threads: of penchant; fastai has as many or one, whichever is faster.
        seeds: a round each.
        n_epochs: 0 for those of each set-up.
    """

    libraries: tuple[str, ...]
    folder: Path
    n_threads: int
    seeds: tuple[int, ...]
    n_epochs: int

    def train(self, library: str, setup: str, *, seed: int, threads: int, n_epochs: int = 0) -> Training:
        """Train once, in a fresh process, on the split of that seed."""
        ratings = self.folder / SETUPS[setup].data
        n_epochs = n_epochs or self.n_epochs
        return train(library, setup, ratings, split_seed=seed, seed=seed, threads=threads, n_epochs=n_epochs)


def main() -> None:
    """Time imports and trainings, print tables, keep the numbers."""
    started = environment()
    options = _options()
    trial, setups = options.trial, options.setups
    reason = why_not()
    libraries = ("penchant",) if reason else ("fastai", "penchant")
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(libraries, Path(folder), min(2, available_threads()), SEEDS[: options.seeds], 2 * trial)
        for data in sorted({SETUPS[setup].data for setup in setups}):
            write_table(data, plan.folder / data)
        results: dict[str, object] = {"peer": None if reason else peer_versions()}
        results["import"] = imports(libraries, rounds=1 if trial else _IMPORT_ROUNDS)
        rows = [side_by_side(plan, setup) for setup in setups]
    _show(rows)
    results |= {"seeds": options.seeds, "trainings": rows}
    if not reason:
        results["markdown"] = _in_short(rows).splitlines()
    if not trial:
        write_results("collab_speed", results, started)
    if reason:
        sys.exit(f"the comparison was left out: {reason}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.collab_speed", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--trial", action="store_true", help="one seed and two epochs of each; keeps no results")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), choices=range(1, len(SEEDS) + 1))
    parser.add_argument("--setups", nargs="+", default=list(SETUPS), choices=list(SETUPS))
    options = parser.parse_args()
    if options.trial:
        options.seeds = 1
        print("a trial: little of everything; the numbers mean nothing\n")
    return options


def _in_short(rows: list[dict[str, object]]) -> str:
    """The table of docs/coming-from-fastai.md."""
    head = ["what is trained", "fastai, s an epoch", "penchant, s an epoch", "times as fast", "seeds: least to most"]
    cells = []
    for row in rows:
        times = row["times_epoch"]
        spread = f"{times['min']:.0f} to {times['max']:.0f}"
        epochs = [f"{row[library]['epoch_s']['median']:.2f}" for library in ("fastai", "penchant")]
        cells.append([row["what"], *epochs, f"{times['median']:.0f}", spread])
    return markdown(head, cells)


def imports(libraries: tuple[str, ...], *, rounds: int) -> dict[str, object]:
    """Seconds of the star import in fresh processes, in turn; a first round, which fills caches, is not counted."""
    seconds: dict[str, list[float]] = {library: [] for library in libraries}
    for turn in range(-1, rounds):
        for library in libraries:
            spent = float(output_of(f"import of {library}", [python_of(library), "-P", "-c", _IMPORT.format(library)]))
            if turn >= 0:
                seconds[library].append(spent)
    found: dict[str, object] = {f"{library}_s": _of(times, 3) for library, times in seconds.items()}
    print("Star import of the module, in a fresh process:\n")
    print(markdown(["library", "median s"], [[name, f"{statistics.median(seconds[name]):.2f}"] for name in libraries]))
    if "fastai" in seconds:
        pairs = zip(seconds["penchant"], seconds["fastai"], strict=True)
        share = statistics.median(ours / theirs for ours, theirs in pairs)
        found |= {"penchant_share": round(share, 3), "target": _IMPORT_TARGET}
        print(f"\npenchant takes {share:.2f} of fastai's time (target: under {_IMPORT_TARGET})")
    print(flush=True)
    return found


def side_by_side(plan: Plan, setup: str) -> dict[str, object]:
    """Train one set-up with both libraries, a pair a seed; times, ratios and losses."""
    plan.train("penchant", setup, seed=plan.seeds[0], threads=plan.n_threads, n_epochs=1)  # compiles
    threads = {"penchant": plan.n_threads}
    if "fastai" in plan.libraries:
        threads["fastai"] = _faster_threads(plan, setup)
    trained: dict[str, list[Training]] = {library: [] for library in plan.libraries}
    for seed in plan.seeds:
        for library in plan.libraries:
            trained[library].append(plan.train(library, setup, seed=seed, threads=threads[library]))
        said = ", ".join(_said(library, runs[-1]) for library, runs in trained.items())
        print(f"{setup}, seed {seed}: {said}", flush=True)
    row: dict[str, object] = {"setup": setup, "what": SETUPS[setup].what, "target": _TARGETS[setup], "threads": threads}
    for library, runs in trained.items():
        row[library] = {
            "epoch_s": _of([epoch_seconds(one) for one in runs], 5),
            "fit_s": _of([one.fit_seconds for one in runs], 4),
            "valid_loss_by_seed": {one.seed: one.valid_loss for one in runs},
        }
    if "fastai" in trained:
        row |= _ratios(trained["fastai"], trained["penchant"])
        row["loss"] = compared(trained["fastai"], trained["penchant"], kept(peer_versions()))
    return row


def epoch_seconds(one: Training) -> float:
    """Median seconds of the epochs of a training after its first, which has compiling and the like in it."""
    return statistics.median(one.epoch_seconds[1:])


def _faster_threads(plan: Plan, setup: str) -> int:
    """With how many threads fastai trains faster: by two epochs of each, before any clock runs."""
    tried = {
        threads: epoch_seconds(plan.train("fastai", setup, seed=plan.seeds[0], threads=threads, n_epochs=2))
        for threads in sorted({1, plan.n_threads})
    }
    return min(tried, key=tried.__getitem__)


def _ratios(theirs: list[Training], ours: list[Training]) -> dict[str, object]:
    """How many times as long fastai takes: median, lowest and highest over neighbouring trainings."""
    pairs = list(zip(theirs, ours, strict=True))
    return {
        "times_epoch": _of([epoch_seconds(peer) / epoch_seconds(mine) for peer, mine in pairs], 2),
        "times_fit": _of([peer.fit_seconds / mine.fit_seconds for peer, mine in pairs], 2),
    }


def _of(values: list[float], digits: int) -> dict[str, float]:
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


def _said(library: str, one: Training) -> str:
    return f"{library} {epoch_seconds(one):.3f} s an epoch, valid loss {one.valid_loss[-1]:.4f}"


def _show(rows: list[dict[str, object]]) -> None:
    """Print the times, then the losses."""
    beside = "times_epoch" in rows[0]
    print("\nSeconds an epoch and of whole trainings, medians over seeds:\n")
    head = ["set-up", "fastai threads", "fastai s", "penchant s", "times", "target", "fastai fit s", "fit s", "times"]
    print(markdown(head, [_times(row) for row in rows]))
    if not beside:
        return
    print("\nValidation loss after the last epoch; the difference is ours minus fastai's on the same split:\n")
    head = ["set-up", "fastai", "its range", "penchant", "its range", "difference", "its range"]
    print(markdown([*head, "spread", "within", "as shipped"], [[row["what"], *_losses(row["loss"])] for row in rows]))
    print("\nspread: highest minus lowest of five trainings of fastai on one split, by benchmarks.fastai_losses")
    print("as shipped: fastai 2.8 with its default, which draws the rows of an epoch with replacement", flush=True)


def _times(row: dict[str, object]) -> list[object]:
    def cell(library: str, key: str) -> str:
        return f"{row[library][key]['median']:.3f}" if library in row else "-"

    def times(key: str) -> str:
        return f"{row[key]['median']:.1f}" if key in row else "-"

    threads = row["threads"].get("fastai", "-")
    epochs = [cell("fastai", "epoch_s"), cell("penchant", "epoch_s"), times("times_epoch"), f"{row['target']:g}"]
    return [row["what"], threads, *epochs, cell("fastai", "fit_s"), cell("penchant", "fit_s"), times("times_fit")]


def _losses(loss: dict[str, object]) -> list[str]:
    cells = []
    for name in ("fastai", "penchant", "difference"):
        sign = "+" if name == "difference" else ""
        found = loss[name]
        cells += [f"{found['median']:{sign}.4f}", f"{found['min']:{sign}.4f} to {found['max']:{sign}.4f}"]
    one_split, as_shipped = loss["fastai_on_one_split"], loss["fastai_as_shipped"]
    cells += [f"{one_split['max'] - one_split['min']:.4f}" if one_split else "-", _IN_WORDS[loss["within"]]]
    return [*cells, f"{as_shipped['median']:.4f}" if as_shipped else "-"]


if __name__ == "__main__":
    run(main)
