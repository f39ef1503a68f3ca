"""How far fastai's validation losses lie apart when only the seed changes: what `collab_speed` judges ours by.

    PENCHANT_FASTAI_PYTHON=... python -m benchmarks.fastai_losses

The four set-ups of ml-100k, epoch by epoch, over five seeds of first weights and order, on one split: the spread of the
training itself. With each row once an epoch, and as fastai 2.8 is shipped, which draws rows with replacement (see
`collab_trainings.loaders`); the latter on five splits as well, seed s for the split and for the training, which are
those of `collab_speed`: `CollabDataLoaders.from_df(seed=s)` splits alike in both libraries.

One thread, which changes no loss beyond rounding. 40 minutes in all; a training that the results file has from the
same versions is not repeated, as losses depend on seeds alone, so a run that was broken off goes on where it was.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from benchmarks.collab_losses import AS_SHIPPED, FIVE_SPLITS, ONCE, ONE_SPLIT, Key, kept, spread
from benchmarks.collab_trainings import SETUPS
from benchmarks.fastai_peer import peer_versions, train, why_not, write_table
from benchmarks.reporting import environment, markdown, run, write_results

_GROUPS = ((ONCE, ONE_SPLIT), (AS_SHIPPED, ONE_SPLIT), (AS_SHIPPED, FIVE_SPLITS))


def main() -> None:
    """Train everything, print last losses, keep those of all epochs."""
    started = environment()
    if reason := why_not():
        sys.exit(f"nothing was measured: {reason}")
    peer = peer_versions()
    found = kept(peer)
    setups = [name for name, setup in SETUPS.items() if setup.data == "ml-100k"]
    with tempfile.TemporaryDirectory() as folder:
        ratings = write_table("ml-100k", Path(folder) / "ml-100k.csv")
        for (rows, seeds), setup in product(_GROUPS, setups):
            keys = [Key(rows, setup, *pair) for pair in seeds]
            if missing := [key for key in keys if key not in found]:
                found |= {key: _losses(key, ratings) for key in missing}
                write_results("fastai_losses", {"peer": peer, **_results(found)}, started)
    print(markdown(["last validation loss", "rows", "splits", "median", "lowest", "highest"], _shown(found, setups)))


def _losses(key: Key, ratings: Path) -> list[float]:
    as_shipped = key.rows == AS_SHIPPED
    seeds = {"split_seed": key.split_seed, "seed": key.seed}
    losses = train("fastai", key.setup, ratings, **seeds, threads=1, as_shipped=as_shipped).valid_loss
    said = " ".join(f"{loss:.4f}" for loss in losses)
    print(f"{key.setup}, rows {key.rows}, split seed {key.split_seed}, seed {key.seed}: {said}", flush=True)
    return losses


def _results(found: dict[Key, list[float]]) -> dict[str, object]:
    return {"valid_loss_by_epoch": [{**key.to_dict(), "losses": losses} for key, losses in found.items()]}


def _shown(found: dict[Key, list[float]], setups: list[str]) -> list[list[object]]:
    rows: list[list[object]] = []
    for setup, (loader, seeds) in product(setups, _GROUPS):
        last = spread([found[Key(loader, setup, *pair)][-1] for pair in seeds])
        splits = len({split_seed for split_seed, _ in seeds})
        rows.append([SETUPS[setup].what, loader, splits, *(f"{loss:.4f}" for loss in last.values())])
    return rows


if __name__ == "__main__":
    run(main)
