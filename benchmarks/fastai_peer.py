"""fastai's own trainings, the peer of `collab_speed`: run by another interpreter, whose path is in the environment.

fastai (https://docs.fast.ai/collab) needs many packages that penchant does not. So it gets an environment of its own,
and the variable PENCHANT_FASTAI_PYTHON says where its interpreter is; benchmarks/README.md has the commands. Both
libraries then run the same file, `collab_trainings.py`, each in processes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import penchant as pt
from penchant.errors import PenchantError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PeerError",
    "Training",
    "interpreter",
    "output_of",
    "peer_versions",
    "python_of",
    "train",
    "why_not",
    "write_table",
]

_VARIABLE = "PENCHANT_FASTAI_PYTHON"
_SCRIPT = Path(__file__).with_name("collab_trainings.py")


class PeerError(PenchantError):
    """A process of the comparison failed; the message has the last line of what it wrote."""


@dataclass(frozen=True)
class Training:
    """What one training gave.

    Attributes:
        library, setup: who trained, and what (a name of `collab_trainings.SETUPS`).
        split_seed, seed: of the split; of first weights and order.
        threads: of torch and numba.
        fit_seconds: the whole call of `fit`, compiling included.
        epoch_seconds, train_loss, valid_loss: of each epoch.
    """

    library: str
    setup: str
    split_seed: int
    seed: int
    threads: int
    fit_seconds: float
    epoch_seconds: list[float]
    train_loss: list[float]
    valid_loss: list[float]


def interpreter() -> str | None:
    """The Python that has fastai, from the environment; None where the variable is not set."""
    return os.environ.get(_VARIABLE) or None


def why_not() -> str | None:
    """Why fastai can't run here, in words; None where it can."""
    python = interpreter()
    if python is None:
        return f"{_VARIABLE} is not set: the path of a Python that has fastai (see benchmarks/README.md)"
    try:
        peer_versions()
    except (OSError, PeerError) as error:
        return f"{_VARIABLE} is {python}, which does not run fastai ({error})"
    return None


def python_of(library: str) -> str:
    """The interpreter that runs a library: that of the environment for fastai, this one for penchant."""
    return (interpreter() or "") if library == "fastai" else sys.executable


def peer_versions() -> dict[str, str]:
    """Versions of Python, fastai and what it computes with."""
    code = (
        "import json, platform; from importlib.metadata import version; "
        "print(json.dumps({'python': platform.python_version(), "
        "**{name: version(name) for name in ('fastai', 'torch', 'pandas', 'numpy')}}))"
    )
    return json.loads(output_of("versions", [python_of("fastai"), "-c", code]))


def write_table(name: str, path: Path) -> Path:
    """Write a MovieLens table as both libraries read it: the lecture's columns user, movie, rating, title."""
    ratings = pt.load_dataset(name)
    columns = {
        "user": ratings.users.ids[ratings.user_idx],
        "movie": ratings.items.ids[ratings.item_idx],
        "rating": ratings.rating.astype(np.int64),
        "title": ratings.titles()[ratings.item_idx],
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def train(
    library: str,
    setup: str,
    ratings: Path,
    *,
    split_seed: int,
    seed: int,
    threads: int,
    n_epochs: int = 0,
    as_shipped: bool = False,
) -> Training:
    """Train once, in a fresh process.

    Args:
        library: "fastai" or "penchant".
        setup: a name of `collab_trainings.SETUPS`.
        ratings: what `write_table` wrote.
        split_seed, seed, threads: see `Training`.
        n_epochs: 0 for those of the set-up.
        as_shipped: let fastai 2.8 draw rows with replacement, which is its default; otherwise its former loader gives
            each row once an epoch, as penchant does: see `collab_trainings.loaders`.

    Raises:
        PeerError: the process failed.
    """
    options = {"library": library, "ratings": ratings, "setup": setup, "epochs": n_epochs}
    options |= {"split-seed": split_seed, "seed": seed, "threads": threads}
    command = [python_of(library), "-P", str(_SCRIPT)]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command += ["--each-row-once"] if library == "fastai" and not as_shipped else []
    said = output_of(f"{library}, {setup}, seed {seed}", command, threads)
    return Training(**json.loads(said.splitlines()[-1]))


def output_of(what: str, command: Sequence[str], threads: int | None = None) -> str:
    """What a process prints.

    Args:
        what: names it in errors.
        command: its words.
        threads: how many it may use; None leaves that to it.

    Raises:
        PeerError: it failed.
    """
    limits = {} if threads is None else {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise PeerError(f"{what}: {said[-1]}")
    return done.stdout
