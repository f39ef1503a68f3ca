"""Progress of a training on stderr: the library's table of epochs, or one line of a terminal that is rewritten.

Nobody reading stderr, or no room where it goes, is no reason to stop a training.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from penchant.cli.output import note

if TYPE_CHECKING:
    from penchant.fitting.fit import EpochRecord
    from penchant.solvers.choice_solver import ChoiceSolver
    from penchant.solvers.solver import Solver

__all__ = ["EpochCounter", "epoch_table"]


def epoch_table(solver: Solver | ChoiceSolver, *, and_choices: bool = False) -> Callable[[EpochRecord], None]:
    """What to call after each epoch: it prints a row of `epoch train_loss valid_loss time`.

    Args:
        solver: what is trained.
        and_choices: whether choices are learned after the last epoch, which takes a while (default False).
    """
    from penchant.fitting.fit import LEARNING_CHOICES, print_epoch

    if not solver.is_compiled():
        note("compiling the kernels for this machine (once; takes some seconds)")

    def row(record: EpochRecord) -> None:
        with suppress(OSError):
            print_epoch(record)
        if and_choices and record.epoch + 1 == getattr(solver, "n_epochs", None):
            note(LEARNING_CHOICES)

    return row


class EpochCounter:
    """Called after each epoch: counts on one line in a terminal, is silent elsewhere."""

    def __init__(self, n_epochs: object) -> None:
        self._of = f" of {n_epochs}" if isinstance(n_epochs, int) else ""

    def __call__(self, record: EpochRecord) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\repoch {record.epoch + 1}{self._of}\x1b[K")
            sys.stderr.flush()

    def close(self) -> None:
        """Wipe the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
