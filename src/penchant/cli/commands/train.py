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
from penchant.cli.solver_options import SOLVERS, build_solver
from penchant.cli.typed_ratings import RatingsArgument, read
from penchant.errors import ParameterError, SourceError
from penchant.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.data.ratings import Ratings, Split
    from penchant.evaluation.scorecard import Scorecard
    from penchant.recommender.recommender import Recommender
    from penchant.solvers.solver import Solver

__all__ = ["check_output", "train"]


_Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to save the recommender.")]
_Solver = Annotated[str, typer.Option("--solver", help=f"How to learn the model: {', '.join(SOLVERS)}.")]
_TestSize = Annotated[
    float,
    typer.Option(
        "--test-size", help="Share of the ratings held out to measure the error, drawn by --seed; 0 for none."
    ),
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
    solver: _Solver = "bayes",
    test_size: _TestSize = 0.2,
    refit: _Refit = True,
    as_json: JsonOption = False,
    reading: Mapping[str, object],
    hyper: Mapping[str, object],
) -> None:
    """Train a recommender on ratings and save it.

    First a share of the ratings is held out, to measure the error beside simple baselines on ratings that the
    training has not seen. Then the recommender that is saved is trained on all ratings, so that it knows everything
    and recommends nothing that was held out.

    Ctrl-C after the first epoch saves the recommender of the epochs so far, and ends with 130.
    """
    from penchant.fitting.fit import fit

    _check_seed(hyper.get("rng", 0))
    chosen = build_solver(solver, hyper)
    _check_share(test_size)
    check_output(output, ratings, reading.get("items"), reading.get("users"))
    data = read(ratings, reading)
    if test_size:
        result = _measure(_split(data, test_size, _seed(chosen)), chosen)
        if refit and not result.interrupted:
            result = _train_on_all(data, chosen, result)
    else:
        result = _Result(fit(data, chosen, progress=epoch_table(chosen)))
    result.recommender.save(output)
    if as_json:
        print_json(_as_json(data, result, output))
    else:
        _print(result, output)
    if result.interrupted:
        raise Interrupted(f"interrupted: {output} holds {result.kept}")


@dataclass(frozen=True)
class _Result:
    """A trained recommender, and how one that was trained alike did on held-out ratings."""

    recommender: "Recommender"
    card: "Scorecard | None" = None
    history: "pd.DataFrame | None" = None
    second_interrupted: bool = False

    @property
    def n_ratings(self) -> int:
        """How many ratings it was trained on."""
        return int(self._training["n_ratings"])

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training, the first or the one on all ratings."""
        return self.second_interrupted or self.recommender.interrupted

    @property
    def kept(self) -> str:
        """What is saved of a training that was interrupted."""
        if self.second_interrupted:
            return "the recommender that was measured, which has not seen the held-out ratings"
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


def _seed(solver: "Solver") -> int:
    """The seed of `--seed` also draws the ratings that are held out."""
    seed = getattr(solver, "rng", 0)
    return seed if isinstance(seed, int) else 0


def _split(data: "Ratings", test_size: float, seed: int) -> "Split[Ratings]":
    try:
        return data.split(test_size, rng=seed)
    except ParameterError as error:
        raise ParameterError(
            f"--test-size is {test_size:g}: of {counted(len(data), 'rating')} that leaves one part empty; "
            "use another share, or --test-size 0 to train on all of them and measure nothing"
        ) from error


def _measure(split: "Split[Ratings]", solver: "Solver") -> _Result:
    from penchant.fitting.fit import fit

    train_part, test_part = split
    note(f"held out: {len(test_part):,} of {len(train_part) + len(test_part):,} ratings", "")
    recommender = fit(train_part, solver, valid=test_part, progress=epoch_table(solver))
    card = recommender.evaluate(test_part)
    note(*(f"warning: {told}" for told in card.notes))
    return _Result(recommender, card, recommender.history)


def _train_on_all(data: "Ratings", solver: "Solver", measured: _Result) -> _Result:
    """The same training on all ratings; what was measured, if it is interrupted: that one is whole."""
    from penchant.fitting.fit import fit

    start, counter = time.perf_counter(), EpochCounter(getattr(solver, "n_epochs", None))
    try:
        result = replace(measured, recommender=fit(data, solver, progress=counter))
    finally:
        counter.close()
    if result.recommender.interrupted:
        return replace(measured, second_interrupted=True)
    note(f"trained once more on all {counted(len(data), 'rating')} in {time.perf_counter() - start:.2f} s", "")
    return result


def _as_json(data: "Ratings", result: _Result, output: str) -> dict[str, object]:
    history = result.recommender.history if result.history is None else result.history
    return {
        "file": output,
        "n_ratings": len(data),
        "n_users": data.n_users,
        "n_items": data.n_items,
        "rating_scale": data.rating_scale,
        "report": data.report.to_dict(),
        "solver": result.recommender.solver,
        "history": Table.from_frame(history).records(),
        "evaluation": None if result.card is None else result.card.to_dict(),
        "n_trained_on": result.n_ratings,
        "interrupted": result.interrupted,
    }


def _print(result: _Result, output: str) -> None:
    if result.card is not None:
        print_table(error_table(result.card))
        first, *more = about(result.card)
        print_lines(f"held out: {first}", *more, "")
    size = size_in_words(Path(output).stat().st_size)
    print_lines(f"saved {output} ({size}), trained on {counted(result.n_ratings, 'rating')}")
