"""`penchant train`: read, hold out, fit, compare with the baselines, fit on everything, save."""

import glob
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.commands.evaluate import about, error_table
from penchant.cli.options import JsonOption
from penchant.cli.output import Interrupted, Table, note, print_json, print_lines, print_table, size_in_words
from penchant.cli.progress import EpochCounter, epoch_table
from penchant.cli.solver_options import CHOICE_SOLVERS, SOLVERS, build_choice_solver, build_solver
from penchant.cli.typed_ratings import RatingsArgument, read, read_choices
from penchant.errors import ParameterError, SourceError
from penchant.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.data.choices import Choices
    from penchant.data.ratings import Ratings, Split
    from penchant.evaluation.scorecard import Scorecard
    from penchant.fitting.fit import Progress
    from penchant.recommender.recommender import Recommender
    from penchant.solvers.choice_solver import ChoiceSolver
    from penchant.solvers.solver import Solver

__all__ = ["check_output", "train"]


_Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to save the recommender.")]
_STARS, _CHOICES = next(iter(SOLVERS)), next(iter(CHOICE_SOLVERS))
_Solver = Annotated[
    str | None,
    typer.Option(
        "--solver",
        help=f"How to learn: {', '.join(SOLVERS)}; with --choices-only {', '.join(CHOICE_SOLVERS)}.",
        show_default=f"{_STARS}; with --choices-only {_CHOICES}",
    ),
]
_AndChoices = Annotated[
    bool,
    typer.Option(
        "--choices/--no-choices",
        help="Beside the stars, learn who chose what: lists are then ordered by both. Without, by stars alone.",
    ),
]
_ChoicesOnly = Annotated[
    bool,
    typer.Option(
        "--choices-only",
        help="RATINGS is a table without stars (clicks, plays, purchases, likes), or its stars should not count: learn "
        "who chose what, and nothing else.",
    ),
]
_TestSize = Annotated[
    float,
    typer.Option("--test-size", help="Share of the ratings held out to measure with, drawn by --seed; 0 for none."),
]
_Refit = Annotated[
    bool,
    typer.Option(
        "--refit/--no-refit",
        help="After measuring, train once more on all ratings and save that (--refit), or save the recommender "
        "that was measured, which has not seen the held-out ratings (--no-refit).",
    ),
]


def train(
    ratings: RatingsArgument,
    output: _Output,
    *,
    solver: _Solver = None,
    choices: _AndChoices = True,
    choices_only: _ChoicesOnly = False,
    test_size: _TestSize = 0.2,
    refit: _Refit = True,
    as_json: JsonOption = False,
    reading: Mapping[str, object],
    hyper: Mapping[str, object],
) -> None:
    """Train a recommender on ratings and save it.

    Two things are learned: how people like things, and what they choose. Of clicks, plays or purchases, which have no
    stars, the second alone (--choices-only).

    First a share of the ratings is held out, to measure the error beside simple baselines on ratings that the
    training has not seen. Then the recommender that is saved is trained on all ratings, so that it knows everything
    and recommends nothing that was held out.

    Ctrl-C after the first epoch saves the recommender of the epochs so far, and ends with 130.
    """
    _check_seed(hyper.get("rng", 0))
    how = _how(solver, hyper, choices=choices, choices_only=choices_only)
    _check_share(test_size)
    check_output(output, ratings, reading.get("items"), reading.get("users"))
    data = read_choices(ratings, reading) if choices_only else read(ratings, reading)
    if test_size:
        result = _measure(_split(data, test_size, _seed(how.solver)), how)
        if refit and not result.interrupted:
            result = _train_on_all(data, how, result)
    else:
        result = _Result(how.fit(data, progress=how.table()))
    result.recommender.save(output)
    if as_json:
        print_json(_as_json(data, result, output))
    else:
        _print(result, output)
    if result.interrupted:
        lost = how.beside is not False and result.recommender.info()["choices"] is None
        raise Interrupted(f"interrupted: {output} holds {result.kept}{', without who chose what' if lost else ''}")


@dataclass(frozen=True)
class _How:
    """How to learn: from stars, with a solver of choices beside it (False for none), or from choices alone."""

    solver: "Solver | ChoiceSolver"
    beside: "ChoiceSolver | bool"

    def fit(
        self, part: "Ratings | Choices", valid: "Ratings | None" = None, progress: "Progress" = None
    ) -> "Recommender":
        from penchant.fitting.fit import fit

        beside = self.beside if self.solver_learns_stars else True
        return fit(part, self.solver, valid=valid, choices=beside, progress=progress)

    @property
    def solver_learns_stars(self) -> bool:
        """Whether it is a solver of ratings."""
        return not getattr(self.solver, "learns_choices", False)

    def table(self) -> "Progress":
        """The table of epochs."""
        return epoch_table(self.solver, and_choices=self.beside is not False)


def _how(solver: str | None, hyper: Mapping[str, object], *, choices: bool, choices_only: bool) -> _How:
    if choices_only:
        if not choices:
            raise ParameterError("--choices-only and --no-choices leave nothing to learn: leave one of them out")
        return _How(build_choice_solver(_CHOICES if solver is None else solver, hyper), False)
    stars = build_solver(_STARS if solver is None else solver, hyper)
    if not choices:
        return _How(stars, False)
    shared = {name: hyper[name] for name in ("rng", "n_threads") if name in hyper}
    return _How(stars, build_choice_solver(_CHOICES, shared))


