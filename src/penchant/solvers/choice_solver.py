"""ChoiceSolver protocol: hyper-parameters in the constructor, a model of choices after each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from penchant.models.choice.choice_model import ChoiceModel
    from penchant.solvers.choice.choice_data import ChoiceData
    from penchant.solvers.solver import Epoch

__all__ = ["ChoiceSolver", "LearnsChoices"]


@runtime_checkable
class ChoiceSolver(Protocol):
    """A frozen dataclass of hyper-parameters, as a `Solver` is, that learns who chose what.

    `name` is the word for it in the shell and in files. The same seed gives the same models, whatever the number of
    threads.
    """

    name: ClassVar[str]
    learns_choices: ClassVar[bool]

    @property
    def n_epochs(self) -> int:
        """How many epochs there will be, unless it stops early."""
        ...

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]: ...

    def is_compiled(self) -> bool:
        """Whether its kernels are compiled on this machine, so that the first epoch starts at once."""
        ...


class LearnsChoices:
    """Base of the solvers of choices: what tells them apart from the solvers of ratings, whose methods are the same."""

    learns_choices: ClassVar[bool] = True
