"""Whether two libraries that train the same model end at the same loss, as far as one of them agrees with itself."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.fastai_peer import Training

__all__ = ["AS_SHIPPED", "FIVE_SPLITS", "ONCE", "ONE_SPLIT", "SEEDS", "Key", "compared", "kept", "spread"]

_KEPT = Path(__file__).parent / "results" / "fastai_losses.json"

SEEDS = (0, 1, 2, 3, 4)
ONCE, AS_SHIPPED = "once", "with replacement"  # how fastai takes the rows of an epoch

# Seeds of split and training.
ONE_SPLIT = tuple((42, seed) for seed in SEEDS)
FIVE_SPLITS = tuple((seed, seed) for seed in SEEDS)


@dataclass(frozen=True)
class Key:
    """What a loss of fastai depends on.

    Attributes:
        rows: how an epoch takes them, `ONCE` or `AS_SHIPPED`.
        setup: a name of `collab_trainings.SETUPS`.
        split_seed, seed: of the split; of first weights and order.
    """

    rows: str
    setup: str
    split_seed: int
    seed: int

    def to_dict(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def kept(peer: Mapping[str, str]) -> dict[Key, list[float]]:
    """Validation losses by epoch that `fastai_losses` has kept.

    Args:
        peer: versions; losses of others are left out.
    """
    if not _KEPT.is_file():
        return {}
    results = json.loads(_KEPT.read_text(encoding="utf-8"))["results"]
    rows = results["valid_loss_by_epoch"] if results["peer"] == peer else []
    return {Key(**{name: row[name] for name in Key.__annotations__}): row["losses"] for row in rows}


def spread(losses: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    found = {"median": statistics.median(losses), "min": min(losses), "max": max(losses)}
    return {name: round(value, 6) for name, value in found.items()}


def compared(
    theirs: Sequence[Training], ours: Sequence[Training], before: Mapping[Key, list[float]]
) -> dict[str, object]:
    """The last validation losses of both, and of pairs on the same split.

    They agree if our median is no higher than fastai's highest, and the median difference on the same split is at
    most the spread on one split, of five trainings of fastai. The first alone says little: splits differ more from
    each other than trainings on one do. The second sees a shift of some two standard deviations of one training; of
    libraries that are equal, it refuses one in sixty. Of fewer seeds nothing is said.

    Args:
        theirs, ours: trainings of fastai and penchant, seed by seed.
        before: what `kept` has; without the five trainings on one split, there is no second condition.
    """
    last = {"fastai": [one.valid_loss[-1] for one in theirs], "penchant": [one.valid_loss[-1] for one in ours]}
    differences = [mine - peer for peer, mine in zip(last["fastai"], last["penchant"], strict=True)]
    found = {name: spread(losses) for name, losses in {**last, "difference": differences}.items()}
    setup = theirs[0].setup
    one_split = _last(before, ONCE, setup, ONE_SPLIT)
    within = found["penchant"]["median"] <= found["fastai"]["max"] if len(ours) == len(SEEDS) else None
    if within and one_split is not None:
        within = found["difference"]["median"] <= one_split["max"] - one_split["min"]
    return {
        **found,
        "fastai_on_one_split": one_split,
        "fastai_as_shipped": _last(before, AS_SHIPPED, setup, FIVE_SPLITS),
        "within": within,
    }


def _last(
    before: Mapping[Key, list[float]], rows: str, setup: str, seeds: Sequence[tuple[int, int]]
) -> dict[str, float] | None:
    """Median, lowest and highest last loss of trainings, None unless all of them have been kept."""
    keys = [Key(rows, setup, *pair) for pair in seeds]
    return spread([before[key][-1] for key in keys]) if all(key in before for key in keys) else None