@dataclass(frozen=True)
class _Result:
    """A trained recommender, and how one that was trained alike did on what was held out."""

    recommender: "Recommender"
    card: "Scorecard | None" = None
    history: "pd.DataFrame | None" = None
    second_interrupted: bool = False

    @property
    def n_rows(self) -> int:
        """How many ratings, or choices, it was trained on."""
        return int(self._training["n_ratings" if self.knows_stars else "n_choices"])

    @property
    def knows_stars(self) -> bool:
        """Whether it learned from ratings."""
        return self.recommender.model.knows_stars

    @property
    def noun(self) -> str:
        """What it learned from."""
        return "rating" if self.knows_stars else "choice"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training, the first or the one on everything."""
        return self.second_interrupted or self.recommender.interrupted

    @property
    def kept(self) -> str:
        """What is saved of a training that was interrupted."""
        if self.second_interrupted:
            return f"the recommender that was measured, which has not seen the held-out {self.noun}s"
        return f"the recommender as it was after {counted(len(self.recommender.history), 'epoch')}"

    @property
    def _training(self) -> Any:
        return self.recommender.info()["training"]


def _check_seed(seed: object) -> None:
    if isinstance(seed, int) and seed < 0:
        raise ParameterError(f"--seed is {seed}: use a whole number of at least 0")


def _check_share(test_size: float) -> None:
    if not 0 <= test_size < 1:
        raise ParameterError(f"--test-size is {test_size:g}: use a share of at least 0 and less than 1, such as 0.2")


def check_output(output: str, *sources: object, is_model: bool = True) -> None:
    """Find out now, and not after an hour of training, that the file can't be written.

    Args:
        output: where to.
        *sources: what is read: a file of that name would be replaced by what is made of it.
        is_model: whether a recommender is saved (default True): then the name may not end like another kind of file.
    """
    path = Path(output)
    if path.is_dir():
        raise SourceError(f"{output!r} is a folder: name a file in it, such as {str(path / 'model.penchant')!r}")
    if not path.parent.is_dir():
        raise SourceError(f"no folder {str(path.parent)!r} to save {path.name!r} in: make it first")
    if not os.access(path.parent, os.W_OK):
        raise SourceError(f"{output!r} can't be written: no right to write in the folder {str(path.parent)!r}")
    for source in sources:
        if isinstance(source, str) and _is_among(path, source):
            raise ParameterError(f"{output!r} is read here ({source!r}): save to another file")
    if is_model:
        from penchant.storage.targets import MODEL_SUFFIX, require_suffix

        require_suffix(output, (MODEL_SUFFIX,), "a recommender")


def _is_among(path: Path, source: str) -> bool:
    """Whether a file is what a source names: itself, by whatever way, or one of a pattern or a folder."""
    named = [source, *(glob.glob(source, recursive=True) if any(c in source for c in "*?[") else ())]  # noqa: PTH207
    if "://" in source:
        named = [source.removeprefix("file://")]
    target = os.path.realpath(path)
    return any(os.path.realpath(each) == target or _is_same(path, each) for each in named)


def _is_same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _seed(solver: "Solver | ChoiceSolver") -> int:
    """The seed of `--seed` also draws what is held out."""
    seed = getattr(getattr(solver, "factors", solver), "rng", 0)  # that of a mix is the seed of what it is made of
    return seed if isinstance(seed, int) else 0


def _split(data: "Ratings | Choices", test_size: float, seed: int) -> "Split[Any]":
    try:
        return data.split(test_size, rng=seed)
    except ParameterError as error:
        raise ParameterError(
            f"--test-size is {test_size:g}: of {counted(len(data), data.noun)} that leaves one part empty; "
            "use another share, or --test-size 0 to train on all of them and measure nothing"
        ) from error


def _measure(split: "Split[Any]", how: _How) -> _Result:
    train_part, test_part = split
    told = counted(len(train_part) + len(test_part), train_part.noun)
    note(f"held out: {len(test_part):,} of {told}", "")
    valid = test_part if train_part.noun == "rating" else None
    recommender = how.fit(train_part, valid, how.table())
    card = recommender.evaluate(test_part)
    note(*(f"warning: {told}" for told in card.notes))
    return _Result(recommender, card, recommender.history)


def _train_on_all(data: "Ratings | Choices", how: _How, measured: _Result) -> _Result:
    """The same training on everything; what was measured, if it is interrupted: that one is whole."""
    start, counter = time.perf_counter(), EpochCounter(getattr(how.solver, "n_epochs", None))
    try:
        result = replace(measured, recommender=how.fit(data, progress=counter))
    finally:
        counter.close()
    if result.recommender.interrupted:
        return replace(measured, second_interrupted=True)
    note(f"trained once more on all {counted(len(data), data.noun)} in {time.perf_counter() - start:.2f} s", "")
    return result


def _as_json(data: "Ratings | Choices", result: _Result, output: str) -> dict[str, object]:
    history = result.recommender.history if result.history is None else result.history
    scale = {"rating_scale": result.recommender.rating_scale} if result.knows_stars else {}
    return {
        "file": output,
        f"n_{result.noun}s": len(data),
        "n_users": data.n_users,
        "n_items": data.n_items,
        **scale,
        "report": data.report.to_dict(),
        "solver": result.recommender.solver,
        "choices": result.recommender.info()["choices"],
        "history": Table.from_frame(history).records(),
        "evaluation": None if result.card is None else result.card.to_dict(),
        "n_trained_on": result.n_rows,
        "interrupted": result.interrupted,
    }


def _print(result: _Result, output: str) -> None:
    if result.card is not None:
        print_table(error_table(result.card))
        first, *more = about(result.card)
        print_lines(f"held out: {first}", *more, "")
    size = size_in_words(Path(output).stat().st_size)
    print_lines(f"saved {output} ({size}), trained on {counted(result.n_rows, result.noun)}")
